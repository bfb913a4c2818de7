//! How fast the machine runs, on one core: timer ticks and steps per second by path, with more and more vCPUs, and the
//! memory that a vCPU takes. Clock driver, every step taken, nothing recorded, unless a line says otherwise.
//!
//! Absolute figures hold for the machine they were taken on, and for its other work.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark is where time is measured")]

use apic_core::host::Topology;
use apic_core::run::{History, Sim};
use apic_core::scenario::{Housekeeper, Load, PathKind, Scenario, Vcpu, preset};
use apic_core::units::CpuId;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Steps and handlers of a stretch of a run, and the time it took.
#[derive(Clone, Copy)]
struct Run {
    steps: u64,
    ticks: u64,
    time: Duration,
}

impl Run {
    fn print(self, what: &str) {
        println!(
            "  {what:<20} {:>6.2} M ticks/s  {:>6.1} M steps/s  {:>5.1} ns/step  {:>4.1} steps/tick",
            self.ticks_per_second() / 1e6,
            self.steps as f64 / self.time.as_secs_f64() / 1e6,
            self.time.as_nanos() as f64 / self.steps as f64,
            self.steps as f64 / self.ticks as f64,
        );
    }

    fn ticks_per_second(self) -> f64 {
        self.ticks as f64 / self.time.as_secs_f64()
    }
}

/// Runs on until so many more handlers have started.
fn run_on(sim: &mut Sim, ticks: u32) -> Run {
    let (steps, handlers) = (sim.steps(), sim.machine().handlers());
    let start = Instant::now();
    while sim.machine().handlers() - handlers < ticks && black_box(sim.step_silently()).is_some() {}
    let time = start.elapsed();
    let (steps, ticks) = (sim.steps() - steps, sim.machine().handlers() - handlers);
    Run { steps: u64::from(steps), ticks: u64::from(ticks), time }
}

/// The median, by time, of seven samples.
fn median(mut sample: impl FnMut() -> Run) -> Run {
    let mut samples: Vec<_> = (0..7).map(|_| sample()).collect();
    samples.sort_by_key(|run| run.time);
    samples[3]
}

/// So many vCPUs in sockets of up to 64 cores, the first core of each a busy housekeeper. Their ticks are spread out.
fn crowd(vcpus: u16) -> Scenario {
    let mut scenario = preset("pinned-vs-offloaded").expect("ships with Exitless");
    let cores = (vcpus + 1).min(64);
    let sockets = vcpus.div_ceil(cores - 1);
    let topology = Topology { sockets, llcs: 1, cores, smt: 1 };
    let keeps_house = |cpu: &CpuId| cpu.0.is_multiple_of(cores);
    let housekeepers = topology.iter().filter(keeps_house);
    scenario.host.housekeepers =
        housekeepers.map(|cpu| Housekeeper { cpu, load: Load::Busy, tick_phase_us: 400 }).collect();
    scenario.host.nohz_full = topology.iter().filter(|cpu| !keeps_house(cpu)).collect();
    scenario.host.topology = topology;
    let isolated = scenario.host.nohz_full.iter().take(vcpus.into());
    scenario.vcpus =
        isolated.map(|cpu| Vcpu { cpu: *cpu, start_us: u64::from(cpu.0) * 37 % 1_000, rival: None }).collect();
    scenario
}

fn main() {
    // `cargo test --benches` only asks whether it runs.
    let quick = std::env::args().any(|a| a == "--test");
    let ticks = if quick { 1_000 } else { 100_000 };
    let scenario = preset("pinned-vs-offloaded").expect("ships with Exitless");
    println!("pinned-vs-offloaded, medians of 7 runs of {ticks} ticks");
    let mut all = Run { steps: 0, ticks: 0, time: Duration::ZERO };
    for path in PathKind::ALL {
        let run = median(|| run_on(&mut Sim::new(&scenario, *path), ticks));
        run.print(path.name());
        all = Run { steps: all.steps + run.steps, ticks: all.ticks + run.ticks, time: all.time + run.time };
    }
    all.print("all");

    println!("more vCPUs, each with a core of its own and a tick of 1 ms, a housekeeper for 63 of them; steady state");
    for vcpus in if quick { &[1, 64][..] } else { &[1, 64, 1_024, 10_000] } {
        let scenario = crowd(*vcpus);
        for path in PathKind::ALL {
            let mut built = Vec::with_capacity(1);
            let memory = allocation_counter::measure(|| built.push(Sim::new(&scenario, *path)));
            // Everybody has armed its timer twice; queues have their size.
            run_on(&mut built[0], u32::from(*vcpus) * 2);
            let run = median(|| run_on(&mut built[0], ticks.max(u32::from(*vcpus))));
            run.print(&format!("{vcpus} {}", path.name()));
            let bytes = memory.bytes_current / i64::from(*vcpus);
            println!("  {:<20} {bytes} bytes a vCPU, its core, clock and constants included", "");
        }
    }

    let mut long = scenario.clone();
    long.run.expiries = if quick { 100 } else { 2_800 };
    let built = median(|| {
        let start = Instant::now();
        let history = History::new(&long, PathKind::Posted);
        Run { steps: history.len() as u64, ticks: 0, time: start.elapsed() }
    });
    println!("history  {} steps recorded in {:.1} ms", built.steps, built.time.as_secs_f64() * 1e3);
    let mut history = History::new(&long, PathKind::Posted);
    let mut seed = 1usize;
    let jump = median(|| {
        let start = Instant::now();
        for _ in 0..1_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            history.seek((seed >> 33) % history.len());
        }
        Run { steps: 1_000, ticks: 0, time: start.elapsed() / 1_000 }
    });
    println!("seek     {:.1} µs to a random step of it", jump.time.as_secs_f64() * 1e6);
}
