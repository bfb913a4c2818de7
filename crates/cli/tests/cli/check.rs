//! `exitless check`: verdicts, counterexamples and exit status.

use super::{exitless, run, stdout};
use serde_json::Value;

#[track_caller]
fn check(args: &[&str], status: i32) -> (String, String) {
    let output = run(&[&["check"], args].concat(), b"");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(status), "{args:?}: {out}{err}");
    (out, err)
}

const QUICK: [&str; 2] = ["--bound", "expiries=1"];

#[test]
fn a_preset_that_holds_says_within_what_bound() {
    let (out, _) = check(&["pinned-vs-offloaded", QUICK[0], QUICK[1]], 0);
    assert_eq!(out.matches("Holds: no interrupt is lost").count(), 2, "{out}");
    assert_eq!(out.matches("Bound: 1 expiry a vCPU, 1 vCPU, 2 stores a buffer.").count(), 2, "{out}");
}

#[test]
fn a_missing_rule_is_shown_by_the_shortest_run_and_played_again() {
    let args = ["--preset", "pinned-vs-offloaded", "--path", "posted", "--break", "b2"];
    let (out, _) = check(&args, 1);
    for expect in [
        "Without B2: the wait before a post (real in v1 to v3 of the series).",
        "Violated: vCPU 0: its handler started 1.000 µs before its deadline.",
        "The shortest run that shows it has ",
        "Time passes to 999.000 µs.",
        "What would have saved it: the wait before a post",
    ] {
        assert!(out.contains(expect), "{expect}:\n{out}");
    }
    let (link, text): (Vec<_>, Vec<_>) = out.lines().partition(|line| line.starts_with("To play it again"));
    assert!(text.iter().all(|line| line.chars().count() <= 80), "{out}");
    let link = link[0].rsplit(' ').next().expect("a link");
    let (again, _) = check(&[link], 1);
    let run = &out[out.find("   1 ").expect("a first move")..];
    assert!(again.ends_with(run), "{again}");
    let (_, err) = check(&[&link[..link.len() - 1]], 2);
    assert!(err.contains("damaged"), "{err}");
    let (_, err) = check(&[link, "--break", "B1"], 2);
    assert!(err.contains("brings its own"), "{err}");
}

#[test]
fn an_interrupt_that_is_lost_for_good_is_played_again_too() {
    let args = ["offload-without-posting", "--path", "not-posted", "--break", "B1", QUICK[0], QUICK[1]];
    let (out, _) = check(&args, 1);
    assert!(out.contains("its interrupt is lost: from here on"), "{out}");
    let link = out.trim_end().rsplit(' ').next().expect("a link");
    check(&[link], 1);
}

#[test]
fn json_has_the_verdict_and_the_moves() {
    let (out, _) = check(&["seed-2019", "--json", QUICK[0], QUICK[1]], 1);
    let paths: Vec<Value> = serde_json::from_str(&out).expect("JSON");
    let [pinned, posted] = &paths[..] else { panic!("{out}") };
    assert_eq!((&pinned["verdict"], &posted["verdict"]), (&"holds".into(), &"violated".into()));
    assert!(pinned["states"].as_u64() > Some(100) && pinned.get("counterexample").is_none());
    let moves = posted["counterexample"].as_array().expect("moves");
    assert!(moves.len() > 10, "{out}");
    assert_eq!((&moves[0]["rule"], &moves[0]["cpu"]), (&"A1".into(), &3.into()));
    assert_eq!(posted["bounds"]["expiries"], 1);
    assert!(posted["link"].as_str().is_some_and(|link| link.starts_with("c1.")));
}

#[test]
fn a_bound_that_is_too_large_is_no_proof_and_a_smaller_one_is_offered() {
    let args = ["pinned-vs-offloaded", "--path", "posted", "--bound", "expiries=2,states=1000"];
    let (out, _) = check(&args, 3);
    assert!(out.contains("This proves nothing."), "{out}");
    assert!(out.contains("The nearest bound that finishes: --bound expiries=1,vcpus=1,store-buffer=2"), "{out}");
    assert!(!out.contains("Holds"), "{out}");
}

#[test]
fn what_is_wrong_is_named() {
    for (args, expect) in [
        (
            &["--preset", "pinned-vs-offloaded", "--break", "B99"][..],
            "no fault is called \"B99\"; one or more of: B1,B2",
        ),
        (&["--preset", "pinned-vs-offloaded", "--bound", "vcpus=9"], "expiries=1..255"),
        (&["--preset", "pinned-vs-offloaded", "--bound", "expiries"], "\"expiries\" bounds nothing"),
        (&["--preset", "pinned-vs-offloaded", "--path", "x"], "no path is called \"x\""),
        (&["--preset", "pinned-vs-offloaded", "--path", "apic-timer-virtualization"], "vm.era"),
        (&["--all", "--break", "B1"], "--all with nothing but"),
        (&["c1.zzzz"], "damaged"),
        (&[], "nothing to check is named"),
    ] {
        let (out, err) = check(args, 2);
        assert!(err.contains(expect) && out.is_empty(), "{args:?}: {err}");
    }
}

#[test]
fn help_says_what_the_status_means() {
    let help = stdout(&["check", "--help"], b"");
    assert!(help.contains("3 if the bound was not exhausted"), "{help}");
    assert!(exitless(&["check", "--help"]).status().expect("it runs").success());
}
