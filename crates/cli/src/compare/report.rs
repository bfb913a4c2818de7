//! `exitless compare`, for people.

use super::{Comparison, Count};
use crate::error::Failure;
use crate::table::{align, signed};
use apic_core::run::{Calibration, Summary as Times};
use apic_core::units::Ns;
use std::io::Write;

/// Differences that are told for each cause; `--json` has all.
const TOLD: usize = 3;

/// Lines whose numbers are printed for each cause.
const LINES: usize = 8;

pub(super) fn print(c: &Comparison, out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "{}: thread {}, {} ticks", c.name, c.thread.0, c.recorded)?;
    writeln!(out, "Expected path: {}, because {}.", c.path.name(), c.why)?;
    match &c.preset {
        Some(preset) => writeln!(out, "Run on the preset {preset}; its host is not the recording's.")?,
        None => writeln!(
            out,
            "Run where the recording has the vCPU. `exitless import --to scenario` prints that scenario, with what is \
             assumed in it."
        )?,
    }
    writeln!(out, "{} of {} ticks agree in all that can be compared.\n", c.agree, c.compared)?;
    summary(c, out)?;
    times(c, out)?;
    costs(c, out)?;
    differences(c, out)?;
    if !c.not_compared.is_empty() {
        writeln!(out, "\nCannot be compared")?;
        let rows: Vec<_> = c.not_compared.iter().map(|(n, what)| vec![format!("  {n}"), what.clone()]).collect();
        lines(&rows, |_| false, out)?;
    }
    Ok(())
}

fn lines(rows: &[Vec<String>], right: impl Fn(usize) -> bool, out: &mut impl Write) -> Result<(), Failure> {
    for line in align(rows, right) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn summary(c: &Comparison, out: &mut impl Write) -> Result<(), Failure> {
    let row = |name: &str, count: Count| {
        let agree = if count.compared == 0 { "–".to_owned() } else { count.agree.to_string() };
        vec![format!("  {name}"), count.compared.to_string(), agree]
    };
    let rows = vec![
        ["Ticks", "compared", "agree"].map(str::to_owned).to_vec(),
        row("path", c.paths),
        row("exit", c.exits),
        row("outcome", c.outcomes),
    ];
    lines(&rows, |column| column > 0, out)?;
    let [machine, model] = c.handlers;
    writeln!(out, "Handlers: {machine} in the recording, {model} in the model.")?;
    Ok(())
}

fn times(c: &Comparison, out: &mut impl Write) -> Result<(), Failure> {
    let whole = |times: Times<u64>| (times.count, times.p50.cast_signed(), times.p99.cast_signed());
    let of = |times: Times<i64>| (times.count, times.p50, times.p99);
    let mut rows = vec![["How late", "", "count", "p50", "p99"].map(str::to_owned).to_vec()];
    for (name, who, times) in [
        ("  deadline to expiry", "recording", c.machine.lateness.summary().map(of)),
        ("", "model", c.model.lateness.summary().map(of)),
        ("  expiry to accept", "recording", c.machine.expiry_to_accept.summary().map(whole)),
        ("", "model", c.model.expiry_to_accept.summary().map(whole)),
    ] {
        let mut row = vec![name.to_owned(), who.to_owned()];
        match times {
            Some((count, p50, p99)) => row.extend([count.to_string(), signed(p50), signed(p99)]),
            None => row.extend(["0", "–", "–"].map(str::to_owned)),
        }
        rows.push(row);
    }
    writeln!(out)?;
    lines(&rows, |column| column > 1, out)
}

fn costs(c: &Comparison, out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "The model's times rest on assumed costs: {}.", c.costs)?;
    let Some(told) = &c.calibration else { return Ok(()) };
    writeln!(out, "\nCosts fitted to the recording's exits, from kvm_exit to kvm_entry")?;
    lines(&fits(told), |column| column > 0, out)?;
    if !told.absent.is_empty() {
        writeln!(out, "In the recording, and not in the model's run: {}.", told.absent.join(", "))?;
    }
    Ok(())
}

fn fits(told: &Calibration) -> Vec<Vec<String>> {
    let mut rows = vec![["", "count", "least", "average", "most", "costs fitted"].map(str::to_owned).to_vec()];
    for fit in &told.fits {
        let times = &fit.times;
        let mut row = vec![format!("  {}", times.reason), times.samples.to_string()];
        row.extend([times.min_ns, times.avg_ns, times.max_ns].map(|ns| Ns::from_ns(ns).to_string()));
        row.push(if fit.too_long_ns.is_some() { "none".to_owned() } else { fit.scaled.len().to_string() });
        rows.push(row);
    }
    rows
}

fn differences(c: &Comparison, out: &mut impl Write) -> Result<(), Failure> {
    if c.differences.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nDifferences, by their likely cause")?;
    let mut groups: Vec<_> = c.differences.iter().collect();
    groups.sort_by_key(|(cause, of)| (std::cmp::Reverse(of.len()), **cause));
    for (cause, of) in groups {
        let first: Vec<_> = of.iter().take(LINES).map(|d| d.line.to_string()).collect();
        let more = if of.len() > LINES { ", …" } else { "" };
        let (ticks, lines) = if of.len() == 1 { ("tick", "line") } else { ("ticks", "lines") };
        writeln!(out, "  {} {ticks}: {}; {lines} {}{more}", of.len(), cause.words(), first.join(", "))?;
        for difference in of.iter().take(TOLD) {
            writeln!(out, "    {}", difference.words)?;
        }
        if of.len() > TOLD {
            writeln!(out, "    and {} more", of.len() - TOLD)?;
        }
    }
    Ok(())
}
