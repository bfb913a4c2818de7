//! The clock: every step has a cost, and the actor that is due first moves. Ties go by [`Actor::index`].
//!
//! Costs are drawn per kind and per occurrence ([`crate::cost::Price::sample`]), so two paths of one scenario draw the
//! same costs for the same work.

use super::due::Due;
use super::queue::{Key, WinnerTree};
use crate::cost::{CostKind, Prices};
use crate::effect::Observer;
use crate::machine::{Actor, Machine, Next, Taken};
use crate::rule::Rule;
use crate::units::Ns;
use std::sync::Arc;

/// The simulation's clock: when each actor is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clock {
    costs: Arc<Prices>,
    seed: u64,
    /// The next sample of each [`CostKind`], and its number.
    draws: [(Ns, u32); CostKind::ALL.len()],
    /// CPUs of the machine.
    cpus: usize,
    /// Who is due first, kept out of the queue: one actor often takes many steps in a row, and the queue stays as it is.
    lead: Due,
    /// What all others are about to do, by [`Actor::index`].
    queue: WinnerTree<Due>,
}

impl Clock {
    /// At the machine's present state.
    pub fn new(machine: &Machine, costs: Arc<Prices>, seed: u64) -> Self {
        let draws = std::array::from_fn(|kind| (costs.of(CostKind::ALL[kind]).sample(seed, 0), 0));
        let cpus = machine.cpus().len();
        let queue = WinnerTree::new(machine.actors().count());
        let mut clock = Self { costs, seed, draws, cpus, lead: Due::NEVER, queue };
        for actor in machine.actors() {
            clock.refresh(machine, actor);
        }
        clock.settle();
        clock
    }

    /// The actor that is due first, and when. `None` if nobody can do anything.
    #[inline]
    pub fn first(&self) -> Option<(Actor, Ns)> {
        (!self.lead.is_never()).then(|| (self.lead.actor(), self.lead.at()))
    }

    /// Takes the step that is due first.
    #[inline]
    pub fn step<O: Observer>(&mut self, machine: &mut Machine, obs: &mut O) -> Option<(Actor, Taken)> {
        let (actor, at) = self.first()?;
        let (taken, next) = machine.advance(actor, at, obs);
        self.lead = self.planned(actor, next);
        self.look_again(machine, actor);
        Some((actor, taken))
    }

    /// Takes this actor's step at `at`, if it can move, whoever is due.
    pub fn take<O: Observer>(&mut self, machine: &mut Machine, actor: Actor, at: Ns, obs: &mut O) -> Option<Taken> {
        let earliest = machine.next(actor)?.earliest;
        let (taken, next) = machine.advance(actor, at.max(earliest), obs);
        let due = self.planned(actor, next);
        self.set(actor, self.due(actor), due);
        self.look_again(machine, actor);
        Some(taken)
    }

    /// After a step: whoever it concerned beside the actor that took it.
    #[inline]
    fn look_again(&mut self, machine: &Machine, mover: Actor) {
        for other in machine.touched() {
            if *other != mover {
                self.refresh(machine, *other);
            }
        }
        self.settle();
    }

    /// Looks at an actor again that did not move.
    #[inline]
    fn refresh(&mut self, machine: &Machine, actor: Actor) {
        let (was, next) = (self.due(actor), machine.next(actor));
        // Most that are looked at could do nothing and still cannot.
        if next.is_some() || !was.is_never() {
            self.change(actor, was, next);
        }
    }

    /// A step that an actor was about to take anyway keeps its time.
    fn change(&mut self, actor: Actor, was: Due, next: Option<Next>) {
        let now = match next {
            // A cost that counts from now on is the same step, begun earlier, if the rule is the same.
            Some(next) if next.cost.is_some() && was.is_for(next.rule) => was.not_before(next.earliest),
            next => self.planned(actor, next),
        };
        if now != was {
            self.set(actor, was, now);
        }
    }

    /// When an actor does what it can do next.
    #[inline]
    fn planned(&mut self, actor: Actor, next: Option<Next>) -> Due {
        next.map_or(Due::NEVER, |next| Due::new(self.due_at(&next), actor, next.rule))
    }

    #[inline]
    fn due_at(&mut self, next: &Next) -> Ns {
        let Some(kind) = next.cost else { return next.earliest };
        // Drawn ahead: nothing waits for the sample that is made here.
        let (sample, number) = &mut self.draws[kind as usize];
        let cost = *sample;
        *number += 1;
        *sample = self.costs.of(kind).sample(self.seed, *number);
        // What may not begin before `earliest` pays its cost from there.
        next.since.plus(cost).max(next.earliest)
    }

    /// What an actor is about to do.
    #[inline]
    fn due(&self, actor: Actor) -> Due {
        if self.leads(actor) { self.lead } else { self.queue.get(actor.index(self.cpus)) }
    }

    #[inline]
    fn leads(&self, actor: Actor) -> bool {
        !self.lead.is_never() && self.lead.actor() == actor
    }

    #[inline]
    fn set(&mut self, actor: Actor, was: Due, now: Due) {
        if self.leads(actor) {
            self.lead = now;
        } else if was.is_never() && now < self.lead {
            // What was not in the queue takes the lead without having been there.
            self.lead_with(now);
        } else {
            self.queue.set(actor.index(self.cpus), now);
        }
    }

    /// Whoever is due first takes the lead.
    #[inline]
    fn settle(&mut self) {
        let first = self.queue.first();
        if first < self.lead {
            self.queue.set(first.actor().index(self.cpus), Due::NEVER);
            self.lead_with(first);
        }
    }

    #[inline]
    fn lead_with(&mut self, first: Due) {
        if !self.lead.is_never() {
            self.queue.set(self.lead.actor().index(self.cpus), self.lead);
        }
        self.lead = first;
    }

    /// Whether this clock has exactly the enabled steps of the machine in its book: a check for tests.
    pub fn agrees_with(&self, machine: &Machine) -> bool {
        self.disagreement(machine).is_none()
    }

    /// The first actor about whom the book is wrong.
    pub fn disagreement(&self, machine: &Machine) -> Option<(Actor, Option<Next>)> {
        let wrong = machine.actors().find(|a| !self.agrees_about(machine, *a))?;
        Some((wrong, machine.next(wrong)))
    }

    fn agrees_about(&self, machine: &Machine, a: Actor) -> bool {
        {
            let due = self.due(a);
            match machine.next(a) {
                None => due.is_never(),
                // A hand may have let time pass an actor by; it moves at once then. And what hrtimer_interrupt does next
                // depends on the time at which it looks.
                Some(next) => {
                    let looks_at_time = matches!(
                        next.rule,
                        Rule::T1 | Rule::T2 | Rule::T3 | Rule::C4 | Rule::P3 | Rule::U5 | Rule::Hv2 | Rule::V2
                    );
                    (due.is_for(next.rule) || looks_at_time)
                        && due.at().max(machine.now()) >= next.earliest
                        && !due.is_never()
                }
            }
        }
    }
}
