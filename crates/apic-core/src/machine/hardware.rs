//! What the processor does by itself: recognising interrupts, VM exits by interrupt, posted-interrupt processing,
//! virtual-interrupt delivery; and what lies between processors: IPIs in flight and clock events.

use super::irq::IrqPc;
use super::state::{Actor, Next, PiStage, Running, VcpuPc};
use super::{Machine, Taken};
use crate::cost::CostKind;
use crate::effect::{Bank, Effect, Field, Observer};
use crate::host::TimerId;
use crate::rule::Rule;
use crate::units::{CpuId, VcpuId, Vector};
use crate::vmx::{ExitPhase, ExitReason};

impl Machine {
    pub(super) fn next_irq(&self, cpu: CpuId) -> Option<Next> {
        let c = &self.cpus[cpu.index()];
        if let Some(stage) = c.pi_stage {
            let rule = match stage {
                PiStage::ClearOn => Rule::C12b,
                PiStage::Drain => Rule::C12c,
            };
            return Some(self.kvm_step(rule, CostKind::PiProcessing));
        }
        let latched = c.irr.highest();
        if let Running::Vcpu(v) = c.running
            && let vcpu = &self.vcpus[v.index()]
            && vcpu.in_guest()
        {
            return match latched {
                Some(Vector::POSTED_INTR) => Some(self.kvm_step(Rule::C12, CostKind::Instruction)),
                Some(_) => Some(self.kvm_step(Rule::P1, CostKind::Instruction)),
                None if vcpu.vapic.recognised() && vcpu.guest.interrupts_on => {
                    Some(self.kvm_step(Rule::C13, CostKind::VirtualDelivery))
                }
                None => None,
            };
        }
        let vector = latched?;
        self.host_interrupts_on(cpu).then(|| match vector {
            Vector::LOCAL_TIMER => self.kvm_step(self.timer_interrupt_rule(cpu), CostKind::TimerInterrupt),
            Vector::POSTED_INTR => self.kvm_step(Rule::I2, CostKind::HostIrq),
            _ => self.kvm_step(Rule::I3, CostKind::HostIrq),
        })
    }

    pub(super) fn step_irq_hardware<O: Observer>(&mut self, cpu: CpuId, obs: &mut O) -> Taken {
        let c = &mut self.cpus[cpu.index()];
        let latched = c.irr.highest();
        let stage = c.pi_stage;
        let guest = self.guest_on(cpu);
        let taken = match (guest, stage, latched) {
            (Some(v), Some(PiStage::ClearOn), _) => self.pi_clear_on(cpu, v, obs),
            (Some(v), Some(PiStage::Drain), _) => self.pi_drain(cpu, v, obs),
            (Some(v), None, Some(Vector::POSTED_INTR)) => {
                let c = &mut self.cpus[cpu.index()];
                c.irr.clear(Vector::POSTED_INTR);
                c.pi_stage = Some(PiStage::ClearOn);
                Taken { rule: Rule::C12, vcpu: Some(v) }
            }
            (Some(v), None, Some(vector)) => self.exit_by_interrupt(cpu, v, vector, obs),
            (Some(v), None, None) => self.deliver_virtual(v, obs),
            (None, _, vector) => self.take_in_root(cpu, vector.unwrap_or(Vector::RESCHEDULE), obs),
        };
        match guest {
            // Software has nothing to do with what the processor does within the guest.
            Some(v) if self.vcpus[v.index()].in_guest() => self.touched.push(Actor::Guest(v)),
            _ => self.touch_cpu(cpu),
        }
        taken
    }

    fn timer_interrupt_rule(&self, cpu: CpuId) -> Rule {
        if matches!(self.cpus[cpu.index()].running, Running::Vcpu(_)) { Rule::I1 } else { Rule::C3 }
    }

    /// C3, I1, I2, I3: root operation, interrupts on.
    fn take_in_root<O: Observer>(&mut self, cpu: CpuId, vector: Vector, obs: &mut O) -> Taken {
        let rule = self.timer_interrupt_rule(cpu);
        let c = &mut self.cpus[cpu.index()];
        let vcpu = if let Running::Vcpu(v) = c.running { Some(v) } else { None };
        c.irr.clear(vector);
        match vector {
            Vector::LOCAL_TIMER => {
                c.base.interrupt_begins();
                c.irq = Some(IrqPc::RunTimers(false));
                Taken { rule, vcpu }
            }
            Vector::POSTED_INTR => {
                c.pin_count += 1;
                obs.effect(Effect::NotificationMissed { cpu });
                Taken { rule: Rule::I2, vcpu }
            }
            _ => Taken { rule: Rule::I3, vcpu },
        }
    }

