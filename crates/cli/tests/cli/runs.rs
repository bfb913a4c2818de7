//! What a run says: ledger, expiries, events.

use crate::{json, lines, stdout};
use apic_core::scenario::PRESETS;
use serde_json::Value;

/// Effects of a kind among event lines of a path.
fn effects<'a>(events: &'a [Value], path: &Value, kind: &str) -> Vec<&'a Value> {
    let of_path = events.iter().filter(|e| e["path"] == *path);
    of_path.flat_map(|e| e["effects"].as_array().expect("a list")).filter(|e| e["effect"] == kind).collect()
}

#[test]
fn an_idle_housekeeper_leaves_the_expiry_at_home_with_an_exit() {
    let document = json(&["run", "--preset", "idle-housekeeper", "--json"], b"");
    let posted = &document["paths"][1];
    assert_eq!(posted["path"], "posted");
    let expiries = posted["expiries"].as_array().expect("a list");
    assert_eq!(expiries.len(), 4);
    for expiry in expiries {
        assert_eq!(
            (&expiry["fired_on"], &expiry["own_core"], &expiry["exit"]),
            (&Value::from(3), &true.into(), &true.into())
        );
        assert_eq!(expiry["placement_rule"], "R3");
        let sentence = expiry["sentence"].as_str().expect("a sentence");
        assert!(sentence.starts_with("The timer stayed on core 3") && sentence.contains("(R3)"), "{sentence}");
        assert!(sentence.contains("idle, its tick stopped"), "{sentence}");
    }
    assert_eq!(posted["ledger"]["exits_firing"], 4);
    assert_eq!(posted["ledger"]["housekeeper_time_ns"], 0);
}

#[test]
fn a_busy_housekeeper_takes_the_expiry_without_an_exit() {
    let document = json(&["run", "--preset", "pinned-vs-offloaded", "--json"], b"");
    let [pinned, posted] = [&document["paths"][0], &document["paths"][1]];
    for expiry in posted["expiries"].as_array().expect("a list") {
        assert_eq!((&expiry["fired_on"], &expiry["exit"]), (&Value::from(0), &false.into()));
        assert_eq!(expiry["placement_rule"], "R5");
    }
    for expiry in pinned["expiries"].as_array().expect("a list") {
        assert_eq!((&expiry["fired_on"], &expiry["exit"]), (&Value::from(3), &true.into()));
    }
    assert_eq!(pinned["ledger"]["exits_arming"], posted["ledger"]["exits_arming"]);
}

/// The document's figures and the event lines are two accounts of one run.
#[test]
fn events_and_ledger_agree() {
    for preset in PRESETS {
        let document = json(&["run", preset.name, "--json"], b"");
        let events = lines(&["run", preset.name, "--events"]);
        let mut steps = 0;
        for path in document["paths"].as_array().expect("a list") {
            let (name, ledger) = (&path["path"], &path["ledger"]);
            let count = |kind| effects(&events, name, kind).len();
            steps += path["steps"].as_u64().expect("a number");
            let exits = effects(&events, name, "exit");
            for (phase, key) in [
                (vec![Some("arming")], "exits_arming"),
                (vec![Some("firing")], "exits_firing"),
                (vec![Some("eoi")], "exits_eoi"),
                (vec![Some("other"), Some("halt")], "exits_other"),
            ] {
                assert_eq!(
                    ledger[key],
                    exits.iter().filter(|e| phase.contains(&e["phase"].as_str())).count(),
                    "{}",
                    preset.name
                );
            }
            assert_eq!(ledger["ipis_sent"], count("ipi_sent") + count("doorbell_rung"), "{}", preset.name);
            assert_eq!(ledger["handlers"], count("delivered"), "{}", preset.name);
            let expiries = path["expiries"].as_array().expect("a list");
            let fired = effects(&events, name, "timer_fired");
            let fired = fired.iter().filter(|e| e["timer"].get("Lapic").is_some());
            let (on, listed): (Vec<_>, Vec<_>) = (
                fired.map(|e| &e["cpu"]).collect(),
                expiries.iter().map(|e| &e["fired_on"]).filter(|on| !on.is_null()).collect(),
            );
            assert_eq!(on, listed, "{}", preset.name);
            assert_eq!(
                ledger["exits_firing"],
                expiries.iter().filter(|e| e["exit"] == true).count(),
                "{}",
                preset.name
            );
            // Nothing is re-armed early in the presets, so that the handlers' own lateness is each expiry's.
            let late: Vec<_> = effects(&events, name, "delivered").iter().map(|e| e["late_ns"].clone()).collect();
            let mut told: Vec<_> = expiries.iter().map(|e| e["late_ns"].clone()).collect();
            assert_eq!(late, told, "{}", preset.name);
            told.sort_by_key(Value::as_i64);
            let lateness = &path["distributions"]["latency_ns"];
            assert_eq!((&lateness["min"], &lateness["max"]), (&told[0], &told[told.len() - 1]), "{}", preset.name);
            assert_eq!(lateness["p50"], told[(told.len() - 1) / 2], "{}", preset.name);
        }
        assert_eq!(events.len() as u64, steps, "{}", preset.name);
    }
}

