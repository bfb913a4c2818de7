//! What a step changed, sent, or deliberately did not do.
//!
//! Effects go to an [`Observer`] that is chosen at compile time: a run that records nothing pays nothing.

use crate::host::TimerId;
use crate::lapic::VectorSet;
use crate::rule::Rule;
use crate::units::{CpuId, Ns, Tsc, VcpuId, Vector};
use crate::vmx::{ExitPhase, ExitReason};
use serde::Serialize;

/// Which 256-bit set of a vCPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Bank {
    /// Posted-interrupt requests.
    Pir,
    /// Virtual interrupt-request register.
    Virr,
    /// Virtual in-service register.
    Visr,
}

/// A field of a vCPU that is a number or a flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Outstanding notification.
    On,
    /// Suppress notification.
    Sn,
    /// Notification vector.
    Nv,
    /// Notification destination: a CPU.
    Ndst,
    /// `vcpu->mode`: 0 outside, 1 in guest, 2 exiting.
    Mode,
    /// `vcpu->requests`.
    Requests,
    /// `lapic_timer.pending`.
    Pending,
    /// `lapic_timer.tscdeadline`, guest TSC cycles.
    Tscdeadline,
    /// `lapic_timer.expired_tscdeadline`, guest TSC cycles.
    ExpiredTscdeadline,
    /// `lapic_timer.timer_advance_ns`.
    TimerAdvanceNs,
    /// Requesting virtual interrupt.
    Rvi,
    /// Servicing virtual interrupt.
    Svi,
    /// Virtual processor priority.
    Vppr,
    /// The guest's RFLAGS.IF.
    If,
    /// Activity state: 0 active, 1 HLT.
    Activity,
    /// `hv_timer_in_use`: the preemption timer keeps the deadline.
    HvTimerInUse,
    /// Interrupt-window exiting.
    InterruptWindow,
    /// `mp_state`: 0 runnable, 3 halted.
    MpState,
    /// `vcpu->halt_poll_ns`.
    HaltPollNs,
    /// `lapic_timer.period`, ns.
    Period,
    /// `lapic_timer.target_expiration`, ns of host time.
    TargetExpiration,
    /// IsRunning in the vCPU's entry of AVIC's physical APIC ID table.
    IsRunning,
}

/// Why an IPI was not sent. The most instructive mark of the whole subject.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotSent {
    /// The PIR bit was 1 already: the interrupt is coalesced with the one that waits.
    BitAlreadySet,
    /// ON was 1 already: a notification is outstanding.
    OnAlreadySet,
    /// The vCPU is outside guest mode: its next entry looks at PIR.
    OutsideGuestMode,
    /// The vCPU runs on this very CPU and will sync before it re-enters.
    RunningHere,
    /// SN is 1: hardware that posts is not to notify.
    Suppressed,
}

