//! Costs fitted to a table of exits: least, average and most time from exit to entry, by reason.
//!
//! 1. A short run at average costs shows what an exit of each reason pays for between `kvm_exit` and `kvm_entry`.
//! 2. The costs on the way are scaled so that together they are the table's least. Costs that two reasons share follow the
//!    reason that is scaled least, so that every other one has room for what is its own.
//! 3. One cost that is paid once per exit carries the spread: an interval up to where the average comes out right, and a
//!    tail up to the most, as rare as the average's error says. Which cost that is, is assumed: the largest.
//!
//! What no reason in the table pays for stays as it was.

use super::measure::is_host_code;
use super::sim::Sim;
use crate::cost::{CostKind, Prices, Tail};
use crate::effect::Effect;
use crate::scenario::{OwnCost, PathKind, Scenario};
use crate::units::{CpuId, Ns};

/// A row of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExitTimes {
    /// The reason's name, as KVM prints it.
    pub reason: String,
    /// How many exits.
    pub samples: u64,
    /// Least, ns.
    pub min_ns: u64,
    /// Average, ns.
    pub avg_ns: u64,
    /// Most, ns.
    pub max_ns: u64,
    /// Standard error of the average, in hundredths of a per cent of it.
    pub error_hundredths: Option<u64>,
}

/// What became of a table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Calibration {
    /// Costs in place of the set's.
    pub own: Vec<OwnCost>,
    /// The rows that were fitted, in the table's order.
    pub fits: Vec<Fit>,
    /// Reasons in the table that do not occur in this run.
    pub absent: Vec<String>,
    /// What the table does not tell: costs that stay the set's.
    pub untold: Vec<CostKind>,
}

/// How a row was fitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fit {
    /// The row.
    pub times: ExitTimes,
    /// The path whose exits were taken for the table's.
    pub path: PathKind,
    /// What was scaled.
    pub scaled: Vec<CostKind>,
    /// What carries the spread.
    pub carrier: Option<CostKind>,
    /// What the row's exits take without anything that could still be scaled, if nothing was: it is more than the table's
    /// least, or all there is.
    pub too_long_ns: Option<u64>,
}

/// Ticks of the run that shows what exits pay for.
const TICKS: u32 = 128;
/// Longest cost that a scenario may carry.
const MOST_NS: u64 = 1_000_000_000;

/// Fits the scenario's costs to a table.
pub fn calibrate(scenario: &Scenario, table: &[ExitTimes]) -> Calibration {
    let averages = scenario.costs.prices().averages();
    let ways = ways(scenario, &averages);
    let mut told = Calibration::default();
    let mut rows = Vec::new();
    for (i, row) in table.iter().enumerate() {
        match ways.iter().find(|way| way.reason == row.reason) {
            Some(way) => rows.push((i, row, way)),
            None => told.absent.push(row.reason.clone()),
        }
    }
    // As little as the row's least is of what its way costs now.
    rows.sort_by(|(_, row, way), (_, other, others)| {
        let scale = |row: &ExitTimes, way: &Way| u128::from(row.min_ns.saturating_sub(way.fixed.as_ns()));
        let whole = |way: &Way| u128::from(way.whole(&averages));
        (scale(row, way) * whole(others)).cmp(&(scale(other, others) * whole(way)))
    });
    let mut fits: Vec<(usize, Fit)> = Vec::new();
    for (n, (i, row, way)) in rows.iter().enumerate() {
        let shared = |kind| rows.iter().enumerate().any(|(m, (_, _, other))| m != n && other.pays(kind) > 0);
        fits.push((*i, fit(row, way, &averages, shared, &mut told.own)));
    }
    fits.sort_by_key(|(i, _)| *i);
    told.fits = fits.into_iter().map(|(_, fit)| fit).collect();
    let is_own = |kind: &CostKind| told.own.iter().any(|own| own.kind == *kind);
    told.untold = CostKind::ALL.iter().copied().filter(|kind| !is_own(kind)).collect();
    told.own.sort_by_key(|own| own.kind);
    told
}

/// What an exit pays for between the two tracepoints.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Way {
    reason: &'static str,
    path: PathKind,
    /// How often each kind is paid.
    paid: Vec<u32>,
    /// What no cost explains, such as the handling time that the scenario names.
    fixed: Ns,
}

impl Way {
    fn pays(&self, kind: CostKind) -> u64 {
        u64::from(self.paid[kind as usize])
    }

    /// What its costs are together.
    fn whole(&self, prices: &Prices) -> u64 {
        CostKind::ALL.iter().map(|kind| self.pays(*kind) * u64::from(prices.of(*kind).average())).sum()
    }
}

/// An exit under way.
struct Exit {
    way: Way,
    cpu: CpuId,
    /// The first and the last step of host code.
    host: Option<(Ns, Ns)>,
}

