//! Every arm of a guest's APIC timer, with the host timer that KVM started for it.
//!
//! What an arm looks like, in the order in which one vCPU thread prints it:
//!
//! | guest's write | lines |
//! | --- | --- |
//! | TSC deadline | `hrtimer_start`, `kvm_hv_timer_state`, `kvm_msr: msr_write 6e0` |
//! | initial count, x2APIC | `kvm_apic: apic_write APIC_TMICT`, `hrtimer_start`, `kvm_hv_timer_state`, `kvm_msr: msr_write 838` |
//! | initial count, xAPIC | `kvm_apic: apic_write APIC_TMICT`, `hrtimer_start`, `kvm_hv_timer_state` |
//!
//! KVM prints `kvm_msr` when it is done with the write (`kvm_emulate_wrmsr` and the fast path alike)
//! and `kvm_apic` when it begins with it (`kvm_lapic_reg_write`). So the timer of a deadline comes
//! *before* the line that names the deadline.
//!
//! A start of `apic_timer_fn` belongs to the arm that its thread prints next, if the thread prints no
//! other guest access and no entry in between; else to the arm before, if that has none yet (an
//! initial count, or a deadline that was left to the VMX preemption timer until the vCPU halted);
//! else it is KVM moving the timer along with its vCPU (`__kvm_migrate_apic_timer`) and no arm. A
//! periodic timer requeues itself from its callback: that is no arm of the guest's either and is
//! counted apart. It is recognised by its place, directly behind the `hrtimer_expire_exit`, and its
//! mode.
//!
//! **The two clocks.** A deadline is on `CLOCK_MONOTONIC`, a line on the recording's clock. Each
//! expiry of `apic_timer_fn` shows both: the line's time is that of `now=` plus the offset plus the
//! time from reading the clock to printing, which is never negative. The smallest difference over
//! the file is therefore the best estimate of the offset: it is too large by the shortest such time
//! (well under a microsecond) and too small by less than the resolution of the line's time (a
//! microsecond unless nanoseconds were printed). The median would also contain the usual delay, and
//! the other timers' `now=` may be on another clock (`CLOCK_REALTIME`, `CLOCK_BOOTTIME`).
//!
//! Left out: the offset is one number for the whole file, so a drift between the clocks is not
//! followed; deadlines of timers that never became an hrtimer (the VMX preemption timer, or a
//! deadline already past); the divider and mode registers that give an initial count its meaning.

use std::io::BufRead;

use crate::analysis::{Armed, ArmedBy, Fact, Tick, analyze};
use crate::{ClockOffset, Coverage, MonotonicTime, ReadError, Tid, TraceTime};

/// A guest armed its APIC timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arm {
    /// The line of the guest's write, counted from 1.
    pub line: u64,
    /// When the guest exited to write, on the recording's clock; where exits are not recorded, when that line was
    /// printed: for a deadline some microseconds after the write itself.
    pub time: TraceTime,
    /// When the host's timer for it expires; [`ArmList::deadline`] has it on the recording's clock.
    /// `None` if no timer was started: the deadline was already past, or the VMX preemption timer
    /// keeps it.
    pub deadline: Option<MonotonicTime>,
    /// What the guest wrote, never zero: a deadline in cycles of the guest's TSC, or an initial count
    /// in ticks of the divided APIC timer.
    pub written: u64,
    /// Which register it wrote.
    pub kind: ArmKind,
    /// The thread of the vCPU.
    pub thread: Tid,
}

/// The register by which a guest armed its timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmKind {
    /// `IA32_TSC_DEADLINE`.
    Deadline,
    /// The initial count, for a one-shot or periodic timer: through the APIC page or MSR 0x838.
    Tmict,
}

/// One arm as the model replays it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayArm {
    /// When the guest arms, in nanoseconds since the first arm of the recording.
    pub at_ns: u64,
    /// When the timer is due, in nanoseconds since the first arm of the recording; never before
    /// `at_ns`.
    pub deadline_ns: u64,
}

/// The arms of a recording. There is at least one, and at least one has a deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmList {
    /// All of them, in the order of the file.
    pub arms: Vec<Arm>,
    /// Writes of zero, which stop the timer. They are no arms.
    pub disarms: u64,
    /// How often a periodic timer requeued itself from its callback. They are no arms: the guest did
    /// nothing.
    pub restarts: u64,
    /// What leads from the clock of the deadlines to the clock of the lines.
    pub clock_offset: ClockOffset,
    /// How much of the file was understood.
    pub coverage: Coverage,
}

impl ArmList {
    /// When `arm` is due, on the recording's clock; good to about a microsecond.
    pub fn deadline(&self, arm: &Arm) -> Option<TraceTime> {
        arm.deadline.map(|deadline| self.clock_offset.to_recorded(deadline))
    }

    /// The vCPU threads that armed a timer, in the order of their first arm.
    pub fn vcpus(&self) -> Vec<Tid> {
        let mut threads = Vec::new();
        for arm in &self.arms {
            if !threads.contains(&arm.thread) {
                threads.push(arm.thread);
            }
        }
        threads
    }

    /// The arms of one vCPU for the model, in the order of time. All vCPUs count from the same moment,
    /// the first arm of the recording. An arm without a deadline is left out, since what the guest
    /// wrote says nothing about time on its own.
    pub fn replay(&self, vcpu: Tid) -> Vec<ReplayArm> {
        let Some(start) = self.arms.iter().map(|arm| arm.time).min() else {
            return Vec::new();
        };
        let mut arms: Vec<_> = self
            .arms
            .iter()
            .filter(|arm| arm.thread == vcpu)
            .filter_map(|arm| {
                let at_ns = arm.time.ns_since(start);
                let deadline_ns = self.deadline(arm)?.ns_since(start).max(at_ns);
                Some(ReplayArm { at_ns, deadline_ns })
            })
            .collect();
        arms.sort_by_key(|arm| arm.at_ns);
        arms
    }
}

/// Reads a recording to its end and lists the arms in it.
///
/// # Errors
///
/// As [`analyze`]; and if no guest arms a timer, or no deadline can be placed in time.
pub fn read_arms(reader: impl BufRead) -> Result<ArmList, ReadError> {
    let mut arms = Vec::new();
    let summary = analyze(reader, |fact| arms.extend(Arm::of(fact)))?;
    // A tick is told when it is over.
    arms.sort_by_key(|arm| arm.line);
    let Some(first) = arms.first().map(|arm| arm.line) else {
        return Err(ReadError::NoArms { lines: summary.coverage.lines });
    };
    if arms.iter().all(|arm| arm.deadline.is_none()) {
        return Err(ReadError::NoDeadlines { first, arms: arms.len() });
    }
    Ok(ArmList {
        clock_offset: summary.clocks.offset.ok_or(ReadError::NoClock { first })?,
        arms,
        disarms: summary.disarms,
        restarts: summary.restarts,
        coverage: summary.coverage,
    })
}

impl Arm {
    /// The arm of a tick, if a guest's write is known for it.
    pub fn of(fact: &Fact) -> Option<Self> {
        let Fact::Tick(Tick { thread, deadline, armed: Some(armed @ Armed { at, by, written, .. }), .. }) = *fact
        else {
            return None;
        };
        let kind = match by {
            ArmedBy::Deadline => ArmKind::Deadline,
            ArmedBy::Count => ArmKind::Tmict,
            ArmedBy::Start | ArmedBy::Restart => return None,
        };
        Some(Self { line: at.line, time: armed.wrote().time, deadline, written, kind, thread })
    }
}
