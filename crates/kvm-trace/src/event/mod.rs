//! Events by name, their fields by name: never by position, because kernels and tools order and extend them
//! differently.
//!
//! | event | fields | variants |
//! | --- | --- | --- |
//! | `kvm_entry` | `vcpu N, rip 0x…` | no comma, no rip (to 5.x); `[immediate exit]`; `intr_info`, `error_code` (6.14) |
//! | `kvm_exit` | `vcpu N reason NAME rip info1 info2 intr_info error_code` | no vcpu; vcpu last (trace-cmd); `info A B` (to 5.10); `requests` (6.14) |
//! | `kvm_apic_accept_irq`, `kvm_apicv_accept_irq` | `apicid HEX vec DEC (MODE\|TRIGGER)` | ` (coalesced)` behind it (to 5.x) |
//! | `kvm_apic_ipi` | `dst HEX vec DEC (MODE\|…\|SHORTHAND)` | |
//! | `kvm_eoi`, `kvm_pv_eoi` | `apicid HEX vector DEC` | −1 if nothing was in service |
//! | `kvm_msr` | `msr_write INDEX = 0xDATA` | `msr_read …`; ` (#GP)` behind it if refused |
//! | `kvm_apic` | `apic_write NAME = 0xVALUE` | `apic_read …` |
//! | `kvm_inj_virq` | `IRQ 0xHEX`, `Soft/INTn 0xHEX` | `irq DEC` (older); ` [reinjected]` |
//! | `kvm_hv_timer_state` | `vcpu_id HEX hv_timer HEX` | |
//! | `kvm_wait_lapic_expire` | `vcpu N: delta CYCLES (early\|late)` | |
//! | `kvm_vcpu_wakeup` | `wait\|poll time NS ns, polling valid\|invalid` | |
//! | `kvm_pi_irte_update` | `PI is … for irq N, vcpu N, gsi: 0x, gvec: 0x, pi_desc_addr: 0x` | |
//! | `kvm_avic_doorbell`, `kvm_avic_incomplete_ipi` | `vcpuid=N, apicid=N`; `vcpu=N, …, id=N, index=N` | |
//! | `kvm_apic_virt_timer_state` | `vcpu_id HEX apic_virt_timer HEX` | proposed only |
//! | `hrtimer_init`, `hrtimer_setup` | `hrtimer= clockid= mode=` | |
//! | `hrtimer_start` | `hrtimer= function= expires= softexpires= mode= was_armed=` | no `mode` (before 4.15), no `was_armed` |
//! | `hrtimer_expire_entry` | `hrtimer= function= now=` | `function=NAME/0x0` and another order (trace-cmd) |
//! | `hrtimer_expire_exit`, `hrtimer_cancel` | `hrtimer=` | |
//! | `local_timer_entry`, `reschedule_entry` … `_exit` | `vector=DEC` | |
//! | `sched_switch` | `prev_comm= prev_pid= prev_prio= prev_state= ==> next_comm= next_pid= next_prio=` | `COMM:PID [PRIO] STATE ==> COMM:PID [PRIO]` (trace-cmd) |
//!
//! Sources: `arch/x86/kvm/trace.h`, `include/trace/events/{kvm,timer,sched}.h` and `arch/x86/include/asm/trace/irq_vectors.h`
//! (Linux 6.12 and 6.18, and the commits named at the fields); libtraceevent's plugins for what trace-cmd prints itself.
//! Other architectures print other fields under the same names; such lines count as not understood.

mod parse;
#[cfg(test)]
mod tests;

use crate::line::Line;
use crate::{ApicId, Cpu, Hrtimer, MonotonicTime, Tid, TraceTime, Vcpu, Vector};

