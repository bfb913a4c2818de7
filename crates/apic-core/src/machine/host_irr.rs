//! What is latched in a host CPU's local APIC.

use crate::units::Vector;
use serde::Serialize;

/// Vectors latched in a host CPU's local APIC, of the four that the model sends.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash, Debug, Serialize)]
pub(super) struct HostIrr(u8);

impl HostIrr {
    const ORDER: [Vector; 4] =
        [Vector::LOCAL_TIMER, Vector::POSTED_INTR_WAKEUP, Vector::POSTED_INTR, Vector::RESCHEDULE];

    const fn bit(v: Vector) -> u8 {
        match v {
            Vector::LOCAL_TIMER => 1,
            Vector::POSTED_INTR_WAKEUP => 2,
            Vector::POSTED_INTR => 4,
            _ => 8,
        }
    }

    pub(super) const fn set(&mut self, v: Vector) {
        self.0 |= Self::bit(v);
    }

    pub(super) const fn clear(&mut self, v: Vector) {
        self.0 &= !Self::bit(v);
    }

    pub(super) const fn holds(self, v: Vector) -> bool {
        self.0 & Self::bit(v) != 0
    }

    /// The highest vector: it has the highest class.
    #[inline]
    pub(super) const fn highest(self) -> Option<Vector> {
        match self.0 {
            0 => None,
            // Four vectors, four bits: the mask takes nothing away.
            n => Some(Self::ORDER[n.ilog2() as usize & 3]),
        }
    }
}
