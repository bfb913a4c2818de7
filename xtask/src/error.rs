//! What can go wrong, in words that say what is missing and how to get it.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    Usage(String),

    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },

    /// A program that is not on this machine.
    #[error("{program} is missing: {remedy}")]
    Missing { program: String, remedy: String },

    /// A program that could not be started although it should be there.
    #[error("cannot start {program}: {source}")]
    Start { program: String, source: io::Error },

    /// A program that ran and did not succeed; it has said itself why.
    #[error("{what} failed ({status}): {command}")]
    Failed { what: String, status: String, command: String },

    #[error(
        "Cargo.lock has wasm-bindgen {locked}, xtask installs wasm-bindgen-cli {tool}; they must be equal: \
         change WASM_BINDGEN in xtask/src/setup/tools.rs and Trunk.toml, or `cargo update -p wasm-bindgen --precise {tool}`"
    )]
    BindgenVersion { locked: String, tool: &'static str },

    #[error("cannot listen on 127.0.0.1:{port}: {source}; choose another with --port N")]
    Listen { port: u16, source: io::Error },

    #[error("{what} did not answer as expected: {detail}")]
    Unexpected { what: String, detail: String },

    #[error(
        "what is loaded {what} is {actual} bytes as brotli, {budget} are allowed; see the table above for what is large"
    )]
    OverBudget { what: &'static str, actual: u64, budget: u64 },

    /// Checks of ours that found something; one line each.
    #[error("{heading}:\n  {}", findings.join("\n  "))]
    Findings { heading: String, findings: Vec<String> },
}

impl Error {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
