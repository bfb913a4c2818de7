//! `--calibrate`: the scenario's costs fitted to a table of `perf kvm stat report`, and what came of it.

use crate::error::Failure;
use crate::load::is_stdin;
use crate::moment::PathAccount;
use crate::table::align;
use apic_core::cost::CostKind;
use apic_core::run::{Calibration, Distribution, ExitTimes, Fit, calibrate};
use apic_core::scenario::{OwnCosts, Scenario};
use apic_core::units::Ns;
use kvm_trace::{StatTable, read_stat};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

/// A table, and the costs fitted to it.
#[derive(Debug)]
pub(crate) struct Calibrated {
    /// Where the table came from, in words.
    name: String,
    table: StatTable,
    told: Calibration,
}

/// Reads the table (`-` for standard input) and puts costs fitted to it into the scenario.
pub(crate) fn apply(file: &Path, scenario: &mut Scenario) -> Result<Calibrated, Failure> {
    let name = if is_stdin(file) { "standard input".to_owned() } else { file.display().to_string() };
    let table = if is_stdin(file) {
        read_stat(io::stdin().lock())
    } else {
        let open = File::open(file).map_err(|source| Failure::Read { file: name.clone(), source })?;
        read_stat(BufReader::new(open))
    };
    let table = table.map_err(|source| Failure::Stat { file: name.clone(), source })?;
    let rows: Vec<ExitTimes> = table
        .rows
        .iter()
        .map(|row| ExitTimes {
            reason: row.name.clone(),
            samples: row.samples,
            min_ns: row.min.ns(),
            avg_ns: row.avg.ns(),
            max_ns: row.max.ns(),
            error_hundredths: row.error.map(kvm_trace::Percent::hundredths),
        })
        .collect();
    let told = calibrate(scenario, &rows);
    if told.own.is_empty() {
        let names: Vec<_> = table.rows.iter().map(|row| row.name.as_str()).collect();
        let problem = format!("no cost of this run can be fitted to it; it has {}", names.join(", "));
        return Err(Failure::value(
            name,
            problem,
            "a table with exits that the run makes, such as EXTERNAL_INTERRUPT and MSR_WRITE",
        ));
    }
    let source = format!("fitted to {name}, a table of perf kvm stat");
    scenario.costs.own = Some(OwnCosts { source, costs: told.own.clone() });
    Ok(Calibrated { name, table, told })
}

/// What is to be known beside the numbers.
const NOTES: [&str; 3] = [
    "A row's time is kvm_entry minus kvm_exit of one vCPU: the two transitions themselves are in no row, HLT includes sleep, and an interrupt that was posted is in none.",
    "The steps of an exit are scaled together, and one of them carries the spread; which one is assumed.",
    "MSR_WRITE counts every write that exits, and the model's guest writes its timer alone.",
];

/// The calibration in words, for the table of a run.
pub(crate) fn lines(calibrated: &Calibrated, accounts: &[PathAccount]) -> Vec<String> {
    let Calibrated { name, table, told } = calibrated;
    let scope = table.scope.as_deref().map_or_else(String::new, |scope| format!(" ({scope})"));
    let mut lines = vec![format!("Costs fitted to {name}{scope}")];
    let heads = ["", "", "least", "average", "most"].map(str::to_owned).to_vec();
    let mut rows = vec![heads];
    for fit in &told.fits {
        let of = &fit.times;
        let cells = |name: &str, who: &str, times: [Option<u64>; 3]| {
            let cell = |ns: Option<u64>| ns.map_or_else(|| "–".to_owned(), |ns| Ns::from_ns(ns).to_string());
            let mut row = vec![name.to_owned(), who.to_owned()];
            row.extend(times.map(cell));
            row
        };
        rows.push(cells(&format!("  {}", of.reason), "table", [of.min_ns, of.avg_ns, of.max_ns].map(Some)));
        let found = found(fit, accounts);
        let times = [
            found.and_then(Distribution::min),
            found.and_then(Distribution::average),
            found.and_then(Distribution::max),
        ];
        rows.push(cells("", &format!("model, {}", fit.path.title()), times));
    }
    lines.extend(align(&rows, |column| column > 1));
    for fit in &told.fits {
        if let Some(ns) = fit.too_long_ns {
            let (reason, span) = (&fit.times.reason, Ns::from_ns(ns));
            lines.push(format!(
                "{reason} could not be fitted: what other rows or the scenario settle takes {span} of it already."
            ));
        }
    }
    if !told.absent.is_empty() {
        lines.push(format!("In the table, and not in this run: {}.", told.absent.join(", ")));
    }
    if table.lost > 0 {
        lines.push(format!("perf lost {} events, of which the table knows nothing.", table.lost));
    }
    let untold: Vec<_> = told.untold.iter().map(|kind| kind.what()).collect();
    lines.push(format!(
        "What the table does not tell stays as the set has it, shares and assumptions: {}.",
        untold.join("; ")
    ));
    lines.extend(NOTES.map(str::to_owned));
    lines
}

/// The model's exits that a row was fitted with, in this run.
fn found<'a>(fit: &Fit, accounts: &'a [PathAccount]) -> Option<&'a Distribution> {
    accounts.iter().find(|a| a.way.path == fit.path)?.measured.exit(&fit.times.reason)
}

/// The same in a JSON document.
#[derive(Serialize)]
pub(crate) struct Document<'a> {
    file: &'a str,
    scope: Option<&'a str>,
    lost: u64,
    fits: Vec<FitDocument<'a>>,
    not_in_this_run: &'a [String],
    not_told: Vec<&'static str>,
    notes: [&'static str; NOTES.len()],
}

#[derive(Serialize)]
struct FitDocument<'a> {
    reason: &'a str,
    path: &'static str,
    table: Times,
    model: Option<Times>,
    scaled: Vec<&'static str>,
    carries_the_spread: Option<&'static str>,
    settled_elsewhere_ns: Option<u64>,
}

#[derive(Serialize)]
struct Times {
    samples: u64,
    min_ns: u64,
    avg_ns: u64,
    max_ns: u64,
}

pub(crate) fn document<'a>(calibrated: &'a Calibrated, accounts: &[PathAccount]) -> Document<'a> {
    let Calibrated { name, table, told } = calibrated;
    let model = |times: &Distribution| {
        Some(Times { samples: times.count(), min_ns: times.min()?, avg_ns: times.average()?, max_ns: times.max()? })
    };
    let fit = |fit: &'a Fit| FitDocument {
        reason: &fit.times.reason,
        path: fit.path.name(),
        table: Times {
            samples: fit.times.samples,
            min_ns: fit.times.min_ns,
            avg_ns: fit.times.avg_ns,
            max_ns: fit.times.max_ns,
        },
        model: found(fit, accounts).and_then(model),
        scaled: fit.scaled.iter().map(|kind| kind.what()).collect(),
        carries_the_spread: fit.carrier.map(CostKind::what),
        settled_elsewhere_ns: fit.too_long_ns,
    };
    Document {
        file: name,
        scope: table.scope.as_deref(),
        lost: table.lost,
        fits: told.fits.iter().map(fit).collect(),
        not_in_this_run: &told.absent,
        not_told: told.untold.iter().map(|kind| kind.what()).collect(),
        notes: NOTES,
    }
}
