//! Every rule a step can follow, with a stable id and its source.
//!
//! The letters are those of the flows they belong to: A arming, N and R where the host timer is queued, P pinned, C posted,
//! D the fallback when the vCPU is not in guest mode, K clock event, I host interrupts, T host tick, H housekeeper
//! load, G guest, X other exits, Hv preemption timer, E blocked vCPU, F AMD AVIC, J injection without APICv, V the processor's
//! virtual timer, S the host's scheduler, M migration, U userspace irqchip, Vd VT-d, W the wake-up list and what else of
//! the descriptor only hardware that posts looks at. Kernel functions are of `arch/x86/kvm` unless a path is given, as of
//! Linux 6.12 to 6.19; SDM sections are cited by title, because their numbers move between editions.

use serde::{Serialize, Serializer};

/// What is known about a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RuleInfo {
    /// Stable id, as lists and recordings print it.
    pub id: &'static str,
    /// A few words for lists.
    pub title: &'static str,
}

/// What is told of a rule to somebody who asks. Apart from [`RuleInfo`]: a page without it is a twentieth smaller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RuleWords {
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
                    },)*
                }
            }

            /// What it says and where that is written.
            pub const fn words(self) -> &'static RuleWords {
                match self {
                    $(Self::$id => &RuleWords { what: $what, source: $source },)*
                }
            }
        }
    };
}

