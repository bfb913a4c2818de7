//! What the processor does by itself: recognising interrupts, VM exits by interrupt, posted-interrupt processing,
//! virtual-interrupt delivery; and what lies between processors: IPIs in flight and clock events.

use super::actor::Actor;
use super::hv_timer::HvPc;
use super::irq::IrqPc;
use super::state::{ExitTo, Ipi, Next, PiStage, Running, VcpuPc};
use super::userspace::{Errand, UserPc};
use super::{Machine, Taken};
use crate::cost::CostKind;
use crate::effect::{Bank, Effect, Field, Observer};
use crate::host::TimerId;
use crate::kvm::Vendor;
use crate::rule::Rule;
use crate::units::{CpuId, Ns, VcpuId, Vector};
use crate::vmx::{ExitPhase, ExitReason};

/// What a processor takes while a guest runs on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GuestEvent {
    /// The preemption timer, or the virtual one.
    ProcessorTimer,
    /// A virtual interrupt.
    Deliver,
    /// The exit for an open interrupt window.
    Window,
    /// A physical interrupt.
    External(Vector),
}

impl Machine {
    #[expect(clippy::inline_always, reason = "a step is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    pub(super) fn next_irq(&self, cpu: CpuId) -> Option<Next> {
        let c = &self.cpus[cpu.index()];
        if let Some(stage) = c.pi_stage {
            let rule = match stage {
                PiStage::ClearOn => Rule::C12b,
                PiStage::Drain => Rule::C12c,
            };
            return Some(self.kvm_step(rule, CostKind::PiProcessing));
        }
        if let Some(v) = self.guest_on(cpu) {
            let fires = self.vcpus[v.index()].processor_timer;
            return match self.guest_event(cpu, v) {
                Some(GuestEvent::External(Vector::POSTED_INTR)) => {
                    Some(self.kvm_step(Rule::C12, CostKind::Instruction))
                }
                Some(GuestEvent::External(_)) => Some(self.kvm_step(Rule::P1, CostKind::Instruction)),
                Some(GuestEvent::Deliver) => Some(self.kvm_step(Rule::C13, CostKind::VirtualDelivery)),
                Some(GuestEvent::Window) => Some(self.kvm_step(Rule::J5, CostKind::Instruction)),
                None if fires.is_never() => None,
                Some(GuestEvent::ProcessorTimer) | None => Some(Next::at(self.processor_timer_rule(), fires, self.now)),
            };
        }
        let vector = c.irr.highest()?;
        if !self.host_interrupts_on(cpu) {
            return None;
        }
        Some(match vector {
            Vector::LOCAL_TIMER => self.kvm_step(self.timer_interrupt_rule(cpu), CostKind::TimerInterrupt),
            Vector::POSTED_INTR => self.kvm_step(Rule::I2, CostKind::HostIrq),
            Vector::POSTED_INTR_WAKEUP => self.kvm_step(Rule::I5, CostKind::HostIrq),
            _ => self.kvm_step(Rule::I3, CostKind::HostIrq),
        })
    }

    pub(super) fn step_irq_hardware<O: Observer>(&mut self, cpu: CpuId, obs: &mut O) -> Taken {
        let c = &self.cpus[cpu.index()];
        let guest = self.guest_on(cpu);
        let taken = match (guest, c.pi_stage) {
            (Some(v), Some(PiStage::ClearOn)) => self.pi_clear_on(cpu, v, obs),
            (Some(v), Some(PiStage::Drain)) => self.pi_drain(cpu, v, obs),
            (Some(v), None) => match self.guest_event(cpu, v) {
                Some(GuestEvent::ProcessorTimer) => self.processor_timer(v, obs),
                Some(GuestEvent::External(Vector::POSTED_INTR)) => {
                    let c = &mut self.cpus[cpu.index()];
                    c.irr.clear(Vector::POSTED_INTR);
                    c.pi_stage = Some(PiStage::ClearOn);
                    Taken { rule: Rule::C12, vcpu: Some(v) }
                }
                Some(GuestEvent::External(vector)) => self.exit_by_interrupt(cpu, v, vector, obs),
                Some(GuestEvent::Window) => self.window_opens(v, obs),
                Some(GuestEvent::Deliver) | None => self.deliver_virtual(v, obs),
            },
            (None, _) => self.take_in_root(cpu, c.irr.highest().unwrap_or(Vector::RESCHEDULE), obs),
        };
        match guest {
            // Software has nothing to do with what the processor does within the guest, and while that clears ON the guest
            // stands still as it did.
            Some(v) if self.vcpus[v.index()].in_guest() => {
                if taken.rule != Rule::C12b {
                    self.touched.push(Actor::Guest(v));
                }
            }
            _ => self.touch_cpu(cpu),
        }
        taken
    }

    /// What the processor takes at the guest's next instruction boundary. The preemption timer comes first. On Intel a
    /// recognised virtual interrupt, and the exit for an open window, come before an external interrupt (SDM,
    /// "Virtual-Interrupt Delivery", "Interrupt-Window Exiting"); on AMD physical interrupts come before virtual ones (APM
    /// vol. 2, "Injecting Virtual (INTR) Interrupts").
    #[expect(clippy::inline_always, reason = "a step is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    fn guest_event(&self, cpu: CpuId, v: VcpuId) -> Option<GuestEvent> {
        let vcpu = &self.vcpus[v.index()];
        if vcpu.processor_timer <= self.now {
            return Some(GuestEvent::ProcessorTimer);
        }
        let external = self.cpus[cpu.index()].irr.highest().map(GuestEvent::External);
        let own = match (vcpu.guest.interrupts_on, vcpu.vapic.recognised(), vcpu.window) {
            (true, true, _) => Some(GuestEvent::Deliver),
            (true, false, true) => Some(GuestEvent::Window),
            _ => None,
        };
        match self.cfg.vendor {
            Vendor::Vmx => own.or(external),
            Vendor::Svm => external.or(own),
        }
    }

    fn timer_interrupt_rule(&self, cpu: CpuId) -> Rule {
        // A core that belongs to a vCPU is no housekeeper, even while the vCPU sleeps.
        if self.cpus[cpu.index()].home_of.is_some() { Rule::I1 } else { Rule::C3 }
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
            Vector::POSTED_INTR_WAKEUP => {
                c.irq = Some(IrqPc::WakeLock);
                Taken { rule: Rule::I5, vcpu }
            }
            _ => Taken { rule: Rule::I3, vcpu },
        }
    }

    /// P1: acknowledge-interrupt-on-exit.
    fn exit_by_interrupt<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, vector: Vector, obs: &mut O) -> Taken {
        let acknowledged = self.cfg.vendor == Vendor::Vmx;
        let c = &mut self.cpus[cpu.index()];
        if acknowledged {
            c.irr.clear(vector);
        }
        // What the exit is for: this vCPU's own timer is due here, or another core kicked it for an expiry.
        let own_timer = c.base.queue().iter().any(|(at, t)| *at <= self.now && *t == TimerId::Lapic(v));
        let vcpu = &mut self.vcpus[v.index()];
        let kicked = vector == Vector::RESCHEDULE && (vcpu.requests.pending() || vcpu.user.signal);
        let firing = (vector == Vector::LOCAL_TIMER && own_timer) || kicked;
        let phase = if firing { ExitPhase::Firing } else { ExitPhase::Other };
        vcpu.vapic.cease_recognition();
        vcpu.pc = VcpuPc::Exited(ExitTo::Interrupt(vector));
        self.report_exit(v, ExitReason::ExternalInterrupt(vector), phase, obs);
        Taken { rule: Rule::P1, vcpu: Some(v) }
    }

    /// The two timers that the processor keeps are never in use together.
    fn processor_timer_rule(&self) -> Rule {
        if self.cfg.virtual_timer { Rule::V2 } else { Rule::Hv2 }
    }

    /// Hv2, V2.
    fn processor_timer<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> Taken {
        let rule = self.processor_timer_rule();
        let (virtual_timer, vector) = (self.cfg.virtual_timer, self.vcpus[v.index()].lvtt.vector());
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.processor_timer = Ns::NEVER;
        if virtual_timer {
            vcpu.expired_for = vcpu.armed_for;
            vcpu.audit.delivered();
            let rvi = vcpu.vapic.rvi();
            vcpu.vapic.self_ipi(vector);
            obs.effect(Effect::Bit { vcpu: v, bank: Bank::Virr, vector, on: true });
            Self::report(obs, v, Field::Rvi, rvi.into(), self.vcpus[v.index()].vapic.rvi().into());
        } else {
            vcpu.vapic.cease_recognition();
            vcpu.pc = VcpuPc::Hv(HvPc::Dispatch);
            self.report_exit(v, ExitReason::PreemptionTimer, ExitPhase::Firing, obs);
        }
        Taken { rule, vcpu: Some(v) }
    }

    /// J5.
    fn window_opens<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> Taken {
        let to = if self.cfg.userspace { ExitTo::User(UserPc::Leave(Errand::Window)) } else { ExitTo::Window };
        self.vcpus[v.index()].pc = VcpuPc::Exited(to);
        self.report_exit(v, ExitReason::InterruptWindow, ExitPhase::Firing, obs);
        Taken { rule: Rule::J5, vcpu: Some(v) }
    }

    /// Reports an exit under the name that the vendor's tracepoint gives it.
    pub(super) fn report_exit<O: Observer>(&self, v: VcpuId, reason: ExitReason, phase: ExitPhase, obs: &mut O) {
        let (cpu, name) = (self.vcpus[v.index()].cpu, reason.name_on(self.cfg.vendor));
        obs.effect(Effect::Exit { vcpu: v, cpu, reason: name, vector: reason.vector(), phase });
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
        let vcpu = &mut self.vcpus[v.index()];
        let (rvi, svi, vppr) = (vcpu.vapic.rvi(), vcpu.vapic.svi(), vcpu.vapic.vppr());
        if let Some(vector) = vcpu.vapic.deliver() {
            if O::RECORDS {
                obs.effect(Effect::Bit { vcpu: v, bank: Bank::Virr, vector, on: false });
                obs.effect(Effect::Bit { vcpu: v, bank: Bank::Visr, vector, on: true });
                let apic = &vcpu.vapic;
                Self::report(obs, v, Field::Rvi, rvi.into(), apic.rvi().into());
                Self::report(obs, v, Field::Svi, svi.into(), apic.svi().into());
                Self::report(obs, v, Field::Vppr, vppr.into(), apic.vppr().into());
            }
            self.start_handler(v, vector, obs);
        }
        Taken { rule: Rule::C13, vcpu: Some(v) }
    }

    /// Through the guest's interrupt gate.
    pub(super) fn start_handler<O: Observer>(&mut self, v: VcpuId, vector: Vector, obs: &mut O) {
        let timers = vector == self.cfg.vector;
        let halted = self.vcpus[v.index()].guest.interrupt(timers);
        Self::report(obs, v, Field::If, 1, 0);
        Self::report(obs, v, Field::Activity, u64::from(halted), 0);
        if !timers {
            self.device_delivered(v, vector, obs);
            return;
        }
        let late_ns = self.now.as_ns().cast_signed() - self.vcpus[v.index()].expired_for.as_ns().cast_signed();
        self.handlers += 1;
        obs.effect(Effect::Delivered { vcpu: v, vector, late_ns });
    }

    /// The front of the queue to a CPU: messages on one way do not overtake each other.
    pub(super) fn next_wire(&self, cpu: CpuId) -> Option<Next> {
        let c = &self.cpus[cpu.index()];
        let Some(ipi) = c.inbound.first() else {
            return (!c.wanted_at.is_never()).then(|| Next::at(Rule::S1, c.wanted_at, self.now));
        };
        let rule = match (ipi.vector, ipi.from) {
            (None, _) => Rule::F3,
            (_, None) => Rule::Vd3,
            _ => Rule::I4,
        };
        Some(Next::after(rule, CostKind::IpiFlight, ipi.sent_at))
    }

    /// A vector is latched: the interrupt hardware looks, and where the host takes interrupts its software waits for that.
    fn latch(&mut self, cpu: CpuId, vector: Vector) {
        self.cpus[cpu.index()].irr.set(vector);
        self.touched.push(Actor::Irq(cpu));
        if self.guest_on(cpu).is_none() {
            self.touched.push(Actor::Sw(cpu));
        }
    }

    /// I4, F3, Vd3.
    pub(super) fn step_wire<O: Observer>(&mut self, cpu: CpuId, obs: &mut O) -> Taken {
        if self.cpus[cpu.index()].inbound.is_empty() {
            return self.step_wanted(cpu, obs);
        }
        let Ipi { id, vector, from, to, vcpu, .. } = self.cpus[cpu.index()].inbound.remove(0);
        let Some(vector) = vector else {
            // In the guest the processor evaluates IRR; elsewhere nobody listens, and VMRUN looks anyway.
            let heard = self.guest_on(cpu);
            if let Some(v) = heard {
                self.vcpus[v.index()].vapic.evaluate();
            }
            self.touch_cpu(cpu);
            let from = from.unwrap_or(to);
            obs.effect(Effect::DoorbellHeard { id, from, to, vcpu, heard: heard.is_some() });
            return Taken { rule: Rule::F3, vcpu: Some(vcpu) };
        };
        self.latch(cpu, vector);
        let Some(from) = from else {
            obs.effect(Effect::NotificationArrived { id, vector, to });
            return Taken { rule: Rule::Vd3, vcpu: Some(vcpu) };
        };
        obs.effect(Effect::IpiArrived { id, vector, from, to });
        Taken { rule: Rule::I4, vcpu: Some(vcpu) }
    }

    pub(super) fn next_clock(&self, cpu: CpuId) -> Option<Next> {
        let at = self.cpus[cpu.index()].clock_event;
        (!at.is_never()).then(|| Next::at(Rule::K1, at, self.now))
    }

    /// K1.
    pub(super) fn step_clock<O: Observer>(&mut self, cpu: CpuId, _: &mut O) -> Taken {
        let c = &mut self.cpus[cpu.index()];
        c.clock_event = Ns::NEVER;
        let vcpu = c.base.queue().first().and_then(|(_, t)| match t {
            TimerId::Lapic(v) | TimerId::IoThread(v) => Some(*v),
            TimerId::Tick(_) => None,
        });
        self.latch(cpu, Vector::LOCAL_TIMER);
        Taken { rule: Rule::K1, vcpu }
    }
}
