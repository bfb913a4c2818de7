//! Store buffers of the host's CPUs: x86-TSO, as far as memory is shared.
//!
//! A plain store waits in its CPU's buffer, where that CPU's own loads see it first; it reaches memory later, in order.
//! Whatever is locked, and every fence, waits until the buffer is empty. Nothing else is reordered. (P. Sewell, S. Sarkar,
//! S. Owens, F. Zappa Nardelli, M. O. Myreen: "x86-TSO: a rigorous and usable programmer's model for x86
//! multiprocessors", CACM 53(7), 2010; SDM vol. 3, "Memory Ordering in P6 and More Recent Processor Families".)
//!
//! What a store writes is the caller's: words of KVM in the machine, variables in the litmus tests. Left out: the global
//! lock as a state of its own (a locked operation is one step here), non-temporal stores, self-modifying code.

use crate::units::CpuId;
use serde::Serialize;

/// Stores that have not reached memory, oldest first.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct StoreBuffers<S>(Vec<(CpuId, S)>);

impl<S> Default for StoreBuffers<S> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<S: Copy> StoreBuffers<S> {
    /// A plain store: it waits.
    pub fn push(&mut self, cpu: CpuId, store: S) {
        self.0.push((cpu, store));
    }

    /// The CPU's oldest store leaves the buffer; the caller writes it to memory.
    pub fn drain(&mut self, cpu: CpuId) -> Option<S> {
        let at = self.0.iter().position(|(c, _)| *c == cpu)?;
        Some(self.0.remove(at).1)
    }

    /// The CPU's newest store that `is` wanted: what a load of the CPU's own sees instead of memory.
    pub fn newest<T>(&self, cpu: CpuId, is: impl Fn(S) -> Option<T>) -> Option<T> {
        self.0.iter().rev().filter(|(c, _)| *c == cpu).find_map(|(_, store)| is(*store))
    }

    /// Stores that wait in a CPU's buffer.
    pub fn depth(&self, cpu: CpuId) -> usize {
        self.0.iter().filter(|(c, _)| *c == cpu).count()
    }

    /// Whether nothing waits anywhere.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that waits, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (CpuId, S)> + '_ {
        self.0.iter().copied()
    }

    /// Takes over what waits elsewhere, keeping this one's memory.
    pub fn copy_from(&mut self, other: &Self) {
        self.0.clone_from(&other.0);
    }
}
