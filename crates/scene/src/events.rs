//! A step as one JSON object: what `exitless run --events` prints and what native and wasm must agree on.

use crate::narrate::narrate;
use apic_core::effect::Effect;
use apic_core::rule::Rule;
use apic_core::run::StepRecord;
use apic_core::scenario::Scenario;
use apic_core::units::{CpuId, Ns, VcpuId};
use serde::Serialize;

/// The order of the fields is the order of the keys.
#[derive(Serialize)]
struct EventLine<'a> {
    path: &'a str,
    index: u32,
    time_ns: Ns,
    cpu: CpuId,
    vcpu: Option<VcpuId>,
    rule: Rule,
    effects: &'a [Effect],
    sentence: String,
}

/// One line, without its end, for a path by its name: the same bytes on every machine.
pub fn event_line(record: &StepRecord, scenario: &Scenario, path: &str) -> String {
    let line = EventLine {
        path,
        index: record.index,
        time_ns: record.at,
        cpu: record.cpu,
        vcpu: record.vcpu,
        rule: record.rule,
        effects: &record.effects,
        sentence: narrate(record, scenario).text(),
    };
    // Every key is a string and every value plain data, so there is nothing that could fail.
    serde_json::to_string(&line).unwrap_or_default()
}
