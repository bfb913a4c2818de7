//! Numbers that must not be mixed up.
//!
//! Two clocks meet in a recording. The time in front of a line is the *recording's* clock (for perf
//! the kernel's scheduler clock unless `perf record -k` chose another, in whole microseconds unless
//! `perf script --ns` was used). The times inside the hrtimer events are the *timer's* clock, which
//! for KVM's APIC timer is `CLOCK_MONOTONIC`. Only a [`ClockOffset`] leads from one to the other.

/// A moment on the recording's own clock, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceTime(u64);

impl TraceTime {
    /// The moment `ns` nanoseconds after the clock's zero.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the clock's zero.
    pub const fn ns(self) -> u64 {
        self.0
    }

    /// Nanoseconds from `earlier` to this moment; zero if `earlier` is not earlier.
    pub const fn ns_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A moment on the clock of an hrtimer, in nanoseconds: the host's `CLOCK_MONOTONIC` for every
/// timer of KVM's local APIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonotonicTime(u64);

impl MonotonicTime {
    /// The moment `ns` nanoseconds after the clock's zero.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the clock's zero.
    pub const fn ns(self) -> u64 {
        self.0
    }
}

/// How far the recording's clock is ahead of `CLOCK_MONOTONIC`, in nanoseconds; negative if behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockOffset(i64);

impl ClockOffset {
    /// The offset at which the two readings name the same moment; `None` if they are more than 292
    /// years apart, which only a damaged line is.
    pub const fn between(recorded: TraceTime, monotonic: MonotonicTime) -> Option<Self> {
        match recorded.0.checked_signed_diff(monotonic.0) {
            Some(ns) => Some(Self(ns)),
            None => None,
        }
    }

    /// Nanoseconds that the recording's clock is ahead.
    pub const fn ns(self) -> i64 {
        self.0
    }

    /// The same moment on the recording's clock.
    pub const fn to_recorded(self, moment: MonotonicTime) -> TraceTime {
        TraceTime(moment.0.saturating_add_signed(self.0))
    }
}

/// A thread as the kernel numbers it. perf and ftrace head the column "pid", but what they print is
/// the number of the thread; a vCPU is a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tid(pub u32);

/// A CPU of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpu(pub u32);

/// Which hrtimer: its address, or the hash that the kernel prints for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hrtimer(pub u64);

/// A vCPU as its virtual machine numbers it. Two machines have the same numbers: a vCPU of a recording
/// is known by its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vcpu(pub u32);

/// The number of a virtual local APIC, within its virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApicId(pub u32);

/// An interrupt vector, of the guest or of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vector(pub u8);
