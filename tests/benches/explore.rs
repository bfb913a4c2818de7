//! States a second: the search, and Stateright on the same transition system, in turn, in one run.
//!
//! `cargo bench -p exitless-tests --bench explore`. Times are CPU time of this process where Linux tells it, so that a busy
//! machine does not count; both search breadth first on one thread.

#[path = "../tests/stateright/model.rs"]
mod model;

use apic_core::driver::explore::{Bounds, Explore, System, Verdict};
use apic_core::kvm::Faults;
use apic_core::scenario::{PathKind, preset};
use model::Wrapped;
use stateright::{Checker as _, Model as _};
use std::hint::black_box;

/// Searches of each kind; the fastest counts.
const ROUNDS: usize = 5;

/// CPU time of this process, in seconds (`/proc/self/stat`: utime and stime, in ticks of 10 ms).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = |n: usize| after.split_whitespace().nth(n).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = cpu_seconds();
    let result = black_box(work());
    (result, (cpu_seconds() - before).max(0.01))
}

fn main() {
    let scenario = preset("two-vcpus-one-housekeeper").expect("a preset");
    for (what, path, bounds) in [
        ("pinned, 2 vCPUs, 2 expiries", PathKind::Pinned, Bounds { vcpus: 2, ..Bounds::DEFAULT }),
        ("posted, 2 vCPUs, 1 expiry", PathKind::Posted, Bounds { vcpus: 2, expiries: 1, ..Bounds::DEFAULT }),
    ] {
        let (mut ours, mut theirs, mut states) = (f64::MAX, f64::MAX, 0);
        for _ in 0..ROUNDS {
            let (seen, took) = timed(|| {
                let mut explore = Explore::new(&scenario, path, bounds, Faults::default());
                assert_eq!(explore.finish(), Verdict::Holds);
                explore.progress().states
            });
            (states, ours) = (seen, ours.min(took));
            let (seen, took) = timed(|| {
                let system = System::new(&scenario, path, bounds, Faults::default());
                let checker = Wrapped(system).checker().spawn_bfs().join();
                assert!(checker.discoveries().is_empty());
                checker.unique_state_count()
            });
            assert_eq!(seen, states, "both reach the same states");
            theirs = theirs.min(took);
        }
        let rate = |seconds: f64| states as f64 / seconds / 1e6;
        println!(
            "{what}: {states} states; {:.2} M states/s, Stateright {:.2} M states/s, ratio {:.1}",
            rate(ours),
            rate(theirs),
            theirs / ours
        );
    }
}
