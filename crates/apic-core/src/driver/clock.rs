//! The clock: every step has a cost, and the actor that is due first moves. Ties go by [`Actor::index`].
//!
//! Costs are drawn per kind and per occurrence ([`crate::cost::Price::sample`]), so two paths of one scenario draw the
//! same costs for the same work.

use super::book::Book;
use crate::cost::{CostKind, Price, Prices};
use crate::effect::Observer;
use crate::machine::{Actor, Machine, Next, Place, Taken};
use crate::rule::Rule;
use crate::units::Ns;

/// The samples of one kind of cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Draw {
    price: Price,
    /// The next sample, made ahead so that nothing waits for it, and its number.
    sample: Ns,
    number: u32,
}

impl Draw {
    #[inline]
    fn draw(&mut self, seed: u64) -> Ns {
        self.number += 1;
        std::mem::replace(&mut self.sample, self.price.sample(seed, self.number))
    }
}

/// The simulation's clock: when each actor is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clock {
    seed: u64,
    /// By [`CostKind`].
    draws: [Draw; CostKind::ALL.len()],
    book: Book,
}

impl Clock {
    /// At the machine's present state.
    pub fn new(machine: &Machine, costs: &Prices, seed: u64) -> Self {
        let draws = std::array::from_fn(|kind| {
            let price = *costs.of(CostKind::ALL[kind]);
            Draw { price, sample: price.sample(seed, 0), number: 0 }
        });
        let book = Book::new(machine.cpus().len().max(machine.vcpus().len() + 1));
        let mut clock = Self { seed, draws, book };
        for actor in machine.actors() {
            let next = clock.planned(machine, machine.next(actor));
            clock.book.set(Place::of(actor), next);
        }
        clock.book.settle();
        clock
    }

    /// The actor that is due first, and when. `None` if nobody can do anything.
    #[inline]
    pub fn first(&self) -> Option<(Actor, Ns)> {
        self.book.first()
    }

    /// Takes the step that is due first.
    #[inline]
    pub fn step<O: Observer>(&mut self, machine: &mut Machine, obs: &mut O) -> Option<(Actor, Taken)> {
        let (actor, at) = self.first()?;
        // A run that records nothing is to be fast: one piece of code from here to the guest.
        let (taken, next) =
            if O::RECORDS { machine.advance_apart(actor, at, obs) } else { machine.advance(actor, at, obs) };
        let next = self.planned(machine, next);
        self.book.set_first(next);
        self.look_around(machine, self.book.leader());
        Some((actor, taken))
    }

    /// Takes this actor's step at `at`, if it can move, whoever is due.
    pub fn take<O: Observer>(&mut self, machine: &mut Machine, actor: Actor, at: Ns, obs: &mut O) -> Option<Taken> {
        let earliest = machine.next(actor)?.earliest(machine.now());
        let (taken, next) = machine.advance_apart(actor, at.max(earliest), obs);
        let next = self.planned(machine, next);
        self.book.set(Place::of(actor), next);
        self.look_around(machine, Place::of(actor));
        Some(taken)
    }

    /// After a step: whoever it concerned beside the actor that took it.
    #[inline]
    fn look_around(&mut self, machine: &Machine, mover: Place) {
        for other in machine.touched() {
            if *other != mover {
                self.look_again(machine, *other);
            }
        }
        self.book.settle();
    }

    /// Looks at an actor again that did not move. A step that it was about to take anyway keeps its time.
    #[inline]
    fn look_again(&mut self, machine: &Machine, place: Place) {
        let next = match (self.book.get(place), machine.next(place.actor())) {
            // Most that are looked at could do nothing and still cannot.
            (None, None) => return,
            // A cost that counts from now on is the same step, begun earlier, if the rule is the same.
            (Some((at, rule)), Some(next)) if rule == next.rule_number() && next.cost().is_some() => {
                Some((at.max(next.earliest(machine.now())), rule))
            }
            (_, next) => self.planned(machine, next),
        };
        self.book.set(place, next);
    }

    /// When a step is taken, and the number of its rule.
    #[inline]
    fn planned(&mut self, machine: &Machine, next: Option<Next>) -> Option<(Ns, u8)> {
        let next = next?;
        let cost = self.draws.get_mut(next.cost_number()).map_or(Ns::ZERO, |draw| draw.draw(self.seed));
        Some((next.due(machine.now(), cost), next.rule_number()))
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
        match (machine.next(a), self.book.get(Place::of(a))) {
            (None, None) => true,
            (None, Some(_)) | (Some(_), None) => false,
            // A hand may have let time pass an actor by; it moves at once then. And what hrtimer_interrupt does next
            // depends on the time at which it looks.
            (Some(next), Some((at, rule))) => {
                let looks_at_time = matches!(
                    next.rule(),
                    Rule::T1 | Rule::T2 | Rule::T3 | Rule::C4 | Rule::P3 | Rule::U5 | Rule::Hv2 | Rule::V2
                );
                (rule == next.rule_number() || looks_at_time) && at.max(machine.now()) >= next.earliest(machine.now())
            }
        }
    }
}
