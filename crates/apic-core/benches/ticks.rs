//! How fast the machine runs: timer ticks and steps per second and core, clock driver, every step taken, nothing recorded.
//!
//! Absolute figures hold for the machine they were taken on.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark is where time is measured")]

use apic_core::run::{History, Sim};
use apic_core::scenario::{PathKind, Scenario, preset};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Runs `ticks` guest ticks of one path; returns steps and time taken.
fn run(scenario: &Scenario, path: PathKind, ticks: u32) -> (u64, Duration) {
    let mut sim = Sim::new(scenario, path);
    let start = Instant::now();
    while sim.machine().handlers() < ticks {
        if black_box(sim.step_silently()).is_none() {
            break;
        }
    }
    (u64::from(sim.steps()), start.elapsed())
}

/// Median of seven runs.
fn median(mut sample: impl FnMut() -> (u64, Duration)) -> (u64, Duration) {
    let mut samples: Vec<_> = (0..7).map(|_| sample()).collect();
    samples.sort_by_key(|(_, time)| *time);
    samples[3]
}

fn main() {
    const TICKS: u32 = 100_000;
    let quick = std::env::args().any(|a| a == "--test");
    let ticks = if quick { 1_000 } else { TICKS };
    let scenario = preset("pinned-vs-offloaded").expect("ships with Exitless");
    println!("pinned-vs-offloaded, clock driver, nothing recorded, median of 7 runs of {ticks} ticks");
    let (mut all_ticks, mut all_time) = (0.0, Duration::ZERO);
    for path in PathKind::ALL {
        let (steps, time) = median(|| run(&scenario, *path, ticks));
        let per_second = |n: f64| n / time.as_secs_f64() / 1e6;
        println!(
            "  {:<8} {:>6.2} M ticks/s  {:>6.1} M steps/s  {:>5.1} ns/step  {:>4.1} steps/tick",
            path.name(),
            per_second(f64::from(ticks)),
            per_second(steps as f64),
            time.as_nanos() as f64 / steps as f64,
            steps as f64 / f64::from(ticks),
        );
        all_ticks += f64::from(ticks);
        all_time += time;
    }
    println!("  both     {:>6.2} M ticks/s  (promised: at least 1)", all_ticks / all_time.as_secs_f64() / 1e6);

    let mut long = scenario.clone();
    long.run.expiries = if quick { 100 } else { 2_800 };
    let (steps, built) = median(|| {
        let start = Instant::now();
        let history = History::new(&long, PathKind::Posted);
        (history.len() as u64, start.elapsed())
    });
    println!("history  {steps} steps recorded in {:.1} ms", built.as_secs_f64() * 1e3);
    let mut history = History::new(&long, PathKind::Posted);
    let mut seed = 1usize;
    let (_, per_seek) = median(|| {
        let start = Instant::now();
        for _ in 0..1_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            history.seek((seed >> 33) % history.len());
        }
        (0, start.elapsed() / 1_000)
    });
    println!("seek     {:.1} µs to a random step of it", per_seek.as_secs_f64() * 1e6);
}
