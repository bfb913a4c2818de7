//! Recordings: their arms are all read, and run on both paths.

use crate::{json, recording, run, stdout};
use apic_core::scenario::preset;
use serde_json::Value;

/// Lines that contain `text`, counted without the reader.
fn count(name: &str, text: &str) -> usize {
    let file = std::fs::read_to_string(recording(name)).expect("a recording");
    file.lines().filter(|line| line.contains(text)).count()
}

#[track_caller]
fn check(name: &str, arms: usize) {
    let file = recording(name);
    let table = stdout(&["run", "--arms-from", &file], b"");
    assert!(table.lines().any(|line| line == format!("arms: {arms}")), "{table}");
    let document = json(&["run", "--arms-from", &file, "--json"], b"");
    assert_eq!(document["arms"], arms, "{name}");
    assert_eq!(document["recording"]["replayed"], arms, "{name}");
    let paths = document["paths"].as_array().expect("paths");
    assert_eq!(paths.iter().map(|p| &p["path"]).collect::<Vec<_>>(), ["pinned", "posted"]);
    for path in paths {
        assert_eq!(path["ledger"]["exits_arming"], arms, "{name}: {}", path["path"]);
        assert_eq!(path["ledger"]["handlers"], arms, "{name}: {}", path["path"]);
        assert_eq!(path["expiries"].as_array().map(Vec::len), Some(arms), "{name}: {}", path["path"]);
    }
}

#[test]
fn as_many_arms_as_deadlines_written() {
    for (name, arms) in [("deadline-busy", 200), ("deadline-halt", 400)] {
        assert_eq!(count(name, "msr_write 6e0"), arms);
        check(name, arms);
    }
}

#[test]
fn a_periodic_timer_is_armed_once() {
    assert_eq!(count("periodic-halt", "msr_write 6e0"), 0);
    assert_eq!(count("periodic-halt", "apic_write APIC_TMICT"), 1);
    check("periodic-halt", 1);
}

#[test]
fn fewer_expiries_and_another_base() {
    let file = recording("deadline-busy");
    let document = json(&["run", "idle-housekeeper", "--arms-from", &file, "--expiries", "3", "--json"], b"");
    assert_eq!(document["scenario"]["preset"], "idle-housekeeper");
    assert_eq!((&document["arms"], &document["paths"][1]["ledger"]["handlers"]), (&Value::from(200), &Value::from(3)));
    assert_eq!(document["paths"][1]["expiries"][2]["placement_rule"], "R3");
}

const TWO: &str = "\
vmm 8 [000] 2.000010: timer:hrtimer_start: hrtimer=0xa function=apic_timer_fn expires=1000001000 mode=0x8
vmm 8 [000] 2.000012: kvm:kvm_msr: msr_write 6e0 = 0x10
vmm 9 [001] 2.000015: timer:hrtimer_start: hrtimer=0xb function=apic_timer_fn expires=1000900000 mode=0x8
vmm 9 [001] 2.000016: kvm:kvm_msr: msr_write 6e0 = 0x11
vmm 8 [000] 2.000020: timer:hrtimer_expire_entry: hrtimer=0xa function=apic_timer_fn now=1000001500
vmm 8 [000] 2.000021: timer:hrtimer_expire_exit: hrtimer=0xa
vmm 9 [001] 2.000030: timer:hrtimer_start: hrtimer=0xb function=apic_timer_fn expires=1001000000 mode=0x8
vmm 9 [001] 2.000031: kvm:kvm_msr: msr_write 6e0 = 0x12
";

#[test]
fn of_several_vcpus_one_is_chosen() {
    let args = ["run", "--arms-from", "-", "--json"];
    for (more, part) in [(&[][..], "2 vCPU threads"), (&["--vcpu", "7"], "thread 7 arms no timer")] {
        let output = run(&[&args[..], more].concat(), TWO.as_bytes());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        for part in [part, "8 (1 arms)", "9 (2 arms)", "--vcpu"] {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    }
    let document = json(&[&args[..], &["--vcpu", "9"]].concat(), TWO.as_bytes());
    assert_eq!((&document["arms"], &document["recording"]["thread"]), (&Value::from(2), &Value::from(9)));
}

/// A guest that arms anew before its deadline comes has fewer handlers than arms; the run ends all the same.
#[test]
fn an_overwritten_deadline_has_no_handler() {
    let document = json(&["run", "--arms-from", "-", "--vcpu", "9", "--json"], TWO.as_bytes());
    for path in document["paths"].as_array().expect("paths") {
        assert_eq!(path["end"]["cut"], Value::Null);
        assert_eq!((&path["ledger"]["exits_arming"], &path["ledger"]["handlers"]), (&Value::from(2), &Value::from(1)));
    }
}

/// The preset's list is what the command prints, so that anybody can make it again.
#[test]
fn the_preset_is_the_beginning_of_a_recording() {
    let list = stdout(&["arms", "--first", "40", &recording("deadline-busy")], b"");
    let head = "[meta]\ntitle = \"\"\nquestion = \"\"\n[host]\nnohz_full = []\n\
        topology = { sockets = 1, llcs = 1, cores = 1, smt = 1 }\n[[vcpus]]\ncpu = 0\n";
    let read = apic_core::scenario::Scenario::from_toml(&format!("{head}{list}")).expect("a list that a scenario has");
    let shipped = preset("recorded-arms").expect("a preset");
    assert_eq!(read.guest.arms.len(), 40);
    assert_eq!(read.guest.arms, shipped.guest.arms);
    assert_eq!(json(&["run", "recorded-arms", "--json"], b"")["arms"], 40);
}
