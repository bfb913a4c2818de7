//! `exitless import --json`: the summary as one document.

use crate::error::Failure;
use crate::json::write;
use apic_core::run::{Distribution, Summary as Times};
use kvm_trace::{Outcome, Path, Summary};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Write;

#[derive(Serialize)]
struct Document<'a> {
    file: &'a str,
    lines: u64,
    /// By name.
    events: BTreeMap<&'a str, u64>,
    arms: u64,
    arms_by_start: u64,
    disarms: u64,
    restarts: u64,
    expiries: u64,
    expiries_of_unknown_timers: u64,
    expiries_of_the_preemption_timer: u64,
    accepts: u64,
    accepts_of_other_interrupts: u64,
    eois: u64,
    eois_with_nothing_in_service: u64,
    unparsed: u64,
    first_unparsed: Vec<Value>,
    cut: bool,
    ticks: u64,
    /// Accepted ticks by path.
    paths: Map<String, Value>,
    /// All ticks.
    outcomes: Map<String, Value>,
    /// From line to line; `null` where nothing was measured.
    latencies: BTreeMap<&'static str, Option<Times<u64>>>,
    /// Programmed time to expiry, on the timer's clock, ns.
    lateness_ns: Option<Times<i64>>,
    exact: bool,
    exits: Vec<Value>,
    vcpus: Vec<Value>,
    threads_not_followed: u64,
    cpus: Vec<Value>,
    arrivals_not_shown: u64,
    lost: Value,
    order: Value,
    clock_offset_ns: Option<i64>,
    clock_steps: u64,
    first_clock_step: Option<u64>,
    /// Each rule that was followed, and how often.
    rules: Vec<Value>,
}

pub(super) fn print(name: &str, s: &Summary, out: &mut impl Write) -> Result<(), Failure> {
    let times = &s.latencies;
    let all = [
        ("arm_to_expiry_ns", &times.arm_to_expiry),
        ("expiry_to_accept_ns", &times.expiry_to_accept),
        ("accept_to_entry_ns", &times.accept_to_entry),
        ("expiry_to_entry_ns", &times.expiry_to_entry),
    ];
    let distributions = all.iter().map(|(_, d)| *d).chain([&times.lateness.above, &times.lateness.below]);
    let exact = distributions.chain(s.exits.iter().map(|exits| &exits.times)).all(Distribution::is_exact);
    let document = Document {
        file: name,
        lines: s.coverage.lines,
        events: s.events.iter().map(|(name, n)| (&**name, *n)).collect(),
        arms: s.arms,
        arms_by_start: s.arms_by_start,
        disarms: s.disarms,
        restarts: s.restarts,
        expiries: s.expiries,
        expiries_of_unknown_timers: s.expiries_of_unknown,
        expiries_of_the_preemption_timer: s.expiries_hv,
        accepts: s.accepts,
        accepts_of_other_interrupts: s.accepts_of_others,
        eois: s.eois,
        eois_with_nothing_in_service: s.eois_of_nothing,
        unparsed: s.coverage.unparsed,
        first_unparsed: s
            .coverage
            .first_unparsed
            .iter()
            .map(|unparsed| json!({ "line": unparsed.line, "text": unparsed.text }))
            .collect(),
        cut: s.coverage.cut,
        ticks: s.ticks,
        paths: Path::ALL.iter().map(|p| (p.name().to_owned(), s.paths[*p as usize].into())).collect(),
        outcomes: Outcome::ALL.iter().map(|o| (o.name().to_owned(), s.outcomes[*o as usize].into())).collect(),
        latencies: all.into_iter().map(|(name, d)| (name, d.summary())).collect(),
        lateness_ns: times.lateness.summary(),
        exact,
        exits: exits(s),
        vcpus: vcpus(s),
        threads_not_followed: s.threads_not_followed,
        cpus: cpus(s),
        arrivals_not_shown: s.arrivals_not_shown,
        lost: lost(s),
        order: json!({
            "from_ns": s.order.extent.map(|(from, _)| from.ns()),
            "to_ns": s.order.extent.map(|(_, to)| to.ns()),
            "backwards": s.order.backwards,
            "backwards_on_one_cpu": s.order.backwards_on_cpu,
            "first_line": s.order.first.map(|(line, _)| line),
            "farthest_ns": s.order.farthest_ns,
        }),
        clock_offset_ns: s.clocks.offset.map(kvm_trace::ClockOffset::ns),
        clock_steps: s.clocks.steps,
        first_clock_step: s.clocks.first_step,
        rules: s
            .rules
            .iter()
            .map(|(rule, n)| {
                let info = rule.info();
                json!({ "rule": info.id, "times": n, "basis": info.basis.name(), "title": info.title, "what": info.what })
            })
            .collect(),
    };
    write(&document, out)
}

fn exits(s: &Summary) -> Vec<Value> {
    let exit = |e: &kvm_trace::ExitTimes| json!({ "reason": e.reason.name(), "count": e.times.count(), "exit_to_entry_ns": e.times.summary() });
    s.exits.iter().map(exit).collect()
}

fn vcpus(s: &Summary) -> Vec<Value> {
    let vcpu = |v: &kvm_trace::VcpuSeen| {
        json!({
            "thread": v.thread.0,
            "comm": v.comm,
            "vcpu": v.vcpu.map(|vcpu| vcpu.0),
            "apicid": v.apicid.map(|apicid| apicid.0),
            "vector": v.vector.map(|(vector, _)| vector.0),
            "vector_rule": v.vector.map(|(_, rule)| rule.id()),
            "arms": v.arms,
            "ticks": v.ticks,
            "halts": v.halts,
            "moves": v.moves,
            "stays": v.stays.iter().map(|(from, cpu)| json!({ "from_ns": from.ns(), "cpu": cpu.0 })).collect::<Vec<_>>(),
        })
    };
    s.vcpus.iter().map(vcpu).collect()
}

fn cpus(s: &Summary) -> Vec<Value> {
    let cpu = |(cpu, c): &(kvm_trace::Cpu, kvm_trace::CpuSeen)| {
        json!({
            "cpu": cpu.0,
            "events": c.events,
            "expiries_for_other_cpus": c.expiries_for_others,
            "while_idle": c.while_idle,
            "time_for_other_cpus_ns": c.time_for_others_ns,
            "timers_refused": c.refusals,
            "scheduler_tick_ns": c.tick_ns,
        })
    };
    s.cpus.iter().map(cpu).collect()
}

fn lost(s: &Summary) -> Value {
    let span = |span: &kvm_trace::LostSpan| {
        json!({
            "line": span.line,
            "cpu": span.cpu.map(|cpu| cpu.0),
            "events": span.events,
            "after_ns": span.after.map(kvm_trace::TraceTime::ns),
            "before_ns": span.before.map(kvm_trace::TraceTime::ns),
        })
    };
    json!({
        "markers": s.missing.markers,
        "events": s.missing.events,
        "markers_without_number": s.missing.untold,
        "ticks_undecided": s.missing.ticks,
        "spans": s.missing.spans.iter().map(span).collect::<Vec<_>>(),
        "lines_of_threads_not_switched_to": s.missing.unmarked,
        "first_of_those_lines": s.missing.first_unmarked,
    })
}
