//! What a path's steps mean for the picture, in time and not yet in pixels.

use super::{Doing, PathSteps};
use crate::words;
use apic_core::effect::{Bank, Effect, Field, NotSent};
use apic_core::host::TimerId;
use apic_core::rule::Rule;
use apic_core::run::STEP_NS;
use apic_core::run::StepRecord;
use apic_core::scenario::Scenario;
use apic_core::units::{CpuId, Ns, VcpuId, Vector};
use apic_core::vmx::ExitPhase;

/// A step, where it stands on the axis, and its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct At {
    pub(crate) ns: u64,
    pub(crate) time: u64,
    pub(crate) step: u32,
}

/// Something that lasts: `None` is beyond the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stretch {
    pub(crate) cpu: CpuId,
    pub(crate) from: Option<At>,
    pub(crate) to: Option<At>,
}

/// What a core does when nothing interrupts it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base {
    pub(crate) on: Stretch,
    pub(crate) doing: Doing,
}

/// A VM exit up to the next entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    pub(crate) on: Stretch,
    pub(crate) vcpu: VcpuId,
    pub(crate) reason: &'static str,
    pub(crate) vector: Option<Vector>,
    pub(crate) phase: ExitPhase,
}

/// A host interrupt on a core that runs no guest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Irq {
    pub(crate) on: Stretch,
    /// The host's own affair: its tick.
    pub(crate) quiet: bool,
}

/// A busy-wait for the deadline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spin {
    pub(crate) cpu: CpuId,
    pub(crate) from: At,
    pub(crate) to: u64,
}

/// A guest's handler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handler {
    pub(crate) on: Stretch,
    pub(crate) vcpu: VcpuId,
    pub(crate) vector: Option<Vector>,
}

/// A guest timer on a host queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queued {
    pub(crate) vcpu: VcpuId,
    /// Where it was armed.
    pub(crate) home: CpuId,
    pub(crate) armed: Option<At>,
    pub(crate) rule: Option<Rule>,
    /// On whose queue.
    pub(crate) cpu: CpuId,
    pub(crate) expires: Ns,
    pub(crate) fired: Option<At>,
    pub(crate) cancelled: Option<At>,
}

/// An offer that was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) at: At,
    pub(crate) by: CpuId,
    pub(crate) home: CpuId,
    pub(crate) next: Ns,
    pub(crate) rule: Rule,
}

/// An IPI.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ipi {
    pub(crate) id: u32,
    /// `None` is an AVIC doorbell.
    pub(crate) vector: Option<Vector>,
    /// `None` is the VT-d unit.
    pub(crate) from: Option<CpuId>,
    pub(crate) to: CpuId,
    pub(crate) sent: Option<At>,
    pub(crate) arrived: Option<At>,
}

/// An IPI that was not sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoIpi {
    pub(crate) at: At,
    pub(crate) vector: Option<Vector>,
    /// `None` is the VT-d unit.
    pub(crate) from: Option<CpuId>,
    pub(crate) to: CpuId,
    pub(crate) why: NotSent,
}

/// A change of a field, in few words, on the core that made it.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) at: At,
    pub(crate) cpu: CpuId,
    pub(crate) text: String,
}

/// A path's page.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) bases: Vec<Base>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) irqs: Vec<Irq>,
    pub(crate) spins: Vec<Spin>,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) timers: Vec<Queued>,
    pub(crate) refused: Vec<Refused>,
    pub(crate) ipis: Vec<Ipi>,
    pub(crate) no_ipis: Vec<NoIpi>,
    pub(crate) notes: Vec<Note>,
    /// Times of the steps that earn a column: all but the host's own ticks and loads.
    pub(crate) columns: Vec<u64>,
}

/// Whether a step on a housekeeper may belong to an interrupt.
const fn begins_interrupt(rule: Rule) -> bool {
    matches!(rule, Rule::I1 | Rule::C3 | Rule::I2 | Rule::I3)
}

const fn ends_interrupt(rule: Rule) -> bool {
    matches!(rule, Rule::T2 | Rule::T3 | Rule::I2 | Rule::I3)
}

/// Steps of the host's own: they earn a column only as part of an interrupt that fires a guest's timer.
const fn is_host_affair(rule: Rule) -> bool {
    matches!(rule, Rule::K1 | Rule::I1 | Rule::C3 | Rule::T1 | Rule::T2 | Rule::T3 | Rule::H1 | Rule::H2)
}

