//! `exitless check --all`: every preset holds, and every fault is found.

use super::{Checked, bounds, document, search};
use crate::args::CheckArgs;
use crate::error::Failure;
use crate::quantity::grouped;
use apic_core::driver::explore::{Bounds, Verdict, example, known, repaired};
use apic_core::kvm::{Fault, Faults};
use apic_core::scenario::PRESETS;
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
    let whole = Bounds { vcpus: u8::MAX, housekeepers: u8::MAX, ..Bounds::DEFAULT };
    let rows = rows(bounds(&args.bound, whole)?)?;
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

fn rows(within: Bounds) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let mut add = |name: String, holds: bool, checked: Checked| {
        let as_expected = match checked.verdict {
            Verdict::Holds => holds,
            Verdict::Violated(_) => !holds,
            Verdict::Unfinished => false,
        };
        rows.push(Row { name, expected: if holds { "holds" } else { "violated" }, as_expected, checked });
    };
    let none = Faults::default();
    for preset in PRESETS {
        let scenario = preset.scenario().map_err(Failure::scenario(preset.name))?;
        for path in &scenario.run.paths {
            let (name, own) = (format!("{} {}", preset.name, path.name()), known(&scenario, *path));
            let shipped = search(&scenario, Some(preset.name.to_owned()), *path, within, none);
            if own.is_empty() {
                add(name, true, shipped);
                continue;
            }
            // A kernel that had a bug has it here too; without it, it holds.
            let violated = matches!(shipped.verdict, Verdict::Violated(_));
            let ids: Vec<_> = own.iter().map(|f| f.info().id).collect();
            add(format!("{name} ({} as in its kernel)", ids.join(", ")), !violated, shipped);
            let name = format!("{name} (repaired)");
            add(name, true, search(&repaired(&scenario, *path), None, *path, within, none));
        }
    }
    for fault in Fault::ALL {
        let (shown, id) = (example(*fault), fault.info().id);
        let searched = |faults| search(&shown.scenario, None, shown.path, shown.bounds, faults);
        add(format!("{id}: the rule in force"), true, searched(none));
        add(format!("{id}: without it"), fault.is_redundant(), searched(none.with(*fault)));
    }
    Ok(rows)
}

fn table(rows: &[Row], out: &mut impl Write) -> Result<(), Failure> {
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let mut states = 0;
    for Row { name, expected, as_expected, checked } in rows {
        states += checked.progress.states;
        let seen = grouped(checked.progress.states as u128);
        let came = match &checked.verdict {
            Verdict::Violated(found) => format!("violated in {} moves", found.moves.len()),
            other => super::word(other).to_owned(),
        };
        let note = if *as_expected { String::new() } else { format!("  EXPECTED: {expected}") };
        writeln!(out, "{name:width$} {seen:>12}  {came}{note}")?;
    }
    let wrong = rows.iter().filter(|row| !row.as_expected).count();
    writeln!(out, "\n{} searches, {} states, {wrong} not as expected.", rows.len(), grouped(states as u128))?;
    Ok(())
}
