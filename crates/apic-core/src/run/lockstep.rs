//! Several paths of one scenario under one transport.
//!
//! A *beat* is one press of Step: the earliest step that any path has left, together with every other path's next step if
//! that is the same rule at the same moment. Until the paths part, they move together. What the same moment is, [`Align`]
//! says: the same time, the same time from this tick's expiry, or the same number of steps into the tick.

use super::compare::{Align, Compare, Ticks, Way};
use super::record::Marks;
use super::{History, Script, StepMeta};
use crate::driver::Pick;
use crate::rule::Rule;
use crate::scenario::Scenario;
use crate::units::Ns;
use std::ops::Range;
use std::sync::Arc;

/// Most paths that can be compared.
pub const MAX_PATHS: usize = 8;

/// How far steps stand apart on the axis where paths are aligned by step, in ns.
pub const STEP_NS: u64 = 1_000;

/// One press of Step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Beat {
    /// When, on the first path that takes a step.
    pub at: Ns,
    /// The step that each path takes, if it takes one.
    pub steps: [Option<u32>; MAX_PATHS],
}

/// Several paths of one scenario, in step.
#[derive(Clone, Debug)]
pub struct Lockstep {
    scenario: Scenario,
    kept: Option<Arc<Scenario>>,
    align: Align,
    paths: Vec<History>,
    /// Per path, its own ticks.
    own: Vec<Ticks>,
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
        Self::comparing(scenario, &Compare::default(), picks)
    }

    /// The same for what is compared, which [`Compare::check`] has found possible.
    pub fn comparing(scenario: &Scenario, compare: &Compare, picks: &[Vec<Pick>]) -> Self {
        let history = |(p, way): (usize, &Way)| {
            let scenario = compare.scenario_of(*way, scenario);
            History::this_way(scenario, *way, picks.get(p).map_or(&[], Vec::as_slice))
        };
        let paths = compare.ways(scenario).iter().take(MAX_PATHS).enumerate().map(history).collect();
        Self { kept: compare.kept.clone(), ..Self::of(scenario, paths, compare.align) }
    }

    /// A script in place of the clock, and choices that leave it. Its steps stand at equal distances: most happen at the same
    /// few instants.
    pub fn scripted(scenario: &Scenario, script: &Script, picks: &[Vec<Pick>]) -> Self {
        let path = History::scripted(scenario, script, picks.first().map_or(&[], Vec::as_slice));
        Self::of(scenario, vec![path], Align::Step)
    }

    fn of(scenario: &Scenario, paths: Vec<History>, align: Align) -> Self {
        let (scenario, kept) = (scenario.clone(), None);
        let (own, taken, ticks) = (Vec::new(), Vec::new(), Vec::new());
        let mut lockstep = Self { scenario, kept, align, paths, own, taken, ticks, position: 0 };
        lockstep.put_in_step();
        lockstep
    }

    /// Runs one path again with other choices made by hand. The position is 0 afterwards.
    pub fn pick(&mut self, path: usize, picks: &[Pick]) {
        if let Some(history) = self.paths.get_mut(path) {
            let kept = self.kept.as_deref().filter(|_| history.way().kept);
            *history = match history.script() {
                None => History::this_way(kept.unwrap_or(&self.scenario), history.way(), picks),
                Some(script) => History::scripted(&self.scenario, script, picks),
            };
            self.put_in_step();
        }
    }

    /// Lets other moments be one moment. The position is 0 afterwards.
    pub fn align(&mut self, align: Align) {
        self.align = align;
        self.put_in_step();
    }

    fn put_in_step(&mut self) {
        self.own = self.paths.iter().map(Ticks::of).collect();
        self.taken = merge(&self.paths, &self.own, self.align);
        self.ticks = ticks(&self.paths, &self.taken);
        self.seek(0);
    }

    /// What counts as one moment.
    pub fn alignment(&self) -> Align {
        self.align
    }

    /// What is run.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The second scenario, of which paths may be.
    pub fn kept(&self) -> Option<&Scenario> {
        self.kept.as_deref()
    }

    /// What a path is of.
    pub fn scenario_of(&self, path: usize) -> &Scenario {
        let kept = self.paths.get(path).is_some_and(|p| p.way().kept);
        self.kept.as_deref().filter(|_| kept).unwrap_or(&self.scenario)
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

    /// Where a step of a path stands on the axis that the paths of its tick share, in ns: its time, or its time moved so
    /// that the expiries of all paths stand where the last one does, or [`STEP_NS`] for each step before it.
    pub fn place(&self, path: usize, step: u32) -> u64 {
        let at = self.paths[path].metas().get(step as usize).map_or(0, |m| m.at.as_ns());
        let own = &self.own[path];
        let tick = own.tick_of(step);
        match self.align {
            Align::Time => at,
            Align::Expiry => {
                let last = self.own.iter().filter_map(|own| own.expiry(tick)).max().unwrap_or(at);
                (last + at).saturating_sub(own.expiry(tick).unwrap_or(last))
            }
            Align::Step => u64::from(step - own.starts.get(tick).copied().unwrap_or(0)) * STEP_NS,
        }
    }

    /// When a step happened, counted from the expiry of its tick; below zero before it.
    pub fn from_expiry(&self, path: usize, step: u32) -> i64 {
        let at = self.paths[path].metas().get(step as usize).map_or(0, |m| m.at.as_ns());
        let expiry = self.own[path].expiry(self.own[path].tick_of(step)).unwrap_or(at);
        at.cast_signed() - expiry.cast_signed()
    }

    /// The number of a step within its tick, from 0.
    pub fn step_in_tick(&self, path: usize, step: u32) -> u32 {
        step - self.own[path].starts.get(self.own[path].tick_of(step)).copied().unwrap_or(0)
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
    /// notification, else after the first start of a handler, else at the start.
    pub fn opening(&self) -> usize {
        let named = self.scenario.meta.opens_at.as_deref().and_then(Rule::from_id);
        named
            .and_then(|rule| self.first(|m| m.rule == rule))
            .or_else(|| self.first(|m| m.marks.has(Marks::IPI)))
            .or_else(|| self.first(|m| m.marks.has(Marks::DELIVERED)))
            .unwrap_or(0)
    }

    fn first(&self, is: impl Fn(&StepMeta) -> bool) -> Option<usize> {
        let find = |(p, path): (usize, &History)| Some(self.beat_of(p, path.metas().iter().position(&is)?) + 1);
        self.paths.iter().enumerate().filter_map(find).min()
    }
}

/// How many steps each path has taken after each beat.
fn merge(paths: &[History], own: &[Ticks], align: Align) -> Vec<[u32; MAX_PATHS]> {
    let mut at = [0u32; MAX_PATHS];
    let mut taken = vec![at];
    if align == Align::Time {
        let ends = std::array::from_fn(|p| paths.get(p).map_or(0, |path| path.len() as u32));
        merge_until(ends, false, paths, &mut at, &mut taken, |meta, _, _| meta.at.as_ns().cast_signed());
        return taken;
    }
    // A run in which nobody arms is one tick.
    for tick in 0..own.iter().map(|own| own.starts.len()).max().unwrap_or(0).max(1) {
        let ends = std::array::from_fn(|p| own.get(p).map_or(0, |own| own.end_of(tick)));
        merge_until(ends, align == Align::Step, paths, &mut at, &mut taken, |meta, p, step| match align {
            Align::Step => i64::from(step - own[p].starts.get(tick).copied().unwrap_or(0)),
            _ => meta.at.as_ns().cast_signed() - own[p].expiry(tick).unwrap_or(0).cast_signed(),
        });
    }
    taken
}

/// The beats until each path has taken so many steps; `moment` says when a step of a path is. Steps of one moment are
/// taken together if they follow one rule, or any.
fn merge_until(
    ends: [u32; MAX_PATHS],
    any_rule: bool,
    paths: &[History],
    at: &mut [u32; MAX_PATHS],
    taken: &mut Vec<[u32; MAX_PATHS]>,
    moment: impl Fn(&StepMeta, usize, u32) -> i64,
) {
    loop {
        let head = |p: usize, at: &[u32; MAX_PATHS]| {
            let meta = paths[p].metas().get(at[p] as usize).filter(|_| at[p] < ends[p])?;
            Some((moment(meta, p, at[p]), meta))
        };
        let Some((when, lead)) = (0..paths.len()).filter_map(|p| head(p, at)).min_by_key(|(when, _)| *when) else {
            return;
        };
        let lead = *lead;
        for p in 0..paths.len() {
            let together = |(moment, meta): (i64, &StepMeta)| {
                moment == when && (any_rule || (meta.rule, meta.cpu) == (lead.rule, lead.cpu))
            };
            if head(p, at).is_some_and(together) {
                at[p] += 1;
            }
        }
        taken.push(*at);
    }
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
    // A run in which nobody arms is one page.
    match starts.first_mut() {
        Some(first) => *first = 0,
        None => starts.push(0),
    }
    let ends = starts.iter().skip(1).copied().chain(std::iter::once(beats));
    starts.iter().copied().zip(ends).map(|(a, b)| a..b).collect()
}
