//! What a recording adds up to.

use std::collections::BTreeMap;

use apic_core::run::{Distribution, Signed};

use super::tick::{ArmedBy, At, Fact, Outcome, Path, Reason, Tick};
use super::{CLOCK_STEP_NS, CpuSeen, Inference, VcpuSeen};
use crate::{ClockOffset, Coverage, Cpu, Lost, TraceTime};

/// Spans with lost events that are kept; further ones are counted.
const SPANS: usize = 64;

/// Exit reasons that are kept apart; a processor has fewer.
const REASONS: usize = 256;

/// A recording, summed up.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How much of the file was understood.
    pub coverage: Coverage,
    /// Events by name, in the order of the names.
    pub events: Vec<(Box<str>, u64)>,
    /// Writes of the guests that armed a timer.
    pub arms: u64,
    /// Ticks that are known by the start of their timer only, because no write was recorded (L3).
    pub arms_by_start: u64,
    /// Writes of zero, which stop the timer.
    pub disarms: u64,
    /// How often a periodic timer queued itself again (L4).
    pub restarts: u64,
    /// Expiries of host timers with KVM's callback.
    pub expiries: u64,
    /// Of these, of timers whose start was not recorded.
    pub expiries_of_unknown: u64,
    /// Expiries of the preemption timer (E2).
    pub expiries_hv: u64,
    /// `kvm_apic_accept_irq`, of any vector.
    pub accepts: u64,
    /// Of these, not of a timer that was followed.
    pub accepts_of_others: u64,
    /// `kvm_eoi` and `kvm_pv_eoi`.
    pub eois: u64,
    /// Of these, with nothing in service.
    pub eois_of_nothing: u64,
    /// Ticks.
    pub ticks: u64,
    /// Ticks by path, in the order of [`Path::ALL`]: those that were accepted.
    pub paths: [u64; Path::ALL.len()],
    /// Ticks by outcome, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Posted ticks whose arrival nothing shows (N1).
    pub arrivals_not_shown: u64,
    /// Ticks that a busy or an idle housekeeper refused (H1, H2), by rule; and every rule that was followed, how often.
    pub rules: BTreeMap<Inference, u64>,
    /// How long things took.
    pub latencies: Latencies,
    /// From exit to entry, by reason.
    pub exits: Vec<ExitTimes>,
    /// vCPUs, in the order in which they were seen.
    pub vcpus: Vec<VcpuSeen>,
    /// Lines of threads that look like vCPUs, beyond those that are followed.
    pub threads_not_followed: u64,
    /// CPUs, by number.
    pub cpus: Vec<(Cpu, CpuSeen)>,
    /// What is missing.
    pub missing: Missing,
    /// Whether the lines are in the order of their times.
    pub order: Order,
    /// The recording's clock against that of the timers.
    pub clocks: Clocks,
}

/// How long things took, ns.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// From arm to expiry.
    pub arm_to_expiry: Distribution,
    /// From expiry to accept.
    pub expiry_to_accept: Distribution,
    /// From accept to entry.
    pub accept_to_entry: Distribution,
    /// From expiry to entry.
    pub expiry_to_entry: Distribution,
    /// Programmed time to expiry, on the timer's clock: of all expiries.
    pub lateness: Signed,
}

/// Exits of one reason.
#[derive(Clone, Debug)]
pub struct ExitTimes {
    /// Why.
    pub reason: Reason,
    /// From exit to entry, ns.
    pub times: Distribution,
}

/// Lost events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Markers.
    pub markers: u64,
    /// Events, where the marker tells.
    pub events: u64,
    /// Markers that do not tell how many.
    pub untold: u64,
    /// The first of them.
    pub spans: Vec<LostSpan>,
    /// Ticks that are undecided because of them (U1).
    pub ticks: u64,
    /// Lines of a thread to which its CPU had not switched: events are missing there, and no marker says so. Only
    /// counted where `sched_switch` is recorded.
    pub unmarked: u64,
    /// The first of those lines.
    pub first_unmarked: Option<u64>,
    /// Spans whose end is not known yet.
    open: usize,
}

/// Between which moments events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostSpan {
    /// The marker's line.
    pub line: u64,
    /// On which CPU, if it is told.
    pub cpu: Option<Cpu>,
    /// How many, if it is told.
    pub events: Option<u64>,
    /// The last event before it, on that CPU.
    pub after: Option<TraceTime>,
    /// The first event behind it, on that CPU.
    pub before: Option<TraceTime>,
}

impl Missing {
    pub(super) fn add(&mut self, line: u64, lost: Lost, after: Option<TraceTime>) {
        self.markers += 1;
        self.events = self.events.saturating_add(lost.events.unwrap_or(0));
        self.untold += u64::from(lost.events.is_none());
        if self.spans.len() < SPANS {
            self.open += 1;
            self.spans.push(LostSpan { line, cpu: lost.cpu, events: lost.events, after, before: None });
        }
    }

    pub(super) fn unmarked(&mut self, at: At) {
        self.unmarked += 1;
        self.first_unmarked.get_or_insert(at.line);
    }

