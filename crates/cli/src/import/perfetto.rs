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
use scene::export::trace_event::{Entry, TraceEvents, Track};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The group of the host's CPUs.
const CPUS: u32 = 1;
/// The group of the vCPUs.
const VCPUS: u32 = 2;

/// More CPUs or vCPUs are not followed.
const MOST: usize = 16_384;

/// What is open on a CPU's track.
#[derive(Default)]
struct CpuTrack {
    seen: Option<TraceTime>,
    running: Option<TraceTime>,
    interrupt: Option<(TraceTime, Vector)>,
}

pub(super) struct Perfetto<W: Write> {
    events: TraceEvents<Held<W>>,
    file: String,
    begun: bool,
    cpus: BTreeMap<Cpu, CpuTrack>,
    /// Since when a vCPU is in guest code.
    guests: BTreeMap<Tid, TraceTime>,
    arrows: u64,
}

impl<W: Write> Perfetto<W> {
    pub(super) fn new(out: Held<W>, file: &str) -> Self {
        Self {
            events: TraceEvents::new(out),
            file: file.to_owned(),
            begun: false,
            cpus: BTreeMap::new(),
            guests: BTreeMap::new(),
            arrows: 0,
        }
    }

    fn put(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            self.events.name_process(CPUS, "Host CPUs")?;
            self.events.name_process(VCPUS, "vCPUs")?;
        }
        self.events.put(entry)
    }

    fn name(&mut self, track: Track, name: impl FnOnce() -> String) -> io::Result<()> {
        self.events.name_thread(track, name)
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
                    let entry = slice(event.comm, "sched", track, from, event.time);
                    self.put(&entry.with(json!({ "thread": event.thread.0 })))?;
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
                    self.put(&slice(&name, "irq", track, from, event.time))?;
                }
            }
            EventKind::KvmEntry(_) => {
                self.guests.insert(event.thread, event.time);
            }
            EventKind::KvmExit(_) => {
                if let Some(from) = self.guests.remove(&event.thread) {
                    let entry = slice("guest", "kvm", (VCPUS, event.thread.0), from, event.time);
                    self.put(&entry.with(json!({ "cpu": event.cpu.0 })))?;
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
        let entry = slice(&name, "kvm", (VCPUS, span.thread.0), span.from.time, span.to.time);
        self.put(&entry.with(json!({ "line": span.from.line, "cpu": span.from.cpu.0 })))
    }

    fn callback(&mut self, callback: &Callback) -> io::Result<()> {
        let (from, to) = (callback.from, callback.to);
        let entry = slice("apic_timer_fn", "timer", cpu_track(from.cpu), from.time, to.time);
        let about = json!({ "line": from.line, "vcpu thread": callback.thread.0, "on another CPU": callback.away });
        self.put(&entry.with(about))
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
            let entry = Entry::instant(name, "tick", track, at.time.ns());
            self.put(&entry.with(json!({ "line": at.line, "cpu": at.cpu.0, "tick": tick.number })))?;
        }
        let times = marks.iter().filter_map(|(_, at)| *at).chain(tick.entered).map(|at| at.time);
        if let (Some(from), Some(to)) = (times.clone().min(), times.max()) {
            let name = format!("tick: {}", tick.path.name());
            let id = format!("{}.{}", tick.thread.0, tick.number);
            self.put(&Entry::begin(&name, "tick", track, from.ns(), &id).with(about(tick)))?;
            self.put(&Entry::end(&name, "tick", track, to.ns(), &id))?;
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
        let about = json!({ "rule": tick.path_rule.id(), "arrival": arrival });
        let (tail, head) = (cpu_track(from.cpu), (VCPUS, tick.thread.0));
        self.put(&Entry::tail(name, "ipi", tail, from.time.ns(), &id).with(about.clone()))?;
        self.put(&Entry::head(name, "ipi", head, to.time.ns(), &id).with(about))
    }
}

fn slice<'a>(name: &'a str, cat: &'static str, track: Track, from: TraceTime, to: TraceTime) -> Entry<'a> {
    Entry::slice(name, cat, track, from.ns(), to.ns_since(from))
}

/// Numbers 0 and 1 are a process's own in some viewers.
const fn cpu_track(cpu: Cpu) -> Track {
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
                    self.events.out().release()?;
                    self.name((VCPUS, vcpu.thread.0), || format!("{} ({})", vcpu.comm, vcpu.thread.0))?;
                }
                self.event(event)
            }
            Record::Lost(lost) => {
                // It stands where the last event of its CPU stood; without one there is no time to show it at.
                let Some(cpu) = lost.cpu else { return Ok(()) };
                let Some(at) = self.cpus.get(&cpu).and_then(|track| track.seen) else { return Ok(()) };
                let entry = Entry::instant_everywhere("events lost", "lost", cpu_track(cpu), at.ns());
                self.put(&entry.with(json!({ "line": line, "cpu": cpu.0, "events": lost.events })))
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
        self.events.out().release()?;
        let about = json!({
            "file": self.file,
            "made by": concat!("exitless ", env!("CARGO_PKG_VERSION"), " import --to perfetto"),
            "lines": summary.coverage.lines,
            "lines not understood": summary.coverage.unparsed,
            "places with lost events": summary.missing.markers,
        });
        self.events.finish(&about)
    }
}
