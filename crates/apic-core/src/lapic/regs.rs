//! Register layouts: which bits mean what. What a write does is elsewhere.
//!
//! Source: SDM, chapter "Advanced Programmable Interrupt Controller (APIC)", sections "Local Vector Table", "APIC Timer",
//! "Spurious Interrupt", "Error Handling", "Extended XAPIC (X2APIC)". KVM's masks: `arch/x86/kvm/lapic.c`.

use crate::units::Vector;
use serde::{Deserialize, Serialize};

/// How the timer counts: LVTT\[18:17\].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum TimerMode {
    /// 00b: the initial count once.
    OneShot,
    /// 01b: the initial count again and again.
    Periodic,
    /// 10b: `IA32_TSC_DEADLINE`.
    TscDeadline,
    /// 11b: reserved. KVM stores it, and is then in none of the three.
    Reserved,
}

impl TimerMode {
    const SHIFT: u32 = 17;

    /// From LVTT\[18:17\]; higher bits of `bits` do not matter.
    pub const fn from_bits(bits: u32) -> Self {
        match bits & 0b11 {
            0b00 => Self::OneShot,
            0b01 => Self::Periodic,
            0b10 => Self::TscDeadline,
            _ => Self::Reserved,
        }
    }

    /// LVTT\[18:17\].
    pub const fn bits(self) -> u32 {
        match self {
            Self::OneShot => 0b00,
            Self::Periodic => 0b01,
            Self::TscDeadline => 0b10,
            Self::Reserved => 0b11,
        }
    }

    /// Name as the manual has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneShot => "one-shot",
            Self::Periodic => "periodic",
            Self::TscDeadline => "TSC-deadline",
            Self::Reserved => "reserved",
        }
    }
}

/// Timer entry of the local vector table (offset 0x320, MSR 0x832): \[7:0\] vector, \[12\] delivery status, \[16\] mask,
/// \[18:17\] mode.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lvtt(u32);

impl Lvtt {
    const MASKED: u32 = 1 << 16;
    /// What KVM keeps of a write (`LVT_MASK` and `timer_mode_mask` where CPUID has TSC-deadline): delivery status too.
    const WRITABLE: u32 = 0x7_10ff;
    /// After reset: masked.
    pub const RESET: Self = Self(Self::MASKED);

    /// An unmasked entry.
    pub const fn new(mode: TimerMode, vector: Vector) -> Self {
        Self(mode.bits() << TimerMode::SHIFT | vector.number() as u32)
    }

    /// What a write leaves, without the effect of a disabled APIC: reserved bits are dropped.
    pub const fn from_written(value: u32) -> Self {
        Self(value & Self::WRITABLE)
    }

    /// Whether a write sets a bit that the manual reserves, or delivery status, which is read-only.
    pub const fn has_reserved(value: u32) -> bool {
        value & !(Self::WRITABLE & !(1 << 12)) != 0
    }

    /// The register.
    pub const fn register(self) -> u32 {
        self.0
    }

    /// Vector that an expiry requests.
    pub const fn vector(self) -> Vector {
        Vector::new(self.0 as u8)
    }

    /// Mask bit.
    pub const fn masked(self) -> bool {
        self.0 & Self::MASKED != 0
    }

    /// The same entry, masked.
    #[must_use]
    pub const fn mask(self) -> Self {
        Self(self.0 | Self::MASKED)
    }

    /// Mode bits.
    pub const fn mode(self) -> TimerMode {
        TimerMode::from_bits(self.0 >> TimerMode::SHIFT)
    }
}

/// Divide configuration (offset 0x3e0, MSR 0x83e): bits 3, 1 and 0.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tdcr(u32);

impl Tdcr {
    const WRITABLE: u32 = 0b1011;

    /// What a write leaves: the three bits that there are.
    pub const fn from_written(value: u32) -> Self {
        Self(value & Self::WRITABLE)
    }

    /// Whether a write sets a bit that the manual reserves.
    pub const fn has_reserved(value: u32) -> bool {
        value & !Self::WRITABLE != 0
    }

