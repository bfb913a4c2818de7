//! What steps cost, in nanoseconds, each with its origin.
//!
//! A published figure covers a whole round trip; how it divides into the model's steps is *assumed*, and says so. A
//! sample is a pure function of seed, kind and count, so that two paths of one scenario draw the same costs.
//!
//! | file | holds |
//! | --- | --- |
//! | `kind.rs` | what can cost something |
//! | `skylake.rs` | the set that has sources |
//! | `ice_lake.rs`, `sapphire_rapids.rs`, `zen.rs` | sets that are gaps for the most part |
//! | `prices.rs` | a set as the clock draws from it |
//! | `published.rs` | what was measured and published, and on which machine |

mod ice_lake;
mod kind;
mod prices;
pub mod published;
mod sapphire_rapids;
mod skylake;
mod zen;

pub use ice_lake::ICE_LAKE;
pub use kind::{CostKind, Tail};
pub use prices::{Price, Prices};
pub use sapphire_rapids::SAPPHIRE_RAPIDS;
pub use skylake::SKYLAKE;
pub use zen::ZEN;

use serde::Serialize;

/// Where a cost comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "origin")]
pub enum Origin {
    /// Measured and published.
    Published {
        /// Machine.
        machine: &'static str,
        /// Where.
        source: &'static str,
    },
    /// A share of a published whole; the division is assumed.
    ShareOf {
        /// What the whole is, with its machine and source.
        whole: &'static str,
    },
    /// No source exists.
    Assumed {
        /// What it is in keeping with.
        why: &'static str,
    },
    /// No source exists for this machine, so that another one's figure stands here.
    Gap {
        /// The set it is taken from.
        stands_in: &'static str,
    },
}

/// Costs of one kind: an interval, sampled uniformly, and perhaps a tail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Cost {
    /// What is paid for.
    pub kind: CostKind,
    /// Least, in nanoseconds.
    pub min_ns: u32,
    /// Most, in nanoseconds, but for the tail.
    pub max_ns: u32,
    /// The rare long case, if there is one.
    pub tail: Option<Tail>,
    /// Where it comes from.
    pub origin: Origin,
}

impl Cost {
    const fn share(kind: CostKind, min_ns: u32, max_ns: u32, whole: &'static str) -> Self {
        Self { kind, min_ns, max_ns, tail: None, origin: Origin::ShareOf { whole } }
    }

    const fn assumed(kind: CostKind, min_ns: u32, max_ns: u32, why: &'static str) -> Self {
        Self { kind, min_ns, max_ns, tail: None, origin: Origin::Assumed { why } }
    }

    const fn with_tail(mut self, max_ns: u32, one_in: u32) -> Self {
        self.tail = Some(Tail { max_ns, one_in });
        self
    }
}

/// A named set: a cost for every kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CostSet {
    /// Name in scenarios.
    pub name: &'static str,
    /// What machine it stands for.
    pub about: &'static str,
    /// In the order of [`CostKind::ALL`].
    pub costs: &'static [Cost],
}

/// All sets.
pub const SETS: &[CostSet] = &[SKYLAKE, ICE_LAKE, SAPPHIRE_RAPIDS, ZEN];

/// The set with this name.
pub fn set(name: &str) -> Option<&'static CostSet> {
    SETS.iter().find(|s| s.name == name)
}

impl CostSet {
    /// The cost of a kind; the table's order is checked by a test.
    #[inline]
    pub fn of(&self, kind: CostKind) -> &Cost {
        &self.costs[kind as usize]
    }
}

/// Nanoseconds of so many cycles of a clock of so many MHz, rounded down: where cycles become time, once and visibly.
const fn ns_of_cycles(cycles: u32, mhz: u32) -> u32 {
    (cycles as u64 * 1_000 / mhz as u64) as u32
}

const KINDS: usize = CostKind::ALL.len();

/// Another set's costs where a machine has no source of its own.
const fn gaps(of: &CostSet) -> [Cost; KINDS] {
    let mut costs = [of.costs[0]; KINDS];
    let mut i = 0;
    while i < KINDS {
        costs[i] = of.costs[i];
        costs[i].origin = Origin::Gap { stands_in: of.name };
        i += 1;
    }
    costs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_order_and_complete() {
        for set in SETS {
            assert_eq!(set.costs.len(), KINDS, "{}", set.name);
            for (i, cost) in set.costs.iter().enumerate() {
                assert_eq!(cost.kind as usize, i, "{}: {:?}", set.name, cost.kind);
                assert!(cost.min_ns <= cost.max_ns);
                assert!(cost.tail.is_none_or(|tail| tail.max_ns > cost.max_ns && tail.one_in > 1));
            }
        }
    }

    /// Every cost says where it comes from, and in words that name the machine where one was measured.
    #[test]
    fn every_cost_has_an_origin() {
        for set in SETS {
            assert!(set.about.len() > 20, "{}", set.name);
            for cost in set.costs {
                let at = format!("{}: {:?}", set.name, cost.kind);
                match cost.origin {
                    Origin::Published { machine, source } => {
                        assert!(!machine.is_empty() && source.len() > 10, "{at}");
                    }
                    Origin::ShareOf { whole } => {
                        assert!(published::ALL.iter().any(|p| whole.contains(p.machine)), "{at}: {whole}");
                    }
                    Origin::Assumed { why } => assert!(why.len() > 8, "{at}"),
                    Origin::Gap { stands_in } => {
                        let other = super::set(stands_in).unwrap_or_else(|| panic!("{at}: {stands_in}"));
                        assert_ne!(other.name, set.name, "{at}");
                        let theirs = other.of(cost.kind);
                        assert_eq!((cost.min_ns, cost.max_ns, cost.tail), (theirs.min_ns, theirs.max_ns, theirs.tail));
                        assert!(!matches!(theirs.origin, Origin::Gap { .. }), "{at}: a gap for a gap");
                    }
                }
            }
        }
    }

    /// No set takes a share of what another machine was measured at.
    #[test]
    fn machines_are_not_mixed() {
        for set in SETS {
            for cost in set.costs {
                if let Origin::ShareOf { whole } = cost.origin {
                    assert!(whole.contains("Skylake server"), "{}: {whole}", set.name);
                    assert_eq!(set.name, SKYLAKE.name);
                }
            }
        }
    }

    #[test]
    fn cycles_become_time_at_a_stated_clock() {
        assert_eq!((ns_of_cycles(500, 2_500), ns_of_cycles(3_029, 2_500), ns_of_cycles(7, 3_000)), (200, 1_211, 2));
    }
}
