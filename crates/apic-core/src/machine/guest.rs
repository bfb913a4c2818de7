//! What the guest executes: its first arming, its timer handler (EOI, work, re-arming, IRET), HLT, and now and then a
//! CPUID.
//!
//! The handler follows Linux: EOI first, then the tick's work, then the next deadline on the grid. With a recorded list,
//! an arm that followed its expiry in the recording follows it here too; other arms are made at their recorded time.

use super::actor::Actor;
use super::block::Stage;
use super::config::{Config, VcpuConfig};
use super::state::{ExitTo, Next, VcpuPc};
use super::userspace::{Errand, UserPc};
use super::{Machine, Taken};
use crate::cost::CostKind;
use crate::effect::{Effect, Field, Observer};
use crate::kvm::{Switch, Vendor};
use crate::lapic::TimerMode;
use crate::rule::Rule;
use crate::units::{Ns, VcpuId, Vector};
use crate::vmx::{ExitPhase, ExitReason};
use serde::Serialize;
use std::hash::{Hash, Hasher};

/// Where the guest's program stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
enum Pc {
    /// Computes or halts.
    Idle,
    /// Will arm then.
    ArmAt(Ns),
    /// In the handler, before its EOI.
    Handler,
    /// In a device's handler, before its EOI.
    DeviceHandler,
    /// In the handler; re-arms then.
    RearmAt(Ns),
    /// In the handler, before IRET.
    Return,
    /// The same, after its work.
    ReturnAt(Ns),
}

/// One guest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
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
    /// Handlers started for the timer.
    handled: u32,
    /// When it next executes CPUID, or a host interrupt comes that is not the timer's.
    next_other: Ns,
    /// Other exits so far.
    others: u32,
    /// The last of them was a host interrupt.
    pub(super) other_interrupt: bool,
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
            handled: 0,
            next_other: cfg.other_exits.map_or(Ns::NEVER, |x| Ns::from_us(x.first_us)),
            others: 0,
            other_interrupt: false,
        }
    }

    /// Interrupt gate: the handler starts with interrupts off, and HLT ends. Returns whether the guest was halted.
    pub(super) fn interrupt(&mut self, timers: bool) -> bool {
        self.resume = self.pc;
        self.pc = if timers { Pc::Handler } else { Pc::DeviceHandler };
        self.interrupts_on = false;
        self.handled += u32::from(timers);
        std::mem::take(&mut self.halted)
    }

    /// What the guest will do depends on this ([`Machine::feed`]).
    pub(super) fn feed<H: Hasher>(&self, h: &mut H) {
        let Self { pc, resume, interrupts_on, halted, deadline, arms, handled, next_other, others, other_interrupt } =
            self;
        pc.hash(h);
        resume.hash(h);
        h.write_u8(u8::from(*interrupts_on) | u8::from(*halted) << 1 | u8::from(*other_interrupt) << 2);
        others.hash(h);
        deadline.hash(h);
        arms.hash(h);
        handled.hash(h);
        next_other.hash(h);
    }

    pub(super) fn handled(&self) -> usize {
        self.handled as usize
    }

    pub(super) fn arms_made(&self) -> usize {
        self.arms as usize
    }

    pub(super) fn owes_eoi(&self) -> bool {
        matches!(self.pc, Pc::Handler | Pc::DeviceHandler)
    }

    pub(super) fn in_handler(&self) -> bool {
        matches!(self.pc, Pc::Handler | Pc::DeviceHandler | Pc::RearmAt(_) | Pc::Return | Pc::ReturnAt(_))
    }
}

