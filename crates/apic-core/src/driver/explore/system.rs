//! The transition system that is searched: states, the moves from each, and what must hold. Whoever has another search can walk
//! it too.

use super::moves::{Move, make};
use super::verdict::{Broken, Watch};
use crate::effect::Silent;
use crate::kvm::Faults;
use crate::machine::{Bounds, Config, Machine};
use crate::scenario::{PathKind, Scenario};
use crate::units::{Ns, VcpuId};
use std::hash::Hasher;
use std::sync::Arc;

/// One path of a scenario within bounds, without some rules.
#[derive(Clone, Debug)]
pub struct System {
    cfg: Arc<Config>,
    horizon: Ns,
    /// Handlers after which a guest has nothing left to do.
    handlers: usize,
}

impl System {
    /// One path of a scenario within bounds.
    pub fn new(scenario: &Scenario, path: PathKind, bounds: Bounds, faults: Faults) -> Self {
        let (cfg, horizon) = Config::bounded(scenario, path, bounds, faults);
        let handlers = cfg.handlers_in_all(bounds);
        Self { cfg, horizon, handlers }
    }

    /// Where it begins.
    pub fn start(&self) -> Machine {
        Machine::new(Arc::clone(&self.cfg))
    }

    /// Whether a state has no moves because every guest has had its last interrupt: there is nothing left to lose.
    pub fn is_final(&self, machine: &Machine) -> bool {
        machine.fewest_handled() >= self.handlers
    }

    /// Adds the moves that can be made from a state.
    #[inline]
    pub fn moves(&self, machine: &Machine, out: &mut Vec<Move>) {
        let others = (0..machine.parts()).map(|part| machine.instant_of(part)).min();
        self.moves_with(machine, others.unwrap_or(Ns::NEVER), out);
    }

    /// The same, with the first instant that anything but an actor waits for. Returns the first one that anything waits for.
    #[inline]
    pub(super) fn moves_with(&self, machine: &Machine, others: Ns, out: &mut Vec<Move>) -> Ns {
        let next = machine.choices(|actor| out.push(Move::Step(actor))).min(others);
        machine.waiting_stores(|cpu| out.push(Move::Drain(cpu)));
        if next <= self.horizon {
            out.push(Move::Time);
        }
        next
    }

    /// Makes a move that can be made. Returns whose handler started, if one did, and whether that was too early.
    #[inline]
    pub fn make(&self, machine: &mut Machine, chosen: Move) -> (Option<VcpuId>, Option<Broken>) {
        let mut watch = Watch::default();
        make(machine, chosen, &mut watch);
        (watch.delivered.map(|(v, _)| v), watch.early(machine))
    }

    /// The same without a look at what happens.
    pub fn follow(&self, machine: &mut Machine, chosen: Move) {
        make(machine, chosen, &mut Silent);
    }

    /// Feeds what tells states apart: two that feed alike behave alike.
    pub fn feed<H: Hasher>(machine: &Machine, h: &mut H) {
        machine.feed(h);
    }

    /// Which guests have an interrupt coming, and for which of them no timer runs any more: a bit each.
    pub(super) fn flags(&self, machine: &Machine) -> (u8, u8) {
        let (mut waits, mut expired) = (0, 0);
        for v in 0..machine.vcpus().len().min(8) as u16 {
            waits |= u8::from(machine.waits(VcpuId(v), self.horizon)) << v;
            expired |= u8::from(machine.expired(VcpuId(v))) << v;
        }
        (waits, expired)
    }
}