/// The commonest way of each reason, on the first of the scenario's paths where the reason occurs.
fn ways(scenario: &Scenario, averages: &Prices) -> Vec<Way> {
    let mut short = scenario.clone();
    short.run.expiries = short.run.expiries.min(TICKS);
    let mut found: Vec<Way> = Vec::new();
    for path in &scenario.run.paths {
        let mut seen: Vec<(Way, u32)> = Vec::new();
        for way in ways_of(&short, *path, averages) {
            match seen.iter_mut().find(|(known, _)| *known == way) {
                Some((_, times)) => *times += 1,
                None => seen.push((way, 1)),
            }
        }
        // The first of those that are as common.
        seen.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        for (way, _) in seen {
            if found.iter().all(|known| known.reason != way.reason) {
                found.push(way);
            }
        }
    }
    found
}

fn ways_of(scenario: &Scenario, path: PathKind, averages: &Prices) -> Vec<Way> {
    let mut sim = Sim::at_prices(scenario, path, averages);
    let mut exits: Vec<Option<Exit>> = sim.machine().vcpus().iter().map(|_| None).collect();
    let (mut ways, mut effects) = (Vec::new(), Vec::new());
    while sim.machine().handlers() < scenario.run.expiries && !sim.machine().arms_are_over() {
        let due = sim.clock().first().and_then(|(actor, _)| sim.machine().next(actor));
        let kind = due.and_then(crate::machine::Next::cost);
        let Some((cpu, taken)) = sim.step(&mut effects) else { break };
        let now = sim.machine().now();
        for exit in exits.iter_mut().flatten().filter(|exit| exit.cpu == cpu && is_host_code(taken.rule)) {
            if let (Some(_), Some(kind)) = (exit.host, kind) {
                exit.way.paid[kind as usize] += 1;
            }
            exit.host = Some((exit.host.map_or(now, |(first, _)| first), now));
        }
        for effect in &effects {
            match *effect {
                Effect::Exit { vcpu, cpu, reason, .. } => {
                    let way = Way { reason, path, paid: vec![0; CostKind::ALL.len()], fixed: Ns::ZERO };
                    exits[vcpu.index()] = Some(Exit { way, cpu, host: None });
                }
                Effect::Enter { vcpu, .. } => ways.extend(exits[vcpu.index()].take().and_then(|e| e.over(averages))),
                _ => {}
            }
        }
    }
    ways
}

impl Exit {
    fn over(mut self, averages: &Prices) -> Option<Way> {
        let (first, last) = self.host?;
        self.way.fixed = last.minus(first).minus(Ns::from_ns(self.way.whole(averages)));
        Some(self.way)
    }
}

/// Scales what this reason pays for and no earlier row has settled.
fn fit(
    row: &ExitTimes,
    way: &Way,
    averages: &Prices,
    shared: impl Fn(CostKind) -> bool,
    own: &mut Vec<OwnCost>,
) -> Fit {
    let mut fit = Fit { times: row.clone(), path: way.path, scaled: Vec::new(), carrier: None, too_long_ns: None };
    let paid = |kind: CostKind| way.pays(kind);
    let average = |kind: CostKind| u64::from(averages.of(kind).average());
    let settled: u64 = own.iter().map(|o| paid(o.kind) * u64::from(o.min_ns)).sum::<u64>() + way.fixed.as_ns();
    let free = |kind: &CostKind| paid(*kind) > 0 && own.iter().all(|o| o.kind != *kind);
    let kinds: Vec<CostKind> = CostKind::ALL.iter().copied().filter(free).collect();
    let whole: u64 = kinds.iter().map(|k| paid(*k) * average(*k)).sum();
    if whole == 0 || settled > row.min_ns {
        fit.too_long_ns = Some(settled);
        return fit;
    }
    let left = row.min_ns - settled;
    let scaled = |kind: CostKind| (average(kind) * left + whole / 2) / whole;
    // Another row's exits would have the spread too if it lay on what they share.
    let carrier = kinds.iter().copied().filter(|k| paid(*k) == 1).max_by_key(|k| (!shared(*k), average(*k)));
    // Rounding falls to the carrier.
    let others: u64 = kinds.iter().filter(|k| Some(**k) != carrier).map(|k| paid(*k) * scaled(*k)).sum();
    let spread = spread(row);
    for kind in &kinds {
        let ns = |ns: u64| ns.min(MOST_NS) as u32;
        own.push(if Some(*kind) == carrier {
            let least = left.saturating_sub(others);
            let tail = spread.tail.map(|(above, one_in)| Tail { max_ns: ns(least + above), one_in });
            OwnCost { kind: *kind, min_ns: ns(least + spread.from), max_ns: ns(least + spread.to), tail }
        } else {
            OwnCost { kind: *kind, min_ns: ns(scaled(*kind)), max_ns: ns(scaled(*kind)), tail: None }
        });
    }
    fit.carrier = carrier;
    fit.scaled = kinds;
    fit
}

