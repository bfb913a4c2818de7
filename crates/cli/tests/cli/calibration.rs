//! `--calibrate`: a table in, costs that fit it out.

use crate::{json, run, stdout};
use serde_json::{Value, json as value};

/// Another machine's table, as perf would print it.
const TABLE: &str = "
Analyze events for all VMs, all VCPUs:

             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time

  EXTERNAL_INTERRUPT       6871     9.29%     2.96%      0.44us     57.88us      0.72us ( +-   4.02% )
           MSR_WRITE      36045    48.74%    50.10%      0.81us     16.09us      1.32us ( +-   0.31% )
                 HLT       1000     1.35%    46.94%      1.20us   4000.00us    800.00us ( +-   3.00% )

Total Samples:43916, Total events handled time:852526.52us.

Lost events: 7
";

const RUN: [&str; 7] = ["run", "pinned-vs-offloaded", "--expiries", "2000", "--calibrate", "-", "--json"];

#[track_caller]
fn near(found: &Value, expect: u64, tolerance: u64) {
    let found = found.as_u64().expect("a number");
    assert!(found.abs_diff(expect) <= tolerance, "{found} for {expect}");
}

#[test]
fn exits_take_the_tables_times() {
    let document = json(&RUN, TABLE.as_bytes());
    let calibration = &document["calibration"];
    assert_eq!(calibration["not_in_this_run"], value!(["HLT"]));
    assert_eq!((&calibration["lost"], &calibration["scope"]), (&value!(7), &value!("all VMs, all VCPUs")));
    for (reason, min, avg, max) in [("EXTERNAL_INTERRUPT", 440, 720, 57_880), ("MSR_WRITE", 810, 1_320, 16_090)] {
        let fits = calibration["fits"].as_array().expect("a list");
        let fit = fits.iter().find(|f| f["reason"] == reason).expect("a fit");
        assert_eq!(fit["table"]["max_ns"], max);
        near(&fit["model"]["min_ns"], min, min / 50);
        near(&fit["model"]["avg_ns"], avg, avg / 20);
        assert!(fit["model"]["max_ns"].as_u64().is_some_and(|ns| ns <= max && ns > max / 4), "{fit}");
        // The same figures where the run's own are.
        let exits = &document["paths"][0]["distributions"]["exit_to_entry_ns"][reason];
        assert_eq!((&exits["average"], &exits["min"]), (&fit["model"]["avg_ns"], &fit["model"]["min_ns"]));
    }
    let not_told = calibration["not_told"].as_array().expect("a list");
    assert!(not_told.contains(&value!("VM exit up to the first host code")), "{not_told:?}");
}

/// The costs that a run prints are the costs that a scenario carries.
#[test]
fn a_scenario_carries_them() {
    let document = json(&RUN, TABLE.as_bytes());
    let own = &document["costs"]["own"];
    let scenario = value!({
        "meta": { "title": "t", "question": "q?" },
        "host": {
            "topology": { "sockets": 1, "llcs": 1, "cores": 4, "smt": 1 },
            "nohz_full": [1, 2, 3],
            "housekeepers": [{ "cpu": 0, "load": "busy", "tick_phase_us": 400 }],
        },
        "vcpus": [{ "cpu": 3 }],
        "run": { "expiries": 2_000 },
        "costs": { "own": own },
    });
    let again = json(&["run", "-", "--json"], scenario.to_string().as_bytes());
    for path in 0..2 {
        assert_eq!(again["paths"][path]["ledger"], document["paths"][path]["ledger"]);
    }
    assert_eq!(&again["costs"]["own"], own);
    let text = stdout(&["run", "-"], scenario.to_string().as_bytes());
    assert!(text.contains("of these: fitted to standard input, a table of perf kvm stat."), "{text}");
}

#[test]
fn the_report_says_what_the_table_cannot_tell() {
    let text = stdout(&["run", "pinned-vs-offloaded", "--calibrate", "-"], TABLE.as_bytes());
    for part in [
        "Costs fitted to standard input (all VMs, all VCPUs)",
        "model, Pinned",
        "In the table, and not in this run: HLT.",
        "perf lost 7 events",
        "stays as the set has it, shares and assumptions: an instruction boundary",
        "HLT includes sleep, and an interrupt that was posted is in none.",
        "which one is assumed",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let row = text.lines().find(|l| l.starts_with("  EXTERNAL_INTERRUPT  table")).expect("the row");
    assert!(row.split_whitespace().skip(2).eq(["440", "ns", "720", "ns", "57.880", "µs"]), "{row}");
}

/// What the model prints is a table that it can be fitted to.
#[test]
fn there_and_back_as_text() {
    let args = ["run", "pinned-vs-offloaded", "--paths", "pinned", "--expiries", "3000"];
    let printed = stdout(&[args.as_slice(), &["--kvm-stat"]].concat(), b"");
    let document = json(&[args.as_slice(), &["--calibrate", "-", "--json"]].concat(), printed.as_bytes());
    let fits = document["calibration"]["fits"].as_array().expect("a list");
    assert_eq!(fits.len(), 2);
    for fit in fits {
        for key in ["min_ns", "avg_ns"] {
            let expect = fit["table"][key].as_u64().expect("a number");
            near(&fit["model"][key], expect, 10 + expect / 50);
        }
    }
}

#[track_caller]
fn refused(args: &[&str], input: &[u8], parts: &[&str]) {
    let output = run(args, input);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(output.stdout.is_empty() && message.trim_end().lines().count() == 1, "{message}");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn bad_tables() {
    let args = ["run", "pinned-vs-offloaded", "--calibrate", "-"];
    refused(&args, b"", &["standard input: the file is empty", "perf kvm stat report"]);
    refused(&args, TABLE.replace("0.44us", "0.44").as_bytes(), &["standard input: line 6", "Min Time"]);
    let hlt = "HLT 1000 1.35% 46.94% 1.20us 4000.00us 800.00us ( +- 3.00% )";
    refused(&args, hlt.as_bytes(), &["no cost of this run can be fitted", "it has HLT", "EXTERNAL_INTERRUPT"]);
    refused(&["run", "-", "--calibrate", "-"], TABLE.as_bytes(), &["--calibrate", "standard input can be read once"]);
    refused(&["run", "seed-2019", "--calibrate", "nowhere.txt"], b"", &["nowhere.txt", "a text file that can be read"]);
    refused(
        &["run", "seed-2019", "--calibrate", "-", "--expiries", "0"],
        TABLE.as_bytes(),
        &["--expiries", "run.expiries"],
    );
}
