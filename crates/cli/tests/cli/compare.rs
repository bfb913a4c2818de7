//! `exitless compare`: the model on the arms of a recording.

use crate::{json, recording, run, stdout};
use serde_json::Value;

/// A run of one path as ftrace text.
fn simulated(preset: &str, path: &str) -> String {
    stdout(&["run", "--preset", preset, "--paths", path, "--expiries", "40", "--ftrace"], b"")
}

fn count(value: &Value) -> (u64, u64) {
    let of = |key: &str| value[key].as_u64().expect("a number");
    (of("compared"), of("agree"))
}

/// Differences by cause and number.
fn causes(document: &Value) -> Vec<(String, u64)> {
    let of = |d: &Value| (d["cause"].as_str().expect("a cause").to_owned(), d["count"].as_u64().expect("a number"));
    document["differences"].as_array().expect("a list").iter().map(of).collect()
}

/// What is left out, in words.
fn left_out(document: &Value) -> Vec<(u64, String)> {
    let of = |d: &Value| (d["count"].as_u64().expect("a number"), d["what"].as_str().expect("words").to_owned());
    document["not_compared"].as_array().expect("a list").iter().map(of).collect()
}

/// The model agrees with what it printed itself, on the same host and on the one that is read out of the print: in every
/// tick's path, exit and outcome.
#[test]
fn a_simulated_run_agrees_in_every_tick() {
    for (preset, path) in [
        ("pinned-vs-offloaded", "pinned"),
        ("pinned-vs-offloaded", "posted"),
        ("pinned-vs-offloaded", "not-posted"),
        ("pinned-vs-offloaded", "no-apicv"),
        ("idle-housekeeper", "pinned"),
        ("idle-housekeeper", "posted"),
        ("seed-2019", "posted"),
        ("recorded-arms", "posted"),
        ("offload-without-posting", "not-posted"),
        ("blocked-vcpu", "posted"),
        ("blocked-vcpu", "pinned"),
        ("device-and-preemption", "posted"),
    ] {
        let text = simulated(preset, path);
        for more in [&[][..], &["--preset", preset, "--path", path]] {
            let document = json(&[&["compare", "-", "--json"], more].concat(), text.as_bytes());
            let at = format!("{preset} {path} {more:?}: {:?}", document["differences"]);
            let ticks = &document["ticks"];
            for aspect in [&ticks["path"], &ticks["exit"], &ticks["outcome"]] {
                let (compared, agree) = count(aspect);
                assert_eq!(compared, agree, "{at}");
                assert!(compared >= 39, "{at}");
            }
            assert_eq!(count(ticks), (40, 40), "{at}");
            assert_eq!(causes(&document), [], "{at}");
            assert_eq!(document["handlers"]["recording"], document["handlers"]["model"], "{at}");
        }
    }
}

/// A real guest that never halts on a host without APICv: every timer fires at home, and in the model as well.
#[test]
fn a_recording_that_agrees() {
    for (name, ticks, path) in [("deadline-busy", 200, "pinned"), ("deadline-halt", 400, "woken")] {
        let document = json(&["compare", &recording(name), "--json"], b"");
        assert_eq!(document["path"], "no-apicv");
        assert_eq!(count(&document["ticks"]), (ticks, ticks), "{name}");
        assert_eq!(count(&document["ticks"]["path"]), (ticks, ticks), "{name}");
        assert_eq!(count(&document["ticks"]["exit"]), (0, 0), "{name}");
        let handlers = &document["handlers"];
        assert_eq!((&handlers["recording"], &handlers["model"]), (&ticks.into(), &ticks.into()), "{name}");
        assert_eq!(left_out(&document), [(ticks, "exits: no kvm_exit is recorded".to_owned())]);
        // What is not compared is not agreed on by chance: the recording's paths are known.
        let summary = json(&["import", &recording(name), "--json"], b"");
        assert_eq!(summary["paths"][path], ticks);
        // The machine's figures are those that `import` has.
        assert_eq!(document["lateness_ns"]["recording"], summary["lateness_ns"]);
        assert_eq!(document["calibration"], Value::Null);
        assert!(document["costs"].as_str().is_some_and(|words| words.contains("no exits with their entries")));
    }
}