#[test]
fn event_lines_have_the_keys_in_order() {
    let text = stdout(&["run", "idle-housekeeper", "--events"], b"");
    let (first, last) = (text.lines().next().expect("a line"), text.lines().last().expect("a line"));
    assert!(
        first.starts_with(r#"{"path":"pinned","index":0,"time_ns":0,"cpu":3,"vcpu":0,"rule":"A1","effects":[{"#),
        "{first}"
    );
    assert!(last.starts_with(r#"{"path":"posted","#) && last.contains(r#""sentence":""#), "{last}");
}

#[test]
fn the_document_has_its_keys() {
    let document = json(&["run", "--preset", "seed-2019", "--seed", "5", "--paths", "posted,pinned", "--json"], b"");
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&document), "beats costs model_version paths position scenario seed");
    assert_eq!(document["scenario"]["preset"], "seed-2019");
    assert_eq!(document["seed"], 5);
    assert_eq!(document["position"], document["beats"]);
    assert_eq!(document["paths"][0]["path"], "posted");
    let path = &document["paths"][1];
    assert_eq!(keys(path), "distributions end expiries ledger path steps title");
    assert_eq!(
        keys(&path["ledger"]),
        "device_handlers device_notifications device_posts exits_arming exits_eoi exits_firing exits_other guest_time_lost_ns handlers housekeeper_time_ns ipis_sent ipis_suppressed"
    );
    let distributions = &path["distributions"];
    assert_eq!(
        keys(distributions),
        "earliness_ns exact exit_to_entry_ns guest_time_lost_per_tick_ns housekeeper_time_per_tick_ns latency_ns lateness_ns"
    );
    assert_eq!(keys(&distributions["latency_ns"]), "count max min p50 p90 p99 p99_9");
    assert_eq!(keys(&distributions["exit_to_entry_ns"]["MSR_WRITE"]), "average count max min p50 p90 p99 p99_9");
    assert_eq!(
        keys(&path["expiries"][0]),
        "deadline_ns exit fired_at_ns fired_on handler_at_ns late_ns own_core placement_rule sentence tick vcpu"
    );
    assert_eq!(path["ledger"], path["end"]["ledger"]);
}

#[test]
fn options_change_the_run() {
    let document = json(&["run", "pinned-vs-offloaded", "--expiries", "9", "--paths", "posted", "--json"], b"");
    assert_eq!(document["paths"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["paths"][0]["ledger"]["handlers"], 9);
    let ledger =
        |seed: &str| json(&["run", "pinned-vs-offloaded", "--seed", seed, "--json"], b"")["paths"][1]["ledger"].clone();
    assert_eq!(ledger("3"), ledger("3"));
    assert_ne!(ledger("3"), ledger("4"));
}

/// vCPUs are told apart, and each counts its own ticks.
#[test]
fn every_vcpu_has_its_ticks() {
    let document = json(&["run", "two-vcpus-one-housekeeper", "--json"], b"");
    for path in document["paths"].as_array().expect("a list") {
        let ticks = |vcpu: u64| -> Vec<u64> {
            let all = path["expiries"].as_array().expect("a list").iter();
            all.filter(|e| e["vcpu"] == vcpu).filter_map(|e| e["tick"].as_u64()).collect()
        };
        assert_eq!((ticks(0), ticks(1)), (vec![1, 2, 3, 4], vec![1, 2, 3, 4]));
    }
}

/// Percentiles against the list of every handler that the same document has.
#[test]
fn distributions_are_those_of_the_expiries() {
    let document = json(&["run", "recorded-arms", "--expiries", "40", "--json"], b"");
    for path in document["paths"].as_array().expect("a list") {
        let mut late: Vec<i64> =
            path["expiries"].as_array().expect("a list").iter().filter_map(|e| e["late_ns"].as_i64()).collect();
        late.sort_unstable();
        let latency = &path["distributions"]["latency_ns"];
        assert_eq!(latency["count"], late.len());
        // Nearest rank: 40 values, of which p90 is the 36th, p99 and p99.9 the 40th.
        for (key, rank) in [("min", 1), ("p50", 20), ("p90", 36), ("p99", 40), ("p99_9", 40), ("max", 40)] {
            assert_eq!(latency[key], late[rank - 1], "{key}");
        }
        let ledger = &path["ledger"];
        let exits: u64 =
            ["exits_arming", "exits_firing", "exits_other"].iter().filter_map(|k| ledger[k].as_u64()).sum();
        let reasons = path["distributions"]["exit_to_entry_ns"].as_object().expect("an object");
        assert_eq!(exits, reasons.values().filter_map(|r| r["count"].as_u64()).sum::<u64>());
    }
}

#[test]
fn the_table_of_exits_is_one_that_perf_might_have_printed() {
    let text = stdout(&["run", "pinned-vs-offloaded", "--paths", "pinned", "--expiries", "500", "--kvm-stat"], b"");
    let table = kvm_trace::read_stat(text.as_bytes()).expect("a table");
    let names: Vec<_> = table.rows.iter().map(|r| (r.name.as_str(), r.samples, r.samples_share.hundredths())).collect();
    assert_eq!(names, [("MSR_WRITE", 500, 5_000), ("EXTERNAL_INTERRUPT", 500, 5_000)]);
    assert_eq!(table.total.map(|t| t.samples), Some(1_000));
    let shares: u64 = table.rows.iter().map(|r| r.time_share.hundredths()).sum();
    assert!((9_999..=10_001).contains(&shares), "{text}");
}
