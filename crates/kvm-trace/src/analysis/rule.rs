//! Every rule by which a fact is read out of a recording, with a stable id.
//!
//! A recording shows lines, not ticks. What belongs together, which way a tick took and what became of it is inferred, and
//! each inferred fact names its rule. The letters: V vCPUs, L arms, E expiries, S which path (signature), U why it is
//! undecided, C what became of a tick, H where a timer was refused, N what no recording shows.

/// What a rule rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Lines show it.
    Observed,
    /// Lines imply it.
    Inferred,
    /// No line can show it.
    NotShown,
}

impl Basis {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Inferred => "inferred",
            Self::NotShown => "not shown",
        }
    }
}

/// What is known about a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InferenceInfo {
    /// Stable id.
    pub id: &'static str,
    /// What it rests on.
    pub basis: Basis,
    /// A few words.
    pub title: &'static str,
    /// One or two sentences.
    pub what: &'static str,
    /// Why it holds: kernel functions, as of Linux 6.12 to 6.18.
    pub source: &'static str,
}

macro_rules! inferences {
    ($($id:ident, $basis:ident: $title:literal, $what:literal, $source:literal;)*) => {
        /// The rule that a fact was inferred by.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Inference {
            $(#[doc = concat!(stringify!($id), ": ", $title)] $id,)*
        }

        impl Inference {
            /// Every rule, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$id,)*];

            /// The table entry.
            pub const fn info(self) -> &'static InferenceInfo {
                match self {
                    $(Self::$id => &InferenceInfo {
                        id: stringify!($id),
                        basis: Basis::$basis,
                        title: $title,
                        what: $what,
                        source: $source,
                    },)*
                }
            }
        }
    };
}

