//! What an actor is about to do, in one number that sorts.

use super::queue::Key;
use crate::machine::Actor;
use crate::rule::Rule;
use crate::units::Ns;

/// Time, actor and rule of a step to come; the order is that in which steps are taken.
///
/// From the highest bit: 64 bits of time, 16 for the kind of actor and 16 for its number (together the order of
/// [`Actor::index`]), the rule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Due(u128);

impl Key for Due {
    const NEVER: Self = Self(u128::MAX);
}

impl Due {
    #[inline]
    pub(super) fn new(at: Ns, actor: Actor, rule: Rule) -> Self {
        let (kind, number) = actor.place();
        Self(u128::from(at.as_ns()) << 64 | u128::from(u64::from(kind) << 48 | u64::from(number) << 32 | rule as u64))
    }

    /// Whether no step is to come.
    #[inline]
    pub(super) fn is_never(self) -> bool {
        self.at().is_never()
    }

    #[inline]
    pub(super) fn at(self) -> Ns {
        Ns::from_ns((self.0 >> 64) as u64)
    }

    #[inline]
    pub(super) fn actor(self) -> Actor {
        Actor::from_place((self.0 >> 48) as u16, (self.0 >> 32) as u16)
    }

    /// Whether it follows this rule.
    #[inline]
    pub(super) fn is_for(self, rule: Rule) -> bool {
        self.0 as u32 == rule as u32
    }

    /// The same, not before `at`.
    #[inline]
    pub(super) fn not_before(self, at: Ns) -> Self {
        if self.at() >= at { self } else { Self(u128::from(at.as_ns()) << 64 | u128::from(self.0 as u64)) }
    }
}
