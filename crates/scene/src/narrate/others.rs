//! Sentences of AMD AVIC (F), of injection without APICv (J), and of a userspace irqchip (U).

use super::{Context, Sentence, but, said};
use crate::words::{capital, mode, span};
use apic_core::effect::{Bank, Effect, Field, NotSent};
use apic_core::host::TimerId;

pub(super) fn irr_bit(c: &Context<'_>) -> Sentence {
    match c.bit(Bank::Virr, true) {
        Some(vector) => said(format!("{} set bit {vector} of {}'s IRR.", c.actor_first(), c.vcpu())),
        None => said(format!("Bit {} of {}'s IRR was 1 already.", c.guest_vector(), c.vcpu())),
    }
}

pub(super) fn doorbell(c: &Context<'_>) -> Sentence {
    let rung = c.find(|e| match *e {
        Effect::DoorbellRung { to, .. } => Some(to),
        _ => None,
    });
    if let Some(to) = rung {
        return but(
            format!("{} rang the doorbell of {}.", c.actor_first(), c.name(to)),
            format!("{} did not exit.", c.vcpu()),
        );
    }
    let woken = c.find(|e| matches!(e, Effect::Woken { .. }).then_some(()));
    if woken.is_some() {
        return but(format!("{} woke {}'s thread.", c.actor_first(), c.vcpu()), "No doorbell was rung.");
    }
    let here = c.find(|e| matches!(e, Effect::DoorbellNotRung { why: NotSent::RunningHere, .. }).then_some(()));
    let why = if here.is_some() {
        format!("{} runs on this very core, and VMRUN looks at IRR", c.vcpu())
    } else {
        let seen = c.find(|e| match *e {
            Effect::ModeRead { mode, .. } => Some(mode),
            _ => None,
        });
        match seen {
            Some(seen) => format!("vcpu->mode is {}, and VMRUN looks at IRR", mode(seen)),
            None => "IsRunning is 0, and VMRUN looks at IRR".to_owned(),
        }
    };
    but(format!("{} found that {why}.", c.actor_first()), "No doorbell was rung.")
}

pub(super) fn heard(c: &Context<'_>) -> Sentence {
    let heard = c.find(|e| match *e {
        Effect::DoorbellHeard { heard, .. } => Some(heard),
        _ => None,
    });
    if heard == Some(false) {
        but(
            format!("The doorbell of {} rang while no guest ran there.", c.core()),
            "Nothing is lost: VMRUN looks at IRR.",
        )
    } else {
        but(format!("The doorbell of {} rang, and its processor evaluated the guest's IRR.", c.core()), "No exit.")
    }
}

pub(super) fn interrupts_on(c: &Context<'_>) -> Sentence {
    said(format!("KVM enabled interrupts on {} for a moment, and nothing more was pending.", c.core()))
}

pub(super) fn event_requested(c: &Context<'_>) -> Sentence {
    said(format!("KVM asked itself to look at {}'s local APIC before the next entry.", c.vcpu()))
}

pub(super) fn events(c: &Context<'_>) -> Sentence {
    let vector = c.find(|e| match *e {
        Effect::WillInject { vector, .. } => Some(vector),
        _ => None,
    });
    match (vector, c.set(Field::InterruptWindow)) {
        (Some(vector), _) => said(format!("KVM moved vector {vector} from IRR to ISR; the next entry injects it.")),
        (None, Some(_)) => but(
            format!("{}'s interrupts are off, so KVM asked for an exit as soon as they are on.", c.vcpu()),
            "Nothing was injected.",
        ),
        _ => but(format!("KVM looked at {}'s local APIC.", c.vcpu()), "There was nothing to inject."),
    }
}

pub(super) fn injected(c: &Context<'_>) -> Sentence {
    let found = c.find(|e| match *e {
        Effect::Delivered { vector, late_ns, .. } => Some((vector, late_ns)),
        _ => None,
    });
    let Some((vector, late)) = found else {
        return said(format!("{} entered its guest code, and an interrupt was injected.", c.vcpu()));
    };
    let side = if late < 0 { "before" } else { "after" };
    let when = format!("{} {side} its deadline", span(late.unsigned_abs()));
    said(format!(
        "{} entered its guest code on {}, and {}'s handler started, {when}: VM entry injected vector {vector}.",
        c.vcpu(),
        c.core(),
        c.vcpu()
    ))
}