/// One line of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The name of the thread that ran on the CPU. For an interrupt that is whoever was interrupted.
    pub comm: &'a str,
    /// The thread that ran on the CPU.
    pub thread: Tid,
    /// The CPU that recorded the event.
    pub cpu: Cpu,
    /// ftrace's flags, three to five columns such as `d.h1.`; perf prints none.
    pub flags: Option<&'a str>,
    /// When, on the recording's clock.
    pub time: TraceTime,
    /// The event's name without its system: `kvm_msr`, not `kvm:kvm_msr`.
    pub name: &'a str,
    /// What it says.
    pub kind: EventKind<'a>,
}

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind<'a> {
    /// `kvm_msr: msr_write`: the guest wrote an MSR. Printed after KVM acted on the write.
    MsrWrite {
        /// Which MSR.
        index: u32,
        /// The value written.
        data: u64,
        /// The write had no effect but a #GP in the guest.
        refused: bool,
    },
    /// `kvm_msr: msr_read`: the guest read an MSR.
    MsrRead {
        /// Which MSR.
        index: u32,
        /// The value read.
        data: u64,
    },
    /// `kvm_apic: apic_write`: the guest wrote a register of its local APIC, by whichever way.
    /// Printed before KVM acts on the write.
    ApicWrite {
        /// The register's name, such as `APIC_TMICT`, or its offset in hex where it has none.
        register: &'a str,
        /// The value written.
        value: u64,
    },
    /// `kvm_apic: apic_read`: the guest read a register of its local APIC.
    ApicRead {
        /// The register's name or offset.
        register: &'a str,
        /// The value read.
        value: u64,
    },
    /// `kvm_entry`: the vCPU is about to run guest code.
    KvmEntry(Entry),
    /// `kvm_exit`: the vCPU left guest code.
    KvmExit(Exit<'a>),
    /// `kvm_apic_accept_irq`: an interrupt reached a virtual local APIC. Printed before KVM looks whether that
    /// is enabled, so the line does not prove delivery.
    Accept(Accept<'a>),
    /// `kvm_apicv_accept_irq`: with APICv, and delivered (also if the bit was set already).
    ApicvAccept(Accept<'a>),
    /// `kvm_apic_ipi`: the guest sent an IPI.
    ApicIpi {
        /// Destination field of the interrupt command register.
        dst: u32,
        /// Vector.
        vector: Vector,
        /// Delivery mode, destination mode, level, trigger mode and shorthand, with `|` between.
        how: &'a str,
    },
    /// `kvm_eoi`, `kvm_pv_eoi`: the guest ended an interrupt, and KVM saw it.
    Eoi {
        /// Whose.
        apicid: ApicId,
        /// Which vector; `None` if nothing was in service.
        vector: Option<Vector>,
    },
    /// `kvm_inj_virq`: an interrupt injected by software at the next entry. Not printed where the processor
    /// delivers it (virtual-interrupt delivery).
    InjVirq {
        /// Which vector.
        vector: Vector,
        /// A software interrupt (`INT n`).
        soft: bool,
        /// It had been injected before and did not arrive.
        reinjected: bool,
    },
    /// `kvm_hv_timer_state`: whether the VMX preemption timer keeps the deadline.
    HvTimerState {
        /// Whose.
        vcpu: Vcpu,
        /// It does.
        in_use: bool,
    },
    /// `kvm_wait_lapic_expire`: how the timer's advance worked out.
    WaitLapicExpire {
        /// Whose.
        vcpu: Vcpu,
        /// Guest TSC less deadline, cycles.
        delta: i64,
    },
    /// `kvm_vcpu_wakeup`: the vCPU had halted and goes on.
    VcpuWakeup {
        /// The thread slept; else it polled.
        slept: bool,
        /// How long, in ns.
        ns: u64,
    },
    /// `kvm_pi_irte_update`: a device's interrupt is or is not posted by hardware. Never about timers.
    PiIrteUpdate {
        /// It is.
        enabled: bool,
        /// To whom.
        vcpu: Vcpu,
    },
    /// `kvm_avic_doorbell`: AMD's notification.
    AvicDoorbell {
        /// To whom.
        vcpu: Vcpu,
    },
    /// `kvm_avic_incomplete_ipi`: AMD's hardware could not deliver an IPI.
    AvicIncompleteIpi {
        /// Whose.
        vcpu: Vcpu,
        /// Why; 1 is a target that does not run.
        id: u32,
    },
    /// `kvm_apic_virt_timer_state`: whether the processor keeps the guest's deadline. Proposed, in no release.
    VirtTimerState {
        /// Whose.
        vcpu: Vcpu,
        /// It does.
        in_use: bool,
    },
    /// `hrtimer_init` or, from 6.15, `hrtimer_setup`.
    HrtimerInit {
        /// Which timer.
        hrtimer: Hrtimer,
        /// How it will be queued.
        mode: Option<HrtimerMode>,
    },
    /// `hrtimer_start`: a host timer was queued, by the CPU and thread of the line. On which CPU it is queued is
    /// not printed.
    HrtimerStart {
        /// Which timer.
        hrtimer: Hrtimer,
        /// What it will call.
        function: &'a str,
        /// When, on the timer's clock.
        expires: MonotonicTime,
        /// How it was queued; kernels before 4.15 do not print it.
        mode: Option<HrtimerMode>,
    },
    /// `hrtimer_expire_entry`: a host timer's function is about to be called.
    HrtimerExpireEntry {
        /// Which timer.
        hrtimer: Hrtimer,
        /// What is called.
        function: &'a str,
        /// The timer's clock, read when the interrupt handler began to look for expired timers.
        now: MonotonicTime,
    },
    /// `hrtimer_expire_exit`: the function has returned. If it asked for a restart, the
    /// `hrtimer_start` of it is this CPU's next event.
    HrtimerExpireExit {
        /// Which timer.
        hrtimer: Hrtimer,
    },
    /// `hrtimer_cancel`: a host timer was taken off its queue.
    HrtimerCancel {
        /// Which timer.
        hrtimer: Hrtimer,
    },
    /// `local_timer_entry`, `reschedule_entry` and their like: a host interrupt of the APIC begins.
    IrqEntry {
        /// Host vector.
        vector: Vector,
    },
    /// `local_timer_exit` and its like: the interrupt's handler ends.
    IrqExit {
        /// Host vector.
        vector: Vector,
    },
    /// `sched_switch`: another thread runs on the CPU.
    SchedSwitch {
        /// Who goes.
        prev: Tid,
        /// It stays runnable: it was preempted. Else it sleeps.
        prev_runnable: bool,
        /// Who comes; 0 is the idle thread.
        next: Tid,
        /// What it is called.
        next_comm: &'a str,
    },
    /// Any other event.
    Other,
}

/// What `kvm_entry` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Whose, if it is printed.
    pub vcpu: Option<Vcpu>,
    /// Guest instruction pointer.
    pub rip: Option<u64>,
    /// The vCPU is made to leave at once; the preemption timer's exit that follows is no timer's.
    pub immediate_exit: bool,
    /// What the entry injects, if anything (6.14, `3e633e7e7d07`): `VM_ENTRY_INTR_INFO`.
    pub intr_info: Option<u32>,
}

/// What `kvm_exit` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit<'a> {
    /// Whose, if it is printed (from 5.1).
    pub vcpu: Option<Vcpu>,
    /// Why, in the processor vendor's words: `EXTERNAL_INTERRUPT`, or AMD's `interrupt`.
    pub reason: &'a str,
    /// Guest instruction pointer.
    pub rip: Option<u64>,
    /// First piece of information, for VMX the exit qualification.
    pub info1: Option<u64>,
    /// Second piece; to 5.10 the interruption information for VMX.
    pub info2: Option<u64>,
    /// `VM_EXIT_INTR_INFO` (from 5.11).
    pub intr_info: Option<u32>,
    /// Error code of an exception.
    pub error_code: Option<u32>,
    /// `vcpu->requests` (from 6.14, `0e77b324110c`).
    pub requests: Option<u64>,
}

