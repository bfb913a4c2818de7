//! The search on the machine: what holds, and what each missing rule breaks.

use apic_core::driver::Pick;
use apic_core::driver::explore::{Bounds, Broken, Explore, Move, Replay, Verdict, example, known, repaired};
use apic_core::kvm::{Era, Fault, Faults};
use apic_core::machine::Violation;
use apic_core::run::{History, Script};
use apic_core::scenario::{PRESETS, PathKind, preset};
use apic_core::units::VcpuId;

const V: VcpuId = VcpuId(0);

/// With the rule it holds; without it, the shortest run breaks this property, and does so again when it is played.
#[track_caller]
fn check(fault: Fault, breaks: Broken) {
    let shown = example(fault);
    let search = |faults| Explore::new(&shown.scenario, shown.path, shown.bounds, faults).finish();
    assert_eq!(search(Faults::default()), Verdict::Holds, "{fault:?}: the rule in force");
    let faults = Faults::default().with(fault);
    let Verdict::Violated(found) = search(faults) else { panic!("{fault:?}: nothing breaks") };
    assert_eq!(found.broken, breaks, "{fault:?}");
    let mut replay = Replay::new(&shown.scenario, shown.path, shown.bounds, faults);
    let last = replay.follow(&found.moves).expect("every move can be made");
    match breaks {
        Broken::Stranded(_) => assert_eq!(last, None, "{fault:?}: no one state shows it"),
        _ => assert_eq!(last, Some(breaks), "{fault:?}"),
    }
}

/// A counterexample is a run like any other: its steps are the script's, it ends where that ends, and what is picked by hand
/// leaves it.
#[test]
fn a_counterexample_is_played_step_by_step() {
    let mut others = 0;
    for fault in Fault::ALL.iter().copied().filter(|f| !f.is_redundant()) {
        let shown = example(fault);
        let faults = Faults::default().with(fault);
        let Verdict::Violated(found) = Explore::new(&shown.scenario, shown.path, shown.bounds, faults).finish() else {
            panic!("{fault:?}: nothing breaks");
        };
        let script = Script { path: shown.path, bounds: shown.bounds, faults, moves: found.moves.as_slice().into() };
        let mut history = History::scripted(&shown.scenario, &script, &[]);
        let steps = found.moves.iter().filter(|chosen| matches!(chosen, Move::Step(_))).count();
        assert_eq!((history.len(), history.moves().as_deref()), (steps, Some(found.moves.as_slice())), "{fault:?}");
        for step in 0..=steps {
            history.seek(step);
            assert_eq!(history.due().is_some(), step < steps, "{fault:?}");
        }
        let mut replay = Replay::new(&shown.scenario, shown.path, shown.bounds, faults);
        let last = found.moves.iter().rposition(|chosen| matches!(chosen, Move::Step(_))).expect("a step");
        replay.skip(&found.moves[..=last]).expect("every move can be made");
        assert_eq!(history.machine().encode(), replay.machine().encode(), "{fault:?}");
        // Another step in place of the last one, and nothing after it.
        history.seek(steps - 1);
        let due = history.due();
        let Some((other, _)) = history.machine().enabled().find(|(actor, _)| Some(*actor) != due) else { continue };
        others += 1;
        let picks = [Pick { step: steps as u32 - 1, actor: other }];
        let left = History::scripted(&shown.scenario, &script, &picks);
        assert_eq!(left.len(), steps, "{fault:?}");
        let moves = left.moves().expect("without a clock");
        assert_eq!(moves.last(), Some(&Move::Step(other)), "{fault:?}");
        let again = Script { moves: moves.into(), ..script };
        let again = History::scripted(&shown.scenario, &again, &[]);
        assert_eq!(again.metas(), left.metas(), "{fault:?}");
    }
    assert!(others > 10, "{others}");
}

#[test]
fn early_handlers() {
    let early = Broken::Early { vcpu: V, by_ns: 1_000 };
    check(Fault::B2, early);
    check(Fault::B3, early);
    check(Fault::B4, early);
    check(Fault::B14, early);
    check(Fault::B15, early);
}

