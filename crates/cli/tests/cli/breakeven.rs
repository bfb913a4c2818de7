//! `exitless breakeven` and `exitless costs`.

use crate::{json, run, stdout};
use apic_core::cost::{CostKind, SETS, published};

const CLAIM: [&str; 5] = ["breakeven", "--benefit", "3%", "--exit-cost", "1.4us"];

fn claim<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [CLAIM.as_slice(), more].concat()
}

#[test]
fn the_answer_comes_with_its_assumptions() {
    let text = stdout(&claim(&[]), b"");
    for part in [
        "A benefit of 3 % at 1.4 µs an exit: 20,804 exits a second and vCPU were avoided.",
        "They took 29.126 ms of each second.",
        "of CPU time, not of work done: 21,429 exits",
        "Assumed:",
        "Moved, not removed.",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(!text.contains("in all"), "{text}");
    assert!(stdout(&claim(&["--cpus", "4"]), b"").contains("On 4 vCPUs: 83,218 exits a second in all."));
    let document = json(&claim(&["--cpus", "4", "--json"]), b"");
    assert_eq!(document["exits_avoided_per_second_and_vcpu"], 20_804);
    assert_eq!(document["exits_avoided_per_second"], 83_218);
    assert_eq!(document["if_the_benefit_is_a_share_of_cpu_time"], 21_429);
    assert_eq!(document["assumptions"].as_array().map(Vec::len), Some(5));
}

#[test]
fn other_quantities_are_refused() {
    for (args, part) in [
        (["breakeven", "--benefit", "3", "--exit-cost", "1us"], "a share such as 3%"),
        (["breakeven", "--benefit", "3%", "--exit-cost", "1400"], "a time such as 1.4us"),
        (["breakeven", "--benefit", "3%", "--exit-cost", "2900cycles"], "2900cycles@2.5GHz"),
    ] {
        let output = run(&args, b"");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && message.contains(part), "{message}");
    }
    assert_eq!(run(&claim(&["--cpus", "0"]), b"").status.code(), Some(2));
}

#[test]
fn every_cost_is_listed_with_its_origin() {
    let document = json(&["costs", "--json"], b"");
    for (set, listed) in SETS.iter().zip(document["sets"].as_array().expect("a list")) {
        assert_eq!(listed["name"], set.name);
        let costs = listed["costs"].as_array().expect("a list");
        assert_eq!(costs.len(), CostKind::ALL.len());
        assert!(costs.iter().all(|c| c["origin"]["origin"].is_string() && c["min_ns"].is_u64()), "{listed}");
    }
    let all = document["published"].as_array().expect("a list");
    assert_eq!(all.len(), published::ALL.len());
    assert!(all.iter().all(|p| p["machine"].is_string() && p["source"].is_string()));
}

#[test]
fn gaps_are_labelled_as_gaps() {
    let text = stdout(&["costs", "--set", "zen"], b"");
    assert!(text.starts_with("zen: AMD Zen 2 to 5: no cost of a step has a source"), "{text}");
    assert_eq!(text.matches("no source: that of skylake stands in").count(), CostKind::ALL.len(), "{text}");
    let text = stdout(&["costs", "--set", "skylake"], b"");
    assert!(text.contains("once in 1452 up to 105700 ns") && !text.contains("no source:"), "{text}");
    let output = run(&["costs", "--set", "486"], b"");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(2) && message.contains("one of: skylake, ice-lake, sapphire-rapids, zen"),
        "{message}"
    );
}
