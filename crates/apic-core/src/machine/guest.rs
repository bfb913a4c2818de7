//! What the guest executes: its first arming, its timer handler (EOI, work, re-arming, IRET), HLT, and now and then a
//! CPUID.
//!
//! The handler follows Linux: EOI first, then the tick's work, then the next deadline on the grid. With a recorded list,
//! an arm that followed its expiry in the recording follows it here too; other arms are made at their recorded time.

use super::config::{Config, VcpuConfig};
use super::state::{Actor, Next, VcpuPc};
use super::{Machine, Taken};
use crate::cost::CostKind;
use crate::effect::{Bank, Effect, Field, Observer};
use crate::rule::Rule;
use crate::units::{CpuId, Ns, VcpuId, Vector};
use crate::vmx::{ExitPhase, ExitReason};
use serde::Serialize;

/// Where the guest's program stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
enum Pc {
    /// Computes or halts.
    Idle,
    /// Will arm then.
    ArmAt(Ns),
    /// In the handler, before its EOI.
    Handler,
    /// In the handler; re-arms then.
    RearmAt(Ns),
    /// In the handler, before IRET.
    Return,
}

/// One guest.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Guest {
    pc: Pc,
    /// Where IRET goes back to.
    resume: Pc,
    pub(super) interrupts_on: bool,
    pub(super) halted: bool,
    /// The deadline last written, on the host's clock.
    pub(super) deadline: Ns,
    /// Deadlines written.
    arms: u32,
    /// When it next executes CPUID, or a host interrupt comes that is not the timer's.
    next_other: Ns,
    /// Other exits so far.
    others: u32,
    /// The last of them was a host interrupt.
    pub(super) other_interrupt: bool,
    pub(super) other_exit_taken: bool,
}

impl Guest {
    pub(super) fn new(cfg: &Config, v: &VcpuConfig) -> Self {
        let first = cfg.arms.first().map_or(v.start, |arm| v.start.plus(Ns::from_ns(arm.at_ns)));
        Self {
            pc: Pc::ArmAt(first),
            resume: Pc::Idle,
            interrupts_on: true,
            halted: false,
            deadline: first,
            arms: 0,
            next_other: cfg.other_exits.map_or(Ns::NEVER, |x| Ns::from_us(x.first_us)),
            others: 0,
            other_interrupt: false,
            other_exit_taken: false,
        }
    }

    /// Interrupt gate: the handler starts with interrupts off, and HLT ends. Returns whether the guest was halted.
    pub(super) fn interrupt(&mut self) -> bool {
        self.resume = self.pc;
        self.pc = Pc::Handler;
        self.interrupts_on = false;
        std::mem::take(&mut self.halted)
    }

    pub(super) fn arms_made(&self) -> usize {
        self.arms as usize
    }

    pub(super) fn owes_eoi(&self) -> bool {
        self.pc == Pc::Handler
    }

    pub(super) fn in_handler(&self) -> bool {
        matches!(self.pc, Pc::Handler | Pc::RearmAt(_) | Pc::Return)
    }
}

impl Machine {
    pub(super) fn next_guest(&self, v: VcpuId) -> Option<Next> {
        let vcpu = &self.vcpus[v.index()];
        let guest = &vcpu.guest;
        let busy = vcpu.pc != VcpuPc::InGuest
            || self.cpus[vcpu.cpu.index()].pi_stage.is_some()
            || (vcpu.vapic.recognised() && guest.interrupts_on);
        if busy {
            return None;
        }
        match guest.pc {
            Pc::Handler => Some(self.kvm_step(Rule::C14, CostKind::GuestEoi)),
            Pc::RearmAt(at) => Some(Next::at(Rule::A1, at, self.now)),
            Pc::Return => Some(self.kvm_step(Rule::G1, CostKind::GuestReturn)),
            Pc::ArmAt(at) if at <= guest.next_other => Some(Next::at(Rule::A1, at, self.now)),
            Pc::Idle if self.cfg.halts && !guest.halted => Some(self.kvm_step(Rule::G2, CostKind::Instruction)),
            _ if guest.halted || guest.next_other.is_never() => None,
            Pc::ArmAt(_) | Pc::Idle => Some(Next::at(Rule::X1, guest.next_other, self.now)),
        }
    }

    pub(super) fn step_guest<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> Taken {
        let rule = self.next_guest(v).map_or(Rule::G1, |n| n.rule);
        match rule {
            Rule::A1 => self.guest_arms(v, obs),
            Rule::C14 => self.guest_eoi(v, obs),
            Rule::G2 => {
                self.vcpus[v.index()].guest.halted = true;
                Self::report(obs, v, Field::Activity, 0, 1);
            }
            Rule::X1 => self.guest_other_exit(v, obs),
            _ => {
                let guest = &mut self.vcpus[v.index()].guest;
                guest.pc = guest.resume;
                guest.interrupts_on = true;
                Self::report(obs, v, Field::If, 0, 1);
            }
        }
        let vcpu = &self.vcpus[v.index()];
        let cpu = vcpu.cpu;
        if !vcpu.in_guest() {
            self.touch_cpu(cpu);
        } else if vcpu.vapic.recognised() {
            self.touched.push(Actor::Irq(cpu));
        } else {
            self.touch_latched(cpu);
        }
        Taken { rule, vcpu: Some(v) }
    }

