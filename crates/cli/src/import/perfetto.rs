//! `--to perfetto`: the trace event format ("Chrome JSON") that Perfetto, Chrome and Speedscope open.
//!
//! Two groups of tracks: the host's CPUs, with the threads that ran, interrupts and timer callbacks; and the vCPUs, with
//! guest code, exits and their ticks. An arrow leads from a callback on another CPU to the vCPU: the IPI, where one is
//! implied. Times are microseconds of the recording's clock. Every tick carries its rules.

use super::Sink;
use super::csv::armed_by;
use super::held::Held;
use kvm_trace::{
    Analysis, At, Callback, Cpu, Event, EventKind, ExitSpan, Fact, Path, Record, Summary, Tick, Tid, TraceTime, Vector,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// The group of the host's CPUs.
const CPUS: u32 = 1;
/// The group of the vCPUs.
const VCPUS: u32 = 2;

/// Tracks beyond this get no name of their own.
const MOST: usize = 16_384;

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    cat: &'static str,
    ph: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    pid: u32,
    tid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Scope of an instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    /// An arrow ends in the slice around its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    #[serde(skip_serializing_if = "Value::is_null")]
    args: Value,
}

impl<'a> Entry<'a> {
    const fn new(ph: &'static str, name: &'a str, (pid, tid): (u32, u32)) -> Self {
        let (ts, dur, id, s, bp) = (None, None, None, None, None);
        Self { name, cat: "", ph, ts, dur, pid, tid, id, s, bp, args: Value::Null }
    }

    fn at(mut self, time: TraceTime) -> Self {
        self.ts = Some(micros(time.ns()));
        self
    }

    fn to(mut self, from: TraceTime, to: TraceTime) -> Self {
        self.dur = Some(micros(to.ns_since(from)));
        self.at(from)
    }
}

fn micros(ns: u64) -> f64 {
    ns as f64 / 1_000.0
}

/// What is open on a CPU's track.
#[derive(Default)]
struct CpuTrack {
    seen: Option<TraceTime>,
    running: Option<TraceTime>,
    interrupt: Option<(TraceTime, Vector)>,
}

pub(super) struct Perfetto<W: Write> {
    out: Held<W>,
    file: String,
    begun: bool,
    cpus: BTreeMap<Cpu, CpuTrack>,
    /// Since when a vCPU is in guest code.
    guests: BTreeMap<Tid, TraceTime>,
    named: BTreeSet<(u32, u32)>,
    arrows: u64,
}

impl<W: Write> Perfetto<W> {
    pub(super) fn new(out: Held<W>, file: &str) -> Self {
        Self {
            out,
            file: file.to_owned(),
            begun: false,
            cpus: BTreeMap::new(),
            guests: BTreeMap::new(),
            named: BTreeSet::new(),
            arrows: 0,
        }
    }

    fn put(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        if self.begun {
            self.out.write_all(b",\n")?;
        } else {
            self.begun = true;
            self.out.write_all(b"{\"traceEvents\":[\n")?;
            for (pid, name) in [(CPUS, "Host CPUs"), (VCPUS, "vCPUs")] {
                let mut entry = Entry::new("M", "process_name", (pid, 0));
                entry.args = json!({ "name": name });
                serde_json::to_writer(&mut self.out, &entry)?;
                self.out.write_all(b",\n")?;
            }
        }
        Ok(serde_json::to_writer(&mut self.out, entry)?)
    }

