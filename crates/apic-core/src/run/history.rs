//! A whole run of one path, any step of which can be entered: a keyframe every [`KEYFRAME_EVERY`] steps, and replay from
//! the nearest one.

use super::record::Marks;
use super::script::Script;
use super::sim::Sim;
use super::{Ledger, StepMeta, StepRecord, Way};
use crate::driver::Pick;
use crate::driver::explore::Move;
use crate::effect::Effect;
use crate::machine::{Actor, Machine, Taken};
use crate::scenario::{PathKind, Scenario};
use crate::units::CpuId;
use std::ops::Range;

/// Steps between keyframes. A keyframe is a clone of machine, clock and ledger (one or two kilobytes on a small host);
/// replaying this many steps takes some ten microseconds.
const KEYFRAME_EVERY: usize = 256;

/// Most steps that a history keeps; a run that is longer ends there, and says so ([`History::truncated`]).
const MAX_STEPS: usize = 4_000_000;

/// One path's run on record.
#[derive(Clone, Debug)]
pub struct History {
    way: Way,
    picks: Vec<Pick>,
    script: Option<Script>,
    metas: Vec<StepMeta>,
    keyframes: Vec<Sim>,
    sim: Sim,
    last: Option<StepRecord>,
    truncated: bool,
}

impl History {
    /// Runs the path to its end: so many handlers started, and the last tick told to its EOI.
    pub fn new(scenario: &Scenario, path: PathKind) -> Self {
        Self::following(scenario, path, &[])
    }

    /// The same, following choices made by hand. A choice that cannot be followed ends the run there.
    pub fn following(scenario: &Scenario, path: PathKind, picks: &[Pick]) -> Self {
        Self::this_way(scenario, Way::of(path), picks)
    }

    /// The same for a path in an era of its own.
    pub fn this_way(scenario: &Scenario, way: Way, picks: &[Pick]) -> Self {
        Self::from(Sim::new(&way.scenario(scenario), way.path), way, None, expiries(scenario), picks)
    }

    /// A script in place of the clock. It ends where the script does, or the choices made by hand that leave it.
    pub fn scripted(scenario: &Scenario, script: &Script, picks: &[Pick]) -> Self {
        let sim = Sim::scripted(scenario, script);
        Self::from(sim, Way::of(script.path), Some(script.clone()), u32::MAX, picks)
    }

    fn from(start: Sim, way: Way, script: Option<Script>, wanted: u32, picks: &[Pick]) -> Self {
        let mut ordered: Vec<Pick> = Vec::with_capacity(picks.len());
        for pick in picks {
            // The first choice for a step counts.
            if let Err(at) = ordered.binary_search_by_key(&pick.step, |p| p.step) {
                ordered.insert(at, *pick);
            }
        }
        let picks = ordered;
        let mut sim = start.clone();
        let (mut metas, mut keyframes, mut effects) = (Vec::new(), Vec::new(), Vec::new());
        while metas.len() < MAX_STEPS {
            if metas.len().is_multiple_of(KEYFRAME_EVERY) {
                keyframes.push(sim.clone());
            }
            let Some((cpu, taken)) = sim.follow(&picks, &mut effects) else { break };
            let marks = Marks::of(&effects);
            metas.push(StepMeta { at: sim.machine().now(), cpu, vcpu: taken.vcpu, rule: taken.rule, marks });
            // A script says itself where it ends.
            let over = script.is_none() && (sim.machine().handlers() >= wanted || sim.machine().arms_are_over());
            if over && is_told(sim.machine()) {
                break;
            }
        }
        let truncated = metas.len() >= MAX_STEPS;
        let mut history = Self { way, picks, script, metas, keyframes, sim: start, last: None, truncated };
        history.seek(0);
        history
    }

    /// Which path it is.
    pub fn path(&self) -> PathKind {
        self.way.path
    }

    /// Which path it is, and in which era.
    pub fn way(&self) -> Way {
        self.way
    }

    /// The choices made by hand, in order.
    pub fn picks(&self) -> &[Pick] {
        &self.picks
    }

    /// The script that is played, if one is.
    pub fn script(&self) -> Option<&Script> {
        self.script.as_ref()
    }

    /// Who moves next at the present position if nobody picks. `None` if the run ends here.
    pub fn due(&self) -> Option<Actor> {
        let here = self.position() as u32;
        let chosen = self.picks.iter().find(|pick| pick.step == here).map(|pick| pick.actor);
        chosen.or_else(|| self.sim.due())
    }

    /// Whether another step can be picked where the run ends.
    pub fn goes_on(&self) -> bool {
        self.script.is_some()
    }

