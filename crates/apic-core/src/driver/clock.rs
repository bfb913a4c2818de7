//! The clock: every step has a cost, and the actor that is due first moves. Ties go by [`Actor::index`].
//!
//! Costs are drawn per kind and per occurrence ([`crate::cost::Price::sample`]), so two paths of one scenario draw the
//! same costs for the same work.

use super::book::Book;
use crate::cost::{CostKind, Price, Prices};
use crate::effect::Observer;
use crate::machine::{Actor, Machine, Next, Pace, Place, Taken};
use crate::rule::Rule;
use crate::units::Ns;

/// The samples of one kind of cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Draw {
    price: Price,
    stream: u64,
    /// The next sample, made ahead so that nothing waits for it, and its number, moved up to [`Price::COUNT_AT`].
    sample: Ns,
    count: u64,
}

impl Draw {
    fn new(price: Price, seed: u64) -> Self {
        Self { price, stream: price.stream(seed), sample: price.sample(seed, 0), count: 0 }
    }

    #[inline]
    fn draw(&mut self) -> Ns {
        self.count += 1 << Price::COUNT_AT;
        std::mem::replace(&mut self.sample, self.price.sample_of(self.stream, self.count))
    }
}

/// The samples of every kind of cost, by [`CostKind`].
#[derive(Clone, PartialEq, Eq, Debug)]
struct Draws([Draw; CostKind::ALL.len()]);

impl Draws {
    /// When a step is taken if it is `now`, and the number of its rule.
    #[inline]
    fn planned(&mut self, next: Option<Next>, now: Ns) -> Option<(Ns, u8)> {
        let next = next?;
        let at = match self.0.get_mut(next.plain_cost_number()) {
            Some(draw) => next.due_plainly(now, draw.draw()),
            None => self.due_otherwise(next, now),
        };
        Some((at, next.rule_number()))
    }

    /// What costs nothing, or has to wait first.
    #[inline(never)]
    fn due_otherwise(&mut self, next: Next, now: Ns) -> Ns {
        let cost = self.0.get_mut(next.cost_number()).map_or(Ns::ZERO, Draw::draw);
        next.due(now, cost)
    }
}

/// The simulation's clock: when each actor is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clock {
    draws: Draws,
    book: Book,
}

/// The pace of an actor that leads: it goes on while nobody else is due.
struct Goes<'a> {
    draws: &'a mut Draws,
    book: &'a mut Book,
    place: Place,
}

impl Pace for Goes<'_> {
    #[expect(clippy::inline_always, reason = "a run of steps is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    fn plan(&mut self, next: Option<Next>, now: Ns) -> Option<Ns> {
        self.book.set_first(self.place, self.draws.planned(next, now))
    }
}

impl Clock {
    /// At the machine's present state.
    pub fn new(machine: &Machine, costs: &Prices, seed: u64) -> Self {
        let draws = Draws(std::array::from_fn(|kind| Draw::new(*costs.of(CostKind::ALL[kind]), seed)));
        let book = Book::new(machine.cpus().len().max(machine.vcpus().len() + 1));
        let mut clock = Self { draws, book };
        for actor in machine.actors() {
            let next = clock.draws.planned(machine.next(actor), machine.now());
            clock.book.set(Place::of(actor), next);
        }
        clock.book.settle();
        clock
    }

    /// The actor that is due first, and when. `None` if nobody can do anything.
    #[inline]
    pub fn first(&self) -> Option<(Actor, Ns)> {
        self.book.first().map(|(place, at)| (place.actor(), at))
    }

    /// Takes the step that is due first.
    #[inline]
    pub fn step<O: Observer>(&mut self, machine: &mut Machine, obs: &mut O) -> Option<(Actor, Taken)> {
        let (place, at) = self.book.first()?;
        let (taken, next) = machine.advance(place, at, obs);
        let next = self.draws.planned(next, machine.now());
        self.book.set_first(place, next);
        self.look_around(machine, place);
        Some((place.actor(), taken))
    }

    /// Takes the step that is due first, and on with the same actor for as long as nobody else is due before it, or has to
    /// look again. The steps are those that [`Clock::step`] takes. Returns how many there were. A guest's handler starts with
    /// the last of them, if one does.
    #[inline]
    pub fn step_on<O: Observer>(&mut self, machine: &mut Machine, obs: &mut O) -> Option<u32> {
        let (place, at) = self.book.first()?;
        let Self { draws, book } = self;
        let (_, steps) = machine.advance_on(place, at, obs, &mut Goes { draws, book, place });
        self.look_around(machine, place);
        Some(steps)
    }

    /// Takes this actor's step at `at`, if it can move, whoever is due.
    pub fn take<O: Observer>(&mut self, machine: &mut Machine, actor: Actor, at: Ns, obs: &mut O) -> Option<Taken> {
        let earliest = machine.next(actor)?.earliest(machine.now());
        let place = Place::of(actor);
        let (taken, next) = machine.advance(place, at.max(earliest), obs);
        let next = self.draws.planned(next, machine.now());
        self.book.set(place, next);
        self.look_around(machine, place);
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
        let was = self.book.get(place);
        let next = match (was, machine.next_of(place)) {
            // Most that are looked at could do nothing and still cannot.
            (None, None) => return,
            // A cost that counts from now on is the same step, begun earlier, if the rule is the same.
            (Some((at, rule)), Some(next)) if rule == next.rule_number() && next.cost().is_some() => {
                Some((at.max(next.earliest(machine.now())), rule))
            }
            (_, next) => self.draws.planned(next, machine.now()),
        };
        self.book.change(place, was.is_some(), next);
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
