//! Who chooses the next step: the clock, or a person.
//!
//! A run is a scenario plus the list of choices made in it. [`Choice::Clock`] stands for "as time has it", so that an
//! ordinary run is a short list.

mod clock;
mod hand;

pub use clock::Clock;
pub use hand::{Hand, NotEnabled};

use crate::machine::Actor;
use serde::{Deserialize, Serialize};

/// One entry of a run's list of choices.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// So many steps as the clock has them.
    Clock(u32),
    /// One step of this actor, whoever was due.
    Pick(Actor),
}
