//! Expiries, gathered from the steps of a path.

use crate::narrate::narrate;
use apic_core::effect::Effect;
use apic_core::host::TimerId;
use apic_core::rule::Rule;
use apic_core::run::{History, StepRecord};
use apic_core::scenario::Scenario;
use apic_core::units::{CpuId, Ns, VcpuId};
use apic_core::vmx::ExitPhase;
use serde::Serialize;
use std::ops::Range;

/// Steps replayed at a time, so that a long run is never in memory as a whole.
const CHUNK: usize = 4_096;

/// One expiry of a guest's timer, from where it was queued to its handler.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Expiry {
    /// Which of its vCPU's, from 1.
    pub tick: u32,
    /// Whose.
    pub vcpu: VcpuId,
    /// The deadline that the guest wrote, on the host's clock.
    pub deadline_ns: Ns,
    /// The CPU on which the host's timer fired; none if the deadline had passed when it was written.
    pub fired_on: Option<CpuId>,
    /// Whether that is the CPU that the vCPU runs on.
    pub own_core: bool,
    /// When.
    pub fired_at_ns: Option<Ns>,
    /// Whether it made the vCPU leave its guest code.
    pub exit: bool,
    /// The rule that decided where the timer was queued.
    pub placement_rule: Rule,
    /// The same in words.
    pub sentence: String,
    /// When the guest's handler started; none if it has not yet, or another expiry's handler serves this one too.
    pub handler_at_ns: Option<Ns>,
    /// The handler's start minus the deadline; negative is early.
    pub late_ns: Option<i64>,
}

/// The expiries of a path's first `steps` steps.
pub fn expiries(history: &History, scenario: &Scenario, steps: usize) -> Vec<Expiry> {
    let mut gatherer = Gatherer {
        scenario,
        vcpus: scenario.vcpus.iter().map(|v| PerVcpu::new(v.cpu)).collect(),
        expiries: Vec::new(),
    };
    for chunk in chunks(steps) {
        for record in history.records(chunk) {
            gatherer.step(&record);
        }
    }
    gatherer.expiries
}

/// Steps from 0 to `end`, in pieces that fit into memory.
pub fn chunks(end: usize) -> impl Iterator<Item = Range<usize>> {
    (0..end).step_by(CHUNK).map(move |start| start..(start + CHUNK).min(end))
}

struct Gatherer<'a> {
    scenario: &'a Scenario,
    vcpus: Vec<PerVcpu>,
    expiries: Vec<Expiry>,
}

/// What is known about a vCPU's next expiry.
struct PerVcpu {
    cpu: CpuId,
    deadline: Ns,
    placed: Option<(Rule, String)>,
    /// It left the guest for an expiry whose callback has not started yet.
    exited: bool,
    ticks: u32,
    /// Its last expiry, by place in the list, until a handler starts for it.
    open: Option<usize>,
}

impl PerVcpu {
    fn new(cpu: CpuId) -> Self {
        Self { cpu, deadline: Ns::ZERO, placed: None, exited: false, ticks: 0, open: None }
    }
}

impl Gatherer<'_> {
    fn step(&mut self, record: &StepRecord) {
        // Where no host timer says so: who keeps the deadline, and that it has come.
        if let Some(vcpu) = record.vcpu {
            if matches!(record.rule, Rule::A6h | Rule::A7 | Rule::V1 | Rule::U3) {
                self.vcpus[vcpu.index()].placed = Some((record.rule, narrate(record, self.scenario).text()));
            }
            if matches!(record.rule, Rule::A7 | Rule::Hv4 | Rule::V2 | Rule::U5) {
                self.expired(vcpu, None);
            }
        }
        for effect in &record.effects {
            match *effect {
                Effect::Armed { vcpu, at, .. } => {
                    self.vcpus[vcpu.index()].deadline = at;
                }
                Effect::TimerQueued { timer: TimerId::Lapic(vcpu), rule, .. } => {
                    self.vcpus[vcpu.index()].placed = Some((rule, narrate(record, self.scenario).text()));
                }
                Effect::TimerFired { timer: TimerId::Lapic(vcpu), cpu, .. } => {
                    self.expired(vcpu, Some((cpu, record.at)));
                }
                Effect::Exit { vcpu, phase: ExitPhase::Firing, .. } => self.exited(vcpu),
                Effect::Delivered { vcpu, .. } => self.delivered(vcpu, record.at),
                _ => {}
            }
        }
    }

    /// The host's timer fired, or there was nothing to wait for.
    fn expired(&mut self, vcpu: VcpuId, fired: Option<(CpuId, Ns)>) {
        let v = &mut self.vcpus[vcpu.index()];
        v.ticks += 1;
        let Some((placement_rule, sentence)) = v.placed.take() else { return };
        v.open = Some(self.expiries.len());
        self.expiries.push(Expiry {
            tick: v.ticks,
            vcpu,
            deadline_ns: v.deadline,
            fired_on: fired.map(|(cpu, _)| cpu),
            own_core: fired.is_some_and(|(cpu, _)| cpu == v.cpu),
            fired_at_ns: fired.map(|(_, at)| at),
            exit: std::mem::take(&mut v.exited),
            placement_rule,
            sentence,
            handler_at_ns: None,
            late_ns: None,
        });
    }

    /// The vCPU left its guest code for an expiry: the one before, if that waits for its handler, else the next.
    fn exited(&mut self, vcpu: VcpuId) {
        let v = &mut self.vcpus[vcpu.index()];
        match v.open {
            Some(open) => self.expiries[open].exit = true,
            None => v.exited = true,
        }
    }

    fn delivered(&mut self, vcpu: VcpuId, at: Ns) {
        let Some(open) = self.vcpus[vcpu.index()].open.take() else { return };
        let expiry = &mut self.expiries[open];
        let late = at.as_ns().cast_signed() - expiry.deadline_ns.as_ns().cast_signed();
        expiry.handler_at_ns = Some(at);
        expiry.late_ns = Some(late);
    }
}
