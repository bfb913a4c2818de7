//! A run that a search found, or that a person makes without a clock: steps, drained stores and time, as they were chosen.

use crate::driver::explore::{Bounds, Move, Replay};
use crate::effect::Effect;
use crate::kvm::Faults;
use crate::machine::{Actor, Machine, Taken};
use crate::scenario::{PathKind, Scenario};
use std::sync::Arc;

/// What is played instead of the clock's steps.
#[derive(Clone, PartialEq, Debug)]
pub struct Script {
    /// On which path.
    pub path: PathKind,
    /// Within what bounds.
    pub bounds: Bounds,
    /// Without which rules.
    pub faults: Faults,
    /// The choices.
    pub moves: Arc<[Move]>,
}

/// A script as it is played: after a choice made by hand that is another one, only such choices count.
#[derive(Clone, Debug)]
pub(super) struct Player {
    replay: Replay,
    script: Arc<[Move]>,
    /// Moves of the script that were made.
    next: usize,
    /// The person has gone another way.
    left: bool,
}

impl Player {
    pub(super) fn new(scenario: &Scenario, script: &Script) -> Self {
        let replay = Replay::new(scenario, script.path, script.bounds, script.faults);
        Self { replay, script: Arc::clone(&script.moves), next: 0, left: false }
    }

    pub(super) fn machine(&self) -> &Machine {
        self.replay.machine()
    }

    /// Who moves next if nobody picks.
    pub(super) fn due(&self) -> Option<Actor> {
        let left = if self.left { &[] } else { self.script.get(self.next..).unwrap_or_default() };
        left.iter().find_map(|chosen| if let Move::Step(actor) = chosen { Some(*actor) } else { None })
    }

    /// Takes the next step: the picked one, or the script's. `None` at the end, or if it cannot be taken.
    pub(super) fn step(&mut self, picked: Option<Actor>, effects: &mut Vec<Effect>) -> Option<(Actor, Taken)> {
        let moves = self.moves_to_next(picked)?;
        let (last, before) = moves.split_last()?;
        self.replay.skip(before)?;
        let Move::Step(actor) = *last else { return None };
        let taken = self.replay.step(actor, effects)?;
        if picked.is_some_and(|picked| self.due() != Some(picked)) {
            self.left = true;
        } else {
            self.next += moves.len();
        }
        Some((actor, taken))
    }

    /// The moves that lead to the next step and it: time that has to pass for a step that waits is among them.
    pub(super) fn moves_to_next(&self, picked: Option<Actor>) -> Option<Vec<Move>> {
        match picked {
            Some(actor) if self.due() != picked => self.replay.waiting_for(actor),
            _ => {
                let left = if self.left { &[] } else { self.script.get(self.next..)? };
                let step = left.iter().position(|chosen| matches!(chosen, Move::Step(_)))?;
                left.get(..=step).map(<[Move]>::to_vec)
            }
        }
    }

    /// The moves that were left when its last step was taken: time and stores.
    pub(super) fn rest(&self) -> &[Move] {
        if self.left { &[] } else { self.script.get(self.next..).unwrap_or_default() }
    }
}
