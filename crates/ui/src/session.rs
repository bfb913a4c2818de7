//! What the person has in front of them: a run of a scenario, a moment in it, and a selected vCPU.

mod edits;
#[cfg(test)]
mod tests;

use crate::tree::Tree;
use crate::undo::Undo;
use apic_core::driver::Pick;
use apic_core::driver::explore::Portable;
use apic_core::link::{self, Link, LinkError};
use apic_core::machine::Machine;
use apic_core::run::{Align, Compare, Ledger, Lockstep, Marks, Script, Way};
use apic_core::scenario::{Scenario, preset};
use apic_core::units::{CpuId, VcpuId};
use edits::Doc;
use std::rc::Rc;

/// The preset that a page without a fragment shows.
pub(crate) const FIRST: &str = "pinned-vs-offloaded";

/// A way to another moment of the same run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Move {
    Start,
    End,
    Step,
    Back,
    NextExpiry,
    PreviousExpiry,
    NextExit,
    /// To this position.
    To(usize),
}

/// A run, a moment in it, and a selected vCPU.
pub(crate) struct Session {
    pub(crate) lockstep: Lockstep,
    /// Machine and ledger of each path one beat before: what the last one changed is the difference.
    pub(crate) before: Vec<(Machine, Ledger)>,
    /// The preset it came from, for "start over".
    pub(crate) origin: Option<String>,
    /// Whether the scenario is no longer the preset's.
    pub(crate) edited: bool,
    pub(crate) vcpu: VcpuId,
    /// What is compared, and how.
    pub(crate) compare: Compare,
    /// Choices made by hand, per path, and the futures they left.
    pub(crate) tree: Rc<Tree>,
    /// What is played in place of the clock, if anything: a counterexample, or a run that a person makes step by step.
    pub(crate) script: Option<Rc<Portable>>,
    undo: Undo<Doc>,
    /// The last position that may be seen: what comes after it is still a question.
    pub(crate) limit: Option<usize>,
    /// Counts the runs, so that what is drawn once per run knows when to draw again.
    pub(crate) run: u32,
}

impl Session {
    /// The run of a link.
    pub(crate) fn of_link(link: Link) -> Self {
        let mut lockstep = Lockstep::comparing(&link.scenario, &link.compare, &link.picks);
        let position = link.position.map_or_else(|| lockstep.opening(), |p| p as usize);
        let before = enter(&mut lockstep, position);
        let vcpu = VcpuId(link.vcpu.min(last_vcpu(&link.scenario)));
        let shipped = link.preset.as_deref().and_then(|name| preset(name).ok());
        let edited = shipped.is_none_or(|shipped| shipped != link.scenario);
        let Link { preset: origin, picks, compare, .. } = link;
        let tree = Rc::new(Tree::new(picks));
        let (script, undo) = (None, Undo::default());
        Self { lockstep, before, origin, edited, vcpu, compare, tree, script, undo, limit: None, run: 0 }
    }

    /// A run without a clock.
    pub(crate) fn of_script(mut script: Portable) -> Self {
        script.scenario.vcpus.truncate(script.bounds.vcpus.into());
        let compare = Compare { ways: vec![Way::of(script.path)], align: Align::Step, ..Compare::default() };
        let mut lockstep = run_of(&script.scenario, &compare, Some(&script), &[]);
        let position = script.position.map_or(lockstep.len(), |p| p as usize);
        let before = enter(&mut lockstep, position);
        let (origin, tree, undo) = (script.preset.clone(), Rc::new(Tree::new(Vec::new())), Undo::default());
        let script = Some(Rc::new(script));
        Self {
            lockstep,
            before,
            origin,
            edited: true,
            vcpu: VcpuId(0),
            compare,
            tree,
            script,
            undo,
            limit: None,
            run: 0,
        }
    }

    /// The run of a fragment; an empty one asks for the first preset.
    pub(crate) fn of_fragment(fragment: &str) -> Result<Self, LinkError> {
        if Portable::claims(fragment) {
            return Portable::decode(fragment).map(Self::of_script);
        }
        link::decode(if fragment.is_empty() { FIRST } else { fragment }).map(Self::of_link)
    }

    /// The first preset, where it opens.
    pub(crate) fn first() -> Self {
        // Not `expect`, which would bring along how to print every error.
        Self::of_fragment(FIRST).unwrap_or_else(|_| unreachable!("the presets ship with the page"))
    }

    /// What a link to this moment holds.
    pub(crate) fn fragment(&self) -> String {
        let position = self.lockstep.position();
        let position = (position < self.lockstep.len()).then_some(position as u32);
        self.text(position).unwrap_or_else(|| self.scenario_link())
    }