/// A periodic timer that expired again and again while its guest could not run; and a rival that the model does not have.
/// The recording has 52 coalesced ticks, four of them while another thread ran.
#[test]
fn a_recording_that_differs() {
    let document = json(&["compare", &recording("periodic-halt"), "--json"], b"");
    let summary = json(&["import", &recording("periodic-halt"), "--json"], b"");
    assert_eq!(summary["outcomes"]["coalesced"], 52);
    let of = |cause: &str| causes(&document).into_iter().find(|(name, _)| name == cause).map_or(0, |(_, n)| n);
    // One of the preempted was the one that waited.
    assert_eq!((of("coalesced"), of("preempted")), (49, 4));
    let (compared, agree) = count(&document["ticks"]["outcome"]);
    assert_eq!(compared - agree, 52);
    let list = document["differences"].as_array().expect("a list");
    let coalesced = list.iter().find(|d| d["cause"] == "coalesced").expect("a cause");
    let first = &coalesced["ticks"][0];
    assert_eq!(
        first["words"],
        format!(
            "tick {}: expected accepted (C1); the trace has coalesced (C2): it expired while the one before still waited, and \
             in the model nothing waited; tick 92 waited 3.571000 ms, as its vCPU's thread had been woken, and another one \
             ran on its CPU",
            first["tick"]
        )
    );
    // The line is one of an expiry.
    let text = std::fs::read_to_string(recording("periodic-halt")).expect("a recording");
    let line = first["line"].as_u64().expect("a line") as usize;
    assert!(
        text.lines().nth(line - 1).is_some_and(|l| l.contains("hrtimer_expire_entry") && l.contains("apic_timer_fn"))
    );
    // In the model, too, the timer is periodic, and restarts itself: nothing is armed in its place.
    assert!(!left_out(&document).iter().any(|(_, what)| what.contains("restarts of a periodic timer")));
    // Every difference is one of the two, and nothing else parts.
    assert_eq!((count(&document["ticks"]), causes(&document).len()), ((452, 399), 2));
    let words = |n: u64| coalesced["ticks"].as_array().expect("a list").iter().find(|d| d["tick"] == n).cloned();
    let late = words(267).expect("it differs")["words"].as_str().expect("words").to_owned();
    assert!(late.ends_with("; tick 266 expired 1.437342 ms late, and this one at once behind it"), "{late}");
}

/// A periodic timer of the model, printed and read back, is the same ticks as the model's.
#[test]
fn a_periodic_timer_agrees_in_every_tick() {
    let scenario = "[meta]\ntitle = \"Periodic\"\nquestion = \"\"\n[guest]\ntimer = \"periodic\"\nperiod_us = 250\nidle = \"hlt\"\n[[vcpus]]\ncpu = 1\n[run]\nexpiries = 30\n\
                    [host]\ntopology = { sockets = 1, llcs = 1, cores = 2, smt = 1 }\nnohz_full = [1]\nhousekeepers = [{ cpu = 0, load = \"busy\", tick_phase_us = 100 }]\n";
    for path in ["pinned", "posted"] {
        let text = stdout(&["run", "-", "--paths", path, "--ftrace"], scenario.as_bytes());
        let of = |what: &str| text.lines().filter(|line| line.contains(what)).count();
        assert_eq!(
            (of("msr_write 838 = 0x3d090"), of("apic_write APIC_TMICT = 0x3d090"), of("6e0")),
            (1, 1, 0),
            "{path}"
        );
        let summary = json(&["import", "-", "--json"], text.as_bytes());
        assert_eq!((&summary["arms"], &summary["restarts"]), (&1.into(), &summary["expiries"]), "{path}");
        let document = json(&["compare", "-", "--json"], text.as_bytes());
        assert_eq!(document["path"], path);
        assert_eq!(causes(&document), [], "{path}");
        let (compared, agree) = count(&document["ticks"]);
        assert!(compared == agree && compared >= 30, "{path}: {agree} of {compared}");
    }
}

/// The model is asked for a path that the machine did not take.
#[test]
fn an_exit_that_was_not_expected() {
    let text = simulated("idle-housekeeper", "posted");
    let args = ["compare", "-", "--preset", "pinned-vs-offloaded", "--path", "posted"];
    let document = json(&[&args[..], &["--json"]].concat(), text.as_bytes());
    assert_eq!(causes(&document), [("own-cpu".to_owned(), 40)]);
    let ticks = document["differences"][0]["ticks"].as_array().expect("a list");
    assert_eq!(ticks.len(), 40);
    let words = "expected no exit; the trace has EXTERNAL_INTERRUPT 0xec: the timer fired on the vCPU's own CPU";
    assert_eq!(ticks[16]["words"], format!("tick 17: {words}"));
    let report = stdout(&args, text.as_bytes());
    for line in [
        "Expected path: posted, because --path asks for it.",
        "Run on the preset pinned-vs-offloaded; its host is not the recording's.",
        "0 of 40 ticks agree in all that can be compared.",
        &format!("    tick 1: {words}"),
        "    and 37 more",
    ] {
        assert!(report.lines().any(|found| found == line), "{line:?} is not in:\n{report}");
    }
    assert!(report.contains("The model's times rest on assumed costs: the set skylake"), "{report}");
    let group = report.lines().find(|line| line.starts_with("  40 ticks: ")).expect("a group");
    assert!(group.contains("; lines ") && group.ends_with(", …"), "{group}");
    // On a real recording, whose exits are not shown, the paths are told.
    let document = json(&["compare", &recording("deadline-busy"), "--path", "posted", "--json"], b"");
    let (compared, agree) = count(&document["ticks"]["path"]);
    assert_eq!(compared, 200);
    assert_eq!(causes(&document), [("own-cpu".to_owned(), compared - agree)]);
    let words = document["differences"][0]["ticks"][0]["words"].as_str().expect("words");
    assert!(words.contains("expected posted (S5); the trace has pinned (S2)"), "{words}");
}

