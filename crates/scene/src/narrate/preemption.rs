//! Sentences of the preemption timer (Hv), of the processor's virtual timer (V), and of a blocked vCPU (E).

use super::{Context, Sentence, but, said};
use crate::words::{capital, span};
use apic_core::effect::{Effect, Field};
use apic_core::units::Tsc;
use apic_core::vmx::PREEMPTION_TIMER_RATE;

pub(super) fn given(c: &Context<'_>) -> Sentence {
    but(
        format!("KVM gave {}'s deadline to the VMX preemption timer of {}.", c.vcpu(), c.core()),
        "No hrtimer was started.",
    )
}

pub(super) fn loaded(c: &Context<'_>) -> Sentence {
    let count = c.find(|e| match *e {
        Effect::PreemptionTimerLoaded { count, .. } => Some(count),
        _ => None,
    });
    match count {
        Some(0) => said("KVM loaded the preemption timer with 0: the guest leaves again before its first instruction."),
        Some(n) => said(format!(
            "KVM loaded the preemption timer with the time left, {}.",
            span(c.cycles(Tsc::from_cycles(n << PREEMPTION_TIMER_RATE)))
        )),
        None => said("KVM loaded the preemption timer."),
    }
}

pub(super) fn fired(c: &Context<'_>) -> Sentence {
    but(
        format!("The preemption timer of {} reached 0, so {} exited (PREEMPTION_TIMER).", c.core(), c.vcpu()),
        "No host interrupt arrived.",
    )
}

pub(super) fn dispatched(c: &Context<'_>) -> Sentence {
    if c.set(Field::Mode).is_some() {
        said("KVM took the slow path: vcpu->mode became OUTSIDE_GUEST_MODE.")
    } else {
        but("KVM handled the exit in the fastpath, interrupts off.", "vcpu->mode stayed IN_GUEST_MODE.")
    }
}

pub(super) fn expired(c: &Context<'_>) -> Sentence {
    if c.find(|e| matches!(e, Effect::Dropped { .. }).then_some(())).is_some() {
        return but(
            format!("{}'s deadline had come, and an expiry was pending already.", c.vcpu()),
            "It became one with it.",
        );
    }
    if c.set(Field::Pending).is_some() {
        return said(format!("{}'s deadline had come: KVM left the expiry pending for the thread itself.", c.vcpu()));
    }
    but(
        format!("{}'s deadline had come, and its own thread set out to deliver the interrupt.", c.vcpu()),
        "No timer callback ran.",
    )
}

pub(super) fn to_software(c: &Context<'_>) -> Sentence {
    said(format!(
        "{} was about to block, where the preemption timer does not count: its deadline went to an hrtimer.",
        c.vcpu()
    ))
}

pub(super) fn to_hardware(c: &Context<'_>) -> Sentence {
    said(format!(
        "{} was awake again, and the preemption timer was to take its deadline back, if it had not come.",
        c.vcpu()
    ))
}

pub(super) fn virtual_deadline(c: &Context<'_>) -> Sentence {
    let at = c.find(|e| match *e {
        Effect::Armed { at, .. } => Some(at),
        _ => None,
    });
    let ahead = at.map_or_else(String::new, |at| format!(", {} ahead,", span(at.minus(c.record.at).as_ns())));
    but(
        format!("{} wrote its next deadline{ahead} to IA32_TSC_DEADLINE, and the processor keeps it.", c.vcpu()),
        "The write is not intercepted: no exit.",
    )
}

pub(super) fn virtual_fired(c: &Context<'_>) -> Sentence {
    but(
        format!(
            "The processor of {} requested vector {} for {} at its deadline.",
            c.core(),
            c.guest_vector(),
            c.vcpu()
        ),
        "No exit, no host timer.",
    )
}

pub(super) fn virtual_to_software(c: &Context<'_>) -> Sentence {
    if c.set(Field::Tscdeadline).is_some() {
        said(format!("{} was about to block: KVM read its deadline back and gave it to an hrtimer.", c.vcpu()))
    } else {
        but(format!("{} was about to block, and had no deadline.", c.vcpu()), "No hrtimer was started.")
    }
}