impl Machine {
    #[expect(clippy::inline_always, reason = "a step is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    pub(super) fn next_guest(&self, v: VcpuId) -> Option<Next> {
        let vcpu = &self.vcpus[v.index()];
        let guest = &vcpu.guest;
        let busy = !vcpu.in_guest() || self.cpus[vcpu.cpu.index()].pi_stage.is_some() || vcpu.awaits_delivery();
        if busy {
            return None;
        }
        match guest.pc {
            Pc::Handler | Pc::DeviceHandler => Some(self.kvm_step(self.eoi_rule(), CostKind::GuestEoi)),
            Pc::RearmAt(at) => Some(Next::at(self.arming_rule(), at, self.now)),
            Pc::Return => Some(self.kvm_step(Rule::G1, CostKind::GuestReturn)),
            Pc::ReturnAt(at) => Some(self.kvm_step(Rule::G1, CostKind::GuestReturn).not_before(at)),
            Pc::ArmAt(at) if at <= guest.next_other => Some(Next::at(self.arming_rule(), at, self.now)),
            Pc::Idle if self.cfg.halts && !guest.halted => {
                let rule = if self.cfg.hlt_exits { Rule::E1 } else { Rule::G2 };
                Some(self.kvm_step(rule, CostKind::Instruction))
            }
            _ if guest.halted || guest.next_other.is_never() => None,
            Pc::ArmAt(_) | Pc::Idle => Some(Next::at(Rule::X1, guest.next_other, self.now)),
        }
    }

    pub(super) fn step_guest<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> Taken {
        let rule = self.next_guest(v).map_or(Rule::G1, Next::rule);
        match rule {
            Rule::A1 | Rule::V1 | Rule::U1 => self.guest_arms(v, obs),
            Rule::C14 | Rule::J7 | Rule::U9 => self.guest_eoi(v, obs),
            Rule::G2 | Rule::E1 => self.guest_halts(v, obs),
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
            self.touched.push(Actor::Sw(cpu));
        }
        self.touch_guest_events(cpu, v);
        Taken { rule, vcpu: Some(v) }
    }

    /// Who hears of the guest's write to its timer.
    fn arming_rule(&self) -> Rule {
        match (self.cfg.virtual_timer, self.cfg.userspace) {
            (true, _) => Rule::V1,
            (_, true) => Rule::U1,
            _ => Rule::A1,
        }
    }

    /// Who hears of its EOI.
    fn eoi_rule(&self) -> Rule {
        match (self.cfg.apicv, self.cfg.userspace) {
            (true, _) => Rule::C14,
            (_, true) => Rule::U9,
            _ => Rule::J7,
        }
    }

    /// A1: the WRMSR is intercepted. V1: the processor keeps the deadline. U1: TMICT is in userspace.
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
        obs.effect(Effect::Armed { vcpu: v, deadline, at });
        if self.cfg.virtual_timer {
            vcpu.armed_for = at;
            vcpu.processor_timer = at;
            vcpu.audit.armed();
            return;
        }
        vcpu.wrmsr = deadline;
        let period = if self.cfg.mode == TimerMode::Periodic { self.cfg.period } else { at.minus(now) };
        // A count of 0 would stop the timer.
        vcpu.tmict = u32::try_from(period.as_ns()).unwrap_or(u32::MAX).max(1);
        vcpu.vapic.cease_recognition();
        let (to, reason) = if self.cfg.userspace {
            (VcpuPc::Exited(ExitTo::User(UserPc::Leave(Errand::Arm))), ExitReason::Mmio)
        } else {
            let trapped = self.cfg.vendor == Vendor::Svm && self.cfg.apicv && self.cfg.mode != TimerMode::TscDeadline;
            (VcpuPc::ArmDispatch, if trapped { ExitReason::AvicUnaccelerated } else { ExitReason::MsrWrite })
        };
        vcpu.pc = to;
        self.report_exit(v, reason, ExitPhase::Arming, obs);
    }

    /// C14: EOI virtualization, or an exit; then the handler's work, and when it re-arms.
    fn guest_eoi<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let ready = self.now.plus(self.cfg.handler);
        let start = self.cfg.vcpus[v.index()].start;
        let replays = !self.cfg.arms.is_empty();
        let vcpu = &mut self.vcpus[v.index()];
        if vcpu.guest.pc == Pc::DeviceHandler {
            // Hardware posts only where APICv takes the EOI.
            vcpu.guest.pc = Pc::Return;
            return self.eoi(v, obs);
        }
        let next_arm = self.cfg.arms.get(vcpu.guest.arms as usize);
        // In a replay the handler re-arms itself only if the recording had re-armed by then.
        let rearms_later = matches!(vcpu.guest.resume, Pc::ArmAt(_));
        vcpu.guest.pc = match next_arm.map(|a| start.plus(Ns::from_ns(a.at_ns))) {
            _ if self.cfg.mode == TimerMode::Periodic => Pc::ReturnAt(ready),
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
        let (to, reason) = match (self.cfg.apicv, self.cfg.userspace) {
            (true, _) => return self.eoi(v, obs),
            (_, true) => (ExitTo::User(UserPc::Leave(Errand::Eoi)), ExitReason::Mmio),
            _ => (ExitTo::Eoi, ExitReason::MsrWrite),
        };
        vcpu.pc = VcpuPc::Exited(to);
        self.report_exit(v, reason, ExitPhase::Eoi, obs);
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
        vcpu.vapic.cease_recognition();
        vcpu.pc = VcpuPc::Exited(ExitTo::Other);
        let reason = if interrupt { ExitReason::ExternalInterrupt(Vector::DEVICE) } else { ExitReason::Cpuid };
        self.report_exit(v, reason, ExitPhase::Other, obs);
    }

    /// G2: HLT; E1 if it exits.
    fn guest_halts<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let vcpu = &mut self.vcpus[v.index()];
        if !self.cfg.hlt_exits {
            vcpu.guest.halted = true;
            Self::report(obs, v, Field::Activity, 0, 1);
            return;
        }
        vcpu.vapic.cease_recognition();
        // A local APIC in userspace has to be asked there.
        let fast = self.cfg.rules.has(Switch::HltFastpath) && !self.cfg.userspace;
        vcpu.fast = fast;
        let fastpath = self.look(Stage::Fastpath);
        self.vcpus[v.index()].pc = if fast { fastpath } else { VcpuPc::Exited(ExitTo::Halt) };
        self.report_exit(v, ExitReason::Hlt, ExitPhase::Halt, obs);
    }
}
