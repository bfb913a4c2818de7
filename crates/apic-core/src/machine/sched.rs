//! The host's scheduler, as far as a vCPU's thread feels it: another thread that wants its CPU, and a move to another CPU.
//! And what KVM does when the thread comes back (`kvm_arch_vcpu_load`, `__kvm_migrate_apic_timer`).
//!
//! Left out: wake-up preemption, load balancing; a rival runs for its time, and the vCPU waits.

use super::actor::Actor;
use super::block::{BlockPc, Stage};
use super::state::{ArmingFor, Next, Running, VcpuPc};
use super::userspace::{Errand, UserPc};
use super::{Machine, Taken};
use crate::cost::CostKind;
use crate::effect::{Effect, Observer};
use crate::kvm::{Request, Switch};
use crate::rule::Rule;
use crate::units::{CpuId, Ns, VcpuId, Vector};
use serde::Serialize;

/// Where the thread stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum SchedPc {
    /// `schedule()`, because somebody asked for it.
    Out,
    /// The same, once `vmx_vcpu_pi_put` is done.
    Switch,
    /// Scheduled out, though it could run.
    Waiting,
    /// `kvm_arch_vcpu_load` on another CPU: the preemption timer is restarted.
    RestartHv,
    /// `KVM_REQ_MIGRATE_TIMER`.
    MigrateTimer,
}

impl SchedPc {
    pub(super) const fn interrupts_on(self) -> bool {
        matches!(self, Self::MigrateTimer)
    }

    pub(super) const fn next(self) -> Option<(Rule, CostKind)> {
        match self {
            Self::Waiting => None,
            Self::Out | Self::Switch => Some((Rule::S2, CostKind::ContextSwitch)),
            Self::RestartHv => Some((Rule::M1, CostKind::KvmStep)),
            Self::MigrateTimer => Some((Rule::M2, CostKind::KvmStep)),
        }
    }
}

impl Machine {
    /// When somebody wants this CPU next, or its vCPU elsewhere.
    pub(super) fn plan(&mut self, cpu: CpuId) {
        let c = &self.cpus[cpu.index()];
        let moves = c.home_of.and_then(|v| self.next_move(v)).map_or(Ns::NEVER, |(at, _)| at);
        self.cpus[cpu.index()].wanted_at = c.rival_at.min(moves);
    }

    fn next_move(&self, v: VcpuId) -> Option<(Ns, CpuId)> {
        let mine = self.cfg.moves.iter().filter(|m| m.vcpu == v);
        mine.map(|m| (Ns::from_us(m.at_us), m.cpu)).nth(self.vcpus[v.index()].moves as usize)
    }

    /// S1: the rival wakes, or the vCPU's thread is given another CPU.
    pub(super) fn step_wanted<O: Observer>(&mut self, cpu: CpuId, obs: &mut O) -> Taken {
        let now = self.now;
        let home_of = self.cpus[cpu.index()].home_of;
        let moves = home_of.and_then(|v| Some((v, self.next_move(v)?)));
        if let Some((v, (_, to))) = moves.filter(|(_, (at, _))| *at <= now) {
            let vcpu = &mut self.vcpus[v.index()];
            vcpu.moves += 1;
            vcpu.home = to;
            let asleep = vcpu.asleep() && !self.cpus[cpu.index()].runnable;
            obs.effect(Effect::MoveAsked { vcpu: v, from: cpu, to });
            self.cpus[cpu.index()].home_of = None;
            self.cpus[to.index()].home_of = Some(v);
            self.plan(to);
            self.touched.push(Actor::Wire(to));
            if !asleep {
                if std::mem::take(&mut self.cpus[cpu.index()].runnable) {
                    // It waits for a CPU: any will do.
                    self.cpus[to.index()].runnable = true;
                    self.touched.push(Actor::Sw(to));
                } else {
                    self.ask_to_leave(cpu);
                }
            }
        } else {
            let rival = home_of.and_then(|v| self.cfg.vcpus[v.index()].rival);
            let c = &mut self.cpus[cpu.index()];
            c.rival_at = rival.map_or(Ns::NEVER, |r| c.rival_at.plus(Ns::from_us(r.period_us)).max(now));
            if c.running == Running::Idle && !c.runnable {
                self.rival_runs(cpu, obs);
            } else if c.running != Running::Load {
                self.ask_to_leave(cpu);
            }
        }
        self.plan(cpu);
        self.touch_cpu(cpu);
        Taken { rule: Rule::S1, vcpu: home_of }
    }

    /// `resched_curr`: the flag, and the IPI that makes the CPU look at it.
    fn ask_to_leave(&mut self, cpu: CpuId) {
        let c = &mut self.cpus[cpu.index()];
        c.need_resched = true;
        c.irr.set(Vector::RESCHEDULE);
    }

    pub(super) fn rival_runs<O: Observer>(&mut self, cpu: CpuId, obs: &mut O) {
        let home_of = self.cpus[cpu.index()].home_of;
        let lasts = home_of.and_then(|v| self.cfg.vcpus[v.index()].rival).map_or(Ns::ZERO, |r| Ns::from_us(r.for_us));
        let c = &mut self.cpus[cpu.index()];
        c.running = Running::Load;
        c.toggle_at = self.now.plus(lasts);
        obs.effect(Effect::Load { cpu, busy: true });
        self.host_tick(cpu, obs);
    }

