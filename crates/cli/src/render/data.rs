//! What goes through a run beat by beat, and keeps nothing of it.

use super::Job;
use crate::error::Failure;
use crate::progress::Progress;
use apic_core::run::Lockstep;
use scene::expiries;
use scene::export::perfetto::Perfetto;
use scene::export::vcd::Vcd;
use scene::export::{csv as table, each_beat, narration as sentences};
use std::io::Write;

impl Job<'_> {
    /// Each beat of the range, with progress.
    fn each(&self, mut show: impl FnMut(&Lockstep) -> std::io::Result<()>) -> Result<(), Failure> {
        let (beats, mut progress) = (self.which.beats.clone(), Progress::new());
        each_beat(&self.moment.lockstep, beats.clone(), |run| {
            progress.tell(|_| format!("{} of {} beats", run.position() - beats.start, beats.len()));
            Ok(show(run)?)
        })
    }

    /// The run where the range begins, and where it ends.
    fn ends(&self) -> (Lockstep, Lockstep) {
        let (mut from, mut to) = (self.moment.lockstep.clone(), self.moment.lockstep.clone());
        from.seek(self.which.beats.start);
        to.seek(self.which.beats.end);
        (from, to)
    }
}

pub(super) fn csv(job: &Job<'_>, out: &mut impl Write) -> Result<(), Failure> {
    table::head(out)?;
    job.each(|run| table::beat(run, out))?;
    let (from, to) = job.ends();
    for (p, (from, to)) in from.paths().iter().zip(to.paths()).enumerate() {
        let scenario = job.moment.lockstep.scenario_of(p);
        let before = expiries(from, scenario, from.position()).len();
        let all = expiries(to, scenario, to.position());
        table::expiries(to.way(), all.get(before..).unwrap_or_default(), out)?;
    }
    Ok(())
}

pub(super) fn perfetto(job: &Job<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let (from, to) = job.ends();
    let mut trace = Perfetto::begin(&from, out)?;
    job.each(|run| trace.beat(run))?;
    Ok(trace.finish(&to)?)
}

pub(super) fn vcd(job: &Job<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let (from, to) = job.ends();
    let mut signals = Vcd::begin(&from, out)?;
    job.each(|run| signals.beat(run))?;
    Ok(signals.finish(&to)?)
}

pub(super) fn narration(job: &Job<'_>, out: &mut impl Write) -> Result<(), Failure> {
    sentences::head(&job.moment.lockstep, out)?;
    let mut first = true;
    job.each(|run| sentences::beat(run, std::mem::take(&mut first), out))
}
