//! `exitless check --all`: every preset holds, and every fault is found.

use super::{Checked, bounds, document, search};
use crate::args::CheckArgs;
use crate::error::Failure;
use crate::quantity::grouped;
use apic_core::driver::explore::{Searched, Verdict, suite};
use std::io::Write;
use std::process::ExitCode;

/// One search, and whether it came out as it must.
struct Row {
    name: String,
    expected: &'static str,
    as_expected: bool,
    checked: Checked,
}

pub(super) fn print(args: &CheckArgs, out: &mut impl Write) -> Result<ExitCode, Failure> {
    if args.scenario.is_some() || args.preset.is_some() || args.path.is_some() || !args.broken.is_empty() {
        let problem = "every preset and every fault are checked, on each of their paths";
        return Err(Failure::value("--all", problem, "--all with nothing but --bound and --json"));
    }
    let rows = rows(&args.bound)?;
    if args.json {
        let documents: Vec<_> = rows.iter().map(|row| document(&row.checked)).collect();
        crate::json::write(&documents, out)?;
    } else {
        table(&rows, out)?;
    }
    let unfinished = rows.iter().any(|row| row.checked.verdict == Verdict::Unfinished);
    let wrong = rows.iter().any(|row| !row.as_expected && row.checked.verdict != Verdict::Unfinished);
    Ok(ExitCode::from(if wrong {
        1
    } else if unfinished {
        3
    } else {
        0
    }))
}

fn rows(bound: &[String]) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for searched in suite().map_err(Failure::scenario("a preset"))? {
        let Searched { name, preset, scenario, path, faults, holds, .. } = searched;
        // The examples are as small as can be already.
        let of_preset = preset.is_some() || faults.is_empty() && !name.contains(':');
        let bounds = if of_preset { bounds(bound, searched.bounds)? } else { searched.bounds };
        let checked = search(&scenario, preset.map(str::to_owned), path, bounds, faults);
        let as_expected = match checked.verdict {
            Verdict::Holds => holds != Some(false),
            Verdict::Violated(_) => holds != Some(true),
            Verdict::Unfinished => false,
        };
        rows.push(Row {
            name,
            expected: if holds == Some(false) { "violated" } else { "holds" },
            as_expected,
            checked,
        });
    }
    Ok(rows)
}

fn table(rows: &[Row], out: &mut impl Write) -> Result<(), Failure> {
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let mut states = 0;
    writeln!(out, "What was searched, expiries a vCPU, states, verdict:")?;
    for Row { name, expected, as_expected, checked } in rows {
        states += checked.progress.states;
        let seen = grouped(checked.progress.states as u128);
        let came = match &checked.verdict {
            Verdict::Violated(found) => format!("violated in {} moves", found.moves.len()),
            other => super::word(other).to_owned(),
        };
        let note = if *as_expected { String::new() } else { format!("  EXPECTED: {expected}") };
        let expiries = checked.bounds.expiries;
        writeln!(out, "{name:width$} {expiries:>2} {seen:>12}  {came}{note}")?;
    }
    let wrong = rows.iter().filter(|row| !row.as_expected).count();
    writeln!(out, "\n{} searches, {} states, {wrong} not as expected.", rows.len(), grouped(states as u128))?;
    Ok(())
}