    /// The moves of a run without a clock; what was picked is among them. `None` of any other run.
    pub fn moves(&self) -> Option<Vec<Move>> {
        let (mut sim, mut effects, mut moves) = (self.sim_at(0), Vec::new(), Vec::new());
        for step in 0..self.len() {
            let picked = self.picks.iter().find(|pick| pick.step as usize == step).map(|pick| pick.actor);
            moves.extend(sim.player()?.moves_to_next(picked)?);
            sim.follow(&self.picks, &mut effects)?;
        }
        moves.extend_from_slice(sim.player()?.rest());
        Some(moves)
    }

    /// Steps in all.
    pub fn len(&self) -> usize {
        self.metas.len()
    }

    /// Whether nothing ever happened.
    pub fn is_empty(&self) -> bool {
        self.metas.is_empty()
    }

    /// Whether the run was cut because it was too long to keep.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// Every step in short.
    pub fn metas(&self) -> &[StepMeta] {
        &self.metas
    }

    /// Steps taken at the present position.
    pub fn position(&self) -> usize {
        self.sim.steps() as usize
    }

    /// Goes to the moment after `steps` steps, or to the end.
    pub fn seek(&mut self, steps: usize) {
        let steps = steps.min(self.len());
        let here = self.position();
        if steps == here && (self.last.is_some() || steps == 0) {
            return;
        }
        // Forward from here if that is shorter than from the keyframe before the last step wanted.
        let frame = steps.saturating_sub(1) / KEYFRAME_EVERY;
        if (steps <= here || here < frame * KEYFRAME_EVERY)
            && let Some(keyframe) = self.keyframes.get(frame)
        {
            self.sim.clone_from(keyframe);
        }
        self.last = None;
        let mut effects = Vec::new();
        while self.position() + 1 < steps && self.sim.follow(&self.picks, &mut effects).is_some() {}
        if self.position() < steps {
            self.last = self.sim.follow_recorded(&self.picks);
        }
    }

    /// The machine at the present position.
    pub fn machine(&self) -> &Machine {
        self.sim.machine()
    }

    /// The ledger at the present position.
    pub fn ledger(&self) -> &Ledger {
        self.sim.ledger()
    }

    /// The machine, its clock and its ledger at the present position.
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// The step that led to the present position.
    pub fn last(&self) -> Option<&StepRecord> {
        self.last.as_ref()
    }

    /// The steps of a range, in full. The position does not change.
    pub fn records(&self, range: Range<usize>) -> Vec<StepRecord> {
        let mut sim = self.sim_at(range.start);
        (range.start..range.end.min(self.len())).map_while(|_| sim.follow_recorded(&self.picks)).collect()
    }

    /// Shows every step with its number and its effects. The position does not change.
    pub fn each(&self, mut each: impl FnMut(u32, &StepMeta, &[Effect])) {
        self.replay(self.start(), self.len(), |sim, _, _, effects| {
            let step = sim.steps() - 1;
            each(step, &self.metas[step as usize], effects);
        });
    }

    /// The machine after `steps` steps. The position does not change.
    pub fn machine_at(&self, steps: usize) -> Machine {
        self.sim_at(steps).machine().clone()
    }

    /// The moment before the first step.
    pub(super) fn start(&self) -> Sim {
        self.sim_at(0)
    }

    /// Takes the first `steps` steps again and shows each, with what it left behind.
    pub(super) fn replay(&self, start: Sim, steps: usize, mut each: impl FnMut(&Sim, CpuId, Taken, &[Effect])) {
        let mut sim = start;
        let mut effects = Vec::new();
        for _ in 0..steps.min(self.len()) {
            let Some((cpu, taken)) = sim.follow(&self.picks, &mut effects) else { break };
            each(&sim, cpu, taken, &effects);
        }
    }

    fn sim_at(&self, steps: usize) -> Sim {
        let steps = steps.min(self.len());
        let frame = steps / KEYFRAME_EVERY;
        let mut sim = self.keyframes.get(frame).or(self.keyframes.last()).unwrap_or(&self.sim).clone();
        let mut effects = Vec::new();
        while (sim.steps() as usize) < steps && sim.follow(&self.picks, &mut effects).is_some() {}
        sim
    }
}

/// Whether no tick is half told: every guest runs or sleeps and owes no EOI, and no CPU is in an interrupt.
pub(super) fn is_told(machine: &Machine) -> bool {
    machine.vcpus().iter().all(|v| (v.in_guest() || v.asleep()) && !v.owes_eoi())
        && machine.cpus().iter().all(|c| !c.in_interrupt())
}

/// Handlers after which a run ends.
fn expiries(scenario: &Scenario) -> u32 {
    let arms = scenario.guest.arms.len() as u32;
    if arms == 0 { scenario.run.expiries } else { scenario.run.expiries.min(arms) }
}
