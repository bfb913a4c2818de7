//! A search: every interleaving of a bounded scenario, and the shortest run that breaks a property.

use serde::{Deserialize, Serialize};

/// Asks for a search.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Check {
    /// What is searched; each of `paths` of it.
    pub what: What,
    /// Rules that are taken away, by their names.
    pub without: Vec<String>,
}

/// What is searched.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum What {
    /// The smallest scenario that shows the first of the rules.
    Example,
    /// A scenario as it stands in the address, on this path, within its usual bound.
    Here {
        /// The address.
        link: String,
        /// The path's name.
        path: String,
    },
}

/// How far a search is, or what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Checked {
    /// States seen.
    pub states: u64,
    /// Moves made from them.
    pub moves: u64,
    /// Moves from the beginning to the states that are being looked at.
    pub depth: u32,
    /// States that are still to be looked at.
    pub frontier: u64,
    /// Bytes of memory taken, about.
    pub memory: u64,
    /// Within what: "2 expiries, 1 vCPU, 2 stores a buffer".
    pub bound: String,
    /// The path's name.
    pub path: String,
    /// What it says; nothing while it goes on.
    pub verdict: Option<Verdict>,
}

/// What a search says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// Every property holds.
    Holds,
    /// One does not.
    Violated {
        /// What breaks, in words.
        broken: String,
        /// Moves of the shortest run that shows it.
        moves: u32,
        /// That run, as a text that can be sent.
        text: String,
    },
    /// Too many states, or too little memory.
    Unfinished {
        /// The nearest smaller bound that finishes, and its states.
        nearest: Option<(String, u64)>,
    },
}

/// Asks what a run without a clock has come to, at its end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Judge {
    /// The run, as a text that can be sent.
    pub text: String,
}

/// What it has come to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Judged {
    /// What is broken, in words; nothing if the guest still gets its interrupt.
    pub broken: Option<String>,
    /// Moves made.
    pub moves: u32,
}