    /// The register.
    pub const fn register(self) -> u32 {
        self.0
    }

    /// By what the bus clock is divided (SDM, "APIC Timer", figure "Divide Configuration Register"; `update_divide_count`).
    pub const fn divisor(self) -> Divisor {
        Divisor(match self.0 {
            0b0000 => 2,
            0b0001 => 4,
            0b0010 => 8,
            0b0011 => 16,
            0b1000 => 32,
            0b1001 => 64,
            0b1010 => 128,
            // 0b1011: a write leaves nothing else.
            _ => 1,
        })
    }
}

/// 1, 2, 4, … 128.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Divisor(u32);

impl Divisor {
    /// The factor.
    pub const fn factor(self) -> u32 {
        self.0
    }
}

/// Nanoseconds per bus cycle, as `KVM_CAP_X86_APIC_BUS_CYCLES_NS` takes them; one value per VM.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BusNs(u64);

/// Why `KVM_ENABLE_CAP` refuses a bus period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BusNsError {
    /// `ENXIO`: there is no in-kernel local APIC.
    NoIrqchip,
    /// `EINVAL`: zero, or so long that the longest count overflows 64 bits.
    Value,
    /// `EINVAL`: there is a vCPU already.
    VcpuExists,
}

impl BusNs {
    /// `APIC_BUS_CYCLE_NS_DEFAULT`: a bus of 1 GHz.
    pub const DEFAULT: Self = Self(1);
    /// The longest period that KVM takes.
    pub const MAX_NS: u64 = u64::MAX / (u32::MAX as u64 * 128);

    /// From nanoseconds. `None` where KVM answers `EINVAL`.
    pub const fn new(ns: u64) -> Option<Self> {
        if ns == 0 || ns > Self::MAX_NS { None } else { Some(Self(ns)) }
    }

    /// `KVM_ENABLE_CAP` of `KVM_CAP_X86_APIC_BUS_CYCLES_NS` (`kvm_vm_ioctl_enable_cap`).
    ///
    /// # Errors
    /// As the kernel answers, in its order.
    pub const fn enable_cap(ns: u64, irqchip_in_kernel: bool, vcpus: usize) -> Result<Self, BusNsError> {
        if !irqchip_in_kernel {
            return Err(BusNsError::NoIrqchip);
        }
        let Some(period) = Self::new(ns) else { return Err(BusNsError::Value) };
        if vcpus != 0 { Err(BusNsError::VcpuExists) } else { Ok(period) }
    }

    /// As nanoseconds.
    pub const fn as_ns(self) -> u64 {
        self.0
    }
}

/// Spurious-interrupt vector register (offset 0xf0, MSR 0x80f).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Svr(u32);

impl Svr {
    const ENABLED: u32 = 1 << 8;
    /// What KVM keeps of a write: vector, enable bit, focus checking. EOI-broadcast suppression only with an I/O APIC in
    /// user space.
    const WRITABLE: u32 = 0x3ff;
    /// After reset: disabled.
    pub const RESET: Self = Self(0xff);

    /// What a write leaves.
    pub const fn from_written(value: u32) -> Self {
        Self(value & Self::WRITABLE)
    }

    /// Whether a write sets a bit that the manual reserves (12 is EOI-broadcast suppression).
    pub const fn has_reserved(value: u32) -> bool {
        value & !0x13ff != 0
    }

    /// The register.
    pub const fn register(self) -> u32 {
        self.0
    }

    /// Software enable (`kvm_apic_sw_enabled`).
    pub const fn enabled(self) -> bool {
        self.0 & Self::ENABLED != 0
    }
}

/// What `IA32_APIC_BASE`\[11:10\] select.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ApicMode {
    /// 00b: there is no local APIC.
    Disabled,
    /// 01b: EXTD without EN, which no write may set.
    Invalid,
    /// 10b: registers in memory.
    Xapic,
    /// 11b: registers are MSRs.
    X2apic,
}

/// `IA32_APIC_BASE` (MSR 0x1b): \[8\] boot processor, \[10\] EXTD, \[11\] EN, address above.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApicBase(u64);

