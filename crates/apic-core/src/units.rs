//! Units and names that must not mix: nanoseconds, TSC cycles, vectors, CPU and vCPU numbers.
//!
//! Constructors and getters name the unit; only the operators that mean something exist.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Host time in nanoseconds since the start of the run (`CLOCK_MONOTONIC` of the model), or a span of it.
///
/// [`Ns::NEVER`] is the kernel's `KTIME_MAX`: a clock event that is not programmed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ns(u64);

impl Ns {
    /// Time zero.
    pub const ZERO: Self = Self(0);
    /// Later than anything that happens (`KTIME_MAX`).
    pub const NEVER: Self = Self(u64::MAX);

    /// From nanoseconds.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// From microseconds.
    pub const fn from_us(us: u64) -> Self {
        Self(us.saturating_mul(1_000))
    }

    /// As nanoseconds.
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// Whether this is [`Ns::NEVER`].
    pub const fn is_never(self) -> bool {
        self.0 == u64::MAX
    }

    /// Sum, staying at [`Ns::NEVER`] instead of wrapping.
    #[must_use]
    pub const fn plus(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// Difference, floored at zero.
    #[must_use]
    pub const fn minus(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Ns {
    /// To the nanosecond, whatever the size: `never`, `740 ns`, `1.250 µs`, `12.345678 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            u64::MAX => f.write_str("never"),
            ns @ 0..1_000 => write!(f, "{ns} ns"),
            ns @ 1_000..1_000_000 => write!(f, "{}.{:03} µs", ns / 1_000, ns % 1_000),
            ns => write!(f, "{}.{:06} ms", ns / 1_000_000, ns % 1_000_000),
        }
    }
}

/// Guest time-stamp-counter cycles: an instant of the guest's TSC, or a span of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tsc(u64);

impl Tsc {
    /// Zero: for `IA32_TSC_DEADLINE` this means *disarmed*.
    pub const ZERO: Self = Self(0);

    /// From cycles.
    pub const fn from_cycles(cycles: u64) -> Self {
        Self(cycles)
    }

    /// As cycles.
    pub const fn as_cycles(self) -> u64 {
        self.0
    }
}

/// Frequency of the guest's TSC in kHz (`vcpu->arch.virtual_tsc_khz`); never zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TscKhz(u64);

impl TscKhz {
    /// 2.5 GHz, what scenarios assume unless they say otherwise.
    pub const DEFAULT: Self = Self(2_500_000);

    /// From kHz. `None` for zero or more than 100 GHz, which no machine has.
    pub const fn new(khz: u64) -> Option<Self> {
        if khz == 0 || khz > 100_000_000 { None } else { Some(Self(khz)) }
    }

    /// Guest TSC at a host time; the model's guest TSC starts at 0 with the run.
    pub const fn tsc_at(self, t: Ns) -> Tsc {
        let (ms, rest) = (t.0 / 1_000_000, t.0 % 1_000_000);
        Tsc(ms.saturating_mul(self.0).saturating_add(rest * self.0 / 1_000_000))
    }

    /// As kHz.
    pub const fn as_khz(self) -> u64 {
        self.0
    }

    /// The first nanosecond at which so many cycles have passed: [`TscKhz::ns_of`], rounded up.
    pub const fn ns_reaching(self, span: Tsc) -> Ns {
        let (whole, rest) = (span.0 / self.0, span.0 % self.0);
        Ns(whole.saturating_mul(1_000_000).saturating_add((rest * 1_000_000).div_ceil(self.0)))
    }

    /// Cycles as nanoseconds, rounded down (`do_div(ns * 1000000, this_tsc_khz)`).
    pub const fn ns_of(self, span: Tsc) -> Ns {
        let (whole, rest) = (span.0 / self.0, span.0 % self.0);
        Ns(whole.saturating_mul(1_000_000).saturating_add(rest * 1_000_000 / self.0))
    }
}

/// An interrupt vector, 0 to 255. Vectors below 16 can be written by a guest, and are never delivered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vector(u8);

impl Vector {
    /// The host's local APIC timer (`LOCAL_TIMER_VECTOR`); also what a Linux guest programs into LVTT.
    pub const LOCAL_TIMER: Self = Self(0xec);
    /// `POSTED_INTR_VECTOR`: the notification that starts posted-interrupt processing.
    pub const POSTED_INTR: Self = Self(0xf2);
    /// `POSTED_INTR_WAKEUP_VECTOR`.
    pub const POSTED_INTR_WAKEUP: Self = Self(0xf1);
    /// `RESCHEDULE_VECTOR`.
    pub const RESCHEDULE: Self = Self(0xfd);

    /// A device's, as good as any that Linux hands out from 0x21 on.
    pub const DEVICE: Self = Self(0x31);

    /// Any of the 256 numbers.
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Priority class: the high four bits (SDM, "Interrupt, Task, and Processor Priority").
    pub const fn class(self) -> PriorityClass {
        PriorityClass(self.0 >> 4)
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x}", self.0)
    }
}

/// Priority class of a vector or of a task/processor priority register: 0 to 15.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PriorityClass(u8);

impl PriorityClass {
    /// Class of a TPR or PPR value.
    pub const fn of_register(value: u8) -> Self {
        Self(value >> 4)
    }

    /// The class, 0 to 15.
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// A physical CPU of the host: one hardware thread.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CpuId(pub u16);

impl CpuId {
    /// As an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for CpuId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A virtual CPU of the guest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VcpuId(pub u16);

impl VcpuId {
    /// As an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for VcpuId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_are_exact_at_the_edges() {
        let khz = TscKhz::new(2_500_000).expect("valid");
        assert_eq!(khz.tsc_at(Ns::from_us(1_000)).as_cycles(), 2_500_000);
        assert_eq!(khz.tsc_at(Ns::from_ns(1)).as_cycles(), 2);
        assert_eq!(khz.ns_of(Tsc::from_cycles(2_500_001)).as_ns(), 1_000_000);
        // Ten days in, where a plain `ns * khz` would overflow.
        let late = Ns::from_us(864_000_000_000);
        assert_eq!(khz.ns_of(khz.tsc_at(late)), late);
        for cycles in [0, 1, 2, 3, 2_500_001] {
            let at = khz.ns_reaching(Tsc::from_cycles(cycles));
            assert!(khz.tsc_at(at).as_cycles() >= cycles);
            assert!(at == Ns::ZERO || khz.tsc_at(at.minus(Ns::from_ns(1))).as_cycles() < cycles);
        }
        assert!(TscKhz::new(0).is_none());
    }

    #[test]
    fn times_are_printed_to_the_nanosecond() {
        for (ns, text) in [(740, "740 ns"), (1_250, "1.250 µs"), (12_345_678, "12.345678 ms"), (u64::MAX, "never")] {
            assert_eq!(Ns::from_ns(ns).to_string(), text);
        }
    }

    #[test]
    fn never_is_sticky() {
        assert!(Ns::NEVER.plus(Ns::from_ns(5)).is_never());
        assert_eq!(Ns::ZERO.minus(Ns::from_ns(5)), Ns::ZERO);
    }

    #[test]
    fn class_is_the_high_nibble() {
        assert_eq!(Vector::LOCAL_TIMER.class().number(), 14);
        assert_eq!(Vector::LOCAL_TIMER.to_string(), "0xec");
        assert!(Vector::POSTED_INTR.class() > Vector::LOCAL_TIMER.class());
    }
}
