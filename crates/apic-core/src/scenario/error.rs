//! What can be wrong with a scenario, said so that it can be mended.

use thiserror::Error;

/// A scenario that cannot be run: where, what is wrong, and what would be valid.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ScenarioError {
    /// The text is not TOML.
    #[error("line {line}: {message}")]
    Syntax {
        /// Line, counted from 1.
        line: usize,
        /// What the parser said.
        message: String,
    },
    /// A key is unknown, missing or of the wrong type.
    #[error("{path}: {message}")]
    Shape {
        /// Path of the key.
        path: String,
        /// What the parser said.
        message: String,
    },
    /// A value does not make sense.
    #[error("{path}: {problem}; {valid}")]
    Value {
        /// Path of the key.
        path: String,
        /// What is wrong.
        problem: String,
        /// What would be valid.
        valid: String,
    },
    /// There is no such preset.
    #[error("no preset is called \"{name}\"; there are: {valid}")]
    NoPreset {
        /// The name asked for.
        name: String,
        /// The names there are.
        valid: String,
    },
}

impl ScenarioError {
    #[cfg(feature = "text")]
    pub(super) fn syntax(text: &str, span: Option<std::ops::Range<usize>>, message: &str) -> Self {
        let upto = span.map_or(0, |s| s.start.min(text.len()));
        let line = text.as_bytes().iter().take(upto).filter(|b| **b == b'\n').count() + 1;
        Self::Syntax { line, message: message.trim().to_owned() }
    }

    pub(super) fn shape(path: &str, message: &str) -> Self {
        let path = if path == "." { "the document" } else { path };
        Self::Shape { path: path.to_owned(), message: message.trim().to_owned() }
    }

    pub(crate) fn value(path: impl Into<String>, problem: impl Into<String>, valid: impl Into<String>) -> Self {
        Self::Value { path: path.into(), problem: problem.into(), valid: valid.into() }
    }

    /// Path of the key at fault, if one is.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Shape { path, .. } | Self::Value { path, .. } => Some(path),
            Self::Syntax { .. } | Self::NoPreset { .. } => None,
        }
    }
}
