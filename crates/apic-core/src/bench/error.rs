//! What can be wrong with a line of a script.

use super::kernel::KernelName;
use thiserror::Error;

/// A line that is no command.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("line {line}: {problem}")]
pub struct ScriptError {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: ScriptProblem,
}

/// What is wrong, and what would be valid.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ScriptProblem {
    /// No command is called that.
    #[error("there is no command {name:?}; there are: {valid}")]
    Command {
        /// What stands there.
        name: String,
        /// Every command.
        valid: String,
    },
    /// No register is called that.
    #[error("there is no register {name:?}; there are: {valid}")]
    Register {
        /// What stands there.
        name: String,
        /// Every register.
        valid: String,
    },
    /// A word stands where one of a few others would be valid.
    #[error("{command} {name:?}: {valid} is valid")]
    Choice {
        /// The command.
        command: &'static str,
        /// What stands there.
        name: String,
        /// What would be valid.
        valid: &'static str,
    },
    /// No kernel is called that.
    #[error("era {name:?}: {valid}")]
    Era {
        /// What stands there.
        name: String,
        /// What would be valid.
        valid: KernelName,
    },
    /// Not a number, or not one that fits.
    #[error("{command} {text:?}: a number (decimal or 0x…) from {from} to {to} is valid")]
    Number {
        /// The command.
        command: &'static str,
        /// What stands there.
        text: String,
        /// Lowest valid number.
        from: u64,
        /// Highest valid number.
        to: u64,
    },
    /// Too few words, or too many.
    #[error("{command} is followed by {wanted}; here by {found}")]
    Words {
        /// The command.
        command: &'static str,
        /// What follows it.
        wanted: &'static str,
        /// What was found.
        found: String,
    },
}
