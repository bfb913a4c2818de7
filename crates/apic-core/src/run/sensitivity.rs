//! Which conclusion flips at which cost: one cost at a time is varied, and where another path comes out best is found by
//! bisection.
//!
//! Every cost stands at its average, so that a flip is the cost's doing and no sample's. A cost is varied from a quarter
//! to four times its average, and over its whole interval where that is wider. Of several flips on one side the
//! bisection finds one.

use super::Way;
use super::sim::Sim;
use crate::cost::{CostKind, Prices};
use crate::effect::Effect;
use crate::scenario::Scenario;
use crate::units::Ns;

/// Ticks of each run.
const TICKS: u32 = 48;
/// Most steps of each run, for one that comes to no tick.
const MOST_STEPS: u32 = 200_000;

/// What paths are compared by: less of it is better.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Criterion {
    /// Guest time lost per tick.
    GuestTime,
    /// The same and the housekeepers' time: all CPU time.
    CpuTime,
    /// From expiry to the handler's first instruction, on average.
    Latency,
}

impl Criterion {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::GuestTime, Self::CpuTime, Self::Latency];

    /// In words.
    pub const fn what(self) -> &'static str {
        match self {
            Self::GuestTime => "least guest time lost",
            Self::CpuTime => "least CPU time in all",
            Self::Latency => "shortest latency",
        }
    }
}

/// A cost at which another path comes out best.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flip {
    /// By what.
    pub by: Criterion,
    /// Which cost.
    pub kind: CostKind,
    /// Its average now, ns.
    pub now_ns: u32,
    /// The first value away from it at which the conclusion is another, ns.
    pub at_ns: u32,
    /// The path that is best now and the one that is best then, by their places among those compared.
    pub from: usize,
    /// See there.
    pub to: usize,
    /// Whether that value lies within the interval that the cost has: then its uncertainty decides.
    pub within: bool,
}

/// Some paths of a scenario, to be compared at other costs.
#[derive(Clone, Debug)]
pub struct Sensitivity {
    runs: Vec<(Scenario, Way)>,
    prices: Prices,
    averages: Prices,
}

/// What a path comes to.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    handlers: i128,
    guest: i128,
    housekeeper: i128,
    late: i128,
}

impl Outcome {
    fn value(&self, by: Criterion) -> i128 {
        match by {
            Criterion::GuestTime => self.guest,
            Criterion::CpuTime => self.guest + self.housekeeper,
            Criterion::Latency => self.late,
        }
    }
}

impl Sensitivity {
    /// Of these paths.
    pub fn new(scenario: &Scenario, ways: &[Way]) -> Self {
        let prices = scenario.costs.prices();
        let runs = ways.iter().map(|way| (way.scenario(scenario), *way)).collect();
        Self { runs, averages: prices.averages(), prices }
    }

    /// Which path is best now, by its place among those compared; of equals the first.
    pub fn best(&self, by: Criterion) -> usize {
        best(&self.outcomes(&self.averages), by)
    }

    /// Where the cost of this kind flips a conclusion, if it does: at most once below and once above.
    pub fn flips(&self, kind: CostKind) -> Vec<Flip> {
        let now = self.averages.of(kind).average();
        let bests = |ns: u32| {
            let mut prices = self.averages.clone();
            prices.replace(kind, ns, ns, None);
            let outcomes = self.outcomes(&prices);
            Criterion::ALL.map(|by| best(&outcomes, by))
        };
        let interval = self.prices.of(kind).interval();
        let (least, most) = (*interval.start().min(&(now / 4)), *interval.end().max(&now.saturating_mul(4)));
        let here = bests(now);
        let mut found = Vec::new();
        for end in [least, most] {
            if end == now {
                continue;
            }
            let there = bests(end);
            for (i, by) in Criterion::ALL.into_iter().enumerate() {
                if there[i] != here[i] {
                    let (at_ns, to) = flip_between(now, end, here[i], there[i], |ns| bests(ns)[i]);
                    let within = interval.contains(&at_ns);
                    found.push(Flip { by, kind, now_ns: now, at_ns, from: here[i], to, within });
                }
            }
        }
        found
    }