    /// An event: it may be the first after a span.
    pub(super) fn resumes(&mut self, at: At) {
        if self.open == 0 {
            return;
        }
        for span in self.spans.iter_mut().filter(|span| span.before.is_none()) {
            if span.cpu.is_none_or(|cpu| cpu == at.cpu) {
                span.before = Some(at.time);
                self.open -= 1;
            }
        }
    }
}

/// Times of lines, in the order of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Earliest and latest.
    pub extent: Option<(TraceTime, TraceTime)>,
    last: Option<TraceTime>,
    /// Lines earlier than the line before: the CPUs' lines are not merged by time.
    pub backwards: u64,
    /// Lines earlier than the line before of the same CPU: out of order, or of another clock.
    pub backwards_on_cpu: u64,
    /// The first of those, and how far back, ns.
    pub first: Option<(u64, u64)>,
    /// The farthest step back on one CPU, ns.
    pub farthest_ns: u64,
}

impl Order {
    pub(super) const fn last(&self) -> Option<TraceTime> {
        self.last
    }

    /// How far back this line is on its CPU, ns.
    pub(super) fn next(&mut self, at: At, on_cpu: Option<TraceTime>) -> u64 {
        let (first, last) = self.extent.unwrap_or((at.time, at.time));
        self.extent = Some((first.min(at.time), last.max(at.time)));
        self.backwards += u64::from(self.last.is_some_and(|before| at.time < before));
        self.last = Some(at.time);
        let back = on_cpu.map_or(0, |before| before.ns_since(at.time));
        if back > 0 {
            self.backwards_on_cpu += 1;
            self.first.get_or_insert((at.line, back));
            self.farthest_ns = self.farthest_ns.max(back);
        }
        back
    }
}

/// How far the recording's clock is ahead of the timers' clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Least difference of an expiry's line and its `now`.
    pub offset: Option<ClockOffset>,
    /// How often the difference changed by more than a clock's reading explains.
    pub steps: u64,
    /// The line of the first.
    pub first_step: Option<u64>,
    reference: Option<ClockOffset>,
}

impl Clocks {
    pub(super) fn between(&mut self, line: u64, offset: Option<ClockOffset>) {
        let Some(offset) = offset else { return };
        self.offset = Some(self.offset.map_or(offset, |known| known.min(offset)));
        if self.reference.is_some_and(|known| known.ns().abs_diff(offset.ns()) > CLOCK_STEP_NS) {
            self.steps += 1;
            self.first_step.get_or_insert(line);
            self.reference = None;
        }
        self.reference.get_or_insert(offset);
    }
}

impl Summary {
    pub(super) fn add(&mut self, fact: &Fact) {
        match fact {
            Fact::Tick(tick) => self.tick(tick),
            Fact::Exit(span) => {
                let ns = span.to.time.ns_since(span.from.time);
                let at = self.exits.iter().position(|known| known.reason == span.reason);
                let at = at.or_else(|| {
                    (self.exits.len() < REASONS).then(|| {
                        self.exits.push(ExitTimes { reason: span.reason, times: Distribution::default() });
                        self.exits.len() - 1
                    })
                });
                if let Some(at) = at {
                    self.exits[at].times.add(ns);
                }
            }
            Fact::Callback(_) => {}
        }
    }

    fn tick(&mut self, tick: &Tick) {
        self.ticks += 1;
        self.outcomes[tick.outcome as usize] += 1;
        if tick.outcome == Outcome::Accepted {
            self.paths[tick.path as usize] += 1;
        }
        self.arms_by_start += u64::from(tick.armed.is_some_and(|armed| armed.by == ArmedBy::Start));
        self.expiries_hv += u64::from(tick.expiry_rule() == Inference::E2);
        self.arrivals_not_shown += u64::from(tick.arrival_is_not_shown());
        self.missing.ticks += u64::from(tick.gap);
        let refused = tick.refused.map(|(_, rule)| rule);
        let arrival = tick.arrival_is_not_shown().then_some(Inference::N1);
        let eoi = (tick.apicv && tick.ended.is_none()).then_some(Inference::N2);
        let arm = tick.armed.map(|_| tick.arm_rule);
        let exit = tick.armed.and_then(|armed| armed.exit).map(|_| Inference::L6);
        let always = [tick.expiry_rule(), tick.path_rule, tick.outcome_rule].map(Some);
        for rule in always.into_iter().chain([arm, exit, refused, arrival, eoi]).flatten() {
            *self.rules.entry(rule).or_default() += 1;
        }
        let times = &mut self.latencies;
        for (ns, distribution) in [
            (tick.arm_to_expiry_ns(), &mut times.arm_to_expiry),
            (tick.expiry_to_accept_ns(), &mut times.expiry_to_accept),
            (tick.accept_to_entry_ns(), &mut times.accept_to_entry),
            (tick.expiry_to_entry_ns(), &mut times.expiry_to_entry),
        ] {
            if let Some(ns) = ns.filter(|_| !tick.gap) {
                distribution.add(ns);
            }
        }
        if let Some(ns) = tick.lateness_ns() {
            times.lateness.add(ns);
        }
    }
}
