//! What a figure must be.

use crate::figure::{Figure, Value};
use apic_core::run::History;
use apic_core::scenario::{PathKind, Scenario};
use serde::{Deserialize, Serialize};

/// A figure of one path, and what it must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Goal {
    /// What is counted.
    pub figure: Figure,
    /// On which path.
    pub path: PathKind,
    /// What it must be.
    pub bound: Bound,
}

/// What a figure must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Bound {
    /// Exactly this.
    Is(Value),
    /// This or less.
    AtMost(Value),
    /// This or more.
    AtLeast(Value),
}

impl Bound {
    /// Whether a value is so.
    pub fn holds(self, value: Value) -> bool {
        match self {
            Self::Is(bound) => value == bound,
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Is(bound) => write!(f, "{bound}"),
            Self::AtMost(bound) => write!(f, "at most {bound}"),
            Self::AtLeast(bound) => write!(f, "at least {bound}"),
        }
    }
}

impl Goal {
    /// The figure at the end of a run, and whether it is as it must be; none if this is another path, or nothing was counted.
    pub fn met(&self, history: &History, scenario: &Scenario) -> Option<(Value, bool)> {
        if history.path() != self.path {
            return None;
        }
        let value = self.figure.of(history, scenario, history.len())?;
        Some((value, self.bound.holds(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_includes_its_own_value() {
        let two = Value::whole(2);
        let check = |bound: Bound, one: bool, same: bool, three: bool| {
            let holds = [1, 2, 3].map(|value| bound.holds(Value::whole(value)));
            assert_eq!(holds, [one, same, three], "{bound:?}");
        };
        check(Bound::Is(two), false, true, false);
        check(Bound::AtMost(two), true, true, false);
        check(Bound::AtLeast(two), false, true, true);
    }
}
