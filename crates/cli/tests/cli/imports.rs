//! `exitless import`: the summary, and what a recording is turned into.

use crate::{json, recording, run, stdout};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

/// A run of one path as ftrace text.
fn simulated(preset: &str, path: &str, expiries: &str) -> String {
    stdout(&["run", "--preset", preset, "--paths", path, "--expiries", expiries, "--ftrace"], b"")
}

/// The table, each row by column.
fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines();
    let head: Vec<_> = lines.next().expect("a head").split(',').collect();
    let row = |line: &str| {
        let cells: Vec<_> = line.split(',').collect();
        assert_eq!(cells.len(), head.len(), "{line}");
        head.iter().map(|name| (*name).to_owned()).zip(cells.into_iter().map(str::to_owned)).collect()
    };
    lines.map(row).collect()
}

/// The figures themselves are held by `kvm-trace/tests/figures.rs`.
#[test]
fn the_summary_of_a_recording() {
    let file = recording("deadline-busy");
    let document = json(&["import", &file, "--json"], b"");
    for (key, figure) in [
        ("arms", 200),
        ("expiries", 200),
        ("accepts", 200),
        ("eois", 400),
        ("unparsed", 0),
        ("lines", 3300),
        ("ticks", 200),
    ] {
        assert_eq!(document[key], figure, "{key}");
    }
    assert_eq!(document["events"]["kvm_msr"], 405);
    assert_eq!(document["paths"]["pinned"], 200);
    let late = &document["lateness_ns"];
    assert_eq!((&late["count"], &late["p50"], &late["p99"]), (&200.into(), &11_453.into(), &25_484.into()));
    let times = &document["latencies"]["arm_to_expiry_ns"];
    for (key, figure) in [
        ("count", 200),
        ("p50", 994_000),
        ("p90", 999_000),
        ("p99", 1_007_000),
        ("p99_9", 1_014_000),
        ("max", 1_014_000),
    ] {
        assert_eq!(times[key], figure, "{key}");
    }
    assert_eq!(document["latencies"]["accept_to_entry_ns"], Value::Null);
    let rules = document["rules"].as_array().expect("rules");
    assert!(rules.iter().any(|rule| rule["rule"] == "S2" && rule["times"] == 200 && rule["basis"] == "inferred"));

    let text = stdout(&["import", &file], b"");
    assert_eq!(text, stdout(&["import", &file, "--summary"], b""));
    for line in [
        "arms 200, expiries 200, accepts 200, EOIs 400",
        "  thread 8768 (stress)  vCPU 0  on CPU 1  moved 0 times  200 ticks  vector 0xec (V4)",
        "    pinned  200",
        "  S2  200  inferred  Pinned, by the thread",
    ] {
        assert!(text.lines().any(|found| found == line), "{line:?} is not in:\n{text}");
    }
}

#[test]
fn gzip_makes_no_difference() {
    let file = recording("deadline-halt");
    let bytes = std::fs::read(&file).expect("a recording");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&bytes).expect("to memory");
    let packed = packed.finish().expect("to memory");
    let of = |input: &[u8]| json(&["import", "-", "--json"], input);
    assert_eq!(of(&packed), of(&bytes));
    // Two members in one file, as `cat` makes them, are one recording after the other.
    assert_eq!(of(&[&packed[..], &packed].concat())["arms"], 800);
    // Arms are read from it as well.
    assert_eq!(stdout(&["arms", "-"], &packed), stdout(&["arms", "-"], &bytes));
    let cut = run(&["import", "-"], &packed[..packed.len() / 2]);
    let message = String::from_utf8_lossy(&cut.stderr).into_owned();
    assert_eq!(cut.status.code(), Some(2));
    assert!(message.contains("standard input: line ") && message.contains("could not be read"), "{message}");
}