/// Costs are fitted to the exits that the recording has.
#[test]
fn exits_set_costs() {
    let text = simulated("pinned-vs-offloaded", "pinned");
    let document = json(&["compare", "-", "--json"], text.as_bytes());
    let fits = document["calibration"].as_array().expect("fits");
    let names: Vec<_> = fits.iter().map(|fit| fit["reason"].as_str().expect("a name")).collect();
    assert_eq!(names, ["MSR_WRITE", "EXTERNAL_INTERRUPT"]);
    // The same figures as `import` has for the file.
    let summary = json(&["import", "-", "--json"], text.as_bytes());
    for fit in fits {
        let exits = summary["exits"].as_array().expect("exits").iter();
        let exits = exits.clone().find(|exit| exit["reason"] == fit["reason"]).expect("a reason");
        assert_eq!(fit["samples"], exits["count"]);
        assert_eq!(
            (&fit["min_ns"], &fit["max_ns"]),
            (&exits["exit_to_entry_ns"]["min"], &exits["exit_to_entry_ns"]["max"])
        );
        assert!(fit["scaled"].as_array().is_some_and(|kinds| !kinds.is_empty()), "{fit}");
    }
    // A slower machine makes a slower model: each exit of the recording takes ten microseconds more.
    let slower: String = text.lines().map(|line| delayed(line) + "\n").collect();
    let slow = json(&["compare", "-", "--json"], slower.as_bytes());
    let late = |document: &Value| document["expiry_to_accept_ns"]["model"]["p50"].as_u64().expect("a number");
    assert!(late(&slow) > late(&document), "{} {}", late(&slow), late(&document));
    assert_eq!(causes(&slow), []);
}

/// The line of an entry, 10 µs later: between ticks nothing else happens in that time.
fn delayed(line: &str) -> String {
    let Some(at) = line.find(": kvm_entry:") else { return line.to_owned() };
    let from = line[..at].rfind(' ').map_or(0, |space| space + 1);
    let (seconds, ns) = line[from..at].split_once('.').expect("a time");
    let ns: u64 = ns.parse().expect("nanoseconds");
    format!("{}{seconds}.{:09}{}", &line[..from], ns + 10_000, &line[at..])
}

/// What a posted interrupt's arrival is, no recording shows.
#[test]
fn what_cannot_be_compared_is_said() {
    let text = simulated("pinned-vs-offloaded", "posted");
    let document = json(&["compare", "-", "--json"], text.as_bytes());
    let arrivals = left_out(&document).into_iter().find(|(_, what)| what.contains("(N1)"));
    assert_eq!(arrivals, Some((40, "arrivals of posted notifications: no line shows them (N1)".to_owned())));
    // Lost events make ticks undecided.
    let lines: Vec<_> = text.lines().collect();
    let middle = lines.len() / 2;
    let cut = [&lines[..middle], &["CPU:0 [LOST 3 EVENTS]"], &lines[middle..]].concat().join("\n");
    let document = json(&["compare", "-", "--json"], cut.as_bytes());
    let left = left_out(&document);
    assert!(left.iter().any(|(_, what)| what == "paths: events are missing (U1)"), "{left:?}");
    assert!(left.contains(&(1, "places where events were lost".to_owned())), "{left:?}");
    assert_eq!(causes(&document), []);
}

#[track_caller]
fn refused(args: &[&str], input: &[u8], parts: &[&str]) {
    let output = run(args, input);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(output.stdout.is_empty(), "{args:?}");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

/// The same messages as for `import`.
#[test]
fn wrong_files() {
    let compare = ["compare", "-"];
    refused(&compare, b"", &["standard input: the file is empty"]);
    refused(&compare, b"\0\x01PERFILE2", &["is not text", "perf script"]);
    refused(&compare, b"hello\nworld\n", &["line 1: not a line of a recording"]);
    refused(&compare, b"vmm 9 [001] 2.000010: sched:sched_waking: comm=a pid=1\n", &["none of KVM", "perf record"]);
    refused(
        &compare,
        b"vmm 9 [001] 2.000010: kvm:kvm_entry: vcpu 0\n",
        &["no vCPU arms a timer", "timer:hrtimer_start"],
    );
    refused(&["compare", "nowhere.txt"], b"", &["nowhere.txt", "a text file that can be read"]);
    let text = simulated("pinned-vs-offloaded", "pinned");
    refused(&["compare", "-", "--vcpu", "7"], text.as_bytes(), &["--vcpu", "thread 7 arms no timer", "1000 ("]);
    refused(&["compare", "-", "--preset", "nothing"], text.as_bytes(), &["--preset", "pinned-vs-offloaded"]);
    refused(&["compare", "-", "--path", "sideways"], text.as_bytes(), &["--path", "posted"]);
    refused(&["compare", "-", "--path", "apic-timer-virtualization"], text.as_bytes(), &["--path", "vm.era"]);
    let hv = simulated("preemption-timer", "preemption-timer");
    refused(&compare, hv.as_bytes(), &["the preemption timer kept every deadline"]);
}