    /// A run without a clock as a text, whose choices made by hand are moves like the others.
    pub(crate) fn text(&self, position: Option<u32>) -> Option<String> {
        let script = self.script.as_deref()?;
        let moves = self.lockstep.paths().first()?.moves()?;
        Some(Portable { moves, position, ..script.clone() }.encode())
    }

    /// What an ordinary link holds.
    pub(crate) fn scenario_link(&self) -> String {
        let position = self.lockstep.position();
        link::encode(&Link {
            scenario: self.lockstep.scenario().clone(),
            preset: self.origin.clone(),
            position: (position != self.lockstep.opening()).then_some(position as u32),
            vcpu: self.vcpu.0,
            picks: self.picks(),
            compare: self.compare.clone(),
        })
    }

    /// The preset that it came from, as it ships; without one, the first.
    pub(crate) fn baseline(&self) -> Rc<Scenario> {
        let origin = self.origin.as_deref().unwrap_or(FIRST);
        Rc::new(preset(origin).or_else(|_| preset(FIRST)).unwrap_or_else(|_| self.lockstep.scenario().clone()))
    }

    /// Goes there. `false` if there is no such moment, or it is this one.
    pub(crate) fn go(&mut self, to: Move) -> bool {
        let (here, len) = (self.lockstep.position(), self.lockstep.len());
        let target = match to {
            Move::Start => Some(0),
            Move::End => Some(len),
            Move::Step => (here < len).then_some(here + 1),
            Move::Back => here.checked_sub(1),
            Move::NextExpiry => self.lockstep.next(Marks::EXPIRY),
            Move::PreviousExpiry => self.lockstep.previous(Marks::EXPIRY),
            Move::NextExit => self.lockstep.next(Marks::EXIT),
            Move::To(position) => Some(position.min(len)),
        };
        let limited = |target: usize| self.limit.map_or(target, |limit| target.min(limit));
        let Some(target) = target.map(limited).filter(|t| *t != here) else { return false };
        self.before = enter(&mut self.lockstep, target);
        true
    }

    /// The position just after the next step on a CPU, or after the one before.
    pub(crate) fn beside_on(&self, cpu: CpuId, forward: bool) -> Option<usize> {
        let (here, len) = (self.lockstep.position(), self.lockstep.len());
        let there = |beat: &usize| {
            let steps = self.lockstep.beat(*beat).map(|b| b.steps).unwrap_or_default();
            let paths = self.lockstep.paths().iter().zip(steps);
            paths.filter_map(|(path, step)| path.metas().get(step? as usize)).any(|meta| meta.cpu == cpu)
        };
        let beat = if forward { (here..len).find(there) } else { (0..here.saturating_sub(1)).rev().find(there) };
        beat.map(|beat| beat + 1)
    }

    /// The choices of the branch that is shown; none at all if there is none, as links say it.
    fn picks(&self) -> Vec<Vec<Pick>> {
        let picks = self.tree.picks();
        if picks.iter().all(Vec::is_empty) { Vec::new() } else { picks.to_vec() }
    }

    /// Another run in place of this one.
    fn enter(&mut self, lockstep: Lockstep, position: usize) {
        self.lockstep = lockstep;
        self.before = enter(&mut self.lockstep, position);
        self.run += 1;
    }

    /// Selects a vCPU; `false` if there is none with this number.
    pub(crate) fn select(&mut self, vcpu: VcpuId) -> bool {
        let known = vcpu.0 <= last_vcpu(self.lockstep.scenario());
        if known {
            self.vcpu = vcpu;
        }
        known
    }

    /// The tick whose page is on stage: that of the last beat taken.
    pub(crate) fn tick(&self) -> usize {
        self.lockstep.tick_of(self.lockstep.position().saturating_sub(1))
    }
}

/// Goes to a moment, or to the end, by way of the one before; returns how that one was. One replay serves both.
fn enter(lockstep: &mut Lockstep, position: usize) -> Vec<(Machine, Ledger)> {
    let position = position.min(lockstep.len());
    lockstep.seek(position.saturating_sub(1));
    let before = lockstep.paths().iter().map(|p| (p.machine().clone(), p.ledger().clone())).collect();
    lockstep.seek(position);
    before
}

/// What is run: by the clock, or a script.
fn run_of(scenario: &Scenario, compare: &Compare, script: Option<&Portable>, picks: &[Vec<Pick>]) -> Lockstep {
    let Some(Portable { path, bounds, faults, moves, .. }) = script else {
        return Lockstep::comparing(scenario, compare, picks);
    };
    let script = Script { path: *path, bounds: *bounds, faults: *faults, moves: moves.as_slice().into() };
    Lockstep::scripted(scenario, &script, picks)
}

/// Number of the last vCPU; validation keeps at least one.
fn last_vcpu(scenario: &Scenario) -> u16 {
    (scenario.vcpus.len() as u16).saturating_sub(1)
}
