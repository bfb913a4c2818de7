//! What steps cost, in nanoseconds, each with its origin.
//!
//! A published figure covers a whole round trip; how it divides into the model's steps is *assumed*, and says so. A
//! sample is a pure function of seed, kind and count, so that two paths of one scenario draw the same costs.

use crate::units::Ns;
use serde::Serialize;

/// Where a cost comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "origin")]
pub enum Origin {
    /// Measured and published.
    Published {
        /// Machine.
        machine: &'static str,
        /// Where.
        source: &'static str,
    },
    /// A share of a published whole; the division is assumed.
    ShareOf {
        /// What the whole is, with its machine and source.
        whole: &'static str,
    },
    /// No source exists.
    Assumed {
        /// What it is in keeping with.
        why: &'static str,
    },
}

/// Costs of one kind: an interval, sampled uniformly.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Cost {
    /// What is paid for.
    pub kind: CostKind,
    /// Least, in nanoseconds.
    pub min_ns: u32,
    /// Most, in nanoseconds.
    pub max_ns: u32,
    /// Where it comes from.
    pub origin: Origin,
}

macro_rules! kinds {
    ($($name:ident: $what:literal;)*) => {
        /// What a step pays for.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum CostKind {
            $(#[doc = $what] $name,)*
        }

        impl CostKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// In words.
            pub const fn what(self) -> &'static str {
                match self {
                    $(Self::$name => $what,)*
                }
            }
        }
    };
}

kinds! {
    Instruction: "an instruction boundary in the guest, or recognising an interrupt";
    VmExit: "VM exit up to the first host code";
    VmEntry: "last host code up to the guest's first instruction";
    KvmStep: "a short piece of KVM code between two shared accesses";
    Atomic: "one atomic access to a shared cache line";
    FastpathDispatch: "finding the fastpath handler for WRMSR";
    SlowpathDispatch: "full exit handling up to the WRMSR handler";
    SlowpathTail: "the way round vcpu_run back to the entry";
    TargetSearch: "get_nohz_timer_target, one busy housekeeper near";
    HrtimerStart: "queueing an hrtimer and programming the clock event";
    TimerInterrupt: "taking the host's timer interrupt up to hrtimer_interrupt";
    TimerCallback: "one hrtimer callback's own work";
    TimerReturn: "programming the next event and returning from the interrupt";
    TickWork: "the host's scheduler tick";
    IpiFlight: "IPI from ICR write to the destination's local APIC";
    HostIrq: "a host interrupt handler that only acknowledges";
    PiProcessing: "one half of posted-interrupt processing";
    VirtualDelivery: "virtual-interrupt delivery through the guest's IDT";
    GuestEoi: "the guest's handler up to its EOI";
    GuestReturn: "the end of the guest's handler";
    ContextSwitch: "from schedule() to the next thread";
    WakeUp: "from a wake-up to the woken thread's first code, on an idle core";
    UserExit: "from KVM_RUN to userspace, or back";
    UserWork: "what userspace does for one access to its local APIC";
}

/// A named set: a cost for every kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CostSet {
    /// Name in scenarios.
    pub name: &'static str,
    /// What machine it stands for.
    pub about: &'static str,
    /// In the order of [`CostKind::ALL`].
    pub costs: &'static [Cost],
}

const ARM: &str = "WRMSR TSC_DEADLINE with a past deadline until the handler: 2494.75 cycles with fastpath, 3028.5 \
    without, Skylake server (kvm-unit-tests tscdeadline_immed, fastpath series v4, May 2020); at 2.5 GHz";
const EXT: &str = "EXTERNAL_INTERRUPT exit to entry: 0.71 µs on average, 0.47 µs least, Skylake server, 5.2-rc \
    (perf kvm stat, 0c5f81dad46c)";
const FLIGHT: &str = "no isolated figure exists; within 3645 cycles for an x2APIC IPI round trip with IPI virtualization \
    (2021-07-16 series)";

const fn share(kind: CostKind, min_ns: u32, max_ns: u32, whole: &'static str) -> Cost {
    Cost { kind, min_ns, max_ns, origin: Origin::ShareOf { whole } }
}

const fn assumed(kind: CostKind, min_ns: u32, max_ns: u32, why: &'static str) -> Cost {
    Cost { kind, min_ns, max_ns, origin: Origin::Assumed { why } }
}

