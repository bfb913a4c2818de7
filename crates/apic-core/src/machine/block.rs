//! A vCPU whose HLT is intercepted: halting, halt-polling, blocking and waking (`vcpu_block`, `kvm_vcpu_halt`,
//! `kvm_vcpu_block`, `kvm_vcpu_wake_up`).
//!
//! The sleeper puts itself on the wait queue and looks once more; the waker makes its request and looks at the queue. In
//! either order one of them sees the other.

use super::Machine;
use super::actor::Actor;
use super::hv_timer::HvPc;
use super::pi::PiPc;
use super::searched::Store;
use super::state::{ArmingFor, ExitTo, Next, Running, VcpuPc};
use crate::cost::CostKind;
use crate::effect::{Effect, Field, Observer};
use crate::host::TimerId;
use crate::kvm::{Fault, HaltPoll, Request, Switch, Vendor};
use crate::rule::Rule;
use crate::units::{CpuId, Ns, Tsc, VcpuId};
use serde::Serialize;
use std::hash::{Hash, Hasher};

/// Where the thread stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum BlockPc {
    /// `kvm_emulate_halt`.
    Halt,
    /// `kvm_arch_vcpu_runnable`: ON (`vmx_sync_pir_to_irr`).
    Look(Stage),
    /// The same: PIR.
    Drain(Stage),
    /// What the look says.
    Decide(Stage),
    /// `kvm_vcpu_halt` polls.
    Poll,
    /// `kvm_vcpu_block`: on to the wait queue.
    Prepare,
    /// `schedule()`.
    Schedule,
    /// The thread was taken off the queue of those that can run, and its CPU goes on without it.
    Leave,
    /// Scheduled out.
    Asleep,
    /// Off the wait queue.
    Finish,
}

/// Which look it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum Stage {
    /// In HLT's fastpath handler: `kvm_emulate_halt` asks for events.
    Fastpath,
    /// Before anything: `vcpu_block` asks whether the vCPU is runnable.
    Before,
    /// While polling.
    Polling,
    /// On the wait queue.
    Last,
    /// After the block: is it runnable now?
    After,
}

/// What there is to remember about a halt.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub(super) struct Blocking {
    /// `KVM_MP_STATE_HALTED`.
    pub(super) halted: bool,
    /// On the wait queue: `kvm_vcpu_wake_up` has somebody to wake.
    pub(super) queued: bool,
    /// Woken since it went there.
    pub(super) woken: bool,
    /// The preemption timer was in use, and will be again.
    hv: bool,
    /// Preempted while it polled.
    pub(super) polls: bool,
    poll: HaltPoll,
    since: Ns,
    poll_until: Ns,
}

impl Blocking {
    /// What the halt will do depends on this ([`Machine::feed`]). A search holds the polling window still.
    pub(super) fn feed<H: Hasher>(&self, now: Ns, h: &mut H) {
        let Self { halted, queued, woken, hv, polls, poll: _, since: _, poll_until } = self;
        let flags = [halted, queued, woken, hv, polls];
        h.write_u8(flags.iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(**flag)));
        (if *poll_until <= now { Ns::ZERO } else { *poll_until }).hash(h);
    }
}

impl BlockPc {
    pub(super) const fn interrupts_on(self) -> bool {
        let fast =
            matches!(self, Self::Look(Stage::Fastpath) | Self::Drain(Stage::Fastpath) | Self::Decide(Stage::Fastpath));
        !fast && !matches!(self, Self::Schedule | Self::Leave | Self::Asleep)
    }
}

