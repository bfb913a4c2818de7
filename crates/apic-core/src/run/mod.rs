//! Runs: steps on record, what they add up to, and several paths side by side.

mod ledger;
mod record;

pub use ledger::Ledger;
pub use record::{Marks, StepMeta, StepRecord};
