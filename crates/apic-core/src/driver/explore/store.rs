//! States put together from parts that are kept once each, as in the collapse compression of model checkers (G. J. Holzmann,
//! "State compression in SPIN", 1997): a state is a few numbers, and what a move leaves alone is neither copied nor hashed.

use super::visited::{Fingerprint, Visited};
use crate::machine::{Machine, Part};
use crate::units::Ns;
use std::hash::Hasher as _;

/// A part that was seen.
#[derive(Clone, Debug)]
struct Kept {
    part: Part,
    print: u64,
    /// The time that it was seen at.
    at: Ns,
    /// The first instant after that that something of it is compared with.
    instant: Ns,
    /// The last time to which it was carried, and its number then.
    later: (Ns, u32),
}

/// What was seen in one place.
#[derive(Clone, Debug, Default)]
struct Place {
    numbers: Visited,
    kept: Vec<Kept>,
}

/// Every part that was seen, by place and number, and a machine that is one of the states.
#[derive(Clone, Debug)]
pub(super) struct Store {
    places: Vec<Place>,
    machine: Machine,
    /// Which state it is.
    loaded: Vec<u32>,
    /// What the last move changed, be it something that does not count.
    changed: Vec<usize>,
}

impl Store {
    /// With the state in which a run begins.
    pub(super) fn new(machine: Machine) -> Self {
        let places = vec![Place::default(); machine.parts()];
        let loaded = vec![0; machine.parts()];
        let mut store = Self { places, machine, loaded, changed: Vec::new() };
        for place in 0..store.places.len() {
            store.loaded[place] = store.keep(place);
        }
        store
    }

    /// Numbers that make a state.
    pub(super) fn width(&self) -> usize {
        self.places.len()
    }

    /// The machine as it is now.
    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The same, to make a move: [`Store::settle`] has to be next.
    pub(super) fn machine_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// The numbers of the state that was loaded.
    pub(super) fn loaded(&self) -> &[u32] {
        &self.loaded
    }

    /// The fingerprint of the state that was loaded.
    pub(super) fn print(&self) -> u64 {
        self.places.iter().zip(&self.loaded).fold(0, |sum, (place, n)| sum.wrapping_add(place.kept[*n as usize].print))
    }

    /// The first instant that anything but an actor waits for, of the state that was loaded.
    pub(super) fn instant(&self) -> Ns {
        let of = |(place, n): (&Place, &u32)| place.kept[*n as usize].instant;
        self.places.iter().zip(&self.loaded).map(of).min().unwrap_or(Ns::NEVER)
    }

    /// Makes the machine another state.
    pub(super) fn load(&mut self, state: &[u32]) {
        for (place, number) in state.iter().enumerate() {
            if self.loaded[place] != *number {
                self.loaded[place] = *number;
                self.machine.put_part(place, &self.places[place].kept[*number as usize].part);
            }
        }
        let now = self.places[0].kept[state[0] as usize].at;
        self.machine.reset_to(now);
    }

    /// After a move that reaches these parts: writes the numbers of the state that it led to, and returns its fingerprint,
    /// given that of the state that was loaded.
    #[inline]
    pub(super) fn settle(&mut self, reached: &[usize], before: u64, state: &mut [u32]) -> u64 {
        state.copy_from_slice(&self.loaded);
        let mut print = before;
        for place in reached {
            let number = self.loaded[*place];
            let kept = &self.places[*place].kept[number as usize];
            if self.machine.part_is(*place, &kept.part) {
                continue;
            }
            self.changed.push(*place);
            print = print.wrapping_sub(kept.print);
            let number = self.keep(*place);
            state[*place] = number;
            print = print.wrapping_add(self.places[*place].kept[number as usize].print);
        }
        debug_assert!(
            (0..state.len()).all(|place| {
                let kept = &self.places[place].kept[self.loaded[place] as usize];
                reached.contains(&place) || self.machine.part_is(place, &kept.part)
            }),
            "a move changed what it does not reach"
        );
        print
    }

    /// The same after time has passed, which changes the number of every part and nothing else.
    pub(super) fn settle_later(&mut self, state: &mut [u32]) -> u64 {
        let now = self.machine.now();
        let mut print = 0u64;
        for place in 0..state.len() {
            let from = self.loaded[place] as usize;
            let (at, number) = self.places[place].kept[from].later;
            state[place] = if at == now { number } else { self.keep(place) };
            let kept = &mut self.places[place].kept;
            kept[from].later = (now, state[place]);
            print = print.wrapping_add(kept[state[place] as usize].print);
        }
        print
    }

    /// Takes the move back.
    #[inline]
    pub(super) fn undo(&mut self, now: Ns) {
        while let Some(place) = self.changed.pop() {
            let number = self.loaded[place] as usize;
            self.machine.put_part(place, &self.places[place].kept[number].part);
        }
        self.machine.reset_to(now);
    }

    /// Bytes of memory, about.
    pub(super) fn bytes(&self) -> usize {
        let of = |place: &Place| place.numbers.bytes() + place.kept.len() * 2 * size_of::<Kept>();
        self.places.iter().map(of).sum()
    }

    /// The number of a part as it is now.
    fn keep(&mut self, place: usize) -> u32 {
        let mut print = Fingerprint::new();
        print.write_usize(place);
        self.machine.feed_part(place, &mut print);
        let print = print.finish();
        let Place { numbers, kept } = &mut self.places[place];
        let (number, new) = numbers.insert(print);
        if new {
            let (part, instant, at) = (self.machine.part(place), self.machine.instant_of(place), self.machine.now());
            kept.push(Kept { part, print, at, instant, later: (Ns::NEVER, number) });
        }
        number
    }
}