    /// P1: acknowledge-interrupt-on-exit.
    fn exit_by_interrupt<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, vector: Vector, obs: &mut O) -> Taken {
        let c = &mut self.cpus[cpu.index()];
        c.irr.clear(vector);
        // What the exit is for: this vCPU's own timer is due here, or another core kicked it for an expiry.
        let own_timer = c.base.queue().iter().any(|(at, t)| *at <= self.now && *t == TimerId::Lapic(v));
        let vcpu = &mut self.vcpus[v.index()];
        let kicked = vector == Vector::RESCHEDULE && vcpu.requests.pending();
        let firing = (vector == Vector::LOCAL_TIMER && own_timer) || kicked;
        let phase = if firing { ExitPhase::Firing } else { ExitPhase::Other };
        vcpu.vapic.cease_recognition();
        vcpu.pc = VcpuPc::Exited(Some(vector));
        let reason = ExitReason::ExternalInterrupt(vector);
        obs.effect(Effect::Exit { vcpu: v, cpu, reason: reason.name(), vector: Some(vector), phase });
        Taken { rule: Rule::P1, vcpu: Some(v) }
    }

    /// C12b: ON first, then the physical EOI.
    fn pi_clear_on<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, obs: &mut O) -> Taken {
        let was = self.vcpus[v.index()].pi.test_and_clear_on();
        Self::report(obs, v, Field::On, u64::from(was), 0);
        self.cpus[cpu.index()].pi_stage = Some(PiStage::Drain);
        Taken { rule: Rule::C12b, vcpu: Some(v) }
    }

    /// C12c: PIR into VIRR, RVI, evaluation.
    fn pi_drain<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, obs: &mut O) -> Taken {
        self.drain_pir(v, obs);
        self.vcpus[v.index()].vapic.evaluate();
        self.cpus[cpu.index()].pi_stage = None;
        Taken { rule: Rule::C12c, vcpu: Some(v) }
    }

    /// C13.
    fn deliver_virtual<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> Taken {
        let late_ns = self.now.as_ns().cast_signed() - self.vcpus[v.index()].expired_for.as_ns().cast_signed();
        let vcpu = &mut self.vcpus[v.index()];
        let (rvi, svi, vppr) = (vcpu.vapic.rvi(), vcpu.vapic.svi(), vcpu.vapic.vppr());
        if let Some(vector) = vcpu.vapic.deliver() {
            let halted = vcpu.guest.interrupt();
            self.handlers += 1;
            if O::RECORDS {
                obs.effect(Effect::Bit { vcpu: v, bank: Bank::Virr, vector, on: false });
                obs.effect(Effect::Bit { vcpu: v, bank: Bank::Visr, vector, on: true });
                let apic = &vcpu.vapic;
                Self::report(obs, v, Field::Rvi, rvi.into(), apic.rvi().into());
                Self::report(obs, v, Field::Svi, svi.into(), apic.svi().into());
                Self::report(obs, v, Field::Vppr, vppr.into(), apic.vppr().into());
                Self::report(obs, v, Field::If, 1, 0);
                Self::report(obs, v, Field::Activity, u64::from(halted), 0);
                obs.effect(Effect::Delivered { vcpu: v, vector, late_ns });
            }
        }
        Taken { rule: Rule::C13, vcpu: Some(v) }
    }

    /// The front of the queue to a CPU: messages on one way do not overtake each other.
    pub(super) fn next_wire(&self, cpu: CpuId) -> Option<Next> {
        let ipi = self.cpus[cpu.index()].inbound.first()?;
        let mut next = Next::after(Rule::I4, CostKind::IpiFlight, ipi.sent_at);
        next.earliest = self.now;
        Some(next)
    }

    /// I4.
    pub(super) fn step_wire<O: Observer>(&mut self, cpu: CpuId, obs: &mut O) -> Taken {
        let ipi = self.cpus[cpu.index()].inbound.remove(0);
        self.cpus[cpu.index()].irr.set(ipi.vector);
        obs.effect(Effect::IpiArrived { id: ipi.id, vector: ipi.vector, from: ipi.from, to: ipi.to });
        self.touch_cpu(cpu);
        Taken { rule: Rule::I4, vcpu: Some(ipi.vcpu) }
    }

    pub(super) fn next_clock(&self, cpu: CpuId) -> Option<Next> {
        let at = self.cpus[cpu.index()].clock_event;
        (!at.is_never()).then(|| Next::at(Rule::K1, at, self.now))
    }

    /// K1.
    pub(super) fn step_clock<O: Observer>(&mut self, cpu: CpuId, _: &mut O) -> Taken {
        let c = &mut self.cpus[cpu.index()];
        c.clock_event = crate::units::Ns::NEVER;
        c.irr.set(Vector::LOCAL_TIMER);
        let vcpu = c.base.queue().first().and_then(|(_, t)| match t {
            TimerId::Lapic(v) => Some(*v),
            TimerId::Tick(_) => None,
        });
        self.touch_cpu(cpu);
        self.touched.push(Actor::Clock(cpu));
        Taken { rule: Rule::K1, vcpu }
    }
}
