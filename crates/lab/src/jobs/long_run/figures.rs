//! What a long run has found, as figures: distributions as dots and curves, sums as bars, each beside its table.

use crate::figure::{Bar, Figure, Lane, Plot, Point, Unit};
use crate::words::{grouped, rank, time};
use apic_core::run::{Example, Examples, Occurrence, Seen, Survey};
use apic_core::scenario::Scenario;
use apic_core::units::Ns;
use wasm_bridge::worker::picture::{Chart, Moment, Row, Table};

/// Dots of a quantile dotplot: few enough to be counted, each 2 % of all values.
const DOTS: u64 = 50;

/// Ranks of tables and of points on curves, in thousandths.
const RANKS: [u64; 13] = [0, 10, 50, 100, 250, 500, 750, 900, 950, 980, 990, 999, 1_000];

/// The figure that a chart asks for; `None` if it is none of these.
pub(super) fn of(chart: Chart, surveys: &[Survey], scenario: &Scenario) -> Option<Figure> {
    const LATENCY: &str = "From expiry to the handler's first instruction; below zero is early";
    Some(match chart {
        Chart::Latency => distribution(LATENCY, dots, surveys, |seen| &seen.latency),
        Chart::LatencyCurve => distribution(LATENCY, curve, surveys, |seen| &seen.latency),
        Chart::Jitter => {
            let caption = "Jitter: how much the latency changes from one tick of a vCPU to its next";
            distribution(caption, dots, surveys, |seen| &seen.jitter)
        }
        Chart::Exits => exits(surveys),
        Chart::GuestTime => guest_time(surveys, scenario),
        Chart::Housekeepers => housekeepers(surveys),
        Chart::Flips => return None,
    })
}

fn titles(surveys: &[Survey]) -> Vec<String> {
    surveys.iter().map(|survey| survey.way().title()).collect()
}

fn moment(path: usize, at: Occurrence) -> Moment {
    Moment { path: path as u8, at }
}

/// Where a moment is, in words.
fn place(at: Occurrence) -> String {
    format!("tick {}, vCPU {}, at {}", grouped(at.handlers.into()), at.vcpu.0, at.at)
}

/// A distribution of each path, with a table of its ranks.
fn distribution(
    caption: &str,
    plot: fn(Vec<(String, &Examples)>) -> Plot,
    surveys: &[Survey],
    of: fn(&Seen) -> &Examples,
) -> Figure {
    let paths = || surveys.iter().map(|survey| of(survey.seen()));
    let at_ranks: Vec<Vec<Example>> = paths().map(|examples| examples.at(RANKS, 1_000)).collect();
    let cell = |i: usize, (path, ranks): (usize, &Vec<Example>)| match ranks.get(i) {
        Some(example) => (time(example.ns), Some(moment(path, example.at))),
        None => ("–".to_owned(), None),
    };
    let row = |(i, thousandths): (usize, &u64)| Row {
        head: rank(*thousandths),
        cells: at_ranks.iter().enumerate().map(|path| cell(i, path)).collect(),
    };
    let plain = |head: &str, of: &dyn Fn(&Examples) -> String| Row {
        head: head.to_owned(),
        cells: paths().map(|examples| (of(examples), None)).collect(),
    };
    let mut rows = vec![
        plain("values", &|examples| grouped(examples.count())),
        plain("average", &|examples| average(examples).map_or_else(|| "–".to_owned(), time)),
    ];
    rows.extend(RANKS.iter().enumerate().map(row));
    let note = "Percentiles are values that occurred, to one part in 128; least and most are exact.";
    let table = Table { caption: caption.to_owned(), columns: titles(surveys), rows, note: note.to_owned() };
    Figure { plot: plot(titles(surveys).into_iter().zip(paths()).collect()), table }
}

/// Rounded towards zero.
fn average(examples: &Examples) -> Option<i64> {
    examples.sum().checked_div(examples.count().into()).and_then(|ns| i64::try_from(ns).ok())
}

fn dots(paths: Vec<(String, &Examples)>) -> Plot {
    let lane = |(path, (name, examples)): (usize, (String, &Examples))| {
        // Each dot stands in the middle of its share.
        let middles = examples.at((0..DOTS).map(|i| 2 * i + 1), 2 * DOTS);
        let point = |(i, example): (usize, Example)| {
            let share = (2 * i + 1) as f64 / (2 * DOTS) as f64;
            let words = format!("{name}: {}, dot {} of {DOTS}; {}", time(example.ns), i + 1, place(example.at));
            Point { x: example.ns as f64, share, words, moment: Some(moment(path, example.at)) }
        };
        let points = middles.into_iter().enumerate().map(point).collect();
        let name = format!("{name}; each dot is 2 % of {}", grouped(examples.count()));
        Lane { name, points, line: Vec::new() }
    };
    Plot::Dots(paths.into_iter().enumerate().map(lane).collect())
}

