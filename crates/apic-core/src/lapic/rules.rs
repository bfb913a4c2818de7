//! What differs between kernels in `arch/x86/kvm/lapic.c`: each rule a named switch with its commit.

use super::regs::TimerMode;

/// What the VMX preemption timer can back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HvTimer {
    /// Nothing.
    No,
    /// TSC-deadline mode (4.8).
    Deadline,
    /// Every mode (`8003c9ae204e`, 4.10).
    Every,
}

impl HvTimer {
    /// Whether it can back this mode. The reserved mode goes the way of whatever deadline was left (`start_hv_timer`).
    pub const fn backs(self, mode: TimerMode) -> bool {
        match self {
            Self::No => false,
            Self::Deadline => matches!(mode, TimerMode::TscDeadline),
            Self::Every => true,
        }
    }
}

/// What becomes of PIR in `KVM_SET_LAPIC`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PirOnRestore {
    /// It is kept.
    Kept,
    /// Cleared at the end of the ioctl (`967235d32032`, 4.11): with an expired timer that fires within it, that is B12.
    ClearedAfter,
    /// Cleared at its start (`9cfec6d097c6`, 6.7).
    ClearedBefore,
}

/// Rules of `lapic.c` that a release has or has not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LapicRules {
    /// `dedf9c5e2169` (4.15): a change between one-shot and periodic leaves the count running. Before, any change of mode
    /// cancelled the hrtimer and left the registers as they were.
    pub mode_change_keeps_counting: bool,
    /// `ccbfa1d35558` (4.15): a new divisor applies to the count that runs. Before, to the next one.
    pub tdcr_applies_at_once: bool,
    /// `619f51da0979` (5.19): a change to or from TSC-deadline mode discards what is pending.
    pub mode_change_clears_pending: bool,
    /// 4.8, 4.10: what the VMX preemption timer backs.
    pub hv_timer: HvTimer,
    /// 5.8 (`from_timer_fn`): with APICv, an expiry that the vCPU itself finds is delivered without `pending`.
    pub direct_when_arming: bool,
    /// 6.19: a periodic target in the past is moved to now. Before, every missed period expires (B13).
    pub periodic_catches_up_to_now: bool,
    /// `24647e0a39b6` (5.11): `KVM_GET_LAPIC` saves the current count, `KVM_SET_LAPIC` goes on from it. Before, the whole
    /// initial count ran again.
    pub restore_uses_current_count: bool,
    /// `8e6ed96cdd50` (6.2): a one-shot timer saved with a count of 0 fires when it is restored. Before, the whole initial
    /// count ran again (B19).
    pub restore_fires_expired: bool,
    /// 4.11, 6.7: PIR in `KVM_SET_LAPIC`.
    pub pir_on_restore: PirOnRestore,
}

impl LapicRules {
    /// The rules of a mainline release.
    pub const fn of_release(major: u8, minor: u8) -> Self {
        const fn since(release: (u8, u8), major: u8, minor: u8) -> bool {
            release.0 > major || release.0 == major && release.1 >= minor
        }
        let r = (major, minor);
        Self {
            mode_change_keeps_counting: since(r, 4, 15),
            tdcr_applies_at_once: since(r, 4, 15),
            mode_change_clears_pending: since(r, 5, 19),
            hv_timer: if since(r, 4, 10) {
                HvTimer::Every
            } else if since(r, 4, 8) {
                HvTimer::Deadline
            } else {
                HvTimer::No
            },
            direct_when_arming: since(r, 5, 8),
            periodic_catches_up_to_now: since(r, 6, 19),
            restore_uses_current_count: since(r, 5, 11),
            restore_fires_expired: since(r, 6, 2),
            pir_on_restore: if since(r, 6, 7) {
                PirOnRestore::ClearedBefore
            } else if since(r, 4, 11) {
                PirOnRestore::ClearedAfter
            } else {
                PirOnRestore::Kept
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule, the last release without it, the first with it.
    type Flip = (fn(&LapicRules) -> bool, (u8, u8), (u8, u8));

    #[test]
    fn each_rule_begins_with_its_release() {
        let last = LapicRules::of_release(6, 19);
        let first = LapicRules::of_release(4, 2);
        assert!(last.periodic_catches_up_to_now && last.restore_fires_expired && last.direct_when_arming);
        assert!(!first.mode_change_keeps_counting && !first.tdcr_applies_at_once);
        assert_eq!((first.hv_timer, first.pir_on_restore), (HvTimer::No, PirOnRestore::Kept));
        // Where each flips, and that it did not just before.
        let flips: [Flip; 9] = [
            (|r| r.mode_change_keeps_counting, (4, 14), (4, 15)),
            (|r| r.tdcr_applies_at_once, (4, 14), (4, 15)),
            (|r| r.mode_change_clears_pending, (5, 18), (5, 19)),
            (|r| r.hv_timer == HvTimer::Deadline, (4, 7), (4, 8)),
            (|r| r.hv_timer == HvTimer::Every, (4, 9), (4, 10)),
            (|r| r.direct_when_arming, (5, 7), (5, 8)),
            (|r| r.periodic_catches_up_to_now, (6, 18), (6, 19)),
            (|r| r.restore_fires_expired, (6, 1), (6, 2)),
            (|r| r.restore_uses_current_count, (5, 10), (5, 11)),
        ];
        for (i, (rule, before, at)) in flips.iter().enumerate() {
            assert!(!rule(&LapicRules::of_release(before.0, before.1)), "rule {i} before");
            assert!(rule(&LapicRules::of_release(at.0, at.1)), "rule {i}");
        }
        for (release, expect) in [
            ((4, 10), PirOnRestore::Kept),
            ((4, 11), PirOnRestore::ClearedAfter),
            ((6, 6), PirOnRestore::ClearedAfter),
            ((6, 7), PirOnRestore::ClearedBefore),
        ] {
            assert_eq!(LapicRules::of_release(release.0, release.1).pir_on_restore, expect, "{release:?}");
        }
    }

    #[test]
    fn the_preemption_timer_backs_what_its_release_taught_it() {
        assert!(HvTimer::Deadline.backs(TimerMode::TscDeadline) && !HvTimer::Deadline.backs(TimerMode::Periodic));
        assert!(HvTimer::Every.backs(TimerMode::OneShot) && !HvTimer::No.backs(TimerMode::TscDeadline));
    }
}
