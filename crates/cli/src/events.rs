//! `--events`: one JSON object per step and line, one path after the other.

use crate::error::Failure;
use crate::moment::Moment;
use scene::{chunks, event_line};
use std::io::Write;

pub(crate) fn print(moment: &Moment, out: &mut impl Write) -> Result<(), Failure> {
    for (p, history) in moment.lockstep.paths().iter().enumerate() {
        for chunk in chunks(history.position()) {
            for record in history.records(chunk) {
                writeln!(out, "{}", event_line(&record, moment.lockstep.scenario_of(p), &history.way().key()))?;
            }
        }
    }
    Ok(())
}
