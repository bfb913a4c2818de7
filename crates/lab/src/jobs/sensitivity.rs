//! Which conclusion flips at which cost: a kind of cost in each turn.

use super::{Turn, Work};
use crate::figure::{Bar, Figure, Plot, Unit};
use crate::words::time;
use apic_core::cost::CostKind;
use apic_core::link;
use apic_core::run::{Criterion, Flip, Sensitivity, Way};
use wasm_bridge::worker::costs;
use wasm_bridge::worker::picture::{Chart, Row, Table};
use wasm_bridge::worker::{Answer, Progress};

pub(super) struct Running {
    ways: Vec<Way>,
    asked: Sensitivity,
    /// Kinds that have been varied.
    done: usize,
    flips: Vec<Flip>,
}

/// # Errors
/// What is wrong with what is asked, and what would be valid.
pub(super) fn begin(asked: &costs::Sensitivity) -> Result<Running, String> {
    let link = link::decode(&asked.link).map_err(|e| e.to_string())?;
    let ways = link.compare.ways(&link.scenario);
    if ways.len() < 2 {
        return Err("a conclusion takes at least two paths; compare this one with another".to_owned());
    }
    let asked = Sensitivity::new(&link.scenario, &ways);
    Ok(Running { ways, asked, done: 0, flips: Vec::new() })
}

impl Work for Running {
    fn turn(&mut self) -> Turn {
        if let Some(kind) = CostKind::ALL.get(self.done) {
            self.flips.extend(self.asked.flips(*kind));
            self.done += 1;
        }
        if self.done < CostKind::ALL.len() { Turn::More } else { Turn::Done(Answer::Pictures) }
    }

    fn progress(&self) -> Progress {
        Progress { done: self.done as u64, of: CostKind::ALL.len() as u64 }
    }

    fn so_far(&self) -> Option<Answer> {
        Some(Answer::Pictures)
    }

    fn figure(&self, chart: Chart) -> Option<Figure> {
        (chart == Chart::Flips).then(|| self.flips())
    }
}

/// How many times the average of now.
fn factor(flip: &Flip) -> f64 {
    f64::from(flip.at_ns) / f64::from(flip.now_ns.max(1))
}

impl Running {
    fn flips(&self) -> Figure {
        let title = |way: usize| self.ways[way].title();
        // The nearest first.
        let mut flips: Vec<&Flip> = self.flips.iter().collect();
        let far = |flip: &Flip| factor(flip).max(1.0 / factor(flip).max(1e-9));
        flips.sort_by(|a, b| far(a).total_cmp(&far(b)));
        let words = |flip: &Flip| {
            let (at, now) = (time(flip.at_ns.into()), time(flip.now_ns.into()));
            let within = if flip.within { ", within its interval" } else { "" };
            format!("{}: {} from {at} on{within} (now {now})", flip.by.what(), title(flip.to))
        };
        let bar = |flip: &&Flip| Bar {
            words: format!("{}; {}", flip.kind.what(), words(flip)),
            value: factor(flip),
            path: flip.to,
            moment: None,
        };
        let cell = |text: String| (text, None);
        let best = |by: Criterion| Row {
            head: by.what().to_owned(),
            cells: ["as the costs are".to_owned(), title(self.asked.best(by)), "–".to_owned(), "–".to_owned()]
                .map(cell)
                .to_vec(),
        };
        let row = |flip: &&Flip| Row {
            head: flip.by.what().to_owned(),
            cells: [
                flip.kind.what().to_owned(),
                format!("{} instead of {}", title(flip.to), title(flip.from)),
                format!("{}, {:.2} times {}", time(flip.at_ns.into()), factor(flip), time(flip.now_ns.into())),
                if flip.within { "yes: the cost's own uncertainty decides" } else { "no" }.to_owned(),
            ]
            .map(cell)
            .to_vec(),
        };
        let mut rows: Vec<Row> = Criterion::ALL.into_iter().map(best).collect();
        rows.extend(flips.iter().map(row));
        let nothing = if flips.is_empty() { "No cost flips a conclusion so far. " } else { "" };
        let reading = "One cost at a time, all others at their averages, from a quarter to four times its average and over its \
                    interval. Of two flips on one side one is found. A cost that is not listed flips nothing.";
        let table = Table {
            caption: "Which conclusion flips at which cost".to_owned(),
            columns: ["cost", "best path", "at", "within the cost's interval"].map(str::to_owned).to_vec(),
            rows,
            note: [nothing, reading].concat(),
        };
        Figure { plot: Plot::Bars(flips.iter().map(bar).collect(), Unit::Times), table }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flip_is_a_bar_and_a_row_beside_todays_conclusions() {
        let asked = costs::Sensitivity { link: "pinned-vs-offloaded".to_owned() };
        let mut running = begin(&asked).expect("two paths");
        while matches!(running.turn(), Turn::More) {}
        let Some(Figure { plot: Plot::Bars(bars, Unit::Times), table }) = running.figure(Chart::Flips) else {
            panic!()
        };
        assert_eq!((bars.len(), table.rows.len()), (running.flips.len(), running.flips.len() + 3));
        assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len()));
        assert!(bars.iter().all(|bar| bar.value > 0.0 && (bar.value - 1.0).abs() > 1e-9));
        assert_eq!(running.figure(Chart::Latency), None);
    }

    #[test]
    fn one_path_is_no_comparison() {
        let mut scenario = apic_core::scenario::preset("pinned-vs-offloaded").expect("ships");
        scenario.run.paths.truncate(1);
        let link = link::encode(&link::Link {
            scenario,
            preset: None,
            position: None,
            vcpu: 0,
            picks: Vec::new(),
            compare: apic_core::run::Compare::default(),
        });
        assert!(begin(&costs::Sensitivity { link }).is_err_and(|why| why.contains("at least two paths")));
    }
}
