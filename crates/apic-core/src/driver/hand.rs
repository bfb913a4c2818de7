//! The hand: a person is the scheduler. Any enabled step may be picked, whoever would be due.

use super::Clock;
use crate::effect::Observer;
use crate::machine::{Actor, Machine, Next, Taken};
use thiserror::Error;

/// The actor that was picked cannot do anything now.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{actor:?} cannot take a step now; these can: {enabled:?}")]
pub struct NotEnabled {
    /// Who was picked.
    pub actor: Actor,
    /// Who can take a step.
    pub enabled: Vec<Actor>,
}

/// Picks steps by hand, keeping the clock's book, so that the clock can take over again at any step.
#[derive(Debug)]
pub struct Hand<'a> {
    /// The clock whose book is kept.
    pub clock: &'a mut Clock,
}

impl Hand<'_> {
    /// The steps that can be picked.
    pub fn enabled(machine: &Machine) -> Vec<(Actor, Next)> {
        machine.enabled().collect()
    }

    /// Takes one step of `actor`. The one that is due first takes its time, as with the clock. Another one is hurried: its
    /// step happens now, or at the first time at which it can.
    ///
    /// # Errors
    /// [`NotEnabled`], with who could be picked instead; the machine is unchanged.
    pub fn pick<O: Observer>(self, machine: &mut Machine, actor: Actor, obs: &mut O) -> Result<Taken, NotEnabled> {
        let at = match self.clock.first() {
            Some((first, due)) if first == actor => due,
            _ => machine.now(),
        };
        self.clock
            .take(machine, actor, at, obs)
            .ok_or_else(|| NotEnabled { actor, enabled: machine.enabled().map(|(a, _)| a).collect() })
    }
}