/// Without the greatest values of all: one of them may be a hundred times as far out as the rest.
fn curve(paths: Vec<(String, &Examples)>) -> Plot {
    let ranks = &RANKS[..RANKS.len() - 1];
    let lane = |(path, (name, examples)): (usize, (String, &Examples))| {
        let point = |(thousandths, example): (&u64, Example)| Point {
            x: example.ns as f64,
            share: *thousandths as f64 / 1_000.0,
            words: format!("{name}: {} or less in {}; {}", time(example.ns), share(*thousandths), place(example.at)),
            moment: Some(moment(path, example.at)),
        };
        let points = ranks.iter().zip(examples.at(ranks.iter().copied(), 1_000)).map(point).collect();
        let most = examples.most().map_or_else(String::new, |most| format!(", at most {}", time(most.ns)));
        // To one half of a per cent, and then to the last of the points.
        let halves: Vec<u64> = (0..200).map(|half| 5 * half).chain([999]).collect();
        let line = halves.iter().zip(examples.at(halves.iter().copied(), 1_000));
        let line = line.map(|(part, example)| (example.ns as f64, *part as f64 / 1_000.0)).collect();
        Lane { name: format!("{name}{most}"), points, line }
    };
    Plot::Curves(paths.into_iter().enumerate().map(lane).collect())
}

/// A rank as a share of all values.
fn share(thousandths: u64) -> String {
    if thousandths == 0 { "the least case".to_owned() } else { rank(thousandths) }
}

/// How often something happened in a second of guest time.
fn per_second(count: u64, elapsed: Ns) -> f64 {
    if elapsed == Ns::ZERO { 0.0 } else { count as f64 * 1e9 / elapsed.as_ns() as f64 }
}

fn exits(surveys: &[Survey]) -> Figure {
    let mut reasons: Vec<&'static str> = Vec::new();
    for exits in surveys.iter().flat_map(|survey| &survey.seen().exits) {
        if !reasons.contains(&exits.reason) {
            reasons.push(exits.reason);
        }
    }
    let (mut bars, mut rows) = (Vec::new(), Vec::new());
    for reason in reasons {
        let mut row = Row { head: reason.to_owned(), cells: Vec::new() };
        for (path, survey) in surveys.iter().enumerate() {
            let found = survey.seen().exits.iter().find(|exits| exits.reason == reason);
            let value = per_second(found.map_or(0, |exits| exits.count), survey.elapsed());
            let takes = found.and_then(|exits| average(&exits.times));
            let takes = takes.map_or_else(String::new, |ns| format!(", {} each on average", time(ns)));
            let moment = found.map(|exits| moment(path, exits.first));
            row.cells.push((format!("{value:.1}/s{takes}"), moment));
            let words = format!("{reason}, {}: {value:.1}/s", survey.way().title());
            bars.push(Bar { words, value, path, moment });
        }
        rows.push(row);
    }
    let note = "Of guest time, over all vCPUs. A bar leads to the first exit of its reason. Each exit's time is from exit \
                to entry, as perf kvm stat measures it, without the two transitions.";
    let table = Table {
        caption: "Exits a second, by reason".to_owned(),
        columns: titles(surveys),
        rows,
        note: note.to_owned(),
    };
    Figure { plot: Plot::Bars(bars, Unit::PerSecond), table }
}

/// A share in per cent, with as many decimals as small ones need.
fn per_cent(of: f64) -> String {
    format!("{:.3} %", 100.0 * of)
}

fn guest_time(surveys: &[Survey], scenario: &Scenario) -> Figure {
    let (mut bars, mut cells) = (Vec::new(), [Vec::new(), Vec::new(), Vec::new(), Vec::new()]);
    for (path, survey) in surveys.iter().enumerate() {
        let lost = survey.ledger().guest_time_lost;
        let all = survey.elapsed().as_ns() as f64 * scenario.vcpus.len() as f64;
        let value = if all > 0.0 { lost.as_ns() as f64 / all } else { 0.0 };
        let per_tick = &survey.seen().guest_time_lost;
        let worst = per_tick.most();
        let worst_moment = worst.map(|worst| moment(path, worst.at));
        let words = format!("{}: {} of guest time lost", survey.way().title(), per_cent(value));
        bars.push(Bar { words, value, path, moment: worst_moment });
        let told = |ns: Option<i64>| ns.map_or_else(|| "–".to_owned(), time);
        cells[0].push((per_cent(value), None));
        cells[1].push((told(average(per_tick)), None));
        cells[2].push((told(worst.map(|worst| worst.ns)), worst_moment));
        cells[3].push((lost.to_string(), None));
    }
    let heads = ["of all vCPUs' time", "per tick, on average", "in the costliest tick", "in all"];
    let note = "Time in which a vCPU was kept from its code by arming, firing or posted-interrupt processing. A bar leads to \
                the tick that lost most.";
    let table = Table {
        caption: "Guest time lost".to_owned(),
        columns: titles(surveys),
        rows: heads.into_iter().zip(cells).map(|(head, cells)| Row { head: head.to_owned(), cells }).collect(),
        note: note.to_owned(),
    };
    Figure { plot: Plot::Bars(bars, Unit::Share), table }
}

