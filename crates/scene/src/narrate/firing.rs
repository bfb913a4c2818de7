//! Sentences of expiry: pinned (P), posted (C) and the fallback (D).

use super::{Context, Sentence, but, said};
use crate::words::{capital, mode, span};
use apic_core::effect::{Bank, Effect, Field, NotSent};
use apic_core::units::Vector;

pub(super) fn external_interrupt(c: &Context<'_>) -> Sentence {
    let vcpu = c.vcpu();
    let (reason, vector) = c.exit().unwrap_or(("EXTERNAL_INTERRUPT", None));
    let what = match vector {
        Some(Vector::RESCHEDULE) => "A reschedule interrupt, vector 0xfd,".to_owned(),
        Some(Vector::LOCAL_TIMER) => "The host's timer interrupt, vector 0xec,".to_owned(),
        Some(v) => format!("A host interrupt, vector {v},"),
        None => "A host interrupt".to_owned(),
    };
    let why = if reason == "EXTERNAL_INTERRUPT" { "It is not the notification vector, so" } else { "So" };
    said(format!("{what} arrived on {} while {vcpu} ran. {why} {vcpu} exited ({reason}).", c.core()))
}

/// X1: the guest's own doing, or a host interrupt that is not the timer's.
pub(super) fn other_exit(c: &Context<'_>) -> Sentence {
    let (reason, vector) = c.exit().unwrap_or(("CPUID", None));
    if vector.is_some() || !reason.eq_ignore_ascii_case("cpuid") {
        return external_interrupt(c);
    }
    let vcpu = c.vcpu();
    said(format!("{vcpu} executed CPUID, which always exits: {vcpu} exited ({reason})."))
}

pub(super) fn mode_outside(c: &Context<'_>) -> Sentence {
    said(format!("KVM noted that {} had left: vcpu->mode became OUTSIDE_GUEST_MODE.", c.vcpu()))
}

pub(super) fn callback(c: &Context<'_>) -> Sentence {
    let owner = c.find(|e| match *e {
        Effect::TimerFired { expires, .. } => Some(expires),
        _ => None,
    });
    let late = owner.map(|expires| c.record.at.minus(expires).as_ns());
    let late = late.map_or_else(String::new, |ns| format!(", {} after its expiry", span(ns)));
    let where_to = if c.record.rule == apic_core::rule::Rule::P3 {
        format!("{}, the vCPU's own core,", capital(&c.core()))
    } else {
        c.actor_first()
    };
    said(format!("{where_to} ran the timer callback of {}{late}.", c.vcpu()))
}

pub(super) fn left_pending(c: &Context<'_>) -> Sentence {
    but(format!("{} left the expiry pending for {}'s thread.", c.actor_first(), c.vcpu()), "Nothing was posted.")
}

pub(super) fn asked_to_look(c: &Context<'_>) -> Sentence {
    said(format!("{} asked {}'s thread to look: KVM_REQ_UNBLOCK.", c.actor_first(), c.vcpu()))
}

pub(super) fn kick(c: &Context<'_>) -> Sentence {
    if let Some((vector, to)) = c.sent() {
        return said(format!(
            "{} was in guest mode, so {} sent vector {vector} to {} to make it leave.",
            c.vcpu(),
            c.actor(),
            c.name(to)
        ));
    }
    let seen = read_mode(c).map_or_else(
        || format!("{} was outside guest mode.", c.vcpu()),
        |m| format!("{} saw vcpu->mode {}.", c.core_first(), mode(m)),
    );
    but(format!("{seen} The vCPU thread looks at its requests before it enters."), "No kick was sent.")
}

pub(super) fn callback_returned(c: &Context<'_>) -> Sentence {
    if let Some((_, expires)) = c.queued() {
        let next = span(expires.minus(c.record.at).as_ns());
        return said(format!(
            "The timer callback on {} restarted its timer there (R6), {next} ahead, and returned.",
            c.core()
        ));
    }
    but(format!("The timer callback on {} returned.", c.core()), "Its timer does not restart.")
}

pub(super) fn expiry_found(c: &Context<'_>) -> Sentence {
    said(format!("{}'s thread on {} found the pending expiry and set out to inject it.", c.vcpu(), c.core()))
}

