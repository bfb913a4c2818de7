//! What a scenario may say: every refusal names the key, what is wrong and what would be valid.

use apic_core::link::{self, Link};
use apic_core::run::Compare;
use apic_core::scenario::Scenario;

const GOOD: &str = r#"
[meta]
title = "t"
question = "q?"

[host]
topology = { sockets = 1, llcs = 1, cores = 4, smt = 1 }
nohz_full = [1, 2, 3]
housekeepers = [{ cpu = 0, load = "busy" }]

[[vcpus]]
cpu = 3
"#;

/// `change` replaces its first text by its second, or appends the second where the first is empty.
#[track_caller]
fn check(change: (&str, &str), expect: &[&str]) {
    let (from, to) = change;
    assert!(GOOD.contains(from), "the test's text is gone: {from}");
    let text = if from.is_empty() { format!("{GOOD}\n{to}") } else { GOOD.replace(from, to) };
    let error = Scenario::from_toml(&text).expect_err("it cannot be run").to_string();
    for words in expect {
        assert!(error.contains(words), "{error:?} lacks {words:?}");
    }
}

#[test]
fn the_plain_one_is_accepted_in_both_forms() {
    let scenario = Scenario::from_text(GOOD).expect("valid");
    let json = serde_json::to_string(&scenario).expect("serialises");
    assert_eq!(Scenario::from_text(&json), Ok(scenario));
}

#[test]
fn placement() {
    check(("cpu = 3\n", "cpu = 9\n"), &["vcpus[0].cpu", "no CPU 9", "0 to 3"]);
    check(("", "[[vcpus]]\ncpu = 3"), &["vcpus[1].cpu", "already runs vCPU 0", "a free core: 1, 2"]);
    check(("cpu = 3\n", "cpu = 0\n"), &["vcpus[0].cpu", "housekeeper with a load", "a free core: 1, 2, 3"]);
    check(("[[vcpus]]\ncpu = 3", "vcpus = []\n[costs]"), &["vcpus"]);
}

#[test]
fn host() {
    check(
        ("nohz_full = [1, 2, 3]", "nohz_full = [0, 1, 2, 3]"),
        &["host.nohz_full", "at least one CPU must keep house"],
    );
    check(("nohz_full = [1, 2, 3]", "nohz_full = [1, 7]"), &["host.nohz_full[1]", "no CPU 7", "0 to 3"]);
    check(("nohz_full = [1, 2, 3]", "nohz_full = [0]"), &["host.housekeepers[0].cpu", "isolated", "1, 2, 3"]);
    check(("cores = 4", "cores = 0"), &["host.topology.cores", "0 is out of range", "1 to 256"]);
    check(("cores = 4", "cores = 65535"), &["host.topology.cores", "1 to 256"]);
    check(("sockets = 1", "sockets = 256"), &["host.topology", "1024", "1 to 256"]);
    check(("load = \"busy\"", "load = \"sleepy\""), &["host.housekeepers[0].load", "sleepy", "busy"]);
    check(
        ("load = \"busy\"", "load = { bursts = { busy_us = 0, idle_us = 5 } }"),
        &["host.housekeepers[0].load.bursts.busy_us", "1 to"],
    );
    check(("nohz_full = [1", "hz = 50\nnohz_full = [1"), &["host.hz", "100, 250, 300 or 1000"]);
    check(("nohz_full = [1", "tsc_khz = 0\nnohz_full = [1"), &["host.tsc_khz", "100000 to 10000000"]);
}

#[test]
fn guest_and_vm() {
    check(("", "[guest]\nperiod_us = 0"), &["guest.period_us", "0 is out of range", "1 to"]);
    check(("", "[guest]\nvector = 15"), &["guest.vector", "16 to 255"]);
    check(("", "[guest]\nvector = 300"), &["guest.vector"]);
    check(("", "[vm]\nrules = { kicks = false }"), &["vm.rules", "kicks", "kick", "posting_reads_mode"]);
    check(("", "[vm]\nera = \"2.6\""), &["vm.era", "2.6", "seed-2019"]);
    check(("", "[vm]\nera = \"seed-2019\""), &["vm.mwait_in_guest", "mwait_in_guest = true"]);
    check(
        ("", "[guest]\narms = [{ at_ns = 9, deadline_ns = 20 }, { at_ns = 5, deadline_ns = 30 }]"),
        &["guest.arms[1].at_ns", "9 or later"],
    );
}

#[test]
fn moves_and_rivals() {
    check(("", "[[moves]]\nvcpu = 1\nat_us = 5\ncpu = 2"), &["moves[0].vcpu", "0 to 0"]);
    check(("", "[[moves]]\nvcpu = 0\nat_us = 5\ncpu = 0"), &["moves[0].cpu", "somebody else", "a free core"]);
    let twice = "[[moves]]\nvcpu = 0\nat_us = 5\ncpu = 2\n[[moves]]\nvcpu = 0\nat_us = 5\ncpu = 1";
    check(("", twice), &["moves[1].at_us", "a later time"]);
    let rival = "cpu = 3\nrival = { period_us = 50, for_us = 50 }\n";
    check(("cpu = 3\n", rival), &["vcpus[0].rival.for_us", "1 to 49"]);
    check(
        ("", "[guest]\ntimer = \"periodic\"\narms = [{ at_ns = 1, deadline_ns = 2 }]"),
        &["guest.arms", "tsc-deadline"],
    );
    check(("", "[guest]\ntimer = \"one-shot\"\nperiod_us = 5000000"), &["guest.period_us", "4294967"]);
}

