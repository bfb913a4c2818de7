//! Sentences of arming (A) and of where the host timer is queued (N, R).

use super::{Context, Sentence, but, said};
use crate::words::{capital, moment, span};
use apic_core::effect::{Effect, Field};
use apic_core::host::TimerId;
use apic_core::kvm::{Rules, Switch};
use apic_core::rule::Rule;
use apic_core::scenario::TimerMode;
use apic_core::units::{CpuId, Ns, Tsc};

pub(super) fn deadline_written(c: &Context<'_>) -> Sentence {
    let vcpu = c.vcpu();
    let at = c.find(|e| match *e {
        Effect::Armed { at, .. } => Some(at),
        _ => None,
    });
    let (what, register) = match c.scenario.guest.timer {
        TimerMode::TscDeadline => ("its next deadline", "IA32_TSC_DEADLINE"),
        TimerMode::OneShot => ("its next count", "TMICT"),
        TimerMode::Periodic => ("the count of its period", "TMICT"),
    };
    let wrote = match at {
        Some(at) if at > c.record.at => {
            let ahead = span(at.minus(c.record.at).as_ns());
            format!("{vcpu} wrote {what}, {ahead} ahead, to {register}.")
        }
        Some(_) => format!("{vcpu} wrote a deadline that had passed already to IA32_TSC_DEADLINE."),
        None => format!("{vcpu} wrote {what} to {register}."),
    };
    let exited = c.exit().map(|(reason, _)| format!(" The write is intercepted: {vcpu} exited ({reason})."));
    said(wrote + &exited.unwrap_or_default())
}

pub(super) fn fastpath(c: &Context<'_>) -> Sentence {
    if c.set(Field::Mode).is_some() {
        said("KVM took the slow path: vcpu->mode became OUTSIDE_GUEST_MODE, and interrupts came on.")
    } else {
        but("KVM handled the write in the fastpath, interrupts off.", "vcpu->mode stayed IN_GUEST_MODE.")
    }
}

pub(super) fn stored(c: &Context<'_>) -> Sentence {
    let from = c.find(|e| match *e {
        Effect::TimerCancelled { cpu, .. } => Some(cpu),
        _ => None,
    });
    match from {
        Some(cpu) => {
            said(format!("KVM took the old timer off {} and stored {}'s new deadline.", c.name(cpu), c.vcpu()))
        }
        None => but(format!("KVM stored {}'s new deadline.", c.vcpu()), "No old timer was queued."),
    }
}

pub(super) fn pending_forgotten(c: &Context<'_>) -> Sentence {
    match c.set(Field::Pending) {
        Some(_) => said(format!("KVM forgot the expiry that was pending for {}: pending 1 → 0.", c.vcpu())),
        None => but("KVM set pending to 0.", "It was 0 already: no expiry was waiting."),
    }
}

pub(super) fn who_keeps_it(c: &Context<'_>) -> Sentence {
    said(format!("KVM asked who is to keep {}'s deadline: the preemption timer if it may, else an hrtimer.", c.vcpu()))
}

pub(super) fn expiry_computed(c: &Context<'_>) -> Sentence {
    let vm = &c.scenario.vm;
    if vm.lapic_timer_advance && Rules::mixed(vm.era, &vm.rules).has(Switch::TimerAdvance) {
        said("KVM computed the hrtimer's expiry: the deadline less the timer advance.")
    } else {
        said("KVM computed the hrtimer's expiry: the deadline itself.")
    }
}

pub(super) fn target_is_the_expiry(c: &Context<'_>) -> Sentence {
    but(format!("KVM took the target of {}'s count as the hrtimer's expiry.", c.vcpu()), "No advance was taken off.")
}

