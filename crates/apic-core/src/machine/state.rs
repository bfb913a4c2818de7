//! The state of CPUs and vCPUs, and the points at which their software can stand.

use super::block::{BlockPc, Blocking};
use super::config::{Config, VcpuConfig};
use super::deliver::{DeliverPc, Thread};
use super::guest::Guest;
use super::host_irr::HostIrr;
use super::hv_timer::HvPc;
use super::inject::InjectPc;
use super::invariants::Audit;
use super::irq::IrqPc;
use super::pi::PiPc;
use super::sched::SchedPc;
use super::userspace::{User, UserPc};
use crate::cost::CostKind;
use crate::host::HrtimerBase;
use crate::kvm::{Mode, Requests, VcpuMode, Vendor};
use crate::lapic::{KvmTimer, Lvtt, TimerMode, VirtualApic};
use crate::rule::Rule;
use crate::scenario::Load;
use crate::units::{CpuId, Ns, Tsc, VcpuId, Vector};
use crate::vmx::PiDesc;
use serde::Serialize;
use std::num::NonZeroU32;

/// What an actor can do next.
///
/// Two numbers, which stay in registers: one is made and read with every step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Next {
    time: Ns,
    what: What,
}

/// From the lowest byte: the rule, the cost or [`What::FREE`], with [`What::WAITS`] above it; and a bit that is always 1.
#[derive(Clone, Copy, PartialEq, Eq)]
struct What(NonZeroU32);

impl What {
    /// It costs nothing.
    const FREE: u32 = 0x7f;
    /// The cost counts from now on, and `time` is not when it begins but a time to wait for.
    const WAITS: u32 = 0x80 << 8;

    const fn new(rule: Rule, cost: u32) -> Self {
        const SOMETHING: NonZeroU32 = NonZeroU32::MIN;
        Self(match NonZeroU32::new(rule as u32 | cost << 8 | 1 << 24) {
            Some(what) => what,
            None => SOMETHING,
        })
    }
}

impl Next {
    /// After a cost that counts from `since`.
    #[inline]
    pub(super) const fn after(rule: Rule, cost: CostKind, since: Ns) -> Self {
        Self { time: since, what: What::new(rule, cost as u32) }
    }

    /// At a given time, or at once if that has passed.
    #[inline]
    pub(super) fn at(rule: Rule, at: Ns, now: Ns) -> Self {
        Self { time: at.max(now), what: What::new(rule, What::FREE) }
    }

    /// The same, but not before `at`; what it costs counts from now on.
    #[inline]
    pub(super) fn not_before(self, at: Ns) -> Self {
        if at <= self.time { self } else { self.waiting(at) }
    }

    #[cold]
    fn waiting(self, at: Ns) -> Self {
        Self { time: at, what: What(self.what.0 | What::WAITS) }
    }

    /// The rule it would follow; the step may turn out to follow a sibling of it (R5 or R3, say).
    pub fn rule(self) -> Rule {
        Rule::ALL[usize::from(self.rule_number())]
    }

    /// `rule() as u8`.
    #[inline]
    pub(crate) const fn rule_number(self) -> u8 {
        self.what.0.get() as u8
    }

    /// What it costs.
    pub fn cost(self) -> Option<CostKind> {
        CostKind::ALL.get(self.cost_number()).copied()
    }

    /// The place of what it costs in [`CostKind::ALL`]; beyond its end if nothing.
    #[inline]
    pub(crate) const fn cost_number(self) -> usize {
        self.cost_byte() & 0x7f
    }

    /// The same for a cost that counts from `time`, which most do; beyond the end for every other.
    #[inline]
    pub(crate) const fn plain_cost_number(self) -> usize {
        self.cost_byte()
    }

    #[inline]
    const fn cost_byte(self) -> usize {
        (self.what.0.get() >> 8) as u8 as usize
    }

    /// When it happens if its cost counts from `time`, and is `cost`.
    #[inline]
    pub(crate) fn due_plainly(self, now: Ns, cost: Ns) -> Ns {
        self.time.plus(cost).max(now)
    }

