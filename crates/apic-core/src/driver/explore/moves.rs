//! What a search chooses from, and a run that is the list of its choices.

use crate::effect::Observer;
use crate::machine::{Actor, Machine, Taken};
use crate::units::{CpuId, Ns};
use serde::{Deserialize, Serialize};

/// One choice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Move {
    /// An actor takes its step.
    Step(Actor),
    /// The oldest store in a CPU's buffer reaches memory.
    Drain(CpuId),
    /// Time passes, to the next instant that matters.
    Time,
}

impl Move {
    /// Where it happens; nowhere if time passes.
    pub fn cpu(self, machine: &Machine) -> Option<CpuId> {
        match self {
            Self::Step(actor) => Some(machine.cpu_of(actor)),
            Self::Drain(cpu) => Some(cpu),
            Self::Time => None,
        }
    }

    /// Dense number.
    pub(super) fn index(self, cpus: usize, vcpus: usize) -> u16 {
        let actors = Actor::count(cpus, vcpus);
        (match self {
            Self::Step(actor) => actor.index(cpus),
            Self::Drain(cpu) => actors + cpu.index(),
            Self::Time => actors + cpus,
        }) as u16
    }

    /// The move with this number.
    pub(super) fn from_index(index: u16, cpus: usize, vcpus: usize) -> Self {
        let (index, actors) = (usize::from(index), Actor::count(cpus, vcpus));
        if index < actors {
            Self::Step(Actor::from_index(index, cpus))
        } else if index < actors + cpus {
            Self::Drain(CpuId((index - actors) as u16))
        } else {
            Self::Time
        }
    }
}

/// What a move did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Made {
    /// A step.
    Step(Taken),
    /// A store of this CPU reached memory: which.
    Drained(CpuId, &'static str),
    /// It is later now.
    Passed(Ns),
}

/// Whether the actor can move now, without waiting.
#[inline]
pub(super) fn can_step(machine: &Machine, actor: Actor) -> bool {
    machine.next(actor).is_some_and(|next| next.earliest(machine.now()) <= machine.now())
}

/// Makes a move that can be made.
#[inline]
pub(super) fn make<O: Observer>(machine: &mut Machine, chosen: Move, obs: &mut O) -> Made {
    match chosen {
        Move::Step(actor) => {
            if machine.fences(actor) {
                let cpu = machine.cpu_of(actor);
                while machine.drain(cpu).is_some() {}
            }
            Made::Step(machine.act(actor, obs))
        }
        Move::Drain(cpu) => Made::Drained(cpu, machine.drain(cpu).unwrap_or("nothing")),
        Move::Time => {
            let to = machine.next_instant();
            machine.pass_time(to);
            Made::Passed(to)
        }
    }
}
