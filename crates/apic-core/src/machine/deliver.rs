//! From the LVT entry to the guest's IRR: `kvm_apic_inject_pending_timer_irqs`, `kvm_apic_local_deliver`, and then
//! `vmx_deliver_posted_interrupt` (PIR and ON), `svm_deliver_interrupt` (IRR and the doorbell), or, without APICv, IRR and
//! `KVM_REQ_EVENT`.
//!
//! The same code serves four callers: the timer callback that posts (C7 to C10), and the vCPU thread, for an expiry
//! that was pending (P5), found while arming (A7) or brought by the preemption timer (Hv4).

use super::actor::Actor;
use super::searched::Store;
use super::state::Running;
use super::{Ipi, Machine};
use crate::cost::CostKind;
use crate::effect::{Bank, Effect, Field, NotSent, Observer};
use crate::kvm::{Fault, Mode, Request, Switch, Vendor};
use crate::rule::Rule;
use crate::units::{CpuId, Ns, VcpuId, Vector};
use serde::Serialize;

/// Where the delivery stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum DeliverPc {
    /// `kvm_apic_local_deliver`: the LVT entry's mask.
    Accept,
    /// `pi_test_and_set_pir`.
    Pir,
    /// `pi_test_and_set_on`.
    On,
    /// `kvm_vcpu_trigger_posted_interrupt`.
    Trigger,
    /// `kvm_vcpu_kick`, where that could not notify (before 5.17).
    Kick,
    /// `kvm_lapic_set_irr`, without APICv.
    Irr,
    /// `KVM_REQ_EVENT`.
    Event,
    /// `svm_deliver_interrupt`: IRR.
    AvicIrr,
    /// `svm_complete_interrupt_delivery`.
    Doorbell,
    /// Clearing the deadline.
    Done,
}

/// What led the vCPU's own thread to a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum Thread {
    /// `pending`.
    Pending,
    /// It was arming, and the deadline had passed.
    Arming,
    /// The preemption timer.
    Hv,
}

