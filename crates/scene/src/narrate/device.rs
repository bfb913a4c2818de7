//! Sentences of devices that post (Vd), and of what the descriptor of a vCPU needs for them (W, I5).

use super::{Context, Sentence, but, said};
use crate::words::{self, capital, span};
use apic_core::effect::{Effect, Field};
use apic_core::units::{CpuId, Vector};

pub(super) fn posted(c: &Context<'_>) -> Sentence {
    let found = c.find(|e| match *e {
        Effect::DevicePosted { device, vcpu, vector, urgent } => Some((device, vcpu, vector, urgent)),
        _ => None,
    });
    let Some((device, vcpu, vector, urgent)) = found else { return said("A device's interrupt was posted.") };
    let kind = if urgent { "urgent interrupt" } else { "interrupt" };
    let bit = if c.bit(apic_core::effect::Bank::Pir, true).is_some() {
        format!("set PIR bit {vector}")
    } else {
        format!("found PIR bit {vector} set")
    };
    let main = format!("Device {device} raised an {kind}: the VT-d unit {bit} of vCPU {vcpu}");
    let why = c.find(|e| match *e {
        Effect::NotificationNotSent { why, .. } => Some(why),
        _ => None,
    });
    match why {
        Some(why) => but(format!("{main}."), format!("It did not notify: {}.", words::why_not(why))),
        None => said(format!("{main}, and with it ON, which was 0.")),
    }
}

pub(super) fn notified(c: &Context<'_>) -> Sentence {
    let found = c.find(|e| match *e {
        Effect::NotificationSent { vector, to, .. } => Some((vector, to)),
        _ => None,
    });
    let (vector, to) = found.map_or((Vector::POSTED_INTR, c.record.cpu), |found| found);
    said(format!("The VT-d unit sent vector {vector}, which is NV, to {}, which is NDST.", c.name(to)))
}

pub(super) fn arrived(c: &Context<'_>) -> Sentence {
    let vector = c.find(|e| match *e {
        Effect::NotificationArrived { vector, .. } => Some(vector),
        _ => None,
    });
    let vector = vector.map_or_else(String::new, |v| format!(", vector {v},"));
    said(format!("The VT-d unit's notification{vector} reached {}, which latched it.", c.core()))
}

/// C13 for a vector that is a device's.
pub(super) fn delivered(c: &Context<'_>) -> Option<Sentence> {
    let (vector, waited) = c.find(|e| match *e {
        Effect::DeviceDelivered { vector, waited_ns, .. } => Some((vector, waited_ns)),
        _ => None,
    })?;
    let when = format!("{} after the device raised it", span(waited));
    Some(but(
        format!("Bit {vector} moved from VIRR to VISR, and {}'s handler for the device started, {when}.", c.vcpu()),
        "The delivery itself needed no exit.",
    ))
}

fn list(c: &Context<'_>) -> CpuId {
    let cpu = c.find(|e| match *e {
        Effect::WakeupList { cpu, .. } => Some(cpu),
        _ => None,
    });
    cpu.unwrap_or(c.record.cpu)
}

pub(super) fn joined(c: &Context<'_>) -> Sentence {
    said(format!("KVM put {} on the wake-up list of {}.", c.vcpu(), c.name(list(c))))
}

pub(super) fn left(c: &Context<'_>) -> Sentence {
    said(format!("KVM took {} off the wake-up list of {}.", c.vcpu(), c.name(list(c))))
}

/// "SN 1 → 0, NDST core 3 → core 2".
fn changes(c: &Context<'_>) -> Vec<String> {
    let vector = |n: u64| Vector::new(n as u8);
    let mut told = Vec::new();
    told.extend(c.set(Field::Nv).map(|(from, to)| format!("NV {} → {}", vector(from), vector(to))));
    told.extend(
        c.set(Field::Ndst)
            .map(|(from, to)| format!("NDST {} → {}", c.name(CpuId(from as u16)), c.name(CpuId(to as u16)))),
    );
    told.extend(c.set(Field::Sn).map(|(from, to)| format!("SN {from} → {to}")));
    told
}

pub(super) fn control(c: &Context<'_>) -> Sentence {
    let changes = changes(c);
    if changes.is_empty() {
        return but(format!("KVM wrote NV, NDST and SN of {}.", c.vcpu()), "They stayed as they were.");
    }
    said(format!("KVM changed the descriptor of {} in one access: {}.", c.vcpu(), changes.join(", ")))
}

fn on_read(c: &Context<'_>) -> bool {
    c.find(|e| match *e {
        Effect::OnRead { on, .. } => Some(on),
        _ => None,
    })
    .unwrap_or(false)
}

pub(super) fn was_on_set(c: &Context<'_>) -> Sentence {
    let sent = c.find(|e| matches!(e, Effect::SelfIpi { .. }).then_some(()));
    match (on_read(c), sent) {
        (true, Some(())) => said(format!(
            "ON was 1 before NV changed, so {} sent vector {} to itself.",
            c.core(),
            Vector::POSTED_INTR_WAKEUP
        )),
        (true, None) => but("ON was 1: something was posted.".to_owned(), format!("{} does not block.", c.vcpu())),
        (false, _) => but("ON was 0: nothing was posted before NV changed.", "No wake-up vector was needed."),
    }
}

pub(super) fn suppressed(c: &Context<'_>) -> Sentence {
    but(
        format!("{}'s thread was preempted, so KVM set SN.", c.vcpu()),
        "A device that posts notifies nobody until it runs again.",
    )
}

pub(super) fn unsuppressed(c: &Context<'_>) -> Sentence {
    if c.set(Field::Sn).is_some() {
        said(format!("{}'s thread was back on {}: KVM cleared SN.", c.vcpu(), c.core()))
    } else {
        but(format!("{}'s thread was back on {}.", c.vcpu(), c.core()), "SN was 0 already.")
    }
}

pub(super) fn rederived(c: &Context<'_>) -> Sentence {
    if c.set(Field::On).is_some() {
        said(format!("PIR of {} was not empty, so KVM set ON: the next sync looks at PIR.", c.vcpu()))
    } else {
        but(format!("KVM looked at PIR of {} and at ON.", c.vcpu()), "Nothing had to be set.")
    }
}

pub(super) fn wakeup_vector(c: &Context<'_>) -> Sentence {
    said(format!("{} took the wake-up vector {}.", c.core_first(), Vector::POSTED_INTR_WAKEUP))
}

pub(super) fn locked(c: &Context<'_>) -> Sentence {
    said(format!("{} locked its wake-up list and went through it.", c.core_first()))
}

pub(super) fn looked_at(c: &Context<'_>) -> Sentence {
    if on_read(c) {
        said(format!("{} found ON of {} set: something was posted.", c.core_first(), c.vcpu()))
    } else {
        but(format!("{} found ON of {} clear.", c.core_first(), c.vcpu()), "It did not wake it.")
    }
}

pub(super) fn woken(c: &Context<'_>) -> Sentence {
    let woke = c.find(|e| matches!(e, Effect::Woken { .. }).then_some(()));
    if woke.is_some() {
        said(format!("{} woke {}'s thread.", c.core_first(), c.vcpu()))
    } else {
        but(format!("{} was to wake {}'s thread.", capital(&c.core()), c.vcpu()), "It did not sleep.")
    }
}

pub(super) fn unlocked(c: &Context<'_>) -> Sentence {
    said(format!("{} was through its wake-up list and unlocked it.", c.core_first()))
}