pub(super) fn lvt(c: &Context<'_>) -> Sentence {
    let dropped = c.find(|e| matches!(e, Effect::Dropped { .. }).then_some(()));
    if dropped.is_some() {
        return but(
            format!("{} looked at the timer's LVT entry: it is masked.", c.core_first()),
            "The expiry was dropped.",
        );
    }
    said(format!(
        "{} looked at the timer's LVT entry: not masked, so vector {} was accepted.",
        c.actor_first(),
        c.guest_vector()
    ))
}

pub(super) fn pir_bit(c: &Context<'_>) -> Sentence {
    if let Some((_, _, NotSent::BitAlreadySet)) = c.not_sent() {
        return but(
            format!("PIR bit {} of {} was 1 already: the two expiries became one.", c.guest_vector(), c.vcpu()),
            format!("{} sent no notification.", c.core_first()),
        );
    }
    let vector = c.bit(Bank::Pir, true).unwrap_or(c.guest_vector());
    said(format!("{} set PIR bit {vector} for {}.", c.actor_first(), c.vcpu()))
}

pub(super) fn on_bit(c: &Context<'_>) -> Sentence {
    let core = c.core();
    match c.not_sent() {
        Some((_, _, NotSent::OnAlreadySet)) => {
            but("ON was 1 already: a notification is outstanding.", format!("{} sent no second one.", capital(&core)))
        }
        Some((vector, _, NotSent::OutsideGuestMode)) => but(
            format!("ON was 0, so {core} set it."),
            format!("It sent no vector {vector}: {} is outside guest mode, and its entry looks at PIR.", c.vcpu()),
        ),
        Some((vector, _, NotSent::RunningHere)) => but(
            format!("ON was 0, so {core} set it."),
            format!("It sent no vector {vector} to itself: the entry looks at PIR."),
        ),
        _ if c.set(Field::On).is_some() => said(format!("ON was 0, so {core} set it.")),
        _ => said("ON stayed as it was."),
    }
}

pub(super) fn deadline_cleared(c: &Context<'_>) -> Sentence {
    if c.set(Field::Tscdeadline).is_none() && c.set(Field::TargetExpiration).is_none() {
        return but(
            format!("{} was done with the delivery for {}.", c.core_first(), c.vcpu()),
            "No deadline was cleared.",
        );
    }
    said(format!("{} cleared {}'s deadline: it expires once.", c.core_first(), c.vcpu()))
}

pub(super) fn mode_in_guest(c: &Context<'_>) -> Sentence {
    let then = if c.has_descriptor() { "PIR" } else { "requests and IRR" };
    said(format!("Interrupts off, {}'s thread set vcpu->mode to IN_GUEST_MODE before it looked at {then}.", c.vcpu()))
}

pub(super) fn sync_on(c: &Context<'_>) -> Sentence {
    match c.set(Field::On) {
        Some(_) => said(format!("ON was 1. {}'s thread cleared it before reading PIR.", c.vcpu())),
        None => but("ON was 0.", format!("{}'s thread had no PIR to sync.", c.vcpu())),
    }
}

pub(super) fn sync_pir(c: &Context<'_>) -> Sentence {
    match c.bits(Bank::Pir, false) {
        Some(bits) => said(format!("{}'s thread moved {bits} from PIR to VIRR.", c.vcpu())),
        None => but(format!("{}'s thread drained PIR.", c.vcpu()), "It was empty."),
    }
}

pub(super) fn last_look(c: &Context<'_>) -> Sentence {
    but(format!("{}'s thread looked once more before entry.", c.vcpu()), "No request was waiting.")
}

pub(super) fn waited(c: &Context<'_>) -> Sentence {
    let seen = c.find(|e| match *e {
        Effect::Waited { early, delta, spin, .. } => Some((early, delta, spin)),
        _ => None,
    });
    match seen {
        Some((true, delta, spin)) => said(format!(
            "The deadline was {} ahead, so {} spun for {}: the guest must not see its tick early.",
            span(c.cycles(delta)),
            c.actor(),
            span(spin.as_ns())
        )),
        Some((false, delta, _)) => but(
            format!("The deadline had passed {} before.", span(c.cycles(delta))),
            format!("{} did not wait.", c.core_first()),
        ),
        None => but("No busy-wait was owed.", format!("{} did not wait.", c.core_first())),
    }
}

pub(super) fn entered(c: &Context<'_>) -> Sentence {
    said(format!("{} entered its guest code on {}.", c.vcpu(), c.core()))
}