pub(super) fn window(c: &Context<'_>) -> Sentence {
    let reason = c.exit().map_or("INTERRUPT_WINDOW", |(reason, _)| reason);
    said(format!("{}'s interrupts were on again, so it exited ({reason}).", c.vcpu()))
}

pub(super) fn window_handled(c: &Context<'_>) -> Sentence {
    said(format!("KVM switched the window exit off and will look at {}'s local APIC.", c.vcpu()))
}

pub(super) fn eoi_exit(c: &Context<'_>) -> Sentence {
    let reason = c.exit().map_or("MSR_WRITE", |(reason, _)| reason);
    said(format!("{}'s handler wrote EOI. Its local APIC is emulated, so the write exited ({reason}).", c.vcpu()))
}

pub(super) fn eoi_emulated(c: &Context<'_>) -> Sentence {
    let left = c.bit(Bank::Visr, false).map_or_else(String::new, |v| format!(": vector {v} left ISR"));
    said(format!("KVM emulated {}'s EOI{left}.", c.vcpu()))
}

pub(super) fn tmict_written(c: &Context<'_>) -> Sentence {
    let reason = c.exit().map_or("EPT_MISCONFIG", |(reason, _)| reason);
    said(format!(
        "{} wrote its next count to TMICT. Its local APIC is in userspace: {} exited ({reason}).",
        c.vcpu(),
        c.vcpu()
    ))
}

pub(super) fn to_userspace(c: &Context<'_>) -> Sentence {
    said(format!("KVM_RUN returned to userspace on {}.", c.core()))
}

pub(super) fn user_arms(c: &Context<'_>) -> Sentence {
    let at = c.find(|e| match *e {
        Effect::TimerQueued { cpu, expires, timer: TimerId::IoThread(_), .. } => Some((cpu, expires)),
        _ => None,
    });
    match at {
        Some((cpu, expires)) => said(format!(
            "Userspace set its timer: the I/O thread on {} sleeps until {} from now.",
            c.name(cpu),
            span(expires.minus(c.record.at).as_ns())
        )),
        None => said("Userspace set its timer."),
    }
}

pub(super) fn run_again(c: &Context<'_>) -> Sentence {
    said(format!("{}'s thread called KVM_RUN again.", c.vcpu()))
}

pub(super) fn io_thread_woken(c: &Context<'_>) -> Sentence {
    said(format!("The timer of userspace's I/O thread expired on {}.", c.core()))
}

pub(super) fn io_thread(c: &Context<'_>) -> Sentence {
    let signalled = format!(
        "The I/O thread on {} asserted vector {} and signalled {}'s thread",
        c.core(),
        c.guest_vector(),
        c.vcpu()
    );
    match c.sent() {
        Some((vector, to)) => said(format!("{signalled}: IPI, vector {vector}, to {}.", c.name(to))),
        None => said(format!("{signalled}.")),
    }
}

pub(super) fn interrupted(c: &Context<'_>) -> Sentence {
    said(format!("A signal waits for {}'s thread, so KVM_RUN returned -EINTR.", c.vcpu()))
}

pub(super) fn user_injects(c: &Context<'_>) -> Sentence {
    let vector = c.find(|e| match *e {
        Effect::WillInject { vector, .. } => Some(vector),
        _ => None,
    });
    match (vector, c.set(Field::InterruptWindow)) {
        (Some(vector), _) => said(format!("Userspace called KVM_INTERRUPT with vector {vector}.")),
        (None, Some((_, 1))) => but(
            format!("{}'s interrupts are off, so userspace asked for the interrupt window.", capital(&c.vcpu())),
            "Nothing was injected.",
        ),
        _ => but("Userspace looked at its local APIC.", "There was nothing to inject."),
    }
}

pub(super) fn user_eoi(c: &Context<'_>) -> Sentence {
    let left = c.bit(Bank::Visr, false).map_or_else(String::new, |v| format!(": vector {v} left ISR"));
    said(format!("Userspace emulated {}'s EOI{left}.", c.vcpu()))
}

pub(super) fn user_waits(c: &Context<'_>) -> Sentence {
    let slept = c.find(|e| matches!(e, Effect::ScheduledOut { .. }).then_some(()));
    if slept.is_some() {
        said(format!("{} is halted, and its thread sleeps in userspace; {} is idle.", c.vcpu(), c.core()))
    } else {
        said(format!("{}'s thread looked in userspace whether there is an interrupt for it.", c.vcpu()))
    }
}
