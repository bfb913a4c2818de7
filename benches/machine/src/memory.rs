//! What is kept per vCPU and per recorded tick, as a counting allocator sees it, with the structures' own sizes.

use crate::workload::Case;
use allocation_counter::measure;
use apic_core::driver::Clock;
use apic_core::run::{History, Sim};
use serde::Serialize;

/// Bytes of one vCPU, with its share of everything.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct VcpuMemory {
    /// CPU, vCPU, constants of the run, ledger.
    pub(crate) machine: u64,
    /// The clock: what each actor is about to do, and its prices.
    pub(crate) driver: u64,
}

/// In the steady state, when queues have their size.
pub(crate) fn of_vcpu(case: &Case) -> VcpuMemory {
    let vcpus = u64::from(case.vcpus());
    let mut sim = None;
    let all = measure(|| {
        let sim = sim.insert(Sim::new(&case.scenario, case.path));
        sim.run_on_silently(2 * u32::from(case.vcpus()));
    });
    let mut twin: Option<Clock> = None;
    let clock = measure(|| twin = sim.as_ref().map(|sim| sim.clock().clone()));
    let kept = |bytes: i64, of: usize| bytes.max(0).cast_unsigned() + of as u64;
    let driver = kept(clock.bytes_current, size_of::<Clock>());
    VcpuMemory { machine: (kept(all.bytes_current, size_of::<Sim>()) - driver) / vcpus, driver: driver / vcpus }
}

/// Bytes that a history keeps for each tick of a run of so many.
pub(crate) fn of_history(case: &Case, ticks: u32) -> u64 {
    let mut scenario = case.scenario.clone();
    scenario.run.expiries = ticks;
    let mut history = None;
    let kept = measure(|| history = Some(History::new(&scenario, case.path)));
    let handlers = history.as_ref().map_or(1, |history| history.machine_at(history.len()).handlers().max(1));
    kept.bytes_current.max(0).cast_unsigned() / u64::from(handlers)
}
