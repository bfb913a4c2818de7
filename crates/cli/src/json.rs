//! `--json`: the account of a run as one document.

use crate::calibration;
use crate::crosscheck;
use crate::error::Failure;
use crate::moment::{Cut, Moment, PathAccount};
use crate::spread::{Spread, spread};
use apic_core::run::Ledger;
use apic_core::scenario::OwnCosts;
use scene::Expiry;
use serde::Serialize;
use std::io::Write;

#[derive(Serialize)]
struct Document<'a> {
    scenario: Heading<'a>,
    /// Version of the machine's rules and costs.
    model_version: &'static str,
    seed: u64,
    costs: Costs<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arms: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<Recording<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calibration: Option<calibration::Document<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cross_check: Option<crosscheck::Document>,
    /// Beats after which the paths are told.
    position: usize,
    /// Beats of the whole run.
    beats: usize,
    paths: Vec<Path<'a>>,
}

#[derive(Serialize)]
struct Heading<'a> {
    title: &'a str,
    question: &'a str,
    preset: Option<&'a str>,
}

#[derive(Serialize)]
struct Costs<'a> {
    set: &'a str,
    about: &'a str,
    /// As a scenario carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    own: Option<&'a OwnCosts>,
}

#[derive(Serialize)]
struct Recording<'a> {
    file: &'a str,
    thread: u32,
    replayed: usize,
    disarms: u64,
    restarts: u64,
    clock_offset_ns: i64,
    lines: u64,
    lines_not_understood: u64,
}

#[derive(Serialize)]
struct Path<'a> {
    #[serde(rename = "path")]
    name: String,
    title: String,
    steps: usize,
    ledger: &'a Ledger,
    expiries: &'a [Expiry],
    distributions: Spread,
    end: End<'a>,
}

/// The whole run, whatever the position.
#[derive(Serialize)]
struct End<'a> {
    steps: usize,
    ledger: &'a Ledger,
    /// Why the run is shorter than was asked for.
    cut: Option<&'static str>,
}

pub(crate) fn print(moment: &Moment, out: &mut impl Write) -> Result<(), Failure> {
    let scenario = moment.scenario();
    let accounts = moment.accounts();
    let document = Document {
        scenario: Heading {
            title: &scenario.meta.title,
            question: &scenario.meta.question,
            preset: moment.preset.as_deref(),
        },
        model_version: env!("CARGO_PKG_VERSION"),
        seed: scenario.run.seed,
        costs: Costs {
            set: scenario.costs.set().name,
            about: scenario.costs.set().about,
            own: scenario.costs.own.as_ref(),
        },
        calibration: moment.calibrated.as_ref().map(|calibrated| calibration::document(calibrated, &accounts)),
        arms: moment.arms(),
        recording: moment.recording.as_ref().map(|r| Recording {
            file: &r.name,
            thread: r.vcpu.0,
            replayed: r.replay.len(),
            disarms: r.list.disarms,
            restarts: r.list.restarts,
            clock_offset_ns: r.list.clock_offset.ns(),
            lines: r.list.coverage.lines,
            lines_not_understood: r.list.coverage.unparsed,
        }),
        cross_check: crosscheck::document(moment, &accounts),
        position: moment.lockstep.position(),
        beats: moment.lockstep.len(),
        paths: accounts.iter().map(path).collect(),
    };
    write(&document, out)
}

fn path(account: &PathAccount) -> Path<'_> {
    Path {
        name: account.way.key(),
        title: account.way.title(),
        steps: account.steps,
        ledger: &account.ledger,
        expiries: &account.expiries,
        distributions: spread(&account.measured),
        end: End {
            steps: account.end_steps,
            ledger: &account.end_ledger,
            cut: account.cut.map(|cut| match cut {
                Cut::TooLong => "too_long",
                Cut::Stopped => "stopped",
            }),
        },
    }
}

/// A document, indented, with a line end.
pub(crate) fn write(document: &impl Serialize, out: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, document).map_err(std::io::Error::from)?;
    Ok(writeln!(out)?)
}
