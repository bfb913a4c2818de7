//! Who can take a step, and the order of steps that are due at the same time.

use crate::units::{CpuId, VcpuId};
use serde::{Deserialize, Serialize};

/// Somebody who can take a step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A CPU's interrupt hardware: recognition, VM exit by interrupt, posted-interrupt processing, delivery.
    Irq(CpuId),
    /// A CPU's software in root operation: KVM, interrupt handlers, load.
    Sw(CpuId),
    /// The way of IPIs to a CPU.
    Wire(CpuId),
    /// A CPU's clock event device.
    Clock(CpuId),
    /// A guest's instruction stream.
    Guest(VcpuId),
    /// The VT-d unit, with the devices behind it.
    Iommu,
}

impl Actor {
    /// Kinds of actors: what [`Place::kind`] is below.
    pub(crate) const KINDS: usize = 5;

    /// How many there are.
    pub const fn count(cpus: usize, vcpus: usize) -> usize {
        4 * cpus + 1 + vcpus
    }

    /// Dense number, which is also the order in which simultaneous steps are taken.
    #[inline]
    pub const fn index(self, cpus: usize) -> usize {
        let place = Place::of(self);
        place.kind() * cpus + place.number()
    }

    /// The actor with this number.
    #[inline]
    pub const fn from_index(index: usize, cpus: usize) -> Self {
        let kind = if index < 4 * cpus { index / cpus } else { 4 };
        Place::new(kind, (index - kind * cpus) as u16).actor()
    }
}

/// An actor in one number: its kind above, and which of its kind below. Compared, these are in the order of simultaneous
/// steps. A CPU's actors, and one guest or the VT-d unit, have the same number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(crate) struct Place(u32);

impl Place {
    /// Bits that a place takes.
    pub(crate) const BITS: u32 = 19;

    pub(crate) const IRQ: usize = 0;
    pub(crate) const SW: usize = 1;
    pub(crate) const WIRE: usize = 2;
    pub(crate) const CLOCK: usize = 3;
    /// The guests, and the VT-d unit before them.
    pub(crate) const GUEST: usize = 4;

    /// The place of this kind and number.
    #[inline]
    pub(crate) const fn new(kind: usize, number: u16) -> Self {
        Self((kind as u32) << 16 | number as u32)
    }

    /// An actor's place.
    #[inline]
    pub(crate) const fn of(actor: Actor) -> Self {
        match actor {
            Actor::Irq(c) => Self::new(Self::IRQ, c.0),
            Actor::Sw(c) => Self::new(Self::SW, c.0),
            Actor::Wire(c) => Self::new(Self::WIRE, c.0),
            Actor::Clock(c) => Self::new(Self::CLOCK, c.0),
            Actor::Iommu => Self::new(Self::GUEST, 0),
            Actor::Guest(v) => Self::new(Self::GUEST, v.0 + 1),
        }
    }

    /// The actor at this place.
    #[inline]
    pub(crate) const fn actor(self) -> Actor {
        match (self.kind(), self.vcpu()) {
            (Self::IRQ, _) => Actor::Irq(self.cpu()),
            (Self::SW, _) => Actor::Sw(self.cpu()),
            (Self::WIRE, _) => Actor::Wire(self.cpu()),
            (Self::CLOCK, _) => Actor::Clock(self.cpu()),
            (_, Some(v)) => Actor::Guest(v),
            (_, None) => Actor::Iommu,
        }
    }

    /// The CPU that has this number.
    #[inline]
    pub(crate) const fn cpu(self) -> CpuId {
        CpuId(self.0 as u16)
    }

    /// The vCPU whose guest has this number; the VT-d unit's is before theirs.
    #[inline]
    pub(crate) const fn vcpu(self) -> Option<VcpuId> {
        match (self.0 as u16).checked_sub(1) {
            Some(number) => Some(VcpuId(number)),
            None => None,
        }
    }

    /// From its bits: what is above them does not count.
    #[inline]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits as u32 & ((1 << Self::BITS) - 1))
    }

    /// As bits.
    #[inline]
    pub(crate) const fn bits(self) -> u64 {
        self.0 as u64
    }

    /// Which kind, below [`Actor::KINDS`].
    #[inline]
    pub(crate) const fn kind(self) -> usize {
        (self.0 >> 16) as usize
    }

    /// Which of its kind.
    #[inline]
    pub(crate) const fn number(self) -> usize {
        (self.0 & 0xffff) as usize
    }
}

/// Actors to look at again; more than fit never come up, which a debug assertion holds.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Touched {
    len: u8,
    places: [Place; 12],
}

impl Touched {
    #[inline]
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(super) fn push(&mut self, actor: Actor) {
        debug_assert!(usize::from(self.len) < self.places.len());
        if let Some(slot) = self.places.get_mut(usize::from(self.len)) {
            *slot = Place::of(actor);
            self.len += 1;
        }
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[Place] {
        // Most often nobody, which is asked first.
        match self.len {
            0 => &[],
            len => &self.places[..usize::from(len)],
        }
    }
}