impl Machine {
    pub(super) fn next_block(&self, v: VcpuId, pc: BlockPc) -> Option<Next> {
        let (rule, cost) = match pc {
            BlockPc::Asleep => return None,
            BlockPc::Poll if self.breaks_the_halt(v) => (Rule::E3b, CostKind::KvmStep),
            BlockPc::Poll | BlockPc::Schedule if self.preempts_block(v) => return Some(self.next_out(v)),
            BlockPc::Poll => return Some(Next::at(Rule::E3, self.vcpus[v.index()].blocking.poll_until, self.now)),
            BlockPc::Halt => (Rule::E1b, CostKind::SlowpathDispatch),
            // The first step after the exit pays for it.
            BlockPc::Look(Stage::Fastpath) => (Rule::P6b, CostKind::VmExit),
            BlockPc::Decide(Stage::Fastpath) if self.syncs_pir() => (Rule::E1b, CostKind::FastpathDispatch),
            BlockPc::Decide(Stage::Fastpath) => (Rule::E1b, CostKind::VmExit),
            BlockPc::Look(_) => (Rule::P6b, CostKind::Atomic),
            BlockPc::Drain(_) => (Rule::P6c, CostKind::Atomic),
            BlockPc::Decide(stage) => (stage.rule(), CostKind::KvmStep),
            BlockPc::Prepare => (Rule::E4, CostKind::Atomic),
            BlockPc::Schedule => match self.sleeping_put(v) {
                Some(put) => return self.next_pi(v, put),
                None => (Rule::E5, CostKind::ContextSwitch),
            },
            BlockPc::Leave => (Rule::E5, CostKind::ContextSwitch),
            BlockPc::Finish => (Rule::E8, CostKind::KvmStep),
        };
        Some(self.kvm_step(rule, cost))
    }

    pub(super) fn step_block<O: Observer>(&mut self, v: VcpuId, pc: BlockPc, obs: &mut O) -> (Rule, VcpuPc) {
        let rule = self.next_block(v, pc).map_or(Rule::E4, Next::rule);
        let next = match pc {
            BlockPc::Halt => {
                self.halt(v, obs);
                self.before_entry(v)
            }
            BlockPc::Look(stage) => {
                let was = self.vcpus[v.index()].pi.test_and_clear_on();
                Self::report(obs, v, Field::On, u64::from(was), 0);
                VcpuPc::Block(if was { BlockPc::Drain(stage) } else { BlockPc::Decide(stage) })
            }
            BlockPc::Drain(stage) => {
                self.drain_pir(v, obs);
                VcpuPc::Block(BlockPc::Decide(stage))
            }
            BlockPc::Decide(stage) => self.decide(v, stage, obs),
            BlockPc::Poll if rule == Rule::E3b => self.look(Stage::Polling),
            BlockPc::Poll | BlockPc::Schedule if self.preempts_block(v) => {
                self.vcpus[v.index()].blocking.polls = pc == BlockPc::Poll;
                return self.step_out(v, obs);
            }
            BlockPc::Poll => VcpuPc::Block(BlockPc::Prepare),
            BlockPc::Prepare => {
                self.vcpus[v.index()].blocking.woken = false;
                self.plain_store(v, Store::Queued(v));
                self.set_is_running(v, false, obs);
                self.touch_callback(v);
                self.look(Stage::Last)
            }
            BlockPc::Schedule => match self.sleeping_put(v) {
                Some(put) => return self.step_pi(v, put, obs),
                None => self.schedule_out(v, obs),
            },
            BlockPc::Leave => self.leave_to_sleep(v, obs),
            BlockPc::Finish => self.finish_block(v, obs),
            BlockPc::Asleep => VcpuPc::Block(BlockPc::Asleep),
        };
        (rule, next)
    }

    /// `kvm_arch_vcpu_runnable` asks for the highest request, which on VMX with APICv brings PIR in first.
    pub(super) fn look(&self, stage: Stage) -> VcpuPc {
        VcpuPc::Block(if self.syncs_pir() { BlockPc::Look(stage) } else { BlockPc::Decide(stage) })
    }

    /// `vcpu_run` found the vCPU not runnable: `vcpu_block`.
    pub(super) fn block_again(&self) -> VcpuPc {
        self.look(Stage::Before)
    }

