//! A tick as steps, in the order of their lines.

use super::Vcpu;
use kvm_trace::{ArmedBy, At, ExitSpan, Inference, Path, Tick, Vector};

/// What happened in a step.
#[derive(Clone, Copy)]
pub(super) enum What {
    Armed(ArmedBy, u64),
    Exit(ExitSpan),
    Enter,
    Expired,
    CallbackEnds,
    /// The second time, in the vCPU's own thread?
    Accepted(bool),
    /// A notification is implied.
    Notified,
    /// A kick is implied, whose exit is at that place.
    Kicked(At),
    Refused(u32),
    Injected,
    Ended,
}

/// A step of a recorded tick.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) at: At,
    pub(super) what: What,
    /// How it is known, if by a rule.
    pub(super) rule: Option<Inference>,
    /// Lines imply it; none shows it.
    pub(super) inferred: bool,
}

/// The host's vector for a kick.
pub(super) const RESCHEDULE: Vector = Vector(0xfd);

/// The first line of a tick.
fn begins(tick: &Tick) -> u64 {
    let places = [tick.armed.map(|armed| armed.wrote()), tick.expiry.map(|e| e.at), tick.accept()];
    places.into_iter().flatten().map(|at| at.line).min().unwrap_or(0)
}

impl Vcpu {
    /// The steps of a tick.
    pub(super) fn steps(&self, number: usize) -> Vec<Step> {
        let tick = &self.ticks[number];
        let from = begins(tick);
        let to = self.ticks.get(number + 1).map_or(u64::MAX, begins).max(from);
        let mut steps = Vec::with_capacity(12);
        let mut put = |at: At, what, rule, inferred| steps.push(Step { at, what, rule, inferred });
        if let Some(armed) = tick.armed {
            let inferred = armed.by == ArmedBy::Start;
            put(armed.at, What::Armed(armed.by, armed.written), Some(tick.arm_rule), inferred);
        }
        if let Some(expiry) = tick.expiry {
            put(expiry.at, What::Expired, Some(tick.expiry_rule()), false);
            if let Some((cpu, rule)) = tick.refused {
                put(expiry.at, What::Refused(cpu.0), Some(rule), true);
            }
            if let (Path::Offloaded, Some(exit)) = (tick.path, tick.exit) {
                put(expiry.at, What::Kicked(exit.at), Some(tick.path_rule), true);
            }
        }
        if let Some(accepted) = tick.accepted {
            put(accepted.at, What::Accepted(false), Some(tick.outcome_rule), false);
            if tick.path == Path::Posted {
                put(accepted.at, What::Notified, Some(tick.path_rule), true);
            }
        }
        if let Some(at) = tick.accepted_again {
            put(at, What::Accepted(true), Some(tick.outcome_rule), false);
        }
        if let Some(at) = tick.injected {
            put(at, What::Injected, None, false);
        }
        if let Some(at) = tick.ended {
            put(at, What::Ended, None, false);
        }
        let first = self.exits.partition_point(|span| span.from.line < from);
        for span in self.exits[first..].iter().take_while(|span| span.from.line < to) {
            put(span.from, What::Exit(*span), None, false);
            put(span.to, What::Enter, None, false);
        }
        let first = self.callbacks.partition_point(|callback| callback.from.line < from);
        for callback in self.callbacks[first..].iter().take_while(|callback| callback.from.line < to) {
            put(callback.to, What::CallbackEnds, None, false);
        }
        // What lines imply stands behind what they show.
        steps.sort_by_key(|step| (step.at.line, step.inferred));
        steps
    }
}

impl Vcpu {
    /// The nearest step behind or before a position that is of some kind.
    pub(super) fn nearest(&self, here: u64, forward: bool, is: impl Fn(&What) -> bool) -> Option<u64> {
        let first = self.tick_at(here);
        let ticks: Box<dyn Iterator<Item = usize>> =
            if forward { Box::new(first..self.ticks.len()) } else { Box::new((0..=first).rev()) };
        for tick in ticks {
            let places = self.steps(tick).into_iter().zip(self.before[tick] + 1..);
            let mut fits = places.filter(|(step, at)| is(&step.what) && if forward { *at > here } else { *at < here });
            let found = if forward { fits.next() } else { fits.last() };
            if let Some((_, at)) = found {
                return Some(at);
            }
        }
        None
    }
}
