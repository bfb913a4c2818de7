//! The model's run of a recording's arms: which path is expected, at what costs, and what such a run would leave in a
//! recording, read back by the rules that the recording itself is read by.

use super::told::{Recorded, Told};
use crate::error::Failure;
use crate::ftrace;
use crate::import::{Replayed, Source};
use apic_core::run::{Calibration, ExitTimes, History, calibrate};
use apic_core::scenario::{Arm, OwnCosts, PathKind, Scenario, TimerMode};
use kvm_trace::{ArmedBy, Path, Tid};
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

/// What the model's guest does in the place of the recorded one.
pub(super) enum Replay {
    /// It makes the same arms in the same order.
    Arms,
    /// It starts a periodic timer once, as the recorded guest did.
    Periodic {
        /// Its period.
        period_us: u64,
    },
}

impl Replay {
    /// How the arms of a vCPU are made again.
    pub(super) fn of(arms: &[Replayed]) -> Self {
        periodic(arms).map_or(Self::Arms, |period_us| Self::Periodic { period_us })
    }

    /// Puts the arms into the scenario, and one path.
    pub(super) fn put(&self, scenario: &mut Scenario, arms: &[Replayed], path: PathKind) {
        scenario.run.paths = vec![path];
        let ticks = (0..arms.len()).map(|place| self.slot(arms, place) + 1).max().unwrap_or(0);
        scenario.run.expiries = u32::try_from(ticks).unwrap_or(u32::MAX);
        match self {
            Self::Arms => {
                let arm = |arm: &Replayed| Arm { at_ns: arm.at_ns, deadline_ns: arm.deadline_ns };
                scenario.guest.arms = arms.iter().map(arm).collect();
            }
            Self::Periodic { period_us } => {
                scenario.guest.arms = Vec::new();
                scenario.guest.timer = TimerMode::Periodic;
                scenario.guest.period_us = *period_us;
            }
        }
    }

    /// Which of the model's ticks stands beside that of an arm: by order, or by when it was due.
    pub(super) fn slot(&self, arms: &[Replayed], place: usize) -> usize {
        match self {
            Self::Arms => place,
            Self::Periodic { period_us } => {
                let period = period_us * 1_000;
                let after = arms[place].deadline_ns.saturating_sub(arms[0].deadline_ns);
                usize::try_from((after + period / 2) / period).unwrap_or(usize::MAX)
            }
        }
    }
}

/// The period, if the guest armed once and its timer restarted itself ever after, in whole µs.
fn periodic(arms: &[Replayed]) -> Option<u64> {
    let (first, rest) = arms.split_first()?;
    if rest.len() < 2 || first.by == ArmedBy::Restart || rest.iter().any(|arm| arm.by != ArmedBy::Restart) {
        return None;
    }
    let mut apart: Vec<u64> =
        arms.windows(2).map(|two| two[1].deadline_ns.saturating_sub(two[0].deadline_ns)).collect();
    apart.sort_unstable();
    let period = apart[apart.len() / 2];
    // A kernel that was late may have gone on from then; most restarts are by the period.
    let exact = apart.iter().filter(|ns| **ns == period).count();
    (period >= 1_000 && period.is_multiple_of(1_000) && exact * 10 >= apart.len() * 9).then_some(period / 1_000)
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