    /// `kvm_vcpu_has_events`: an interrupt waits, and the guest would take it.
    fn has_events(&self, v: VcpuId) -> bool {
        let vcpu = &self.vcpus[v.index()];
        vcpu.guest.interrupts_on && vcpu.vapic.has_interrupt()
    }

    fn is_runnable(&self, v: VcpuId) -> bool {
        !self.vcpus[v.index()].blocking.halted || self.has_events(v)
    }

    fn halt<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        self.vcpus[v.index()].blocking.halted = true;
        Self::report(obs, v, Field::MpState, 0, 3);
    }

    /// IsRunning: set when AVIC's vCPU is loaded or unblocks, cleared when it is put or blocks (`avic_vcpu_load`,
    /// `avic_vcpu_put`). Hardware looks at it for IPIs between vCPUs, KVM before 5.17 for its own interrupts too.
    pub(super) fn set_is_running<O: Observer>(&mut self, v: VcpuId, on: bool, obs: &mut O) {
        if self.cfg.apicv && self.cfg.vendor == Vendor::Svm {
            let was = std::mem::replace(&mut self.vcpus[v.index()].is_running, on);
            Self::report(obs, v, Field::IsRunning, u64::from(was), u64::from(on));
        }
    }

    /// `kvm_vcpu_check_block`: runnable, a pending timer, or KVM_REQ_UNBLOCK.
    fn breaks_block(&self, v: VcpuId) -> bool {
        let vcpu = &self.vcpus[v.index()];
        self.is_runnable(v) || vcpu.timer.pending && !vcpu.lvtt.masked() || vcpu.requests.has(Request::Unblock)
    }

    /// What the poller would find if it looked now.
    fn breaks_the_halt(&self, v: VcpuId) -> bool {
        self.breaks_block(v) || self.vcpus[v.index()].pi.on()
    }

    fn decide<O: Observer>(&mut self, v: VcpuId, stage: Stage, obs: &mut O) -> VcpuPc {
        match stage {
            // handle_fastpath_hlt: EXIT_FASTPATH_REENTER_GUEST, or EXIT_FASTPATH_EXIT_HANDLED.
            Stage::Fastpath if self.has_events(v) => self.sync_or_check(),
            Stage::Fastpath => {
                self.halt(v, obs);
                VcpuPc::Exited(ExitTo::Back)
            }
            Stage::Before | Stage::After if self.is_runnable(v) => self.does_not_block(v, obs),
            // Something else ended the block: vcpu_run looks at it, and comes back.
            Stage::After => VcpuPc::RunLoop,
            Stage::Before => self.block(v, obs),
            Stage::Polling | Stage::Last => {
                let breaks = self.breaks_block(v);
                if breaks {
                    // kvm_check_request, which is not asked if the timer or an interrupt answered already.
                    let vcpu = &self.vcpus[v.index()];
                    if !self.is_runnable(v) && (!vcpu.timer.pending || vcpu.lvtt.masked()) {
                        self.clear_request(v, Request::Unblock, obs);
                    }
                }
                VcpuPc::Block(match (breaks, stage) {
                    (true, _) => BlockPc::Finish,
                    (_, Stage::Last) => BlockPc::Schedule,
                    _ => BlockPc::Poll,
                })
            }
        }
    }

    /// E2: whatever keeps the deadline only in non-root operation hands it to an hrtimer first.
    fn block<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> VcpuPc {
        if !self.cfg.rules.has(Switch::DoorbellReadsMode) {
            // Until 5.16 kvm_arch_vcpu_blocking came before the polling.
            self.set_is_running(v, false, obs);
        }
        match self.pi_pre_block(v) {
            Some(pc) => VcpuPc::Pi(pc),
            None => self.block_on(v),
        }
    }

    /// `mp_state` becomes runnable.
    pub(super) fn does_not_block<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> VcpuPc {
        self.vcpus[v.index()].blocking.halted = false;
        Self::report(obs, v, Field::MpState, 3, 0);
        self.before_entry(v)
    }

    /// The descriptor is ready for the block.
    pub(super) fn block_on(&mut self, v: VcpuId) -> VcpuPc {
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.blocking.hv = vcpu.timer.hv_timer_in_use;
        if vcpu.blocking.hv {
            VcpuPc::Hv(HvPc::ToSoftware)
        } else if self.cfg.virtual_timer && !self.cfg.faults.has(Fault::B28) {
            VcpuPc::VirtualToSoftware
        } else {
            self.start_polling(v)
        }
    }

    /// `kvm_vcpu_halt` begins.
    pub(super) fn start_polling(&mut self, v: VcpuId) -> VcpuPc {
        let now = self.now;
        let blocking = &mut self.vcpus[v.index()].blocking;
        blocking.since = now;
        blocking.poll_until = now.plus(blocking.poll.window());
        VcpuPc::Block(if blocking.poll_until > now { BlockPc::Poll } else { BlockPc::Prepare })
    }

    /// Somebody wants the CPU of a thread that polls, or is on the wait queue and has not slept yet: on a host kernel that
    /// can be preempted (CONFIG_PREEMPT) it goes at once, and could run.
    fn preempts_block(&self, v: VcpuId) -> bool {
        let vcpu = &self.vcpus[v.index()];
        self.cpus[vcpu.cpu.index()].need_resched && !vcpu.blocking.woken
    }

    /// What `vmx_vcpu_pi_put` does first for a thread that is about to sleep.
    fn sleeping_put(&self, v: VcpuId) -> Option<PiPc> {
        if self.vcpus[v.index()].blocking.woken { None } else { self.pi_put(v, false) }
    }

    /// E5: `schedule()` lets another thread run, unless the vCPU was woken since it looked.
    fn schedule_out<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> VcpuPc {
        if std::mem::take(&mut self.vcpus[v.index()].blocking.woken) {
            return self.look(Stage::Last);
        }
        self.leave_to_sleep(v, obs)
    }

    /// A thread that is woken on its way out can run as soon as it is out (`try_to_wake_up` waits for that).
    fn leave_to_sleep<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> VcpuPc {
        let vcpu = &self.vcpus[v.index()];
        let (cpu, home, woken) = (vcpu.cpu, vcpu.home, vcpu.blocking.woken);
        let wanted = std::mem::take(&mut self.cpus[cpu.index()].need_resched);
        self.leave_cpu(cpu, v, obs);
        if woken {
            self.cpus[home.index()].runnable = true;
            self.touched.push(Actor::Sw(home));
        }
        if wanted && self.cfg.vcpus[v.index()].rival.is_some() {
            self.rival_runs(cpu, obs);
        }
        VcpuPc::Block(BlockPc::Asleep)
    }

    /// The CPU is idle now; a housekeeper stops its tick.
    pub(super) fn leave_cpu<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, obs: &mut O) {
        obs.effect(Effect::ScheduledOut { vcpu: v, cpu });
        self.set_is_running(v, false, obs);
        self.cpus[cpu.index()].running = Running::Idle;
        self.host_tick(cpu, obs);
    }

    /// A housekeeper has its tick while it is not idle. The other CPUs have none: that one comes back where two threads
    /// share such a CPU is left out.
    pub(super) fn host_tick<O: Observer>(&mut self, cpu: CpuId, obs: &mut O) {
        if !self.cfg.housekeeping.contains(cpu) {
            return;
        }
        let (tick, at) = (TimerId::Tick(cpu), self.cfg.next_tick(cpu, self.now));
        let c = &mut self.cpus[cpu.index()];
        c.base.remove(tick, true);
        if c.running != Running::Idle {
            c.base.enqueue_local(tick, at);
        }
        self.program_clock_event(cpu, obs);
    }

    /// E8: off the wait queue; the polling window learns; the deadline goes back to where it was.
    fn finish_block<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> VcpuPc {
        let (now, max) = (self.now, self.cfg.halt_poll_max);
        let (virtual_timer, halves) = (self.cfg.virtual_timer, self.cfg.rules.has(Switch::HaltPollHalves));
        let learns = self.cfg.learns;
        self.set_is_running(v, true, obs);
        let vcpu = &mut self.vcpus[v.index()];
        (vcpu.blocking.queued, vcpu.blocking.woken) = (false, false);
        let before = vcpu.blocking.poll;
        if learns {
            vcpu.blocking.poll.learn(now.minus(vcpu.blocking.since), max, halves);
        }
        Self::report(obs, v, Field::HaltPollNs, before.window().as_ns(), vcpu.blocking.poll.window().as_ns());
        self.touch_callback(v);
        let vcpu = &mut self.vcpus[v.index()];
        if std::mem::take(&mut vcpu.blocking.hv) {
            VcpuPc::Hv(HvPc::ToHardware)
        } else if virtual_timer {
            VcpuPc::VirtualToHardware
        } else {
            self.after_block(v)
        }
    }

    /// `kvm_vcpu_wake_up`: whether there was somebody to wake.
    pub(super) fn wake_up<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> bool {
        let vcpu = &mut self.vcpus[v.index()];
        if !vcpu.blocking.queued || vcpu.blocking.woken {
            return false;
        }
        vcpu.blocking.woken = true;
        let cpu = vcpu.home;
        obs.effect(Effect::Woken { vcpu: v, cpu });
        if vcpu.pc == VcpuPc::Block(BlockPc::Asleep) {
            self.cpus[cpu.index()].runnable = true;
        }
        self.touched.push(Actor::Sw(cpu));
        true
    }

    /// Whether a wake-up would find it on the wait queue.
    pub(super) fn can_be_woken(&self, v: VcpuId) -> bool {
        let blocking = &self.vcpus[v.index()].blocking;
        blocking.queued && !blocking.woken
    }

    /// What a callback for this vCPU does next may have changed: whom it would wake, and which core it runs on.
    pub(super) fn touch_callback(&mut self, v: VcpuId) {
        if let Some(cpu) = self.vcpus[v.index()].callback_on {
            self.touched.push(Actor::Sw(cpu));
        }
    }

    /// Another CPU changed what a vCPU that polls, or goes round its loop, looks at.
    pub(super) fn touch_poller(&mut self, v: VcpuId) {
        let vcpu = &self.vcpus[v.index()];
        if matches!(vcpu.pc, VcpuPc::Block(BlockPc::Poll) | VcpuPc::RunLoop) {
            let actor = Actor::Sw(vcpu.cpu);
            self.touched.push(actor);
        }
    }

    /// V3, V4: the processor's deadline becomes an hrtimer while the vCPU blocks, and the hrtimer goes when it does not.
    pub(super) fn virtual_to_software<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> VcpuPc {
        let vcpu = &mut self.vcpus[v.index()];
        if vcpu.processor_timer.is_never() {
            return self.start_polling(v);
        }
        let deadline = self.cfg.khz.tsc_at(vcpu.armed_for);
        let was = std::mem::replace(&mut vcpu.timer.tscdeadline, deadline);
        vcpu.arming_for = ArmingFor::Block;
        Self::report(obs, v, Field::Tscdeadline, was.as_cycles(), deadline.as_cycles());
        VcpuPc::ArmSw
    }

    pub(super) fn virtual_to_hardware<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> VcpuPc {
        self.cancel_hrtimer(v, obs);
        let vcpu = &mut self.vcpus[v.index()];
        if !vcpu.timer.pending {
            let was = std::mem::replace(&mut vcpu.timer.tscdeadline, Tsc::ZERO);
            Self::report(obs, v, Field::Tscdeadline, was.as_cycles(), 0);
        }
        self.after_block(v)
    }
}

impl Stage {
    const fn rule(self) -> Rule {
        match self {
            Self::Fastpath => Rule::E1b,
            Self::Before => Rule::E2,
            Self::Polling => Rule::E3c,
            Self::Last => Rule::E4b,
            Self::After => Rule::E9,
        }
    }
}
