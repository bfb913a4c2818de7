//! A run as a trace that Perfetto opens, per path two groups of tracks: the host's CPUs, with what they run and their
//! interrupts; and the vCPUs, with guest code, exits, handlers and ticks. An arrow is an IPI.

use super::taken;
use super::trace_event::{Entry, TraceEvents, Track};
use crate::narrate::narrate;
use apic_core::effect::Effect;
use apic_core::host::TimerId;
use apic_core::machine::{Cpu, Machine, Running, Vcpu};
use apic_core::run::{Lockstep, StepRecord};
use apic_core::units::{CpuId, VcpuId, Vector};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

type Name = Cow<'static, str>;

/// What lasts on a track: one thing, and perhaps another within it.
struct Lasting {
    outer: (Name, u64),
    inner: Option<u64>,
}

/// A tick that is not over: its number, and whether it was begun.
#[derive(Clone, Copy, Default)]
struct Tick {
    number: u32,
    open: bool,
}

/// An IPI under way.
struct Flight {
    name: Name,
    from: Track,
    at: u64,
    about: Value,
}

/// One path's tracks.
struct Tracks {
    path: u32,
    cpus: Vec<Lasting>,
    vcpus: Vec<Lasting>,
    ticks: Vec<Tick>,
    flights: BTreeMap<u32, Flight>,
}

/// Numbers 0 and 1 are a process's own in some viewers.
const fn number(of: u16) -> u32 {
    of as u32 + 10
}

impl Tracks {
    const fn cpu(&self, cpu: CpuId) -> Track {
        (10 * self.path + 1, number(cpu.0))
    }

    const fn vcpu(&self, vcpu: VcpuId) -> Track {
        (10 * self.path + 2, number(vcpu.0))
    }

    /// Beside the CPUs, below the first of them.
    const fn vtd(&self) -> Track {
        (10 * self.path + 1, number(0) - 1)
    }
}

fn runs(cpu: &Cpu) -> Name {
    match cpu.running() {
        Running::Idle => "idle".into(),
        Running::Load => "own load".into(),
        Running::Vcpu(v) => format!("vCPU {v}").into(),
    }
}

/// What a vCPU does, if not what it did: guest code, or the exit that led out of it.
fn does(vcpu: &Vcpu, exit: Option<Name>) -> Option<Name> {
    if vcpu.in_guest() { Some("guest".into()) } else { exit }
}

fn message(vector: Option<Vector>) -> Name {
    vector.map_or(Name::Borrowed("AVIC doorbell"), |v| format!("IPI {v}").into())
}

/// Writes a run, beat by beat.
pub struct Perfetto<W> {
    events: TraceEvents<W>,
    paths: Vec<Tracks>,
    from: u64,
}

impl<W: Write> Perfetto<W> {
    /// Names the tracks, as the run stands at its present position.
    ///
    /// # Errors
    /// Those of the output.
    pub fn begin(run: &Lockstep, out: W) -> io::Result<Self> {
        let from = run.last_beat().map_or(0, |beat| beat.at.as_ns());
        let mut events = TraceEvents::new(out);
        let mut paths = Vec::new();
        for (p, history) in run.paths().iter().enumerate() {
            let machine = history.machine();
            let lasting = |outer: Name, inner: bool| Lasting { outer: (outer, from), inner: inner.then_some(from) };
            let outside = || Some("outside guest code".into());
            let tracks = Tracks {
                path: p as u32,
                cpus: machine.cpus().iter().map(|c| lasting(runs(c), c.in_interrupt())).collect(),
                vcpus: machine
                    .vcpus()
                    .iter()
                    .map(|v| lasting(does(v, outside()).unwrap_or_default(), v.in_guest() && v.in_handler()))
                    .collect(),
                ticks: vec![Tick::default(); machine.vcpus().len()],
                flights: BTreeMap::new(),
            };
            let title = history.way().title();
            events.name_process(tracks.cpu(CpuId(0)).0, &format!("{title}: host CPUs"))?;
            events.name_process(tracks.vcpu(VcpuId(0)).0, &format!("{title}: vCPUs"))?;
            for cpu in 0..machine.cpus().len() as u16 {
                events.name_thread(tracks.cpu(CpuId(cpu)), || format!("CPU {cpu}"))?;
            }
            for vcpu in 0..machine.vcpus().len() as u16 {
                events.name_thread(tracks.vcpu(VcpuId(vcpu)), || format!("vCPU {vcpu}"))?;
            }
            paths.push(tracks);
        }
        Ok(Self { events, paths, from })
    }

