//! Links: the ledger of the moment that they stand for.

use crate::{json, lines, stdout};
use apic_core::driver::Pick;
use apic_core::link::{self, Link};
use apic_core::machine::Actor;
use apic_core::run::{Compare, Lockstep};
use apic_core::scenario::preset;
use apic_core::units::CpuId;
use serde_json::Value;

fn moment(name: &str, position: Option<u32>) -> Link {
    Link {
        scenario: preset(name).expect("a preset"),
        preset: Some(name.to_owned()),
        position,
        vcpu: 0,
        picks: Vec::new(),
        compare: Compare::default(),
    }
}

/// Every path of the document is told up to the link's moment, and has the whole run's totals beside it.
#[track_caller]
fn check(link: &Link, document: &Value) {
    let mut lockstep = Lockstep::following(&link.scenario, &link.picks);
    lockstep.seek(link.position.map_or(lockstep.opening(), |beats| beats as usize));
    assert_eq!(document["position"], lockstep.position());
    assert_eq!(document["beats"], lockstep.len());
    for (path, told) in lockstep.paths().iter().zip(document["paths"].as_array().expect("a list")) {
        assert_eq!(told["ledger"], serde_json::to_value(path.ledger()).expect("plain data"));
        assert_eq!(told["steps"], path.position());
        assert_eq!(told["end"]["steps"], path.len());
    }
    lockstep.seek(lockstep.len());
    for (path, told) in lockstep.paths().iter().zip(document["paths"].as_array().expect("a list")) {
        assert_eq!(told["end"]["ledger"], serde_json::to_value(path.ledger()).expect("plain data"));
    }
}

#[test]
fn a_link_is_told_up_to_its_moment() {
    for position in [None, Some(0), Some(1), Some(30), Some(77), Some(100_000)] {
        let link = moment("pinned-vs-offloaded", position);
        let text = link::encode(&link);
        for form in [format!("#{text}"), format!("https://example.org/exitless/#{text}")] {
            check(&link, &json(&["run", &form, "--json"], b""));
        }
        if position.is_some() {
            check(&link, &json(&["run", &text, "--json"], b""));
        }
    }
}

#[test]
fn events_and_table_of_a_link_end_at_its_moment() {
    let link = format!("#{}", link::encode(&moment("pinned-vs-offloaded", Some(30))));
    let document = json(&["run", &link, "--json"], b"");
    let steps = |key: &str| -> u64 {
        let paths = document["paths"].as_array().expect("a list");
        paths.iter().filter_map(|p| p.pointer(key)?.as_u64()).sum()
    };
    assert_eq!(lines(&["run", &link, "--events"]).len() as u64, steps("/steps"));
    assert_eq!(lines(&["run", &link, "--events", "--at", "end"]).len() as u64, steps("/end/steps"));
    let table = stdout(&["run", &link], b"");
    assert!(table.contains("After 30 of ") && table.contains("--at end"), "{table}");
}

#[test]
fn a_preset_by_name_is_told_to_its_end() {
    for args in [["run", "idle-housekeeper", "--json"].as_slice(), &["run", "--preset", "idle-housekeeper", "--json"]] {
        let document = json(args, b"");
        assert_eq!(document["position"], document["beats"]);
    }
    let opening = json(&["run", "#idle-housekeeper", "--json"], b"");
    assert_ne!(opening["position"], opening["beats"]);
    assert_eq!(opening, json(&["run", "idle-housekeeper", "--at", "opening", "--json"], b""));
}

#[test]
fn a_link_whose_run_is_changed_is_told_to_its_end() {
    let link = link::encode(&moment("pinned-vs-offloaded", Some(30)));
    let document = json(&["run", &link, "--seed", "9", "--json"], b"");
    assert_eq!(document["position"], document["beats"]);
    // The same value is no change.
    assert_eq!(json(&["run", &link, "--seed", "1", "--json"], b"")["position"], 30);
    assert_eq!(json(&["run", &link, "--seed", "9", "--at", "30", "--json"], b"")["position"], 30);
}

/// Choices made by hand belong to a path, wherever that stands.
#[test]
fn choices_made_by_hand_follow_their_path() {
    let mut link = moment("two-vcpus-one-housekeeper", Some(20));
    // The second vCPU's guest arms early, on the posted path alone.
    let guest = Actor::Guest(apic_core::units::VcpuId(1));
    link.picks = vec![Vec::new(), vec![Pick { step: 2, actor: guest }]];
    let text = link::encode(&link);
    check(&link, &json(&["run", &text, "--json"], b""));
    let by_rule = |args: &[&str], path: &str| -> Vec<String> {
        let events = lines(args);
        let of_path = events.iter().filter(|e| e["path"] == path);
        of_path.map(|e| format!("{} {}", e["time_ns"], e["rule"])).collect()
    };
    let all = by_rule(&["run", &text, "--events", "--at", "end"], "posted");
    assert_eq!(by_rule(&["run", &text, "--events", "--paths", "posted"], "posted"), all);
    assert_ne!(by_rule(&["run", "two-vcpus-one-housekeeper", "--events"], "posted"), all);
    // A choice that cannot be followed ends the run, and the document says so.
    link.picks[1][0].actor = Actor::Wire(CpuId(1));
    let document = json(&["run", &link::encode(&link), "--json"], b"");
    assert_eq!(
        (&document["paths"][0]["end"]["cut"], &document["paths"][1]["end"]["cut"]),
        (&Value::Null, &"stopped".into())
    );
}
