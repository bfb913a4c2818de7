//! What leaves: a run as data that other tools open, and a moment as a document.
//!
//! | module | writes |
//! | --- | --- |
//! | [`csv`] | a row per step, and a row per expiry with its times |
//! | [`vcd`] | PIR, ON, `vcpu->mode` and more as signals over time |
//! | [`perfetto`] | tracks per CPU and vCPU, an arrow per IPI |
//! | [`trace_event`] | the format of that, for recordings as well |
//! | [`narration`] | the sentences, as Markdown |
//! | [`mail`] | a tick as text of 80 columns |
//! | [`card`] | a moment as the Markdown of a design review |
//!
//! Writers of long data are given each beat as [`each_beat`] takes it; nothing of the run is kept.

pub mod card;
pub mod csv;
pub mod mail;
mod markdown;
pub mod narration;
pub mod perfetto;
pub mod trace_event;
pub mod vcd;

use crate::narrate::{Sentence, narrate_beat};
use apic_core::run::{History, Lockstep, StepRecord, Way};
use std::ops::Range;

/// Takes the beats of a range one after the other, and shows the run after each. Nothing is shown of an empty range.
///
/// # Errors
/// The first one of `show`; no more is shown then.
pub fn each_beat<E>(
    run: &Lockstep,
    beats: Range<usize>,
    mut show: impl FnMut(&Lockstep) -> Result<(), E>,
) -> Result<(), E> {
    let mut run = run.clone();
    run.seek(beats.start);
    for beat in beats.start..beats.end.min(run.len()) {
        run.seek(beat + 1);
        show(&run)?;
    }
    Ok(())
}

/// The sentence of the run's present position: that of the last beat, or how things stand before the first.
pub fn told(run: &Lockstep) -> Sentence {
    let steps: Vec<_> = taken(run).map(|(_, history, record)| (history.way(), record)).collect();
    narrate_beat(&steps, &ways(run), run.scenario(), run.kept())
}

/// What is compared.
pub(crate) fn ways(run: &Lockstep) -> Vec<Way> {
    run.paths().iter().map(History::way).collect()
}

/// The steps that the paths took in the last beat: which path, its run, and the step.
pub(crate) fn taken(run: &Lockstep) -> impl Iterator<Item = (usize, &History, &StepRecord)> {
    let beat = run.last_beat();
    run.paths().iter().enumerate().filter_map(move |(p, history)| {
        let step = beat.as_ref()?.steps.get(p).copied().flatten()?;
        history.last().filter(|record| record.index == step).map(|record| (p, history, record))
    })
}
