//! The local APIC timer as KVM keeps it: `struct kvm_timer` (`arch/x86/kvm/lapic.h`), and what an expiry does to it.

use super::regs::TimerMode;
use crate::units::{Ns, Tsc, TscKhz};
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};

/// `LAPIC_TIMER_ADVANCE_NS_INIT`: where the automatic timer advance starts.
pub const ADVANCE_NS_INIT: u32 = 1_000;
/// `LAPIC_TIMER_ADVANCE_NS_MAX`: above it the tuning snaps back to the start.
pub const ADVANCE_NS_MAX: u32 = 5_000;

/// |δ| in cycles outside which the tuning ignores a sample (`LAPIC_TIMER_ADVANCE_ADJUST_MIN`, `_MAX`).
const ADJUST_CYCLES: std::ops::RangeInclusive<u64> = 100..=10_000;
/// `LAPIC_TIMER_ADVANCE_ADJUST_STEP`.
const ADJUST_STEP: u64 = 8;

/// The fields of `struct kvm_timer`; the hrtimer itself is the host's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KvmTimer {
    /// `timer_mode`: LVTT\[18:17\] as `apic_update_lvtt` last saw it.
    pub mode: TimerMode,
    /// Length of a period or of a one-shot count; 0 is never armed since the mode changed.
    pub period: Ns,
    /// Next expiry of a one-shot or periodic count; 0 after a one-shot fired.
    pub target_expiration: Ns,
    /// `IA32_TSC_DEADLINE`; 0 is disarmed. Kept for one-shot and periodic too, for the preemption timer.
    pub tscdeadline: Tsc,
    /// A deadline that is still owed a busy-wait; 0 is none.
    pub expired_tscdeadline: Tsc,
    /// How early the hrtimer is programmed, in ns; 0 when `lapic_timer_advance` is off.
    pub timer_advance_ns: u32,
    /// An expiry waits to be injected by the vCPU thread (`atomic_t pending`, in practice 0 or 1).
    pub pending: bool,
    /// The VMX preemption timer owns the deadline.
    pub hv_timer_in_use: bool,
}

/// Where and on whose behalf `apic_timer_expired` runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Circumstances {
    /// Called by the hrtimer's callback; else by the vCPU thread, which found the expiry itself.
    pub from_timer_fn: bool,
    /// APICv is active, and the kernel delivers what the vCPU thread finds at once
    /// ([`super::LapicRules::direct_when_arming`]).
    pub direct: bool,
    /// `kvm_use_posted_timer_interrupt`.
    pub use_posted: bool,
}

/// What `apic_timer_expired` goes on to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
    /// Nothing: an earlier expiry is pending still.
    Coalesced,
    /// Deliver LVTT now, then [`KvmTimer::injected`].
    Deliver,
    /// Leave it to the vCPU thread: `pending` is 1 now.
    Pend,
}

impl KvmTimer {
    /// A timer that was never armed, in the mode that LVTT has after reset.
    pub fn new(advance: bool) -> Self {
        Self {
            mode: TimerMode::OneShot,
            period: Ns::ZERO,
            target_expiration: Ns::ZERO,
            tscdeadline: Tsc::ZERO,
            expired_tscdeadline: Tsc::ZERO,
            timer_advance_ns: if advance { ADVANCE_NS_INIT } else { 0 },
            pending: false,
            hv_timer_in_use: false,
        }
    }

    /// Everything that an expiry depends on.
    pub(crate) fn feed<H: Hasher>(&self, h: &mut H) {
        let Self {
            mode,
            period,
            target_expiration,
            tscdeadline,
            expired_tscdeadline,
            timer_advance_ns,
            pending,
            hv_timer_in_use,
        } = self;
        (*mode as u8, pending, hv_timer_in_use).hash(h);
        period.hash(h);
        target_expiration.hash(h);
        tscdeadline.hash(h);
        expired_tscdeadline.hash(h);
        timer_advance_ns.hash(h);
    }

    /// `apic_timer_expired`, up to the decision.
    pub fn expired(&mut self, how: Circumstances) -> Expiry {
        if self.pending {
            return Expiry::Coalesced;
        }
        if self.mode == TimerMode::TscDeadline || self.hv_timer_in_use {
            self.expired_tscdeadline = self.tscdeadline;
        }
        if !how.from_timer_fn && how.direct || how.use_posted {
            Expiry::Deliver
        } else {
            self.pending = true;
            Expiry::Pend
        }
    }

    /// The second half of `kvm_apic_inject_pending_timer_irqs`: what fired is armed no more, whether LVTT let it through
    /// or not.
    pub fn injected(&mut self) {
        match self.mode {
            TimerMode::TscDeadline => self.tscdeadline = Tsc::ZERO,
            TimerMode::OneShot => {
                self.tscdeadline = Tsc::ZERO;
                self.target_expiration = Ns::ZERO;
            }
            TimerMode::Periodic | TimerMode::Reserved => {}
        }
    }