impl ApicBase {
    /// Boot processor's APIC at the default address, in x2APIC mode.
    pub const X2APIC: Self = Self(0xfee0_0d00);
    /// Bits 7:0 and 9.
    const RESERVED: u64 = 0x2ff;
    /// Physical-address width; no processor that the bench stands for has more.
    const ADDRESS_BITS: u32 = 46;

    /// From a saved register.
    pub const fn from_register(value: u64) -> Self {
        Self(value)
    }

    /// The register.
    pub const fn register(self) -> u64 {
        self.0
    }

    /// Mode (`kvm_apic_mode`).
    pub const fn mode(self) -> ApicMode {
        match self.0 >> 10 & 0b11 {
            0b00 => ApicMode::Disabled,
            0b01 => ApicMode::Invalid,
            0b10 => ApicMode::Xapic,
            _ => ApicMode::X2apic,
        }
    }

    /// Hardware enable (`kvm_apic_hw_enabled`).
    pub const fn enabled(self) -> bool {
        self.0 & 1 << 11 != 0
    }

    /// The guest's write (`kvm_apic_set_base`). `None` is #GP: a reserved bit, an invalid mode, or a change that the manual
    /// forbids (x2APIC to xAPIC, disabled to x2APIC).
    pub const fn written(self, value: u64) -> Option<Self> {
        let forbidden = matches!(
            (self.mode(), Self(value).mode()),
            (ApicMode::X2apic, ApicMode::Xapic) | (ApicMode::Disabled, ApicMode::X2apic)
        );
        if forbidden { None } else { self.written_by_host(value) }
    }

    /// User space's write: every change of mode is allowed.
    pub const fn written_by_host(self, value: u64) -> Option<Self> {
        let new = Self(value);
        let reserved = value & Self::RESERVED != 0 || value >> Self::ADDRESS_BITS != 0;
        let exists = !reserved && !matches!(new.mode(), ApicMode::Invalid);
        if exists || value == self.0 { Some(new) } else { None }
    }
}

/// Error status register (offset 0x280, MSR 0x828). KVM's is always 0.
pub mod esr {
    /// A vector below 16 was sent.
    pub const SEND_ILLEGAL_VECTOR: u32 = 1 << 5;
    /// A vector below 16 was received, also from the local vector table.
    pub const RECEIVE_ILLEGAL_VECTOR: u32 = 1 << 6;
    /// A register was named that does not exist.
    pub const ILLEGAL_REGISTER: u32 = 1 << 7;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisors_are_those_of_the_manual() {
        let expect = [(0x0, 2), (0x1, 4), (0x2, 8), (0x3, 16), (0x8, 32), (0x9, 64), (0xa, 128), (0xb, 1)];
        for (encoding, factor) in expect {
            assert_eq!(Tdcr::from_written(encoding).divisor().factor(), factor, "{encoding:#x}");
            // Bit 2 and everything above bit 3 do not exist.
            assert_eq!(Tdcr::from_written(encoding | 0xffff_fff4).register(), encoding);
        }
        assert!(Tdcr::has_reserved(4) && !Tdcr::has_reserved(0xb));
    }

    #[test]
    fn lvtt_keeps_vector_mask_and_mode() {
        let lvtt = Lvtt::from_written(0xffff_ffff);
        assert_eq!(lvtt.register(), 0x7_10ff);
        assert_eq!((lvtt.mode(), lvtt.masked(), lvtt.vector().number()), (TimerMode::Reserved, true, 0xff));
        assert_eq!(Lvtt::new(TimerMode::TscDeadline, Vector::LOCAL_TIMER).register(), 0x400ec);
        let masked = Lvtt::new(TimerMode::Periodic, Vector::new(0xee)).mask();
        assert_eq!((masked.register(), masked.mask()), (0x300ee, masked), "masking twice is masking once");
        assert!(Lvtt::RESET.masked() && masked.masked() && !Lvtt::new(TimerMode::Periodic, Vector::new(0xee)).masked());
        assert!(Lvtt::has_reserved(0x1000) && Lvtt::has_reserved(1 << 19) && !Lvtt::has_reserved(0x7_00ff));
        assert!(Svr::has_reserved(0x400) && !Svr::has_reserved(0x13ff));
    }

