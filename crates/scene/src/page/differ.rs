//! What sets the paths of a tick apart, in few words: one line per question, one answer per path.

use super::story::message;
use super::{PageData, PathSteps};
use crate::words;
use apic_core::effect::Effect;
use apic_core::host::TimerId;
use apic_core::rule::Rule;
use apic_core::scenario::Scenario;
use apic_core::units::VcpuId;
use apic_core::vmx::ExitPhase;

/// One question, and the answer of each path for vCPU 0 in this tick.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aspect {
    /// Stable name, for scripts.
    pub key: &'static str,
    /// The question in two or three words.
    pub what: &'static str,
    /// The answers, in the order of the paths.
    pub answers: Vec<String>,
}

impl Aspect {
    /// Whether the paths differ here.
    pub fn differs(&self) -> bool {
        self.answers.windows(2).any(|pair| pair[0] != pair[1])
    }
}

type Answer = fn(&PathSteps, &Scenario) -> String;

const ASPECTS: [(&str, &str, Answer); 7] = [
    ("arming", "exit while arming", |p, _| exits(p, &[ExitPhase::Arming])),
    ("timer", "deadline kept by", keeper),
    ("firing", "exit at expiry", |p, _| exits(p, &[ExitPhase::Firing])),
    ("ipi", "IPI", ipis),
    ("eoi", "exit at EOI", |p, _| exits(p, &[ExitPhase::Eoi])),
    ("other", "other exits", |p, _| exits(p, &[ExitPhase::Halt, ExitPhase::Other])),
    ("late", "handler after the deadline", |p, _| late(p)),
];

impl PageData {
    /// Every question, answered by the whole tick of each path.
    pub fn aspects(&self) -> Vec<Aspect> {
        let answers =
            |answer: Answer| self.paths.iter().enumerate().map(|(i, p)| answer(p, self.scenario_of(i))).collect();
        ASPECTS.iter().map(|(key, what, answer)| Aspect { key, what, answers: answers(*answer) }).collect()
    }
}

fn effects(path: &PathSteps) -> impl Iterator<Item = &Effect> {
    path.records.iter().flat_map(|r| &r.effects)
}

/// Adds an answer, and counts those that are given several times.
fn add(answers: &mut Vec<(String, usize)>, answer: String) {
    match answers.iter_mut().find(|(a, _)| *a == answer) {
        Some((_, n)) => *n += 1,
        None => answers.push((answer, 1)),
    }
}

fn listed(answers: Vec<(String, usize)>, none: &str) -> String {
    let times = |(answer, n): (String, usize)| if n == 1 { answer } else { format!("{n} × {answer}") };
    let all: Vec<String> = answers.into_iter().map(times).collect();
    if all.is_empty() { none.to_owned() } else { all.join(", ") }
}

fn exits(path: &PathSteps, phases: &[ExitPhase]) -> String {
    let mut found = Vec::new();
    for effect in effects(path) {
        if let Effect::Exit { reason, phase, vcpu: VcpuId(0), .. } = effect
            && phases.contains(phase)
        {
            add(&mut found, (*reason).to_owned());
        }
    }
    listed(found, "no exit")
}

fn keeper(path: &PathSteps, scenario: &Scenario) -> String {
    let mut found = Vec::new();
    for record in &path.records {
        if record.vcpu.is_some_and(|v| v != VcpuId(0)) {
            continue;
        }
        match record.rule {
            Rule::A6h => add(&mut found, "preemption timer".to_owned()),
            Rule::V1 => add(&mut found, "virtual timer".to_owned()),
            Rule::U3 => add(&mut found, "userspace".to_owned()),
            _ => {}
        }
        for effect in &record.effects {
            if let Effect::TimerQueued { timer: TimerId::Lapic(VcpuId(0)), cpu, .. } = effect {
                add(&mut found, format!("hrtimer, {}", words::core(*cpu, scenario)));
            }
        }
    }
    listed(found, "nobody")
}

fn ipis(path: &PathSteps, _: &Scenario) -> String {
    let mut found = Vec::new();
    for effect in effects(path) {
        match *effect {
            Effect::IpiSent { vector, from, to, .. } => {
                add(&mut found, format!("{}, core {from} → {to}", message(Some(vector))));
            }
            Effect::DoorbellRung { from, to, .. } => add(&mut found, format!("doorbell, core {from} → {to}")),
            Effect::IpiNotSent { why, .. } | Effect::DoorbellNotRung { why, .. } => {
                add(&mut found, format!("not sent: {}", words::why_not(why)));
            }
            _ => {}
        }
    }
    listed(found, "none")
}

fn late(path: &PathSteps) -> String {
    let mut found = Vec::new();
    for effect in effects(path) {
        if let Effect::Delivered { vcpu: VcpuId(0), late_ns, .. } = *effect {
            let span = words::span(late_ns.unsigned_abs());
            add(&mut found, if late_ns < 0 { format!("{span} early") } else { span });
        }
    }
    listed(found, "no handler")
}
