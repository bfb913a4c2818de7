//! A script for both worlds, with the times that only running it can settle.

use std::fmt;

use apic_core::bench::script::{Command, Register};
use apic_core::lapic::BusNs;
use apic_core::units::Ns;

/// One step of a script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// A command as it stands.
    Do(Command),
    /// Writes TMICT so that it lasts this long with the divisor of the moment; one cycle at least.
    CountFor(Ns),
    /// Writes TSC_DEADLINE, this long from now.
    DeadlineIn(Ns),
    /// Arms the timer by one of the two, as LVTT says, halts, and lets this long pass three times.
    HaltFor(Ns),
}

/// A script, and the bus of its VM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// `None` leaves the kernel's default.
    pub bus: Option<BusNs>,
    /// Its steps.
    pub ops: Vec<Op>,
}

/// Commands as lines of the bench's language.
pub struct Lines<'a>(pub &'a [Command]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|command| writeln!(f, "    {}", Line(*command)))
    }
}

struct Line(Command);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Command::Write(register, value) => write!(f, "write {register} {value:#x}"),
            Command::Read(register) => write!(f, "read {register}"),
            Command::Advance(ns) => write!(f, "advance {}", ns.as_ns()),
            Command::Pause(ns) => write!(f, "pause {}", ns.as_ns()),
            Command::Hlt => f.write_str("hlt"),
            Command::InterruptFlag(on) => write!(f, "if {}", u8::from(on)),
            Command::AutoEoi(on) => write!(f, "auto-eoi {}", u8::from(on)),
            Command::Tpr(value) => write!(f, "tpr {value:#x}"),
            Command::Eoi => f.write_str("eoi"),
            Command::Save => f.write_str("save"),
            Command::Restore => f.write_str("restore"),
            Command::Fired => f.write_str("fired"),
            Command::Era(era) => write!(f, "era {era}"),
            Command::Path(_) => f.write_str("path pending"),
            Command::TscKhz(khz) => write!(f, "tsc-khz {}", khz.tsc_at(Ns::from_us(1_000)).as_cycles()),
            Command::Bus(bus) => write!(f, "bus {}", bus.as_ns()),
            other => write!(f, "# {other:?}"),
        }
    }
}

/// The registers that a script may write, whether the guest is let or not.
pub const WRITABLE: [Register; 14] = [
    Register::Lvtt,
    Register::Tdcr,
    Register::Tmict,
    Register::Tmcct,
    Register::Svr,
    Register::ApicBase,
    Register::Tpr,
    Register::Ppr,
    Register::Eoi,
    Register::SelfIpi,
    Register::TscDeadline,
    Register::Irr,
    Register::Isr,
    Register::Esr,
];
