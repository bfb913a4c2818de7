//! What `exitless check --all` searches, at its usual bounds: every preset holds, every fault is found.

use apic_core::driver::explore::{Explore, Replay, Searched, Verdict, suite};

/// Distinct states that have to be explored in all.
const LEAST: usize = 1_400_000;

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "millions of states take minutes unoptimised: cargo xtask test runs it optimised"
)]
fn every_preset_holds_and_every_fault_is_found() {
    let mut states = 0;
    for Searched { name, scenario, path, bounds, faults, holds, .. } in suite().expect("presets ship valid") {
        let mut explore = Explore::new(&scenario, path, bounds, faults);
        let verdict = explore.finish();
        states += explore.progress().states;
        match &verdict {
            Verdict::Holds => assert_ne!(holds, Some(false), "{name}: nothing is found"),
            Verdict::Violated(found) => {
                assert_ne!(holds, Some(true), "{name}: {}", found.broken);
                let played = Replay::new(&scenario, path, bounds, faults).follow(&found.moves);
                assert!(played.is_some_and(|broken| broken.is_none_or(|broken| broken == found.broken)), "{name}");
            }
            Verdict::Unfinished => panic!("{name}: not finished within {bounds:?}"),
        }
    }
    println!("{states} distinct states in all");
    assert!(states >= LEAST, "{states} states, {LEAST} wanted");
}
