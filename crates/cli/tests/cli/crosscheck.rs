//! The preset `redis-skylake-2019` beside the published table.

use crate::{json, stdout};
use serde_json::Value;

#[test]
fn the_model_stands_beside_the_published_table() {
    let text = stdout(&["run", "--preset", "redis-skylake-2019"], b"");
    let row = |name: &str| -> Vec<String> {
        let line = text.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{name} is not in:\n{text}"));
        line[name.len()..].split("  ").map(str::trim).filter(|c| !c.is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(row("exits  ")[..2], ["42916", "6871"]);
    assert_eq!(row("share of all exits")[..2], ["49.43 %", "9.29 %"]);
    assert_eq!(row("share of their time")[..2], ["39.30 %", "2.96 %"]);
    assert_eq!(row("exit to entry, average")[..2], ["710 ns", "720 ns"]);
    assert_eq!(row("  fewer")[0], "84 %");
    // The ordinary report is there too.
    assert_eq!(row("exits while firing"), ["160", "0"]);
    for part in [
        "Beside the published table (perf kvm stat, Wanpeng Li",
        "0c5f81dad46c; Skylake server)",
        "Do not read the table as \"84 % less overhead\"",
        "from 77.5 ms to 167.1 ms",
        "more than doubled, from 1.07 µs to 2.42 µs",
        "need not have equal duration",
        "Moved, not removed.",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

/// What is put in agrees, what the model makes of it is its own, and the document has the figures of the run.
#[test]
fn the_document_has_both() {
    let document = json(&["run", "redis-skylake-2019", "--expiries", "2000", "--json"], b"");
    let check = &document["cross_check"];
    let near = |value: &Value, expect: u64, within: u64| {
        let found = value.as_u64().expect("a number");
        assert!(found.abs_diff(expect) <= within, "{found} for {expect}");
    };
    let (published, model) = (&check["published"], &check["model"]);
    assert_eq!((&published["avoided"], &published["fewer"]), (&36_045.into(), &8_399.into()));
    near(&model["without"]["samples_share"], 4_943, 60);
    near(&model["without"]["avg_ns"], 710, 60);
    near(&model["without"]["time_share"], 3_930, 250);
    near(&model["fewer"], 8_399, 60);
    // One expiry exit a tick is avoided, no more: and none where the timer fired while the vCPU was out for something else.
    let avoided = model["avoided"].as_u64().expect("a number");
    assert!((1_980..=2_000).contains(&avoided), "{avoided}");
    for (which, path) in [("without", 0), ("with", 1)] {
        let exits = &document["paths"][path]["distributions"]["exit_to_entry_ns"]["EXTERNAL_INTERRUPT"];
        assert_eq!((&model[which]["samples"], &model[which]["avg_ns"]), (&exits["count"], &exits["average"]));
    }
    // The table's second run is another mix: the model does not pretend to have it.
    assert!(model["with"]["samples_share"].as_u64() > Some(1_200), "{model}");
    assert_eq!(check["cautions"].as_array().map(Vec::len), Some(5));
}

#[test]
fn other_scenarios_have_no_cross_check() {
    assert!(json(&["run", "seed-2019", "--json"], b"").get("cross_check").is_none());
    assert!(!stdout(&["run", "seed-2019"], b"").contains("published table"));
    assert!(json(&["run", "redis-skylake-2019", "--paths", "posted", "--json"], b"").get("cross_check").is_none());
}