pub(super) fn passed_already(c: &Context<'_>) -> Sentence {
    let how = match c.set(Field::ExpiredTscdeadline) {
        Some((_, deadline)) if c.cycles(Tsc::from_cycles(deadline)) > c.record.at.as_ns() => {
            "was no further ahead than the timer advance"
        }
        _ => "had passed already",
    };
    let pending = c.set(Field::Pending).map_or("", |_| " KVM left the expiry pending.");
    but(format!("{}'s deadline {how}.{pending}", c.vcpu()), "No host timer was started.")
}

pub(super) fn ready(c: &Context<'_>) -> Sentence {
    said(format!("The timer was armed. {} was ready to go back to its guest code.", c.vcpu()))
}

pub(super) fn target(c: &Context<'_>) -> Sentence {
    let named = c.find(|e| match *e {
        Effect::TargetNamed { cpu, .. } => Some(cpu),
        _ => None,
    });
    let target = c.name(named.unwrap_or(c.record.cpu));
    match c.record.rule {
        Rule::N0 => said(format!("{} is not idle, so it kept the timer.", c.core_first())),
        Rule::N1 => said(format!("{} keeps house and is not idle, so it kept the timer.", c.core_first())),
        Rule::N2 => said(format!("No housekeeper was busy. {} is one itself, so it kept the timer.", c.core_first())),
        Rule::N3 => {
            said(format!("{} looked for the nearest busy housekeeper to take the timer: {target}.", c.core_first()))
        }
        Rule::N5 => said(format!("{} named the first housekeeper to take the timer: {target}.", c.core_first())),
        _ => said(format!(
            "{} found no busy housekeeper to take the timer. An idle one was named: {target}.",
            c.core_first()
        )),
    }
}

fn until(c: &Context<'_>, expires: Ns) -> String {
    format!("It fires in {}.", span(expires.minus(c.record.at).as_ns()))
}

pub(super) fn stays(c: &Context<'_>, why: &str) -> Sentence {
    match c.queued() {
        Some((cpu, expires)) => said(format!("The timer was queued on {}: {why}. {}", c.name(cpu), until(c, expires))),
        None => said(format!("The timer stayed on {}: {why}.", c.core())),
    }
}

fn refusal(c: &Context<'_>) -> Option<(CpuId, Ns, Ns)> {
    c.find(|e| match *e {
        Effect::TimerRefused { target, expires, target_expires_next, timer: TimerId::Lapic(_), .. } => {
            Some((target, expires, target_expires_next))
        }
        _ => None,
    })
}

pub(super) fn refused_as_first(c: &Context<'_>) -> Sentence {
    let here = c.core();
    let Some((target, expires, next)) = refusal(c) else {
        return said(format!("The timer stayed on {here}: it would be its target's first event (R3)."));
    };
    let target = c.name(target);
    let why = if next.is_never() {
        format!(
            "{target}'s next event is never (it is idle, its tick stopped), and only {target} could program an earlier one"
        )
    } else {
        format!(
            "{target}'s next event is at {}, after the timer's {}, and only {target} could program an earlier one",
            moment(next),
            moment(expires)
        )
    };
    but(format!("The timer stayed on {here}: {why} (R3)."), format!("{} did not take it.", capital(&target)))
}

pub(super) fn refused_in_interrupt(c: &Context<'_>) -> Sentence {
    let here = c.core();
    let Some((target, ..)) = refusal(c) else {
        return said(format!("The timer stayed on {here}: its target was inside its own timer interrupt (R4)."));
    };
    let target = c.name(target);
    but(
        format!("The timer stayed on {here}: {target} was inside its own timer interrupt (R4)."),
        format!("{} did not take it.", capital(&target)),
    )
}

pub(super) fn accepted(c: &Context<'_>) -> Sentence {
    let Some((cpu, expires)) = c.queued() else {
        return said("The timer was queued on a housekeeper (R5).");
    };
    let taker = capital(&crate::words::actor(cpu, c.scenario));
    but(
        format!("{taker} took the timer: it has an earlier event of its own (R5). {}", until(c, expires)),
        "No IPI was needed.",
    )
}
