//! What every actor is about to do, and who is first.

use super::queue::WinnerTree;
use crate::machine::{Actor, Place};
use crate::units::Ns;

/// Time and actor of a step to come in one number that sorts: from the highest bit 45 of time, and below its [`Place`]. So
/// equal times go by that.
type Due = u64;

const TIME_AT: u32 = Place::BITS;

/// The last time of all is none, whoever's it is.
const NEVER: Due = Due::MAX << TIME_AT;

/// The actors of one number ([`Place::number`]), in the order of their kinds: a CPU's, and one guest or the VT-d unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Row {
    dues: [Due; Actor::KINDS],
    /// By their numbers.
    rules: [u8; Actor::KINDS],
}

impl Row {
    const EMPTY: Self = Self { dues: [Due::MAX; Actor::KINDS], rules: [0; Actor::KINDS] };

    #[inline]
    fn first(&self) -> Due {
        let [irq, sw, wire, clock, guest] = self.dues;
        irq.min(sw).min(wire.min(clock)).min(guest)
    }
}

/// Every actor's next step.
///
/// One actor often takes many steps in a row, and when it is done it often makes another one able to move that could not.
/// So whoever is first is kept apart, and rows and queue stay as they are.
///
/// The queue has a leaf per row, not per actor: the five of a row lie side by side, and their first is soon found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Book {
    /// What is due first, which the rows know nothing of.
    lead: Due,
    lead_rule: u8,
    /// Times are counted from here: 45 bits are nine hours.
    epoch: Ns,
    rows: Box<[Row]>,
    firsts: WinnerTree<Due>,
}

impl Book {
    /// Nobody is about to do anything. Actors' numbers are below `numbers`.
    pub(super) fn new(numbers: usize) -> Self {
        Self {
            lead: NEVER,
            lead_rule: 0,
            epoch: Ns::ZERO,
            rows: vec![Row::EMPTY; numbers].into(),
            firsts: WinnerTree::new(numbers),
        }
    }

    /// Who is first, and when, once changes are [settled](Self::settle).
    #[inline]
    pub(super) fn first(&self) -> Option<(Place, Ns)> {
        (self.lead < NEVER).then(|| (self.leader(), self.time(self.lead)))
    }

    #[inline]
    fn leader(&self) -> Place {
        Place::from_bits(self.lead)
    }

    /// What an actor is about to do, and when.
    #[inline]
    pub(super) fn get(&self, place: Place) -> Option<(Ns, u8)> {
        let (due, rule) = self.entry(place);
        (due < NEVER).then(|| (self.time(due), rule))
    }

    /// What whoever is first, at this place, is about to do from now on, and when. Returns when, if it still is the first.
    #[inline]
    pub(super) fn set_first(&mut self, leader: Place, next: Option<(Ns, u8)>) -> Option<Ns> {
        debug_assert!(self.leads(leader));
        (self.lead, self.lead_rule) = self.due(leader, next);
        next.filter(|_| self.lead < self.firsts.first()).map(|(at, _)| at)
    }

    /// What an actor is about to do from now on, and when.
    pub(super) fn set(&mut self, place: Place, next: Option<(Ns, u8)>) {
        self.change(place, self.get(place).is_some(), next);
    }

    /// The same for a caller that knows whether it was about to do anything.
    #[expect(clippy::inline_always, reason = "called for every actor that a step concerns")]
    #[inline(always)]
    pub(super) fn change(&mut self, place: Place, was: bool, next: Option<(Ns, u8)>) {
        let (due, rule) = self.due(place, next);
        if self.leads(place) {
            (self.lead, self.lead_rule) = (due, rule);
        } else if !was && due < self.lead {
            // What was not in the rows takes the lead without having been there.
            self.lead_with(due, rule);
        } else {
            self.enter(due, rule);
        }
    }

    /// After changes: whoever is first now is kept apart.
    #[inline]
    pub(super) fn settle(&mut self) {
        let first = self.firsts.first();
        if first < self.lead {
            self.overtaken_by(first);
        }
    }

    /// What is first in the rows takes the lead. Most often nobody does: the same actor goes on.
    #[inline(never)]
    fn overtaken_by(&mut self, first: Due) {
        let rule = self.entry(Place::from_bits(first)).1;
        self.enter(first | NEVER, 0);
        self.lead_with(first, rule);
    }

    fn lead_with(&mut self, due: Due, rule: u8) {
        if self.lead < NEVER {
            self.enter(self.lead, self.lead_rule);
        }
        (self.lead, self.lead_rule) = (due, rule);
    }

