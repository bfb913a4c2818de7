//! The preset `redis-skylake-2019`: the model's exits beside the published table, with what must not be read into it.

use crate::moment::{Moment, PathAccount};
use crate::table::align;
use apic_core::cost::published::{EXTERNAL_INTERRUPT_WITH, EXTERNAL_INTERRUPT_WITHOUT, Figure, Published};
use apic_core::run::Distribution;
use apic_core::scenario::PathKind;
use apic_core::units::Ns;
use kvm_trace::Percent;
use serde::Serialize;

/// The preset that is checked so.
const PRESET: &str = "redis-skylake-2019";
const REASON: &str = "EXTERNAL_INTERRUPT";

/// One run's exits by external interrupt, and all others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Exits {
    samples: u64,
    /// Hundredths of a per cent of all exits.
    samples_share: u64,
    /// Hundredths of a per cent of the time of all exits.
    time_share: u64,
    min_ns: u64,
    avg_ns: u64,
    max_ns: u64,
    /// From here on derived.
    others: u64,
    others_avg_ns: u64,
    /// Time of all exits.
    time_ns: u64,
}

/// The published row, and what follows from it of the others.
fn published(row: &Published, samples_share: u64, time_share: u64) -> Exits {
    let (samples, min_ns, avg_ns, max_ns) = match row.figure {
        Figure::Spread { samples, min_ns, avg_ns, max_ns, .. } => (samples, min_ns, avg_ns, max_ns),
        // The table's rows are spreads; a test holds it.
        _ => (0, 0, 0, 0),
    };
    let own = samples * avg_ns;
    let (all, time_ns) = (samples * 10_000 / samples_share, own * 10_000 / time_share);
    let others = all - samples;
    let others_avg_ns = (time_ns - own) / others.max(1);
    Exits { samples, samples_share, time_share, min_ns, avg_ns, max_ns, others, others_avg_ns, time_ns }
}

fn without() -> Exits {
    published(&EXTERNAL_INTERRUPT_WITHOUT, 4_943, 3_930)
}

fn with() -> Exits {
    published(&EXTERNAL_INTERRUPT_WITH, 929, 296)
}

/// The model's.
fn model(account: &PathAccount) -> Exits {
    let exits = &account.measured.exits;
    let own = account.measured.exit(REASON);
    let samples = own.map_or(0, Distribution::count);
    let own_time = own.map_or(0, Distribution::sum);
    let all: u64 = exits.iter().map(|(_, times)| times.count()).sum();
    let time: u128 = exits.iter().map(|(_, times)| times.sum()).sum();
    let others = all - samples;
    let ns = |ns: u128| u64::try_from(ns).unwrap_or(u64::MAX);
    Exits {
        samples,
        samples_share: Percent::of(samples.into(), all.into()).hundredths(),
        time_share: Percent::of(own_time, time).hundredths(),
        min_ns: own.and_then(Distribution::min).unwrap_or(0),
        avg_ns: own.and_then(Distribution::average).unwrap_or(0),
        max_ns: own.and_then(Distribution::max).unwrap_or(0),
        others,
        others_avg_ns: ns((time - own_time) / u128::from(others.max(1))),
        time_ns: ns(time),
    }
}

/// The two paths of the run that stand for the two runs of the table.
struct Pair {
    published: [Exits; 2],
    model: [Exits; 2],
}

fn pair(moment: &Moment, accounts: &[PathAccount]) -> Option<Pair> {
    let of = |path| accounts.iter().find(|a| a.way.path == path).map(model);
    let is_preset = moment.preset.as_deref() == Some(PRESET);
    let (pinned, posted) = (of(PathKind::Pinned)?, of(PathKind::Posted)?);
    (is_preset && pinned.samples > 0).then(|| Pair { published: [without(), with()], model: [pinned, posted] })
}

impl Pair {
    fn cautions(&self) -> Vec<String> {
        let [without, with] = self.published;
        let [pinned, posted] = self.model;
        let more = |a: u64, b: u64| whole(Percent::of(u128::from(b.saturating_sub(a)), a.into()).hundredths());
        vec![
            format!(
                "Do not read the table as \"{} % less overhead\": while exits by external interrupt went down, the time in \
                 all exits went from {} to {}.",
                whole(fewer(without.samples, with.samples)),
                about(without.time_ns),
                about(with.time_ns)
            ),
            format!(
                "The average of all other exits more than doubled, from {} to {}. The model does not show why; \
                 its own goes from {} to {}, as arming looks for a housekeeper and the mix changes.",
                about(without.others_avg_ns),
                about(with.others_avg_ns),
                about(pinned.others_avg_ns),
                about(posted.others_avg_ns)
            ),
            format!(
                "The two runs of the table need not have equal duration: the second has {} % more of all other exits. The \
                 model's two runs have the same ticks.",
                more(without.others, with.others)
            ),
            "Put in, so that it agrees: the mix of exits without the series, and how long the others take. The model's own: \
             what the other path leaves of them, and what timer exits and arming take."
                .to_owned(),
            "A posted interrupt is no exit, but it is not free: arming still exits, the processor handles the notification, \
             and a housekeeper runs the timer. Moved, not removed."
                .to_owned(),
        ]
    }
}

