//! What a world answers, and how its line is written.

use super::script::Register;
use crate::kvm::Mode;
use crate::lapic::VectorSet;
use crate::units::{CpuId, Ns, Vector};
use std::fmt;

/// What came of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was carried out and has no answer.
    Done,
    /// The guest's write was refused with #GP; nothing changed. It prints nothing.
    Fault,
    /// It has an answer.
    Answer(Answer),
}

impl Outcome {
    /// The answer, if there is one to print.
    pub fn answer(&self) -> Option<&Answer> {
        if let Self::Answer(answer) = self { Some(answer) } else { None }
    }
}

/// What a register read gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// A register of up to 64 bits.
    Value(u64),
    /// 256 bits, bit n for vector n.
    Bank(VectorSet),
    /// The read was refused.
    GeneralProtection,
}

impl fmt::Display for Reading {
    /// `0x…` in lower case without padding, 256 bits as one number; or `#GP`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value:#x}"),
            Self::GeneralProtection => f.write_str("#GP"),
            Self::Bank(set) => {
                let Some(highest) = set.highest() else { return f.write_str("0x0") };
                f.write_str("0x")?;
                for digit in (0..=highest.number() / 4).rev() {
                    let bit = |n: u8| u8::from(set.contains(Vector::new(digit * 4 + n))) << n;
                    write!(f, "{:x}", bit(0) | bit(1) | bit(2) | bit(3))?;
                }
                Ok(())
            }
        }
    }
}

/// The start of the guest's handler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fired {
    /// Which interrupt.
    pub vector: Vector,
    /// When.
    pub at: Ns,
}

macro_rules! exits {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Reasons for a VM exit that the bench counts, in the order in which they are printed.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Exit {
            $($(#[$doc])* $variant,)*
        }

        impl Exit {
            /// Its name: the kernel's constant without `EXIT_REASON_` or `SVM_EXIT_`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

exits! {
    /// VMX 1: a host interrupt.
    ExternalInterrupt = "EXTERNAL_INTERRUPT",
    /// VMX 7: the guest can take an interrupt now.
    InterruptWindow = "INTERRUPT_WINDOW",
    /// VMX 12, SVM 0x78: HLT.
    Hlt = "HLT",
    /// VMX 31: RDMSR.
    MsrRead = "MSR_READ",
    /// VMX 32: WRMSR.
    MsrWrite = "MSR_WRITE",
    /// VMX 44: an access to the xAPIC page.
    ApicAccess = "APIC_ACCESS",
    /// VMX 45: EOI of a vector in the EOI-exit bitmap.
    EoiInduced = "EOI_INDUCED",
    /// VMX 48: an access to an xAPIC page that is not there.
    EptViolation = "EPT_VIOLATION",
    /// VMX 52: the preemption timer.
    PreemptionTimer = "PREEMPTION_TIMER",
    /// VMX 56: a write to the virtual-APIC page that needs emulation.
    ApicWrite = "APIC_WRITE",
    /// SVM 0x60: a host interrupt.
    Intr = "INTR",
    /// SVM 0x7c: RDMSR or WRMSR.
    Msr = "MSR",
    /// SVM 0x401: an IPI that AVIC does not send.
    AvicIncompleteIpi = "AVIC_INCOMPLETE_IPI",
    /// SVM 0x402: an access to the local APIC that AVIC does not carry out.
    AvicUnacceleratedAccess = "AVIC_UNACCELERATED_ACCESS",
}

/// The posting side: descriptor, virtual-APIC page, guest interrupt status, mode and activity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DescriptorState {
    /// Posted-interrupt requests.
    pub pir: VectorSet,
    /// Outstanding notification.
    pub on: bool,
    /// Suppress notification.
    pub sn: bool,
    /// Notification vector.
    pub nv: Vector,
    /// Notification destination.
    pub ndst: CpuId,
    /// Virtual interrupt requests.
    pub virr: VectorSet,
    /// Virtual in-service register.
    pub visr: VectorSet,
    /// Requesting virtual interrupt.
    pub rvi: u8,
    /// Servicing virtual interrupt.
    pub svi: u8,
    /// Virtual processor priority.
    pub vppr: u8,
    /// `vcpu->mode`.
    pub mode: Mode,
    /// Whether the guest's activity state is HLT.
    pub halted: bool,
}

/// A line that a world prints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// To `read`.
    Register(Register, Reading),
    /// To `expiries`.
    Expiries(u64),
    /// To `fired`, in the order of their times.
    Fired(Vec<Fired>),
    /// To `ipis`.
    Ipis(u64),
    /// To `exits`: only reasons that occurred, in the order of [`Exit`].
    Exits(Vec<(Exit, u64)>),
    /// To `state`.
    State(Box<DescriptorState>),
}

impl fmt::Display for Answer {
    /// The line, without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register(register, reading) => write!(f, "{register} {reading}"),
            Self::Expiries(n) => write!(f, "expiries {n}"),
            Self::Ipis(n) => write!(f, "ipis {n}"),
            Self::Fired(fired) if fired.is_empty() => f.write_str("fired none"),
            Self::Fired(fired) => {
                f.write_str("fired")?;
                fired.iter().try_for_each(|Fired { vector, at }| write!(f, " {:#x}@{}", vector.number(), at.as_ns()))
            }
            Self::Exits(exits) if exits.is_empty() => f.write_str("exits none"),
            Self::Exits(exits) => {
                f.write_str("exits")?;
                exits.iter().try_for_each(|(exit, n)| write!(f, " {}={n}", exit.name()))
            }
            Self::State(state) => state.fmt(f),
        }
    }
}

