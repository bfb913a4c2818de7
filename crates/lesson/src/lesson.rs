//! A lesson as the page has it: everything looked up, words as HTML.

use crate::figure::Value;
use crate::goal::Goal;
use crate::place::Place;
use apic_core::units::{CpuId, Vector};
use serde::{Deserialize, Serialize};

/// A lesson.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lesson {
    /// Its name in addresses: the name of its file without number and ending.
    pub name: String,
    /// Its place among the lessons, from 0.
    pub number: u16,
    /// A few words.
    pub title: String,
    /// One or two sentences.
    pub about: String,
    /// How long it takes, about.
    pub minutes: u16,
    /// Terms that it needs, by their names in the glossary.
    pub terms: Vec<String>,
    /// In order.
    pub parts: Vec<Part>,
}

/// A part of a lesson: some words, a run, and one task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Part {
    /// A few words.
    pub title: String,
    /// HTML.
    pub text: String,
    /// The run, as what stands behind `#` in the playground's address.
    pub link: String,
    /// What is to be done.
    pub task: Task,
}

/// What is to be done in a part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Task {
    /// A worked example: moments of the run, one after another.
    Watch {
        /// In order.
        stops: Vec<Stop>,
    },
    /// What is after `hold` is not shown before there is an answer, or the question is passed over.
    Predict {
        /// HTML.
        ask: String,
        /// The last step to be seen before.
        hold: Place,
        /// What is right, and how it is given.
        answer: Answer,
        /// The step that shows it.
        reveal: Place,
        /// HTML: why it is so.
        explain: String,
    },
    /// A problem of one's own, with a goal that the run meets or does not.
    Try {
        /// HTML.
        ask: String,
        /// All of them are to be met.
        goals: Vec<Goal>,
        /// What is counted, if it can be done better or worse, and what is good.
        par: Option<Goal>,
        /// HTML, shown on demand.
        hint: String,
        /// A run that meets the goals, behind `#`; shown on demand.
        solution: String,
    },
}

/// A moment of a worked example.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stop {
    /// Which.
    pub at: Place,
    /// HTML.
    pub says: String,
}

/// How an answer is given, and what is right.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// One of several sentences.
    Choice {
        /// In order.
        choices: Vec<Choice>,
        /// Index of the right one.
        right: usize,
    },
    /// A number.
    Number {
        /// What is counted, in words.
        of: String,
        /// The right one.
        right: Value,
    },
    /// A core, drawn: where an arrow ends, where a timer is queued.
    Core {
        /// The right one.
        right: CpuId,
        /// How many there are.
        cores: u64,
    },
    /// A cell of the 256 bits of PIR, painted.
    Cell {
        /// The right one.
        right: Vector,
    },
}

/// One of several sentences.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Choice {
    /// What it says.
    pub says: String,
    /// HTML: what speaks for it or against it, told with the outcome.
    pub because: String,
}

/// What a list of lessons says of one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Heading {
    /// Its name in addresses.
    pub name: String,
    /// A few words.
    pub title: String,
    /// One or two sentences.
    pub about: String,
    /// How long it takes, about.
    pub minutes: u16,
    /// How many parts it has.
    pub parts: u16,
}

impl Lesson {
    /// What a list of lessons says of it.
    pub fn heading(&self) -> Heading {
        let Self { name, title, about, minutes, parts, .. } = self.clone();
        Heading { name, title, about, minutes, parts: parts.len() as u16 }
    }
}