/// Who delivers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Deliverer {
    /// The timer callback, in interrupt context on this CPU.
    Callback(CpuId),
    /// The vCPU's own thread.
    Thread(Thread),
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
            (Self::Kick, _) => Rule::D2,
            (Self::Irr, _) => Rule::J1,
            (Self::Event, _) => Rule::J2,
            (Self::AvicIrr, _) => Rule::F1,
            (Self::Doorbell, _) => Rule::F2,
        }
    }

    pub(super) const fn cost(self) -> CostKind {
        match self {
            Self::Pir | Self::On | Self::AvicIrr | Self::Kick => CostKind::Atomic,
            Self::Accept | Self::Trigger | Self::Irr | Self::Event | Self::Doorbell | Self::Done => CostKind::KvmStep,
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
                vcpu.audit.delivered();
                if vcpu.lvtt.masked() {
                    obs.effect(Effect::Dropped { vcpu: v });
                    return Some(DeliverPc::Done);
                }
                Some(match (self.cfg.apicv, self.cfg.vendor) {
                    (false, _) => DeliverPc::Irr,
                    (true, Vendor::Vmx) if self.cfg.faults.has(Fault::OnBeforePir) => DeliverPc::On,
                    (true, Vendor::Vmx) => DeliverPc::Pir,
                    (true, Vendor::Svm) => DeliverPc::AvicIrr,
                })
            }
            DeliverPc::Pir => {
                if vcpu.pi.test_and_set_pir(vector) {
                    not_sent(by, to, v, NotSent::BitAlreadySet, obs);
                    return Some(DeliverPc::Done);
                }
                obs.effect(Effect::Bit { vcpu: v, bank: Bank::Pir, vector, on: true });
                self.touch_poller(v);
                let notified_first = self.cfg.faults.has(Fault::OnBeforePir);
                Some(if notified_first { DeliverPc::Trigger } else { DeliverPc::On })
            }
            DeliverPc::On => {
                let turned = self.cfg.faults.has(Fault::OnBeforePir);
                if vcpu.pi.test_and_set_on() {
                    if turned {
                        vcpu.pi.test_and_set_pir(vector);
                    }
                    not_sent(by, to, v, NotSent::OnAlreadySet, obs);
                    return Some(DeliverPc::Done);
                }
                Self::report(obs, v, Field::On, 0, 1);
                if let Deliverer::Thread(thread) = by {
                    if thread != Thread::Pending && vcpu.mode.is_in_guest() {
                        let why = NotSent::RunningHere;
                        obs.effect(Effect::IpiNotSent { vector: Vector::POSTED_INTR, from: to, to, vcpu: v, why });
                    }
                    return Some(if turned { DeliverPc::Pir } else { DeliverPc::Done });
                }
                self.touch_poller(v);
                Some(if turned { DeliverPc::Pir } else { DeliverPc::Trigger })
            }
            DeliverPc::Trigger => {
                let from = if let Deliverer::Callback(from) = by { from } else { to };
                let mode = self.mode_seen(from, v);
                let in_guest = mode == Mode::InGuest;
                obs.effect(Effect::ModeRead { vcpu: v, mode: mode as u64 });
                if !matches!(by, Deliverer::Callback(_)) {
                    return Some(DeliverPc::Done);
                }
                let loaded_here = self.cpus[from.index()].running == Running::Vcpu(v);
                if loaded_here && (in_guest || self.cfg.rules.has(Switch::SkipsRunningVcpu)) {
                    let why = NotSent::RunningHere;
                    obs.effect(Effect::IpiNotSent { vector: Vector::POSTED_INTR, from, to, vcpu: v, why });
                } else if in_guest {
                    self.send_ipi(Vector::POSTED_INTR, from, to, v, obs);
                } else if !self.cfg.rules.has(Switch::PostWakesOnly) {
                    return Some(DeliverPc::Kick);
                } else if self.cfg.faults.has(Fault::B6) || !self.wake_up(v, obs) {
                    not_sent(by, to, v, NotSent::OutsideGuestMode, obs);
                }
                Some(DeliverPc::Done)
            }
            DeliverPc::Kick => {
                if let Deliverer::Callback(from) = by {
                    self.kick(from, v, obs);
                }
                Some(DeliverPc::Done)
            }
            DeliverPc::Irr | DeliverPc::AvicIrr => {
                if !vcpu.vapic.request(vector) {
                    obs.effect(Effect::Bit { vcpu: v, bank: Bank::Virr, vector, on: true });
                }
                self.touch_poller(v);
                Some(if pc == DeliverPc::Irr { DeliverPc::Event } else { DeliverPc::Doorbell })
            }
            DeliverPc::Event => {
                self.make_request(v, Request::Event, obs);
                Some(DeliverPc::Done)
            }
            DeliverPc::Doorbell => {
                self.doorbell(v, by, obs);
                Some(DeliverPc::Done)
            }
            DeliverPc::Done => {
                let before = vcpu.timer.clone();
                vcpu.timer.injected();
                // A deadline that KVM delivered is not the processor's any more.
                vcpu.processor_timer = Ns::NEVER;
                let injected = by == Deliverer::Thread(Thread::Pending) && vcpu.timer.pending;
                vcpu.timer.pending &= !injected;
                if injected {
                    self.plain_store(v, Store::NotPending(v));
                }
                self.report_timer(v, &before, obs);
                None
            }
        }
    }

    /// F2: `svm_complete_interrupt_delivery`. There is no ON: every delivery to a vCPU in guest mode rings. Before 5.17
    /// IsRunning was asked instead, which is set as long as the vCPU is loaded.
    fn doorbell<O: Observer>(&mut self, v: VcpuId, by: Deliverer, obs: &mut O) {
        let vcpu = &self.vcpus[v.index()];
        let to = vcpu.cpu;
        let from = if let Deliverer::Callback(from) = by { from } else { to };
        let mode = self.mode_seen(from, v);
        let reads_mode = self.cfg.rules.has(Switch::DoorbellReadsMode);
        let in_guest = if reads_mode { mode == Mode::InGuest } else { vcpu.is_running };
        if reads_mode {
            obs.effect(Effect::ModeRead { vcpu: v, mode: mode as u64 });
        }
        let skipped = |why| Effect::DoorbellNotRung { from, to, vcpu: v, why };
        if in_guest && from == to {
            obs.effect(skipped(NotSent::RunningHere));
        } else if in_guest {
            let id = self.next_ipi;
            self.next_ipi += 1;
            self.cpus[to.index()].inbound.push(Ipi {
                id,
                vector: None,
                from: Some(from),
                to,
                vcpu: v,
                sent_at: self.now,
            });
            obs.effect(Effect::DoorbellRung { id, from, to, vcpu: v });
            self.touched.push(Actor::Wire(to));
        } else if !self.wake_up(v, obs) && from != to {
            obs.effect(skipped(NotSent::OutsideGuestMode));
        }
    }

    /// Puts an IPI on its way.
    pub(super) fn send_ipi<O: Observer>(&mut self, vector: Vector, from: CpuId, to: CpuId, vcpu: VcpuId, obs: &mut O) {
        let id = self.next_ipi;
        self.next_ipi += 1;
        self.cpus[to.index()].inbound.push(Ipi {
            id,
            vector: Some(vector),
            from: Some(from),
            to,
            vcpu,
            sent_at: self.now,
        });
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
