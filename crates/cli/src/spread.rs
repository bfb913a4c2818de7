//! Distributions of a path: in the table, in the JSON document, and as the table that `perf kvm stat` would print.

use crate::error::Failure;
use crate::moment::{Moment, PathAccount};
use crate::table::{align, signed, span};
use apic_core::run::{Distribution, Measured, Summary};
use apic_core::units::Ns;
use kvm_trace::{Percent, StatRow, StatTable, StatTime, StatTotal};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;

/// The distributions in a JSON document, in nanoseconds; `null` where nothing happened.
#[derive(Serialize)]
pub(crate) struct Spread {
    /// Deadline to handler; below zero it is early.
    latency_ns: Option<Summary<i64>>,
    /// The same, late handlers alone and early ones alone.
    lateness_ns: Option<Summary<u64>>,
    earliness_ns: Option<Summary<u64>>,
    guest_time_lost_per_tick_ns: Option<Summary<u64>>,
    housekeeper_time_per_tick_ns: Option<Summary<u64>>,
    /// By reason, as `perf kvm stat` measures it.
    exit_to_entry_ns: BTreeMap<&'static str, Exits>,
    /// Whether percentiles are exact; else they are up to 1/128 above.
    exact: bool,
}

#[derive(Serialize)]
struct Exits {
    #[serde(flatten)]
    times: Option<Summary<u64>>,
    average: Option<u64>,
}

pub(crate) fn spread(measured: &Measured) -> Spread {
    let all = [&measured.latency.above, &measured.latency.below, &measured.guest_time_lost, &measured.housekeeper_time];
    Spread {
        latency_ns: measured.latency.summary(),
        lateness_ns: measured.latency.above.summary(),
        earliness_ns: measured.latency.below.summary(),
        guest_time_lost_per_tick_ns: measured.guest_time_lost.summary(),
        housekeeper_time_per_tick_ns: measured.housekeeper_time.summary(),
        exit_to_entry_ns: measured
            .exits
            .iter()
            .map(|(reason, times)| (*reason, Exits { times: times.summary(), average: times.average() }))
            .collect(),
        exact: all.into_iter().chain(measured.exits.iter().map(|(_, times)| times)).all(Distribution::is_exact),
    }
}

/// What is tabulated, and each path's figures of it.
type Part = (&'static str, fn(&Measured) -> Option<Summary<i64>>);

const PARTS: [Part; 3] = [
    ("deadline to handler", |m| m.latency.summary()),
    ("guest time lost, per tick", |m| whole(&m.guest_time_lost)),
    ("housekeeper time, per tick", |m| whole(&m.housekeeper_time)),
];

fn whole(times: &Distribution) -> Option<Summary<i64>> {
    let of = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
    times.summary().map(|s| Summary {
        count: s.count,
        min: of(s.min),
        p50: of(s.p50),
        p90: of(s.p90),
        p99: of(s.p99),
        p999: of(s.p999),
        max: of(s.max),
    })
}

/// One line per distribution and path.
pub(crate) fn lines(accounts: &[PathAccount]) -> Vec<String> {
    let heads = ["", "", "count", "least", "p50", "p90", "p99", "p99.9", "most"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for (name, of) in PARTS {
        for (i, account) in accounts.iter().enumerate() {
            let first = if i == 0 { name.to_owned() } else { String::new() };
            rows.push(row(first, account.way.title(), of(&account.measured)));
        }
    }
    align(&rows, |column| column > 1)
}

fn row(name: String, path: String, summary: Option<Summary<i64>>) -> Vec<String> {
    let mut row = vec![name, path];
    match summary {
        None => row.extend(std::iter::once("0".to_owned()).chain(std::iter::repeat_n("–".to_owned(), 6))),
        Some(s) => {
            row.push(s.count.to_string());
            row.extend([s.min, s.p50, s.p90, s.p99, s.p999, s.max].map(signed));
        }
    }
    row
}

/// Early handlers in words, if there are any.
pub(crate) fn early(account: &PathAccount) -> Option<String> {
    let below = &account.measured.latency.below;
    let (n, most) = (below.count(), below.max()?);
    let title = account.way.title();
    let verb = if n == 1 { "handler was" } else { "handlers were" };
    Some(format!("{title}: {n} {verb} early, by up to {}.", span(Ns::from_ns(most))))
}

/// What `perf kvm stat report` would print of a path.
pub(crate) fn stat_table(measured: &Measured) -> StatTable {
    let samples: u64 = measured.exits.iter().map(|(_, times)| times.count()).sum();
    let time: u128 = measured.exits.iter().map(|(_, times)| times.sum()).sum();
    let ns = |ns: Option<u64>| StatTime::from_ns(ns.unwrap_or(0));
    let row = |(reason, times): &(&str, Distribution)| StatRow {
        name: (*reason).to_owned(),
        samples: times.count(),
        samples_share: Percent::of(times.count().into(), samples.into()),
        time_share: Percent::of(times.sum(), time),
        min: ns(times.min()),
        max: ns(times.max()),
        avg: ns(times.average()),
        // perf prints 0 for a single sample.
        error: Some(Percent::from_hundredths(times.error_hundredths().unwrap_or(0))),
    };
    let mut rows: Vec<StatRow> = measured.exits.iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.samples));
    let total = StatTotal { samples, time: StatTime::from_ns(u64::try_from(time).unwrap_or(u64::MAX)) };
    StatTable { scope: Some("all VMs, all VCPUs".to_owned()), rows, total: Some(total), lost: 0 }
}

/// `--kvm-stat`, and `--format stat`.
pub(crate) fn print_stat(option: &str, moment: &Moment, out: &mut (impl Write + ?Sized)) -> Result<(), Failure> {
    match moment.accounts().as_slice() {
        [account] => {
            writeln!(out, "# Simulated: {}, seed {}.", account.way.title(), moment.scenario().run.seed)?;
            Ok(write!(out, "{}", stat_table(&account.measured))?)
        }
        several => {
            let names: Vec<_> = several.iter().map(|a| a.way.key()).collect();
            let problem = format!("{} paths are {} tables", several.len(), several.len());
            Err(Failure::value(option, problem, format!("--paths with one of: {}", names.join(", "))))
        }
    }
}