    /// When it happens if it is `now`, and the cost is `cost`. What may not begin before a time pays its cost from there.
    #[inline]
    pub(crate) fn due(self, now: Ns, cost: Ns) -> Ns {
        if self.waits() { self.due_after_waiting(now, cost) } else { self.due_plainly(now, cost) }
    }

    #[cold]
    fn due_after_waiting(self, now: Ns, cost: Ns) -> Ns {
        now.plus(cost).max(self.time)
    }

    /// Not before this, whatever the cost, if it is `now`.
    pub fn earliest(self, now: Ns) -> Ns {
        if self.waits() || self.cost().is_none() { self.time } else { now }
    }

    #[inline]
    const fn waits(self) -> bool {
        self.what.0.get() & What::WAITS != 0
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} for {:?} at {}", self.rule(), self.cost(), self.time)
    }
}

/// Which thread a CPU runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub enum Running {
    /// None.
    Idle,
    /// A housekeeper's own work.
    Load,
    /// A vCPU's thread: in the guest, or in KVM.
    Vcpu(VcpuId),
}

/// An IPI under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Ipi {
    /// Unique in a run.
    pub id: u32,
    /// Its vector; `None` is an AVIC doorbell.
    pub vector: Option<Vector>,
    /// Sender; `None` is the VT-d unit.
    pub from: Option<CpuId>,
    /// Destination.
    pub to: CpuId,
    /// The vCPU it is about.
    pub vcpu: VcpuId,
    /// When it left.
    pub sent_at: Ns,
}

/// Where posted-interrupt processing stands, once the notification was recognised.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum PiStage {
    /// ON has to be cleared.
    ClearOn,
    /// PIR has to be drained.
    Drain,
}

/// One CPU of the host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Cpu {
    pub(super) running: Running,
    pub(super) base: HrtimerBase,
    pub(super) clock_event: Ns,
    pub(super) irr: HostIrr,
    pub(super) irq: Option<IrqPc>,
    pub(super) pi_stage: Option<PiStage>,
    pub(super) inbound: Vec<Ipi>,
    pub(super) toggle_at: Ns,
    /// The vCPU whose thread belongs on this CPU.
    pub(super) home_of: Option<VcpuId>,
    /// That thread was woken, or preempted, and waits for the CPU.
    pub(super) runnable: bool,
    /// Somebody else wants the CPU, or its vCPU elsewhere: `TIF_NEED_RESCHED`.
    pub(super) need_resched: bool,
    /// When that is so next.
    pub(super) wanted_at: Ns,
    /// When its rival wants it next.
    pub(super) rival_at: Ns,
    /// vCPUs for which the I/O thread has something to do here.
    pub(super) io_work: Vec<VcpuId>,
    pub(super) not_before: Ns,
    pub(super) pin_count: u32,
}

impl Cpu {
    pub(super) fn new(cfg: &Config, cpu: CpuId) -> Self {
        let load = cfg.load(cpu);
        Self {
            running: if load == Load::Idle { Running::Idle } else { Running::Load },
            base: HrtimerBase::default(),
            clock_event: Ns::NEVER,
            irr: HostIrr::default(),
            irq: None,
            pi_stage: None,
            inbound: Vec::new(),
            toggle_at: cfg.load_span(cpu, true),
            home_of: None,
            runnable: false,
            need_resched: false,
            wanted_at: Ns::NEVER,
            rival_at: Ns::NEVER,
            io_work: Vec::new(),
            not_before: Ns::ZERO,
            pin_count: 0,
        }
    }

    /// Whether it runs this vCPU's thread, and no interrupt has come in between or waits to.
    #[inline]
    pub(super) fn runs_undisturbed(&self, v: VcpuId) -> bool {
        self.irq.is_none() && self.irr.highest().is_none() && matches!(self.running, Running::Vcpu(w) if w == v)
    }

    /// Which thread it runs.
    pub fn running(&self) -> Running {
        self.running
    }

    /// Its hrtimers.
    pub fn base(&self) -> &HrtimerBase {
        &self.base
    }

    /// Whether a host interrupt handler runs on it.
    pub fn in_interrupt(&self) -> bool {
        self.irq.is_some()
    }

