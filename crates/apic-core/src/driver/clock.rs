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
}

const NOTHING: Due = Due { at: Ns::NEVER, rule: Rule::A1 };

/// The simulation's clock: when each actor is due.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Clock {
    #[serde(skip)]
    costs: &'static CostSet,
    seed: u64,
    /// All actors, by [`Actor::index`].
    #[serde(skip)]
    actors: Vec<Actor>,
    /// By the same number.
    due: Vec<Due>,
    /// Times of `due` again, close together for the search.
    times: Vec<Ns>,
    /// Samples drawn per [`CostKind`].
    drawn: Vec<u32>,
    #[serde(skip)]
    lead: Lead,
}

/// Who is due first and who second, while that is known: one actor often takes many steps in a row.
#[derive(Clone, Copy, Debug)]
struct Lead {
    known: bool,
    first: usize,
    second: usize,
    second_at: Ns,
}

const UNKNOWN: Lead = Lead { known: false, first: 0, second: 0, second_at: Ns::NEVER };

/// What can be found again by looking is no part of the clock's state.
impl PartialEq for Lead {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Lead {}

impl Clock {
    /// At the machine's present state.
    pub fn new(machine: &Machine, costs: &'static CostSet, seed: u64) -> Self {
        let actors: Vec<Actor> = machine.actors().collect();
        let (due, times) = (vec![NOTHING; actors.len()], vec![Ns::NEVER; actors.len()]);
        let mut clock = Self { costs, seed, actors, due, times, drawn: vec![0; CostKind::ALL.len()], lead: UNKNOWN };
        for actor in machine.actors() {
            clock.refresh(machine, actor, false);
        }
        clock
    }

    /// The actor that is due first, and when. `None` if nobody can do anything.
    pub fn first(&self) -> Option<(Actor, Ns)> {
        let first = self.search().first;
        let at = *self.times.get(first)?;
        (!at.is_never()).then(|| (self.actors[first], at))
    }

    fn search(&self) -> Lead {
        let (mut first, mut at) = (0, Ns::NEVER);
        let (mut second, mut second_at) = (0, Ns::NEVER);
        for (i, time) in self.times.iter().enumerate() {
            if *time < at {
                (second, second_at) = (first, at);
                (first, at) = (i, *time);
            } else if *time < second_at {
                (second, second_at) = (i, *time);
            }
        }
        Lead { known: true, first, second, second_at }
    }

    /// Takes the step that is due first.
    #[inline]
    pub fn step<O: Observer>(&mut self, machine: &mut Machine, obs: &mut O) -> Option<(Actor, Taken)> {
        if !self.lead.known {
            self.lead = self.search();
        }
        let at = self.times[self.lead.first];
        if at.is_never() {
            return None;
        }
        let actor = self.actors[self.lead.first];
        let taken = machine.apply_enabled(actor, at, obs);
        self.look_again(machine, actor);
        Some((actor, taken))
    }

    /// Takes this actor's step at `at`, if it can move, whoever is due.
    pub fn take<O: Observer>(&mut self, machine: &mut Machine, actor: Actor, at: Ns, obs: &mut O) -> Option<Taken> {
        let taken = machine.apply(actor, at, obs)?;
        self.look_again(machine, actor);
        Some(taken)
    }

    /// After a step: the actor that took it, and whoever it concerned.
    #[inline]
    fn look_again(&mut self, machine: &Machine, actor: Actor) {
        self.refresh(machine, actor, true);
        let slot = actor.index(machine.cpus().len());
        for other in machine.touched() {
            if *other != actor {
                self.refresh(machine, *other, false);
                self.lead.known = false;
            }
        }
        // Nobody else changed: the same actor goes on, unless the second is due before it (a tie goes by index).
        let at = self.times[slot];
        let leads = (at, slot) < (self.lead.second_at, self.lead.second) && !at.is_never();
        self.lead.known &= leads && slot == self.lead.first;
    }

    /// Looks at an actor again; a step that it was about to take anyway keeps its time, unless it was `taken`.
    #[inline]
    fn refresh(&mut self, machine: &Machine, actor: Actor, taken: bool) {
        let slot = actor.index(machine.cpus().len());
        let was = self.due[slot];
        let now = match machine.next(actor) {
            None => NOTHING,
            // A cost that counts from now on is the same step, begun earlier, if the rule is the same.
            Some(next) if !taken && next.cost.is_some() && was.rule == next.rule && !was.at.is_never() => {
                Due { at: was.at.max(next.earliest), ..was }
            }
            Some(next) => Due { at: self.due_at(&next), rule: next.rule },
        };
        self.due[slot] = now;
        self.times[slot] = now.at;
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
        self.disagreement(machine).is_none()
    }

    /// The first actor about whom the book is wrong.
    pub fn disagreement(&self, machine: &Machine) -> Option<(Actor, Rule, Option<Next>)> {
        let wrong = machine.actors().find(|a| !self.agrees_about(machine, *a))?;
        Some((wrong, self.due[wrong.index(machine.cpus().len())].rule, machine.next(wrong)))
    }

    fn agrees_about(&self, machine: &Machine, a: Actor) -> bool {
        {
            let due = &self.due[a.index(machine.cpus().len())];
            match machine.next(a) {
                None => due.at.is_never(),
                // A hand may have let time pass an actor by; it moves at once then. And what hrtimer_interrupt does next
                // depends on the time at which it looks.
                Some(next) => {
                    let looks_at_time = matches!(
                        next.rule,
                        Rule::T1 | Rule::T2 | Rule::T3 | Rule::C4 | Rule::P3 | Rule::U5 | Rule::Hv2 | Rule::V2
                    );
                    (due.rule == next.rule || looks_at_time)
                        && due.at.max(machine.now()) >= next.earliest
                        && !due.at.is_never()
                }
            }
        }
    }
}
