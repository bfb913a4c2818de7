//! A local APIC in userspace (QEMU's `hw/intc/apic.c`), for contrast and coarse: each access to it is one round trip, and
//! what userspace does in it is one step.
//!
//! The APIC's registers are shown where the processor's would be; no hardware looks at them. Left out: the big lock's
//! contention, the main loop's other work, and the difference of one count between QEMU's timer and the hardware's.

use super::Machine;
use super::irq::IrqPc;
use super::state::{Next, VcpuPc};
use crate::cost::CostKind;
use crate::effect::{Bank, Effect, Field, Observer, report_bits};
use crate::host::TimerId;
use crate::lapic::TimerMode;
use crate::rule::Rule;
use crate::units::{CpuId, Tsc, VcpuId, Vector};
use serde::Serialize;

/// Where the thread stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum UserPc {
    /// `KVM_RUN` is about to return.
    Leave(Errand),
    /// Userspace works.
    Work(Errand),
    /// `KVM_RUN` is about to be called.
    Run,
    /// The vCPU is halted: its thread is about to wait for work.
    Wait,
    /// It waits.
    Asleep,
}

/// What userspace is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum Errand {
    /// KVM_EXIT_MMIO: a write to TMICT.
    Arm,
    /// KVM_EXIT_MMIO: a write to EOI.
    Eoi,
    /// A signal: -EINTR.
    Signal,
    /// KVM_EXIT_IRQ_WINDOW_OPEN.
    Window,
    /// KVM_EXIT_HLT.
    Halt,
}

/// What userspace has for the vCPU.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash, Debug, Serialize)]
pub(super) struct User {
    /// A signal is pending: `KVM_RUN` returns as soon as it looks.
    pub(super) signal: bool,
    /// The APIC asserts its interrupt line.
    line: bool,
}

impl UserPc {
    pub(super) const fn next(self) -> Option<(Rule, CostKind)> {
        Some(match self {
            Self::Asleep => return None,
            Self::Wait | Self::Work(Errand::Halt) => (Rule::U11, CostKind::ContextSwitch),
            Self::Leave(Errand::Signal) => (Rule::U7, CostKind::UserExit),
            Self::Leave(_) => (Rule::U2, CostKind::UserExit),
            Self::Work(Errand::Arm) => (Rule::U3, CostKind::UserWork),
            Self::Work(Errand::Eoi) => (Rule::U10, CostKind::UserWork),
            Self::Work(Errand::Signal | Errand::Window) => (Rule::U8, CostKind::UserWork),
            Self::Run => (Rule::U4, CostKind::UserExit),
        })
    }

    pub(super) const fn interrupts_on(self) -> bool {
        !matches!(self, Self::Asleep)
    }
}

impl Machine {
    pub(super) fn step_user<O: Observer>(&mut self, v: VcpuId, pc: UserPc, obs: &mut O) -> (Rule, VcpuPc) {
        let next = match pc {
            UserPc::Leave(errand) => {
                self.vcpus[v.index()].user.signal &= errand != Errand::Signal;
                VcpuPc::User(UserPc::Work(errand))
            }
            UserPc::Work(Errand::Halt) | UserPc::Wait => self.user_waits(v, obs),
            UserPc::Asleep => VcpuPc::User(UserPc::Asleep),
            UserPc::Work(errand) => {
                match errand {
                    Errand::Arm => self.user_arms(v, obs),
                    Errand::Eoi => self.eoi(v, obs),
                    Errand::Signal | Errand::Window | Errand::Halt => {}
                }
                self.user_injects(v, obs);
                VcpuPc::User(UserPc::Run)
            }
            UserPc::Run if self.vcpus[v.index()].user.signal => VcpuPc::User(UserPc::Leave(Errand::Signal)),
            UserPc::Run => VcpuPc::EnterMode,
        };
        (pc.next().map_or(Rule::U11, |(rule, _)| rule), next)
    }

    /// The CPU on which the I/O thread runs: the first housekeeper.
    fn io_cpu(&self) -> CpuId {
        self.cfg.housekeeping.first().unwrap_or(CpuId(0))
    }

