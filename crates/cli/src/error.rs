//! What can go wrong, said so that it can be mended, and the exit status for it.

use apic_core::bench::{BenchError, ScriptError};
use apic_core::link::LinkError;
use apic_core::scenario::ScenarioError;
use kvm_trace::{ReadError, StatError};
use std::io;
use std::process::ExitCode;
use thiserror::Error;

/// Why nothing, or not everything, was printed.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The command line, in the words of its parser.
    #[error("{0}")]
    Usage(String),
    /// A value on the command line does not make sense.
    #[error("{what}: {problem}; {valid}")]
    Value {
        /// The option or the argument.
        what: String,
        /// What is wrong.
        problem: String,
        /// What would be valid.
        valid: String,
    },
    /// A file could not be read.
    #[error("{file}: {source}; a text file that can be read, or - for standard input")]
    Read {
        /// Its name.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A scenario cannot be run.
    #[error("{origin}: {source}")]
    Scenario {
        /// Where it came from.
        origin: String,
        /// Key or line, and what would be valid.
        source: ScenarioError,
    },
    /// A line of a script cannot be read.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A line of a script cannot be obeyed.
    #[error("line {line}: {source}")]
    Bench {
        /// Its number.
        line: usize,
        /// Why, and what would be valid.
        source: BenchError,
    },
    /// A link cannot be followed.
    #[error("link: {0}")]
    Link(#[from] LinkError),
    /// A recording gives no arms.
    #[error("{file}: {source}")]
    Recording {
        /// Its name.
        file: String,
        /// Line, and what would be valid.
        source: ReadError,
    },
    /// A table of exits cannot be read.
    #[error("{file}: {source}")]
    Stat {
        /// Its name.
        file: String,
        /// Line, and what would be valid.
        source: StatError,
    },
    /// Lessons are at fault.
    #[error("{0}")]
    Lessons(String),
    /// A figure cannot be turned into pixels.
    #[error("the figure: {0}; svg is drawn without this step")]
    Figure(#[from] resvg::usvg::Error),
    /// A file could not be written.
    #[error("writing {file}: {source}")]
    Write {
        /// Its name.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The output could not be written.
    #[error("writing the output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// A value that does not make sense: what, why, and what would.
    pub(crate) fn value(what: impl Into<String>, problem: impl Into<String>, valid: impl Into<String>) -> Self {
        Self::Value { what: what.into(), problem: problem.into(), valid: valid.into() }
    }

    /// For `map_err`: the scenario from `origin` is at fault.
    pub(crate) fn scenario(origin: &str) -> impl Fn(ScenarioError) -> Self {
        move |source| Self::Scenario { origin: origin.to_owned(), source }
    }

    /// Whether the reader of the output went away.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }

    /// 1 if the output could not be written, 2 if what was asked for is at fault.
    pub(crate) fn status(&self) -> ExitCode {
        if matches!(self, Self::Output(_) | Self::Write { .. }) { ExitCode::FAILURE } else { ExitCode::from(2) }
    }

    /// The message: one line, except that usage keeps the lines that help.
    pub(crate) fn message(&self) -> String {
        let text = self.to_string();
        if matches!(self, Self::Usage(_) | Self::Lessons(_)) {
            return text.trim_start_matches("error: ").trim_end().to_owned();
        }
        text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    }
}
