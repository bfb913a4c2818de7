//! `exitless render`: a run as a table, a trace and signals, each read back by a reader that others wrote.

use crate::imports::check_perfetto;
use crate::{json, lines, stdout};
use apic_core::lapic::VectorSet;
use apic_core::run::{History, Lockstep};
use apic_core::scenario::{PRESETS, preset};
use apic_core::units::Vector;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Cursor;
use wellen::simple::Waveform;

const NAME: &str = "pinned-vs-offloaded";

/// The rows of a table, each by column.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.expect("a row as long as the head")).collect()
}

/// A cell as JSON has the same value.
#[track_caller]
fn same(cell: &str, value: &Value) {
    match value {
        Value::Null => assert_eq!(cell, ""),
        Value::Bool(is) => assert_eq!(cell, if *is { "yes" } else { "no" }),
        Value::String(text) => assert_eq!(cell, text),
        other => assert_eq!(cell, other.to_string()),
    }
}

/// The table has the events of `run --events` and the expiries of `run --json`.
#[test]
fn the_table_has_every_step_and_every_expiry() {
    for name in [NAME, "two-vcpus-one-housekeeper", "userspace-irqchip"] {
        let table = rows(&stdout(&["render", name, "--format", "csv"], b""));
        let path_of = |path: &str, row: &str| -> Vec<_> {
            table.iter().filter(|r| r["path"] == path && r["row"] == row).cloned().collect()
        };
        let events = lines(&["run", name, "--events"]);
        let document = json(&["run", name, "--json"], b"");
        for path in document["paths"].as_array().expect("paths") {
            let path_name = path["path"].as_str().expect("a name");
            let (steps, expiries) = (path_of(path_name, "step"), path_of(path_name, "expiry"));
            let expect: Vec<_> = events.iter().filter(|event| event["path"] == path_name).collect();
            assert_eq!(steps.len(), expect.len());
            for (row, event) in steps.iter().zip(expect) {
                for (cell, key) in [
                    ("step", "index"),
                    ("time_ns", "time_ns"),
                    ("cpu", "cpu"),
                    ("vcpu", "vcpu"),
                    ("rule", "rule"),
                    ("sentence", "sentence"),
                ] {
                    same(&row[cell], &event[key]);
                }
                assert_eq!(serde_json::from_str::<Value>(&row["effects"]).expect("JSON"), event["effects"]);
            }
            let expect = path["expiries"].as_array().expect("a list");
            assert_eq!(expiries.len(), expect.len());
            assert!(!expect.is_empty());
            for (row, expiry) in expiries.iter().zip(expect) {
                for key in [
                    "tick",
                    "vcpu",
                    "deadline_ns",
                    "fired_on",
                    "own_core",
                    "fired_at_ns",
                    "exit",
                    "placement_rule",
                    "handler_at_ns",
                    "late_ns",
                ] {
                    same(&row[key], &expiry[key]);
                }
            }
        }
        // All paths together, in the order of time.
        let times: Vec<u64> =
            table.iter().filter(|r| r["row"] == "step").map(|r| r["time_ns"].parse().expect("ns")).collect();
        assert!(times.is_sorted());
    }
}

/// Two halves of a run are the run.
#[test]
fn a_range_is_a_part() {
    let beats = Lockstep::new(&preset(NAME).expect("it ships")).len();
    let middle = beats / 2;
    let of = |range: &str| rows(&stdout(&["render", NAME, "--format", "csv", "--range", range], b""));
    let (all, first, second) = (of(".."), of(&format!("..{middle}")), of(&format!("{middle}..")));
    assert!(first.len() > 20 && second.len() > 20);
    for kind in ["step", "expiry"] {
        for path in ["pinned", "posted"] {
            let part = |rows: &[BTreeMap<String, String>]| -> Vec<_> {
                let keys = ["step", "tick", "path", "row", "deadline_ns"];
                let rows = rows.iter().filter(|r| r["row"] == kind && r["path"] == path);
                rows.map(|r| keys.map(|key| r[key].clone())).collect()
            };
            assert_eq!([part(&first), part(&second)].concat(), part(&all), "{kind} {path}");
        }
    }
    assert_eq!(first, rows(&stdout(&["render", NAME, "--format", "csv", "--step", &middle.to_string()], b"")));
}

