//! The halt-polling window (`grow_halt_poll_ns`, `shrink_halt_poll_ns`, `kvm_vcpu_halt`; `virt/kvm/kvm_main.c`, Linux
//! 6.12), with the module's own defaults.

use crate::units::Ns;
use serde::{Deserialize, Serialize};

/// `halt_poll_ns_grow_start`.
const GROW_START: u64 = 10_000;
/// `halt_poll_ns_grow`.
const GROW: u64 = 2;
/// `halt_poll_ns_shrink` where it halves; 0, which closes the window, before 6.11 ([`super::Switch::HaltPollHalves`]).
const SHRINK: u64 = 2;

/// `vcpu->halt_poll_ns`: how long a halting vCPU polls before it blocks. It starts at 0.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HaltPoll(u64);

impl HaltPoll {
    /// The window.
    pub const fn window(self) -> Ns {
        Ns::from_ns(self.0)
    }

    /// Learns from a halt that lasted `halted`, under the module's `halt_poll_ns` of `max`. A long halt halves the window or
    /// closes it.
    pub fn learn(&mut self, halted: Ns, max: Ns, halves: bool) {
        let (halted, max) = (halted.as_ns(), max.as_ns());
        if max == 0 {
            self.0 = 0;
        } else if halted <= self.0 {
            // Long enough as it is.
        } else if self.0 != 0 && halted > max {
            let shrunk = if halves { self.0 / SHRINK } else { 0 };
            self.0 = if shrunk < GROW_START { 0 } else { shrunk };
        } else if halted < max {
            // The kernel also asks whether the window is below max. It is: the halt was longer than the window.
            self.0 = (self.0 * GROW).max(GROW_START).min(max);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(halts_us: &[u64], expect_us: u64) {
        check_before(true, halts_us, expect_us);
    }

    #[track_caller]
    fn check_before(halves: bool, halts_us: &[u64], expect_us: u64) {
        let mut poll = HaltPoll::default();
        for halted in halts_us {
            poll.learn(Ns::from_us(*halted), Ns::from_us(200), halves);
        }
        assert_eq!(poll.window(), Ns::from_us(expect_us));
    }

    #[test]
    fn the_window_grows_with_short_halts_and_shrinks_with_long_ones() {
        check(&[150], 10);
        check(&[150, 150, 150], 40);
        check(&[150; 9], 160); // long enough by then
        check(&[190; 9], 200); // the cap
        check(&[1_000], 0); // a long halt opens nothing
        check(&[150, 150, 150, 1_000], 20);
        check(&[150, 1_000], 0);
        check(&[150, 150, 1_000], 10); // half of the window is what growing starts with, and stays
        check(&[200], 0); // exactly the cap: neither short nor long
        check(&[150, 150, 200], 20);
    }

    #[test]
    fn before_6_11_a_long_halt_closed_it() {
        check_before(false, &[150, 150, 150], 40);
        check_before(false, &[150, 150, 150, 150, 150, 1_000], 0);
        check_before(true, &[150, 150, 150, 150, 150, 1_000], 80);
    }

    #[test]
    fn no_polling_when_the_parameter_is_zero() {
        let mut poll = HaltPoll(40_000);
        poll.learn(Ns::from_us(100), Ns::ZERO, true);
        assert_eq!(poll.window(), Ns::ZERO);
    }
}
