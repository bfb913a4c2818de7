//! In which kernels a step can be taken, worked out from the switches.

use crate::kvm::{Era, Rules, Switch};
use crate::rule::Rule;

impl Rule {
    /// Whether a kernel with these rules ever takes a step by this rule, on some path and with some guest. A test runs every
    /// era and meets no other step (`apic-core/tests/eras.rs`).
    pub fn possible_under(self, rules: Rules) -> bool {
        use Switch as S;
        let has = |switch| rules.has(switch);
        // The timer is offered to somebody else.
        let offered = has(S::NohzPush) && (!has(S::Pinned) || has(S::UnpinnedIfPosting) && has(S::Posting));
        match self {
            Self::A6h | Self::A6e | Self::Hv1 | Self::Hv2 | Self::Hv3 | Self::Hv4 | Self::Hv5 => has(S::HvTimer),
            Self::Hv6 | Self::Hv7 | Self::M1 => has(S::HvTimer),
            Self::A7k => has(S::Kick) && !has(S::KickFromCallbackOnly),
            Self::N0 => !has(S::NohzPush) && !has(S::Pinned),
            Self::N1 | Self::R3 | Self::R4 | Self::R5 => offered,
            Self::N3 | Self::N4 => offered && !has(S::AnyHousekeeper),
            Self::N5 => offered && has(S::AnyHousekeeper),
            // A CPU that arms runs a vCPU, so it is not idle; and KVM cancels a timer, and waits for its callback, before
            // it starts it.
            Self::N2 | Self::R1 | Self::R2 => false,
            Self::P3c => has(S::Kick),
            Self::D2 => has(S::Kick) || has(S::Posting) && !has(S::PostWakesOnly),
            Self::P7 => has(S::TimerAdvance),
            Self::C5 => has(S::Posting) && has(S::PostingReadsMode),
            Self::C6 => has(S::Posting) && has(S::PostingWaits) && has(S::TimerAdvance),
            Self::C7 | Self::C8 | Self::C8b | Self::C9 | Self::C10 => has(S::Posting),
            // Devices post in every era; doorbells ring for the timer alone, and the seed's gate is Intel's.
            Self::F3 => has(S::Posting) && !has(S::GateMwait),
            Self::W12 => has(S::SnRederivesOn),
            Self::V1 | Self::V2 | Self::V3 | Self::V4 => has(S::ApicTimerVirtualization),
            _ => true,
        }
    }

    /// The eras whose kernels can take such a step, oldest first.
    pub fn eras(self) -> impl Iterator<Item = Era> {
        Era::ALL.iter().copied().filter(move |era| self.possible_under(Rules::of(*era)))
    }
}