struct Teller<'a> {
    scenario: &'a Scenario,
    /// Steps stand at equal distances: what lasts lasts until the next.
    even: bool,
    story: Story,
    /// Times of host steps that wait to learn whether their interrupt matters, by CPU.
    held: Vec<(CpuId, u64)>,
}

impl Story {
    pub(crate) const fn nothing() -> Self {
        Self {
            bases: Vec::new(),
            gaps: Vec::new(),
            irqs: Vec::new(),
            spins: Vec::new(),
            handlers: Vec::new(),
            timers: Vec::new(),
            refused: Vec::new(),
            ipis: Vec::new(),
            no_ipis: Vec::new(),
            notes: Vec::new(),
            columns: Vec::new(),
        }
    }

    pub(crate) fn of(path: &PathSteps, scenario: &Scenario) -> Self {
        let mut t = Teller { scenario, even: path.even, story: Self::nothing(), held: Vec::new() };
        t.begin(path);
        for (record, ns) in path.records.iter().zip(&path.places) {
            t.step(record, At { ns: *ns, time: record.at.as_ns(), step: record.index });
        }
        t.story
    }

    /// Whether any part of the page happens on this CPU.
    pub(crate) fn involves(&self, cpu: CpuId) -> bool {
        self.irqs.iter().any(|i| i.on.cpu == cpu && !i.quiet)
            || self.timers.iter().any(|q| q.cpu == cpu)
            || self.refused.iter().any(|r| r.by == cpu)
            || self.ipis.iter().any(|i| i.from == Some(cpu) || i.to == cpu)
            || self.notes.iter().any(|n| n.cpu == cpu)
    }
}