/// A trace as the published format has it; slices, ticks and arrows as the ledger counts them.
#[test]
fn a_trace_has_the_ledgers_exits_and_ipis() {
    for preset in PRESETS {
        let document = check_perfetto(&stdout(&["render", preset.name, "--format", "perfetto"], b""));
        let events = document["traceEvents"].as_array().expect("events");
        let told = json(&["run", preset.name, "--json"], b"");
        for (p, path) in told["paths"].as_array().expect("paths").iter().enumerate() {
            let (cpus, vcpus) = (10 * p as u64 + 1, 10 * p as u64 + 2);
            let of = |pid: u64, ph: &str| {
                events.iter().filter(move |e| e["pid"] == pid && e["ph"] == ph).collect::<Vec<_>>()
            };
            let named = |events: &[&Value], name: &str| events.iter().filter(|e| e["name"] == name).count() as u64;
            let number = |key: &str| path["ledger"][key].as_u64().expect("a number");
            let slices = of(vcpus, "X");
            let exits =
                slices.iter().filter(|e| !matches!(e["name"].as_str(), Some("guest" | "handler"))).count() as u64;
            let counted: u64 = ["exits_arming", "exits_firing", "exits_eoi", "exits_other"].map(number).iter().sum();
            assert_eq!(exits, counted, "{} {}", preset.name, path["path"]);
            assert_eq!(named(&of(vcpus, "i"), "handler starts"), number("handlers"), "{}", preset.name);
            let marks = of(vcpus, "i");
            assert_eq!(of(vcpus, "b").len() as u64, named(&marks, "armed"), "{}", preset.name);
            // What was sent arrived, or was still under way.
            let (tails, under_way) = (of(cpus, "s"), of(cpus, "i"));
            let under_way = under_way.iter().filter(|e| e["name"].as_str().is_some_and(|n| n.ends_with("under way")));
            let all = tails.len() + under_way.count();
            let sent = lines(&["run", preset.name, "--events", "--paths", path["path"].as_str().expect("a name")]);
            let sent = sent.iter().flat_map(|e| e["effects"].as_array().expect("a list"));
            let sent = sent
                .filter(|e| matches!(e["effect"].as_str(), Some("ipi_sent" | "doorbell_rung" | "notification_sent")));
            let sent = sent.count();
            assert_eq!(all, sent, "{} {}", preset.name, path["path"]);
            // Each end of an arrow is inside a slice of its track.
            for end in tails.iter().chain(&of(cpus, "f")) {
                let ts = end["ts"].as_f64().expect("a time");
                let around = of(cpus, "X").iter().any(|slice| {
                    let (from, lasts) = (slice["ts"].as_f64().expect("ts"), slice["dur"].as_f64().expect("dur"));
                    slice["tid"] == end["tid"] && from <= ts && ts <= from + lasts + 1e-6
                });
                assert!(around, "{end}");
            }
        }
    }
    let posted = check_perfetto(&stdout(&["render", NAME, "--paths", "posted", "--format", "perfetto"], b""));
    let heads = posted["traceEvents"].as_array().expect("events").iter().filter(|e| e["ph"] == "f");
    let heads: Vec<_> = heads.collect();
    assert_eq!(heads.len(), 4);
    assert!(heads.iter().all(|e| e["name"] == "IPI 0xf2" && e["tid"] == 13), "{heads:?}");
    assert_eq!(posted["otherData"]["provenance"], "simulated");
}

fn number(n: impl Into<u64>) -> String {
    format!("{:b}", n.into())
}

fn bits(set: &VectorSet) -> String {
    let bits: String = (0..=255u8).rev().map(|n| if set.contains(Vector::new(n)) { '1' } else { '0' }).collect();
    bits.trim_start_matches('0').to_owned()
}

