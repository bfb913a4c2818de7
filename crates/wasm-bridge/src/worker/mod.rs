//! How the page and the lab talk: what is asked and answered, as bytes of postcard with a version in front.
//!
//! The lab (`crates/lab`) is a program of its own in a worker of its own: what takes long, and what is rarely needed, is
//! there. Each asker of the page has a worker to itself, which works on one job at a time; so to stop a job for good is
//! to end its worker.
//!
//! | file | holds |
//! | --- | --- |
//! | `check.rs` | what a search asks and answers |
//! | `recording.rs`, `export.rs` | what a recording is asked; files that leave |
//! | `long_run.rs` | what a long run asks and answers; a new job's types have a file of their own |
//! | `picture.rs` | pictures of what a job has found: what is drawn in the lab for the page |
//! | `client.rs` | the page's side: starts a worker, sends, hears |

pub mod check;
#[cfg(feature = "lab-client")]
mod client;
pub mod costs;
pub mod export;
pub mod long_run;
pub mod picture;
pub mod recording;

#[cfg(feature = "lab-client")]
pub use client::{Client, Heard};

use check::{Check, Checked, Judge, Judged};
use costs::{Calibrate, Calibrated, Sensitivity};
use long_run::LongRun;
use picture::{Canvas, Chart, Picture};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Grows with every change of the types below: a page and a lab of different builds must not guess.
pub const VERSION: u16 = 4;

/// Work for the lab: a variant for each file of `crates/lab/src/jobs`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Job {
    /// Paths run for long, and measured.
    LongRun(LongRun),
    /// Which conclusion flips at which cost.
    Sensitivity(Sensitivity),
    /// Costs fitted to a table.
    Calibrate(Calibrate),
    /// Every interleaving searched.
    Check(Check),
    /// A run without a clock, judged.
    Judge(Judge),
    /// A recording is read.
    Open(recording::Open),
    /// Something about the recording that is open.
    Recording(recording::Ask),
    /// A moment of a run leaves as a file.
    Export(export::Export),
}

/// What became of a job so far, or in the end: a variant for each of [`Job`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// Of any job whose findings are pictures: see [`ToLab::Draw`].
    Pictures,
    /// Of [`Job::Calibrate`].
    Calibrated(Calibrated),
    /// Of [`Job::Check`].
    Check(Checked),
    /// Of [`Job::Judge`].
    Judge(Judged),
    /// Of [`Job::Open`] and [`Job::Recording`].
    Recording(recording::Told),
    /// Of [`Job::Export`].
    Export(recording::File),
}

/// What the page says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum ToLab {
    /// Begin this in place of whatever is under way.
    Begin {
        /// Names the job in all that is said of it.
        id: u32,
        /// What to do.
        job: Job,
    },
    /// Draw something of what the job under way, or else the last one, has found.
    Draw {
        /// What.
        chart: Chart,
        /// Where.
        canvas: Canvas,
    },
    /// Stop it.
    Cancel {
        /// Which.
        id: u32,
    },
}

/// What the lab says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum FromLab {
    /// It is under way; some ten times a second at most.
    Progress {
        /// Of which job.
        id: u32,
        /// How far it is.
        progress: Progress,
        /// What it has found so far, if the job tells that.
        so_far: Option<Answer>,
    },
    /// It is over.
    Done {
        /// Which job.
        id: u32,
        /// What it found.
        answer: Answer,
    },
    /// What was asked to be drawn, with its pixels beside it.
    Drawn {
        /// What.
        chart: Chart,
        /// `None` if there is nothing to draw.
        picture: Option<Picture>,
    },
    /// It was stopped, as it was asked to.
    Cancelled {
        /// Which job.
        id: u32,
    },
    /// It cannot be done.
    Refused {
        /// Which job.
        id: u32,
        /// Why, and what would be valid: one sentence without its full stop.
        why: String,
    },
}

/// How far a job is: so many of so many of its own units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Done.
    pub done: u64,
    /// In all; 0 if nobody knows.
    pub of: u64,
}

/// Why bytes are no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotAMessage {
    /// It was written by another build.
    OtherVersion(u16),
    /// It is damaged.
    Damaged,
}

/// A message as bytes.
pub fn encode(message: &impl Serialize) -> Vec<u8> {
    // Postcard refuses only what none of these types has: maps and sequences of unknown length.
    let body = postcard::to_allocvec(message).unwrap_or_default();
    [VERSION.to_le_bytes().as_slice(), &body].concat()
}

/// The message that bytes are.
///
/// # Errors
/// [`NotAMessage`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotAMessage> {
    let (version, body) = bytes.split_first_chunk().ok_or(NotAMessage::Damaged)?;
    match u16::from_le_bytes(*version) {
        VERSION => postcard::from_bytes(body).map_err(|_| NotAMessage::Damaged),
        other => Err(NotAMessage::OtherVersion(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_message_comes_back_as_it_went() {
        let job = Job::LongRun(LongRun { link: "pinned-vs-offloaded".into(), handlers: 1_000_000 });
        for message in [ToLab::Begin { id: 7, job }, ToLab::Cancel { id: 300 }] {
            assert_eq!(decode(&encode(&message)), Ok(message));
        }
    }

    #[test]
    fn other_versions_and_scraps_are_refused_by_name() {
        let mut bytes = encode(&ToLab::Cancel { id: 1 });
        bytes[0] ^= 0x80;
        assert_eq!(decode::<ToLab>(&bytes), Err(NotAMessage::OtherVersion(VERSION ^ 0x80)));
        for scrap in [&[][..], &[1], &encode(&ToLab::Cancel { id: 1 })[..2]] {
            assert_eq!(decode::<ToLab>(scrap), Err(NotAMessage::Damaged), "{scrap:?}");
        }
    }
}
