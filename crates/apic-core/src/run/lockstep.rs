//! Several paths of one scenario under one transport.
//!
//! Paths are aligned by absolute time. A *beat* is one press of Step: the earliest step that any path has left, together
//! with every other path's next step if that is the same rule at the same time. Until the paths part, they move
//! together.

use super::record::Marks;
use super::{History, StepMeta};
use crate::driver::Pick;
use crate::rule::Rule;
use crate::scenario::{PathKind, Scenario};
use crate::units::Ns;
use std::ops::Range;

/// Most paths that can be compared.
pub const MAX_PATHS: usize = 8;

/// One press of Step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Beat {
    /// When.
    pub at: Ns,
    /// The step that each path takes, if it takes one.
    pub steps: [Option<u32>; MAX_PATHS],
}

/// Several paths of one scenario, in step.
#[derive(Clone, Debug)]
pub struct Lockstep {
    scenario: Scenario,
    paths: Vec<History>,
    /// Steps that each path has taken after so many beats; the first entry is all zero.
    taken: Vec<[u32; MAX_PATHS]>,
    ticks: Vec<Range<usize>>,
    position: usize,
}

impl Lockstep {
    /// Runs every path of the scenario.
    pub fn new(scenario: &Scenario) -> Self {
        Self::following(scenario, &[])
    }

    /// The same, following each path's choices made by hand.
    pub fn following(scenario: &Scenario, picks: &[Vec<Pick>]) -> Self {
        let history = |(p, path): (usize, &PathKind)| {
            History::following(scenario, *path, picks.get(p).map_or(&[], Vec::as_slice))
        };
        let paths: Vec<History> = scenario.run.paths.iter().take(MAX_PATHS).enumerate().map(history).collect();
        let taken = merge(&paths);
        let ticks = ticks(&paths, &taken);
        Self { scenario: scenario.clone(), paths, taken, ticks, position: 0 }
    }

    /// What is run.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The paths.
    pub fn paths(&self) -> &[History] {
        &self.paths
    }

    /// Beats in all.
    pub fn len(&self) -> usize {
        self.taken.len() - 1
    }

    /// Whether nothing ever happens.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Beats taken at the present position.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Goes to the moment after `beats` beats, or to the end.
    pub fn seek(&mut self, beats: usize) {
        self.position = beats.min(self.len());
        for (path, steps) in self.paths.iter_mut().zip(self.taken[self.position]) {
            path.seek(steps as usize);
        }
    }

    /// The beat with this number, from 0. Beyond the end there is none.
    pub fn beat(&self, i: usize) -> Option<Beat> {
        let (before, after) = (self.taken.get(i)?, self.taken.get(i + 1)?);
        let mut beat = Beat { at: Ns::ZERO, steps: [None; MAX_PATHS] };
        for (p, path) in self.paths.iter().enumerate() {
            if after[p] > before[p] {
                beat.steps[p] = Some(before[p]);
                beat.at = path.metas()[before[p] as usize].at;
            }
        }
        Some(beat)
    }

    /// The beat that led to the present position.
    pub fn last_beat(&self) -> Option<Beat> {
        self.beat(self.position.checked_sub(1)?)
    }

    /// Steps that a path has taken after so many beats.
    pub fn steps_taken(&self, path: usize, beats: usize) -> usize {
        self.taken[beats.min(self.len())][path] as usize
    }

    /// The beat that takes this step of this path.
    pub fn beat_of(&self, path: usize, step: usize) -> usize {
        self.taken.partition_point(|t| t[path] as usize <= step).saturating_sub(1).min(self.len().saturating_sub(1))
    }

    /// What the steps of a beat are marked as.
    pub fn marks(&self, beat: usize) -> Marks {
        let steps = self.beat(beat).map_or([None; MAX_PATHS], |b| b.steps);
        steps.iter().zip(&self.paths).fold(Marks::default(), |marks, (step, path)| match step {
            Some(step) => marks.with(path.metas()[*step as usize].marks),
            None => marks,
        })
    }

    /// The position just after the next beat with these marks.
    pub fn next(&self, marks: Marks) -> Option<usize> {
        (self.position..self.len()).find(|b| self.marks(*b).has(marks)).map(|b| b + 1)
    }

    /// The position just after the last beat before this one with these marks.
    pub fn previous(&self, marks: Marks) -> Option<usize> {
        (0..self.position.saturating_sub(1)).rev().find(|b| self.marks(*b).has(marks)).map(|b| b + 1)
    }

    /// Pages: the beats of each tick, from a guest's arming to just before its next arming. They cover the run.
    pub fn ticks(&self) -> &[Range<usize>] {
        &self.ticks
    }

    /// The tick that a beat belongs to.
    pub fn tick_of(&self, beat: usize) -> usize {
        self.ticks.partition_point(|t| t.end <= beat).min(self.ticks.len().saturating_sub(1))
    }

    /// Where the stage opens: after the first step that follows the rule the scenario names, else after the first
    /// notification or the first exit by expiry, else at the start.
    pub fn opening(&self) -> usize {
        let named = self.scenario.meta.opens_at.as_deref().and_then(Rule::from_id);
        named
            .and_then(|rule| self.first(|m| m.rule == rule))
            .or_else(|| self.first(|m| m.marks.has(Marks::IPI)))
            .unwrap_or(0)
    }

    fn first(&self, is: impl Fn(&StepMeta) -> bool) -> Option<usize> {
        let find = |(p, path): (usize, &History)| Some(self.beat_of(p, path.metas().iter().position(&is)?) + 1);
        self.paths.iter().enumerate().filter_map(find).min()
    }
}

fn merge(paths: &[History]) -> Vec<[u32; MAX_PATHS]> {
    let mut at = [0u32; MAX_PATHS];
    let mut taken = vec![at];
    loop {
        let head = |p: usize, at: &[u32; MAX_PATHS]| paths[p].metas().get(at[p] as usize);
        let Some(lead) = (0..paths.len()).filter_map(|p| head(p, &at)).min_by_key(|m| m.at).copied() else { break };
        for p in 0..paths.len() {
            if head(p, &at).is_some_and(|m| (m.at, m.rule, m.cpu) == (lead.at, lead.rule, lead.cpu)) {
                at[p] += 1;
            }
        }
        taken.push(at);
    }
    taken
}

/// A tick begins with an arming of vCPU 0; what comes before the first belongs to it.
fn ticks(paths: &[History], taken: &[[u32; MAX_PATHS]]) -> Vec<Range<usize>> {
    let beats = taken.len() - 1;
    let arms = |p: usize, beat: usize| {
        let (before, after) = (taken[beat][p], taken[beat + 1][p]);
        after > before && {
            let meta = &paths[p].metas()[before as usize];
            meta.marks.has(Marks::ARMED) && meta.vcpu.is_some_and(|v| v.index() == 0)
        }
    };
    // The n-th tick begins when the first of the paths arms for the n-th time.
    let mut armed = [0usize; MAX_PATHS];
    let mut starts: Vec<usize> = Vec::new();
    for beat in 0..beats {
        for (p, armed) in armed.iter_mut().enumerate().take(paths.len()) {
            if arms(p, beat) {
                *armed += 1;
                if *armed > starts.len() {
                    starts.push(beat);
                }
            }
        }
    }
    if let Some(first) = starts.first_mut() {
        *first = 0;
    }
    let ends = starts.iter().skip(1).copied().chain(std::iter::once(beats));
    starts.iter().copied().zip(ends).map(|(a, b)| a..b).collect()
}
