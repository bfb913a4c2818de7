//! How fast a run is recorded, and entered at any step.

use crate::engine::cpu_time;
use crate::report::median;
use apic_core::run::History;
use apic_core::scenario::{PathKind, ScenarioError, preset};
use serde::Serialize;

#[derive(Clone, Copy, Serialize)]
pub(crate) struct Recording {
    /// Of the history.
    pub(crate) steps: usize,
    pub(crate) ns_per_step: f64,
    /// To a random step of it.
    pub(crate) ns_per_seek: f64,
}

pub(crate) fn measure(rounds: usize, ticks: u32) -> Result<Recording, ScenarioError> {
    const SEEKS: usize = 1_000;
    let mut scenario = preset("pinned-vs-offloaded")?;
    scenario.run.expiries = ticks;
    let mut history = History::new(&scenario, PathKind::Posted);
    let (mut recorded, mut sought) = (Vec::new(), Vec::new());
    let mut random = 1usize;
    for _ in 0..rounds {
        let start = cpu_time();
        history = History::new(&scenario, PathKind::Posted);
        recorded.push((cpu_time() - start) / history.len() as f64);
        let start = cpu_time();
        for _ in 0..SEEKS {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            history.seek((random >> 33) % history.len());
        }
        sought.push((cpu_time() - start) / SEEKS as f64);
    }
    Ok(Recording { steps: history.len(), ns_per_step: median(recorded), ns_per_seek: median(sought) })
}
