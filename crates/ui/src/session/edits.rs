//! What changes a run: its scenario, what is compared, choices made by hand; and taking all of that back.

use super::{Move, Session, enter, last_vcpu, run_of};
use crate::compare;
use crate::hand;
use crate::tree::Tree;
use apic_core::driver::Pick;
use apic_core::driver::explore::Portable;
use apic_core::machine::Actor;
use apic_core::run::{Compare, Lockstep, Way};
use apic_core::scenario::{Scenario, ScenarioError};
use apic_core::units::VcpuId;
use std::rc::Rc;
use std::sync::Arc;

/// What undo brings back.
#[derive(Debug)]
pub(super) struct Doc {
    scenario: Scenario,
    compare: Compare,
    tree: Rc<Tree>,
    script: Option<Rc<Portable>>,
    position: usize,
    origin: Option<String>,
    edited: bool,
}

impl Session {
    /// Another scenario in place of this one, at the same position if it still exists. Choices made by hand belong to
    /// the run that was.
    ///
    /// # Errors
    /// What is wrong with it; then nothing has changed.
    pub(crate) fn change(&mut self, scenario: &Scenario) -> Result<(), ScenarioError> {
        scenario.validate()?;
        self.compare.check(scenario)?;
        let (position, doc) = (self.lockstep.position(), self.doc());
        self.undo.changed("the change of the scenario", doc);
        (self.tree, self.script) = (Rc::new(Tree::new(Vec::new())), None);
        self.enter(Lockstep::comparing(scenario, &self.compare, &[]), position);
        self.vcpu = VcpuId(self.vcpu.0.min(last_vcpu(scenario)));
        self.edited = true;
        Ok(())
    }

    /// Compares something else, at the same step of the path that moved last, of those that stay. Choices made by hand stay with
    /// their paths.
    ///
    /// # Errors
    /// Why it cannot be compared; then nothing has changed.
    pub(crate) fn compare(&mut self, compare: Compare) -> Result<(), ScenarioError> {
        compare.check(self.lockstep.scenario())?;
        let (scenario, compare) = compare::settle(self.lockstep.scenario(), compare);
        let (before, after) = (self.compare.ways(self.lockstep.scenario()), compare.ways(&scenario));
        let was = |way: &Way| before.iter().position(|other| other == way);
        let mut tree = self.tree.clone();
        // The clock takes over: what was chosen without it is not a choice with it.
        if self.script.is_some() {
            tree = Rc::new(Tree::new(Vec::new()));
        } else if before != after {
            Rc::make_mut(&mut tree).keep(&after.iter().map(was).collect::<Vec<_>>());
        }
        let lockstep = Lockstep::comparing(&scenario, &compare, tree.picks());
        // Of the paths that stay, the one that moved last.
        let lead = after.iter().enumerate().filter_map(|(p, way)| {
            let path = &self.lockstep.paths()[was(way)?];
            let last = path.position().checked_sub(1);
            Some((last.map(|last| path.metas()[last].at), p, last))
        });
        let stays = lead.max().map(|(_, p, last)| last.map_or(0, |last| lockstep.beat_of(p, last) + 1));
        let doc = self.doc();
        self.undo.changed("the change of what is compared", doc);
        self.edited |= scenario != *self.lockstep.scenario();
        (self.compare, self.tree, self.script) = (compare, tree, None);
        self.enter(lockstep, stays.unwrap_or_else(|| self.lockstep.position()));
        Ok(())
    }

    /// The kept scenario becomes the one that is edited, and this one is kept. `false` if none is.
    pub(crate) fn swap(&mut self) -> bool {
        let Some(kept) = self.compare.kept.clone() else { return false };
        let (position, doc) = (self.lockstep.position(), self.doc());
        self.undo.changed("the change of what is edited", doc);
        self.compare.kept = Some(Arc::new(self.lockstep.scenario().clone()));
        self.compare.ways.iter_mut().for_each(|way| way.kept = !way.kept);
        self.edited = true;
        self.vcpu = VcpuId(self.vcpu.0.min(last_vcpu(&kept)));
        // Whose path it is has changed, and nothing else: choices made by hand stay with their paths.
        let lockstep = Lockstep::comparing(&kept, &self.compare, self.tree.picks());
        self.enter(lockstep, position);
        true
    }

    /// The person lets an actor of a path move, whoever would. If it would have moved anyway, this is a step; else the
    /// future that was stays in its branch. `false` if the run ends here.
    pub(crate) fn pick(&mut self, path: usize, actor: Actor) -> bool {
        let Some(history) = self.lockstep.paths().get(path) else { return false };
        if history.position() >= history.len() && !history.goes_on() {
            return false;
        }
        let step = history.position();
        if hand::due(history) == Some(actor) {
            return self.go(Move::To(self.lockstep.beat_of(path, step) + 1));
        }
        let (doc, position) = (self.doc(), self.lockstep.position());
        self.undo.changed("a step by hand", doc);
        let tree = Rc::make_mut(&mut self.tree);
        tree.pick(path, Pick { step: step as u32, actor }, position);
        self.lockstep.pick(path, tree.picks().get(path).map_or(&[], Vec::as_slice));
        let position = self.lockstep.beat_of(path, step) + 1;
        self.before = enter(&mut self.lockstep, position);
        self.run += 1;
        true
    }

    /// Opens a branch here.
    pub(crate) fn fork(&mut self) {
        let doc = self.doc();
        self.undo.changed("the fork", doc);
        Rc::make_mut(&mut self.tree).fork(self.lockstep.position());
    }

    /// Shows another branch, where it was looked at last.
    pub(crate) fn show(&mut self, branch: usize) -> bool {
        let Some(position) = Rc::make_mut(&mut self.tree).show(branch, self.lockstep.position()) else { return false };
        self.rerun(position);
        true
    }

    /// Takes the last change back, or makes it again; returns what it was.
    pub(crate) fn turn(&mut self, back: bool) -> Option<&'static str> {
        let now = self.doc();
        let turned = if back { self.undo.undo(now) } else { self.undo.redo(now) };
        let (what, doc) = turned.ok()?;
        let Doc { scenario, compare, tree, script, position, origin, edited } = doc;
        (self.compare, self.tree, self.script, self.origin, self.edited) = (compare, tree, script, origin, edited);
        self.vcpu = VcpuId(self.vcpu.0.min(last_vcpu(&scenario)));
        self.enter(run_of(&scenario, &self.compare, self.script.as_deref(), self.tree.picks()), position);
        Some(what)
    }

    /// What would be taken back, and what made again.
    pub(crate) fn offers(&self) -> [Option<&'static str>; 2] {
        self.undo.offers()
    }

    /// Another session takes this one's place, which can be taken back.
    pub(crate) fn replaced_by(&mut self, other: Self) {
        let (doc, mut undo) = (self.doc(), std::mem::take(&mut self.undo));
        undo.changed("the choice of another scenario", doc);
        *self = Self { run: self.run + 1, undo, ..other };
    }

    fn doc(&self) -> Doc {
        Doc {
            scenario: self.lockstep.scenario().clone(),
            compare: self.compare.clone(),
            tree: self.tree.clone(),
            script: self.script.clone(),
            position: self.lockstep.position(),
            origin: self.origin.clone(),
            edited: self.edited,
        }
    }

    /// The same with the choices of the branch that is shown.
    fn rerun(&mut self, position: usize) {
        let lockstep = run_of(self.lockstep.scenario(), &self.compare, self.script.as_deref(), self.tree.picks());
        self.enter(lockstep, position);
    }
}