    #[test]
    fn error_bits_are_those_of_the_manual() {
        // SDM, "Error Status Register (ESR)".
        assert_eq!([esr::SEND_ILLEGAL_VECTOR, esr::RECEIVE_ILLEGAL_VECTOR, esr::ILLEGAL_REGISTER], [0x20, 0x40, 0x80]);
    }

    #[test]
    fn modes_are_those_of_the_manual() {
        // SDM, "APIC Timer", table of the timer modes: LVTT[18:17].
        for (bits, mode, name) in [
            (0b00, TimerMode::OneShot, "one-shot"),
            (0b01, TimerMode::Periodic, "periodic"),
            (0b10, TimerMode::TscDeadline, "TSC-deadline"),
            (0b11, TimerMode::Reserved, "reserved"),
        ] {
            assert_eq!((TimerMode::from_bits(bits | !0b11), mode.bits(), mode.name()), (mode, bits, name));
        }
    }

    #[test]
    fn svr_keeps_vector_enable_and_focus_checking() {
        assert_eq!((Svr::RESET.register(), Svr::RESET.enabled()), (0xff, false), "software-disabled after reset");
        for (written, kept, enabled) in
            [(0xffff_ffff, 0x3ff, true), (0x1ef, 0x1ef, true), (0x12fe, 0x2fe, false), (0, 0, false)]
        {
            let svr = Svr::from_written(written);
            assert_eq!((svr.register(), svr.enabled()), (kept, enabled), "{written:#x}");
        }
    }

    #[test]
    fn apic_base_moves_as_the_manual_allows() {
        let on = ApicBase::X2APIC;
        let off = on.written(0xfee0_0100).expect("x2APIC to disabled");
        assert_eq!((off.mode(), off.enabled()), (ApicMode::Disabled, false));
        let xapic = off.written(0xfee0_0900).expect("disabled to xAPIC");
        assert_eq!((xapic.mode(), xapic.enabled(), on.enabled()), (ApicMode::Xapic, true, true));
        assert_eq!(xapic.written(0xfee0_0d00), Some(on));
        assert_eq!(on.written(0xfee0_0900), None, "x2APIC to xAPIC");
        assert_eq!(off.written(0xfee0_0d00), None, "disabled to x2APIC");
        assert_eq!(xapic.written(0xfee0_0500), None, "EXTD without EN");
        assert_eq!(xapic.written(0xfee0_0901), None, "a reserved bit");
        assert_eq!(xapic.written(1 << 46 | 0xfee0_0900), None, "an address too wide");
        assert_eq!(on.written(on.register()), Some(on));
        let odd = ApicBase::from_register(0xfee0_0502);
        assert_eq!(odd.written_by_host(odd.register()), Some(odd), "what stands there already is no error");
        assert_eq!(on.written_by_host(0xfee0_0900), Some(xapic));
        assert_eq!(off.written_by_host(0xfee0_0d00), Some(on));
        assert_eq!(on.written_by_host(0xfee0_0500), None);
    }

    #[test]
    fn the_bus_period_is_refused_as_the_kernel_refuses_it() {
        // T11 and T12 of the conformance cases: they need a VM without vCPUs, which no script has.
        assert_eq!(BusNs::enable_cap(40, true, 0).map(BusNs::as_ns), Ok(40));
        assert_eq!(BusNs::enable_cap(40, true, 1), Err(BusNsError::VcpuExists));
        assert_eq!(BusNs::enable_cap(0, true, 0), Err(BusNsError::Value));
        assert_eq!(BusNs::enable_cap(BusNs::MAX_NS + 1, true, 0), Err(BusNsError::Value));
        assert_eq!(BusNs::enable_cap(BusNs::MAX_NS, true, 0).map(BusNs::as_ns), Ok(33_554_432));
        assert_eq!(BusNs::enable_cap(0, false, 0), Err(BusNsError::NoIrqchip));
    }
}