/// One thing that a step did, or read and acted upon, or left undone.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// A field of a vCPU changed.
    Set {
        /// Whose.
        vcpu: VcpuId,
        /// Which.
        field: Field,
        /// Old value.
        from: u64,
        /// New value.
        to: u64,
    },
    /// A bit of PIR, VIRR or VISR changed.
    Bit {
        /// Whose.
        vcpu: VcpuId,
        /// Which set.
        bank: Bank,
        /// Which bit.
        vector: Vector,
        /// New value.
        on: bool,
    },
    /// The guest left non-root operation.
    Exit {
        /// Who.
        vcpu: VcpuId,
        /// Where.
        cpu: CpuId,
        /// Why; `vector` is the host vector of an external interrupt.
        reason: &'static str,
        /// Host vector of an external interrupt.
        vector: Option<Vector>,
        /// What the ledger counts it as.
        phase: ExitPhase,
    },
    /// The guest entered non-root operation.
    Enter {
        /// Who.
        vcpu: VcpuId,
        /// Where.
        cpu: CpuId,
    },
    /// An IPI left.
    IpiSent {
        /// Number of the message, unique in a run.
        id: u32,
        /// Vector.
        vector: Vector,
        /// Sender.
        from: CpuId,
        /// Destination.
        to: CpuId,
        /// The vCPU it is about.
        vcpu: VcpuId,
    },
    /// An IPI reached its destination's local APIC.
    IpiArrived {
        /// Number of the message.
        id: u32,
        /// Vector.
        vector: Vector,
        /// Sender.
        from: CpuId,
        /// Destination.
        to: CpuId,
    },
    /// An IPI that might have been expected was not sent.
    IpiNotSent {
        /// Vector.
        vector: Vector,
        /// Who would have sent it.
        from: CpuId,
        /// Where it would have gone.
        to: CpuId,
        /// The vCPU it is about.
        vcpu: VcpuId,
        /// Why not.
        why: NotSent,
    },
    /// A CPU sent itself an IPI.
    SelfIpi {
        /// Vector.
        vector: Vector,
        /// Which.
        cpu: CpuId,
        /// The vCPU it is about.
        vcpu: VcpuId,
    },
    /// A device raised an interrupt, and its VT-d unit updated a descriptor.
    DevicePosted {
        /// Its number in the scenario.
        device: u16,
        /// For whom.
        vcpu: VcpuId,
        /// Vector in the guest.
        vector: Vector,
        /// The remapping entry's URG.
        urgent: bool,
    },
    /// A VT-d unit sent a notification.
    NotificationSent {
        /// Number of the message, unique in a run.
        id: u32,
        /// Vector: NV.
        vector: Vector,
        /// Destination: NDST.
        to: CpuId,
        /// The vCPU it is about.
        vcpu: VcpuId,
    },
    /// A VT-d unit's notification reached its destination's local APIC.
    NotificationArrived {
        /// Number of the message.
        id: u32,
        /// Vector.
        vector: Vector,
        /// Destination.
        to: CpuId,
    },
    /// A VT-d unit posted without a notification.
    NotificationNotSent {
        /// The vector it would have had.
        vector: Vector,
        /// Where it would have gone.
        to: CpuId,
        /// The vCPU it is about.
        vcpu: VcpuId,
        /// Why not.
        why: NotSent,
    },
    /// A vCPU joined or left a CPU's wake-up list.
    WakeupList {
        /// Whose list.
        cpu: CpuId,
        /// Who.
        vcpu: VcpuId,
        /// Joined.
        on: bool,
    },
    /// ON was read and decided something.
    OnRead {
        /// Whose.
        vcpu: VcpuId,
        /// Value.
        on: bool,
    },
    /// An AVIC doorbell was rung.
    DoorbellRung {
        /// Number of the message, unique in a run.
        id: u32,
        /// Sender.
        from: CpuId,
        /// Destination.
        to: CpuId,
        /// For whom.
        vcpu: VcpuId,
    },
    /// A doorbell reached its CPU.
    DoorbellHeard {
        /// Number of the message.
        id: u32,
        /// Sender.
        from: CpuId,
        /// Destination.
        to: CpuId,
        /// For whom.
        vcpu: VcpuId,
        /// Whether a guest ran there, so that the processor looked at IRR.
        heard: bool,
    },
    /// A doorbell that might have been expected was not rung.
    DoorbellNotRung {
        /// Who would have rung it.
        from: CpuId,
        /// Where.
        to: CpuId,
        /// For whom.
        vcpu: VcpuId,
        /// Why not.
        why: NotSent,
    },
    /// The preemption timer's count was loaded for the next entry.
    PreemptionTimerLoaded {
        /// Whose.
        vcpu: VcpuId,
        /// Counts of 2^5 TSC cycles.
        count: u64,
    },
    /// VM entry will inject this interrupt.
    WillInject {
        /// Whom.
        vcpu: VcpuId,
        /// Vector.
        vector: Vector,
    },
    /// A vCPU's thread gave up its CPU.
    ScheduledOut {
        /// Whose.
        vcpu: VcpuId,
        /// Which CPU.
        cpu: CpuId,
    },
    /// A vCPU's thread got a CPU.
    ScheduledIn {
        /// Whose.
        vcpu: VcpuId,
        /// Which CPU.
        cpu: CpuId,
    },
    /// A vCPU's thread was woken.
    Woken {
        /// Whose.
        vcpu: VcpuId,
        /// The CPU it will run on.
        cpu: CpuId,
    },
    /// A vCPU's thread was given another CPU.
    MoveAsked {
        /// Whose.
        vcpu: VcpuId,
        /// Where it was.
        from: CpuId,
        /// Where it may run from now on.
        to: CpuId,
    },
    /// A vCPU's thread was sent a signal by userspace.
    Signalled {
        /// Whose.
        vcpu: VcpuId,
        /// By which CPU's thread.
        from: CpuId,
    },
    /// A timer was queued.
    TimerQueued {
        /// Which.
        timer: TimerId,
        /// On whose base.
        cpu: CpuId,
        /// For when.
        expires: Ns,
        /// By which placement rule.
        rule: Rule,
    },
    /// A housekeeper was offered the timer and refused it (R3, R4).
    TimerRefused {
        /// Which.
        timer: TimerId,
        /// By whom.
        target: CpuId,
        /// For when.
        expires: Ns,
        /// The refuser's next event; `never` inside its timer interrupt.
        target_expires_next: Ns,
        /// R3 or R4.
        rule: Rule,
    },
    /// A queued timer was taken out.
    TimerCancelled {
        /// Which.
        timer: TimerId,
        /// From whose base.
        cpu: CpuId,
    },
    /// A timer's callback started.
    TimerFired {
        /// Which.
        timer: TimerId,
        /// Where.
        cpu: CpuId,
        /// When it was programmed for.
        expires: Ns,
    },
    /// A CPU's clock event was programmed.
    ClockEvent {
        /// Whose.
        cpu: CpuId,
        /// Old time.
        from: Ns,
        /// New time.
        to: Ns,
    },
    /// `get_nohz_timer_target` named a CPU.
    TargetNamed {
        /// For which timer.
        timer: TimerId,
        /// Which CPU.
        cpu: CpuId,
    },
    /// `vcpu->mode` was read and decided something.
    ModeRead {
        /// Whose.
        vcpu: VcpuId,
        /// Value: 0 outside, 1 in guest, 2 exiting.
        mode: u64,
    },
    /// The busy-wait looked at the clock.
    Waited {
        /// For whom.
        vcpu: VcpuId,
        /// On which CPU.
        cpu: CpuId,
        /// Whether the timer was early.
        early: bool,
        /// |guest TSC − deadline| in cycles.
        delta: Tsc,
        /// How long it will spin.
        spin: Ns,
    },
    /// The guest programmed its timer.
    Armed {
        /// Who.
        vcpu: VcpuId,
        /// Deadline in guest TSC.
        deadline: Tsc,
        /// The same on the host's clock.
        at: Ns,
    },
    /// The guest's handler started.
    Delivered {
        /// To whom.
        vcpu: VcpuId,
        /// Vector.
        vector: Vector,
        /// Time since the instant that the guest meant, in nanoseconds; negative is early. That is its deadline; with a
        /// one-shot count, the write to TMICT plus the count, so that KVM's delay in starting it counts as lateness; with
        /// a periodic one, KVM's own target, since the guest cannot tell where its phase began.
        late_ns: i64,
    },
    /// The guest's handler for a device started.
    DeviceDelivered {
        /// To whom.
        vcpu: VcpuId,
        /// Vector.
        vector: Vector,
        /// Since the first interrupt that it answers, in nanoseconds.
        waited_ns: u64,
    },
    /// The guest's EOI was virtualized.
    Eoi {
        /// Whose.
        vcpu: VcpuId,
        /// Vector that left service.
        vector: Vector,
    },
    /// The expiry was dropped (masked, or nothing to do).
    Dropped {
        /// Whose.
        vcpu: VcpuId,
    },
    /// The host's handler only acknowledged a notification.
    NotificationMissed {
        /// Where.
        cpu: CpuId,
    },
    /// A housekeeper's load began or ended.
    Load {
        /// Who.
        cpu: CpuId,
        /// Whether it is busy now.
        busy: bool,
    },
}