/// What is missing is said, with its lines.
#[test]
fn what_is_missing_is_said() {
    let text = "vmm 9 [001] 2.000010: kvm:kvm_exit: vcpu 0 reason HLT rip 0x1\n\
        CPU:1 [LOST 17 EVENTS]\nhello\nvmm 9 [001] 2.000020: kvm:kvm_entry: vcpu 0\n\
        vmm 9 [001] 2.000015: kvm:kvm_exit: vcpu 0 reason HLT rip 0x1\nvmm 9 [001] 2.0000";
    let report = stdout(&["import", "-"], text.as_bytes());
    for line in [
        "Not understood: 2 lines. The first:",
        "  line 3: hello",
        "The file was cut in the middle of line 6.",
        "Events were lost: 17, at 1 places. 0 ticks are undecided.",
        "  line 2: 17 on CPU 1, between 2.000010 s and 2.000020 s",
        "Time runs backwards on one CPU in 1 lines, first in line 5, by 5.000 µs.",
    ] {
        assert!(report.lines().any(|found| found == line), "{line:?} is not in:\n{report}");
    }
    let document = json(&["import", "-", "--json"], text.as_bytes());
    assert_eq!(document["first_unparsed"][0], serde_json::json!({ "line": 3, "text": "hello" }));
    assert_eq!(document["lost"]["spans"][0]["events"], 17);
    assert_eq!((&document["unparsed"], &document["cut"]), (&2.into(), &true.into()));
}

/// A simulated run, written as ftrace text and read back: the same ticks on the same CPUs at the same nanoseconds, with and
/// without exits as the run had them.
#[test]
fn a_simulated_run_comes_back() {
    let presets =
        ["pinned-vs-offloaded", "idle-housekeeper", "two-vcpus-one-housekeeper", "seed-2019", "recorded-arms"];
    let mut seen = BTreeSet::new();
    for preset in presets {
        for path in ["pinned", "posted"] {
            let text = simulated(preset, path, "40");
            let document = json(&["run", "--preset", preset, "--paths", path, "--expiries", "40", "--json"], b"");
            let number = |value: &Value| value.as_u64().expect("a number");
            let mut expect: Vec<_> = document["paths"][0]["expiries"]
                .as_array()
                .expect("expiries")
                .iter()
                .filter(|expiry| !expiry["fired_at_ns"].is_null())
                .map(|expiry| {
                    let exit = expiry["exit"] == true;
                    (number(&expiry["vcpu"]), number(&expiry["fired_at_ns"]), number(&expiry["fired_on"]), exit)
                })
                .collect();
            expect.sort_unstable();
            let rows = table(&stdout(&["import", "-", "--to", "csv"], text.as_bytes()));
            let mut found = Vec::new();
            for row in rows.iter().filter(|row| row["row"] == "tick" && !row["expiry_line"].is_empty()) {
                let number = |name: &str| row[name].parse::<u64>().expect("a number");
                // A notification that came late makes an exit that the run counts as well.
                found.push((
                    number("thread") - 1_000,
                    number("time_ns"),
                    number("fired_on"),
                    !row["exit_line"].is_empty(),
                ));
                seen.insert(row["path"].clone());
            }
            found.sort_unstable();
            assert!(found.len() >= 10, "{preset} {path}");
            assert_eq!(found, expect, "{preset} {path}");
            let summary = json(&["import", "-", "--json"], text.as_bytes());
            assert_eq!(summary["unparsed"], 0);
            assert_eq!(summary["arms"], document["paths"][0]["ledger"]["exits_arming"], "{preset} {path}");
        }
    }
    assert_eq!(seen, ["pinned", "posted"].map(str::to_owned).into());
}

