//! The table, and whether the aims are met.

use std::fmt::Write as _;

/// Times per event, by engine and number of timers; one of each round.
pub struct Table {
    rounds: usize,
    events: u64,
    engines: Vec<String>,
    sizes: Vec<usize>,
    /// ns, by engine, size and round.
    times: Vec<Vec<Vec<f64>>>,
}

/// An engine, a number of timers, and how many times ours its cost should be.
const AIMS: [(&str, usize, f64); 8] = [
    ("desim", 64, 2.5),
    ("desim", 10_000, 4.0),
    ("nexosim", 64, 30.0),
    ("nexosim", 1_000, 30.0),
    ("nexosim", 10_000, 30.0),
    ("BinaryHeap", 64, 2.0),
    ("BinaryHeap", 1_000, 2.0),
    ("BinaryHeap", 10_000, 2.0),
];
/// From the fewest timers to the most, ours should grow less than so many times.
const GROWTH: f64 = 2.2;

impl Table {
    pub fn new(rounds: usize, events: u64, engines: Vec<String>, sizes: &[usize]) -> Self {
        let times = vec![vec![Vec::with_capacity(rounds); sizes.len()]; engines.len()];
        Self { rounds, events, engines, sizes: sizes.to_vec(), times }
    }

    /// The next round's time.
    pub fn add(&mut self, engine: usize, size: usize, ns: f64) {
        self.times[engine][size].push(ns);
    }

    fn ns(&self, engine: usize, size: usize) -> f64 {
        median(self.times[engine][size].clone())
    }

    /// Times the first engine's cost: the median of what the rounds say, as a round's runs are neighbours.
    fn ratio(&self, engine: usize, size: usize) -> f64 {
        quotient(&self.times[engine][size], &self.times[0][size])
    }

    fn growth(&self, engine: usize) -> f64 {
        quotient(&self.times[engine][self.sizes.len() - 1], &self.times[engine][0])
    }

    pub fn markdown(&self) -> String {
        let mut text = format!(
            "Nanoseconds of CPU time per event, and how many times the first row's; medians of {} rounds of about {} events.\n\n",
            self.rounds, self.events
        );
        let heads: Vec<String> = self.sizes.iter().map(|timers| format!("N = {timers}")).collect();
        let _ = writeln!(text, "| engine | {} | from {} to {} |", heads.join(" | "), self.sizes[0], self.most());
        let _ = writeln!(text, "| --- |{}", " ---: |".repeat(self.sizes.len() + 1));
        for (row, engine) in self.engines.iter().enumerate() {
            let cell = |size| format!("{:.1} ({:.1}×)", self.ns(row, size), self.ratio(row, size));
            let cells: Vec<String> = (0..self.sizes.len()).map(cell).collect();
            let _ = writeln!(text, "| {engine} | {} | {:.2}× |", cells.join(" | "), self.growth(row));
        }
        text.push_str("\n| aim | found | |\n| --- | ---: | --- |\n");
        for (engine, timers, aim) in AIMS {
            let row = self.engines.iter().position(|name| name.starts_with(engine));
            let (Some(row), Some(size)) = (row, self.sizes.iter().position(|n| *n == timers)) else { continue };
            let found = self.ratio(row, size);
            let _ = writeln!(text, "| {aim} times {engine} at {timers} | {found:.1} | {} |", holds(found >= aim));
        }
        let found = self.growth(0);
        let _ = writeln!(
            text,
            "| growing less than {GROWTH} times from {} to {} timers | {found:.2} | {} |",
            self.sizes[0],
            self.most(),
            holds(found < GROWTH)
        );
        text
    }

    /// Names and numbers only, so that nothing needs escaping.
    pub fn json(&self) -> String {
        let mut rows = Vec::new();
        for (row, engine) in self.engines.iter().enumerate() {
            for (size, timers) in self.sizes.iter().enumerate() {
                let (ns, ratio) = (self.ns(row, size), self.ratio(row, size));
                rows.push(format!(
                    r#"{{"engine":"{engine}","timers":{timers},"ns_per_event":{ns:.2},"times_ours":{ratio:.2}}}"#
                ));
            }
        }
        format!(r#"{{"rounds":{},"events":{},"rows":[{}]}}"#, self.rounds, self.events, rows.join(","))
    }

    fn most(&self) -> usize {
        self.sizes[self.sizes.len() - 1]
    }
}

fn holds(aim: bool) -> &'static str {
    if aim { "holds" } else { "**does not hold**" }
}

fn quotient(over: &[f64], under: &[f64]) -> f64 {
    median(over.iter().zip(under).map(|(a, b)| a / b).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