fn read_mode(c: &Context<'_>) -> Option<u64> {
    c.find(|e| match *e {
        Effect::ModeRead { mode, .. } => Some(mode),
        _ => None,
    })
}

pub(super) fn may_it_be_posted(c: &Context<'_>) -> Sentence {
    let actor = c.actor_first();
    match read_mode(c) {
        Some(m) if m != 1 => but(format!("{actor} read vcpu->mode: {}.", mode(m)), "The interrupt may not be posted."),
        _ => said(format!("{actor} read vcpu->mode: IN_GUEST_MODE, so the interrupt may be posted.")),
    }
}

pub(super) fn notification(c: &Context<'_>) -> Sentence {
    if let Some((vector, to)) = c.sent() {
        return but(
            format!("{} sent the notification, vector {vector}, to {}.", c.actor_first(), c.name(to)),
            format!("{} did not exit.", c.vcpu()),
        );
    }
    if c.find(|e| matches!(e, Effect::Woken { .. }).then_some(())).is_some() {
        return but(
            format!("{} found {} asleep and woke its thread.", c.actor_first(), c.vcpu()),
            "No notification was sent.",
        );
    }
    let why = match c.not_sent() {
        Some((_, _, NotSent::RunningHere)) => format!("{} runs on this very core", c.vcpu()),
        Some((_, _, NotSent::OnAlreadySet)) => "ON was 1 already".to_owned(),
        Some((_, _, NotSent::BitAlreadySet)) => "the PIR bit was 1 already".to_owned(),
        _ => format!("{} had left guest mode", c.vcpu()),
    };
    but(format!("{} found that {why}: the next entry looks at PIR.", c.actor_first()), "No notification was sent.")
}

pub(super) fn recognised(c: &Context<'_>) -> Sentence {
    but(
        format!("{} took vector 0xf2 while {} ran: it is the notification vector.", c.core_first(), c.vcpu()),
        format!("{} did not exit.", c.vcpu()),
    )
}

pub(super) fn on_cleared(c: &Context<'_>) -> Sentence {
    let from = c.set(Field::On).map_or("", |_| ": 1 → 0");
    but(
        format!("The processor of {} cleared ON{from}, and wrote the physical EOI.", c.core()),
        "It has not read PIR yet.",
    )
}

pub(super) fn pir_drained(c: &Context<'_>) -> Sentence {
    match c.bits(Bank::Pir, false) {
        Some(bits) => said(format!("The processor of {} moved {bits} from PIR to VIRR.", c.core())),
        None => but(format!("The processor of {} drained PIR.", c.core()), "It was empty."),
    }
}

pub(super) fn delivered(c: &Context<'_>) -> Sentence {
    let found = c.find(|e| match *e {
        Effect::Delivered { vector, late_ns, .. } => Some((vector, late_ns)),
        _ => None,
    });
    let Some((vector, late)) = found else {
        if let Some(sentence) = super::device::delivered(c) {
            return sentence;
        }
        return said(format!("The processor delivered a virtual interrupt to {}.", c.vcpu()));
    };
    let when = match late {
        0 => "at its deadline".to_owned(),
        n if n > 0 => format!("{} after its deadline", span(n.unsigned_abs())),
        n => format!("{} before its deadline", span(n.unsigned_abs())),
    };
    let [irr, isr] = c.registers();
    but(
        format!("Bit {vector} moved from {irr} to {isr}, and {}'s handler started, {when}.", c.vcpu()),
        "The delivery itself needed no exit.",
    )
}

pub(super) fn eoi(c: &Context<'_>) -> Sentence {
    let found = c.find(|e| match *e {
        Effect::Eoi { vector, .. } => Some(vector),
        _ => None,
    });
    let [_, isr] = c.registers();
    let left = found.map_or_else(String::new, |v| format!(": vector {v} left {isr}"));
    but(format!("{}'s handler wrote EOI, and the processor virtualized it{left}.", c.vcpu()), "No exit.")
}

pub(super) fn entry_aborted(c: &Context<'_>) -> Sentence {
    let back = c.set(Field::Mode).map_or("", |_| ", and vcpu->mode went back to OUTSIDE_GUEST_MODE");
    but(format!("{}'s thread found that it is wanted elsewhere{back}.", c.vcpu()), "The guest was not entered.")
}
