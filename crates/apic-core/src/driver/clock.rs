//! The clock: every step has a cost, and the actor that is due first moves. Ties go by [`Actor::index`].
//!
//! Costs are drawn per kind and per occurrence ([`crate::cost::Cost::sample`]), so two paths of one scenario draw the
//! same costs for the same work.

use crate::cost::{CostKind, CostSet};
use crate::effect::Observer;
use crate::machine::{Actor, Machine, Next, Taken};
use crate::rule::Rule;
use crate::units::Ns;
use serde::Serialize;

/// What an actor is about to do, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
struct Due {
    at: Ns,
    /// The rule announced; a change means that it is another step now.
    rule: Rule,
    /// When its cost began to count.
    since: Ns,
}

const NOTHING: Due = Due { at: Ns::NEVER, rule: Rule::A1, since: Ns::NEVER };

/// The simulation's clock: when each actor is due.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Clock {
    #[serde(skip)]
    costs: &'static CostSet,
    seed: u64,
    due: Vec<Due>,
    /// Samples drawn per [`CostKind`].
    drawn: Vec<u32>,
}

impl Clock {
    /// At the machine's present state.
    pub fn new(machine: &Machine, costs: &'static CostSet, seed: u64) -> Self {
        let actors = Actor::count(machine.cpus().len(), machine.vcpus().len());
        let mut clock = Self { costs, seed, due: vec![NOTHING; actors], drawn: vec![0; CostKind::ALL.len()] };
        for actor in machine.actors() {
            clock.refresh(machine, actor, false);
        }
        clock
    }

    /// The actor that is due first, and when. `None` if nobody can do anything.
    #[inline]
    pub fn first(&self, machine: &Machine) -> Option<(Actor, Ns)> {
        let (mut best, mut at) = (0, Ns::NEVER);
        for (i, due) in self.due.iter().enumerate() {
            if due.at < at {
                (best, at) = (i, due.at);
            }
        }
        (!at.is_never()).then(|| (Actor::from_index(best, machine.cpus().len()), at))
    }

    /// Takes the step that is due first.
    #[inline]
    pub fn step<O: Observer>(&mut self, machine: &mut Machine, obs: &mut O) -> Option<(Actor, Taken)> {
        let (actor, at) = self.first(machine)?;
        Some((actor, self.take(machine, actor, at, obs)?))
    }

    /// Takes this actor's step at `at`, and looks again at whoever that concerns.
    #[inline]
    pub fn take<O: Observer>(&mut self, machine: &mut Machine, actor: Actor, at: Ns, obs: &mut O) -> Option<Taken> {
        let taken = machine.apply(actor, at, obs)?;
        self.refresh(machine, actor, true);
        for i in 0..machine.touched().len() {
            let other = machine.touched()[i];
            if other != actor {
                self.refresh(machine, other, false);
            }
        }
        Some(taken)
    }

    /// Looks at an actor again; a step that it was about to take anyway keeps its time, unless it was `taken`.
    #[inline]
    fn refresh(&mut self, machine: &Machine, actor: Actor, taken: bool) {
        let slot = actor.index(machine.cpus().len());
        let was = self.due[slot];
        self.due[slot] = match machine.next(actor) {
            None => NOTHING,
            // A cost that counts from now on is the same step, begun earlier, if the rule is the same.
            Some(next) if !taken && next.cost.is_some() && was.rule == next.rule && !was.at.is_never() => {
                Due { at: was.at.max(next.earliest), ..was }
            }
            Some(next) => Due { at: self.due_at(&next), rule: next.rule, since: next.since },
        };
    }

    #[inline]
    fn due_at(&mut self, next: &Next) -> Ns {
        let Some(kind) = next.cost else { return next.earliest };
        let drawn = &mut self.drawn[kind as usize];
        let cost = self.costs.of(kind).sample(self.seed, *drawn);
        *drawn += 1;
        // What may not begin before `earliest` pays its cost from there.
        next.since.plus(cost).max(next.earliest)
    }

    /// Whether this clock has exactly the enabled steps of the machine in its book: a check for tests.
    pub fn agrees_with(&self, machine: &Machine) -> bool {
        machine.actors().all(|a| {
            let due = &self.due[a.index(machine.cpus().len())];
            match machine.next(a) {
                None => due.at.is_never(),
                Some(next) => due.rule == next.rule && due.at >= next.earliest && !due.at.is_never(),
            }
        })
    }
}
