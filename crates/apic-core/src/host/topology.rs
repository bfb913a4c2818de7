//! Sockets, last-level caches, cores and hardware threads, and sets of CPUs.
//!
//! CPUs are numbered socket by socket, cache by cache, core by core; the threads of a core are neighbours. Left out:
//! clusters, sub-NUMA domains, firmware that numbers threads in another order.

use crate::units::CpuId;
use serde::{Deserialize, Serialize};

/// Shape of the host. Every count is at least 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Topology {
    /// NUMA nodes, one per socket.
    pub sockets: u16,
    /// Last-level caches per socket.
    pub llcs: u16,
    /// Cores per last-level cache.
    pub cores: u16,
    /// Hardware threads per core.
    pub smt: u16,
}

impl Topology {
    /// Most CPUs that a scenario document may have. The machine itself has room for all that a [`CpuId`] can name.
    pub const MAX_CPUS: u16 = 256;

    /// CPUs of the whole host. The product is taken wide, so that an absurd shape is seen as such.
    pub fn cpus(self) -> u64 {
        [self.sockets, self.llcs, self.cores, self.smt].into_iter().map(u64::from).product()
    }

    /// All CPUs, in order.
    pub fn iter(self) -> impl Iterator<Item = CpuId> {
        (0..self.cpus().min(u64::from(u16::MAX)) as u16).map(CpuId)
    }

    /// Core number of a CPU, counted over the host.
    pub const fn core_of(self, cpu: CpuId) -> u16 {
        cpu.0 / self.smt
    }

    /// Socket of a CPU.
    pub const fn socket_of(self, cpu: CpuId) -> u16 {
        cpu.0 / (self.smt * self.cores * self.llcs)
    }

    /// Spans of the scheduling domains around a CPU, innermost first, as half-open CPU ranges: SMT, cache (MC),
    /// socket (NUMA node), host. Levels that add no CPU are dropped, as the kernel degenerates them.
    pub fn domains(self, cpu: CpuId) -> impl Iterator<Item = std::ops::Range<u16>> {
        let sizes = [self.smt, self.smt * self.cores, self.smt * self.cores * self.llcs, self.cpus() as u16];
        let mut inner = 1;
        sizes.into_iter().filter_map(move |size| {
            let grows = size > inner;
            inner = size.max(inner);
            let start = cpu.0 / size * size;
            grows.then_some(start..start + size)
        })
    }
}

/// A set of CPUs (`cpumask`).
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CpuSet(Vec<u64>);

impl CpuSet {
    /// Whether the CPU is in it.
    #[inline]
    pub fn contains(&self, cpu: CpuId) -> bool {
        self.0.get(cpu.index() / 64).is_some_and(|word| word >> (cpu.0 % 64) & 1 == 1)
    }

    /// Adds a CPU.
    pub fn insert(&mut self, cpu: CpuId) {
        let word = cpu.index() / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (cpu.0 % 64);
    }

    /// Lowest CPU in it.
    pub fn first(&self) -> Option<CpuId> {
        let word = self.0.iter().position(|word| *word != 0)?;
        Some(CpuId((word * 64) as u16 + self.0[word].trailing_zeros() as u16))
    }
}

impl FromIterator<CpuId> for CpuSet {
    fn from_iter<I: IntoIterator<Item = CpuId>>(cpus: I) -> Self {
        let mut set = Self::default();
        for cpu in cpus {
            set.insert(cpu);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_grow_outwards_and_skip_levels_that_add_nothing() {
        let host = Topology { sockets: 2, llcs: 2, cores: 2, smt: 2 };
        let spans: Vec<_> = host.domains(CpuId(5)).collect();
        assert_eq!(spans, [4..6, 4..8, 0..8, 0..16]);
        let flat = Topology { sockets: 1, llcs: 1, cores: 4, smt: 1 };
        assert_eq!(flat.domains(CpuId(3)).collect::<Vec<_>>(), vec![0..4]);
    }
}