    /// What the last beat did.
    ///
    /// # Errors
    /// Those of the output.
    pub fn beat(&mut self, run: &Lockstep) -> io::Result<()> {
        for (p, history, record) in taken(run) {
            let Some(tracks) = self.paths.get_mut(p) else { continue };
            let about = json!({
                "step": record.index,
                "rule": record.rule.id(),
                "sentence": narrate(record, run.scenario_of(p)).text(),
            });
            tracks.follow(record, history.machine(), &mut self.events)?;
            for effect in &record.effects {
                tracks.effect(record, effect, &about, &mut self.events)?;
            }
        }
        Ok(())
    }

    /// Ends what lasts, at the run's present position.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self, run: &Lockstep) -> io::Result<()> {
        let now = run.last_beat().map_or(self.from, |beat| beat.at.as_ns());
        for tracks in &mut self.paths {
            tracks.end(now, &mut self.events)?;
        }
        let meta = &run.scenario().meta;
        self.events.finish(&json!({
            "made by": concat!("exitless ", env!("CARGO_PKG_VERSION"), " render --format perfetto"),
            "title": meta.title,
            "provenance": "simulated",
            "seed": run.scenario().run.seed,
            "paths": run.paths().iter().map(|history| history.way().key()).collect::<Vec<_>>(),
        }))
    }
}

/// Writes what a track showed until now, and goes on with the next: `next` is what lasts from now, `within` whether
/// there is something within it.
fn turn<W: Write>(
    lasting: &mut Lasting,
    (next, within): (Option<Name>, bool),
    (track, inner): (Track, &str),
    now: u64,
    events: &mut TraceEvents<W>,
) -> io::Result<()> {
    let next = next.filter(|next| *next != lasting.outer.0);
    if let Some(since) = lasting.inner.filter(|_| next.is_some() || !within) {
        lasting.inner = None;
        events.put(&Entry::slice(inner, "model", track, since, now - since))?;
    }
    if let Some(next) = next {
        let (name, since) = std::mem::replace(&mut lasting.outer, (next, now));
        if now > since {
            events.put(&Entry::slice(&name, "model", track, since, now - since))?;
        }
    }
    if within && lasting.inner.is_none() {
        lasting.inner = Some(now);
    }
    Ok(())
}

impl Tracks {
    /// What lasts, as the machine is after a step.
    fn follow<W: Write>(
        &mut self,
        record: &StepRecord,
        machine: &Machine,
        events: &mut TraceEvents<W>,
    ) -> io::Result<()> {
        let now = record.at.as_ns();
        for (i, cpu) in machine.cpus().iter().enumerate() {
            let at = (self.cpu(CpuId(i as u16)), "host interrupt");
            if let Some(lasting) = self.cpus.get_mut(i) {
                turn(lasting, (Some(runs(cpu)), cpu.in_interrupt()), at, now, events)?;
            }
        }
        for (i, vcpu) in machine.vcpus().iter().enumerate() {
            let id = VcpuId(i as u16);
            let exit = record.effects.iter().find_map(|effect| match effect {
                Effect::Exit { vcpu, reason, vector, .. } if *vcpu == id => {
                    Some(vector.map_or(Name::Borrowed(*reason), |v| format!("{reason} {v}").into()))
                }
                _ => None,
            });
            let (at, within) = ((self.vcpu(id), "handler"), vcpu.in_guest() && vcpu.in_handler());
            if let Some(lasting) = self.vcpus.get_mut(i) {
                turn(lasting, (does(vcpu, exit), within), at, now, events)?;
            }
        }
        Ok(())
    }

