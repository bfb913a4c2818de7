//! Kernel eras as sets of named rules. A new era is one entry here.

use serde::{Deserialize, Serialize};

/// A kernel whose rules a scenario asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Era {
    /// The patch of 2019-06-05 as it was posted, on the kernel it was posted against.
    #[serde(rename = "seed-2019")]
    Seed2019,
    /// Linux 6.19: what merged in 5.3, with everything that followed.
    #[serde(rename = "6.19")]
    V6_19,
}

impl Era {
    /// The name a scenario uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seed2019 => "seed-2019",
            Self::V6_19 => "6.19",
        }
    }
}

/// How an expiry in the hrtimer callback may be posted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Posting {
    /// The seed's `apic_timer_expired_pi`: whenever posting is configured, whatever `vcpu->mode` is, without the
    /// busy-wait and without looking at `pending`.
    Seed,
    /// `0c5f81dad46c` (5.3) and later: only in guest mode, after the busy-wait.
    InGuestMode,
}

/// Which passthrough the static predicate asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdleGate {
    /// Seed: `kvm_mwait_in_guest`.
    Mwait,
    /// `1714a4eb6fb0` (5.18): `kvm_mwait_in_guest || kvm_hlt_in_guest`.
    MwaitOrHlt,
}

/// What `kvm_can_post_timer_interrupt` looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PostConfig {
    /// `kvm.pi_inject_timer`, resolved.
    pub pi_inject_timer: bool,
    /// APICv is active.
    pub apicv: bool,
    /// MWAIT does not exit.
    pub mwait_in_guest: bool,
    /// HLT does not exit.
    pub hlt_in_guest: bool,
}

/// The rules that differ between eras, each with the commit that made it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// `HRTIMER_MODE_ABS_PINNED` (`61abdbe0bcc2`, 4.7 to 5.2): the timer stays on the CPU that arms it.
    pub pinned: bool,
    /// How a configured posting is carried out.
    pub posting: Posting,
    /// What posting needs of the VM.
    pub idle_gate: IdleGate,
    /// `0a94b2042419` (6.18): WRMSR `IA32_TSC_DEADLINE` is always handled in the fastpath.
    pub deadline_fastpath: bool,
    /// `4d151bf3b89e` (5.3): an expiry that is left pending kicks the vCPU.
    pub kick: bool,
    /// 5.8 (`from_timer_fn`): an expiry found while arming goes straight into PIR.
    pub direct_when_arming: bool,
}

impl Rules {
    /// The rules of an era.
    pub const fn of(era: Era) -> Self {
        match era {
            Era::Seed2019 => Self {
                pinned: false,
                posting: Posting::Seed,
                idle_gate: IdleGate::Mwait,
                deadline_fastpath: false,
                kick: false,
                direct_when_arming: false,
            },
            Era::V6_19 => Self {
                pinned: false,
                posting: Posting::InGuestMode,
                idle_gate: IdleGate::MwaitOrHlt,
                deadline_fastpath: true,
                kick: true,
                direct_when_arming: true,
            },
        }
    }

    /// `kvm_can_post_timer_interrupt`: the static half of the decision to post, for a VM as it is configured.
    pub const fn can_post(self, vm: PostConfig) -> bool {
        let idle = match self.idle_gate {
            IdleGate::Mwait => vm.mwait_in_guest,
            IdleGate::MwaitOrHlt => vm.mwait_in_guest || vm.hlt_in_guest,
        };
        vm.pi_inject_timer && vm.apicv && idle
    }
}
