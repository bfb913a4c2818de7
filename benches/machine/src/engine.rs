//! Who runs the machine: this process, or a worker that runs it as wasm.
//!
//! A worker is Node with a script. It says its name, then answers each line with a line, all of them JSON:
//! `{"open":{"preset":"…","path":"…"}}` or `{"open":{"crowd":VCPUS,"path":"…"}}` with `{}`, and `{"run":TICKS}` with `{"steps":N,"ns":CPU-TIME}`.

use crate::Error;
use crate::workload::Case;
use apic_core::run::Sim;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A stretch of a run.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Turn {
    pub(crate) steps: u32,
    /// What the thread had of a CPU, in ns.
    pub(crate) ns: f64,
}

pub(crate) trait Engine {
    /// With its version.
    fn name(&self) -> &str;
    /// Makes the case's machine, at time zero.
    fn open(&mut self, case: &Case) -> Result<(), Error>;
    /// Goes on until so many more handlers have started.
    fn run(&mut self, ticks: u32) -> Result<Turn, Error>;
}

/// This process.
#[derive(Default)]
pub(crate) struct Native(Option<Sim>);

impl Engine for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn open(&mut self, case: &Case) -> Result<(), Error> {
        self.0 = Some(Sim::new(&case.scenario, case.path));
        Ok(())
    }

    fn run(&mut self, ticks: u32) -> Result<Turn, Error> {
        let start = cpu_time();
        let steps = self.0.as_mut().map_or(0, |sim| sim.run_on_silently(ticks));
        Ok(Turn { steps, ns: cpu_time() - start })
    }
}

/// What this thread has had of a CPU, in ns: whoever else wants one does not count.
#[cfg(unix)]
pub(crate) fn cpu_time() -> f64 {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// The time by the clock, where a thread's own is not at hand.
#[cfg(not(unix))]
pub(crate) fn cpu_time() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |t| t.as_nanos() as f64)
}

/// Another process.
pub(crate) struct Worker {
    name: String,
    child: Child,
    /// Closed, it ends the worker.
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Request<'a> {
    Open { preset: &'a str, crowd: Option<u16>, path: &'a str },
    Run(u32),
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Opened {}

impl Worker {
    pub(crate) fn start(script: &str, engine: &str) -> Result<Self, Error> {
        let pipe = |source| Error::Pipe { worker: engine.to_owned(), source };
        let mut child = Command::new("node")
            .args([script, engine])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(pipe)?;
        let closed = || pipe(std::io::ErrorKind::BrokenPipe.into());
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().ok_or_else(closed)?);
        let mut worker = Self { name: engine.to_owned(), child, to, from };
        worker.name = worker.answer::<Name>()?.name;
        Ok(worker)
    }

    fn ask<A: DeserializeOwned>(&mut self, request: &Request<'_>) -> Result<A, Error> {
        let mut line = serde_json::to_string(request).unwrap_or_default();
        line.push('\n');
        let mut closed = std::io::sink();
        let to: &mut dyn Write = self.to.as_mut().map_or(&mut closed, |to| to);
        to.write_all(line.as_bytes()).map_err(|source| Error::Pipe { worker: self.name.clone(), source })?;
        self.answer()
    }

    fn answer<A: DeserializeOwned>(&mut self) -> Result<A, Error> {
        let mut answer = String::new();
        self.from.read_line(&mut answer).map_err(|source| Error::Pipe { worker: self.name.clone(), source })?;
        serde_json::from_str(&answer).map_err(|_| Error::Answer { worker: self.name.clone(), answer })
    }
}

impl Engine for Worker {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self, case: &Case) -> Result<(), Error> {
        let request = Request::Open { preset: case.preset, crowd: case.crowd(), path: case.path.name() };
        self.ask::<Opened>(&request).map(|_| ())
    }

    fn run(&mut self, ticks: u32) -> Result<Turn, Error> {
        self.ask(&Request::Run(ticks))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It closes its browser when nothing more can come.
        drop(self.to.take());
        let _ended = self.child.wait();
    }
}