    /// `cancel_apic_timer`: neither timer runs, nothing is pending. The caller cancels the hrtimer.
    pub fn cancel(&mut self) {
        self.hv_timer_in_use = false;
        self.pending = false;
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
        check(1_000, true, 100, 994);
        check(1_000, false, 10_000, 1_625);
        check(1_000, false, 10_001, 1_000); // too large
        check(4_900, false, 1_600, 5_000); // the cap itself
        check(4_950, false, 1_600, ADVANCE_NS_INIT); // beyond the cap: back to the start
        check(50, true, 1_600, ADVANCE_NS_INIT); // below zero wraps, and is beyond the cap
    }

    /// Keeps what it is fed.
    #[derive(Default)]
    struct Fed(Vec<u8>);

    impl Hasher for Fed {
        fn write(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }

        fn finish(&self) -> u64 {
            0
        }
    }

    #[test]
    fn timers_that_differ_feed_different_bytes() {
        let timer = KvmTimer::new(false);
        let (ns, tsc) = (Ns::from_ns(1), Tsc::from_cycles(1));
        let others = [
            KvmTimer { mode: TimerMode::Periodic, ..timer.clone() },
            KvmTimer { period: ns, ..timer.clone() },
            KvmTimer { target_expiration: ns, ..timer.clone() },
            KvmTimer { tscdeadline: tsc, ..timer.clone() },
            KvmTimer { expired_tscdeadline: tsc, ..timer.clone() },
            KvmTimer { timer_advance_ns: 1, ..timer.clone() },
            KvmTimer { pending: true, ..timer.clone() },
            KvmTimer { hv_timer_in_use: true, ..timer.clone() },
            timer,
        ];
        let fed = others.each_ref().map(|timer| {
            let mut fed = Fed::default();
            timer.feed(&mut fed);
            fed.0
        });
        for (i, one) in fed.iter().enumerate() {
            assert!(fed[i + 1..].iter().all(|other| other != one), "{:?}", others[i]);
        }
    }

    const CALLBACK: Circumstances = Circumstances { from_timer_fn: true, direct: true, use_posted: false };

    #[test]
    fn an_expiry_is_pended_delivered_or_coalesced() {
        let mut timer = KvmTimer::new(true);
        timer.mode = TimerMode::TscDeadline;
        timer.tscdeadline = Tsc::from_cycles(7);
        let mut arming = timer.clone();
        let mut posting = timer.clone();
        assert_eq!(timer.expired(CALLBACK), Expiry::Pend);
        assert!(timer.pending && timer.owes_wait());
        assert_eq!(timer.expired(CALLBACK), Expiry::Coalesced);
        assert_eq!(arming.expired(Circumstances { from_timer_fn: false, ..CALLBACK }), Expiry::Deliver);
        assert!(!arming.pending);
        assert_eq!(posting.expired(Circumstances { use_posted: true, ..CALLBACK }), Expiry::Deliver);
        let without_apicv = Circumstances { from_timer_fn: false, direct: false, use_posted: false };
        posting.pending = false;
        assert_eq!(posting.expired(without_apicv), Expiry::Pend);
    }

    #[test]
    fn only_what_can_fire_once_is_disarmed() {
        for (mode, deadline, target) in [
            (TimerMode::TscDeadline, 0, 9),
            (TimerMode::OneShot, 0, 0),
            (TimerMode::Periodic, 7, 9),
            (TimerMode::Reserved, 7, 9),
        ] {
            let mut timer = KvmTimer::new(false);
            timer.mode = mode;
            (timer.tscdeadline, timer.target_expiration) = (Tsc::from_cycles(7), Ns::from_ns(9));
            timer.injected();
            assert_eq!(
                (timer.tscdeadline.as_cycles(), timer.target_expiration.as_ns()),
                (deadline, target),
                "{mode:?}"
            );
        }
    }

    #[test]
    fn a_wait_is_owed_for_deadlines_and_for_the_preemption_timer() {
        for (mode, hv, owed) in [
            (TimerMode::TscDeadline, false, true),
            (TimerMode::OneShot, false, false),
            (TimerMode::Periodic, true, true),
        ] {
            let mut timer = KvmTimer::new(true);
            (timer.mode, timer.hv_timer_in_use, timer.tscdeadline) = (mode, hv, Tsc::from_cycles(7));
            timer.expired(CALLBACK);
            assert_eq!(timer.owes_wait(), owed, "{mode:?}");
            timer.cancel();
            assert!(!timer.pending && !timer.hv_timer_in_use);
        }
        // B14: where the preemption timer is given up before its expiry is handled, nobody waits for a one-shot count.
        let mut given_up = KvmTimer::new(true);
        (given_up.hv_timer_in_use, given_up.tscdeadline) = (true, Tsc::from_cycles(7));
        given_up.stop_hv();
        given_up.expired(CALLBACK);
        assert!(!given_up.owes_wait());
        let mut off = KvmTimer::new(false);
        off.expired_tscdeadline = Tsc::from_cycles(7);
        assert!(!off.owes_wait(), "lapic_timer_advance is off");
    }
}
