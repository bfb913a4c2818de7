//! Every rule a step can follow, with a stable id and its source.
//!
//! The letters are those of the flows they belong to: A arming, N and R where the host timer is queued, P pinned, C posted,
//! D the fallback when the vCPU is not in guest mode, K clock event, I host interrupts, T host tick, H housekeeper
//! load, G guest, X other exits. Kernel functions are of `arch/x86/kvm` unless a path is given, as of Linux 6.12 to
//! 6.19; SDM sections are cited by title, because their numbers move between editions.

use serde::{Serialize, Serializer};

/// What is known about a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RuleInfo {
    /// Stable id, as lists and recordings print it.
    pub id: &'static str,
    /// A few words for lists.
    pub title: &'static str,
    /// One or two sentences.
    pub what: &'static str,
    /// Kernel function and commit, or SDM section by title.
    pub source: &'static str,
}

macro_rules! rules {
    ($($id:ident: $title:literal, $what:literal, $source:literal;)*) => {
        /// The rule that a step followed.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Rule {
            $(#[doc = concat!(stringify!($id), ": ", $title)] $id,)*
        }

        impl Rule {
            /// Every rule, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$id,)*];

            /// The table entry.
            pub const fn info(self) -> &'static RuleInfo {
                match self {
                    $(Self::$id => &RuleInfo {
                        id: stringify!($id),
                        title: $title,
                        what: $what,
                        source: $source,
                    },)*
                }
            }
        }
    };
}

