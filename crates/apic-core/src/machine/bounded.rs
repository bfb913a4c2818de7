//! A scenario, bounded so that its interleavings can be counted.

use super::config::Config;
use crate::kvm::{Fault, Faults};
use crate::lapic::TimerMode;
use crate::scenario::{Arm, Load, OtherInterrupts, PathKind, Scenario};
use crate::units::{Ns, Tsc};
use crate::vmx::PREEMPTION_TIMER_RATE;
use std::fmt;
use std::sync::Arc;

/// What a search is bounded by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Deadlines or counts that each guest writes; of a periodic timer, expiries.
    pub expiries: u8,
    /// vCPUs, the first ones of the scenario.
    pub vcpus: u8,
    /// Housekeepers with a load, the first ones of the scenario; the others are idle.
    pub housekeepers: u8,
    /// Plain stores that a CPU's store buffer holds; 0 is memory in which every store is seen at once.
    pub store_buffer: u8,
    /// States after which the search gives up.
    pub states: u32,
}

impl Bounds {
    /// Two expiries on one vCPU and one housekeeper, two stores a buffer, ten million states.
    pub const DEFAULT: Self = Self { expiries: 2, vcpus: 1, housekeepers: 1, store_buffer: 2, states: 10_000_000 };

    /// Smaller bounds, the nearest first: fewer expiries, then no store buffers, then fewer vCPUs.
    pub fn smaller(self) -> Vec<Self> {
        let fewer = (1..self.expiries).rev().map(|expiries| Self { expiries, ..self });
        let without = (self.store_buffer > 0).then_some(Self { expiries: 1, store_buffer: 0, ..self });
        let vcpus = (1..self.vcpus).rev().map(|vcpus| Self { expiries: 1, store_buffer: 0, vcpus, ..self });
        fewer.chain(without).chain(vcpus).collect()
    }
}

impl fmt::Display for Bounds {
    /// `2 expiries, 1 vCPU, 2 stores a buffer`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expiries, vcpus, store_buffer, .. } = *self;
        let (ies, s) = (if expiries == 1 { "y" } else { "ies" }, |n: u8| if n == 1 { "" } else { "s" });
        write!(f, "{expiries} expir{ies}, {vcpus} vCPU{}, {store_buffer} store{} a buffer", s(vcpus), s(store_buffer))
    }
}

impl Config {
    /// One path of a scenario within bounds, with rules switched off, and the instant after which nothing is programmed
    /// any more.
    ///
    /// Time is the search's, so what only takes time takes none: the handler's work, other exits, the rival's turn. What
    /// learns from durations is held still: the timer advance stays at its start, and a halting vCPU does not poll.
    pub(crate) fn bounded(scenario: &Scenario, path: PathKind, bounds: Bounds, faults: Faults) -> (Arc<Self>, Ns) {
        let mut cut = scenario.clone();
        cut.vcpus.truncate(usize::from(bounds.vcpus).max(1));
        cut.moves.retain(|m| m.vcpu.index() < cut.vcpus.len());
        cut.devices.retain(|d| d.vcpu.index() < cut.vcpus.len());
        let loaded = cut.host.housekeepers.iter_mut().filter(|h| h.load != Load::Idle);
        loaded.skip(bounds.housekeepers.into()).for_each(|h| h.load = Load::Idle);

        let changed: Vec<_> = faults.iter().flat_map(|f: Fault| f.info().rules).copied().collect();
        let mut cfg = Self::of(&cut, path, &changed);
        cfg.faults = faults;
        cfg.store_buffer = bounds.store_buffer.into();
        cfg.learns = false;
        cfg.handler = Ns::ZERO;
        cfg.other_exits = cfg.other_exits.map(|mut exits| {
            exits.handling_ns = 0;
            exits.interrupts = exits.interrupts.map(|i| OtherInterrupts { handling_ns: 0, ..i });
            exits
        });
        for vcpu in &mut cfg.vcpus {
            vcpu.rival = vcpu.rival.map(|mut rival| {
                rival.for_us = 0;
                rival
            });
        }
        let expiries = u64::from(bounds.expiries.max(1));
        let period = cfg.period.as_ns();
        let last = if cfg.mode == TimerMode::Periodic {
            cfg.arms = vec![Arm { at_ns: 0, deadline_ns: period }];
            period * expiries
        } else {
            if cfg.arms.is_empty() {
                let grid = |n| Arm { at_ns: n * period, deadline_ns: (n + 1) * period };
                cfg.arms = (0..expiries).map(grid).collect();
            }
            cfg.arms.truncate(bounds.expiries.max(1).into());
            cfg.arms.iter().map(|arm| arm.deadline_ns).max().unwrap_or(period)
        };
        let start = cfg.vcpus.iter().map(|v| v.start).max().unwrap_or(Ns::ZERO);
        // A little more, for a busy-wait that ends after the deadline and for counters that are rounded up.
        let horizon = start.plus(Ns::from_ns(last)).plus(Ns::from_us(2));
        (Arc::new(cfg), horizon)
    }

    /// By how much rounding lets a timer fire before its deadline less the advance, so that the longest wait ends before the
    /// deadline: a nanosecond where cycles become nanoseconds, one count of the preemption timer where it keeps the
    /// deadline. No step is as short.
    pub(crate) fn timer_rounding(&self) -> Ns {
        let count = self.khz.ns_reaching(Tsc::from_cycles(1 << PREEMPTION_TIMER_RATE));
        if self.can_hv { count } else { Ns::from_ns(1) }
    }

    /// Handlers that each guest of a bounded run will have started when it has nothing left to do.
    pub(crate) fn handlers_in_all(&self, bounds: Bounds) -> usize {
        if self.mode == TimerMode::Periodic { bounds.expiries.max(1).into() } else { self.arms.len() }
    }
}
