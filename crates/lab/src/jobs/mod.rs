//! What the lab can do: a file for each job, a variant of [`Job`] for each, and its line in [`begin`].

mod calibrate;
mod check;
mod export;
mod long_run;
mod recording;
mod sensitivity;

use crate::figure::Figure;
use crate::recording::Recording;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bridge::worker::picture::Chart;
use wasm_bridge::worker::{Answer, Job, Progress};

/// What a job leaves for those after it: the recording that is open.
pub(crate) type Shelf = Rc<RefCell<Option<Recording>>>;

/// A job under way.
pub(crate) trait Work {
    /// Goes on for a few milliseconds at most.
    fn turn(&mut self) -> Turn;

    /// How far it is.
    fn progress(&self) -> Progress;

    /// What it has found so far, if that can be told.
    fn so_far(&self) -> Option<Answer> {
        None
    }

    /// A figure of what it has found so far; `None` if it has no such figure.
    fn figure(&self, _chart: Chart) -> Option<Figure> {
        None
    }
}

/// Where a job is after a turn.
#[derive(Debug)]
pub(crate) enum Turn {
    /// There is more to do.
    More,
    /// It is over.
    Done(Answer),
    /// It turned out that it cannot be done: why, and what would be valid.
    Refused(String),
}

/// Begins a job.
///
/// # Errors
/// Why it cannot be done, and what would be valid.
pub(crate) fn begin(job: Job, file: Option<web_sys::File>, shelf: &Shelf) -> Result<Box<dyn Work>, String> {
    match job {
        Job::Check(asked) => Ok(Box::new(check::begin(&asked)?)),
        Job::Judge(asked) => Ok(Box::new(check::judge(&asked)?)),
        Job::LongRun(asked) => Ok(Box::new(long_run::begin(&asked)?)),
        Job::Sensitivity(asked) => Ok(Box::new(sensitivity::begin(&asked)?)),
        Job::Calibrate(asked) => Ok(Box::new(calibrate::begin(&asked)?)),
        Job::Open(open) => Ok(Box::new(recording::open(open, file, shelf)?)),
        Job::Recording(ask) => recording::ask(&ask, shelf),
        Job::Export(asked) => Ok(Box::new(export::begin(&asked)?)),
    }
}
