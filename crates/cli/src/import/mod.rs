//! `exitless import`: what a recording shows, summed up, or turned into a scenario, a Perfetto trace or a table.
//!
//! | file | is |
//! | --- | --- |
//! | `source` | the file: gzip, progress |
//! | `held` | output that waits until the recording is known to be one |
//! | `report`, `json` | the summary, for people and for programs |
//! | `csv`, `perfetto`, `scenario` | what `--to` writes |

mod csv;
mod held;
mod json;
mod perfetto;
mod report;
mod scenario;
mod source;

use crate::args::{ImportArgs, ImportFormat};
use crate::error::Failure;
use held::Held;
use kvm_trace::{Analysis, Fact, Record, Summary, read_records};
use std::io::{self, Write};

pub(crate) use scenario::{Arms, Replayed};
pub(crate) use source::Source;

pub(crate) fn print(args: &ImportArgs, out: &mut impl Write) -> Result<(), Failure> {
    if args.vcpu.is_some() && args.to != Some(ImportFormat::Scenario) {
        return Err(Failure::value("--vcpu", "only a scenario is of one vCPU", "--to scenario beside it"));
    }
    let source = Source::open(&args.file)?;
    let name = source.name.clone();
    match args.to {
        Some(ImportFormat::Csv) => stream(source, &mut csv::Csv::new(Held::new(out))),
        Some(ImportFormat::Perfetto) => stream(source, &mut perfetto::Perfetto::new(Held::new(out), &name)),
        Some(ImportFormat::Scenario) => {
            let mut arms = Arms::default();
            stream(source, &mut arms)?;
            write!(out, "{}", arms.scenario(&name, args.vcpu)?)?;
            Ok(())
        }
        None => {
            let mut only = Only(None);
            stream(source, &mut only)?;
            match only.0 {
                Some(summary) if args.json => json::print(&name, &summary, out),
                Some(summary) => report::print(&name, &summary, out),
                None => Ok(()),
            }
        }
    }
}

/// What is made of a recording while it is read.
pub(crate) trait Sink {
    /// A line, already taken into account by the analysis.
    fn record(&mut self, _line: u64, _record: &Record<'_>, _analysis: &Analysis) -> io::Result<()> {
        Ok(())
    }

    /// What a line brought to light.
    fn fact(&mut self, _fact: &Fact) -> io::Result<()> {
        Ok(())
    }

    /// The end.
    fn end(&mut self, summary: Summary) -> io::Result<()>;
}

/// The summary and nothing else.
struct Only(Option<Summary>);

impl Sink for Only {
    fn end(&mut self, summary: Summary) -> io::Result<()> {
        self.0 = Some(summary);
        Ok(())
    }
}

/// Reads a recording to its end.
pub(crate) fn stream(source: Source, sink: &mut impl Sink) -> Result<(), Failure> {
    let Source { name, reader } = source;
    let recording = |source| Failure::Recording { file: name.clone(), source };
    let mut analysis = Analysis::default();
    let mut written = Ok(());
    let coverage = read_records(reader, |line, record| {
        if written.is_err() {
            return;
        }
        let mut facts = Ok(());
        analysis.record(line, record, &mut |fact| {
            if facts.is_ok() {
                facts = sink.fact(fact);
            }
        });
        written = facts.and_then(|()| sink.record(line, record, &analysis));
    })
    .map_err(recording)?;
    written?;
    let mut facts = Ok(());
    let summary = analysis
        .finish(coverage, &mut |fact| {
            if facts.is_ok() {
                facts = sink.fact(fact);
            }
        })
        .map_err(recording)?;
    facts?;
    Ok(sink.end(summary)?)
}
