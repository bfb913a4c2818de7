//! Who chooses the next step: the clock, a person, or a search that tries them all.
//!
//! A run is a scenario plus the list of choices made in it. Where nothing was chosen, the clock has its way, so that an
//! ordinary run is an empty list.

mod book;
mod clock;
pub mod explore;
mod hand;
#[cfg(test)]
mod naive;
pub mod queue;

pub use clock::Clock;
pub use hand::{Hand, NotEnabled};

use crate::machine::Actor;
use serde::{Deserialize, Serialize};

/// A choice: at this step, this actor moves, whoever is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Pick {
    /// Number of the step, from 0.
    pub step: u32,
    /// Who takes it.
    pub actor: Actor,
}
