//! The model's run of a recording's arms: which path is expected, at what costs, and what such a run would leave in a
//! recording, read back by the rules that the recording itself is read by.

use super::told::{Recorded, Told};
use crate::error::Failure;
use crate::ftrace;
use crate::import::Source;
use apic_core::run::{Calibration, ExitTimes, History, calibrate};
use apic_core::scenario::{Arm, OwnCosts, PathKind, Scenario};
use kvm_trace::{Path, Tid};
use std::collections::BTreeMap;
use std::io::Cursor;

/// What the model did.
pub(super) struct Model {
    /// Its ticks, one per arm, as far as it came.
    pub(super) ticks: Vec<Told>,
    /// Handlers started.
    pub(super) handlers: u64,
    /// It has more steps than are kept.
    pub(super) cut: bool,
}

/// The path that the recording's ticks took, as far as they tell, and why it is that.
pub(super) fn expected(ticks: &BTreeMap<u64, &Told>) -> (PathKind, &'static str) {
    let any = |what: &dyn Fn(&Told) -> bool| ticks.values().any(|told| what(told));
    if any(&|t| t.path == Path::Hv) {
        return (PathKind::PreemptionTimer, "the preemption timer kept deadlines in the recording");
    }
    if any(&|t| t.in_callback) {
        return (PathKind::Posted, "interrupts were accepted in the timer's callback, on another CPU");
    }
    if any(&|t| t.fired.is_some_and(|(_, at_home)| !at_home)) {
        return (PathKind::NotPosted, "timers fired on another CPU, and none was accepted there");
    }
    if !any(&|t| t.apicv) && any(&|t| t.by_software) {
        return (PathKind::NoApicv, "every timer fired on the vCPU's own CPU, and KVM saw injections or EOIs");
    }
    (PathKind::Pinned, "every timer fired on the vCPU's own CPU")
}

/// Puts the arms into the scenario, and one path.
pub(super) fn replay(scenario: &mut Scenario, arms: Vec<Arm>, path: PathKind) {
    scenario.run.expiries = u32::try_from(arms.len()).unwrap_or(u32::MAX);
    scenario.guest.arms = arms;
    scenario.run.paths = vec![path];
}

/// Fits the scenario's costs to the thread's exits, if it has any that the model makes as well. HLT is left out: it includes
/// sleep.
pub(super) fn fit(scenario: &mut Scenario, name: &str, recorded: &Recorded, thread: Tid) -> Option<Calibration> {
    let exits = recorded.exits(thread).iter().filter(|(reason, _)| !reason.name().eq_ignore_ascii_case("hlt"));
    let row = |(reason, times): &(kvm_trace::Reason, apic_core::run::Distribution)| {
        Some(ExitTimes {
            reason: reason.name().to_owned(),
            samples: times.count(),
            min_ns: times.min()?,
            avg_ns: times.average()?,
            max_ns: times.max()?,
            error_hundredths: times.error_hundredths(),
        })
    };
    let rows: Vec<ExitTimes> = exits.filter_map(row).collect();
    let told = calibrate(scenario, &rows);
    let source = format!("fitted to the exits of thread {} in {name}", thread.0);
    let mut fitted = scenario.clone();
    fitted.costs.own = Some(OwnCosts { source, costs: told.own.clone() });
    // Times of a damaged recording may be no costs.
    if told.own.is_empty() || fitted.validate().is_err() {
        return None;
    }
    *scenario = fitted;
    Some(told)
}

/// Runs it.
pub(super) fn run(scenario: &Scenario, path: PathKind) -> Result<Model, Failure> {
    let mut history = History::new(scenario, path);
    history.seek(history.len());
    // At most some hundred megabytes: a history has an end.
    let mut text = Vec::new();
    ftrace::write(&history, scenario, &mut text)?;
    let source = Source { name: "the model's run".to_owned(), reader: Box::new(Cursor::new(text)) };
    let recorded = Recorded::read(source)?;
    let thread = recorded.arms.summary().vcpus.first().map(|vcpu| vcpu.thread);
    let ticks = thread.map(|thread| recorded.ticks(thread).into_values().copied().collect()).unwrap_or_default();
    Ok(Model { ticks, handlers: history.ledger().handlers, cut: history.truncated() })
}