impl Teller<'_> {
    fn home(&self, vcpu: VcpuId) -> CpuId {
        self.scenario.vcpus.get(vcpu.index()).map_or(CpuId(0), |v| v.cpu)
    }

    fn hosts_guest(&self, cpu: CpuId) -> bool {
        self.scenario.vcpus.iter().any(|v| v.cpu == cpu)
    }

    fn begin(&mut self, path: &PathSteps) {
        for (i, doing) in path.start.cpus.iter().enumerate() {
            let on = Stretch { cpu: CpuId(i as u16), from: None, to: None };
            // A guest's lane is guest code from edge to edge; exits are gaps in it.
            let base = match *doing {
                Doing::Kvm(vcpu) => {
                    let (reason, vector, phase) = ("", None, ExitPhase::Other);
                    self.story.gaps.push(Gap { on, vcpu, reason, vector, phase });
                    Doing::Guest(vcpu)
                }
                other => other,
            };
            self.story.bases.push(Base { on, doing: base });
        }
        for vcpu in &path.start.in_handler {
            let on = Stretch { cpu: self.home(*vcpu), from: None, to: None };
            self.story.handlers.push(Handler { on, vcpu: *vcpu, vector: None });
        }
        for (vcpu, cpu, expires) in &path.start.timers {
            self.story.timers.push(Queued {
                vcpu: *vcpu,
                home: self.home(*vcpu),
                armed: None,
                rule: None,
                cpu: *cpu,
                expires: *expires,
                fired: None,
                cancelled: None,
            });
        }
    }

    fn step(&mut self, record: &StepRecord, at: At) {
        let guest_core = self.hosts_guest(record.cpu);
        // The VT-d unit's steps are no core's.
        if !guest_core && !matches!(record.rule, Rule::Vd1 | Rule::Vd2) {
            self.interrupt(record, at);
        }
        for effect in &record.effects {
            self.effect(record, effect, at);
        }
        if record.rule == Rule::G1
            && let Some(h) = self.story.handlers.iter_mut().rev().find(|h| Some(h.vcpu) == record.vcpu)
        {
            h.on.to.get_or_insert(at);
        }
        if is_host_affair(record.rule) && !guest_core {
            let open = self.story.irqs.iter().any(|i| i.on.cpu == record.cpu && i.on.to.is_none() && !i.quiet)
                || self.story.irqs.last().is_some_and(|i| i.on.cpu == record.cpu && i.on.to == Some(at) && !i.quiet);
            if open {
                self.story.columns.push(at.ns);
            } else {
                self.held.push((record.cpu, at.ns));
            }
        } else {
            self.story.columns.push(at.ns);
        }
    }

    /// Follows host interrupts on cores without a guest.
    fn interrupt(&mut self, record: &StepRecord, at: At) {
        let cpu = record.cpu;
        let open = self.story.irqs.iter().rposition(|i| i.on.cpu == cpu && i.on.to.is_none());
        let open = match open {
            None if begins_interrupt(record.rule) => {
                let on = Stretch { cpu, from: Some(at), to: None };
                self.story.irqs.push(Irq { on, quiet: true });
                self.story.irqs.len() - 1
            }
            None => {
                if record.rule == Rule::K1 {
                    self.held.retain(|(c, _)| *c != cpu);
                }
                return;
            }
            Some(i) => i,
        };
        let irq = &mut self.story.irqs[open];
        if record.vcpu.is_some() && irq.quiet {
            irq.quiet = false;
            // What led here matters after all.
            let columns = &mut self.story.columns;
            self.held.retain(|(c, ns)| {
                let mine = *c == cpu;
                if mine {
                    columns.push(*ns);
                }
                !mine
            });
        }
        if ends_interrupt(record.rule) {
            irq.on.to = Some(at);
        }
    }

    fn effect(&mut self, record: &StepRecord, effect: &Effect, at: At) {
        let story = &mut self.story;
        match *effect {
            Effect::Exit { vcpu, cpu, reason, vector, phase } => {
                let on = Stretch { cpu, from: Some(at), to: None };
                story.gaps.push(Gap { on, vcpu, reason, vector, phase });
            }
            Effect::Enter { vcpu, .. } => {
                if let Some(gap) = story.gaps.iter_mut().rev().find(|g| g.vcpu == vcpu && g.on.to.is_none()) {
                    gap.on.to = Some(at);
                }
            }
            Effect::DoorbellRung { id, from, to, .. } => {
                story.sent(at, id, None, Some(from), to);
            }
            Effect::DoorbellHeard { id, from, to, .. } => story.arrived(at, id, None, Some(from), to),
            Effect::DoorbellNotRung { from, to, why, .. } => {
                story.no_ipis.push(NoIpi { at, vector: None, from: Some(from), to, why });
            }
            Effect::IpiSent { id, vector, from, to, .. } => story.sent(at, id, Some(vector), Some(from), to),
            Effect::IpiArrived { id, vector, from, to } => story.arrived(at, id, Some(vector), Some(from), to),
            Effect::IpiNotSent { vector, from, to, why, .. } => {
                story.no_ipis.push(NoIpi { at, vector: Some(vector), from: Some(from), to, why });
            }
            Effect::NotificationSent { id, vector, to, .. } => story.sent(at, id, Some(vector), None, to),
            Effect::NotificationArrived { id, vector, to } => story.arrived(at, id, Some(vector), None, to),
            Effect::NotificationNotSent { vector, to, why, .. } => {
                story.no_ipis.push(NoIpi { at, vector: Some(vector), from: None, to, why });
            }
            Effect::TimerQueued { timer: TimerId::Lapic(vcpu), cpu, expires, rule } => {
                let (armed, rule) = (Some(at), Some(rule));
                let home = self.home(vcpu);
                self.story.timers.push(Queued { vcpu, home, armed, rule, cpu, expires, fired: None, cancelled: None });
            }
            Effect::TimerRefused { timer: TimerId::Lapic(vcpu), target, target_expires_next, rule, .. } => {
                let home = self.home(vcpu);
                self.story.refused.push(Refused { at, by: target, home, next: target_expires_next, rule });
            }
            Effect::TimerFired { timer: TimerId::Lapic(vcpu), .. } => {
                if let Some(q) = open_timer(&mut story.timers, vcpu) {
                    q.fired = Some(at);
                }
            }
            Effect::TimerCancelled { timer: TimerId::Lapic(vcpu), .. } => {
                if let Some(q) = open_timer(&mut story.timers, vcpu) {
                    q.cancelled = Some(at);
                }
            }
            Effect::Waited { cpu, spin, .. } if spin > Ns::ZERO => {
                let to = at.ns.saturating_add(if self.even { STEP_NS } else { spin.as_ns() });
                story.spins.push(Spin { cpu, from: at, to });
            }
            Effect::Delivered { vcpu, vector, .. } | Effect::DeviceDelivered { vcpu, vector, .. } => {
                let on = Stretch { cpu: record.cpu, from: Some(at), to: None };
                story.handlers.push(Handler { on, vcpu, vector: Some(vector) });
            }
            Effect::Load { cpu, busy } => {
                if let Some(base) = story.bases.iter_mut().rev().find(|b| b.on.cpu == cpu) {
                    base.on.to = Some(at);
                }
                let on = Stretch { cpu, from: Some(at), to: None };
                story.bases.push(Base { on, doing: if busy { Doing::Load } else { Doing::Idle } });
            }
            Effect::Bit { bank: Bank::Pir, vector, on: true, .. } => {
                let by = if record.rule == Rule::Vd1 { "VT-d: " } else { "" };
                story.notes.push(Note { at, cpu: record.cpu, text: format!("{by}PIR[{vector}] ← 1") });
            }
            Effect::Bit { bank: Bank::Pir, vector, on: false, .. } => {
                story.notes.push(Note { at, cpu: record.cpu, text: format!("PIR[{vector}] → VIRR") });
            }
            Effect::Set { field: Field::On, from, to, .. } => {
                story.notes.push(Note { at, cpu: record.cpu, text: format!("ON {from} → {to}") });
            }
            Effect::Set { field: Field::Sn, from, to, .. } => {
                story.notes.push(Note { at, cpu: record.cpu, text: format!("SN {from} → {to}") });
            }
            Effect::Set { field: Field::Nv, from, to, .. } => {
                story.notes.push(Note { at, cpu: record.cpu, text: format!("NV {from:#x} → {to:#x}") });
            }
            Effect::Set { field: Field::Ndst, from, to, .. } => {
                story.notes.push(Note { at, cpu: record.cpu, text: format!("NDST {from} → {to}") });
            }
            _ => {}
        }
    }
}

