//! From the LVT entry to PIR and ON: `kvm_apic_inject_pending_timer_irqs`, `kvm_apic_local_deliver`,
//! `vmx_deliver_posted_interrupt`.
//!
//! The same code serves three callers: the timer callback that posts (C7 to C10), and the vCPU thread, for an expiry
//! that was pending (P5) or found while arming (A7).

use super::state::Actor;
use super::{Ipi, Machine};
use crate::cost::CostKind;
use crate::effect::{Bank, Effect, Field, NotSent, Observer};
use crate::rule::Rule;
use crate::units::{CpuId, Tsc, VcpuId, Vector};
use serde::Serialize;

/// Where the delivery stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(super) enum DeliverPc {
    /// `kvm_apic_local_deliver`: the LVT entry's mask.
    Accept,
    /// `pi_test_and_set_pir`.
    Pir,
    /// `pi_test_and_set_on`.
    On,
    /// `kvm_vcpu_trigger_posted_interrupt`.
    Trigger,
    /// Clearing the deadline.
    Done,
}

/// Who delivers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Deliverer {
    /// The timer callback, in interrupt context on this CPU.
    Callback(CpuId),
    /// The vCPU's own thread; `true` if `pending` led there.
    Thread(bool),
}

impl DeliverPc {
    pub(super) const fn rule(self, thread: bool) -> Rule {
        match (self, thread) {
            (Self::Accept, false) => Rule::C7,
            (Self::Pir, false) => Rule::C8,
            (Self::On, false) => Rule::C8b,
            (Self::Trigger, _) => Rule::C9,
            (Self::Done, false) => Rule::C10,
            (Self::Accept, true) => Rule::P5b,
            (Self::Pir, true) => Rule::P5c,
            (Self::On, true) => Rule::P5d,
            (Self::Done, true) => Rule::P5e,
        }
    }

    pub(super) const fn cost(self) -> CostKind {
        match self {
            Self::Pir | Self::On => CostKind::Atomic,
            Self::Accept | Self::Trigger | Self::Done => CostKind::KvmStep,
        }
    }
}

impl Machine {
    /// Takes one step of the delivery; `None` when it is done.
    pub(super) fn step_deliver<O: Observer>(
        &mut self,
        v: VcpuId,
        pc: DeliverPc,
        by: Deliverer,
        obs: &mut O,
    ) -> Option<DeliverPc> {
        let vcpu = &mut self.vcpus[v.index()];
        let vector = vcpu.lvtt.vector();
        let to = vcpu.cpu;
        match pc {
            DeliverPc::Accept => {
                if vcpu.lvtt.masked() {
                    obs.effect(Effect::Dropped { vcpu: v });
                    return Some(DeliverPc::Done);
                }
                Some(DeliverPc::Pir)
            }
            DeliverPc::Pir => {
                if vcpu.pi.test_and_set_pir(vector) {
                    not_sent(by, to, v, NotSent::BitAlreadySet, obs);
                    return Some(DeliverPc::Done);
                }
                obs.effect(Effect::Bit { vcpu: v, bank: Bank::Pir, vector, on: true });
                Some(DeliverPc::On)
            }
            DeliverPc::On => {
                if vcpu.pi.test_and_set_on() {
                    not_sent(by, to, v, NotSent::OnAlreadySet, obs);
                    return Some(DeliverPc::Done);
                }
                Self::report(obs, v, Field::On, 0, 1);
                if let Deliverer::Thread(pending) = by {
                    if !pending && vcpu.mode.is_in_guest() {
                        let why = NotSent::RunningHere;
                        obs.effect(Effect::IpiNotSent { vector: Vector::POSTED_INTR, from: to, to, vcpu: v, why });
                    }
                    return Some(DeliverPc::Done);
                }
                Some(DeliverPc::Trigger)
            }
            DeliverPc::Trigger => {
                let mode = vcpu.mode.get() as u64;
                obs.effect(Effect::ModeRead { vcpu: v, mode });
                if let Deliverer::Callback(from) = by {
                    // A vCPU whose own core runs the callback is outside guest mode by then.
                    if self.vcpus[v.index()].mode.is_in_guest() && from != to {
                        self.send_ipi(Vector::POSTED_INTR, from, to, v, obs);
                    } else {
                        not_sent(by, to, v, NotSent::OutsideGuestMode, obs);
                    }
                }
                Some(DeliverPc::Done)
            }
            DeliverPc::Done => {
                let was = std::mem::replace(&mut vcpu.timer.tscdeadline, Tsc::ZERO);
                Self::report(obs, v, Field::Tscdeadline, was.as_cycles(), 0);
                if by == Deliverer::Thread(true) {
                    vcpu.timer.pending = false;
                    Self::report(obs, v, Field::Pending, 1, 0);
                }
                None
            }
        }
    }

    /// Puts an IPI on its way.
    pub(super) fn send_ipi<O: Observer>(&mut self, vector: Vector, from: CpuId, to: CpuId, vcpu: VcpuId, obs: &mut O) {
        let id = self.next_ipi;
        self.next_ipi += 1;
        self.cpus[to.index()].inbound.push(Ipi { id, vector, from, to, vcpu, sent_at: self.now });
        obs.effect(Effect::IpiSent { id, vector, from, to, vcpu });
        self.touched.push(Actor::Wire(to));
    }
}

fn not_sent<O: Observer>(by: Deliverer, to: CpuId, vcpu: VcpuId, why: NotSent, obs: &mut O) {
    // The vCPU's own thread has nobody to notify: nothing is suppressed there.
    if let Deliverer::Callback(from) = by
        && from != to
    {
        obs.effect(Effect::IpiNotSent { vector: Vector::POSTED_INTR, from, to, vcpu, why });
    }
}