/// A derived figure, no finer than what it is derived from.
fn about(ns: u64) -> String {
    let (value, unit, decimals) = if ns >= 1_000_000 { (ns / 10_000, "ms", 1) } else { (ns, "µs", 2) };
    // Hundredths of a millisecond, or thousandths of a microsecond, with one digit rounded away.
    let rounded = (value + 5) / 10;
    let scale = 10_u64.pow(decimals);
    format!("{}.{:0width$} {unit}", rounded / scale, rounded % scale, width = decimals as usize)
}

/// Whole per cent, rounded.
fn whole(hundredths: u64) -> u64 {
    (hundredths + 50) / 100
}

/// How many hundredths of a per cent fewer.
fn fewer(before: u64, after: u64) -> u64 {
    Percent::of(u128::from(before.saturating_sub(after)), before.into()).hundredths()
}

/// Beside the ordinary report; nothing for other scenarios.
pub(crate) fn lines(moment: &Moment, accounts: &[PathAccount]) -> Vec<String> {
    let Some(pair) = pair(moment, accounts) else { return Vec::new() };
    let columns = [pair.published[0], pair.published[1], pair.model[0], pair.model[1]];
    let text = |words: [&str; 5]| words.map(str::to_owned).to_vec();
    let row = |name: &str, cell: fn(&Exits) -> String| {
        let mut row = vec![name.to_owned()];
        row.extend(columns.iter().map(cell));
        row
    };
    let percent = |hundredths: u64| format!("{}.{:02} %", hundredths / 100, hundredths % 100);
    let change = |name: &str, of: fn(u64, u64) -> String, figure: fn(&Exits) -> u64| {
        let [a, b, c, d] = [&columns[0], &columns[1], &columns[2], &columns[3]].map(figure);
        vec![name.to_owned(), String::new(), of(a, b), String::new(), of(c, d)]
    };
    let rows = vec![
        text(["EXTERNAL_INTERRUPT", "published,", "published,", "model,", "model,"]),
        text(["", "without", "with", "Pinned", "Offloaded"]),
        row("exits", |e| e.samples.to_string()),
        change("  avoided", |a, b| a.saturating_sub(b).to_string(), |e| e.samples),
        change("  fewer", |a, b| format!("{} %", whole(fewer(a, b))), |e| e.samples),
        {
            let mut row = vec!["share of all exits".to_owned()];
            row.extend(columns.iter().map(|e| percent(e.samples_share)));
            row
        },
        {
            let mut row = vec!["share of their time".to_owned()];
            row.extend(columns.iter().map(|e| percent(e.time_share)));
            row
        },
        row("exit to entry, least", |e| Ns::from_ns(e.min_ns).to_string()),
        row("exit to entry, average", |e| Ns::from_ns(e.avg_ns).to_string()),
        row("exit to entry, most", |e| Ns::from_ns(e.max_ns).to_string()),
        {
            let mut row = vec!["all other exits".to_owned()];
            // Shares of two decimals give no more than hundreds.
            row.extend(pair.published.iter().map(|e| ((e.others + 50) / 100 * 100).to_string()));
            row.extend(pair.model.iter().map(|e| e.others.to_string()));
            row
        },
        row("  their average", |e| about(e.others_avg_ns)),
        row("time in all exits", |e| about(e.time_ns)),
    ];
    let mut lines = vec![format!(
        "Beside the published table ({}; {})",
        EXTERNAL_INTERRUPT_WITH.source, EXTERNAL_INTERRUPT_WITH.machine
    )];
    lines.extend(align(&rows, |column| column > 0));
    lines.push("The last three rows of the published columns are derived from its shares and averages.".to_owned());
    lines.extend(pair.cautions());
    lines
}

/// The same in a JSON document.
#[derive(Serialize)]
pub(crate) struct Document {
    machine: &'static str,
    source: &'static str,
    reason: &'static str,
    published: Two,
    model: Two,
    cautions: Vec<String>,
}

#[derive(Serialize)]
struct Two {
    without: Exits,
    with: Exits,
    avoided: u64,
    /// Hundredths of a per cent.
    fewer: u64,
}

fn two([without, with]: [Exits; 2]) -> Two {
    Two {
        without,
        with,
        avoided: without.samples.saturating_sub(with.samples),
        fewer: fewer(without.samples, with.samples),
    }
}

pub(crate) fn document(moment: &Moment, accounts: &[PathAccount]) -> Option<Document> {
    let pair = pair(moment, accounts)?;
    Some(Document {
        machine: EXTERNAL_INTERRUPT_WITH.machine,
        source: EXTERNAL_INTERRUPT_WITH.source,
        reason: REASON,
        published: two(pair.published),
        model: two(pair.model),
        cautions: pair.cautions(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arithmetic on the published figures: 42916 / 0.4943, 42916 · 0.71 µs / 0.3930, and the same with.
    #[test]
    fn what_follows_from_the_published_shares() {
        let (without, with) = (without(), with());
        assert_eq!((without.samples, with.samples), (42_916, 6_871));
        assert_eq!((without.others, with.others), (43_905, 67_090));
        assert_eq!((without.others_avg_ns, with.others_avg_ns), (1_071, 2_417));
        assert_eq!((without.time_ns / 100_000, with.time_ns / 1_000_000), (775, 167));
        assert_eq!(whole(fewer(without.samples, with.samples)), 84);
        assert_eq!([without.time_ns, with.time_ns].map(about), ["77.5 ms", "167.1 ms"]);
        assert_eq!([without.others_avg_ns, with.others_avg_ns, 60].map(about), ["1.07 µs", "2.42 µs", "0.06 µs"]);
    }
}