/// The document is a scenario, and its arms are those that `exitless arms` prints.
#[test]
fn a_scenario_of_a_recording() {
    let file = recording("deadline-busy");
    let text = stdout(&["import", &file, "--to", "scenario"], b"");
    let arms = stdout(&["arms", &file], b"");
    let list = |text: &str| text.lines().filter(|line| line.contains("at_ns")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(list(&text), list(&arms));
    for line in ["hz = 250", "tsc_khz = 2000000", "nohz_full = [1]", "idle = \"busy\"", "expiries = 200"] {
        assert!(text.lines().any(|found| found == line), "{line:?} is not in:\n{text}");
    }
    assert!(text.contains("# Assumed: only the vCPU's CPU is isolated."));
    let document = json(&["run", "-", "--json"], text.as_bytes());
    assert_eq!((&document["arms"], &document["paths"][0]["ledger"]["handlers"]), (&200.into(), &200.into()));
    // A guest that halts, and a periodic timer: each restart stands for an arm.
    let halting = stdout(&["import", &recording("periodic-halt"), "--to", "scenario"], b"");
    assert!(halting.lines().any(|line| line == "idle = \"hlt\""));
    assert!(halting.contains("# Assumed: a deadline in place of each of 451 restarts"));
    assert_eq!(list(&halting).len(), 452);
}

/// Trace event format: the document "Trace Event Format" of the Chrome project, for the phases that are written here.
#[track_caller]
pub(crate) fn check_perfetto(text: &str) -> Value {
    let document: Value = serde_json::from_str(text).expect("JSON");
    assert!(document["displayTimeUnit"] == "ns" && document["otherData"].is_object());
    let events = document["traceEvents"].as_array().expect("events");
    let mut slices: BTreeMap<(u64, u64), Vec<(i64, i64)>> = BTreeMap::new();
    let mut open = BTreeSet::new();
    let mut arrows = BTreeSet::new();
    let mut named = BTreeSet::new();
    let mut used = BTreeSet::new();
    for event in events {
        let track = (event["pid"].as_u64().expect("pid"), event["tid"].as_u64().expect("tid"));
        assert!(event["name"].as_str().is_some_and(|name| !name.is_empty()), "{event}");
        let ph = event["ph"].as_str().expect("phase");
        if ph == "M" {
            assert!(matches!(event["name"].as_str(), Some("process_name" | "thread_name")), "{event}");
            assert!(event["args"]["name"].is_string(), "{event}");
            named.insert(track);
            continue;
        }
        used.insert(track);
        // Microseconds, and nanoseconds behind the point.
        let ns = |key: &str| (event[key].as_f64().expect("a time") * 1_000.0).round() as i64;
        let ts = ns("ts");
        assert!(ts >= 0, "{event}");
        let id = || (event["cat"].to_string(), event["id"].as_str().expect("id").to_owned());
        match ph {
            "X" => slices.entry(track).or_default().push((ts, ts + ns("dur"))),
            "i" => assert!(matches!(event["s"].as_str(), Some("t" | "g")), "{event}"),
            "b" => assert!(open.insert(id()), "{event}"),
            "e" => assert!(open.remove(&id()), "{event}"),
            "s" => assert!(arrows.insert(id()), "{event}"),
            "f" => assert!(event["bp"] == "e" && arrows.remove(&id()), "{event}"),
            _ => panic!("{event}"),
        }
    }
    assert!(open.is_empty() && arrows.is_empty(), "{open:?} {arrows:?}");
    assert!(used.is_subset(&named), "{:?}", used.difference(&named));
    // Slices of a track lie beside or within each other.
    for (track, mut slices) in slices {
        slices.sort_by_key(|(from, to)| (*from, std::cmp::Reverse(*to)));
        let mut around: Vec<i64> = Vec::new();
        for (from, to) in slices {
            around.retain(|end| *end > from);
            assert!(around.last().is_none_or(|end| to <= *end), "{track:?}: {from} to {to} crosses the end of another");
            around.push(to);
        }
    }
    document
}

#[test]
fn perfetto_opens_what_is_written() {
    for name in ["deadline-busy", "deadline-halt", "periodic-halt"] {
        let text = stdout(&["import", &recording(name), "--to", "perfetto"], b"");
        check_perfetto(&text);
    }
    let text = simulated("pinned-vs-offloaded", "posted", "20");
    let document = check_perfetto(&stdout(&["import", "-", "--to", "perfetto"], text.as_bytes()));
    let events = document["traceEvents"].as_array().expect("events");
    let count = |name: &str, ph: &str| events.iter().filter(|e| e["name"] == name && e["ph"] == ph).count();
    assert!(count("guest", "X") >= 19);
    assert_eq!((count("posted notification 0xf2", "s"), count("tick: posted", "b")), (20, 20));
    let arrow = events.iter().find(|e| e["ph"] == "f").expect("an arrow");
    assert_eq!(arrow["args"]["arrival"], "not shown (N1)");
}

#[test]
fn of_several_vcpus_a_scenario_takes_one() {
    let text = simulated("two-vcpus-one-housekeeper", "posted", "20");
    let output = run(&["import", "-", "--to", "scenario"], text.as_bytes());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    for part in ["2 vCPU threads", "1000 (", "1001 (", "--vcpu"] {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    let scenario = stdout(&["import", "-", "--to", "scenario", "--vcpu", "1001"], text.as_bytes());
    assert!(scenario.contains("from standard input: thread 1001."));
}
