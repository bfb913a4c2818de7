//! A moment of a run, or the run up to it, as a file: what `exitless render` writes.

use super::{Turn, Work};
use apic_core::link;
use apic_core::run::Lockstep;
use scene::export::card::{self, Card, Picture};
use scene::export::perfetto::Perfetto;
use scene::export::vcd::Vcd;
use scene::export::{csv, each_beat, mail, narration, told};
use scene::{Account, Figure, Moment, PageData, Theme, expiries};
use std::io;
use wasm_bridge::worker::export::{Export, Form};
use wasm_bridge::worker::recording::File;
use wasm_bridge::worker::{Answer, Progress};

/// Beats in a file, at most: more is for the command line.
const MOST_BEATS: usize = 20_000;

pub(super) struct Exporting {
    asked: Export,
    run: Lockstep,
    stem: String,
}

/// # Errors
/// What is wrong with the link.
pub(super) fn begin(asked: &Export) -> Result<Exporting, String> {
    let link = link::decode(&asked.link).map_err(|e| e.to_string())?;
    let mut run = Lockstep::comparing(&link.scenario, &link.compare, &link.picks);
    run.seek(link.position.map_or_else(|| run.opening(), |at| at as usize));
    if matches!(asked.form, Form::Csv | Form::Perfetto | Form::Vcd) && run.position() > MOST_BEATS {
        return Err(format!(
            "{} steps are too many for a file of the page; up to {MOST_BEATS} are valid, and `exitless render` writes any",
            run.position()
        ));
    }
    let stem = format!("exitless-{}-step-{}", link.preset.as_deref().unwrap_or("run"), run.position());
    Ok(Exporting { asked: asked.clone(), run, stem })
}

impl Work for Exporting {
    fn turn(&mut self) -> Turn {
        match self.file() {
            Ok(file) => Turn::Done(Answer::Export(file)),
            Err(error) => Turn::Refused(format!("it could not be written: {error}")),
        }
    }

    fn progress(&self) -> Progress {
        Progress::default()
    }
}

impl Exporting {
    fn file(&self) -> io::Result<File> {
        let (end, kind) = match self.asked.form {
            Form::Svg => ("svg", "image/svg+xml"),
            Form::Mail => ("txt", "text/plain"),
            Form::Narration | Form::Card => ("md", "text/markdown"),
            Form::Csv => ("csv", "text/csv"),
            Form::Perfetto => ("json", "application/json"),
            Form::Vcd => ("vcd", "text/plain"),
        };
        let what = match self.asked.form {
            Form::Svg => "figure",
            Form::Mail => "mail",
            Form::Narration => "narration",
            Form::Card => "card",
            Form::Csv => "events",
            Form::Perfetto => "perfetto",
            Form::Vcd => "signals",
        };
        Ok(File { name: format!("{}-{what}.{end}", self.stem), kind: kind.to_owned(), text: self.text()? })
    }

    fn text(&self) -> io::Result<String> {
        let run = &self.run;
        let tick = run.tick_of(run.position().saturating_sub(1));
        let page = || PageData::collect(run, tick);
        let paths: Vec<_> = (0..run.paths().len()).map(|path| (path, Moment::of(run, path))).collect();
        let theme = match self.asked.dark {
            None => Theme::Auto,
            Some(true) => Theme::Dark,
            Some(false) => Theme::Light,
        };
        let figure = Figure { width: self.asked.width.clamp(340, 2_000), theme };
        let sentence = told(run).text();
        let mut out = Vec::new();
        match self.asked.form {
            Form::Svg => return Ok(figure.draw(&page(), &paths, &sentence).svg),
            Form::Mail => return Ok(mail::text(&page(), &paths, &self.asked.address)),
            Form::Card => return Ok(self.card(&page(), &paths, figure, &sentence)),
            Form::Narration => {
                narration::head(run, &mut out)?;
                let mut first = true;
                let beats = run.ticks().get(tick).cloned().unwrap_or(0..0);
                each_beat(run, beats, |run| narration::beat(run, std::mem::take(&mut first), &mut out))?;
            }
            Form::Csv => {
                csv::head(&mut out)?;
                each_beat(run, 0..run.position(), |run| csv::beat(run, &mut out))?;
                for history in run.paths() {
                    csv::expiries(history.way(), &expiries(history, run.scenario(), history.position()), &mut out)?;
                }
            }
            Form::Perfetto => {
                let mut trace = Perfetto::begin(&self.start(), &mut out)?;
                each_beat(run, 0..run.position(), |run| trace.beat(run))?;
                trace.finish(run)?;
            }
            Form::Vcd => {
                let mut signals = Vcd::begin(&self.start(), &mut out)?;
                each_beat(run, 0..run.position(), |run| signals.beat(run))?;
                signals.finish(run)?;
            }
        }
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    fn start(&self) -> Lockstep {
        let mut start = self.run.clone();
        start.seek(0);
        start
    }

    fn card(&self, page: &PageData, paths: &[(usize, Moment)], figure: Figure, sentence: &str) -> String {
        let run = &self.run;
        let of: Vec<_> =
            run.paths().iter().map(|history| expiries(history, run.scenario(), history.position())).collect();
        let accounts: Vec<_> = run
            .paths()
            .iter()
            .zip(&of)
            .map(|(history, expiries)| Account { way: history.way(), ledger: history.ledger(), expiries })
            .collect();
        let picture = |(path, moment): &(usize, Moment)| {
            let drawn = figure.draw(page, &[(*path, *moment)], &page.last_sentence(*path, moment));
            Picture { place: crate::recording::data_address(&drawn.svg), alt: drawn.alt }
        };
        let pictures: Vec<_> = paths.iter().map(picture).collect();
        let link = &self.asked.address;
        card::text(&Card { run, page, sentence, accounts: &accounts, pictures: &pictures, link })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_what_it_says() {
        for (form, name, starts) in [
            (Form::Svg, "exitless-pinned-vs-offloaded-step-30-figure.svg", "<svg xmlns="),
            (Form::Mail, "exitless-pinned-vs-offloaded-step-30-mail.txt", ""),
            (Form::Narration, "exitless-pinned-vs-offloaded-step-30-narration.md", "# "),
            (Form::Card, "exitless-pinned-vs-offloaded-step-30-card.md", "# "),
            (Form::Csv, "exitless-pinned-vs-offloaded-step-30-events.csv", "row,path,"),
            (Form::Perfetto, "exitless-pinned-vs-offloaded-step-30-perfetto.json", "{"),
            (Form::Vcd, "exitless-pinned-vs-offloaded-step-30-signals.vcd", "$"),
        ] {
            let mut link = link::decode("pinned-vs-offloaded").expect("ships");
            link.position = Some(30);
            let address = format!("https://example.org/#{}", link::encode(&link));
            let asked = Export { link: link::encode(&link), address: address.clone(), form, dark: None, width: 900 };
            match begin(&asked).expect("a link").turn() {
                Turn::Done(Answer::Export(file)) => {
                    assert_eq!(file.name, name);
                    assert!(file.text.starts_with(starts) && file.text.len() > 500, "{form:?}: {:.80}", file.text);
                    if matches!(form, Form::Card | Form::Mail) {
                        assert!(file.text.contains(&address), "{form:?}");
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