/// Skylake server, 2.5 GHz.
pub const SKYLAKE: CostSet = CostSet {
    name: "skylake",
    about: "Skylake server at 2.5 GHz; shares of published round trips, assumed where no source exists",
    costs: &[
        assumed(CostKind::Instruction, 1, 4, "a few cycles"),
        share(CostKind::VmExit, 240, 320, ARM),
        share(CostKind::VmEntry, 200, 280, ARM),
        share(CostKind::KvmStep, 10, 20, ARM),
        share(CostKind::Atomic, 8, 25, ARM),
        share(CostKind::FastpathDispatch, 30, 50, ARM),
        share(CostKind::SlowpathDispatch, 120, 200, ARM),
        share(CostKind::SlowpathTail, 80, 140, ARM),
        assumed(
            CostKind::TargetSearch,
            40,
            90,
            "0.23 to 0.46 µs per probed CPU were seen under function tracing (2019-06-18), far less without",
        ),
        assumed(CostKind::HrtimerStart, 80, 140, "no figure for programming the clock event exists"),
        share(CostKind::TimerInterrupt, 120, 180, EXT),
        share(CostKind::TimerCallback, 20, 40, EXT),
        share(CostKind::TimerReturn, 120, 180, EXT),
        assumed(CostKind::TickWork, 800, 1_600, "a scheduler tick of 1 to 2 µs"),
        assumed(CostKind::IpiFlight, 200, 400, FLIGHT),
        share(CostKind::HostIrq, 60, 120, EXT),
        assumed(
            CostKind::PiProcessing,
            40,
            80,
            "no isolated figure exists; 300 to 600 cycles for processing and delivery together",
        ),
        assumed(
            CostKind::VirtualDelivery,
            40,
            80,
            "no isolated figure exists; 300 to 600 cycles for processing and delivery together",
        ),
        assumed(CostKind::GuestEoi, 60, 120, "guest handler and EOI of about 500 cycles"),
        assumed(CostKind::GuestReturn, 40, 80, "guest handler and EOI of about 500 cycles"),
        assumed(CostKind::ContextSwitch, 500, 1_000, "no figure for the way out of a halt exists"),
        assumed(CostKind::WakeUp, 1_500, 3_000, "no figure for exit, wake-up and re-entry of a halted vCPU exists"),
        assumed(CostKind::UserExit, 400, 800, "no isolated figure exists; a system call and the dispatch around it"),
        assumed(CostKind::UserWork, 1_000, 3_000, "no figure exists; about that of a signal between threads, 2.4 µs"),
    ],
};

/// All sets.
pub const SETS: &[CostSet] = &[SKYLAKE];

/// The set with this name.
pub fn set(name: &str) -> Option<&'static CostSet> {
    SETS.iter().find(|s| s.name == name)
}

impl CostSet {
    /// The cost of a kind; the table's order is checked by a test.
    #[inline]
    pub fn of(&self, kind: CostKind) -> &Cost {
        &self.costs[kind as usize]
    }
}

impl Cost {
    /// The `count`-th sample under a seed.
    #[inline]
    pub fn sample(&self, seed: u64, count: u32) -> Ns {
        let span = u64::from(self.max_ns - self.min_ns) + 1;
        let key = seed ^ u64::from(count) << 8 ^ self.kind as u64;
        Ns::from_ns(u64::from(self.min_ns) + (((mix(key) >> 32) * span) >> 32))
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
#[inline]
const fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_order_and_complete() {
        for set in SETS {
            assert_eq!(set.costs.len(), CostKind::ALL.len(), "{}", set.name);
            for (i, cost) in set.costs.iter().enumerate() {
                assert_eq!(cost.kind as usize, i, "{}: {:?}", set.name, cost.kind);
                assert!(cost.min_ns <= cost.max_ns);
            }
        }
    }

    #[test]
    fn samples_fill_their_interval_and_repeat() {
        let cost = SKYLAKE.of(CostKind::Instruction);
        let seen: std::collections::BTreeSet<_> = (0..1_000).map(|n| cost.sample(7, n).as_ns()).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(cost.sample(7, 3), cost.sample(7, 3));
    }
}
