//! The local APIC timer as KVM keeps it: `struct kvm_timer` (`arch/x86/kvm/lapic.h`), TSC-deadline mode.

use crate::units::{Tsc, TscKhz, Vector};
use serde::{Deserialize, Serialize};

/// `LAPIC_TIMER_ADVANCE_NS_INIT`: where the automatic timer advance starts.
pub const ADVANCE_NS_INIT: u32 = 1_000;
/// `LAPIC_TIMER_ADVANCE_NS_MAX`: above it the tuning snaps back to the start.
pub const ADVANCE_NS_MAX: u32 = 5_000;

/// |δ| in cycles outside which the tuning ignores a sample (`LAPIC_TIMER_ADVANCE_ADJUST_MIN`, `_MAX`).
const ADJUST_CYCLES: std::ops::RangeInclusive<u64> = 100..=10_000;
/// `LAPIC_TIMER_ADVANCE_ADJUST_STEP`.
const ADJUST_STEP: u64 = 8;

/// Local vector table entry of the timer: vector and mask. The mode is TSC-deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lvtt {
    /// Vector that an expiry requests.
    pub vector: Vector,
    /// Mask bit.
    pub masked: bool,
}

impl Lvtt {
    /// The register as the guest reads it (bits 18:17 = 10b: TSC-deadline).
    pub fn register(self) -> u32 {
        0b10 << 17 | u32::from(self.masked) << 16 | u32::from(self.vector.number())
    }
}

/// The fields of `struct kvm_timer` that TSC-deadline mode uses.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KvmTimer {
    /// `IA32_TSC_DEADLINE`; 0 is disarmed.
    pub tscdeadline: Tsc,
    /// A deadline that is still owed a busy-wait; 0 is none.
    pub expired_tscdeadline: Tsc,
    /// How early the hrtimer is programmed, in ns; 0 when `lapic_timer_advance` is off.
    pub timer_advance_ns: u32,
    /// An expiry waits to be injected by the vCPU thread (`atomic_t pending`, in practice 0 or 1).
    pub pending: bool,
}

impl KvmTimer {
    /// A timer that was never armed.
    pub fn new(advance: bool) -> Self {
        Self {
            tscdeadline: Tsc::ZERO,
            expired_tscdeadline: Tsc::ZERO,
            timer_advance_ns: if advance { ADVANCE_NS_INIT } else { 0 },
            pending: false,
        }
    }

    /// Whether the busy-wait is owed and on.
    pub fn owes_wait(&self) -> bool {
        self.expired_tscdeadline != Tsc::ZERO && self.timer_advance_ns != 0
    }

    /// `adjust_lapic_timer_advance`: learns from how early (δ < 0) or late the timer was, in guest cycles.
    pub fn tune_advance(&mut self, early: bool, delta: Tsc, khz: TscKhz) {
        if !ADJUST_CYCLES.contains(&delta.as_cycles()) {
            return;
        }
        let step = (khz.ns_of(delta).as_ns() / ADJUST_STEP) as u32;
        let tuned =
            if early { self.timer_advance_ns.wrapping_sub(step) } else { self.timer_advance_ns.wrapping_add(step) };
        // The kernel's unsigned comparison catches the underflow as well.
        self.timer_advance_ns = if tuned > ADVANCE_NS_MAX { ADVANCE_NS_INIT } else { tuned };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(start: u32, early: bool, cycles: u64, expect: u32) {
        let khz = TscKhz::new(2_000_000).expect("valid");
        let mut timer = KvmTimer::new(true);
        timer.timer_advance_ns = start;
        timer.tune_advance(early, Tsc::from_cycles(cycles), khz);
        assert_eq!(timer.timer_advance_ns, expect);
    }

    #[test]
    fn advance_follows_the_kernels_rules() {
        check(1_000, true, 1_600, 900); // 800 ns early, an eighth of it off
        check(1_000, false, 1_600, 1_100);
        check(1_000, true, 99, 1_000); // too small to learn from
        check(1_000, false, 10_001, 1_000); // too large
        check(4_950, false, 1_600, ADVANCE_NS_INIT); // beyond the cap: back to the start
        check(50, true, 1_600, ADVANCE_NS_INIT); // below zero wraps, and is beyond the cap
    }

    #[test]
    fn register_shows_deadline_mode() {
        let lvtt = Lvtt { vector: Vector::LOCAL_TIMER, masked: false };
        assert_eq!(lvtt.register(), 0x400ec);
    }
}
