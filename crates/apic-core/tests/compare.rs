//! Paths and eras side by side: every step is taken once, whatever counts as one moment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use apic_core::kvm::Era;
use apic_core::run::{Align, Compare, History, Lockstep, Marks, STEP_NS, Way};
use apic_core::scenario::{PRESETS, PathKind, Scenario, preset};

fn first() -> Scenario {
    preset("pinned-vs-offloaded").expect("ships")
}

fn aligned(scenario: &Scenario, align: Align) -> Lockstep {
    Lockstep::comparing(scenario, &Compare { align, ..Compare::default() }, &[])
}

#[test]
fn every_alignment_takes_every_step_once_and_in_order() {
    for preset in PRESETS {
        let scenario = preset.scenario().expect("ships");
        for align in Align::ALL {
            let lockstep = aligned(&scenario, align);
            for (p, path) in lockstep.paths().iter().enumerate() {
                let steps: Vec<u32> =
                    (0..lockstep.len()).filter_map(|beat| lockstep.beat(beat).expect("inside").steps[p]).collect();
                assert_eq!(steps, (0..path.len() as u32).collect::<Vec<_>>(), "{} {align:?}", preset.name);
            }
        }
    }
}

#[test]
fn by_expiry_the_expiries_of_all_paths_stand_at_one_place() {
    for name in ["pinned-vs-offloaded", "five-paths", "preemption-timer"] {
        let Ok(scenario) = preset(name) else { continue };
        let lockstep = aligned(&scenario, Align::Expiry);
        let expiries = |p: usize, path: &History| -> Vec<u64> {
            let steps = path.metas().iter().enumerate().filter(|(_, m)| m.marks.has(Marks::EXPIRY));
            steps
                .map(|(i, _)| (lockstep.from_expiry(p, i as u32), lockstep.place(p, i as u32)))
                .inspect(|(from, _)| assert_eq!(*from, 0, "{name}"))
                .map(|(_, place)| place)
                .collect()
        };
        let all: Vec<Vec<u64>> = lockstep.paths().iter().enumerate().map(|(p, path)| expiries(p, path)).collect();
        let told: Vec<&Vec<u64>> = all.iter().filter(|e| !e.is_empty()).collect();
        assert!(!told.is_empty() && told.windows(2).all(|w| w[0] == w[1]), "{name}: {all:?}");
    }
}

#[test]
fn by_step_a_beat_is_one_step_of_each_path() {
    let lockstep = aligned(&first(), Align::Step);
    let tick = lockstep.ticks()[1].clone();
    for (i, beat) in tick.enumerate() {
        let steps = lockstep.beat(beat).expect("inside").steps;
        for (p, step) in steps.iter().enumerate().filter_map(|(p, step)| step.map(|s| (p, s))) {
            assert_eq!(lockstep.place(p, step), i as u64 * STEP_NS);
            assert_eq!(lockstep.step_in_tick(p, step), i as u32);
        }
    }
}

#[test]
fn an_era_of_its_own_is_a_run_of_its_own() {
    let way = |era| Way { path: PathKind::Posted, era, kept: false };
    let ways = vec![way(None), way(Some(Era::V4_7)), way(Some(Era::V6_19))];
    let compare = Compare { ways, ..Compare::default() };
    compare.check(&first()).expect("all three have it");
    let lockstep = Lockstep::comparing(&first(), &compare, &[]);
    let rules = |p: usize| lockstep.paths()[p].metas().iter().map(|m| m.rule).collect::<Vec<_>>();
    assert_ne!(rules(0), rules(1), "4.7 pins");
    assert_eq!(rules(0), rules(2), "6.19 is the scenario's own");
    assert_eq!(lockstep.paths()[1].way().title(), "Offloaded, era 4.7");
    assert_eq!(lockstep.paths()[1].way().key(), "posted@4.7");
    let mut older = first();
    older.vm.era = Era::V4_7;
    assert_eq!(rules(1), History::new(&older, PathKind::Posted).metas().iter().map(|m| m.rule).collect::<Vec<_>>());
}

#[test]
fn one_path_is_run_again_and_the_others_stay() {
    let mut lockstep = Lockstep::new(&first());
    let before = lockstep.clone();
    let clock = apic_core::machine::Actor::Clock(apic_core::units::CpuId(3));
    lockstep.pick(0, &[apic_core::driver::Pick { step: 11, actor: clock }]);
    assert_eq!(lockstep.paths()[1].metas(), before.paths()[1].metas());
    assert_ne!(lockstep.paths()[0].metas(), before.paths()[0].metas());
    assert_eq!(lockstep.position(), 0);
    lockstep.pick(0, &[]);
    assert_eq!(lockstep.paths()[0].metas(), before.paths()[0].metas());
}

#[test]
fn two_scenarios_run_beside_each_other() {
    let mut kept = first();
    kept.host.topology.cores = 6;
    kept.vm.apicv = false;
    let posted = |kept| Way { kept, ..Way::of(PathKind::Posted) };
    let mut compare = Compare { ways: vec![posted(false), posted(true)], ..Compare::default() };
    assert!(compare.check(&first()).expect_err("nothing is kept").to_string().contains("no scenario is kept"));
    compare.kept = Some(std::sync::Arc::new(kept.clone()));
    compare.check(&first()).expect("both have it");
    let mut lockstep = Lockstep::comparing(&first(), &compare, &[]);
    let rules = |history: &History| history.metas().iter().map(|m| m.rule).collect::<Vec<_>>();
    assert_eq!(rules(&lockstep.paths()[1]), rules(&History::new(&kept, PathKind::Posted)));
    assert_ne!(rules(&lockstep.paths()[0]), rules(&lockstep.paths()[1]));
    assert_eq!((lockstep.scenario_of(0), lockstep.scenario_of(1)), (&first(), &kept));
    assert_eq!(lockstep.paths()[1].way().key(), "posted@kept");
    assert_eq!(lockstep.paths()[1].way().title(), "Offloaded, as kept");
    // Run again by hand, it is still of the kept one.
    let before = rules(&lockstep.paths()[1]);
    lockstep.pick(1, &[]);
    assert_eq!(rules(&lockstep.paths()[1]), before);
    // What the kept one refuses is refused, whatever the other one allows.
    compare.ways[1] = Way { kept: true, ..Way::of(PathKind::Avic) };
    assert!(compare.check(&first()).expect_err("AVIC is off").to_string().contains("vm.apicv"));
}
