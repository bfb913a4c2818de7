//! `exitless costs`: what steps cost and where each figure comes from, and what was published.

use crate::args::CostsArgs;
use crate::error::Failure;
use crate::table::align;
use apic_core::cost::published::{ALL, Figure, Published};
use apic_core::cost::{Cost, CostSet, Origin, SETS, set};
use serde::Serialize;
use std::io::Write;

#[derive(Serialize)]
struct Document {
    sets: Vec<Set>,
    published: &'static [Published],
}

#[derive(Serialize)]
struct Set {
    name: &'static str,
    about: &'static str,
    costs: &'static [Cost],
}

pub(crate) fn print(args: &CostsArgs, out: &mut impl Write) -> Result<(), Failure> {
    let chosen = match &args.set {
        None => SETS.iter().collect(),
        Some(name) => vec![set(name).ok_or_else(|| {
            let names: Vec<_> = SETS.iter().map(|s| s.name).collect();
            Failure::value(
                "--set",
                format!("no cost set is called \"{name}\""),
                format!("one of: {}", names.join(", ")),
            )
        })?],
    };
    if args.json {
        let of = |s: &CostSet| Set { name: s.name, about: s.about, costs: s.costs };
        return crate::json::write(&Document { sets: chosen.into_iter().map(of).collect(), published: ALL }, out);
    }
    for set in chosen {
        writeln!(out, "{}: {}.", set.name, set.about)?;
        let rows: Vec<_> = set.costs.iter().map(row).collect();
        for line in align(&rows, |column| column == 1) {
            writeln!(out, "  {line}")?;
        }
        writeln!(out)?;
    }
    writeln!(out, "Published, each on its own machine:")?;
    let rows: Vec<_> = ALL.iter().map(published).collect();
    for line in align(&rows, |column| column == 1) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn row(cost: &Cost) -> Vec<String> {
    let (word, more) = match cost.origin {
        Origin::Published { machine, source } => ("published", format!("{machine}; {source}")),
        Origin::ShareOf { whole } => ("share of", whole.to_owned()),
        Origin::Assumed { why } => ("assumed", why.to_owned()),
        Origin::Gap { stands_in } => ("no source", format!("that of {stands_in} stands in")),
    };
    let tail = cost.tail.map_or_else(String::new, |t| format!(", once in {} up to {} ns", t.one_in, t.max_ns));
    let name = cost.kind.what().to_owned();
    vec![name, format!("{}–{} ns{tail}", cost.min_ns, cost.max_ns), format!("{word}: {more}")]
}

fn published(p: &Published) -> Vec<String> {
    let pair = |before: String, after: String| if before == after { after } else { format!("{before} → {after}") };
    let hundredths = |n: u64| crate::quantity::decimals(n, 2);
    let figure = match p.figure {
        Figure::CyclesHundredths(before, after) => format!("{} cycles", pair(hundredths(before), hundredths(after))),
        Figure::NsHundredths(before, after) => format!("{} ns", pair(hundredths(before), hundredths(after))),
        Figure::Spread { min_ns, avg_ns, max_ns, error_hundredths, samples } => format!(
            "{min_ns} ns least, {avg_ns} ns ± {} % average, {max_ns} ns most, of {samples}",
            hundredths(error_hundredths)
        ),
    };
    vec![p.what.to_owned(), figure, format!("{}; {}", p.machine, p.source)]
}