    /// U3: the I/O thread's sleep is cut to the new expiry.
    fn user_arms<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let timer = TimerId::IoThread(v);
        let cpu = self.io_cpu();
        let vcpu = &mut self.vcpus[v.index()];
        let (expires, deadline) = (vcpu.guest.deadline, vcpu.wrmsr);
        vcpu.audit.armed();
        vcpu.timer.period = self.cfg.period;
        vcpu.armed_for = expires;
        vcpu.timer.tscdeadline = deadline;
        let base = &mut self.cpus[cpu.index()].base;
        base.remove(timer, true);
        base.enqueue_local(timer, expires);
        obs.effect(Effect::TimerQueued { timer, cpu, expires, rule: Rule::R0 });
        self.program_clock_event(cpu, obs);
    }

    /// U11: a halted vCPU's thread waits in userspace, unless there is something for it.
    fn user_waits<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> VcpuPc {
        let vcpu = &mut self.vcpus[v.index()];
        if vcpu.user.line {
            vcpu.user.signal = false;
            return VcpuPc::User(UserPc::Work(Errand::Signal));
        }
        let cpu = vcpu.cpu;
        self.leave_cpu(cpu, v, obs);
        VcpuPc::User(UserPc::Asleep)
    }

    /// U8 and the end of every other errand: `KVM_INTERRUPT` if there is something to inject and the guest can take it,
    /// else a request for the window.
    fn user_injects<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let vcpu = &mut self.vcpus[v.index()];
        let window_was = std::mem::take(&mut vcpu.window);
        if vcpu.user.line && vcpu.inject.is_none() && vcpu.vapic.has_interrupt() {
            if vcpu.guest.interrupts_on {
                let (requested, in_service) = (*vcpu.vapic.virr(), *vcpu.vapic.visr());
                vcpu.inject = vcpu.vapic.virr().highest();
                if let Some(vector) = vcpu.inject {
                    vcpu.vapic.acknowledge(vector);
                }
                vcpu.user.line = vcpu.vapic.virr().highest().is_some();
                if O::RECORDS {
                    report_bits(obs, v, Bank::Virr, &requested, vcpu.vapic.virr());
                    report_bits(obs, v, Bank::Visr, &in_service, vcpu.vapic.visr());
                    if let Some(vector) = vcpu.inject {
                        obs.effect(Effect::WillInject { vcpu: v, vector });
                    }
                }
            } else {
                vcpu.window = true;
            }
        }
        Self::report(obs, v, Field::InterruptWindow, u64::from(window_was), u64::from(vcpu.window));
    }

    /// U5: the I/O thread is woken; it runs when the interrupt is over.
    pub(super) fn io_thread_wakes<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, obs: &mut O) -> IrqPc {
        let c = &mut self.cpus[cpu.index()];
        c.base.callback_done();
        c.io_work.push(v);
        let expires = self.vcpus[v.index()].armed_for;
        obs.effect(Effect::TimerFired { timer: TimerId::IoThread(v), cpu, expires });
        IrqPc::RunTimers(true)
    }

    pub(super) fn next_io_thread(&self) -> Next {
        self.kvm_step(Rule::U6, CostKind::UserWork)
    }

    /// U6: the I/O thread asserts the interrupt and signals the vCPU's thread.
    pub(super) fn step_io_thread<O: Observer>(&mut self, cpu: CpuId, obs: &mut O) -> VcpuId {
        let v = self.cpus[cpu.index()].io_work.remove(0);
        let vcpu = &mut self.vcpus[v.index()];
        let (vector, to) = (vcpu.lvtt.vector(), vcpu.home);
        vcpu.expired_for = vcpu.armed_for;
        vcpu.audit.delivered();
        vcpu.timer.tscdeadline = Tsc::ZERO;
        if vcpu.timer.mode == TimerMode::Periodic {
            vcpu.armed_for = vcpu.armed_for.plus(vcpu.timer.period);
            let (timer, expires) = (TimerId::IoThread(v), vcpu.armed_for);
            self.cpus[cpu.index()].base.enqueue_local(timer, expires);
            obs.effect(Effect::TimerQueued { timer, cpu, expires, rule: Rule::R0 });
            self.program_clock_event(cpu, obs);
        }
        let vcpu = &mut self.vcpus[v.index()];
        if !vcpu.vapic.request(vector) {
            obs.effect(Effect::Bit { vcpu: v, bank: Bank::Virr, vector, on: true });
        }
        vcpu.user.line = true;
        vcpu.user.signal = true;
        obs.effect(Effect::Signalled { vcpu: v, from: cpu });
        if self.vcpus[v.index()].pc == VcpuPc::User(UserPc::Asleep) {
            self.cpus[to.index()].runnable = true;
            self.touched.push(super::Actor::Sw(to));
            obs.effect(Effect::Woken { vcpu: v, cpu: to });
        } else if cpu != to {
            self.send_ipi(Vector::RESCHEDULE, cpu, to, v, obs);
        }
        v
    }
}