pub(super) fn virtual_to_hardware(c: &Context<'_>) -> Sentence {
    said(format!("{} was awake: KVM took the hrtimer away, if it had not fired.", c.vcpu()))
}

pub(super) fn halt_exit(c: &Context<'_>) -> Sentence {
    let reason = c.exit().map_or("HLT", |(reason, _)| reason);
    said(format!("{} halted. HLT is intercepted: {} exited ({reason}).", c.vcpu(), c.vcpu()))
}

pub(super) fn halted(c: &Context<'_>) -> Sentence {
    if c.set(Field::MpState).is_none() {
        return but(format!("An interrupt waits for {}, so it stays runnable.", c.vcpu()), "It did not halt.");
    }
    said(format!("KVM noted that {} is halted: mp_state became KVM_MP_STATE_HALTED.", c.vcpu()))
}

pub(super) fn nothing_to_run_for(c: &Context<'_>) -> Sentence {
    if c.set(Field::MpState).is_some() {
        said(format!("An interrupt waits, so {} is runnable again.", c.vcpu()))
    } else {
        said(format!("No interrupt waits for {}, so its thread went to block.", c.vcpu()))
    }
}

pub(super) fn polled_in_vain(c: &Context<'_>) -> Sentence {
    but(format!("{}'s thread polled to the end of its window.", c.vcpu()), "Nothing came.")
}

pub(super) fn polling_paid(c: &Context<'_>) -> Sentence {
    but(format!("{}'s thread saw while polling that something is there.", c.vcpu()), "It did not sleep.")
}

pub(super) fn polling_ended(c: &Context<'_>) -> Sentence {
    said(format!("{}'s thread looked what had ended its polling.", c.vcpu()))
}

pub(super) fn on_the_queue(c: &Context<'_>) -> Sentence {
    said(format!("{}'s thread put itself on its wait queue before it looks once more.", c.vcpu()))
}

pub(super) fn last_look(c: &Context<'_>) -> Sentence {
    said(format!("{}'s thread looked for an interrupt, a pending timer and a request.", c.vcpu()))
}

pub(super) fn sleeps(c: &Context<'_>) -> Sentence {
    let slept = c.find(|e| matches!(e, Effect::ScheduledOut { .. }).then_some(()));
    if slept.is_some() {
        said(format!("{}'s thread gave up {}, which is idle now.", c.vcpu(), c.core()))
    } else {
        but(format!("{}'s thread had been woken meanwhile.", c.vcpu()), "It did not sleep.")
    }
}

pub(super) fn woken(c: &Context<'_>) -> Sentence {
    // Before 5.3 the callback looked at the queue first, and woke then: the thread may be up by itself meanwhile.
    if c.find(|e| matches!(e, Effect::Woken { .. }).then_some(())).is_none() {
        return but(format!("{} found {}'s thread awake.", c.actor_first(), c.vcpu()), "Nobody was woken.");
    }
    but(format!("{} woke {}'s thread.", c.actor_first(), c.vcpu()), "No IPI was sent to the guest.")
}

pub(super) fn runs_again(c: &Context<'_>) -> Sentence {
    said(format!("{} ran {}'s thread again, which looks once more.", c.core_first(), c.vcpu()))
}

pub(super) fn off_the_queue(c: &Context<'_>) -> Sentence {
    let learnt = match c.set(Field::HaltPollNs) {
        Some((from, to)) => format!(" Its polling window went from {} to {}.", span(from), span(to)),
        None => String::new(),
    };
    said(format!("{}'s halt was over for its thread.{learnt}", c.vcpu()))
}

pub(super) fn runnable_now(c: &Context<'_>) -> Sentence {
    if c.set(Field::MpState).is_some() {
        return said(format!("{} is runnable: mp_state became KVM_MP_STATE_RUNNABLE.", capital(&c.vcpu())));
    }
    but(
        format!("No interrupt waits for {} yet: what woke it has to be dealt with first.", c.vcpu()),
        "It stays halted.",
    )
}