    pub(super) fn step_sched<O: Observer>(&mut self, v: VcpuId, pc: SchedPc, obs: &mut O) -> (Rule, VcpuPc) {
        let next = match pc {
            SchedPc::Out => return self.step_out(v, obs),
            SchedPc::Switch => self.schedule_away(v, obs),
            SchedPc::Waiting => VcpuPc::Sched(SchedPc::Waiting),
            SchedPc::RestartHv => {
                self.vcpus[v.index()].arming_for = ArmingFor::Load;
                VcpuPc::ArmHv
            }
            SchedPc::MigrateTimer => self.migrate_timer(v, obs),
        };
        (pc.next().map_or(Rule::S2, |(rule, _)| rule), next)
    }

    /// What a thread that is preempted does next: `vmx_vcpu_pi_put`, if there is anything for it, then S2.
    pub(super) fn next_out(&self, v: VcpuId) -> Next {
        let put = self.pi_put(v, true).and_then(|pc| self.next_pi(v, pc));
        put.unwrap_or_else(|| self.kvm_step(Rule::S2, CostKind::ContextSwitch))
    }

    pub(super) fn step_out<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        match self.pi_put(v, true) {
            Some(pc) => self.step_pi(v, pc, obs),
            None => (Rule::S2, self.schedule_away(v, obs)),
        }
    }

    /// S2: the thread could run, and does not.
    fn schedule_away<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> VcpuPc {
        let vcpu = &self.vcpus[v.index()];
        let (cpu, home) = (vcpu.cpu, vcpu.home);
        self.cpus[cpu.index()].need_resched = false;
        self.leave_cpu(cpu, v, obs);
        self.cpus[home.index()].runnable = true;
        if home == cpu {
            self.rival_runs(cpu, obs);
        } else {
            self.touched.push(Actor::Sw(home));
        }
        VcpuPc::Sched(SchedPc::Waiting)
    }

    /// S3: the rival's time is over.
    pub(super) fn rival_ends<O: Observer>(&mut self, cpu: CpuId, obs: &mut O) -> Taken {
        let c = &mut self.cpus[cpu.index()];
        c.running = Running::Idle;
        c.toggle_at = Ns::NEVER;
        let home_of = c.home_of;
        obs.effect(Effect::Load { cpu, busy: false });
        self.host_tick(cpu, obs);
        Taken { rule: Rule::S3, vcpu: home_of }
    }

    pub(super) fn next_schedule_in(&self) -> Next {
        self.kvm_step(Rule::E7, CostKind::WakeUp)
    }

    /// E7: the thread gets a CPU. On another one than before, its timer may have to follow.
    pub(super) fn schedule_in<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, obs: &mut O) {
        let c = &mut self.cpus[cpu.index()];
        c.runnable = false;
        c.need_resched = false;
        c.running = Running::Vcpu(v);
        self.host_tick(cpu, obs);
        obs.effect(Effect::ScheduledIn { vcpu: v, cpu });
        if !self.vcpus[v.index()].blocking.queued {
            // While it blocks the entry is left alone; E8 sets it.
            self.set_is_running(v, true, obs);
        }
        let vcpu = &mut self.vcpus[v.index()];
        let moved = std::mem::replace(&mut vcpu.cpu, cpu) != cpu;
        vcpu.blocking.woken = false;
        let posts = !self.cfg.devices.is_empty();
        if moved {
            if !posts {
                vcpu.pi.load_on(cpu);
            }
            self.make_request(v, Request::MigrateTimer, obs);
        }
        self.touch_callback(v);
        let next = if posts { self.pi_load(v, moved) } else { self.load_goes_on(v, moved) };
        self.vcpus[v.index()].pc = next;
        self.touch_cpu(cpu);
    }

    /// `kvm_arch_vcpu_load`, once the vendor's part is done.
    pub(super) fn load_goes_on(&mut self, v: VcpuId, moved: bool) -> VcpuPc {
        let hv = moved && self.vcpus[v.index()].timer.hv_timer_in_use;
        if hv { VcpuPc::Sched(SchedPc::RestartHv) } else { self.loaded(v) }
    }

    /// Where the thread goes on once it is loaded: in `kvm_vcpu_block`, or after `xfer_to_guest_mode_handle_work`, at the head
    /// of `vcpu_run`'s loop.
    pub(super) fn loaded(&mut self, v: VcpuId) -> VcpuPc {
        if std::mem::take(&mut self.vcpus[v.index()].blocking.polls) {
            VcpuPc::Block(BlockPc::Poll)
        } else if self.vcpus[v.index()].blocking.queued {
            self.look(Stage::Last)
        } else if self.vcpus[v.index()].pc == VcpuPc::User(UserPc::Asleep) {
            VcpuPc::User(UserPc::Wait)
        } else if self.vcpus[v.index()].user.signal {
            // The same call looks for signals once more.
            VcpuPc::User(UserPc::Leave(Errand::Signal))
        } else {
            self.run_or_block(v)
        }
    }

    /// M2: `__kvm_migrate_apic_timer`: an hrtimer is started anew from here, unless it may be posted.
    fn migrate_timer<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> VcpuPc {
        self.clear_request(v, Request::MigrateTimer, obs);
        let spares = self.cfg.can_post && self.cfg.rules.has(Switch::MigrationSparesPosting);
        match self.timer_queued(v) {
            Some((_, expires)) if !spares => {
                self.cancel_hrtimer(v, obs);
                self.vcpus[v.index()].arming_for = ArmingFor::Migration;
                self.start_hrtimer(v, expires)
            }
            _ => self.run_or_block(v),
        }
    }
}
