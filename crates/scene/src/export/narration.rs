//! The sentences of a run as Markdown: a heading per tick, and a line per beat with its time.

use super::markdown::{escaped, paragraph};
use super::{told, ways};
use crate::narrate::opening;
use crate::words;
use apic_core::run::Lockstep;
use std::io::{self, Write};

/// What the sentences are of, and how things stand before the first.
///
/// # Errors
/// Those of the output, here and below.
pub fn head(run: &Lockstep, out: &mut impl Write) -> io::Result<()> {
    let meta = &run.scenario().meta;
    let title = if meta.title.is_empty() { "A timer tick" } else { &meta.title };
    writeln!(out, "# {}\n", escaped(title))?;
    for text in [&meta.question, &meta.summary].into_iter().filter(|text| !text.trim().is_empty()) {
        writeln!(out, "{}\n", paragraph(text))?;
    }
    writeln!(out, "{}", paragraph(&opening(run.scenario(), &ways(run)).text()))
}

/// The last beat's sentence; before it a heading, if it is the first of its tick or the first to be written.
///
/// # Errors
/// Those of the output.
pub fn beat(run: &Lockstep, first: bool, out: &mut impl Write) -> io::Result<()> {
    let Some(beat) = run.position().checked_sub(1) else { return Ok(()) };
    let tick = run.tick_of(beat);
    if first || run.ticks().get(tick).is_some_and(|beats| beats.start == beat) {
        writeln!(out, "\n## Tick {}\n", tick + 1)?;
    }
    let time = run.last_beat().map_or_else(String::new, |beat| words::exact(beat.at));
    writeln!(out, "- **{time} µs**: {}", escaped(&told(run).text()))
}