#[test]
fn run_and_costs() {
    check(("", "[run]\nexpiries = 0"), &["run.expiries", "1 to"]);
    check(("", "[run]\npaths = []"), &["run.paths", "1 to 8"]);
    check(("", "[run]\npaths = [\"pinned\", \"pinned\"]"), &["run.paths[1]", "each path once"]);
    check(("", "[run]\npaths = [\"direct\"]"), &["run.paths[0]", "direct", "pinned"]);
    let run = |path: &str, vm: &str| format!("[run]\npaths = [\"{path}\"]\n[vm]\n{vm}");
    check(("", &run("apic-timer-virtualization", "")), &["vm.era", "proposed", "2026"]);
    check(("", &run("preemption-timer", "era = \"4.7\"")), &["vm.era", "4.7", "hv_timer = true"]);
    check(("", &run("preemption-timer", "mwait_in_guest = true")), &["vm.mwait_in_guest", "C-states", "false"]);
    check(("", &run("preemption-timer", "vendor = \"svm\"")), &["vm.vendor", "AMD", "vmx"]);
    check(("", &run("avic", "apicv = false")), &["vm.apicv", "AVIC", "true"]);
    check(("", "[costs]\nset = \"486\""), &["costs.set", "486", "skylake"]);
}

/// One's own costs are validated key by key.
#[test]
fn own_costs() {
    let own = |costs: &str| format!("[costs.own]\nsource = \"mine\"\ncosts = [{costs}]");
    let check = |costs: &str, expect: &[&str]| check(("", &own(costs)), expect);
    let one = "{ kind = \"vm_exit\", min_ns = 1, max_ns = 9 }";
    check(&format!("{one}, {one}"), &["costs.own.costs[1].kind", "listed twice", "each kind once"]);
    check(
        "{ kind = \"vm_exit\", min_ns = 10, max_ns = 9 }",
        &["costs.own.costs[0].min_ns", "10 is out of range", "0 to 9"],
    );
    check("{ kind = \"vm_exit\", min_ns = 1, max_ns = 2000000000 }", &["costs.own.costs[0].max_ns", "0 to 1000000000"]);
    check("{ kind = \"sleep\", min_ns = 1, max_ns = 9 }", &["costs.own.costs[0].kind", "sleep", "vm_exit"]);
    let tail = |tail: &str| one.replace(" }", &format!(", tail = {{ {tail} }} }}"));
    check(&tail("max_ns = 9, one_in = 5"), &["costs.own.costs[0].tail.max_ns", "9 is out of range", "10 to"]);
    check(&tail("max_ns = 99, one_in = 1"), &["costs.own.costs[0].tail.one_in", "1 is out of range", "2 to"]);
    self::check(("", "[costs.own]\nsource = \" \"\ncosts = []"), &["costs.own.source", "where the costs come from"]);

    let scenario = Scenario::from_toml(&format!("{GOOD}\n{}", own(&tail("max_ns = 99, one_in = 7")))).expect("valid");
    let json = serde_json::to_string(&scenario).expect("serialises");
    assert_eq!(Scenario::from_json(&json).as_ref(), Ok(&scenario));
    // A link carries them too.
    let link = Link { scenario, preset: None, position: None, vcpu: 0, picks: Vec::new(), compare: Compare::default() };
    assert_eq!(link::decode(&link::encode(&link)), Ok(link));
}

#[test]
fn other_interrupts() {
    let with = |interrupts: &str| {
        format!("[guest]\nother_exits = {{ period_us = 9, handling_ns = 1, interrupts = {{ {interrupts} }} }}")
    };
    check(("", &with("per_mille = 0, handling_ns = 1")), &["guest.other_exits.interrupts.per_mille", "1 to 1000"]);
    check(
        ("", &with("per_mille = 9, handling_ns = 2000000000")),
        &["guest.other_exits.interrupts.handling_ns", "0 to"],
    );
}

#[test]
fn shape() {
    check(("", "[guest]\nperiod = 5"), &["guest.period", "unknown field", "period_us"]);
    check(("title = \"t\"", ""), &["meta", "missing field", "title"]);
    check(("cores = 4", "cores = \"four\""), &["host.topology.cores", "four"]);
    check(("[meta]", "[meta"), &["line 2"]);
    let e = Scenario::from_json("{\"meta\": 3}").expect_err("not a scenario").to_string();
    assert!(e.starts_with("meta"), "{e}");
    let e = Scenario::from_json("{").expect_err("cut").to_string();
    assert!(e.contains("line 1"), "{e}");
}
