//! The clock again, as plainly as it can be said: every appointment in a list, and the whole list searched at each step.
//! What the tests hold the fast one to.

use super::Clock;
use crate::cost::{CostKind, Prices, SKYLAKE};
use crate::effect::{Effect, Silent};
use crate::host::Topology;
use crate::machine::{Actor, Config, Machine, Next, Taken};
use crate::rule::Rule;
use crate::scenario::{GuestIdle, Load, PRESETS, PathKind, Scenario, Vcpu};
use crate::units::{CpuId, Ns};

struct Naive {
    prices: Prices,
    seed: u64,
    /// What each actor is about to do, in the order that breaks ties.
    book: Vec<(Actor, Option<(Ns, Rule)>)>,
    drawn: [u32; CostKind::ALL.len()],
}

impl Naive {
    fn new(machine: &Machine, seed: u64) -> Self {
        let book = machine.actors().map(|actor| (actor, None)).collect();
        let mut clock = Self { prices: Prices::of_set(&SKYLAKE), seed, book, drawn: [0; CostKind::ALL.len()] };
        for actor in machine.actors() {
            clock.look(machine, actor, false);
        }
        clock
    }

    fn step(&mut self, machine: &mut Machine) -> Option<(Actor, Taken)> {
        let due = self.book.iter().filter_map(|(actor, due)| due.map(|(at, _)| (at, *actor)));
        let (at, actor) = due.min_by_key(|(at, _)| *at)?;
        let taken = machine.apply(actor, at, &mut Silent)?;
        self.look(machine, actor, true);
        for other in machine.touched().iter().map(|place| place.actor()) {
            if other != actor {
                self.look(machine, other, false);
            }
        }
        Some((actor, taken))
    }

    fn look(&mut self, machine: &Machine, actor: Actor, moved: bool) {
        let next = machine.next(actor);
        let drawn = &mut self.drawn;
        let mut due_at = |next: &Next| match next.cost() {
            None => next.earliest(machine.now()),
            Some(kind) => {
                drawn[kind as usize] += 1;
                let cost = self.prices.of(kind).sample(self.seed, drawn[kind as usize] - 1);
                next.due(machine.now(), cost)
            }
        };
        let entry = self.book.iter_mut().find(|(a, _)| *a == actor).expect("every actor has one");
        entry.1 = match (entry.1, next) {
            (Some((at, rule)), Some(next)) if !moved && next.cost().is_some() && rule == next.rule() => {
                Some((at.max(next.earliest(machine.now())), rule))
            }
            (_, next) => next.map(|next| (due_at(&next), next.rule())),
        };
    }
}

/// The presets, and one with six vCPUs that start together, so that equal times abound.
fn scenarios() -> impl Iterator<Item = Scenario> {
    let presets = PRESETS.iter().map(|p| p.scenario().expect("ships valid"));
    let mut crowd = presets.clone().next().expect("there is one");
    crowd.host.topology = Topology { sockets: 1, llcs: 1, cores: 8, smt: 1 };
    crowd.host.nohz_full = (1..8).map(CpuId).collect();
    crowd.host.housekeepers[0].load = Load::Bursts { busy_us: 310, idle_us: 170 };
    crowd.vcpus = (1..7).map(|cpu| Vcpu { cpu: CpuId(cpu), start_us: 10, rival: None }).collect();
    crowd.guest.idle = GuestIdle::Hlt;
    crowd.guest.period_us = 100;
    presets.chain([crowd])
}

#[test]
fn the_fast_clock_takes_the_steps_of_the_naive_one() {
    for scenario in scenarios() {
        for path in PathKind::ALL {
            let mut machine = Machine::new(Config::new(&scenario, *path));
            let mut twin = machine.clone();
            let mut clock = Clock::new(&machine, &scenario.costs.prices(), scenario.run.seed);
            let mut naive = Naive::new(&twin, scenario.run.seed);
            for n in 0..6_000 {
                let fast = clock.step(&mut machine, &mut Silent);
                assert_eq!(fast, naive.step(&mut twin), "step {n} of {:?}, {path:?}", scenario.meta.title);
                if fast.is_none() {
                    break;
                }
                assert_eq!(machine.now(), twin.now(), "step {n} of {:?}, {path:?}", scenario.meta.title);
            }
            assert_eq!(machine.encode(), twin.encode());
        }
    }
}

#[test]
fn a_clock_that_was_led_by_hand_is_found_again() {
    let scenario = PRESETS[0].scenario().expect("ships valid");
    let mut machine = Machine::new(Config::new(&scenario, PathKind::Posted));
    let mut clock = Clock::new(&machine, &scenario.costs.prices(), 1);
    let mut effects: Vec<Effect> = Vec::new();
    for n in 0..3_000usize {
        let enabled: Vec<Actor> = machine.enabled().map(|(actor, _)| actor).collect();
        // Every third step is somebody's who is not due.
        let actor =
            if n % 3 == 0 { enabled[n / 3 % enabled.len()] } else { clock.first().expect("somebody can move").0 };
        let at = machine.now();
        assert!(clock.take(&mut machine, actor, at, &mut effects).is_some());
        assert!(clock.agrees_with(&machine), "after step {n}");
    }
}
