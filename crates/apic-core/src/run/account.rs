//! Keeps the ledger: what each step adds to it.

use super::Ledger;
use crate::effect::{Effect, NotSent};
use crate::machine::{Machine, Running, Taken};
use crate::rule::Rule;
use crate::units::{CpuId, Ns};
use crate::vmx::ExitPhase;

/// The ledger, with what has to be remembered between steps.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Account {
    pub(super) ledger: Ledger,
    /// Per vCPU: since when it is kept from its guest code for its timer's sake.
    kept_since: Vec<Option<Ns>>,
    /// Per CPU: the timer interrupt that it is in.
    interrupts: Vec<Interrupt>,
    /// Per CPU: when its last step was.
    last_step: Vec<Ns>,
}

/// One timer interrupt on a CPU without a vCPU.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Interrupt {
    /// Time of entering and leaving.
    overhead: Ns,
    /// The host's own tick ran in it too, so that it would have happened anyway.
    own_tick: bool,
    guest_timer: bool,
}

impl Account {
    pub(super) fn new(machine: &Machine) -> Self {
        Self {
            ledger: Ledger::default(),
            kept_since: vec![None; machine.vcpus().len()],
            interrupts: vec![Interrupt::default(); machine.cpus().len()],
            last_step: vec![Ns::ZERO; machine.cpus().len()],
        }
    }

    /// Adds a step that was just taken on `cpu`.
    pub(super) fn add(&mut self, machine: &Machine, cpu: CpuId, taken: Taken, effects: &[Effect]) {
        let now = machine.now();
        for effect in effects {
            self.add_effect(now, effect);
        }
        if let Some(v) = taken.vcpu {
            // Posted-interrupt processing stops the guest's instructions without an exit.
            let kept = &mut self.kept_since[v.index()];
            match taken.rule {
                Rule::C12 => *kept = Some(now),
                Rule::C12c => self.ledger.guest_time_lost = self.ledger.guest_time_lost.plus(spent(kept.take(), now)),
                _ => {}
            }
        }
        // A VT-d unit's step takes no CPU's time.
        if matches!(taken.rule, Rule::Vd1 | Rule::Vd2) {
            return;
        }
        let since = std::mem::replace(&mut self.last_step[cpu.index()], now);
        if !matches!(machine.cpus()[cpu.index()].running(), Running::Vcpu(_)) {
            self.add_interrupt_time(cpu, taken.rule, now.minus(since));
        }
    }

    fn add_effect(&mut self, now: Ns, effect: &Effect) {
        let ledger = &mut self.ledger;
        match effect {
            Effect::Exit { vcpu, phase, .. } => {
                match phase {
                    ExitPhase::Arming => ledger.exits_arming += 1,
                    ExitPhase::Firing => ledger.exits_firing += 1,
                    ExitPhase::Eoi => ledger.exits_eoi += 1,
                    ExitPhase::Halt | ExitPhase::Other => ledger.exits_other += 1,
                }
                if !matches!(phase, ExitPhase::Halt | ExitPhase::Other) {
                    self.kept_since[vcpu.index()] = Some(now);
                }
            }
            Effect::Enter { vcpu, .. } => {
                let since = self.kept_since[vcpu.index()].take();
                ledger.guest_time_lost = ledger.guest_time_lost.plus(spent(since, now));
            }
            Effect::IpiSent { .. } | Effect::DoorbellRung { .. } => ledger.ipis_sent += 1,
            Effect::IpiNotSent { why, .. } | Effect::DoorbellNotRung { why, .. } if *why != NotSent::RunningHere => {
                ledger.ipis_suppressed += 1;
            }
            Effect::Delivered { .. } => ledger.handlers += 1,
            Effect::DevicePosted { .. } => ledger.device_posts += 1,
            Effect::NotificationSent { .. } => ledger.device_notifications += 1,
            Effect::DeviceDelivered { .. } => ledger.device_handlers += 1,
            _ => {}
        }
    }

    fn add_interrupt_time(&mut self, cpu: CpuId, rule: Rule, took: Ns) {
        let irq = &mut self.interrupts[cpu.index()];
        match rule {
            Rule::C3 => *irq = Interrupt { overhead: took, ..Interrupt::default() },
            Rule::T1 => irq.own_tick = true,
            Rule::T2 | Rule::T3 => {
                // Entering and leaving is a guest timer's price only if the host's own tick did not pay it.
                if (irq.guest_timer || rule == Rule::T3) && !irq.own_tick {
                    let overhead = irq.overhead.plus(took);
                    self.ledger.housekeeper_time = self.ledger.housekeeper_time.plus(overhead);
                }
                *irq = Interrupt::default();
            }
            Rule::C4
            | Rule::C5
            | Rule::C6
            | Rule::C7
            | Rule::C8
            | Rule::C8b
            | Rule::C9
            | Rule::C10
            | Rule::C11
            | Rule::D1
            | Rule::D2
            | Rule::E6
            | Rule::F1
            | Rule::F2
            | Rule::U5 => {
                irq.guest_timer = true;
                self.ledger.housekeeper_time = self.ledger.housekeeper_time.plus(took);
            }
            Rule::U6 => self.ledger.housekeeper_time = self.ledger.housekeeper_time.plus(took),
            _ => {}
        }
    }
}

fn spent(since: Option<Ns>, now: Ns) -> Ns {
    since.map_or(Ns::ZERO, |since| now.minus(since))
}
