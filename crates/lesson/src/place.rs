//! A step of a path, by its rule.

use apic_core::effect::{Bank, Effect};
use apic_core::rule::Rule;
use apic_core::run::History;
use apic_core::scenario::PathKind;
use apic_core::units::{CpuId, Vector};
use serde::{Deserialize, Serialize};

/// The nth step of a path that follows a rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Place {
    /// On which path.
    pub path: PathKind,
    /// The rule's id.
    pub rule: String,
    /// Which of these steps, from 1.
    pub nth: u32,
}

impl Place {
    /// `posted C9`, or `posted C9 #2` for the second such step.
    ///
    /// # Errors
    /// What would be valid.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_ascii_whitespace();
        let (path, rule, nth) = (words.next(), words.next(), words.next());
        let path = path.and_then(PathKind::from_name).ok_or_else(|| {
            let names: Vec<_> = PathKind::ALL.iter().map(|path| path.name()).collect();
            format!("a place begins with a path: {}", names.join(", "))
        })?;
        let rule = rule
            .and_then(Rule::from_id)
            .ok_or("after the path, a place has the id of a rule, such as C9; docs/model.md lists them")?;
        let nth = match nth.map(|n| n.strip_prefix('#').and_then(|n| n.parse().ok())) {
            None => 1,
            Some(Some(nth)) if nth > 0 => nth,
            Some(_) => return Err("which of several such steps is written as #2".to_owned()),
        };
        match words.next() {
            None => Ok(Self { path, rule: rule.id().to_owned(), nth }),
            Some(_) => Err("a place is a path, a rule, and perhaps #2".to_owned()),
        }
    }

    /// The step's number in its run, from 0; none if the run has no such step.
    pub fn step(&self, history: &History) -> Option<usize> {
        let mut left = self.nth;
        history.metas().iter().position(|meta| {
            left -= u32::from(left > 0 && meta.rule.id() == self.rule);
            left == 0
        })
    }

    /// Where it happens.
    pub fn core(&self, history: &History) -> Option<CpuId> {
        Some(history.metas()[self.step(history)?].cpu)
    }

    /// Where the IPI goes that it sends.
    pub fn destination(&self, history: &History) -> Option<CpuId> {
        self.effects(history)?.iter().find_map(|effect| match effect {
            Effect::IpiSent { to, .. } | Effect::NotificationSent { to, .. } => Some(*to),
            _ => None,
        })
    }

    /// The bit of PIR that it sets.
    pub fn vector(&self, history: &History) -> Option<Vector> {
        self.effects(history)?.iter().find_map(|effect| match effect {
            Effect::Bit { bank: Bank::Pir, vector, on: true, .. } => Some(*vector),
            _ => None,
        })
    }

    fn effects(&self, history: &History) -> Option<Vec<Effect>> {
        let step = self.step(history)?;
        Some(history.records(step..step + 1).pop()?.effects)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.path.name(), self.rule)?;
        if self.nth > 1 { write!(f, " #{}", self.nth) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::scenario::preset;

    #[test]
    fn places_are_read_as_they_are_written() {
        for text in ["posted C9", "pinned A1 #3", "preemption-timer Hv2"] {
            assert_eq!(Place::parse(text).map(|place| place.to_string()), Ok(text.to_owned()));
        }
        let refused = |text: &str, valid: &str| {
            let said = Place::parse(text).expect_err(text);
            assert!(said.contains(valid), "{text}: {said}");
        };
        refused("", "begins with a path: pinned");
        refused("C9", "begins with a path");
        refused("posted Z1", "id of a rule");
        refused("posted C9 2", "#2");
        refused("posted C9 #0", "#2");
        refused("posted C9 #2 more", "perhaps #2");
    }

    #[test]
    fn a_place_finds_its_step_and_what_that_does() {
        let scenario = preset("pinned-vs-offloaded").expect("a preset");
        let history = History::new(&scenario, PathKind::Posted);
        let place = |text: &str| Place::parse(text).expect(text);
        let first = place("posted C9").step(&history).expect("a notification");
        let second = place("posted C9 #2").step(&history).expect("a second one");
        assert!(first < second);
        assert_eq!(place("posted C9 #100").step(&history), None);
        assert_eq!(place("posted C9").core(&history), Some(CpuId(0)));
        assert_eq!(place("posted C9").destination(&history), Some(CpuId(3)));
        assert_eq!(place("posted C8").vector(&history), Some(scenario.guest.vector));
        assert_eq!(place("posted C9").vector(&history), None);
    }
}