impl fmt::Display for DescriptorState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "PIR={} ON={} SN={} NV={:#x} NDST={} VIRR={} VISR={} RVI={:#x} SVI={:#x} VPPR={:#x} mode={} activity={}",
            Set(&self.pir),
            u8::from(self.on),
            u8::from(self.sn),
            self.nv.number(),
            self.ndst,
            Set(&self.virr),
            Set(&self.visr),
            self.rvi,
            self.svi,
            self.vppr,
            self.mode.name(),
            if self.halted { "hlt" } else { "active" },
        )
    }
}

/// `{}`, `{0xec}`, `{0x31,0xec}`: lowest first, no spaces, so that a line splits at its spaces.
struct Set<'a>(&'a VectorSet);

impl fmt::Display for Set<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, v) in self.0.iter().enumerate() {
            write!(f, "{}{:#x}", if i == 0 { "" } else { "," }, v.number())?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[u8]) -> VectorSet {
        let mut set = VectorSet::default();
        for &n in numbers {
            set.test_and_set(Vector::new(n));
        }
        set
    }

    #[track_caller]
    fn check(answer: &Answer, expect: &str) {
        assert_eq!(answer.to_string(), expect);
    }

    #[test]
    fn lines_are_written_as_the_script_promises() {
        check(&Answer::Register(Register::Tmcct, Reading::Value(0x00ab)), "TMCCT 0xab");
        check(&Answer::Register(Register::Eoi, Reading::GeneralProtection), "EOI #GP");
        check(&Answer::Register(Register::Irr, Reading::Bank(set(&[]))), "IRR 0x0");
        check(&Answer::Register(Register::Irr, Reading::Bank(set(&[0, 3, 0x0f]))), "IRR 0x8009");
        let bank = Answer::Register(Register::Isr, Reading::Bank(set(&[0xec])));
        check(&bank, &format!("ISR 0x1{}", "0".repeat(0xec / 4)));
        check(&Answer::Expiries(3), "expiries 3");
        check(&Answer::Ipis(0), "ipis 0");
        check(&Answer::Fired(vec![]), "fired none");
        let at = |ns| Fired { vector: Vector::new(0xee), at: Ns::from_ns(ns) };
        check(&Answer::Fired(vec![at(1_600_000), at(3_200_000)]), "fired 0xee@1600000 0xee@3200000");
        check(&Answer::Exits(vec![]), "exits none");
        check(&Answer::Exits(vec![(Exit::Hlt, 1), (Exit::MsrWrite, 12)]), "exits HLT=1 MSR_WRITE=12");
    }

    #[test]
    fn state_is_one_line() {
        let state = DescriptorState {
            pir: set(&[0xec]),
            on: true,
            sn: false,
            nv: Vector::POSTED_INTR,
            ndst: CpuId(0),
            virr: set(&[]),
            visr: set(&[0x31, 0x05]),
            rvi: 0,
            svi: 0,
            vppr: 0,
            mode: Mode::InGuest,
            halted: false,
        };
        check(
            &Answer::State(Box::new(state)),
            "PIR={0xec} ON=1 SN=0 NV=0xf2 NDST=0 VIRR={} VISR={0x5,0x31} RVI=0x0 SVI=0x0 VPPR=0x0 mode=IN_GUEST_MODE \
             activity=active",
        );
    }
}