#[test]
fn ticks_that_wait_for_an_unrelated_exit() {
    check(Fault::B1, Broken::Stranded(V));
    check(Fault::B17, Broken::Stranded(V));
    check(Fault::B22, Violation::OnWithoutNotification(V).into());
    check(Fault::B23, Violation::OnWithoutNotification(V).into());
    check(Fault::OnBeforePir, Violation::Lost(V).into());
    check(Fault::DrainBeforeClear, Violation::Lost(V).into());
}

#[test]
fn sleepers_that_nobody_wakes() {
    check(Fault::B6, Violation::Asleep(V).into());
    check(Fault::B9, Violation::Asleep(V).into());
    check(Fault::B28, Broken::Stranded(V));
    check(Fault::B30, Violation::Asleep(V).into());
}

#[test]
fn devices_that_nobody_hears() {
    check(Fault::B7, Violation::WakeupList(V).into());
    check(Fault::B8, Violation::Lost(V).into());
}

#[test]
fn a_barrier_that_x86_does_not_need() {
    let shown = example(Fault::PosterBarrier);
    let search = |faults| {
        let mut explore = Explore::new(&shown.scenario, shown.path, shown.bounds, faults);
        (explore.finish(), explore.progress())
    };
    let (with, without) = (search(Faults::default()), search(Faults::default().with(Fault::PosterBarrier)));
    assert_eq!(with.0, Verdict::Holds);
    assert_eq!(with, without);
    assert!(shown.bounds.store_buffer > 0);
}

#[test]
fn a_missing_barrier_needs_a_store_buffer_to_be_missed() {
    for fault in [Fault::B22, Fault::B30] {
        let shown = example(fault);
        let bounds = Bounds { store_buffer: 0, ..shown.bounds };
        let faults = Faults::default().with(fault);
        assert_eq!(Explore::new(&shown.scenario, shown.path, bounds, faults).finish(), Verdict::Holds, "{fault:?}");
    }
}

#[test]
fn every_preset_holds_in_every_interleaving() {
    let bounds = Bounds { expiries: 1, ..Bounds::DEFAULT };
    for p in PRESETS {
        let scenario = p.scenario().expect("ships valid");
        for path in &scenario.run.paths {
            let repaired = repaired(&scenario, *path);
            let verdict = Explore::new(&repaired, *path, bounds, Faults::default()).finish();
            assert_eq!(verdict, Verdict::Holds, "{} {path:?}", p.name);
        }
    }
}

#[test]
fn a_kernel_of_the_time_has_its_own_faults() {
    let seed = preset("seed-2019").expect("a preset");
    assert_eq!(known(&seed, PathKind::Posted), [Fault::B2, Fault::B4, Fault::B14]);
    let verdict = Explore::new(&seed, PathKind::Posted, Bounds::DEFAULT, Faults::default()).finish();
    assert!(matches!(verdict, Verdict::Violated(found) if matches!(found.broken, Broken::Early { .. })));
    let mut today = preset("pinned-vs-offloaded").expect("a preset");
    assert_eq!(known(&today, PathKind::Posted), []);
    today.vm.era = Era::V5_10;
    assert!(known(&today, PathKind::Posted).contains(&Fault::B3));
}

#[test]
fn a_bound_that_is_too_small_proves_nothing() {
    let scenario = preset("pinned-vs-offloaded").expect("a preset");
    let bounds = Bounds { states: 100, ..Bounds::DEFAULT };
    let mut explore = Explore::new(&scenario, PathKind::Posted, bounds, Faults::default());
    assert_eq!(explore.finish(), Verdict::Unfinished);
    let progress = explore.progress();
    assert!((101..200).contains(&progress.states) && progress.frontier > 0 && progress.depth > 0, "{progress:?}");
}

#[test]
fn what_cannot_be_done_is_not_done() {
    use apic_core::machine::Actor;
    use apic_core::units::CpuId;
    let shown = example(Fault::B2);
    let mut replay = Replay::new(&shown.scenario, shown.path, shown.bounds, Faults::default());
    let before = replay.machine().encode();
    for chosen in [
        Move::Step(Actor::Irq(CpuId(0))),
        Move::Step(Actor::Sw(CpuId(99))),
        Move::Step(Actor::Guest(VcpuId(7))),
        Move::Drain(CpuId(1)),
        Move::Drain(CpuId(99)),
    ] {
        assert_eq!(replay.follow(&[chosen]), None, "{chosen:?}");
    }
    assert_eq!(replay.machine().encode(), before);
}
