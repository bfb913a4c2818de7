//! The figures, as Markdown and as JSON.

use crate::memory::VcpuMemory;
use crate::recording::Recording;
use serde::Serialize;
use std::fmt::Write as _;

/// All figures of a run.
#[derive(Serialize)]
pub(crate) struct Report {
    rounds: usize,
    /// The native one is the first.
    engines: Vec<String>,
    pub(crate) paths: Vec<PathRow>,
    pub(crate) scaling: Vec<ScaleRow>,
    pub(crate) recording: Option<Recording>,
}

/// What one engine does of one case.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Speed {
    ticks_per_second: f64,
    steps_per_second: f64,
    ns_per_step: f64,
    /// The native one is 1. The median of what the rounds say, as a round's turns are neighbours.
    of_native: f64,
}

impl Speed {
    /// From the ns a tick of each round, and the native engine's in the same rounds.
    pub(crate) fn new(times: &[f64], native: &[f64], steps_per_tick: f64) -> Self {
        let ns_per_tick = median(times.to_vec());
        Self {
            ticks_per_second: 1e9 / ns_per_tick,
            steps_per_second: 1e9 / ns_per_tick * steps_per_tick,
            ns_per_step: ns_per_tick / steps_per_tick,
            of_native: median(times.iter().zip(native).map(|(time, native)| native / time).collect()),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct PathRow {
    pub(crate) path: &'static str,
    pub(crate) scenario: &'static str,
    pub(crate) steps_per_tick: f64,
    /// By engine.
    pub(crate) speeds: Vec<Speed>,
    pub(crate) bytes_per_recorded_tick: u64,
}

#[derive(Serialize)]
pub(crate) struct ScaleRow {
    pub(crate) vcpus: u16,
    pub(crate) path: &'static str,
    pub(crate) steps_per_tick: f64,
    /// By engine.
    pub(crate) speeds: Vec<Speed>,
    pub(crate) memory: VcpuMemory,
}

impl Report {
    pub(crate) fn new(rounds: usize, engines: Vec<String>) -> Self {
        Self { rounds, engines, paths: Vec::new(), scaling: Vec::new(), recording: None }
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = format!(
            "Medians of {} rounds in which the engines took turns; CPU time of one thread. In brackets: of native, in the same \
             round.\n\n",
            self.rounds
        );
        let engines = self.engine_heads();
        let _ = writeln!(
            text,
            "| path | scenario | steps/tick | native M ticks/s | M steps/s | ns/step |{engines} bytes/recorded tick |\n\
             | --- | --- | ---: | ---: | ---: | ---: |{} ---: |",
            " ---: |".repeat(self.engines.len() - 1)
        );
        for row in &self.paths {
            let cells = cells(row.steps_per_tick, &row.speeds);
            let _ = writeln!(text, "| {} | {} | {cells} {} |", row.path, row.scenario, row.bytes_per_recorded_tick);
        }
        let native = self.paths.iter().map(|row| 1.0 / row.speeds[0].ticks_per_second).sum::<f64>();
        let mean = self.paths.len() as f64 / native;
        let _ = write!(text, "\nAs many ticks on each path: {:.2} M ticks/s natively", mean / 1e6);
        for (engine, name) in self.engines.iter().enumerate().skip(1) {
            let other =
                self.paths.iter().map(|row| 1.0 / row.speeds[0].ticks_per_second / row.speeds[engine].of_native);
            let _ = write!(text, "; {name}: {:.2} of it", native / other.sum::<f64>());
        }
        let _ = writeln!(
            text,
            ".\n\n| vCPUs | path | steps/tick | native M ticks/s | M steps/s | ns/step |{engines} machine, bytes/vCPU | driver, bytes/vCPU |\n\
             | ---: | --- | ---: | ---: | ---: | ---: |{} ---: | ---: |",
            " ---: |".repeat(self.engines.len() - 1)
        );
        for row in &self.scaling {
            let cells = cells(row.steps_per_tick, &row.speeds);
            let VcpuMemory { machine, driver } = row.memory;
            let _ = writeln!(text, "| {} | {} | {cells} {machine} | {driver} |", row.vcpus, row.path);
        }
        if let Some(recording) = self.recording {
            let _ = writeln!(
                text,
                "\nA history of {} steps: recorded at {:.1} ns a step; {:.1} µs to go to a random step of it.",
                recording.steps,
                recording.ns_per_step,
                recording.ns_per_seek / 1e3
            );
        }
        text
    }

    fn engine_heads(&self) -> String {
        self.engines.iter().skip(1).fold(String::new(), |mut heads, name| {
            let _ = write!(heads, " {name}, M ticks/s |");
            heads
        })
    }
}

fn cells(steps_per_tick: f64, speeds: &[Speed]) -> String {
    let mut cells = format!("{steps_per_tick:.1} |");
    for (engine, speed) in speeds.iter().enumerate() {
        let ticks = speed.ticks_per_second / 1e6;
        let _ = match engine {
            0 => write!(cells, " {ticks:.2} | {:.1} | {:.1} |", speed.steps_per_second / 1e6, speed.ns_per_step),
            _ => write!(cells, " {ticks:.2} ({:.2}) |", speed.of_native),
        };
    }
    cells
}

/// Of at least one value.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
