//! Runs: steps on record, what they add up to, and several paths side by side.

mod account;
mod calibrate;
mod compare;
mod distribution;
mod examples;
mod history;
mod ledger;
mod lockstep;
mod measure;
mod record;
mod script;
mod sensitivity;
mod silent;
mod sim;
mod survey;

pub use calibrate::{Calibration, ExitTimes, Fit, calibrate};
pub use compare::{Align, Compare, Way};
pub use distribution::{Distribution, EXACT, Signed, Summary};
pub use examples::{Example, Examples, Occurrence};
pub use history::History;
pub use ledger::Ledger;
pub use lockstep::{Beat, Lockstep, MAX_PATHS, STEP_NS};
pub use measure::Measured;
pub use record::{Marks, StepMeta, StepRecord};
pub use script::Script;
pub use sensitivity::{Criterion, Flip, Sensitivity};
pub use sim::Sim;
pub use survey::{Exits, Housekeeper, MOST_HANDLERS, Seen, Survey};
