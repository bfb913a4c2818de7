//! What a search says.

use super::moves::{Made, Move, can_step, make};
use crate::effect::{Effect, Observer, Silent};
use crate::kvm::Faults;
use crate::machine::{Actor, Bounds, Config, Machine, Taken, Violation};
use crate::scenario::{PathKind, Scenario};
use crate::units::{Ns, VcpuId};
use thiserror::Error;

/// A property that does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Broken {
    /// An invariant of the machine.
    #[error("{0}")]
    Invariant(#[from] Violation),
    /// A handler started before its deadline.
    #[error("vCPU {vcpu}: its handler started {} before its deadline", Ns::from_ns(*by_ns))]
    Early {
        /// Whose.
        vcpu: VcpuId,
        /// By how much.
        by_ns: u64,
    },
    /// Whatever happens from here on, the interrupt does not arrive.
    #[error("vCPU {0}: its interrupt is lost: from here on no order of steps starts its handler")]
    Stranded(VcpuId),
}

/// The shortest run that breaks a property: no shorter list of moves does.
#[derive(Clone, PartialEq, Debug)]
pub struct Counterexample {
    /// What breaks.
    pub broken: Broken,
    /// The moves, from the beginning.
    pub moves: Vec<Move>,
}

/// What a finished search says.
#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// Every property holds in every interleaving within the bounds.
    Holds,
    /// One does not.
    Violated(Box<Counterexample>),
    /// There are more states than [`Bounds::states`]; none of those that were seen breaks a property that one state shows.
    Unfinished,
}

/// Sees handlers start.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Watch {
    pub(super) delivered: Option<(VcpuId, i64)>,
}

impl Observer for Watch {
    const RECORDS: bool = false;

    #[inline]
    fn effect(&mut self, effect: Effect) {
        if let Effect::Delivered { vcpu, late_ns, .. } = effect {
            self.delivered = Some((vcpu, late_ns));
        }
    }
}

impl Watch {
    /// A handler that started while the guest's TSC was below the deadline, by more than rounding explains.
    pub(super) fn early(self, machine: &Machine) -> Option<Broken> {
        let (vcpu, late_ns) = self.delivered.filter(|(_, late_ns)| *late_ns < 0)?;
        let (cfg, now, by_ns) = (machine.config(), machine.now(), late_ns.unsigned_abs());
        let deadline = now.plus(Ns::from_ns(by_ns));
        let early = cfg.khz.tsc_at(now) < cfg.khz.tsc_at(deadline) && by_ns > cfg.timer_rounding().as_ns();
        early.then_some(Broken::Early { vcpu, by_ns })
    }
}

/// A list of moves, played.
#[derive(Clone, Debug)]
pub struct Replay {
    machine: Machine,
}

impl Replay {
    /// Where the search began.
    pub fn new(scenario: &Scenario, path: PathKind, bounds: Bounds, faults: Faults) -> Self {
        let (cfg, _) = Config::bounded(scenario, path, bounds, faults);
        Self { machine: Machine::new(cfg) }
    }

    /// The machine as it is now.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Makes a move. `None` if it cannot be made now; nothing has changed then.
    pub fn make<O: Observer>(&mut self, chosen: Move, obs: &mut O) -> Option<Made> {
        let can = match chosen {
            Move::Step(actor) => self.machine.actors().any(|a| a == actor) && can_step(&self.machine, actor),
            Move::Drain(cpu) => self.machine.buffers(cpu),
            Move::Time => !self.machine.next_instant().is_never(),
        };
        can.then(|| make(&mut self.machine, chosen, obs))
    }

    /// Lets an actor take its step, if it can now. `None` if not; nothing has changed then.
    pub fn step<O: Observer>(&mut self, actor: Actor, obs: &mut O) -> Option<Taken> {
        match self.make(Move::Step(actor), obs)? {
            Made::Step(taken) => Some(taken),
            Made::Drained(..) | Made::Passed(_) => None,
        }
    }

    /// An actor's step, after as much time as it has to wait for. `None` if it can do nothing.
    pub fn waiting_for(&self, actor: Actor) -> Option<Vec<Move>> {
        let (mut ahead, mut moves) = (self.clone(), Vec::new());
        ahead.machine.actors().find(|a| *a == actor)?;
        while !can_step(&ahead.machine, actor) {
            ahead.machine.next(actor)?;
            ahead.make(Move::Time, &mut Silent)?;
            moves.push(Move::Time);
        }
        moves.push(Move::Step(actor));
        Some(moves)
    }

    /// Makes them all, and says what is broken after the last one that one state can show. `None` if a move could not be made.
    pub fn follow(&mut self, moves: &[Move]) -> Option<Option<Broken>> {
        let mut broken = None;
        for chosen in moves {
            let mut watch = Watch::default();
            self.make(*chosen, &mut watch)?;
            broken = self.machine.check_invariants().err().map(Broken::from).or(watch.early(&self.machine));
        }
        Some(broken)
    }

    /// The same without a look at what happens.
    pub fn skip(&mut self, moves: &[Move]) -> Option<()> {
        moves.iter().try_for_each(|chosen| self.make(*chosen, &mut Silent).map(|_| ()))
    }
}