    fn outcomes(&self, prices: &Prices) -> Vec<Outcome> {
        self.runs.iter().map(|(scenario, way)| outcome(scenario, *way, prices)).collect()
    }
}

/// The value nearest to `same`, where the best is `here`, at which it is another, between there and `other`.
fn flip_between(same: u32, other: u32, here: usize, there: usize, best: impl Fn(u32) -> usize) -> (u32, usize) {
    let (mut same, mut other, mut to) = (same, other, there);
    while same.abs_diff(other) > 1 {
        let middle = same.min(other) + same.abs_diff(other) / 2;
        let found = best(middle);
        if found == here {
            same = middle;
        } else {
            (other, to) = (middle, found);
        }
    }
    (other, to)
}

fn outcome(scenario: &Scenario, way: Way, prices: &Prices) -> Outcome {
    let mut sim = Sim::at_prices(scenario, way.path, prices);
    let (mut effects, mut late) = (Vec::new(), 0);
    while sim.machine().handlers() < TICKS && !sim.machine().arms_are_over() && sim.steps() < MOST_STEPS {
        if sim.step(&mut effects).is_none() {
            break;
        }
        for effect in &effects {
            if let Effect::Delivered { late_ns, .. } = effect {
                late += i128::from(*late_ns);
            }
        }
    }
    let (ledger, ns) = (sim.ledger(), |ns: Ns| i128::from(ns.as_ns()));
    Outcome {
        handlers: i128::from(sim.machine().handlers()),
        guest: ns(ledger.guest_time_lost),
        housekeeper: ns(ledger.housekeeper_time),
        late,
    }
}

/// Per tick; of equals the first. A path that comes to no tick is never the best of some that do.
fn best(outcomes: &[Outcome], by: Criterion) -> usize {
    let mut best = 0;
    for (i, outcome) in outcomes.iter().enumerate().skip(1) {
        let before = &outcomes[best];
        let less = outcome.value(by) * before.handlers.max(1) < before.value(by) * outcome.handlers.max(1);
        if outcome.handlers > 0 && (less || before.handlers == 0) {
            best = i;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{PathKind, preset};

    #[test]
    fn bisection_finds_the_first_value_beyond() {
        #[track_caller]
        fn check(same: u32, other: u32, flips_at: u32) {
            let best = |ns: u32| usize::from(if other > same { ns >= flips_at } else { ns <= flips_at });
            assert_eq!(flip_between(same, other, 0, 1, best), (flips_at, 1));
        }
        for at in [101, 102, 250, 399, 400] {
            check(100, 400, at);
        }
        for at in [25, 26, 60, 99] {
            check(100, 25, at);
        }
    }

    fn first() -> Sensitivity {
        let scenario = preset("pinned-vs-offloaded").expect("ships");
        Sensitivity::new(&scenario, &[Way::of(PathKind::Pinned), Way::of(PathKind::Posted)])
    }

    /// Posting spares the guest the exit; the housekeeper's work makes up for what all CPUs save.
    #[test]
    fn the_first_presets_conclusions() {
        assert_eq!(first().best(Criterion::GuestTime), 1);
    }

    /// A flip is where it is said to be: one nanosecond nearer nothing has changed.
    #[test]
    fn a_flip_is_where_it_is_said_to_be() {
        let first = first();
        let flips: Vec<Flip> = CostKind::ALL.iter().flat_map(|kind| first.flips(*kind)).collect();
        assert!(!flips.is_empty(), "a conclusion that no cost touches would be news");
        for flip in flips {
            let best_at = |ns: u32| {
                let mut prices = first.averages.clone();
                prices.replace(flip.kind, ns, ns, None);
                best(&first.outcomes(&prices), flip.by)
            };
            let nearer = if flip.at_ns > flip.now_ns { flip.at_ns - 1 } else { flip.at_ns + 1 };
            assert_eq!((best_at(nearer), best_at(flip.at_ns)), (flip.from, flip.to), "{flip:?}");
            assert_ne!(flip.from, flip.to);
            assert_eq!(flip.from, first.best(flip.by));
        }
    }
}