/// Takes effects as they happen.
pub trait Observer {
    /// Whether anything looks at the effects; work done only to report them is skipped otherwise.
    const RECORDS: bool;
    /// One effect.
    fn effect(&mut self, effect: Effect);
}

/// Records nothing and costs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    const RECORDS: bool = false;
    #[inline(always)]
    fn effect(&mut self, _: Effect) {}
}

impl Observer for Vec<Effect> {
    const RECORDS: bool = true;
    fn effect(&mut self, effect: Effect) {
        self.push(effect);
    }
}

/// Reports the bits that differ between two states of a bank.
pub(crate) fn report_bits<O: Observer>(obs: &mut O, vcpu: VcpuId, bank: Bank, from: &VectorSet, to: &VectorSet) {
    for vector in to.changed_from(from) {
        obs.effect(Effect::Bit { vcpu, bank, vector, on: to.contains(vector) });
    }
}

impl ExitReason {
    /// The host vector of an external interrupt.
    pub const fn vector(self) -> Option<Vector> {
        match self {
            Self::ExternalInterrupt(v) => Some(v),
            Self::MsrWrite
            | Self::Cpuid
            | Self::InterruptWindow
            | Self::Hlt
            | Self::Mmio
            | Self::AvicUnaccelerated
            | Self::PreemptionTimer => None,
        }
    }
}
