//! Recordings: opened, looked at, searched, and what is saved of them.

use serde::{Deserialize, Serialize};

/// A recording to read. Its file comes beside the message; a text that was pasted is in it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Open {
    /// The file's name, or where it comes from in words.
    pub name: String,
    /// What was pasted.
    pub pasted: Option<String>,
}

/// Where to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Go {
    /// To this position.
    To(u64),
    /// To the next expiry, or the one before.
    Expiry(bool),
    /// To the next exit.
    Exit,
}

/// A moment to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Look {
    /// Which of the vCPUs, in the order in which they were seen.
    pub vcpu: u16,
    /// Steps taken.
    pub position: u64,
    /// Where to from there.
    pub go: Go,
    /// Pixels of the stage.
    pub width: u32,
}

/// A form in which a moment of a recording leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Form {
    /// The stage as a figure.
    Svg,
    /// The card of a design review.
    Card,
    /// A row per tick.
    Csv,
}

/// Something about an open recording.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// A moment.
    Look(Look),
    /// Ticks that a query asks for.
    Find(String),
    /// A file.
    Save(Form, Look),
}

/// A recording, open.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Opened {
    /// What it holds, and what is wrong with it: markup.
    pub about: String,
    /// The ledger of all of it: markup.
    pub ledger: String,
    /// How late each tick was, over all of it: an SVG of constant size.
    pub strip: String,
    /// vCPUs with ticks.
    pub vcpus: u16,
}

/// A moment of a recording.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Looked {
    /// Steps taken.
    pub position: u64,
    /// Steps in all.
    pub len: u64,
    /// Which vCPU.
    pub vcpu: u16,
    /// The stage.
    pub svg: String,
    /// What happened: one sentence or two.
    pub sentence: String,
    /// The rule, what it rests on, and what became of the tick and why: markup.
    pub why: String,
    /// Since the recording's first line.
    pub time: String,
}

/// A file to save.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct File {
    /// A name that says what it is.
    pub name: String,
    /// What it is, as a media type.
    pub kind: String,
    /// What is in it.
    pub text: String,
}

/// What the lab says about a recording.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Told {
    /// It is open.
    Opened(Opened),
    /// A moment.
    Looked(Looked),
    /// Ticks that were found: how many, and the first of them as markup.
    Found(u64, String),
    /// A query that cannot be followed: why, and what would be valid.
    NoQuery(String),
    /// A file.
    File(File),
}