rules! {
    A1: "Guest writes its deadline",
        "The guest executes WRMSR to IA32_TSC_DEADLINE (0x6e0), or to TMICT in one-shot and periodic mode. The write is intercepted: VM exit, reason MSR_WRITE.",
        "SDM vol. 3, \"TSC-Deadline Mode\"; arch/x86/kvm/vmx/vmx.c";
    A2: "Fastpath or slow path",
        "From 6.18 the write is always handled with interrupts off and vcpu->mode still IN_GUEST_MODE; before, only where the preemption timer could serve it.",
        "handle_fastpath_set_tscdeadline; 0a94b2042419 (6.18)";
    A3: "Cancel the old timer, store the deadline",
        "kvm_set_lapic_tscdeadline_msr cancels the hrtimer (and waits while its callback runs on another CPU: R8), then stores tscdeadline.",
        "kvm_set_lapic_tscdeadline_msr, hrtimer_cancel";
    A4: "Forget a pending expiry",
        "__start_apic_timer sets pending to 0. In one-shot and periodic mode the count becomes a period and a target; a period below 200 µs is lengthened to that in periodic mode.",
        "__start_apic_timer";
    A5: "Who keeps the deadline?",
        "restart_apic_timer asks for the VMX preemption timer first. It is not to be had if posting is configured, if the guest executes MWAIT without exits, if it is switched off, or on AMD: then an hrtimer is started.",
        "restart_apic_timer, kvm_can_use_hv_timer";
    A6: "Compute the host expiry",
        "start_sw_tscdeadline: ns = (deadline - guest TSC) / tsc_khz; if that lies further ahead than the advance, an hrtimer is started for now + ns - advance.",
        "start_sw_tscdeadline";
    A6h: "Give the deadline to the preemption timer",
        "start_hv_timer: the host TSC value of the deadline, less the advance, is stored; the hrtimer is cancelled.",
        "start_hv_timer, vmx_set_hv_timer";
    A6e: "The preemption timer does not take it",
        "start_hv_timer fails: nothing is armed, the deadline does not fit into 2^37 cycles (-ERANGE), or this kernel does not give it this mode. Then start_sw_timer is asked.",
        "start_hv_timer, vmx_set_hv_timer, start_sw_timer";
    A6p: "The host expiry is the target",
        "start_sw_period: the hrtimer is started for the target of the count. No advance is taken off, and no wait is owed.",
        "start_sw_period";
    A7: "The deadline is too near",
        "The deadline has passed, or is no further ahead than the timer advance: start_sw_tscdeadline, start_sw_period or start_hv_timer calls apic_timer_expired(from_timer_fn = false). From 5.8, with APICv, the thread delivers the interrupt at once; else it is left pending.",
        "start_sw_tscdeadline, start_sw_period, start_hv_timer, apic_timer_expired; 5.8 series (from_timer_fn)";
    A7k: "A kick for nobody",
        "Until 5.9 also an expiry that the vCPU's own thread found was kicked for. The thread waits on no queue, and the vCPU's CPU is this one, so kvm_vcpu_kick does nothing.",
        "kvm_set_pending_timer, kvm_vcpu_kick; 4d151bf3b89e (5.3); series v2 5/9, 2020-09-10 (5.10)";
    A8: "Ready to re-enter",
        "The arming is done. The fastpath re-enters at once, after it has synced PIR and looked at the requests; the slow path goes round vcpu_run.",
        "vcpu_enter_guest, handle_fastpath_set_tscdeadline";
    N0: "This CPU is not idle",
        "Before 4.3 a timer was offered to another CPU only if the arming one was idle. A vCPU's thread is running here, so the timer stays.",
        "get_nohz_timer_target (4.2); 9642d18eee2c (4.3)";
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
    N5: "The first housekeeper",
        "In 4.3 to 4.6 get_nohz_timer_target asked whether the arming CPU keeps house, not the one that it looked at. So a nohz_full CPU always got the first housekeeper, however far and however idle.",
        "get_nohz_timer_target (4.3); 9642d18eee2c; repaired by 444969223c81 (4.7)";
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
    R6: "Stays: restarted by its callback",
        "HRTIMER_RESTART: a timer that its callback restarts is queued on the CPU that ran it.",
        "__run_hrtimer (6.12)";
    K1: "Clock event",
        "The CPU's clock event device reaches expires_next and raises the local timer vector 0xec.",
        "tick_program_event, local APIC of the host CPU";
    P1: "Exit: the host's timer interrupt",
        "An external interrupt arrives in non-root operation and its vector is not the notification vector: VM exit, reason EXTERNAL_INTERRUPT; the vector is acknowledged and stored. AMD has no notification vector, and leaves the interrupt pending (F4).",
        "SDM vol. 3, \"Posted-Interrupt Processing\", \"External-interrupt exiting\"";
    P2: "Out of guest mode",
        "vmx_vcpu_run has returned; vcpu->mode becomes OUTSIDE_GUEST_MODE.",
        "vcpu_enter_guest";
    P2b: "The host handles its interrupt",
        "handle_external_interrupt_irqoff calls the host's handler for the stored vector, interrupts off.",
        "vmx_handle_exit_irqoff, handle_external_interrupt_irqoff";
    P3: "The timer callback runs on the vCPU's own core",
        "hrtimer_interrupt calls apic_timer_fn, which calls apic_timer_expired: nothing is pending, so a TSC deadline is remembered for the busy-wait.",
        "apic_timer_fn, apic_timer_expired";
    P3b: "Left pending for the vCPU thread",
        "Posting is not configured, or the vCPU is outside guest mode, as it is whenever its own core runs the callback: pending becomes 1.",
        "apic_timer_expired";
    P3d: "The thread is asked to look",
        "KVM_REQ_UNBLOCK (KVM_REQ_PENDING_TIMER before 5.13) is requested, after pending was written: whoever sees the request sees the expiry.",
        "apic_timer_expired, kvm_make_request";
    P3c: "No kick needed",
        "kvm_vcpu_kick finds the vCPU outside guest mode: no IPI. Before 5.3 there was no kick at all, which is why the timer had to be pinned.",
        "kvm_vcpu_kick; 4d151bf3b89e (5.3)";
    P4: "The callback returns",
        "A deadline or one-shot timer does not restart: HRTIMER_NORESTART. A periodic one advances its target and is queued here again (R6).",
        "apic_timer_fn";
    P5: "The vCPU thread finds the expiry",
        "vcpu_run clears KVM_REQ_UNBLOCK and sees a pending timer.",
        "vcpu_run, kvm_inject_pending_timer_irqs";
    P5n: "Nothing is pending",
        "vcpu_run clears KVM_REQ_UNBLOCK, and finds no pending timer that may be injected: a new deadline made KVM forget the expiry, or something else made the thread look.",
        "vcpu_run, kvm_cpu_has_pending_timer";
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
        "hrtimer_interrupt calls apic_timer_fn, which calls apic_timer_expired: nothing is pending, so a TSC deadline is remembered for the busy-wait.",
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
        "A deadline or one-shot timer does not restart: HRTIMER_NORESTART. A periodic one advances its target and is queued here again (R6), until the guest programs it anew.",
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
        "The vector moves from VIRR to VISR; SVI and VPPR follow; the guest's handler starts. No exit. On Intel this comes before an external interrupt that waits too.",
        "SDM vol. 3, \"Virtual-Interrupt Delivery\"";
    C14: "EOI, virtualized",
        "The handler's EOI leaves VISR, SVI and VPPR restored, and pending interrupts are evaluated. No exit.",
        "SDM vol. 3, \"EOI Virtualization\"";
    D1: "Left pending by another core",
        "Posting is not configured, or vcpu->mode was not IN_GUEST_MODE (C5): pending becomes 1.",
        "apic_timer_expired";
    D1b: "The thread is asked to look",
        "KVM_REQ_UNBLOCK (KVM_REQ_PENDING_TIMER before 5.13) is requested, after pending was written. A thread that found the expiry in between goes round once more, for nothing (P5n).",
        "apic_timer_expired, kvm_make_request";
    D2: "Kick",
        "kvm_vcpu_kick: if the vCPU is in guest mode, mode becomes EXITING_GUEST_MODE and a reschedule IPI is sent; outside, nothing is sent.",
        "kvm_vcpu_kick, kvm_vcpu_exiting_guest_mode";
    D3: "Entry aborted",
        "kvm_vcpu_exit_request finds a request, EXITING_GUEST_MODE or a signal: mode goes back to OUTSIDE_GUEST_MODE and the guest is not entered.",
        "vcpu_enter_guest, kvm_vcpu_exit_request";
    D4: "The vCPU thread finds the expiry",
        "vcpu_run clears KVM_REQ_UNBLOCK and injects the pending timer; the next entry syncs.",
        "vcpu_run";
    Hv1: "Load the preemption timer",
        "vmx_update_hv_timer: before each entry the time left is written to the VMCS, in counts of 2^5 TSC cycles.",
        "vmx_update_hv_timer; SDM vol. 3, \"VMX-Preemption Timer\"";
    Hv2: "Exit: the preemption timer",
        "The counter reaches 0 in non-root operation: VM exit, reason PREEMPTION_TIMER. No host interrupt, no EOI.",
        "SDM vol. 3, \"VMX-Preemption Timer\"";
    Hv3: "Fastpath or slow path",
        "From 5.8 the exit is handled at once, interrupts off and vcpu->mode still IN_GUEST_MODE.",
        "handle_fastpath_preemption_timer (5.8); handle_preemption_timer";
    Hv4: "The deadline has come",
        "kvm_lapic_expired_hv_timer calls apic_timer_expired(from_timer_fn = false): with APICv the interrupt goes straight into PIR, else it is left pending.",
        "kvm_lapic_expired_hv_timer, apic_timer_expired";
    Hv5: "The preemption timer is free again",
        "cancel_hv_timer: hv_timer_in_use becomes 0. Until 5.12 this came first (B14), since then after the expiry was handled.",
        "kvm_lapic_expired_hv_timer, cancel_hv_timer; d981dd15498b (5.13)";
    Hv6: "Over to an hrtimer",
        "The preemption timer counts in non-root operation only, so a vCPU that is about to block hands its deadline to an hrtimer.",
        "kvm_lapic_switch_to_sw_timer, vcpu_block";
    Hv7: "Back to the preemption timer",
        "The vCPU is awake: restart_apic_timer, unless the expiry is pending already.",
        "kvm_lapic_switch_to_hv_timer, restart_apic_timer";
    E1: "Exit: HLT",
        "The guest halts. HLT is intercepted: VM exit, reason HLT.",
        "SDM vol. 3, \"Instructions That Cause VM Exits Conditionally\"";
    E1b: "The vCPU is halted",
        "kvm_emulate_halt: mp_state becomes KVM_MP_STATE_HALTED. From 6.12 that is a fastpath, interrupts off and vcpu->mode still IN_GUEST_MODE, and comes before P2; if an interrupt waits, the vCPU stays runnable and is entered again.",
        "kvm_emulate_halt, __kvm_emulate_halt; handle_fastpath_hlt, 1876dd69dfe8 (6.12)";
    E2: "Nothing to run for",
        "vcpu_block asks kvm_arch_vcpu_runnable. If an interrupt waits the vCPU runs on; else it goes to block.",
        "vcpu_run, vcpu_block, kvm_arch_vcpu_runnable";
    E3: "The polling window ends",
        "kvm_vcpu_halt polled for halt_poll_ns, and nothing came.",
        "kvm_vcpu_halt, virt/kvm/kvm_main.c (6.12)";
    E3b: "Polling pays",
        "While it polls, the vCPU's thread sees that something is there.",
        "kvm_vcpu_halt, kvm_vcpu_check_block";
    E3c: "What was it?",
        "kvm_vcpu_check_block: an interrupt, a pending timer or KVM_REQ_UNBLOCK ends the polling.",
        "kvm_vcpu_check_block";
    E4: "On to the wait queue",
        "kvm_vcpu_block: the thread is on the wait queue and TASK_INTERRUPTIBLE before it looks once more.",
        "kvm_vcpu_block, prepare_to_rcuwait";
    E4b: "Last look before sleeping",
        "kvm_vcpu_check_block once more: a waker that came before saw nobody on the queue, so its request is seen here.",
        "kvm_vcpu_block, kvm_vcpu_check_block";
    E5: "The thread sleeps",
        "schedule(): the vCPU's thread is scheduled out, and its core is idle. A thread that was woken in between does not sleep.",
        "schedule, kvm_sched_out";
    E6: "Wake the vCPU",
        "kvm_vcpu_kick finds the vCPU's thread on its wait queue and wakes it; no IPI to the guest is needed. Before 5.3, when nobody kicked, the callback woke it in the same way.",
        "kvm_vcpu_kick, kvm_vcpu_wake_up; swake_up in apic_timer_expired (5.2)";
    E7: "The thread runs again",
        "The thread is scheduled in on its core. If it was woken it is still in kvm_vcpu_block, and looks again; if it was preempted, vcpu_run goes on.",
        "kvm_sched_in, kvm_vcpu_block";
    E8: "The halt is over",
        "The thread leaves its wait queue, if polling had not paid before it went there. The polling window grows after a short halt, and shrinks after a long one.",
        "kvm_vcpu_block, kvm_vcpu_halt";
    E9: "Runnable?",
        "If an interrupt waits mp_state becomes KVM_MP_STATE_RUNNABLE. If not, something else ended the block: vcpu_run deals with it and comes back.",
        "vcpu_block, kvm_arch_vcpu_runnable";
    F1: "Set the IRR bit",
        "svm_deliver_interrupt sets the vector's bit in the guest's IRR itself: AVIC has no PIR and no ON.",
        "svm_deliver_interrupt";
    F2: "Ring the doorbell",
        "svm_complete_interrupt_delivery reads vcpu->mode: in guest mode, and on another CPU, the doorbell MSR (0xc001011b) is written with that CPU's APIC id; outside, the vCPU is woken. Before 5.17 the IsRunning bit of the physical APIC ID table decided. Every delivery rings, whether the bit was set already or not.",
        "svm_complete_interrupt_delivery, avic_ring_doorbell; 31f251d4ddfa (5.17); svm_deliver_avic_intr";
    F3: "The doorbell is heard",
        "A CPU in guest mode evaluates the guest's IRR. Elsewhere the doorbell is ignored: VMRUN looks at IRR anyway.",
        "AMD64 APM vol. 2, \"Advanced Virtual Interrupt Controller\"";
    F4: "Interrupts on for a moment",
        "AMD does not acknowledge the interrupt at the exit. KVM enables interrupts for one instruction after it, and the host takes what is pending.",
        "vcpu_enter_guest";
    J1: "Set the IRR bit",
        "Without APICv kvm_lapic_set_irr sets the vector's bit in the emulated IRR.",
        "vmx_deliver_interrupt, kvm_lapic_set_irr";
    J2: "Ask for injection",
        "KVM_REQ_EVENT is requested: the next entry looks at the emulated local APIC. The kick that follows finds the vCPU's own thread outside guest mode.",
        "vmx_deliver_interrupt, kvm_vcpu_kick";
    J3: "Inject, or ask for the window",
        "kvm_check_and_inject_events: a vector above the processor priority goes from IRR to ISR and into the entry's event injection; if the guest's interrupts are off, interrupt-window exiting is switched on instead.",
        "kvm_check_and_inject_events, kvm_cpu_get_interrupt";
    J4: "VM entry injects",
        "VM entry delivers the interrupt through the guest's IDT.",
        "SDM vol. 3, \"Event Injection\"";
    J5: "Exit: interrupt window",
        "The guest's interrupts are on again: VM exit, reason INTERRUPT_WINDOW.",
        "SDM vol. 3, \"Other Causes of VM Exits\"";
    J6: "The window is open",
        "handle_interrupt_window switches the exiting off and requests KVM_REQ_EVENT.",
        "handle_interrupt_window";
    J7: "Exit: EOI",
        "Without APICv the guest's EOI is a WRMSR that exits.",
        "SDM vol. 3, \"MSR-Bitmap Address\"";
    J8: "EOI emulated",
        "apic_set_eoi: the highest vector leaves ISR, the processor priority follows, and KVM_REQ_EVENT is requested.",
        "apic_set_eoi";
    V1: "Guest writes its deadline",
        "The guest executes WRMSR to IA32_TSC_DEADLINE. The write is not intercepted: the processor keeps the deadline.",
        "ISE 319433-059, chapter 8 (proposed); series v2, 2026-03-05";
    V2: "The processor's timer fires",
        "The guest is in non-root operation and its deadline has come: the virtual timer vector is requested in VIRR and evaluated. No exit.",
        "ISE 319433-059, chapter 8 (proposed)";
    V3: "Over to an hrtimer",
        "The processor delivers in non-root operation only, so a vCPU that is about to block has its deadline read back and given to an hrtimer.",
        "series v2 (proposed): kvm_apic_virt_timer_state";
    V4: "The hrtimer goes",
        "The vCPU is awake: the hrtimer is cancelled.",
        "series v2 (proposed)";
    Vd1: "A device's interrupt is posted",
        "A device raises an interrupt whose remapping entry is in posted mode. The VT-d unit updates the descriptor in one atomic access: the vector's PIR bit becomes 1, and ON if it was 0 and SN is 0 or the entry is urgent.",
        "VT-d specification, \"Interrupt-Posting Hardware Operation\"";
    Vd2: "VT-d notifies",
        "The update set ON, so the unit sends an interrupt with the vector NV to the CPU NDST, as the update found them. KVM's own poster looks at neither.",
        "VT-d specification, \"Interrupt-Posting Hardware Operation\"";
    Vd3: "The notification arrives",
        "The VT-d unit's interrupt message reaches the destination's local APIC, which latches the vector.",
        "SDM vol. 3, \"Advanced Programmable Interrupt Controller\"";
    W1: "On to the wake-up list",
        "pi_enable_wakeup_handler: a vCPU that is about to sleep joins its CPU's list, under the list's lock. From 5.17 when its thread is scheduled out; before, when it begins to block (pi_pre_block).",
        "vmx_vcpu_pi_put, pi_enable_wakeup_handler; December 2021 (5.17); pi_pre_block";
    W2: "NV becomes the wake-up vector",
        "One atomic change of the descriptor: NV becomes 0xf1, so that a device's notification reaches a handler that wakes. Before 5.17 NDST becomes the list's CPU as well.",
        "pi_enable_wakeup_handler; pi_pre_block";
    W3: "Was ON set already?",
        "A notification that was sent before had the vector 0xf2, and its handler wakes nobody. So KVM looks at ON: from 5.17 the CPU sends itself 0xf1; before, the vCPU does not block.",
        "pi_enable_wakeup_handler; pi_pre_block";
    W4: "SN is set",
        "vmx_vcpu_pi_put: the thread was preempted and could run, so nobody has to be notified. SN becomes 1.",
        "vmx_vcpu_pi_put, pi_set_sn";
    W5: "The wake-up handler takes the lock",
        "pi_wakeup_handler takes the lock of its CPU's list.",
        "pi_wakeup_handler";
    W6: "Does it wait for a vCPU on the list?",
        "pi_wakeup_handler reads the ON of a vCPU on the list: 1 says that something was posted.",
        "pi_wakeup_handler, pi_test_on";
    W7: "Wake the vCPU on the list",
        "ON is 1: kvm_vcpu_wake_up, before 5.17 kvm_vcpu_kick.",
        "pi_wakeup_handler, kvm_vcpu_wake_up";
    W8: "The wake-up handler is done",
        "The end of the list: pi_wakeup_handler lets the lock go and returns.",
        "pi_wakeup_handler";
    W9: "Off the wake-up list",
        "The vCPU leaves the list that it is on, which may be another CPU's, under that list's lock. From 5.17 when its thread is loaded; before, when the block is over.",
        "vmx_vcpu_pi_load; __pi_post_block";
    W10: "The descriptor follows the thread",
        "One atomic change: NDST becomes this CPU and SN 0; from 5.17 NV becomes 0xf2 too. Between 5.4 and 5.17 a vCPU that is on a list keeps its NDST; in 5.0 to 5.3 it did not (B7).",
        "vmx_vcpu_pi_load; c112b5f50232, repaired in 5.4";
    W11: "SN is cleared",
        "The thread is loaded where it was: SN becomes 0, and devices notify again.",
        "vmx_vcpu_pi_load, pi_test_and_clear_sn";
    W12: "ON is derived anew",
        "While SN was 1, devices set PIR bits and not ON. If PIR is not empty, ON becomes 1, so that the next sync looks at PIR. Not before 5.0 (B8).",
        "vmx_vcpu_pi_load; c112b5f50232 (5.0)";
    W13: "NV is the notification vector again",
        "__pi_post_block, before 5.17: the block is over, or did not begin. NV becomes 0xf2 and NDST this CPU.",
        "pi_post_block, __pi_post_block";
    S1: "Somebody wants the CPU",
        "Another thread wakes on the vCPU's CPU, or the vCPU's thread is given another CPU: TIF_NEED_RESCHED, and a reschedule IPI.",
        "resched_curr, kernel/sched/core.c (6.12)";
    S2: "The thread is scheduled out",
        "schedule(): the vCPU's thread could run, and does not. Outside guest mode nothing is sent to it. While it polls, or is about to sleep, a host kernel that can be preempted does not wait for it to ask.",
        "xfer_to_guest_mode_handle_work, kvm_sched_out; preempt_schedule_irq";
    S3: "The other thread is done",
        "It sleeps again, and the CPU is free for the vCPU's thread.",
        "schedule";
    M1: "The preemption timer is loaded anew",
        "kvm_arch_vcpu_load on another CPU: kvm_lapic_restart_hv_timer works out the time left on this CPU's TSC.",
        "kvm_arch_vcpu_load, kvm_lapic_restart_hv_timer";
    M2: "Does the timer follow?",
        "KVM_REQ_MIGRATE_TIMER: the hrtimer is cancelled and started from this CPU. Not if it may be posted: then it stays where it is.",
        "__kvm_migrate_apic_timer; 2f52d58c92d9";
    U1: "Guest writes TMICT",
        "The local APIC is in userspace and has no TSC-deadline mode. The write to its page exits.",
        "KVM_CREATE_VM without an in-kernel irqchip; hw/intc/apic.c (QEMU)";
    U2: "Out to userspace",
        "KVM_RUN returns with KVM_EXIT_MMIO, or with KVM_EXIT_IRQ_WINDOW_OPEN.",
        "KVM API, KVM_RUN";
    U3: "Userspace arms its timer",
        "apic_mem_write, under the big lock: initial_count_load_time is now, and a timer of the main loop is set to the expiry.",
        "apic_mem_write, apic_timer_update (QEMU)";
    U4: "Back into KVM_RUN",
        "The vCPU's thread calls KVM_RUN again; with a signal pending it returns at once.",
        "KVM API, KVM_RUN";
    U5: "The I/O thread is woken",
        "The timer that userspace's main loop sleeps for expires on a housekeeper.",
        "hrtimer_wakeup";
    U6: "The I/O thread asserts the interrupt",
        "apic_local_deliver sets IRR in userspace, and cpu_interrupt sends the vCPU's thread a signal, which costs it an exit.",
        "apic_timer, apic_local_deliver, cpu_interrupt (QEMU)";
    U7: "KVM_RUN is interrupted",
        "A signal is pending, so KVM_RUN returns -EINTR.",
        "KVM API, KVM_RUN";
    U8: "Userspace injects",
        "KVM_INTERRUPT with the vector, if the guest's interrupts are on; else the interrupt window is requested.",
        "KVM API, KVM_INTERRUPT; kvm_arch_pre_run (QEMU)";
    U9: "Guest writes EOI",
        "The write to the local APIC's page exits.",
        "hw/intc/apic.c (QEMU)";
    U10: "Userspace ends the interrupt",
        "apic_eoi, under the big lock: the vector leaves ISR in userspace.",
        "apic_eoi (QEMU)";
    U11: "Userspace waits",
        "KVM_RUN returned KVM_EXIT_HLT. The vCPU's thread sleeps in userspace until there is an interrupt for it.",
        "qemu_wait_io_event (QEMU)";
    I1: "Interrupt taken by the host",
        "The CPU is in root operation with interrupts on: the host's own handler runs.",
        "arch/x86/kernel/irq.c";
    I2: "A notification that missed the guest",
        "The vCPU had left non-root operation: sysvec_kvm_posted_intr_ipi only acknowledges it and counts it (PIN). The next entry syncs PIR.",
        "sysvec_kvm_posted_intr_ipi";
    I3: "Reschedule interrupt",
        "The handler only acknowledges: its purpose was to make the CPU leave the guest.",
        "sysvec_reschedule_ipi";
    I5: "The wake-up vector",
        "sysvec_kvm_posted_intr_wakeup_ipi counts it (PIW) and calls pi_wakeup_handler.",
        "sysvec_kvm_posted_intr_wakeup_ipi";
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
        "A superfluous timer interrupt: the timer it was meant for had been removed, from another CPU (R7), or here when the interrupt was already pending.",
        "hrtimer_interrupt; remove_hrtimer";
    H1: "The housekeeper goes idle",
        "Its load ends: the tick is stopped, and expires_next moves to the next timer there is, or far away.",
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
            let words = rule.words();
            assert!(!words.source.is_empty() && words.what.ends_with('.'), "{}", rule.id());
        }
    }
}