fn housekeepers(surveys: &[Survey]) -> Figure {
    let mut cpus: Vec<_> = surveys.iter().flat_map(|s| s.seen().housekeepers.iter().map(|h| h.cpu)).collect();
    cpus.sort_unstable();
    cpus.dedup();
    let (mut bars, mut rows) = (Vec::new(), Vec::new());
    for cpu in cpus {
        let mut row = Row { head: format!("core {}", cpu.0), cells: Vec::new() };
        for (path, survey) in surveys.iter().enumerate() {
            let found = survey.seen().housekeepers.iter().find(|h| h.cpu == cpu);
            let elapsed = survey.elapsed().as_ns() as f64;
            let value = found.filter(|_| elapsed > 0.0).map_or(0.0, |h| h.time.as_ns() as f64 / elapsed);
            let moment = found.map(|h| moment(path, h.most.1));
            row.cells.push((per_cent(value), moment));
            let words = format!("core {}, {}: {} of its time", cpu.0, survey.way().title(), per_cent(value));
            bars.push(Bar { words, value, path, moment });
        }
        rows.push(row);
    }
    let note = "Time that cores without a vCPU spent on guest timers; their own work is not in it. A bar leads to the step \
                that took longest. Moved, not removed.";
    let table = Table {
        caption: "Housekeepers' time for guest timers".to_owned(),
        columns: titles(surveys),
        rows,
        note: note.to_owned(),
    };
    Figure { plot: Plot::Bars(bars, Unit::Share), table }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::run::{History, Way};
    use apic_core::scenario::{PathKind, preset};

    fn surveyed(name: &str, paths: &[PathKind]) -> (Scenario, Vec<Survey>) {
        let scenario = preset(name).expect("ships");
        let survey = |path: &PathKind| {
            let mut survey = Survey::new(&scenario, Way::of(*path), &[], scenario.run.expiries);
            while survey.run_on(1_000) {}
            survey
        };
        let surveys = paths.iter().map(survey).collect();
        (scenario, surveys)
    }

    const ALL: [Chart; 6] =
        [Chart::Latency, Chart::LatencyCurve, Chart::Jitter, Chart::Exits, Chart::GuestTime, Chart::Housekeepers];

    /// Every figure says the same in its plot and its table, and leads to steps that are there.
    #[test]
    fn every_figure_has_a_table_of_all_paths_and_leads_into_the_run() {
        let (scenario, surveys) = surveyed("two-vcpus-one-housekeeper", &[PathKind::Pinned, PathKind::Posted]);
        for chart in ALL {
            let Figure { plot, table } = of(chart, &surveys, &scenario).expect("one of its own");
            assert!(!table.rows.is_empty() && table.rows.iter().all(|row| row.cells.len() == 2), "{chart:?}");
            let (words, moments): (Vec<String>, Vec<Option<Moment>>) = match plot {
                Plot::Dots(lanes) | Plot::Curves(lanes) => {
                    lanes.into_iter().flat_map(|lane| lane.points).map(|p| (p.words, p.moment)).unzip()
                }
                Plot::Bars(bars, _) => bars.into_iter().map(|bar| (bar.words, bar.moment)).unzip(),
            };
            assert!(words.iter().all(|words| words.contains("Pinned") || words.contains("Offloaded")), "{words:?}");
            let cells = table.rows.iter().flat_map(|row| row.cells.iter().filter_map(|(_, moment)| *moment));
            for Moment { path, at } in moments.into_iter().flatten().chain(cells) {
                assert!(at.step < surveys[usize::from(path)].steps(), "{chart:?}");
            }
        }
    }

    /// The bars of exits are the ledger's exits, and the guest time lost is the ledger's.
    #[test]
    fn sums_are_the_ledgers() {
        let (scenario, surveys) = surveyed("pinned-vs-offloaded", &[PathKind::Pinned, PathKind::Posted]);
        let Some(Figure { plot: Plot::Bars(bars, _), .. }) = of(Chart::Exits, &surveys, &scenario) else { panic!() };
        for (path, survey) in surveys.iter().enumerate() {
            let mut history = History::new(&scenario, survey.way().path);
            history.seek(usize::MAX);
            let ledger = history.ledger();
            let exits = ledger.exits_arming + ledger.exits_firing + ledger.exits_eoi + ledger.exits_other;
            let told: f64 = bars.iter().filter(|bar| bar.path == path).map(|bar| bar.value).sum();
            let expect = exits as f64 * 1e9 / history.machine().now().as_ns() as f64;
            assert!((told - expect).abs() < 1e-6 * expect, "{told} for {expect}");
        }
        let Some(Figure { table, .. }) = of(Chart::GuestTime, &surveys, &scenario) else { panic!() };
        assert_eq!(table.rows[3].cells[0].0, surveys[0].ledger().guest_time_lost.to_string());
    }
}
