//! All that a guest can read, at one moment.

use apic_core::bench::script::{Command, Register};
use apic_core::bench::{Answer, Outcome, Reading, World};

/// The readable registers, in the order in which they are compared.
pub const READABLE: [Register; 12] = [
    Register::ApicBase,
    Register::TscDeadline,
    Register::Svr,
    Register::Tpr,
    Register::Ppr,
    Register::Esr,
    Register::Lvtt,
    Register::Tmict,
    Register::Tmcct,
    Register::Tdcr,
    Register::Irr,
    Register::Isr,
];

/// What each of [`READABLE`] gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observation(pub [Reading; READABLE.len()]);

impl Observation {
    /// Asks a world for all of them.
    ///
    /// # Errors
    /// If the world fails.
    pub fn of<W: World>(world: &mut W) -> Result<Self, W::Error> {
        let mut readings = [Reading::GeneralProtection; READABLE.len()];
        for (place, register) in readings.iter_mut().zip(READABLE) {
            if let Outcome::Answer(Answer::Register(_, reading)) = world.obey(Command::Read(register))? {
                *place = reading;
            }
        }
        Ok(Self(readings))
    }

    /// What a register gave; #GP for one that is not readable.
    pub fn get(&self, register: Register) -> Reading {
        let at = READABLE.iter().position(|readable| *readable == register);
        at.map_or(Reading::GeneralProtection, |at| self.0[at])
    }

    /// A register's value; 0 for #GP and for a bank.
    pub fn value(&self, register: Register) -> u64 {
        if let Reading::Value(value) = self.get(register) { value } else { 0 }
    }

    /// What TDCR divides by: 1 to 128.
    pub fn divisor(&self) -> u64 {
        let tdcr = self.value(Register::Tdcr);
        1 << (((tdcr & 3 | (tdcr & 8) >> 1) + 1) & 7)
    }
}
