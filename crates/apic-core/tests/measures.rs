//! Distributions of a run: what they add up to, and what they are next to the steps themselves.

use apic_core::effect::Effect;
use apic_core::rule::Rule;
use apic_core::run::{History, StepRecord};
use apic_core::scenario::{PRESETS, PathKind, Scenario, preset};

fn histories() -> impl Iterator<Item = (&'static str, Scenario, History)> {
    PRESETS.iter().flat_map(|p| {
        let scenario = p.scenario().expect("ships valid");
        PathKind::ALL.iter().map(move |path| (p.name, scenario.clone(), History::new(&scenario, *path)))
    })
}

#[test]
fn ticks_add_up_to_the_ledger() {
    for (name, scenario, mut history) in histories() {
        let told = history.measure(history.len());
        history.seek(history.len());
        let ledger = history.ledger();
        let (lost, housekeeper) = (told.guest_time_lost.sum(), told.housekeeper_time.sum());
        let (all_lost, all_housekeeper) =
            (u128::from(ledger.guest_time_lost.as_ns()), u128::from(ledger.housekeeper_time.as_ns()));
        let handlers = told.latency.below.count() + told.latency.above.count();
        assert_eq!(handlers, ledger.handlers, "{name}");
        // A vCPU that is armed when the run ends has a tick that is not over.
        if scenario.vcpus.len() == 1 && told.guest_time_lost.count() == ledger.exits_arming {
            assert_eq!((lost, housekeeper), (all_lost, all_housekeeper), "{name}");
            assert!(lost > 0, "{name}");
        } else {
            assert!(lost <= all_lost && housekeeper <= all_housekeeper, "{name}");
        }
    }
    let mut posted = History::new(&preset("pinned-vs-offloaded").expect("ships"), PathKind::Posted);
    let told = posted.measure(usize::MAX);
    posted.seek(posted.len());
    assert_eq!(told.housekeeper_time.count(), 4);
    assert_eq!(told.housekeeper_time.sum(), u128::from(posted.ledger().housekeeper_time.as_ns()));
}

/// The same figure by another way: the rules between which perf's two tracepoints lie.
fn exits_by_rule(records: &[StepRecord]) -> Vec<u64> {
    let (mut exited, mut at_exit, mut ready, mut times) = (false, 0, 0, Vec::new());
    for record in records {
        let now = record.at.as_ns();
        match record.rule {
            Rule::A2 | Rule::P2 | Rule::Hv3 | Rule::P6b | Rule::E1b if exited => (exited, at_exit) = (false, now),
            Rule::P6d => ready = now,
            _ => {}
        }
        for effect in &record.effects {
            match effect {
                Effect::Exit { .. } => exited = true,
                Effect::Enter { .. } => times.push(ready - at_exit),
                _ => {}
            }
        }
    }
    times
}

#[test]
fn an_exits_time_lies_between_the_two_tracepoints() {
    for (name, scenario, history) in histories() {
        if scenario.vcpus.len() > 1 {
            continue;
        }
        let told = history.measure(history.len());
        let mut times = exits_by_rule(&history.records(0..history.len()));
        times.sort_unstable();
        let count: u64 = told.exits.iter().map(|(_, times)| times.count()).sum();
        let sum: u128 = told.exits.iter().map(|(_, times)| times.sum()).sum();
        assert_eq!(count, times.len() as u64, "{name}");
        assert_eq!(sum, times.iter().map(|t| u128::from(*t)).sum::<u128>(), "{name}");
        let least = told.exits.iter().filter_map(|(_, times)| times.min()).min();
        assert_eq!(least, times.first().copied(), "{name}");
    }
}

#[test]
fn a_posted_interrupt_is_no_exit() {
    let scenario = preset("pinned-vs-offloaded").expect("ships");
    let exits = |path| -> Vec<(&str, u64)> {
        let told = History::new(&scenario, path).measure(usize::MAX);
        told.exits.iter().map(|(reason, times)| (*reason, times.count())).collect()
    };
    assert_eq!(exits(PathKind::Pinned), [("MSR_WRITE", 4), ("EXTERNAL_INTERRUPT", 4)]);
    assert_eq!(exits(PathKind::Posted), [("MSR_WRITE", 4)]);
}

/// The seed patch has no busy-wait on the housekeeper: its handlers start before their deadlines.
#[test]
fn early_handlers_are_early() {
    let seed = History::new(&preset("seed-2019").expect("ships"), PathKind::Posted).measure(usize::MAX);
    assert_eq!((seed.latency.below.count(), seed.latency.above.count()), (4, 0));
    let summary = seed.latency.summary().expect("handlers");
    assert!(summary.min < 0 && summary.max < 0, "{summary:?}");
    let merged = History::new(&preset("pinned-vs-offloaded").expect("ships"), PathKind::Posted).measure(usize::MAX);
    assert_eq!(merged.latency.below.count(), 0);
}

/// Up to a position, and not beyond.
#[test]
fn a_part_of_a_run_is_measured_like_a_whole_one() {
    let history = History::new(&preset("pinned-vs-offloaded").expect("ships"), PathKind::Pinned);
    let counts: Vec<u64> = (0..=history.len()).map(|n| history.measure(n).latency.above.count()).collect();
    assert!(counts.is_sorted() && counts[0] == 0 && counts[history.len()] == 4);
    assert_eq!(history.position(), 0);
}