/// An interval above the least, and how far a tail goes and how rare it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Spread {
    from: u64,
    to: u64,
    tail: Option<(u64, u32)>,
}

/// The spread that has the row's average, its most, and as nearly as can be its error.
fn spread(row: &ExitTimes) -> Spread {
    let (mean, most) = (row.avg_ns - row.min_ns.min(row.avg_ns), row.max_ns - row.min_ns.min(row.max_ns));
    if 2 * mean >= most {
        // The average lies in the upper half: an interval that ends at the most cannot begin at the least.
        return Spread { from: (2 * mean - most).min(most), to: most, tail: None };
    }
    let rarest = row.samples.clamp(2, u64::from(u32::MAX));
    // The interval's end, for a tail that strikes once in n: (1 − 1/n) · to/2 + 1/n · (to + most)/2 = mean.
    let to = |n: u64| (2 * mean).saturating_sub(most / n);
    let commonest = most.div_ceil((2 * mean).max(1)).clamp(2, rarest);
    // How large the squares are on average, three times: 3/n · ((n − 1) · to²/3 + (to² + to·most + most²)/3).
    let squares = |n: u64| {
        let (n, to, most) = (u128::from(n), u128::from(to(n)), u128::from(most));
        ((n - 1) * to * to + to * to + to * most + most * most) / n
    };
    let one_in = match row.error_hundredths {
        Some(error) => {
            // The variance is (error · average)² · samples.
            let error = u128::from(error) * u128::from(row.avg_ns);
            let variance = error.saturating_mul(error).saturating_mul(row.samples.into()) / 100_000_000;
            let wanted = 3 * (variance + u128::from(mean) * u128::from(mean));
            // The rarer, the smaller: the commonest tail that is not too much.
            let (mut low, mut high) = (commonest, rarest);
            while low < high {
                let middle = low + (high - low) / 2;
                if squares(middle) <= wanted { high = middle } else { low = middle + 1 }
            }
            low
        }
        None => rarest,
    };
    let to = to(one_in);
    Spread { from: 0, to, tail: (most > to).then_some((most, one_in as u32)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(min_ns: u64, avg_ns: u64, max_ns: u64, samples: u64, error_hundredths: Option<u64>) -> ExitTimes {
        ExitTimes { reason: "X".to_owned(), samples, min_ns, avg_ns, max_ns, error_hundredths }
    }

    /// Average of the spread, above the least, in thousandths.
    fn average(s: Spread) -> u64 {
        let plain = 500 * (s.from + s.to);
        s.tail.map_or(plain, |(most, n)| plain - plain / u64::from(n) + 500 * (s.to + most) / u64::from(n))
    }

    #[track_caller]
    fn check(row: &ExitTimes, expect: Spread) {
        let found = spread(row);
        assert_eq!(found, expect);
        assert!(average(found).abs_diff(1_000 * (row.avg_ns - row.min_ns)) <= 1_500, "{}", average(found));
    }

    /// What another row's exits pay for too does not carry the spread, however large it is.
    #[test]
    fn the_spread_lies_on_what_is_a_rows_own() {
        let (large, small) = (CostKind::TickWork, CostKind::TimerCallback);
        let mut paid = vec![0; CostKind::ALL.len()];
        (paid[large as usize], paid[small as usize]) = (1, 1);
        let way = Way { reason: "X", path: PathKind::Pinned, paid, fixed: Ns::ZERO };
        let averages = Prices::of_set(&crate::cost::SKYLAKE).averages();
        let row = row(900, 1_000, 2_000, 9, None);
        let carrier = |shared: CostKind| fit(&row, &way, &averages, |kind| kind == shared, &mut Vec::new()).carrier;
        assert_eq!((carrier(large), carrier(small)), (Some(small), Some(large)));
    }

    /// The published row: a standard deviation of 1.6 µs is a tail about once in 1,460.
    #[test]
    fn the_published_row_has_an_interval_and_a_tail() {
        check(&row(470, 710, 106_090, 42_916, Some(109)), Spread { from: 0, to: 408, tail: Some((105_620, 1_452)) });
    }

    #[test]
    fn rows_of_every_shape() {
        check(&row(500, 500, 500, 9, Some(0)), Spread { from: 0, to: 0, tail: None });
        check(&row(500, 510, 520, 9, Some(1)), Spread { from: 0, to: 20, tail: None });
        check(&row(500, 590, 600, 9, None), Spread { from: 80, to: 100, tail: None });
        // No error is known: the most occurred once.
        check(&row(400, 500, 1_400, 1_000, None), Spread { from: 0, to: 199, tail: Some((1_000, 1_000)) });
        // All the average is in the tail.
        check(&row(400, 500, 1_400, 1_000, Some(9_999)), Spread { from: 0, to: 0, tail: Some((1_000, 5)) });
        assert_eq!(spread(&row(400, 400, 9_000, 1, None)).tail, Some((8_600, 2)));
    }
}
