//! Sentences of the host: clock events (K), interrupts (I), timer interrupts (T), load (H).

use super::{Context, Sentence, but, said};
use crate::words::{capital, span};
use apic_core::effect::Effect;
use apic_core::host::TimerId;
use apic_core::units::Vector;

pub(super) fn clock_event(c: &Context<'_>) -> Sentence {
    said(format!("{}'s clock event reached its time and raised vector 0xec.", c.core_first()))
}

pub(super) fn handled_in_exit(c: &Context<'_>) -> Sentence {
    but(
        format!("{} ran the host's handler for the stored vector, interrupts off.", c.core_first()),
        format!("{} waits.", c.vcpu()),
    )
}

pub(super) fn timer_interrupt(c: &Context<'_>) -> Sentence {
    but(
        format!("{} began its timer interrupt.", c.actor_first()),
        "Until it ends, it accepts no timer from another core.",
    )
}

pub(super) fn interrupt_taken(c: &Context<'_>) -> Sentence {
    said(format!("{} took an interrupt in its own handler.", c.core_first()))
}

pub(super) fn notification_missed(c: &Context<'_>) -> Sentence {
    but(
        format!(
            "The notification, vector {}, reached {} outside guest code; the host only acknowledged it.",
            Vector::POSTED_INTR,
            c.core()
        ),
        "Nothing is lost: the next entry looks at PIR.",
    )
}

pub(super) fn reschedule(c: &Context<'_>) -> Sentence {
    said(format!("{} acknowledged the reschedule interrupt: its purpose was to make the guest leave.", c.core_first()))
}

pub(super) fn ipi_arrived(c: &Context<'_>) -> Sentence {
    let found = c.find(|e| match *e {
        Effect::IpiArrived { vector, from, to, .. } => Some((vector, from, to)),
        _ => None,
    });
    match found {
        Some((vector, from, to)) => {
            said(format!("Vector {vector} from {} reached {}, which latched it.", c.name(from), c.name(to)))
        }
        None => said(format!("An IPI reached {}, which latched it.", c.core())),
    }
}

pub(super) fn tick(c: &Context<'_>) -> Sentence {
    let next = c.find(|e| match *e {
        Effect::TimerQueued { expires, timer: TimerId::Tick(_), .. } => Some(expires),
        _ => None,
    });
    let next = next
        .map_or_else(String::new, |at| format!(" and queued the next, {} ahead", span(at.minus(c.record.at).as_ns())));
    said(format!("{} ran its own tick{next}.", c.actor_first()))
}

pub(super) fn interrupt_ended(c: &Context<'_>) -> Sentence {
    let to = c.find(|e| match *e {
        Effect::ClockEvent { to, .. } => Some(to),
        _ => None,
    });
    let programmed = match to {
        Some(to) if to.is_never() => ": nothing is queued, so its clock event is off".to_owned(),
        Some(to) => format!(" and programmed its next, {} ahead", span(to.minus(c.record.at).as_ns())),
        None => String::new(),
    };
    said(format!("{} ended its timer interrupt{programmed}.", c.core_first()))
}

pub(super) fn nothing_due(c: &Context<'_>) -> Sentence {
    but(
        format!("{} found no timer due: the one it was programmed for had been removed meanwhile.", capital(&c.core())),
        "No callback ran.",
    )
}

pub(super) fn load(c: &Context<'_>) -> Sentence {
    let busy = c.record.rule == apic_core::rule::Rule::H2;
    if busy {
        said(format!("{} became busy: its tick runs again.", c.actor_first()))
    } else {
        let next = c.find(|e| match *e {
            Effect::ClockEvent { to, .. } => Some(to),
            _ => None,
        });
        let next = match next {
            Some(to) if to.is_never() => ", and it has no next event".to_owned(),
            Some(to) => format!(", and its next event is {} ahead", span(to.minus(c.record.at).as_ns())),
            None => String::new(),
        };
        said(format!("{} went idle: its tick stopped{next}.", c.actor_first()))
    }
}

pub(super) fn wanted(c: &Context<'_>) -> Sentence {
    let moved = c.find(|e| match *e {
        Effect::MoveAsked { from, to, .. } => Some((from, to)),
        _ => None,
    });
    match moved {
        Some((from, to)) => {
            said(format!("{}'s thread was told to go from {} to {}.", c.vcpu(), c.name(from), c.name(to)))
        }
        None => said(format!("Another thread wanted {}.", c.core())),
    }
}

pub(super) fn scheduled_out(c: &Context<'_>) -> Sentence {
    said(format!("{}'s thread was scheduled out of {}, though it could run.", c.vcpu(), c.core()))
}

pub(super) fn rival_done(c: &Context<'_>) -> Sentence {
    said(format!("The other thread on {} was done.", c.core()))
}

pub(super) fn restarted_elsewhere(c: &Context<'_>) -> Sentence {
    said(format!("{} was loaded on {}: its preemption timer had to be worked out anew.", c.vcpu(), c.core()))
}

pub(super) fn timer_follows(c: &Context<'_>) -> Sentence {
    let from = c.find(|e| match *e {
        Effect::TimerCancelled { cpu, .. } => Some(cpu),
        _ => None,
    });
    match from {
        Some(cpu) => said(format!(
            "{}'s hrtimer was taken off {} and had to be started from {}.",
            c.vcpu(),
            c.name(cpu),
            c.core()
        )),
        None => but(format!("{} is on another core now.", c.vcpu()), "No hrtimer followed it."),
    }
}