    /// A1: the WRMSR is intercepted.
    fn guest_arms<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let now = self.now;
        let (khz, period) = (self.cfg.khz, self.cfg.period);
        let start = self.cfg.vcpus[v.index()].start;
        let recorded = |n: u32| self.cfg.arms.get(n as usize).copied();
        let guest = &mut self.vcpus[v.index()].guest;
        let (this, after) = (recorded(guest.arms), recorded(guest.arms + 1));
        let replays = !self.cfg.arms.is_empty();
        guest.deadline = if let Some(arm) = this {
            start.plus(Ns::from_ns(arm.deadline_ns))
        } else {
            // The next point of the grid that is still ahead; missed ones are skipped, as hrtimer_forward does.
            let missed = now.minus(guest.deadline).as_ns() / period.as_ns().max(1);
            guest.deadline.plus(Ns::from_ns(period.as_ns() * (missed + 1)))
        };
        guest.arms += 1;
        let in_handler = matches!(guest.pc, Pc::RearmAt(_));
        // What the guest does once this arming is over, if nothing interrupts it.
        let then = match after {
            // Recorded before this deadline: it will be re-armed without waiting for the expiry.
            Some(next) if this.is_some_and(|a| next.at_ns < a.deadline_ns) => {
                Pc::ArmAt(start.plus(Ns::from_ns(next.at_ns)))
            }
            _ => Pc::Idle,
        };
        if in_handler {
            guest.resume = if replays { then } else { guest.resume };
            guest.pc = Pc::Return;
        } else {
            guest.pc = then;
        }
        let deadline = khz.tsc_at(guest.deadline);
        let at = guest.deadline;
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.wrmsr = deadline;
        vcpu.vapic.cease_recognition();
        vcpu.pc = VcpuPc::ArmDispatch;
        let cpu = vcpu.cpu;
        obs.effect(Effect::Armed { vcpu: v, deadline, at });
        exit(v, cpu, ExitReason::MsrWrite, ExitPhase::Arming, obs);
    }

    /// C14: EOI virtualization; then the handler's work, and when it re-arms.
    fn guest_eoi<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let ready = self.now.plus(self.cfg.handler);
        let start = self.cfg.vcpus[v.index()].start;
        let replays = !self.cfg.arms.is_empty();
        let vcpu = &mut self.vcpus[v.index()];
        let next_arm = self.cfg.arms.get(vcpu.guest.arms as usize);
        // In a replay the handler re-arms itself only if the recording had re-armed by then.
        let rearms_later = matches!(vcpu.guest.resume, Pc::ArmAt(_));
        vcpu.guest.pc = match next_arm.map(|a| start.plus(Ns::from_ns(a.at_ns))) {
            _ if !replays => Pc::RearmAt(ready),
            Some(at) if at <= ready && !rearms_later => Pc::RearmAt(ready),
            Some(at) => {
                if !rearms_later {
                    vcpu.guest.resume = Pc::ArmAt(at);
                }
                Pc::Return
            }
            None => Pc::Return,
        };
        let (svi, vppr) = (vcpu.vapic.svi(), vcpu.vapic.vppr());
        if let Some(vector) = vcpu.vapic.eoi()
            && O::RECORDS
        {
            obs.effect(Effect::Bit { vcpu: v, bank: Bank::Visr, vector, on: false });
            Self::report(obs, v, Field::Svi, svi.into(), vcpu.vapic.svi().into());
            Self::report(obs, v, Field::Vppr, vppr.into(), vcpu.vapic.vppr().into());
            obs.effect(Effect::Eoi { vcpu: v, vector });
        }
    }

    /// X1.
    fn guest_other_exit<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let period = self.cfg.other_exits.map_or(Ns::NEVER, |x| Ns::from_us(x.period_us));
        let per_mille = self.cfg.other_exits.and_then(|x| x.interrupts).map_or(0, |i| u64::from(i.per_mille));
        let now = self.now;
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.guest.next_other = vcpu.guest.next_other.plus(period).max(now);
        // So many of a thousand, evenly: those at which the running share passes a whole number.
        let due = |n: u64| n * per_mille / 1_000;
        let n = u64::from(vcpu.guest.others);
        vcpu.guest.others += 1;
        vcpu.guest.other_interrupt = due(n + 1) > due(n);
        let interrupt = vcpu.guest.other_interrupt;
        vcpu.guest.other_exit_taken = true;
        vcpu.vapic.cease_recognition();
        vcpu.pc = VcpuPc::Exited(None);
        let cpu = vcpu.cpu;
        let reason = if interrupt { ExitReason::ExternalInterrupt(Vector::DEVICE) } else { ExitReason::Cpuid };
        exit(v, cpu, reason, ExitPhase::Other, obs);
    }
}

fn exit<O: Observer>(vcpu: VcpuId, cpu: CpuId, reason: ExitReason, phase: ExitPhase, obs: &mut O) {
    obs.effect(Effect::Exit { vcpu, cpu, reason: reason.name(), vector: reason.vector(), phase });
}
