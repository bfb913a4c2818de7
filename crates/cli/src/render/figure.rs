//! A moment as a figure, as text for a mail, and as a card with its figures.

use super::{Job, to_file};
use crate::error::Failure;
use crate::load::is_stdin;
use apic_core::run::Lockstep;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scene::export::card::{self, Card, Picture};
use scene::export::{mail as text, told};
use scene::{Drawn, Moment, PageData};
use std::io::Write;

/// The tick that a run's position is in.
pub(super) fn page(run: &Lockstep) -> PageData {
    PageData::collect(run, run.tick_of(run.position().saturating_sub(1)))
}

/// Every path at a run's position.
pub(super) fn paths(run: &Lockstep) -> Vec<(usize, Moment)> {
    (0..run.paths().len()).map(|path| (path, Moment::of(run, path))).collect()
}

impl Job<'_> {
    /// The figure of the moment.
    pub(super) fn drawn(&self) -> Drawn {
        let run = &self.moment.lockstep;
        self.figure.draw(&page(run), &paths(run), &told(run).text())
    }
}

pub(super) fn svg(job: &Job<'_>, out: &mut impl Write) -> Result<(), Failure> {
    Ok(out.write_all(job.drawn().svg.as_bytes())?)
}

/// One tick, or each tick that a range touches.
pub(super) fn mail(job: &Job<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let mut run = job.moment.lockstep.clone();
    if job.args.range.is_none() {
        let (page, paths) = (page(&run), paths(&run));
        return Ok(out.write_all(text::text(&page, &paths, &job.link()).as_bytes())?);
    }
    let beats = &job.which.beats;
    let (first, last) = (run.tick_of(beats.start), run.tick_of(beats.end - 1));
    for tick in first..=last {
        let end = run.ticks().get(tick).map_or(beats.end, |tick| tick.end.min(beats.end));
        run.seek(end);
        let page = text::text(&page(&run), &paths(&run), &job.link());
        write!(out, "{}{page}", if tick == first { "" } else { "\n" })?;
    }
    Ok(())
}

/// Its figures are files beside it, or inside it if it is no file itself.
pub(super) fn card(job: &Job<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let run = &job.moment.lockstep;
    let page = page(run);
    let file = job.args.output.as_deref().filter(|file| !is_stdin(file));
    let mut pictures = Vec::new();
    for (path, moment) in paths(run) {
        let drawn = job.figure.draw(&page, &[(path, moment)], &page.last_sentence(path, &moment));
        let place = match file {
            None => format!("data:image/svg+xml;base64,{}", STANDARD.encode(&drawn.svg)),
            Some(file) => {
                let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                let name = format!("{stem}-{}.svg", run.paths()[path].way().key());
                to_file(&file.with_file_name(&name), |out| Ok(out.write_all(drawn.svg.as_bytes())?))?;
                name
            }
        };
        pictures.push(Picture { place, alt: drawn.alt });
    }
    let accounts = job.moment.accounts();
    let accounts: Vec<_> = accounts.iter().map(crate::moment::PathAccount::told).collect();
    let sentence = told(run).text();
    let card =
        Card { run, page: &page, sentence: &sentence, accounts: &accounts, pictures: &pictures, link: &job.link() };
    Ok(out.write_all(card::text(&card).as_bytes())?)
}
