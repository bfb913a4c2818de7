//! Paths run for long and measured: all of them in turns, so that what is found so far can be compared.

mod figures;

use super::{Turn, Work};
use crate::figure::Figure;
use apic_core::link;
use apic_core::run::{MOST_HANDLERS, Survey};
use apic_core::scenario::Scenario;
use wasm_bridge::worker::long_run::LongRun;
use wasm_bridge::worker::picture::Chart;
use wasm_bridge::worker::{Answer, Progress};

/// Steps of each path in one turn: about a millisecond of work.
const STEPS: u32 = 10_000;

pub(super) struct Running {
    scenario: Scenario,
    surveys: Vec<Survey>,
}

/// # Errors
/// What is wrong with what is asked, and what would be valid.
pub(super) fn begin(asked: &LongRun) -> Result<Running, String> {
    if !(1..=MOST_HANDLERS).contains(&asked.handlers) {
        return Err(format!("{} is out of range; 1 to {MOST_HANDLERS} ticks are valid", asked.handlers));
    }
    let link = link::decode(&asked.link).map_err(|e| e.to_string())?;
    let picks = |i: usize| link.picks.get(i).map_or(&[][..], Vec::as_slice);
    let ways = link.compare.ways(&link.scenario);
    let survey = |(i, way)| Survey::new(&link.scenario, way, picks(i), asked.handlers);
    let surveys = ways.into_iter().enumerate().map(survey).collect();
    Ok(Running { surveys, scenario: link.scenario })
}

impl Work for Running {
    fn turn(&mut self) -> Turn {
        let mut more = false;
        for survey in &mut self.surveys {
            more |= survey.run_on(STEPS);
        }
        if more { Turn::More } else { Turn::Done(Answer::Pictures) }
    }

    fn progress(&self) -> Progress {
        let sum = |of: fn(&Survey) -> u32| self.surveys.iter().map(|s| u64::from(of(s))).sum();
        Progress { done: sum(Survey::handlers), of: sum(Survey::wanted) }
    }

    fn so_far(&self) -> Option<Answer> {
        Some(Answer::Pictures)
    }

    fn figure(&self, chart: Chart) -> Option<Figure> {
        figures::of(chart, &self.surveys, &self.scenario)
    }
}
