//! Breakpoints: conditions that a run stops at, forward and back.

use crate::condition::Condition;
use crate::found;
use apic_core::run::Lockstep;

/// Most breakpoints at a time.
const MOST: usize = 20;

/// One breakpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Break {
    /// As it was typed.
    pub(crate) text: String,
    condition: Condition,
    /// Whether runs stop there.
    pub(crate) on: bool,
}

/// All of them, and where in the run they are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Breaks {
    list: Vec<Break>,
    /// Beats that lead to one, in order.
    hits: Vec<u32>,
}

impl Breaks {
    /// The breakpoints.
    pub(crate) fn list(&self) -> &[Break] {
        &self.list
    }

    /// How often a run comes to one that is on.
    pub(crate) fn hits(&self) -> usize {
        self.hits.len()
    }

    /// One more.
    ///
    /// # Errors
    /// Why its condition cannot be read, or that there are enough.
    pub(crate) fn add(&mut self, text: &str, lockstep: &Lockstep) -> Result<(), String> {
        let condition = Condition::read(text).map_err(|e| e.to_string())?;
        if self.list.len() >= MOST {
            return Err(format!("{MOST} breakpoints are the most: remove one first."));
        }
        self.list.push(Break { text: text.trim().to_owned(), condition, on: true });
        self.find(lockstep);
        Ok(())
    }

    /// On or off.
    pub(crate) fn toggle(&mut self, i: usize, lockstep: &Lockstep) {
        self.list.iter_mut().skip(i).take(1).for_each(|b| b.on = !b.on);
        self.find(lockstep);
    }

    /// One less.
    pub(crate) fn remove(&mut self, i: usize, lockstep: &Lockstep) {
        if i < self.list.len() {
            self.list.remove(i);
        }
        self.find(lockstep);
    }

    /// Looks where they are in another run.
    pub(crate) fn find(&mut self, lockstep: &Lockstep) {
        let on: Vec<&Condition> = self.list.iter().filter(|b| b.on).map(|b| &b.condition).collect();
        self.hits = if on.is_empty() { Vec::new() } else { found::beats(lockstep, &on) };
    }

    /// The position just after the next one, or after the one before.
    pub(crate) fn beside(&self, position: usize, forward: bool) -> Option<usize> {
        let before = self.hits.partition_point(|beat| (*beat as usize) < position);
        let hit = if forward {
            self.hits.get(before)
        } else {
            // The one that led here is not before.
            self.hits[..before].iter().rev().find(|beat| **beat as usize + 1 < position)
        };
        hit.map(|beat| *beat as usize + 1)
    }

    /// Whether the step that led to this position is one.
    pub(crate) fn is_at(&self, position: usize) -> bool {
        position.checked_sub(1).is_some_and(|beat| self.hits.binary_search(&(beat as u32)).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::scenario::preset;

    #[test]
    fn there_and_back_stop_at_the_same_places() {
        let lockstep = Lockstep::new(&preset("pinned-vs-offloaded").expect("ships"));
        let mut breaks = Breaks::default();
        assert_eq!(breaks.beside(0, true), None);
        breaks.add("ON becomes 1", &lockstep).expect("readable");
        breaks.add("exit", &lockstep).expect("readable");
        let all = breaks.hits();
        breaks.toggle(1, &lockstep);
        assert!(breaks.hits() < all && breaks.hits() > 3);
        let mut there = vec![0];
        while let Some(next) = breaks.beside(*there.last().expect("one"), true) {
            assert!(breaks.is_at(next) && !breaks.is_at(next + 1));
            there.push(next);
        }
        assert_eq!(there.len(), breaks.hits() + 1);
        let mut back = vec![lockstep.len()];
        while let Some(before) = breaks.beside(*back.last().expect("one"), false) {
            back.push(before);
        }
        back.reverse();
        assert_eq!(there[1..], back[..back.len() - 1]);
        breaks.remove(0, &lockstep);
        assert_eq!((breaks.list().len(), breaks.hits()), (1, 0), "the one left is off");
        assert!(breaks.add("ON becoms 1", &lockstep).expect_err("unread").contains("becomes"));
    }
}
