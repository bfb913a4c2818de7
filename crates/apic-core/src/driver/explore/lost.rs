//! Whether anything can still start a guest's handler, from one state on.

use super::moves::make;
use super::verdict::{Broken, Replay, Watch};
use super::visited::{Fingerprint, Visited};
use super::{Bounds, System};
use crate::kvm::Faults;
use crate::scenario::{PathKind, Scenario};
use crate::units::VcpuId;
use std::collections::VecDeque;
use std::hash::Hasher as _;

/// Looks whether some guest waits where a run has come to, and no order of steps starts its handler any more. `None` if every
/// guest that waits still gets its interrupt, or if that takes more than so many states to see.
pub fn lost(
    scenario: &Scenario,
    run: &Replay,
    path: PathKind,
    bounds: Bounds,
    faults: Faults,
    states: usize,
) -> Option<Broken> {
    let system = System::new(scenario, path, bounds, faults);
    let (waits, _) = system.flags(run.machine());
    let (mut seen, mut work) = (Visited::default(), VecDeque::from([run.machine().clone()]));
    let (mut delivered, mut moves) = (0u8, Vec::new());
    while waits & !delivered != 0 {
        let Some(machine) = work.pop_front() else {
            return Some(Broken::Stranded(VcpuId((waits & !delivered).trailing_zeros() as u16)));
        };
        if system.is_final(&machine) || seen.len() > states {
            return None;
        }
        moves.clear();
        system.moves(&machine, &mut moves);
        for chosen in &moves {
            let (mut child, mut watch) = (machine.clone(), Watch::default());
            make(&mut child, *chosen, &mut watch);
            delivered |= watch.delivered.map_or(0, |(v, _)| 1 << v.0);
            let mut print = Fingerprint::new();
            child.feed(&mut print);
            if seen.insert(print.finish()).1 {
                work.push_back(child);
            }
        }
    }
    None
}
