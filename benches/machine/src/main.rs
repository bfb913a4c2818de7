//! How fast the machine is, on one core: timer ticks and steps per second by path, with more and more vCPUs, natively and
//! as wasm; and the memory that a vCPU and a recorded tick take. Clock driver, every step taken, nothing recorded, unless
//! a line says otherwise.
//!
//! `machine-bench [--smoke] [--json] [--worker FILE ENGINE...]`: Node runs FILE once for each engine, and these workers run
//! the machine as wasm, in turns with the native one (see [`engine`]). It prints Markdown, or one JSON object. `--smoke`
//! only asks whether everything runs; its figures say nothing.

mod engine;
mod memory;
mod recording;
mod report;
mod workload;

use engine::{Engine, Native, Worker};
use report::{PathRow, Report, ScaleRow, Speed};
use std::process::ExitCode;
use workload::Case;

/// How much is done.
#[derive(Clone, Copy)]
struct Plan {
    /// Engines take turns so many times; figures are medians.
    rounds: usize,
    /// Ticks of one turn, at least; every vCPU has one.
    ticks: u32,
    /// Ticks of a recorded history.
    recorded: u32,
}

const FULL: Plan = Plan { rounds: 7, ticks: 20_000, recorded: 2_800 };
const SMOKE: Plan = Plan { rounds: 1, ticks: 50, recorded: 20 };

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0:?} is no option; valid are --smoke, --json and --worker FILE ENGINE...")]
    Option(String),
    #[error("the worker {worker} cannot be talked to: {source}")]
    Pipe { worker: String, source: std::io::Error },
    #[error("the worker {worker} ended, or answered {answer:?}")]
    Answer { worker: String, answer: String },
    #[error("{first} took {steps} steps, {other} {others}, of the same run: {case}")]
    Differ { case: String, first: String, steps: u32, other: String, others: u32 },
    #[error("a preset cannot be read: {0}")]
    Scenario(#[from] apic_core::scenario::ScenarioError),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    let mut words = std::env::args().skip(1);
    let (mut plan, mut json) = (FULL, false);
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Native::default())];
    while let Some(word) = words.next() {
        match word.as_str() {
            "--smoke" => plan = SMOKE,
            "--json" => json = true,
            "--worker" => {
                let file = words.next().ok_or(Error::Option(word))?;
                for engine in words.by_ref() {
                    engines.push(Box::new(Worker::start(&file, &engine)?));
                }
            }
            _ => return Err(Error::Option(word)),
        }
    }
    let report = measure(plan, &mut engines)?;
    if json {
        println!("{}", serde_json::to_string(&report).unwrap_or_default());
    } else {
        print!("{}", report.markdown());
    }
    Ok(())
}

fn measure(plan: Plan, engines: &mut [Box<dyn Engine>]) -> Result<Report, Error> {
    let mut report = Report::new(plan.rounds, engines.iter().map(|engine| engine.name().to_owned()).collect());
    for case in workload::paths()? {
        let (steps_per_tick, speeds) = speeds(plan, &case, engines)?;
        let bytes_per_recorded_tick = memory::of_history(&case, plan.recorded);
        report.paths.push(PathRow {
            path: case.path.name(),
            scenario: case.preset,
            steps_per_tick,
            speeds,
            bytes_per_recorded_tick,
        });
    }
    for vcpus in workload::SIZES {
        for case in workload::crowds(vcpus)? {
            let (steps_per_tick, speeds) = speeds(plan, &case, engines)?;
            let memory = memory::of_vcpu(&case);
            report.scaling.push(ScaleRow { vcpus, path: case.path.name(), steps_per_tick, speeds, memory });
        }
    }
    report.recording = Some(recording::measure(plan.rounds, plan.recorded)?);
    Ok(report)
}

/// Steps a tick, and everybody's speed. The engines take turns, so that what disturbs the machine disturbs all.
fn speeds(plan: Plan, case: &Case, engines: &mut [Box<dyn Engine>]) -> Result<(f64, Vec<Speed>), Error> {
    eprintln!("{case}");
    let ticks = plan.ticks.max(u32::from(case.vcpus()));
    for engine in &mut *engines {
        engine.open(case)?;
        // Everybody has armed its timer twice, queues have their size, and wasm engines have optimised what is hot.
        engine.run(ticks.max(2 * u32::from(case.vcpus())))?;
    }
    let mut rounds: Vec<Vec<f64>> = vec![Vec::with_capacity(plan.rounds); engines.len()];
    let mut steps_in_all = 0u64;
    for _ in 0..plan.rounds {
        let mut first: Option<u32> = None;
        for (engine, times) in engines.iter_mut().zip(&mut rounds) {
            let turn = engine.run(ticks)?;
            // The same run, wherever it runs.
            match first {
                None => first = Some(turn.steps),
                Some(steps) if steps != turn.steps => {
                    return Err(Error::Differ {
                        case: case.to_string(),
                        first: "the native machine".to_owned(),
                        steps,
                        other: engine.name().to_owned(),
                        others: turn.steps,
                    });
                }
                Some(_) => {}
            }
            times.push(turn.ns / f64::from(ticks));
        }
        steps_in_all += u64::from(first.unwrap_or_default());
    }
    let steps_per_tick = steps_in_all as f64 / (f64::from(ticks) * plan.rounds as f64);
    let speeds = rounds.iter().map(|times| Speed::new(times, &rounds[0], steps_per_tick)).collect();
    Ok((steps_per_tick, speeds))
}