    fn name(&mut self, track: (u32, u32), name: impl FnOnce() -> String) -> io::Result<()> {
        if self.named.contains(&track) || self.named.len() >= MOST {
            return Ok(());
        }
        self.named.insert(track);
        let mut entry = Entry::new("M", "thread_name", track);
        entry.args = json!({ "name": name() });
        self.put(&entry)
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let track = cpu_track(event.cpu);
        self.name(track, || format!("CPU {}", event.cpu.0))?;
        if self.cpus.len() >= MOST || self.guests.len() >= MOST {
            return Ok(());
        }
        self.cpus.entry(event.cpu).or_default().seen = Some(event.time);
        match event.kind {
            EventKind::SchedSwitch { .. } => {
                let before = self.cpus.entry(event.cpu).or_default().running.replace(event.time);
                if let Some(from) = before {
                    let mut entry = Entry::new("X", event.comm, track).to(from, event.time);
                    entry.cat = "sched";
                    entry.args = json!({ "thread": event.thread.0 });
                    self.put(&entry)?;
                }
            }
            EventKind::IrqEntry { vector } => {
                self.cpus.entry(event.cpu).or_default().interrupt = Some((event.time, vector));
            }
            EventKind::IrqExit { vector } => {
                let begun = self.cpus.entry(event.cpu).or_default().interrupt.take();
                if let Some((from, _)) = begun.filter(|(_, of)| *of == vector) {
                    let stem = event.name.strip_suffix("_exit").unwrap_or(event.name);
                    let name = format!("{stem} {:#04x}", vector.0);
                    let mut entry = Entry::new("X", &name, track).to(from, event.time);
                    entry.cat = "irq";
                    self.put(&entry)?;
                }
            }
            EventKind::KvmEntry(_) => {
                self.guests.insert(event.thread, event.time);
            }
            EventKind::KvmExit(_) => {
                if let Some(from) = self.guests.remove(&event.thread) {
                    let mut entry = Entry::new("X", "guest", (VCPUS, event.thread.0)).to(from, event.time);
                    entry.cat = "kvm";
                    entry.args = json!({ "cpu": event.cpu.0 });
                    self.put(&entry)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn exit(&mut self, span: &ExitSpan) -> io::Result<()> {
        let name = match span.vector {
            Some(vector) => format!("{} {:#04x}", span.reason.name(), vector.0),
            None => span.reason.name().to_owned(),
        };
        let mut entry = Entry::new("X", &name, (VCPUS, span.thread.0)).to(span.from.time, span.to.time);
        entry.cat = "kvm";
        entry.args = json!({ "line": span.from.line, "cpu": span.from.cpu.0 });
        self.put(&entry)
    }

    fn callback(&mut self, callback: &Callback) -> io::Result<()> {
        let (from, to) = (callback.from, callback.to);
        let mut entry = Entry::new("X", "apic_timer_fn", cpu_track(from.cpu)).to(from.time, to.time);
        entry.cat = "timer";
        entry.args = json!({ "line": from.line, "vcpu thread": callback.thread.0, "on another CPU": callback.away });
        self.put(&entry)
    }

    fn tick(&mut self, tick: &Tick) -> io::Result<()> {
        let track = (VCPUS, tick.thread.0);
        let marks = [
            ("armed", tick.armed.map(|armed| armed.at)),
            ("expired", tick.expiry.map(|expiry| expiry.at)),
            ("accepted", tick.accept()),
            ("injected", tick.injected),
            ("EOI", tick.ended),
        ];
        for (name, at) in marks.iter().filter_map(|(name, at)| Some((name, (*at)?))) {
            let mut entry = Entry::new("i", name, track).at(at.time);
            (entry.cat, entry.s) = ("tick", Some("t"));
            entry.args = json!({ "line": at.line, "cpu": at.cpu.0, "tick": tick.number });
            self.put(&entry)?;
        }
        let times = marks.iter().filter_map(|(_, at)| *at).chain(tick.entered).map(|at| at.time);
        if let (Some(from), Some(to)) = (times.clone().min(), times.max()) {
            let name = format!("tick: {}", tick.path.name());
            let id = format!("{}.{}", tick.thread.0, tick.number);
            for (ph, at) in [("b", from), ("e", to)] {
                let mut entry = Entry::new(ph, &name, track).at(at);
                (entry.cat, entry.id) = ("tick", Some(id.clone()));
                if ph == "b" {
                    entry.args = about(tick);
                }
                self.put(&entry)?;
            }
        }
        self.arrow(tick)
    }

    /// From the callback on another CPU to the vCPU.
    fn arrow(&mut self, tick: &Tick) -> io::Result<()> {
        let Some(expiry) = tick.expiry.filter(|expiry| !expiry.at_home) else { return Ok(()) };
        let (name, from, to): (_, At, At) = match (tick.path, tick.exit, tick.accepted) {
            (Path::Posted, _, Some(accepted)) => ("posted notification 0xf2", accepted.at, accepted.at),
            (Path::Offloaded, Some(exit), _) => ("kick 0xfd", expiry.at, exit.at),
            (Path::Offloaded | Path::Woken, None, _) if tick.accept().is_some() => {
                ("left pending", expiry.at, tick.accept().unwrap_or(expiry.at))
            }
            _ => return Ok(()),
        };
        self.arrows += 1;
        let id = format!("arrow {}", self.arrows);
        let arrival = if tick.arrival_is_not_shown() { "not shown (N1)" } else { "inferred" };
        for (ph, track, at) in [("s", cpu_track(from.cpu), from), ("f", (VCPUS, tick.thread.0), to)] {
            let mut entry = Entry::new(ph, name, track).at(at.time);
            (entry.cat, entry.id) = ("ipi", Some(id.clone()));
            entry.bp = (ph == "f").then_some("e");
            entry.args = json!({ "rule": tick.path_rule.id(), "arrival": arrival });
            self.put(&entry)?;
        }
        Ok(())
    }
}

/// Numbers 0 and 1 are a process's own in some viewers.
const fn cpu_track(cpu: Cpu) -> (u32, u32) {
    (CPUS, cpu.0.saturating_add(10))
}

fn about(tick: &Tick) -> Value {
    let rule =
        |rule: kvm_trace::Inference| format!("{} ({}): {}", rule.id(), rule.info().basis.name(), rule.info().title);
    json!({
        "tick": tick.number,
        "path": rule(tick.path_rule),
        "outcome": rule(tick.outcome_rule),
        "expiry": rule(tick.expiry_rule()),
        "armed by": tick.armed.map(|armed| armed_by(armed.by)),
        "arm": tick.armed.map(|_| rule(tick.arm_rule)),
        "lateness ns": tick.lateness_ns(),
        "arm to expiry ns": tick.arm_to_expiry_ns(),
        "expiry to accept ns": tick.expiry_to_accept_ns(),
        "accept to entry ns": tick.accept_to_entry_ns(),
        "refused": tick.refused.map(|(cpu, why)| format!("by CPU {}: {}", cpu.0, rule(why))),
    })
}

impl<W: Write> Sink for Perfetto<W> {
    fn record(&mut self, line: u64, record: &Record<'_>, analysis: &Analysis) -> io::Result<()> {
        match record {
            Record::Event(event) => {
                if let Some(vcpu) = analysis.vcpu(event.thread) {
                    self.out.release()?;
                    self.name((VCPUS, vcpu.thread.0), || format!("{} ({})", vcpu.comm, vcpu.thread.0))?;
                }
                self.event(event)
            }
            Record::Lost(lost) => {
                // It stands where the last event of its CPU stood; without one there is no time to show it at.
                let Some(cpu) = lost.cpu else { return Ok(()) };
                let Some(at) = self.cpus.get(&cpu).and_then(|track| track.seen) else { return Ok(()) };
                let mut entry = Entry::new("i", "events lost", cpu_track(cpu)).at(at);
                (entry.cat, entry.s) = ("lost", Some("g"));
                entry.args = json!({ "line": line, "cpu": cpu.0, "events": lost.events });
                self.put(&entry)
            }
        }
    }

    fn fact(&mut self, fact: &Fact) -> io::Result<()> {
        match fact {
            Fact::Tick(tick) => self.tick(tick),
            Fact::Exit(span) => self.exit(span),
            Fact::Callback(callback) => self.callback(callback),
        }
    }

    fn end(&mut self, summary: Summary) -> io::Result<()> {
        self.out.release()?;
        let about = json!({
            "file": self.file,
            "made by": concat!("exitless ", env!("CARGO_PKG_VERSION"), " import --to perfetto"),
            "lines": summary.coverage.lines,
            "lines not understood": summary.coverage.unparsed,
            "places with lost events": summary.missing.markers,
        });
        writeln!(self.out, "\n],\"displayTimeUnit\":\"ns\",\"otherData\":{about}}}")
    }
}