    #[inline]
    fn entry(&self, place: Place) -> (Due, u8) {
        if self.leads(place) {
            return (self.lead, self.lead_rule);
        }
        let (kind, row) = (place.kind(), &self.rows[place.number()]);
        (row.dues[kind], row.rules[kind])
    }

    fn enter(&mut self, due: Due, rule: u8) {
        let place = Place::from_bits(due);
        let row = &mut self.rows[place.number()];
        row.dues[place.kind()] = due;
        row.rules[place.kind()] = rule;
        let first = row.first();
        self.firsts.set(place.number(), first);
    }

    #[inline]
    fn leads(&self, place: Place) -> bool {
        self.leader() == place
    }

    #[inline]
    fn due(&mut self, place: Place, next: Option<(Ns, u8)>) -> (Due, u8) {
        match next {
            None => (NEVER | place.bits(), 0),
            Some((at, rule)) if self.fits(at) => (self.since_epoch(at) << TIME_AT | place.bits(), rule),
            Some((at, rule)) => (self.turned_to(at) | place.bits(), rule),
        }
    }

    #[inline]
    fn since_epoch(&self, at: Ns) -> u64 {
        at.as_ns().wrapping_sub(self.epoch.as_ns())
    }

    #[inline]
    fn fits(&self, at: Ns) -> bool {
        self.since_epoch(at) < NEVER >> TIME_AT
    }

    #[inline]
    fn time(&self, due: Due) -> Ns {
        Ns::from_ns((due >> TIME_AT).wrapping_add(self.epoch.as_ns()))
    }

    /// Counts from the earliest time in the book from now on, or from `at`, and returns the time of a step at `at`. What is
    /// nine hours ahead of that is never reached: no scenario plans for more than one.
    #[cold]
    fn turned_to(&mut self, at: Ns) -> Due {
        let places =
            (0..Actor::KINDS * self.rows.len()).map(|i| Place::new(i % Actor::KINDS, (i / Actor::KINDS) as u16));
        let all: Vec<_> = places.filter_map(|place| Some((place, self.get(place)?))).collect();
        let epoch = all.iter().map(|(_, (at, _))| *at).fold(at, Ns::min);
        *self = Self { epoch, lead: self.lead | NEVER, ..Self::new(self.rows.len()) };
        for (place, next) in all {
            if self.fits(next.0) {
                self.set(place, Some(next));
            }
        }
        if self.fits(at) { self.since_epoch(at) << TIME_AT } else { NEVER }
    }
}

#[cfg(test)]
mod tests {
    use super::Book;
    use crate::machine::{Actor, Place};
    use crate::units::{CpuId, Ns, VcpuId};

    fn order(book: &mut Book) -> Vec<(Actor, u64)> {
        let mut order = Vec::new();
        book.settle();
        while let Some((place, at)) = book.first() {
            order.push((place.actor(), at.as_ns()));
            book.set_first(place, None);
            book.settle();
        }
        order
    }

    #[test]
    fn equal_times_go_by_kind_and_then_by_number() {
        let actors = [
            Actor::Irq(CpuId(1)),
            Actor::Irq(CpuId(6)),
            Actor::Sw(CpuId(0)),
            Actor::Wire(CpuId(5)),
            Actor::Clock(CpuId(3)),
            Actor::Guest(VcpuId(2)),
        ];
        let mut book = Book::new(7);
        book.set(Place::of(Actor::Sw(CpuId(4))), Some((Ns::from_ns(6), 2)));
        for actor in actors.iter().rev() {
            book.set(Place::of(*actor), Some((Ns::from_ns(7), 2)));
        }
        let mut expect = vec![(Actor::Sw(CpuId(4)), 6)];
        expect.extend(actors.map(|actor| (actor, 7)));
        assert_eq!(order(&mut book), expect);
    }

    #[test]
    fn times_may_run_on_for_ever() {
        let mut book = Book::new(1_000);
        let (early, late) = (Actor::Guest(VcpuId(998)), Actor::Irq(CpuId(0)));
        let hour = 3_600_000_000_000;
        for now in (0..100_000).map(|n| n * hour) {
            book.set(Place::of(late), Some((Ns::from_ns(now + hour), 3)));
            book.set(Place::of(early), Some((Ns::from_ns(now + 1), 2)));
            book.settle();
            assert_eq!(book.first(), Some((Place::of(early), Ns::from_ns(now + 1))));
            assert_eq!(book.get(Place::of(late)), Some((Ns::from_ns(now + hour), 3)));
            book.set_first(Place::of(early), None);
            book.settle();
        }
        // Back, as a hand may go that hurries somebody.
        book.set(Place::of(early), Some((Ns::from_ns(5), 2)));
        assert_eq!(order(&mut book)[0], (early, 5));
    }
}
