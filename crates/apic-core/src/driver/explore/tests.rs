//! What holds the search to what it says of itself.

use super::moves::make;
use super::*;
use crate::driver::Clock;
use crate::effect::Silent;
use crate::kvm::Fault;
use crate::machine::{Config, Machine};
use crate::scenario::{PRESETS, preset};
use crate::units::Ns;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;

/// Keeps what a state feeds, byte by byte.
#[derive(Default)]
struct Exact(Vec<u8>);

impl Hasher for Exact {
    fn finish(&self) -> u64 {
        0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

const SMALL: Bounds = Bounds { expiries: 1, ..Bounds::DEFAULT };

/// Each path of each preset.
fn paths() -> impl Iterator<Item = (&'static str, Scenario, PathKind)> {
    PRESETS.iter().flat_map(|p| {
        let scenario = p.scenario().expect("ships valid");
        scenario.run.paths.clone().into_iter().map(move |path| (p.name, scenario.clone(), path))
    })
}

fn moves(system: &System, machine: &Machine) -> Vec<Move> {
    let mut moves = Vec::new();
    system.moves(machine, &mut moves);
    moves
}

fn bytes(machine: &Machine) -> Vec<u8> {
    let mut exact = Exact::default();
    machine.feed(&mut exact);
    exact.0
}

/// The states of a bounded scenario, told apart byte by byte, and the moves between them, found without the search.
fn naive(scenario: &Scenario, path: PathKind, bounds: Bounds) -> (usize, usize) {
    let system = System::new(scenario, path, bounds, Faults::default());
    let (mut seen, mut edges) = (BTreeSet::new(), 0);
    let mut work = vec![system.start()];
    seen.insert(bytes(&work[0]));
    while let Some(machine) = work.pop() {
        if system.is_final(&machine) {
            continue;
        }
        for chosen in moves(&system, &machine) {
            let mut child = machine.clone();
            make(&mut child, chosen, &mut Silent);
            edges += 1;
            if seen.insert(bytes(&child)) {
                work.push(child);
            }
        }
    }
    (seen.len(), edges)
}

#[test]
fn fingerprints_tell_states_apart_as_their_bytes_do() {
    for (name, path) in [
        ("pinned-vs-offloaded", PathKind::Posted),
        ("blocked-vcpu", PathKind::Pinned),
        ("userspace-irqchip", PathKind::Userspace),
    ] {
        let scenario = preset(name).expect("a preset");
        let mut explore = Explore::new(&scenario, path, SMALL, Faults::default());
        assert_eq!(explore.finish(), Verdict::Holds);
        let progress = explore.progress();
        assert_eq!((progress.states, progress.moves), naive(&scenario, path, SMALL), "{name}");
    }
}

/// What [`Machine::feed`] promises, and what merging states rests on: of two states that feed alike and are not the same, each
/// move leads to states that feed alike again.
#[test]
fn what_feeds_alike_behaves_alike() {
    let mut compared = 0;
    for (name, scenario, path) in paths().filter(|(_, scenario, _)| scenario.devices.is_empty()) {
        let bounds = Bounds { store_buffer: 1, ..Bounds::DEFAULT };
        let system = System::new(&repaired(&scenario, path), path, bounds, Faults::default());
        let ways = |machine: &Machine| -> Vec<_> {
            let way = |chosen| {
                let mut child = machine.clone();
                make(&mut child, chosen, &mut Silent);
                (chosen, child)
            };
            moves(&system, machine).into_iter().map(way).collect()
        };
        let mut seen = BTreeMap::from([(bytes(&system.start()), system.start())]);
        let mut work = vec![system.start()];
        while let Some(machine) = work.pop() {
            if seen.len() > 4_000 || system.is_final(&machine) {
                continue;
            }
            for (_, child) in ways(&machine) {
                let Some(other) = seen.get(&bytes(&child)) else {
                    seen.insert(bytes(&child), child.clone());
                    work.push(child);
                    continue;
                };
                if other.encode() == child.encode() || system.is_final(&child) {
                    continue;
                }
                compared += 1;
                for ((chosen, one), (_, two)) in ways(other).into_iter().zip(ways(&child)) {
                    assert!(bytes(&one) == bytes(&two), "{name} {path:?}: {chosen:?} from\n{other:?}\nand\n{child:?}");
                }
                assert_eq!(moves(&system, other), moves(&system, &child), "{name} {path:?}");
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
}

#[test]
fn a_search_in_slices_is_the_search_in_one() {
    let scenario = preset("blocked-vcpu").expect("a preset");
    let mut whole = Explore::new(&scenario, PathKind::Posted, SMALL, Faults::default());
    let verdict = whole.finish();
    let mut sliced = Explore::new(&scenario, PathKind::Posted, SMALL, Faults::default());
    let mut before = sliced.progress();
    while sliced.verdict().is_none() {
        let now = sliced.run(7);
        assert!(now.states >= before.states && now.depth >= before.depth);
        before = now;
    }
    assert_eq!((sliced.verdict(), sliced.progress()), (Some(&verdict), whole.progress()));
    assert_eq!(sliced.run(100), whole.progress(), "a finished search does not go on");
}

/// The argument of the module's head, step by step: whatever the clock does at its times, the search can do at instants.
#[test]
fn every_run_of_the_clock_is_one_of_the_interleavings() {
    let bounds = Bounds { expiries: 3, vcpus: 2, store_buffer: 0, ..Bounds::DEFAULT };
    let mut steps = 0;
    for (name, scenario, path) in paths() {
        for seed in 0..4 {
            let (cfg, horizon) = Config::bounded(&scenario, path, bounds, Faults::default());
            let handlers = cfg.handlers_in_all(bounds);
            let system = System::new(&scenario, path, bounds, Faults::default());
            let (mut simulated, mut searched) = (Machine::new(cfg), system.start());
            let mut clock = Clock::new(&simulated, &scenario.costs.prices(), seed);
            while let Some((_, at)) = clock.first().filter(|(_, at)| *at <= horizon) {
                let Some((actor, taken)) = clock.step(&mut simulated, &mut Silent) else { break };
                while searched.next_instant() <= at {
                    make(&mut searched, Move::Time, &mut Silent);
                }
                let can = moves(&system, &searched);
                assert!(can.contains(&Move::Step(actor)), "{name} {path:?}, seed {seed}: {actor:?} {:?}", taken.rule);
                let Made::Step(matched) = make(&mut searched, Move::Step(actor), &mut Silent) else { unreachable!() };
                assert_eq!(matched, taken, "{name} {path:?}, seed {seed}, step {steps}");
                steps += 1;
            }
            assert!(simulated.fewest_handled() + 1 >= handlers, "{name} {path:?}");
            assert_eq!(simulated.fewest_handled(), searched.fewest_handled(), "{name} {path:?}");
        }
    }
    assert!(steps > 10_000, "{steps}");
}

#[test]
fn moves_have_numbers() {
    let scenario = preset("two-vcpus-one-housekeeper").expect("a preset");
    let (cfg, _) = Config::bounded(&scenario, PathKind::Posted, Bounds { vcpus: 2, ..SMALL }, Faults::default());
    let machine = Machine::new(cfg);
    let (cpus, vcpus) = (machine.cpus().len(), machine.vcpus().len());
    let drains = (0..cpus as u16).map(|cpu| Move::Drain(crate::units::CpuId(cpu)));
    let all: Vec<_> = machine.actors().map(Move::Step).chain(drains).chain([Move::Time]).collect();
    for (i, chosen) in all.into_iter().enumerate() {
        assert_eq!(chosen.index(cpus, vcpus), i as u16);
        assert_eq!(Move::from_index(i as u16, cpus, vcpus), chosen);
    }
}

#[test]
fn a_counterexample_is_as_short_as_can_be() {
    // Depth by depth without a table: no shorter list of moves breaks it.
    let found = example(Fault::B28);
    let faults = Faults::default().with(Fault::B28);
    let system = System::new(&found.scenario, found.path, found.bounds, faults);
    let Verdict::Violated(counterexample) = Explore::new(&found.scenario, found.path, found.bounds, faults).finish()
    else {
        panic!("B28 is found");
    };
    let asleep = |machine: &Machine| machine.vcpus()[0].asleep() && machine.now() >= Ns::from_us(1_000);
    let mut depth = vec![system.start()];
    for n in 0..counterexample.moves.len() {
        assert!(!depth.iter().any(asleep), "after {n} moves");
        let mut seen = BTreeSet::new();
        let mut deeper = Vec::new();
        for machine in &depth {
            for chosen in moves(&system, machine) {
                let mut child = machine.clone();
                make(&mut child, chosen, &mut Silent);
                if seen.insert(bytes(&child)) {
                    deeper.push(child);
                }
            }
        }
        depth = deeper;
    }
    assert!(depth.iter().any(asleep));
}
