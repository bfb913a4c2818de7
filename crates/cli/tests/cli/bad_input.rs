//! Bad input: what is wrong, where, and what is valid, with exit status 2; never a panic.

use crate::run;
use apic_core::link::{self, Link};
use apic_core::run::Compare;
use apic_core::scenario::preset;

/// It ends with status 2, prints nothing but a message on one line, and the message has all of `parts`.
#[track_caller]
fn check(args: &[&str], input: &[u8], parts: &[&str]) {
    let output = run(args, input);
    let message = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{args:?}: {message}");
    assert!(output.stdout.is_empty(), "{args:?} printed something");
    assert!(message.starts_with("exitless: ") && message.trim_end().lines().count() == 1, "{message:?}");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

/// The same for the parser of the command line, which may add lines of help.
#[track_caller]
fn check_usage(args: &[&str], parts: &[&str]) {
    let output = run(args, b"");
    let message = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{args:?}: {message}");
    assert!(message.starts_with("exitless: ") && output.stdout.is_empty(), "{args:?}: {message}");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

/// A valid scenario with something put at its end.
fn scenario(more: &str) -> Vec<u8> {
    let valid = "[meta]\ntitle = \"t\"\nquestion = \"q?\"\n\
        [host]\ntopology = { sockets = 1, llcs = 1, cores = 4, smt = 1 }\nnohz_full = [1, 2, 3]\n\
        [[vcpus]]\ncpu = 3\n";
    format!("{valid}{more}\n").into_bytes()
}

fn moment() -> String {
    let scenario = preset("idle-housekeeper").expect("a preset");
    link::encode(&Link {
        scenario,
        preset: Some("idle-housekeeper".to_owned()),
        position: Some(7),
        vcpu: 0,
        picks: vec![],
        compare: Compare::default(),
    })
}

#[test]
fn an_unknown_preset() {
    check(&["run", "--preset", "nope"], b"", &["--preset", "\"nope\"", "idle-housekeeper", "recorded-arms"]);
    check(&["run", "nope"], b"", &["\"nope\"", ".toml", "v3.", "idle-housekeeper"]);
    check(&["run", "#nope"], b"", &["link", "\"nope\"", "v4.", "idle-housekeeper"]);
}

#[test]
fn one_table_of_two_paths() {
    check(&["run", "idle-housekeeper", "--kvm-stat"], b"", &["--kvm-stat", "2 paths are 2 tables", "pinned, posted"]);
    check_usage(&["run", "idle-housekeeper", "--kvm-stat", "--json"], &["--kvm-stat", "--json"]);
}

#[test]
fn a_vcpu_on_a_missing_core() {
    check(&["run", "-"], &scenario("[[vcpus]]\ncpu = 9"), &["vcpus[1].cpu", "no CPU 9", "0 to 3"]);
}

#[test]
fn two_vcpus_on_one_isolated_core() {
    check(&["run", "-"], &scenario("[[vcpus]]\ncpu = 3"), &["vcpus[1].cpu", "CPU 3", "vCPU 0", "a free core: 0, 1, 2"]);
}

#[test]
fn a_zero_period() {
    check(
        &["run", "-"],
        &scenario("[guest]\nperiod_us = 0"),
        &["guest.period_us", "0 is out of range", "1 to 3600000000"],
    );
}

#[test]
fn an_unknown_key() {
    check(&["run", "-"], &scenario("[guest]\nperriod_us = 1"), &["guest.perriod_us", "unknown field", "`period_us`"]);
    check(&["run", "-"], br#"{"meta":{"titel":"t"}}"#, &["meta.titel", "`title`", "line 1"]);
}

#[test]
fn no_toml_and_no_json() {
    check(&["run", "-"], &scenario("[guest\nperiod_us = 1"), &["standard input: line 9"]);
    check(&["run", "-"], b"{\"meta\": }", &["line 1"]);
    check(&["run", "-"], b"\xff\xfe", &["standard input", "UTF-8", "text file"]);
    check(&["run", "-"], b"", &["missing field `meta`"]);
}

#[test]
fn files_that_cannot_be_read() {
    check(&["run", "no-such.toml"], b"", &["no-such.toml", "text file"]);
    check(&["run", "--arms-from", "no-such.txt"], b"", &["no-such.txt", "- for standard input"]);
    check(&["run", "--arms-from", "."], b"", &[".: line 1: the file could not be read"]);
}

#[test]
fn an_empty_recording() {
    for command in [&["run", "--arms-from", "-"][..], &["arms", "-"]] {
        check(command, b"", &["standard input: the file is empty", "perf script"]);
    }
}

#[test]
fn a_binary_recording() {
    check(&["run", "--arms-from", "-"], b"PERFILE2\0\0\0\0", &["line 1 is not text", "perf script"]);
    check(&["run", "--arms-from", "-"], b"\x7fELF\x02\xff\n", &["line 1 is not text"]);
    check(&["run", "--arms-from", "-"], b"hello\n", &["line 1: not a line of a recording", "msr_write 6e0"]);
}

/// A file that is no recording gives a message and nothing else, whatever it was to become.
#[test]
fn imports_of_what_is_no_recording() {
    let to = [&["import", "-"][..], &["import", "-", "--json"], &["import", "-", "--to", "csv"]];
    let more = [&["import", "-", "--to", "perfetto"][..], &["import", "-", "--to", "scenario"]];
    for command in to.iter().chain(&more) {
        check(command, b"", &["standard input: the file is empty", "perf script"]);
        check(command, b"PERFILE2\0\0\0\0", &["line 1 is not text", "perf script"]);
        check(command, b"hello\n", &["line 1: not a line of a recording"]);
        check(command, b"\x1f\x8bhello", &["standard input: line 1: the file could not be read"]);
        let other = b"bash 7 [001] 2.000030: sched:sched_waking: comm=x pid=1\n";
        check(command, other, &["none of KVM", "sched_waking", "perf record -a -e 'kvm:*'"]);
    }
    check(&["import", "no-such.txt"], b"", &["no-such.txt", "- for standard input"]);
    check(&["import", "-", "--vcpu", "9"], b"", &["--vcpu", "--to scenario"]);
    check_usage(&["import", "-", "--to", "vcd"], &["'vcd'", "scenario", "perfetto", "csv"]);
    check_usage(&["import"], &["FILE"]);
    check_usage(&["run", "idle-housekeeper", "--ftrace", "--json"], &["--ftrace", "--json"]);
    check(&["run", "idle-housekeeper", "--ftrace"], b"", &["--ftrace", "2 paths", "pinned, posted"]);
}

#[test]
fn a_damaged_link() {
    let whole = moment();
    let (head, tail) = whole.split_at(whole.len() - 8);
    let changed = format!("{head}{}{}", if tail.starts_with('A') { "B" } else { "A" }, &tail[1..]);
    for damaged in [&whole[..whole.len() - 1], &format!("{whole}A"), &changed, "v1.", "v1.AAAA", "#v1.%%%"] {
        check(&["run", damaged], b"", &["link", "damaged", "copy it again"]);
    }
}

#[test]
fn a_newer_link() {
    for newer in ["v5.abc", "#v6.abc", "https://example.org/#v4294967296.abc"] {
        check(&["run", newer], b"", &["link is of version", "up to 4", "newer Exitless"]);
    }
}

#[test]
fn an_impossible_scenario_in_a_link() {
    let mut scenario = preset("idle-housekeeper").expect("a preset");
    scenario.vcpus[0].cpu.0 = 9;
    let link = link::encode(&Link {
        scenario,
        preset: None,
        position: None,
        vcpu: 0,
        picks: vec![],
        compare: Compare::default(),
    });
    check(&["run", &link], b"", &["link", "vcpus[0].cpu", "0 to 3"]);
}

#[test]
fn values_on_the_command_line_name_their_option() {
    let preset = ["run", "--preset", "idle-housekeeper"];
    let with = |more: &[&'static str]| [&preset[..], more].concat();
    check(&with(&["--expiries", "0"]), b"", &["--expiries: run.expiries", "1 to 1000000"]);
    check(&with(&["--paths", "pinned,moved"]), b"", &["--paths", "\"moved\"", "pinned,posted"]);
    check(&with(&["--paths", "pinned,pinned"]), b"", &["--paths: run.paths[1]", "each path once"]);
    check(&with(&["--at", "noon"]), b"", &["--at", "\"noon\"", "end, opening, or a number"]);
    check(&["run", "-", "--arms-from", "-"], b"", &["--arms-from", "standard input", "a file for one"]);
    let busy = crate::recording("deadline-busy");
    let two = ["run", "--preset", "two-vcpus-one-housekeeper", "--arms-from", &busy];
    check(&two, b"", &["--arms-from: guest.arms", "one entry in vcpus"]);
}

#[test]
fn usage() {
    check(&["run"], b"", &["nothing to run", "--preset", "idle-housekeeper"]);
    check(
        &[],
        b"",
        &["no command is named", "run, render, check, apic, presets, arms, costs, import, compare or breakeven"],
    );
    check_usage(&["run", "--preset", "x", "scenario.toml"], &["cannot be used with"]);
    check_usage(&["run", "--json", "--events", "idle-housekeeper"], &["--events"]);
    check_usage(&["run", "--seed", "-1", "idle-housekeeper"], &["-1"]);
    check_usage(&["run", "--expiries", "many", "idle-housekeeper"], &["'many'", "--expiries", "a whole number"]);
    check_usage(&["run", "--vcpu", "9", "idle-housekeeper"], &["--arms-from"]);
    check_usage(&["runn"], &["'runn'", "run"]);
}

#[test]
fn what_cannot_be_rendered_says_what_can() {
    let name = "pinned-vs-offloaded";
    check(&["render", name], b"", &["--format", "svg, png, apng, txt, md, csv, perfetto, vcd, stat, card"]);
    check(&["render", name, "-o", "figure.gif"], b"", &["-o", "\"gif\"", "--format with one of: svg"]);
    check(&["render", "--format", "svg"], b"", &["nothing to run", "--preset", "idle-housekeeper"]);
    check(
        &["render", name, "--format", "svg", "--step", "9999"],
        b"",
        &["--step", "beats, and 9999 is beyond", "0 to "],
    );
    check(&["render", name, "--format", "svg", "--step", "two"], b"", &["--step", "\"two\"", "end, opening"]);
    check(&["render", name, "--format", "csv", "--range", "40"], b"", &["--range", "\"40\"", "0..40"]);
    check(&["render", name, "--format", "csv", "--range", "9..9"], b"", &["--range", "nothing lies", "from 0 to "]);
    check(&["render", name, "--format", "csv", "--range", "0..999"], b"", &["--range", "999 is beyond"]);
    check(&["render", name, "--format", "svg", "--range", "0..9"], b"", &["--range", "one moment", "--step"]);
    check(&["render", name, "--format", "stat", "--range", "5..9", "--paths", "pinned"], b"", &["--range", "0..9"]);
    check(&["render", name, "--format", "stat"], b"", &["--format stat", "2 paths", "pinned, posted"]);
    check(&["render", name, "--format", "csv", "--theme", "dark"], b"", &["--theme", "svg, png, apng or card"]);
    check(&["render", name, "--format", "md", "--scale", "2"], b"", &["--scale", "png or apng"]);
    check(&["render", name, "--format", "svg", "--paths", "up"], b"", &["--paths", "\"up\"", "pinned"]);
    let long = ["render", name, "--expiries", "100", "--format", "apng", "--range", ".."];
    check(&long, b"", &["--range", "frames", "at most 1999 beats"]);
    let large = ["render", name, "--format", "png", "--width", "4096", "--scale", "4", "--paths", "all"];
    check(&large, b"", &["--scale", "pixels", "smaller --width"]);
    check_usage(&["render", name, "--format", "gif"], &["'gif'", "svg", "perfetto"]);
    check_usage(&["render", name, "--format", "svg", "--theme", "blue"], &["'blue'", "light", "dark"]);
    check_usage(&["render", name, "--format", "svg", "--width", "12"], &["12", "340..=4096"]);
    check_usage(&["render", name, "--format", "csv", "--step", "1", "--range", "0..1"], &["--step", "--range"]);
}