    /// Notifications that reached the host instead of the guest (`PIN` in `/proc/interrupts`).
    pub fn pin_count(&self) -> u32 {
        self.pin_count
    }
}

/// What is left to do about an exit once `vcpu->mode` is OUTSIDE.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum ExitTo {
    /// A host interrupt has to be handled.
    Interrupt(Vector),
    /// The instruction has to be emulated, which takes a while.
    Other,
    /// Nothing more: the way back in.
    Back,
    /// HLT.
    Halt,
    /// A write to EOI.
    Eoi,
    /// The interrupt window is open.
    Window,
    /// The local APIC is in userspace.
    User(UserPc),
}

/// What an arming was for: where the thread goes once the host timer is queued.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum ArmingFor {
    /// The guest programmed its timer.
    Guest,
    /// The vCPU is about to block.
    Block,
    /// The vCPU has been woken, and the preemption timer takes over again.
    Unblock,
    /// The preemption timer has fired, and a periodic timer goes on.
    HvExpiry,
    /// The vCPU was loaded on another CPU (`kvm_arch_vcpu_load`).
    Load,
    /// `KVM_REQ_MIGRATE_TIMER`.
    Migration,
}

/// Where a vCPU's thread stands. A time that goes with a point is in [`Vcpu::pc_time`]: this is copied with every step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum VcpuPc {
    /// In non-root operation: the guest runs.
    InGuest,
    /// WRMSR exited: which handler?
    ArmDispatch,
    /// `kvm_set_lapic_tscdeadline_msr`: cancel, store.
    ArmSet,
    /// `__start_apic_timer`.
    ArmStart,
    /// `restart_apic_timer`.
    ArmRestart,
    /// `start_hv_timer`.
    ArmHv,
    /// `start_sw_tscdeadline`.
    ArmSw,
    /// `get_nohz_timer_target`.
    NohzTarget,
    /// `switch_hrtimer_base` and enqueue, for this candidate.
    SwitchBase(CpuId),
    /// The deadline has passed: `apic_timer_expired(from_timer_fn = false)`.
    ArmExpired,
    /// Arming is done.
    ArmDone,
    /// From LVTT to the guest, by the thread itself.
    Deliver(DeliverPc, Thread),
    /// An exit: mode has to become OUTSIDE.
    Exited(ExitTo),
    /// `handle_external_interrupt_irqoff`.
    HandleIrq(Vector),
    /// AMD: interrupts are enabled for a moment after the exit.
    IrqsOn,
    /// The preemption timer's own steps.
    Hv(HvPc),
    /// Injection without APICv.
    Inject(InjectPc),
    /// The descriptor follows the thread: in, out, to sleep.
    Pi(PiPc),
    /// HLT, blocking and waking.
    Block(BlockPc),
    /// Scheduled out and in, and what follows from it.
    Sched(SchedPc),
    /// The processor's virtual timer becomes an hrtimer.
    VirtualToSoftware,
    /// And the hrtimer goes.
    VirtualToHardware,
    /// The thread is in userspace, or on its way.
    User(UserPc),
    /// `vcpu_run`'s tail.
    RunLoop,
    /// `vcpu_enter_guest`: mode := IN_GUEST.
    EnterMode,
    /// `sync_pir_to_irr`: ON.
    SyncOn,
    /// `sync_pir_to_irr`: PIR.
    SyncPir,
    /// `kvm_vcpu_exit_request`.
    EnterCheck,
    /// `kvm_wait_lapic_expire`.
    Wait,
    /// VM entry.
    Enter,
    /// `kvm_vcpu_kick` on the vCPU's own thread, which does nothing.
    KickSelf(Thread),
    /// Another exit is handled.
    OtherExit,
    /// The host handles another interrupt.
    DeviceIrq,
}

impl VcpuPc {
    /// In non-root operation. Comparing whole points takes longer.
    #[inline]
    pub(super) const fn in_guest(self) -> bool {
        matches!(self, Self::InGuest)
    }

    /// Whether the thread is about to call `hrtimer_cancel`, which waits while the callback runs.
    pub(super) const fn cancels(self) -> bool {
        matches!(self, Self::ArmSet | Self::ArmHv | Self::VirtualToHardware | Self::Sched(SchedPc::MigrateTimer))
    }

