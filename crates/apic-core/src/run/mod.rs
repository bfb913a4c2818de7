//! Runs: steps on record, what they add up to, and several paths side by side.

mod account;
mod history;
mod ledger;
mod lockstep;
mod record;
mod sim;

pub use history::History;
pub use ledger::Ledger;
pub use lockstep::{Beat, Lockstep, MAX_PATHS};
pub use record::{Marks, StepMeta, StepRecord};
pub use sim::Sim;