impl Exit<'_> {
    /// A host interrupt ended guest mode.
    pub fn is_external_interrupt(&self) -> bool {
        matches!(self.reason, "EXTERNAL_INTERRUPT" | "interrupt")
    }

    /// The VMX preemption timer ran out.
    pub fn is_preemption_timer(&self) -> bool {
        self.reason == "PREEMPTION_TIMER"
    }

    /// The host vector of an external interrupt, where it is printed; AMD's processors do not tell it.
    pub fn host_vector(&self) -> Option<Vector> {
        const VALID: u64 = 1 << 31;
        let info = self.intr_info.map(u64::from).or(self.info2)?;
        (self.is_external_interrupt() && info & VALID != 0).then_some(Vector(info as u8))
    }
}

/// What `kvm_apic_accept_irq` and `kvm_apicv_accept_irq` print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accept<'a> {
    /// Whose.
    pub apicid: ApicId,
    /// Which vector.
    pub vector: Vector,
    /// Delivery mode: `Fixed`, `LowPrio`, `SMI`, `Res3`, `NMI`, `INIT`, `SIPI`, `ExtINT`.
    pub mode: &'a str,
    /// Level-triggered; else edge.
    pub level: bool,
}

/// How an hrtimer was queued: the bits of the kernel's `enum hrtimer_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HrtimerMode(u32);

impl HrtimerMode {
    /// `HRTIMER_MODE_ABS` and nothing else: how the kernel requeues a timer whose function asked for
    /// it. KVM itself started its APIC timer in this mode in 5.3 only; it was pinned before and
    /// has been marked for the hard interrupt since.
    pub const ABS: Self = Self(0);

    /// The timer stays on the CPU that starts it.
    pub const fn is_pinned(self) -> bool {
        self.0 & 2 != 0
    }
}

impl<'a> Event<'a> {
    /// Reads one line; `None` if it is no event, or an event named above without the fields that
    /// it must have.
    pub fn parse(line: &'a str) -> Option<Self> {
        let Line { comm, thread, cpu, flags, time, name, fields } = Line::parse(line)?;
        let kind = EventKind::parse(name, fields)?;
        Some(Self { comm, thread, cpu, flags, time, name, kind })
    }
}