    /// Whether the host takes interrupts at this point. Fastpath handlers, `start_sw_tscdeadline`, and everything between
    /// `mode := IN_GUEST_MODE` and VM entry run with interrupts off.
    pub(super) const fn interrupts_on(self, fast: bool) -> bool {
        match self {
            Self::ArmSet | Self::ArmStart | Self::ArmRestart | Self::ArmDone | Self::Deliver(_, Thread::Pending) => {
                !fast
            }
            Self::RunLoop
            | Self::EnterMode
            | Self::OtherExit
            | Self::IrqsOn
            | Self::VirtualToSoftware
            | Self::VirtualToHardware
            | Self::Inject(_) => true,
            Self::User(pc) => pc.interrupts_on(),
            Self::Hv(pc) => pc.interrupts_on(fast),
            Self::Block(pc) => pc.interrupts_on(),
            Self::Pi(pc) => pc.interrupts_on(),
            Self::Sched(pc) => pc.interrupts_on(),
            Self::InGuest
            | Self::ArmDispatch
            | Self::ArmSw
            | Self::ArmHv
            | Self::NohzTarget
            | Self::SwitchBase(_)
            | Self::ArmExpired
            | Self::Deliver(_, Thread::Arming | Thread::Hv)
            | Self::Exited(_)
            | Self::HandleIrq(_)
            | Self::KickSelf(_)
            | Self::DeviceIrq
            | Self::SyncOn
            | Self::SyncPir
            | Self::EnterCheck
            | Self::Wait
            | Self::Enter => false,
        }
    }
}

/// One vCPU: KVM's state of it, the processor's state of it, and its guest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Vcpu {
    pub(super) cpu: CpuId,
    pub(super) mode: VcpuMode,
    pub(super) requests: Requests,
    pub(super) pc: VcpuPc,
    /// For when the hrtimer is started, until it is queued; or when another exit is over. Else 0.
    pub(super) pc_time: Ns,
    /// A fastpath handler runs: mode is still IN_GUEST, interrupts are off.
    pub(super) fast: bool,
    pub(super) pi: PiDesc,
    pub(super) vapic: VirtualApic,
    pub(super) lvtt: Lvtt,
    pub(super) timer: KvmTimer,
    /// `vmx->hv_deadline_tsc`, which counts while `hv_timer_in_use`.
    pub(super) hv_deadline: Tsc,
    /// When the processor's own timer for this vCPU fires, if the vCPU is in non-root operation then.
    pub(super) processor_timer: Ns,
    /// The count that the preemption timer starts with at the next entry.
    pub(super) hv_count: u64,
    /// What VM entry will inject.
    pub(super) inject: Option<Vector>,
    /// Interrupt-window exiting is on.
    pub(super) window: bool,
    pub(super) blocking: Blocking,
    pub(super) user: User,
    pub(super) arming_for: ArmingFor,
    /// The CPU that its thread may run on.
    pub(super) home: CpuId,
    /// Moves made so far.
    pub(super) moves: u32,
    /// TMICT.
    pub(super) tmict: u32,
    /// The value of the WRMSR that is being handled.
    pub(super) wrmsr: Tsc,
    /// The deadline that KVM holds, and the one that expired last, on the host's clock: what lateness is counted from.
    pub(super) armed_for: Ns,
    pub(super) expired_for: Ns,
    pub(super) queued_on: Option<CpuId>,
    /// The CPU on which the timer's callback runs now.
    pub(super) callback_on: Option<CpuId>,
    /// The expiry that is pending was found by another CPU.
    pub(super) expired_remotely: bool,
    /// AVIC: IsRunning in its entry of the physical APIC ID table.
    pub(super) is_running: bool,
    pub(super) audit: Audit,
    pub(super) guest: Guest,
}