impl Story {
    fn sent(&mut self, at: At, id: u32, vector: Option<Vector>, from: Option<CpuId>, to: CpuId) {
        self.ipis.push(Ipi { id, vector, from, to, sent: Some(at), arrived: None });
    }

    fn arrived(&mut self, at: At, id: u32, vector: Option<Vector>, from: Option<CpuId>, to: CpuId) {
        match self.ipis.iter_mut().find(|i| i.id == id) {
            Some(ipi) => ipi.arrived = Some(at),
            None => self.ipis.push(Ipi { id, vector, from, to, sent: None, arrived: Some(at) }),
        }
    }
}

fn open_timer(timers: &mut [Queued], vcpu: VcpuId) -> Option<&mut Queued> {
    timers.iter_mut().rev().find(|q| q.vcpu == vcpu && q.fired.is_none() && q.cancelled.is_none())
}

impl Gap {
    /// The reason in words a reader knows.
    pub(crate) fn reason_words(&self) -> String {
        match (self.reason, self.vector) {
            ("MSR_WRITE", _) => "WRMSR deadline".to_owned(),
            (other, Some(vector)) => format!("{other} {vector}"),
            (other, None) => other.to_owned(),
        }
    }

    /// From exit to entry, if both are on the page.
    pub(crate) fn lasted(&self) -> Option<u64> {
        Some(self.on.to?.time.saturating_sub(self.on.from?.time))
    }
}

impl Refused {
    /// "core 0 refused: next event never".
    pub(crate) fn words(&self, scenario: &Scenario) -> String {
        let core = words::core(self.by, scenario);
        if self.rule == Rule::R4 {
            format!("{core} refused: in its timer interrupt")
        } else if self.next.is_never() {
            format!("{core} refused: next event never")
        } else {
            format!("{core} refused: next event at {}", words::moment(self.next))
        }
    }
}

/// "0xf2"; "doorbell" for the one message that has no vector.
pub(crate) fn message(vector: Option<Vector>) -> String {
    vector.map_or_else(|| "doorbell".to_owned(), |v| v.to_string())
}

/// "IPI, vector 0xf2".
pub(crate) fn message_words(vector: Option<Vector>, from: Option<CpuId>) -> String {
    let kind = if from.is_some() { "IPI" } else { "VT-d notification" };
    vector.map_or_else(|| "AVIC doorbell".to_owned(), |v| format!("{kind}, vector {v}"))
}

/// Who sent it, in attributes: the number of a core, or "vtd".
pub(crate) fn sender(from: Option<CpuId>) -> String {
    from.map_or_else(|| "vtd".to_owned(), |cpu| cpu.to_string())
}

/// "0xf2", beside the flight; "VT-d 0xf2" where no core is its origin.
pub(crate) fn flight_text(vector: Option<Vector>, from: Option<CpuId>) -> String {
    let text = message(vector);
    if from.is_some() { text } else { format!("VT-d {text}") }
}