    /// What happens at once, ticks, and arrows.
    fn effect<W: Write>(
        &mut self,
        record: &StepRecord,
        effect: &Effect,
        about: &Value,
        events: &mut TraceEvents<W>,
    ) -> io::Result<()> {
        let now = record.at.as_ns();
        let mut mark = |name: &str, track| events.put(&Entry::instant(name, "model", track, now).with(about.clone()));
        match *effect {
            Effect::Armed { vcpu, .. } => {
                mark("armed", self.vcpu(vcpu))?;
                self.tick(vcpu, now, true, events)
            }
            Effect::Delivered { vcpu, .. } => {
                mark("handler starts", self.vcpu(vcpu))?;
                self.tick(vcpu, now, false, events)
            }
            Effect::TimerQueued { timer: TimerId::Lapic(_), cpu, rule, .. } => {
                mark(&format!("timer queued ({})", rule.id()), self.cpu(cpu))
            }
            Effect::TimerRefused { timer: TimerId::Lapic(_), target, rule, .. } => {
                mark(&format!("timer refused ({})", rule.id()), self.cpu(target))
            }
            Effect::TimerFired { timer: TimerId::Lapic(_), cpu, .. } => mark("hrtimer fires", self.cpu(cpu)),
            Effect::IpiNotSent { vector, from, .. } => {
                mark(&format!("{} not sent", message(Some(vector))), self.cpu(from))
            }
            Effect::DoorbellNotRung { from, .. } => mark("AVIC doorbell not rung", self.cpu(from)),
            Effect::IpiSent { id, vector, from, .. } => {
                self.sent(id, message(Some(vector)), self.cpu(from), now, about);
                Ok(())
            }
            Effect::DoorbellRung { id, from, .. } => {
                self.sent(id, message(None), self.cpu(from), now, about);
                Ok(())
            }
            Effect::NotificationSent { id, vector, .. } => {
                // An arrow begins in a slice, if only in one that takes no time.
                let track = self.vtd();
                events.put(&Entry::slice("notifies", "vtd", track, now, 0))?;
                self.sent(id, format!("notification {vector}").into(), track, now, about);
                Ok(())
            }
            Effect::IpiArrived { id, to, .. }
            | Effect::DoorbellHeard { id, to, .. }
            | Effect::NotificationArrived { id, to, .. } => self.arrived(id, to, now, about, events),
            Effect::SelfIpi { vector, cpu, .. } => mark(&format!("{} to itself", message(Some(vector))), self.cpu(cpu)),
            Effect::DevicePosted { device, .. } => {
                events.name_thread(self.vtd(), || "VT-d units".to_owned())?;
                let name = format!("device {device} posts");
                events.put(&Entry::instant(&name, "vtd", self.vtd(), now).with(about.clone()))
            }
            Effect::NotificationNotSent { .. } => mark("no notification", self.vtd()),
            Effect::DeviceDelivered { vcpu, .. } => mark("device handler starts", self.vcpu(vcpu)),
            _ => Ok(()),
        }
    }

    fn sent(&mut self, id: u32, name: Name, from: Track, at: u64, about: &Value) {
        self.flights.insert(id, Flight { name, from, at, about: about.clone() });
    }

    /// An arrow has both its ends, or is not written.
    fn arrived<W: Write>(
        &mut self,
        id: u32,
        to: CpuId,
        now: u64,
        about: &Value,
        events: &mut TraceEvents<W>,
    ) -> io::Result<()> {
        let Some(Flight { name, from, at, about: sent }) = self.flights.remove(&id) else { return Ok(()) };
        let id = format!("{}.{id}", self.path);
        events.put(&Entry::tail(&name, "ipi", from, at, &id).with(sent))?;
        events.put(&Entry::head(&name, "ipi", self.cpu(to), now, &id).with(about.clone()))
    }

    /// A tick lasts from arming to its handler, or to the next arming.
    fn tick<W: Write>(&mut self, vcpu: VcpuId, now: u64, begins: bool, events: &mut TraceEvents<W>) -> io::Result<()> {
        let (path, track) = (self.path, self.vcpu(vcpu));
        let Some(tick) = self.ticks.get_mut(vcpu.index()) else { return Ok(()) };
        let id = |number: u32| format!("{path}.{vcpu}.{number}");
        if std::mem::replace(&mut tick.open, begins) {
            events.put(&Entry::end("tick", "tick", track, now, &id(tick.number)))?;
        }
        if begins {
            tick.number += 1;
            events.put(&Entry::begin("tick", "tick", track, now, &id(tick.number)))?;
        }
        Ok(())
    }

    fn end<W: Write>(&mut self, now: u64, events: &mut TraceEvents<W>) -> io::Result<()> {
        for cpu in 0..self.cpus.len() {
            let at = (self.cpu(CpuId(cpu as u16)), "host interrupt");
            turn(&mut self.cpus[cpu], (Some(Name::default()), false), at, now, events)?;
        }
        for i in 0..self.vcpus.len() {
            let vcpu = VcpuId(i as u16);
            let at = (self.vcpu(vcpu), "handler");
            turn(&mut self.vcpus[i], (Some(Name::default()), false), at, now, events)?;
            self.tick(vcpu, now, false, events)?;
        }
        for flight in std::mem::take(&mut self.flights).into_values() {
            let name = format!("{} under way", flight.name);
            events.put(&Entry::instant(&name, "ipi", flight.from, flight.at).with(flight.about))?;
        }
        Ok(())
    }
}
