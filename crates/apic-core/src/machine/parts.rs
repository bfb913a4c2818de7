//! A machine taken apart, for a search that keeps each part once: neighbouring states differ in one or two of them.
//!
//! The parts are every CPU, every vCPU, and the rest (the VT-d unit and the store buffers). The time belongs to each: what a
//! part feeds says which times have come.

use super::searched::Stores;
use super::state::{Cpu, Vcpu};
use super::vtd::Vtd;
use super::{Actor, Machine};
use crate::units::Ns;
use std::hash::{Hash, Hasher};

/// A copy of one part.
#[derive(Clone, Debug)]
pub(crate) struct Part(Of);

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "of each there is one, on the stack")]
enum Of {
    Cpu(Cpu),
    Vcpu(Vcpu),
    Rest(Vtd, Stores),
}

impl Machine {
    /// How many parts there are.
    pub(crate) fn parts(&self) -> usize {
        self.cpus.len() + self.vcpus.len() + 1
    }

    /// Names the parts that a move may change: an actor's step, or the drain of a store buffer. Debug builds hold every move
    /// of every search to it.
    #[inline]
    pub(crate) fn reach(&self, actor: Option<Actor>, mut reaches: impl FnMut(usize)) {
        let (cpus, rest) = (self.cpus.len(), self.parts() - 1);
        match actor {
            Some(Actor::Guest(v)) => {
                [self.vcpus[v.index()].cpu.index(), cpus + v.index(), rest].into_iter().for_each(reaches);
            }
            Some(Actor::Clock(c)) => reaches(c.index()),
            // A doorbell is the guest's to hear.
            Some(Actor::Wire(c)) if !self.cpus[c.index()].inbound.is_empty() => {
                std::iter::once(c.index()).chain(cpus..rest).for_each(reaches);
            }
            None => (cpus..=rest).for_each(reaches),
            Some(Actor::Wire(_) | Actor::Irq(_) | Actor::Sw(_) | Actor::Iommu) => (0..=rest).for_each(reaches),
        }
    }

    /// Feeds what a part's future depends on, the time included.
    pub(crate) fn feed_part<H: Hasher>(&self, part: usize, h: &mut H) {
        let (cpus, vcpus) = (self.cpus.len(), self.vcpus.len());
        self.now.hash(h);
        if part < cpus {
            self.cpus[part].feed(self.now, h);
        } else if part < cpus + vcpus {
            self.vcpus[part - cpus].feed(self.now, &self.cfg, h);
        } else {
            self.vtd.feed(h);
            self.stores.hash(h);
        }
    }

    /// A copy of a part.
    pub(crate) fn part(&self, part: usize) -> Part {
        let cpus = self.cpus.len();
        Part(match (self.cpus.get(part), self.vcpus.get(part.wrapping_sub(cpus))) {
            (Some(cpu), _) => Of::Cpu(cpu.clone()),
            (None, Some(vcpu)) => Of::Vcpu(vcpu.clone()),
            (None, None) => Of::Rest(self.vtd.clone(), self.stores.clone()),
        })
    }

    /// Whether the part is as it was copied.
    #[inline]
    pub(crate) fn part_is(&self, number: usize, part: &Part) -> bool {
        match &part.0 {
            Of::Cpu(cpu) => self.cpus[number] == *cpu,
            Of::Vcpu(vcpu) => self.vcpus[number - self.cpus.len()] == *vcpu,
            Of::Rest(vtd, stores) => self.vtd == *vtd && self.stores == *stores,
        }
    }

    /// Makes the part what was copied, keeping its memory.
    #[inline]
    pub(crate) fn put_part(&mut self, number: usize, part: &Part) {
        match &part.0 {
            Of::Cpu(cpu) => self.cpus[number].copy_from(cpu),
            Of::Vcpu(vcpu) => {
                let cpus = self.cpus.len();
                self.vcpus[number - cpus].clone_from(vcpu);
            }
            Of::Rest(vtd, stores) => {
                self.vtd.clone_from(vtd);
                self.stores.copy_from(stores);
            }
        }
    }

    /// Sets the time, and starts numbering messages anew: parts that are put together again never met.
    pub(crate) fn reset_to(&mut self, now: Ns) {
        (self.now, self.next_ipi, self.handlers) = (now, 0, 0);
    }
}
