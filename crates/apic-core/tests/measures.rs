//! Distributions of a run: what they add up to, and what they are next to the steps themselves.

use apic_core::effect::Effect;
use apic_core::rule::Rule;
use apic_core::run::{History, StepRecord, Survey, Way};
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

/// A survey is the same run as the history of the same scenario, and its moments are moments of it.
#[test]
fn a_survey_takes_the_historys_steps_and_its_moments_are_there() {
    for (name, path) in [
        ("pinned-vs-offloaded", PathKind::Pinned),
        ("pinned-vs-offloaded", PathKind::Posted),
        ("two-vcpus-one-housekeeper", PathKind::Posted),
        ("blocked-vcpu", PathKind::Posted),
        ("recorded-arms", PathKind::Pinned),
    ] {
        let scenario = preset(name).expect("ships");
        let mut history = History::new(&scenario, path);
        let told = history.measure(usize::MAX);
        history.seek(usize::MAX);
        let mut survey = Survey::new(&scenario, Way::of(path), &[], scenario.run.expiries);
        // In parts, as a worker does it.
        while survey.run_on(7) {}
        assert_eq!(survey.steps() as usize, history.len(), "{name} {path:?}");
        assert_eq!(survey.ledger(), history.ledger());
        let seen = survey.seen();
        let latency = told.latency.summary().expect("handlers");
        assert_eq!(seen.latency.count(), latency.count);
        assert_eq!(seen.latency.least().map(|e| e.ns), Some(latency.min));
        assert_eq!(seen.latency.most().map(|e| e.ns), Some(latency.max));
        for example in seen.latency.at([10, 50, 90, 100], 100) {
            let record = &history.records(example.at.step as usize..example.at.step as usize + 1)[0];
            assert_eq!(record.at, example.at.at);
            let is_it = |e: &Effect| matches!(e, Effect::Delivered { vcpu, late_ns, .. } if (*vcpu, *late_ns) == (example.at.vcpu, example.ns));
            assert!(record.effects.iter().any(is_it), "{name}: {record:?}");
        }
        for exits in &seen.exits {
            let record = &history.records(exits.first.step as usize..exits.first.step as usize + 1)[0];
            let is_it = |e: &Effect| matches!(e, Effect::Exit { reason, .. } if *reason == exits.reason);
            assert!(record.effects.iter().any(is_it), "{name}: {record:?}");
            // perf counts an exit when the guest is entered again.
            let entered = told.exit(exits.reason).map_or(0, apic_core::run::Distribution::count);
            assert!(
                (entered..=entered + scenario.vcpus.len() as u64).contains(&exits.count),
                "{name} {}",
                exits.reason
            );
        }
        let housekeepers: u64 = seen.housekeepers.iter().map(|h| h.time.as_ns()).sum();
        assert_eq!(housekeepers, history.ledger().housekeeper_time.as_ns());
    }
}

/// What a guest sees as jitter is how much a handler is later than the one before.
#[test]
fn jitter_is_the_change_of_latency() {
    let scenario = preset("pinned-vs-offloaded").expect("ships");
    let history = History::new(&scenario, PathKind::Posted);
    let mut late = Vec::new();
    history.each(|_, _, effects| {
        late.extend(
            effects
                .iter()
                .filter_map(|e| if let Effect::Delivered { late_ns, .. } = e { Some(*late_ns) } else { None }),
        );
    });
    let expect: Vec<i64> = late.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let mut survey = Survey::new(&scenario, Way::of(PathKind::Posted), &[], scenario.run.expiries);
    while survey.run_on(1_000) {}
    let jitter = &survey.seen().jitter;
    assert_eq!(jitter.count(), expect.len() as u64);
    assert_eq!(jitter.most().map(|e| e.ns), expect.iter().copied().max());
    assert_eq!(jitter.sum(), expect.iter().map(|ns| i128::from(*ns)).sum::<i128>());
}
