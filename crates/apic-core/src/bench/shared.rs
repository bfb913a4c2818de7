//! What every world of the bench has: time, settings, the guest's flags, and what was counted.

use super::answer::{Exit, Fired};
use super::kernel::Kernel;
use super::script::TimerPath;
use crate::lapic::{BusNs, CountRate, Divisor, Instant};
use crate::units::{Ns, Tsc, TscKhz, Vector};
use std::collections::BTreeMap;

/// Host time and guest TSC. The TSC does not jump when its frequency changes.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    pub(super) now: Ns,
    khz: TscKhz,
    since: Ns,
    tsc_then: Tsc,
}

impl Clock {
    fn new() -> Self {
        // `TscKhz::new` takes every number that is no mistake; 1 GHz is what the script promises.
        let khz = TscKhz::new(1_000_000).unwrap_or(TscKhz::DEFAULT);
        Self { now: Ns::ZERO, khz, since: Ns::ZERO, tsc_then: Tsc::ZERO }
    }

    pub(super) fn set_khz(&mut self, khz: TscKhz) {
        (self.tsc_then, self.since, self.khz) = (self.tsc(), self.now, khz);
    }

    pub(super) fn tsc(&self) -> Tsc {
        let passed = self.khz.tsc_at(self.now.minus(self.since));
        Tsc::from_cycles(self.tsc_then.as_cycles().saturating_add(passed.as_cycles()))
    }

    /// The first nanosecond at which the TSC has reached a value.
    pub(super) fn when(&self, tsc: Tsc) -> Ns {
        let ahead = Tsc::from_cycles(tsc.as_cycles().saturating_sub(self.tsc_then.as_cycles()));
        self.since.plus(self.khz.ns_reaching(ahead))
    }

    pub(super) fn instant(&self) -> Instant {
        Instant { host: self.now, guest: self.tsc(), khz: self.khz }
    }
}

/// What the script asks for, since it last asked.
#[derive(Clone, Default, Debug)]
pub(super) struct Tally {
    pub(super) expiries: u64,
    pub(super) ipis: u64,
    pub(super) fired: Vec<Fired>,
    pub(super) exits: BTreeMap<Exit, u64>,
    /// Events of the command that is being carried out.
    pub(super) events: u64,
}

/// Expiries and handlers that one command may cause: a period of a nanosecond fills the memory in no time.
pub(super) const MAX_EVENTS: u64 = 10_000_000;

/// Settings, time, flags and counts.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) kernel: Kernel,
    pub(super) path: TimerPath,
    pub(super) bus: BusNs,
    /// The guest's handler ends with an EOI.
    pub(super) auto_eoi: bool,
    /// RFLAGS.IF.
    pub(super) interrupt_flag: bool,
    /// The guest executed HLT.
    pub(super) halted: bool,
    pub(super) tally: Tally,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            clock: Clock::new(),
            kernel: Kernel::LATEST,
            path: TimerPath::Pending,
            bus: BusNs::DEFAULT,
            auto_eoi: true,
            interrupt_flag: true,
            halted: false,
            tally: Tally::default(),
        }
    }

    pub(super) fn now(&self) -> Ns {
        self.clock.now
    }

    pub(super) fn rate(&self, divisor: Divisor) -> CountRate {
        CountRate { bus: self.bus, divisor }
    }

    /// Whether one command has caused more than the bench goes along with.
    pub(super) fn overrun(&self) -> bool {
        self.tally.events > MAX_EVENTS
    }

    pub(super) fn expired(&mut self) {
        self.tally.expiries += 1;
        self.tally.events += 1;
    }

    pub(super) fn exited(&mut self, why: Exit) {
        *self.tally.exits.entry(why).or_default() += 1;
    }

    /// The guest's handler starts; a halted guest wakes.
    pub(super) fn handler(&mut self, vector: Vector) {
        self.halted = false;
        self.tally.events += 1;
        self.tally.fired.push(Fired { vector, at: self.clock.now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tsc_runs_on_when_its_frequency_changes() {
        let mut clock = Clock::new();
        clock.now = Ns::from_us(1);
        assert_eq!(clock.tsc().as_cycles(), 1_000);
        clock.set_khz(TscKhz::DEFAULT);
        assert_eq!(clock.tsc().as_cycles(), 1_000);
        clock.now = Ns::from_us(3);
        assert_eq!(clock.tsc().as_cycles(), 6_000);
        assert_eq!(clock.when(Tsc::from_cycles(6_001)), Ns::from_ns(3_001));
        assert_eq!(clock.when(Tsc::from_cycles(6_000)), Ns::from_us(3));
        assert_eq!(clock.when(Tsc::from_cycles(1)), Ns::from_us(1), "reached before the frequency changed");
    }
}
