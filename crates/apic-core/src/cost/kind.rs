//! What can cost something, and the shape that a cost may have beside an interval.

use serde::{Deserialize, Serialize};

/// A rare, long case of a cost: once in so many samples, it lies above the interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tail {
    /// Most, in nanoseconds; every value from the interval's end to here is as likely.
    pub max_ns: u32,
    /// One sample in so many, on average.
    pub one_in: u32,
}

macro_rules! kinds {
    ($($name:ident: $what:literal;)*) => {
        /// What a step pays for. Scenarios in links carry the number: new ones come last.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
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
