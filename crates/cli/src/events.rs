//! `--events`: one JSON object per step and line, one path after the other.

use crate::error::Failure;
use crate::moment::Moment;
use scene::{chunks, event_line};
use std::io::Write;

pub(crate) fn print(moment: &Moment, out: &mut impl Write) -> Result<(), Failure> {
    for history in moment.lockstep.paths() {
        for chunk in chunks(history.position()) {
            for record in history.records(chunk) {
                writeln!(out, "{}", event_line(&record, moment.scenario(), &history.way().key()))?;
            }
        }
    }
    Ok(())
}