inferences! {
    V1, Inferred: "A vCPU's thread",
        "The thread printed an event that only a vCPU's own thread prints: kvm_entry, kvm_exit, kvm_msr, kvm_apic, kvm_eoi, kvm_hv_timer_state, kvm_inj_virq, kvm_vcpu_wakeup, or hrtimer_start of apic_timer_fn.",
        "callers of trace_kvm_*; restart_apic_timer";
    V2, Inferred: "A vCPU's timer",
        "The hrtimer that a vCPU's thread started with apic_timer_fn is that vCPU's, wherever it expires.",
        "struct kvm_timer: one per local APIC";
    V3, Inferred: "A vCPU's CPU",
        "The CPU on which the thread last printed anything.",
        "the line's CPU is that of the thread";
    V4, Observed: "Vector by LVTT",
        "The guest wrote the timer's vector to LVTT.",
        "kvm_lapic_reg_write";
    V5, Inferred: "Vector by the first accept",
        "The first interrupt accepted after an expiry is taken for the timer's.",
        "kvm_apic_local_deliver";
    L1, Inferred: "The timer of the write that follows",
        "A started timer belongs to the write of the deadline that its thread prints next, because KVM prints the write when it is done with it.",
        "start_sw_tscdeadline before trace_kvm_msr_write";
    L2, Inferred: "The timer of the write before",
        "A timer started after the write, before anything else of the guest, is that write's: an initial count, or a deadline that the preemption timer handed over when the vCPU halted.",
        "kvm_lapic_reg_write; kvm_lapic_switch_to_sw_timer";
    L3, Inferred: "A start stands for the arm",
        "No write of the guest was recorded, so the start of its timer is taken for it.",
        "start_apic_timer";
    L4, Observed: "Restarted by its callback",
        "A periodic timer queues itself again, directly behind hrtimer_expire_exit.",
        "apic_timer_fn returns HRTIMER_RESTART";
    L5, Inferred: "No host timer",
        "No hrtimer was started for this write: the deadline had passed, or the preemption timer keeps it.",
        "start_hv_timer, start_sw_tscdeadline";
    L6, Inferred: "Written at the exit",
        "The guest wrote when it exited with MSR_WRITE; KVM prints the write when it is done with it.",
        "trace_kvm_exit before kvm_emulate_wrmsr and its fast path";
    E1, Observed: "Expired",
        "hrtimer_expire_entry with the vCPU's own timer.",
        "apic_timer_fn";
    E2, Observed: "The preemption timer ran out",
        "kvm_exit PREEMPTION_TIMER of a vCPU that had armed, not of an entry that was made to exit at once.",
        "handle_fastpath_preemption_timer";
    E3, NotShown: "Expiry not shown",
        "The tick was accepted, and no line shows its expiry.",
        "apic_timer_expired prints nothing";
    S1, Observed: "Pinned",
        "kvm_exit EXTERNAL_INTERRUPT on the vCPU's own CPU, then the expiry there, in its own thread.",
        "vmx_handle_exit_irqoff, apic_timer_fn";
    S2, Inferred: "Pinned, by the thread",
        "The expiry interrupted the vCPU's own thread on its own CPU. The exit is not shown: exits are not recorded, or the vCPU was in the host already.",
        "apic_timer_fn";
    S3, Observed: "Preemption timer",
        "kvm_exit PREEMPTION_TIMER, then the accept on the vCPU's own CPU.",
        "kvm_lapic_expired_hv_timer";
    S4, Inferred: "Preemption timer, by its state",
        "kvm_hv_timer_state said that the preemption timer keeps the deadline, and the interrupt was accepted without an hrtimer.",
        "start_hv_timer";
    S5, Inferred: "Posted",
        "The expiry and the accept on another CPU, in its timer interrupt, and the vCPU did not exit for it.",
        "kvm_apic_inject_pending_timer_irqs from apic_timer_expired";
    S6, Inferred: "Posted, exits not recorded",
        "The expiry and the accept on another CPU, and no second accept. Whether the vCPU exited is not recorded.",
        "kvm_apic_inject_pending_timer_irqs from apic_timer_expired";
    S7, Inferred: "Offloaded, not posted, kicked",
        "The expiry on another CPU, then kvm_exit EXTERNAL_INTERRUPT of the vCPU, then the accept in its thread.",
        "kvm_vcpu_kick";
    S8, Inferred: "Offloaded, left pending",
        "The expiry on another CPU, and the accept in the vCPU's thread without an exit for it: the vCPU was outside guest mode.",
        "apic_timer_expired, kvm_inject_pending_timer_irqs";
    S9, Inferred: "Woken",
        "The vCPU slept or polled in a halt when its timer expired.",
        "kvm_vcpu_kick wakes a blocked vCPU";
    S10, Inferred: "Preempted",
        "Another thread ran on the vCPU's CPU, while the vCPU's thread was runnable; the interrupt waited for it.",
        "apic_timer_expired leaves it pending";
    S11, Inferred: "Accepted while arming",
        "The deadline had passed when the guest wrote it: accepted in its own thread with neither a timer nor an entry in between.",
        "start_sw_tscdeadline calls apic_timer_expired";
    U1, NotShown: "Events are missing",
        "The recording lost events while this tick was under way.",
        "LOST markers; time that runs backwards";
    U2, NotShown: "Accepts are not recorded",
        "Without kvm_apic_accept_irq nothing shows what became of an expiry.",
        "__apic_accept_irq";
    U3, NotShown: "Why another thread ran is not recorded",
        "Another thread ran on the vCPU's CPU. Without sched_switch and kvm_vcpu_wakeup nothing tells whether the vCPU slept or was preempted.",
        "kernel/sched/core.c";
    U4, NotShown: "Neither timer nor expiry shown",
        "Nothing shows how this tick came due: hrtimer events or exits are not recorded.",
        "timer:hrtimer_start, kvm:kvm_exit";
    C1, Observed: "Accepted",
        "kvm_apic_accept_irq with the timer's vector. KVM prints it before it looks whether the APIC is enabled.",
        "__apic_accept_irq";
    C2, Inferred: "Coalesced",
        "The timer expired while the expiry before still waited to be injected: apic_timer_expired returns at once.",
        "apic_timer_expired: pending";
    C3, Inferred: "Forgotten",
        "The guest armed anew before the expiry was injected, and arming sets pending to 0.",
        "__start_apic_timer";
    C4, Inferred: "Overwritten",
        "The guest armed anew before the deadline came.",
        "kvm_set_lapic_tscdeadline_msr cancels the timer";
    C5, Observed: "Stopped",
        "The guest wrote 0 before the deadline came.",
        "start_apic_timer";
    C6, Observed: "Open at the end",
        "The recording ends before the tick does.",
        "end of the file";
    H1, Inferred: "An idle housekeeper refused the timer",
        "The timer may leave its CPU, and has done so in this recording; here it fired at home while the housekeeper was idle. An idle CPU's next event is far away, and a timer that would be its first is not queued there (R3).",
        "hrtimer_check_target, switch_hrtimer_base";
    H2, Inferred: "A busy housekeeper refused the timer",
        "As H1, but the housekeeper was not idle: the timer would have been its first event (R3), or it was in its timer interrupt (R4).",
        "hrtimer_check_target, hrtimer_interrupt";
    N1, NotShown: "The notification's arrival",
        "No event is printed where a posted interrupt reaches a running guest, so nothing shows when the vCPU took it.",
        "posted-interrupt processing is the processor's";
    N2, NotShown: "A virtualized EOI",
        "With virtual-interrupt delivery the guest's EOI does not exit, and no kvm_eoi is printed.",
        "EOI virtualization is the processor's";
}

impl Inference {
    /// Stable id.
    pub const fn id(self) -> &'static str {
        self.info().id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_says_what_it_is() {
        let ids: BTreeSet<_> = Inference::ALL.iter().map(|rule| rule.id()).collect();
        assert_eq!(ids.len(), Inference::ALL.len());
        for rule in Inference::ALL {
            let info = rule.info();
            assert!(info.what.ends_with('.') && !info.title.ends_with('.') && !info.source.is_empty(), "{}", info.id);
        }
    }
}