impl Vcpu {
    /// In guest mode, its timer not yet armed.
    pub(super) fn new(cfg: &Config, v: &VcpuConfig) -> Self {
        let mut mode = VcpuMode::default();
        mode.store_in_guest();
        Self {
            cpu: v.cpu,
            mode,
            requests: Requests::default(),
            pc: VcpuPc::InGuest,
            pc_time: Ns::ZERO,
            fast: false,
            pi: PiDesc::new(v.cpu),
            vapic: VirtualApic::default(),
            lvtt: Lvtt::new(cfg.mode, cfg.vector),
            timer: KvmTimer { mode: cfg.mode, ..KvmTimer::new(cfg.advance) },
            hv_deadline: Tsc::ZERO,
            processor_timer: Ns::NEVER,
            hv_count: 0,
            inject: None,
            window: false,
            blocking: Blocking::default(),
            user: User::default(),
            arming_for: ArmingFor::Guest,
            home: v.cpu,
            moves: 0,
            tmict: 0,
            wrmsr: Tsc::ZERO,
            armed_for: Ns::ZERO,
            expired_for: Ns::ZERO,
            queued_on: None,
            callback_on: None,
            expired_remotely: false,
            is_running: cfg.apicv && cfg.vendor == Vendor::Svm,
            audit: Audit::default(),
            guest: Guest::new(cfg, v),
        }
    }

    /// The CPU it is loaded on (`vcpu->cpu`).
    pub fn cpu(&self) -> CpuId {
        self.cpu
    }

    /// `vcpu->mode`.
    pub fn mode(&self) -> Mode {
        self.mode.get()
    }

    /// Whether it is in non-root operation.
    pub fn in_guest(&self) -> bool {
        self.pc.in_guest()
    }

    /// Whether the processor is about to deliver a virtual interrupt, if the guest runs.
    #[inline]
    pub(super) fn awaits_delivery(&self) -> bool {
        self.vapic.recognised() && self.guest.interrupts_on
    }

    /// Whether the processor has anything of its own to take between two of the guest's instructions, or could have.
    #[inline]
    pub(super) fn interruptible(&self) -> bool {
        self.vapic.recognised() || self.window || !self.processor_timer.is_never()
    }

    /// `vcpu->requests`.
    pub fn requests(&self) -> Requests {
        self.requests
    }

    /// Its posted-interrupt descriptor.
    pub fn pi(&self) -> &PiDesc {
        &self.pi
    }

    /// Its virtual-APIC page and guest interrupt status.
    pub fn vapic(&self) -> &VirtualApic {
        &self.vapic
    }

    /// Its local APIC timer.
    pub fn timer(&self) -> &KvmTimer {
        &self.timer
    }

    /// LVTT.
    pub fn lvtt(&self) -> Lvtt {
        self.lvtt
    }

    /// TMICT, as the guest would read it: in TSC-deadline mode a write to it is ignored.
    pub fn initial_count(&self) -> u32 {
        if self.timer.mode == TimerMode::TscDeadline { 0 } else { self.tmict }
    }

    /// AVIC: whether the physical APIC ID table says that it runs, so that senders ring its CPU's doorbell.
    pub fn is_running(&self) -> bool {
        self.is_running
    }

    /// The guest's RFLAGS.IF.
    pub fn interrupts_on(&self) -> bool {
        self.guest.interrupts_on
    }

    /// Whether the VMX preemption timer keeps its deadline.
    pub fn hv_timer_in_use(&self) -> bool {
        self.timer.hv_timer_in_use
    }

    /// Whether its HLT was intercepted and it is not runnable (`KVM_MP_STATE_HALTED`).
    pub fn blocked(&self) -> bool {
        self.blocking.halted
    }

    /// Whether its thread sleeps.
    pub fn asleep(&self) -> bool {
        matches!(self.pc, VcpuPc::Block(BlockPc::Asleep) | VcpuPc::User(UserPc::Asleep))
    }

    /// Whether the guest sits in HLT.
    pub fn halted(&self) -> bool {
        self.guest.halted
    }

    /// Whether the guest is in its timer handler, before its EOI.
    pub fn owes_eoi(&self) -> bool {
        self.guest.owes_eoi()
    }

    /// Whether the guest is in its timer handler.
    pub fn in_handler(&self) -> bool {
        self.guest.in_handler()
    }
}
