//! Paths run for long and measured: all of them in turns, so that what is found so far can be compared.

use super::{Turn, Work};
use apic_core::link;
use apic_core::run::{Examples, MOST_HANDLERS, Survey};
use apic_core::scenario::Scenario;
use wasm_bridge::worker::long_run::{DOTS, Exits, Findings, Housekeeper, LongRun, PathFindings, RANKS, Spread};
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
        // Every path has its turn, also after another has ended.
        let mut more = false;
        for survey in &mut self.surveys {
            more |= survey.run_on(STEPS);
        }
        if more { Turn::More } else { Turn::Done(self.answer()) }
    }

    fn progress(&self) -> Progress {
        let sum = |of: fn(&Survey) -> u32| self.surveys.iter().map(|s| u64::from(of(s))).sum();
        Progress { done: sum(Survey::handlers), of: sum(Survey::wanted) }
    }

    fn so_far(&self) -> Option<Answer> {
        Some(self.answer())
    }
}

impl Running {
    fn answer(&self) -> Answer {
        let vcpus = self.scenario.vcpus.len() as u16;
        Answer::LongRun(Findings { paths: self.surveys.iter().map(|survey| of_path(survey, vcpus)).collect() })
    }
}

fn of_path(survey: &Survey, vcpus: u16) -> PathFindings {
    let (seen, ledger) = (survey.seen(), survey.ledger());
    let exits = seen.exits.iter().map(|exits| Exits {
        reason: exits.reason.to_owned(),
        count: exits.count,
        first: exits.first,
        average_ns: average(&exits.times),
    });
    let housekeepers =
        seen.housekeepers.iter().map(|h| Housekeeper { cpu: h.cpu.0, time: h.time, most: h.most.1 }).collect();
    PathFindings {
        key: survey.way().key(),
        title: survey.way().title(),
        steps: survey.steps(),
        handlers: survey.handlers(),
        elapsed: survey.elapsed(),
        guest_time_lost: ledger.guest_time_lost,
        housekeeper_time: ledger.housekeeper_time,
        vcpus,
        latency: spread(&seen.latency),
        jitter: spread(&seen.jitter),
        lost: spread(&seen.guest_time_lost),
        exits: exits.collect(),
        housekeepers,
    }
}

fn spread(examples: &Examples) -> Spread {
    Spread {
        count: examples.count(),
        average: average(examples).unwrap_or(0),
        // Each dot stands in the middle of its share.
        dots: examples.at((0..DOTS).map(|i| 2 * i + 1), 2 * DOTS),
        ranks: examples.at(RANKS, 1_000),
    }
}

/// Rounded towards zero.
fn average(examples: &Examples) -> Option<i64> {
    examples.sum().checked_div(examples.count().into()).and_then(|ns| i64::try_from(ns).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::run::History;
    use apic_core::scenario::{PathKind, preset};

    /// What is told of a run as long as the page's own is what the page's own run says.
    #[test]
    fn findings_are_the_runs_own_figures() {
        let scenario = preset("pinned-vs-offloaded").expect("ships");
        let asked = LongRun { link: "pinned-vs-offloaded".to_owned(), handlers: scenario.run.expiries };
        let mut running = begin(&asked).expect("a preset");
        let answer = loop {
            match running.turn() {
                Turn::Done(Answer::LongRun(findings)) => break findings,
                Turn::More => {}
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(answer.paths.len(), 2);
        for (path, told) in [PathKind::Pinned, PathKind::Posted].into_iter().zip(&answer.paths) {
            let mut history = History::new(&scenario, path);
            history.seek(usize::MAX);
            let ledger = history.ledger();
            assert_eq!(told.key, path.name());
            assert_eq!((told.steps as usize, u64::from(told.handlers)), (history.len(), ledger.handlers));
            assert_eq!(
                (told.guest_time_lost, told.housekeeper_time),
                (ledger.guest_time_lost, ledger.housekeeper_time)
            );
            let exits: u64 = told.exits.iter().map(|e| e.count).sum();
            assert_eq!(exits, ledger.exits_arming + ledger.exits_firing + ledger.exits_eoi + ledger.exits_other);
            assert_eq!((told.latency.dots.len(), told.latency.ranks.len()), (DOTS as usize, RANKS.len()));
            assert!(told.latency.dots.is_sorted_by_key(|dot| dot.ns));
            assert!(told.latency.count == ledger.handlers && told.jitter.count == ledger.handlers - 1);
        }
    }
}