/// A signal's changes: time, and value without zeros on the left.
fn changes(wave: &mut Waveform, path: &str, name: &str) -> Vec<(u64, String)> {
    let scopes: Vec<_> = path.split('.').chain(["vcpu0"]).collect();
    let var = wave.hierarchy().lookup_var(&scopes, name).unwrap_or_else(|| panic!("{scopes:?} {name}"));
    let signal = wave.hierarchy()[var].signal_ref();
    wave.load_signals(&[signal]);
    let times = wave.time_table().to_vec();
    let signal = wave.get_signal(signal).expect("loaded");
    let value = |value: wellen::SignalValueRef<'_>| value.to_string().trim_start_matches('0').to_owned();
    last_of_each_time(signal.iter_changes().map(|(at, is)| (times[at as usize], value(is))))
}

/// What a signal was from each time on. One that is back within the nanosecond has not changed.
fn last_of_each_time(changes: impl Iterator<Item = (u64, String)>) -> Vec<(u64, String)> {
    let mut last: Vec<(u64, String)> = Vec::new();
    for change in changes {
        last.pop_if(|(at, _)| *at == change.0);
        last.push(change);
    }
    last.dedup_by(|is, was| is.1 == was.1);
    last
}

/// The same from the machine: what it was after the last step of each nanosecond.
fn expected(history: &History, of: impl Fn(&apic_core::machine::Vcpu) -> String) -> Vec<(u64, String)> {
    let mut history = history.clone();
    history.seek(0);
    let trimmed = |history: &History| of(&history.machine().vcpus()[0]).trim_start_matches('0').to_owned();
    let start = (0, trimmed(&history));
    let steps = (0..history.len()).map(|step| {
        history.seek(step + 1);
        (history.metas()[step].at.as_ns(), trimmed(&history))
    });
    last_of_each_time(std::iter::once(start).chain(steps))
}

/// Signals against the machine itself, through the reader of a waveform viewer.
#[test]
fn signals_are_those_of_the_machine() {
    for name in [NAME, "amd-avic", "preemption-timer"] {
        let text = stdout(&["render", name, "--format", "vcd"], b"");
        let mut wave = wellen::simple::read_from_reader(Cursor::new(text.into_bytes())).expect("a dump");
        let scale = wave.hierarchy().timescale().expect("a scale");
        assert_eq!((scale.factor, scale.unit), (1, wellen::TimescaleUnit::NanoSeconds));
        let run = Lockstep::new(&preset(name).expect("it ships"));
        for history in run.paths() {
            let path = history.path().name().replace('-', "_");
            let mut check = |name: &str, of: fn(&apic_core::machine::Vcpu) -> String| {
                let found = changes(&mut wave, &path, name);
                assert_eq!(found, expected(history, of), "{path} {name}");
                found.len()
            };
            let mut moved = 0;
            moved += check("PIR", |v| bits(v.pi().pir()));
            moved += check("ON", |v| number(v.pi().on()));
            moved += check("SN", |v| number(v.pi().sn()));
            moved += check("NDST", |v| number(v.pi().ndst().0));
            moved += check("VIRR", |v| bits(v.vapic().virr()));
            moved += check("VISR", |v| bits(v.vapic().visr()));
            moved += check("RVI", |v| number(v.vapic().rvi()));
            moved += check("mode", |v| number(v.mode() as u64));
            moved += check("in_guest", |v| number(v.in_guest()));
            moved += check("tscdeadline", |v| number(v.timer().tscdeadline.as_cycles()));
            assert!(moved > 40, "{path}: {moved} changes in all");
        }
    }
}

#[test]
fn the_table_of_exits_is_that_of_run() {
    let told = stdout(&["run", NAME, "--paths", "pinned", "--kvm-stat"], b"");
    assert_eq!(stdout(&["render", NAME, "--path", "pinned", "--format", "stat"], b""), told);
    assert!(kvm_trace::read_stat(told.as_bytes()).is_ok());
}