rules! {
    A1: "Guest writes its deadline",
        "The guest executes WRMSR to IA32_TSC_DEADLINE (0x6e0). The write is intercepted: VM exit, reason MSR_WRITE.",
        "SDM vol. 3, \"TSC-Deadline Mode\"; arch/x86/kvm/vmx/vmx.c";
    A2: "Fastpath or slow path",
        "From 6.18 the write is always handled with interrupts off and vcpu->mode still IN_GUEST_MODE; before, only where the preemption timer could serve it.",
        "handle_fastpath_set_tscdeadline; 0a94b2042419 (6.18)";
    A3: "Cancel the old timer, store the deadline",
        "kvm_set_lapic_tscdeadline_msr cancels the hrtimer (and waits while its callback runs on another CPU: R8), then stores tscdeadline.",
        "kvm_set_lapic_tscdeadline_msr, hrtimer_cancel";
    A4: "Forget a pending expiry",
        "__start_apic_timer sets pending to 0.",
        "__start_apic_timer";
    A5: "No preemption timer",
        "restart_apic_timer asks for the VMX preemption timer first. It is not to be had: posting is configured, or it is switched off.",
        "restart_apic_timer, kvm_can_use_hv_timer";
    A6: "Compute the host expiry",
        "start_sw_tscdeadline: ns = (deadline - guest TSC) / tsc_khz; if that lies further ahead than the advance, an hrtimer is started for now + ns - advance.",
        "start_sw_tscdeadline";
    A7: "The deadline has passed already",
        "start_sw_tscdeadline finds nothing to wait for and calls apic_timer_expired(from_timer_fn = false): with APICv the interrupt goes straight into PIR.",
        "apic_timer_expired; 5.8 series (from_timer_fn)";
    A8: "Ready to re-enter",
        "The arming is done. The fastpath re-enters at once, after it has synced PIR and looked at the requests; the slow path goes round vcpu_run.",
        "vcpu_enter_guest, handle_fastpath_set_tscdeadline";
    N1: "This CPU keeps house",
        "get_nohz_timer_target: the arming CPU is a housekeeper and not idle, so the timer stays.",
        "get_nohz_timer_target, kernel/sched/core.c (6.12)";
    N2: "Nobody is busy; this CPU keeps house",
        "get_nohz_timer_target: no busy housekeeper was found, and the arming CPU is one itself.",
        "get_nohz_timer_target (6.12)";
    N3: "Nearest busy housekeeper",
        "get_nohz_timer_target walks the scheduling domains outwards and names the first housekeeper that is not idle.",
        "get_nohz_timer_target (6.12); 9642d18eee2c";
    N4: "Only idle housekeepers",
        "get_nohz_timer_target found no busy housekeeper and names an idle one, the same NUMA node first.",
        "get_nohz_timer_target, housekeeping_any_cpu (6.12)";
    R0: "Stays: pinned, or already here",
        "HRTIMER_MODE_PINNED, timers_migration off, or the target is this CPU: the timer is queued locally.",
        "switch_hrtimer_base, kernel/time/hrtimer.c (6.12); 61abdbe0bcc2";
    R1: "Stays: it is the local next timer",
        "A timer that is queued here and comes first is not moved, to avoid programming the clock event twice.",
        "__hrtimer_start_range_ns (6.12)";
    R2: "Stays: its callback is running",
        "A timer whose callback runs keeps its base.",
        "switch_hrtimer_base (6.12)";
    R3: "Refused: it would be the target's first event",
        "The expiry lies before the target's expires_next. Only the target itself can program its clock event, so the timer stays on the arming CPU. An idle housekeeper, its tick stopped, refuses every near timer this way.",
        "hrtimer_check_target, switch_hrtimer_base (6.12)";
    R4: "Refused: the target is in its timer interrupt",
        "Inside hrtimer_interrupt the target's expires_next is infinite, so the timer stays on the arming CPU.",
        "hrtimer_interrupt, hrtimer_check_target (6.12)";
    R5: "Accepted by the housekeeper",
        "The target has an earlier event of its own, so the timer is queued there; no IPI is needed.",
        "switch_hrtimer_base (6.12)";
    K1: "Clock event",
        "The CPU's clock event device reaches expires_next and raises the local timer vector 0xec.",
        "tick_program_event, local APIC of the host CPU";
    P1: "Exit: the host's timer interrupt",
        "An external interrupt arrives in non-root operation and its vector is not the notification vector: VM exit, reason EXTERNAL_INTERRUPT; the vector is acknowledged and stored.",
        "SDM vol. 3, \"Posted-Interrupt Processing\", \"External-interrupt exiting\"";
    P2: "Out of guest mode",
        "vmx_vcpu_run has returned; vcpu->mode becomes OUTSIDE_GUEST_MODE.",
        "vcpu_enter_guest";
    P2b: "The host handles its interrupt",
        "handle_external_interrupt_irqoff calls the host's handler for the stored vector, interrupts off.",
        "vmx_handle_exit_irqoff, handle_external_interrupt_irqoff";
    P3: "The timer callback runs on the vCPU's own core",
        "hrtimer_interrupt calls apic_timer_fn, which calls apic_timer_expired: nothing is pending, so the deadline is remembered for the busy-wait.",
        "apic_timer_fn, apic_timer_expired";
    P3b: "Left pending for the vCPU thread",
        "The vCPU is outside guest mode, so nothing is posted: pending becomes 1 and KVM_REQ_UNBLOCK is requested.",
        "apic_timer_expired";
    P3c: "No kick needed",
        "kvm_vcpu_kick finds the vCPU outside guest mode: no IPI. Before 5.3 there was no kick at all, which is why the timer had to be pinned.",
        "kvm_vcpu_kick; 4d151bf3b89e (5.3)";
    P4: "The callback returns",
        "A deadline timer does not restart: HRTIMER_NORESTART.",
        "apic_timer_fn";
    P5: "The vCPU thread finds the expiry",
        "vcpu_run clears KVM_REQ_UNBLOCK and sees a pending timer.",
        "vcpu_run, kvm_inject_pending_timer_irqs";
    P5b: "Deliver the LVT entry",
        "kvm_apic_local_deliver(LVTT): enabled and not masked, so the vector is accepted.",
        "kvm_apic_local_deliver, __apic_accept_irq";
    P5c: "Set the PIR bit",
        "vmx_deliver_posted_interrupt: test-and-set of the vector's PIR bit, by the vCPU thread itself.",
        "vmx_deliver_posted_interrupt";
    P5d: "Set ON",
        "Test-and-set of ON. The vCPU is outside guest mode, so no notification is sent: entry will look.",
        "vmx_deliver_posted_interrupt, kvm_vcpu_trigger_posted_interrupt";
    P5e: "Clear the deadline",
        "tscdeadline and pending become 0: delivered once.",
        "kvm_apic_inject_pending_timer_irqs, kvm_inject_apic_timer_irqs";
    P6: "Into guest mode",
        "Interrupts off; vcpu->mode becomes IN_GUEST_MODE, followed by a full barrier, before PIR is looked at.",
        "vcpu_enter_guest";
    P6b: "Sync: test and clear ON",
        "sync_pir_to_irr: ON is tested and cleared first, so that a later post notifies again.",
        "vmx_sync_pir_to_irr";
    P6c: "Sync: PIR into VIRR",
        "PIR is drained into VIRR, and RVI becomes the highest requested vector.",
        "vmx_sync_pir_to_irr, __kvm_apic_update_irr";
    P6d: "Last look before entry",
        "kvm_vcpu_exit_request: no request, mode still IN_GUEST_MODE, so the entry goes on.",
        "kvm_vcpu_exit_request";
    P7: "Wait for the deadline",
        "kvm_wait_lapic_expire: the hrtimer was early by the advance; the vCPU spins until the guest's TSC reaches the deadline, and the advance is tuned.",
        "kvm_wait_lapic_expire, __kvm_wait_lapic_expire";
    P8: "VM entry",
        "VM entry: PPR virtualization and evaluation of pending virtual interrupts; the guest runs.",
        "SDM vol. 3, \"Evaluation of Pending Virtual Interrupts\"";
    C3: "The housekeeper's timer interrupt",
        "hrtimer_interrupt begins; the CPU's expires_next is infinite until it ends.",
        "hrtimer_interrupt";
    C4: "The timer callback runs on the housekeeper",
        "hrtimer_interrupt calls apic_timer_fn, which calls apic_timer_expired: nothing is pending, so the deadline is remembered for the busy-wait.",
        "apic_timer_fn, apic_timer_expired";
    C5: "May it be posted?",
        "kvm_use_posted_timer_interrupt reads vcpu->mode: only a vCPU in guest mode gets a posted interrupt. The read races with the vCPU, by design.",
        "kvm_use_posted_timer_interrupt; 0c5f81dad46c (5.3)";
    C6: "The housekeeper waits for the deadline",
        "__kvm_wait_lapic_expire spins on the housekeeper, so that the guest never sees its tick early; the advance is tuned.",
        "__kvm_wait_lapic_expire; series v5 2/4";
    C7: "Deliver the LVT entry",
        "kvm_apic_local_deliver(LVTT): enabled and not masked, so the vector is accepted.",
        "kvm_apic_inject_pending_timer_irqs, kvm_apic_local_deliver";
    C8: "Set the PIR bit",
        "vmx_deliver_posted_interrupt: test-and-set of the vector's PIR bit. Were it set already, everything would stop here.",
        "vmx_deliver_posted_interrupt";
    C8b: "Set ON",
        "Test-and-set of ON. Were it set already, a notification would be outstanding and no second one would be sent.",
        "vmx_deliver_posted_interrupt; SDM vol. 3, \"Posted-Interrupt Processing\"";
    C9: "Send the notification",
        "kvm_vcpu_trigger_posted_interrupt reads vcpu->mode again; in guest mode, and not the running vCPU: IPI 0xf2 to vcpu->cpu.",
        "kvm_vcpu_trigger_posted_interrupt";
    C10: "Clear the deadline",
        "tscdeadline becomes 0, after the delivery.",
        "kvm_apic_inject_pending_timer_irqs";
    C11: "The callback returns",
        "A deadline timer does not restart: HRTIMER_NORESTART.",
        "apic_timer_fn";
    C12: "Notification recognised",
        "In non-root operation the processor acknowledges the interrupt; the vector equals the posted-interrupt notification vector, so there is no exit.",
        "SDM vol. 3, \"Posted-Interrupt Processing\", steps 1 and 2";
    C12b: "Processor clears ON",
        "ON is cleared with a locked access, then the physical EOI is written. PIR has not been read yet.",
        "SDM vol. 3, \"Posted-Interrupt Processing\", steps 3 and 4";
    C12c: "Processor drains PIR",
        "PIR is ORed into VIRR and cleared, RVI becomes the highest vector, and pending virtual interrupts are evaluated.",
        "SDM vol. 3, \"Posted-Interrupt Processing\", steps 5 to 7";
    C13: "Virtual-interrupt delivery",
        "The vector moves from VIRR to VISR; SVI and VPPR follow; the guest's handler starts. No exit.",
        "SDM vol. 3, \"Virtual-Interrupt Delivery\"";
    C14: "EOI, virtualized",
        "The handler's EOI leaves VISR, SVI and VPPR restored, and pending interrupts are evaluated. No exit.",
        "SDM vol. 3, \"EOI Virtualization\"";
    D1: "Not in guest mode: left pending",
        "Posting is configured, but vcpu->mode is not IN_GUEST_MODE: pending becomes 1 and KVM_REQ_UNBLOCK is requested.",
        "apic_timer_expired";
    D2: "Kick",
        "kvm_vcpu_kick: if the vCPU is in guest mode by now, mode becomes EXITING_GUEST_MODE and a reschedule IPI is sent; outside, nothing is sent.",
        "kvm_vcpu_kick, kvm_vcpu_exiting_guest_mode";
    D3: "Entry aborted",
        "kvm_vcpu_exit_request finds a request: mode goes back to OUTSIDE_GUEST_MODE and the guest is not entered.",
        "vcpu_enter_guest, kvm_vcpu_exit_request";
    D4: "The vCPU thread finds the expiry",
        "vcpu_run clears KVM_REQ_UNBLOCK and injects the pending timer; the next entry syncs.",
        "vcpu_run";
    I1: "Interrupt taken by the host",
        "The CPU is in root operation with interrupts on: the host's own handler runs.",
        "arch/x86/kernel/irq.c";
    I2: "A notification that missed the guest",
        "The vCPU had left non-root operation: sysvec_kvm_posted_intr_ipi only acknowledges it and counts it (PIN). The next entry syncs PIR.",
        "sysvec_kvm_posted_intr_ipi";
    I3: "Reschedule interrupt",
        "The handler only acknowledges: its purpose was to make the CPU leave the guest.",
        "sysvec_reschedule_ipi";
    I4: "IPI arrives",
        "The interrupt message reaches the destination's local APIC, which latches the vector.",
        "SDM vol. 3, \"Advanced Programmable Interrupt Controller\"";
    T1: "The host's own tick",
        "tick_nohz_handler runs and queues the next tick.",
        "tick_nohz_handler";
    T2: "Timer interrupt ends",
        "hrtimer_interrupt programs the clock event for the earliest timer left, and returns.",
        "hrtimer_interrupt";
    T3: "Nothing was due",
        "A superfluous timer interrupt: the timer it was meant for had been removed from another CPU (R7).",
        "hrtimer_interrupt; remove_hrtimer";
    H1: "The housekeeper goes idle",
        "Its load ends: the tick is stopped, and expires_next moves far away.",
        "tick_nohz_idle_stop_tick";
    H2: "The housekeeper becomes busy",
        "Its load returns: the tick is restarted.",
        "tick_nohz_idle_exit";
    G1: "The guest's handler returns",
        "IRET: interrupts are on again.",
        "the guest";
    G2: "The guest halts",
        "HLT is not intercepted: the vCPU waits in non-root operation until an interrupt is recognised.",
        "SDM vol. 3, \"HLT exiting\"";
    X1: "Another exit",
        "The guest executes CPUID, which always exits; or a host interrupt arrives that has nothing to do with the timer.",
        "SDM vol. 3, \"Instructions That Cause VM Exits Unconditionally\"";
    X2: "The other exit is handled",
        "KVM emulates the instruction, or the host handles the interrupt; the vCPU is outside guest mode.",
        "vmx_handle_exit, kvm_emulate_cpuid";
}

impl Rule {
    /// Stable id, as lists and recordings print it.
    pub const fn id(self) -> &'static str {
        self.info().id
    }

    /// The rule with this id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|r| r.id() == id)
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_every_rule_names_its_source() {
        for (i, rule) in Rule::ALL.iter().enumerate() {
            assert_eq!(*rule as usize, i);
            assert_eq!(Rule::from_id(rule.id()), Some(*rule));
            assert!(!rule.info().source.is_empty() && rule.info().what.ends_with('.'), "{}", rule.id());
        }
    }
}
