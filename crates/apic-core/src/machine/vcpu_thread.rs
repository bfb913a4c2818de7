//! KVM in the vCPU's own thread, on the vCPU's own core: arming (A), the way back into the guest (P5 to P8, D3, D4).

use super::block::BlockPc;
use super::deliver::{DeliverPc, Deliverer, Thread};
use super::hv_timer::HvPc;
use super::inject::InjectPc;
use super::irq::IrqPc;
use super::sched::SchedPc;
use super::searched::Store;
use super::state::{ArmingFor, ExitTo, Next, VcpuPc};
use super::userspace::{Errand, UserPc};
use super::{Cpu, Machine, Vcpu};
use crate::cost::CostKind;
use crate::effect::{Bank, Effect, Field, Observer, report_bits};
use crate::host::{SwitchBase, TimerId, get_nohz_timer_target, get_nohz_timer_target_4_3, switch_hrtimer_base};
use crate::kvm::{Fault, Mode, Request, Switch, Vendor};
use crate::lapic::{Circumstances, Expiry, Instant, KvmTimer, Start, TimerMode};
use crate::rule::Rule;
use crate::scenario::OtherExits;
use crate::units::{CpuId, Ns, VcpuId, Vector};

impl Machine {
    /// What the thread does next; `None` in the guest, and while `hrtimer_cancel` waits for a callback (R8).
    #[expect(clippy::inline_always, reason = "a step is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    pub(super) fn next_vcpu_thread(&self, c: &Cpu, v: VcpuId) -> Option<Next> {
        let vcpu = &self.vcpus[v.index()];
        self.next_at(c, v, vcpu, vcpu.pc)
    }

    /// The same at this point, which is [`Vcpu::pc`].
    #[expect(clippy::inline_always, reason = "a step is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    pub(super) fn next_at(&self, c: &Cpu, v: VcpuId, vcpu: &Vcpu, pc: VcpuPc) -> Option<Next> {
        let (rule, cost) = match pc {
            VcpuPc::InGuest => return None,
            // hrtimer_cancel waits.
            pc if pc.cancels() && vcpu.callback_on.is_some() => return None,
            VcpuPc::ArmDispatch => (Rule::A2, CostKind::VmExit),
            VcpuPc::ArmSet if vcpu.fast => (Rule::A3, CostKind::FastpathDispatch),
            VcpuPc::ArmSet => (Rule::A3, CostKind::SlowpathDispatch),
            VcpuPc::ArmStart => (Rule::A4, CostKind::KvmStep),
            VcpuPc::ArmRestart => (Rule::A5, CostKind::KvmStep),
            VcpuPc::ArmHv => (Rule::A6h, CostKind::KvmStep),
            VcpuPc::ArmSw if vcpu.timer.mode == TimerMode::TscDeadline => (Rule::A6, CostKind::KvmStep),
            VcpuPc::ArmSw => (Rule::A6p, CostKind::KvmStep),
            VcpuPc::NohzTarget => (Rule::N3, CostKind::TargetSearch),
            VcpuPc::SwitchBase(_) if self.cfg.pinned => (Rule::R0, CostKind::HrtimerStart),
            VcpuPc::SwitchBase(_) => (Rule::R5, CostKind::HrtimerStart),
            VcpuPc::ArmExpired => (Rule::A7, CostKind::KvmStep),
            VcpuPc::ArmDone if vcpu.fast => (Rule::A8, CostKind::KvmStep),
            VcpuPc::ArmDone => (Rule::A8, CostKind::SlowpathTail),
            VcpuPc::Deliver(step, _) => (step.rule(true), step.cost()),
            // After a fastpath handler the exit has been paid for.
            VcpuPc::Exited(_) if vcpu.fast => (Rule::P2, CostKind::KvmStep),
            VcpuPc::Exited(_) => (Rule::P2, CostKind::VmExit),
            VcpuPc::HandleIrq(_) => (Rule::P2b, CostKind::TimerInterrupt),
            VcpuPc::IrqsOn => (Rule::F4, CostKind::KvmStep),
            VcpuPc::Hv(pc) => pc.next(),
            VcpuPc::Inject(pc) => pc.next(),
            VcpuPc::Sched(SchedPc::Out) => return Some(self.next_out(v)),
            VcpuPc::Sched(pc) => pc.next()?,
            VcpuPc::Pi(pc) => return self.next_pi(v, pc),
            VcpuPc::User(pc) => pc.next()?,
            VcpuPc::Block(pc) => return self.next_block(v, pc),
            VcpuPc::VirtualToSoftware => (Rule::V3, CostKind::KvmStep),
            VcpuPc::VirtualToHardware => (Rule::V4, CostKind::KvmStep),
            VcpuPc::RunLoop => (self.run_loop_rule(v), CostKind::KvmStep),
            VcpuPc::EnterMode => (Rule::P6, CostKind::Atomic),
            VcpuPc::SyncOn => (Rule::P6b, CostKind::Atomic),
            VcpuPc::SyncPir => (Rule::P6c, CostKind::Atomic),
            VcpuPc::EnterCheck => (Rule::P6d, CostKind::KvmStep),
            VcpuPc::Wait => (Rule::P7, CostKind::KvmStep),
            VcpuPc::Enter if vcpu.inject.is_some() => (Rule::J4, CostKind::VmEntry),
            VcpuPc::Enter => (Rule::P8, CostKind::VmEntry),
            VcpuPc::KickSelf(_) => (Rule::A7k, CostKind::KvmStep),
            VcpuPc::OtherExit | VcpuPc::DeviceIrq => return Some(Next::at(Rule::X2, vcpu.pc_time, self.now)),
        };
        Some(self.kvm_step(rule, cost).not_before(c.not_before))
    }

    /// What the thread does at its point: the rule it follows, and the point where it stands then.
    #[expect(clippy::inline_always, reason = "a step is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    pub(super) fn step_vcpu_thread<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let pc = self.vcpus[v.index()].pc;
        match pc {
            VcpuPc::ArmDispatch => self.arm_dispatch(v, obs),
            VcpuPc::ArmSet => self.arm_set(v, obs),
            VcpuPc::ArmStart => self.arm_start(v, obs),
            VcpuPc::ArmRestart => (Rule::A5, if self.cfg.can_hv { VcpuPc::ArmHv } else { VcpuPc::ArmSw }),
            VcpuPc::ArmHv => self.arm_hv(v, obs),
            VcpuPc::ArmSw => self.arm_sw(v, obs),
            VcpuPc::NohzTarget => self.nohz_target(v, obs),
            VcpuPc::SwitchBase(target) => self.switch_base(v, target, obs),
            VcpuPc::ArmExpired => self.arm_expired(v, obs),
            VcpuPc::ArmDone => self.arm_done(v),
            VcpuPc::Deliver(step, thread) => {
                let next = match self.step_deliver(v, step, Deliverer::Thread(thread), obs) {
                    Some(step) => VcpuPc::Deliver(step, thread),
                    None => self.delivered(v, thread, obs),
                };
                (step.rule(true), next)
            }
            VcpuPc::Exited(to) => self.exited(v, to, obs),
            VcpuPc::HandleIrq(vector) => self.handle_irq(v, vector, obs),
            VcpuPc::IrqsOn => (Rule::F4, self.before_entry(v)),
            VcpuPc::Hv(pc) => self.step_hv(v, pc, obs),
            VcpuPc::Inject(pc) => self.step_inject(v, pc, obs),
            VcpuPc::Sched(pc) => self.step_sched(v, pc, obs),
            VcpuPc::Pi(pc) => self.step_pi(v, pc, obs),
            VcpuPc::User(pc) => self.step_user(v, pc, obs),
            VcpuPc::Block(pc) => self.step_block(v, pc, obs),
            VcpuPc::VirtualToSoftware => (Rule::V3, self.virtual_to_software(v, obs)),
            VcpuPc::VirtualToHardware => (Rule::V4, self.virtual_to_hardware(v, obs)),
            VcpuPc::RunLoop => self.run_loop(v, obs),
            VcpuPc::EnterMode => self.enter_mode(v, obs),
            VcpuPc::SyncOn => self.sync_on(v, obs),
            VcpuPc::SyncPir => self.sync_pir(v, obs),
            VcpuPc::EnterCheck => self.enter_check(v, obs),
            VcpuPc::Wait => {
                self.wait_lapic_expire(self.vcpus[v.index()].cpu, v, obs);
                (Rule::P7, VcpuPc::Enter)
            }
            VcpuPc::Enter => self.enter(v, obs),
            VcpuPc::KickSelf(thread) => (Rule::A7k, self.delivered(v, thread, obs)),
            VcpuPc::OtherExit | VcpuPc::DeviceIrq => {
                self.vcpus[v.index()].pc_time = Ns::ZERO;
                let next = match pc {
                    VcpuPc::OtherExit => self.before_entry(v),
                    _ if self.cfg.vendor == Vendor::Svm => VcpuPc::IrqsOn,
                    _ => self.interrupts_come_on(v),
                };
                (Rule::X2, next)
            }
            // The driver takes only steps that `next` names; in the guest there is none.
            VcpuPc::InGuest => (Rule::P8, VcpuPc::InGuest),
        }
    }

    pub(super) fn set_mode_outside<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let was = self.vcpus[v.index()].mode.get() as u64;
        self.plain_store(v, Store::Outside(v));
        Self::report(obs, v, Field::Mode, was, 0);
    }

    /// A2.
    fn arm_dispatch<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let rules = self.cfg.rules;
        let fast = rules.has(Switch::DeadlineFastpath) || (rules.has(Switch::HvFastpath) && self.cfg.can_hv);
        // A write to TMICT never is.
        let fast = fast && self.cfg.mode == TimerMode::TscDeadline;
        self.vcpus[v.index()].fast = fast;
        if !fast {
            self.set_mode_outside(v, obs);
        }
        (Rule::A2, VcpuPc::ArmSet)
    }

    /// A3: `hrtimer_cancel`, then the new deadline or count.
    fn arm_set<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        self.cancel_hrtimer(v, obs);
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.audit.armed();
        vcpu.armed_for = vcpu.guest.deadline;
        vcpu.arming_for = ArmingFor::Guest;
        if vcpu.timer.mode == TimerMode::TscDeadline {
            let was = std::mem::replace(&mut vcpu.timer.tscdeadline, vcpu.wrmsr);
            Self::report(obs, v, Field::Tscdeadline, was.as_cycles(), vcpu.wrmsr.as_cycles());
        } else {
            // cancel_apic_timer: a count stops whatever ran.
            let (hv, pending) = (vcpu.timer.hv_timer_in_use, vcpu.timer.pending);
            vcpu.timer.cancel();
            Self::report(obs, v, Field::HvTimerInUse, u64::from(hv), 0);
            Self::report(obs, v, Field::Pending, u64::from(pending), 0);
        }
        (Rule::A3, VcpuPc::ArmStart)
    }

    /// A4: a new deadline forgets an expiry that was not injected yet; a count becomes a target.
    fn arm_start<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let (at, rate) = (self.instant(), self.cfg.rate);
        let vcpu = &mut self.vcpus[v.index()];
        let (tmict, timer) = (vcpu.tmict, &mut vcpu.timer);
        let was = std::mem::take(&mut timer.pending);
        Self::report(obs, v, Field::Pending, u64::from(was), 0);
        if was {
            self.plain_store(v, Store::NotPending(v));
        }
        let timer = &mut self.vcpus[v.index()].timer;
        if timer.mode == TimerMode::TscDeadline {
            return (Rule::A4, VcpuPc::ArmRestart);
        }
        let before = timer.clone();
        let starts = timer.set_target(tmict, None, rate, true, at);
        self.report_timer(v, &before, obs);
        let timer = &self.vcpus[v.index()].timer;
        if timer.mode == TimerMode::Periodic {
            self.vcpus[v.index()].armed_for = timer.target_expiration;
        }
        (Rule::A4, if starts { VcpuPc::ArmRestart } else { self.armed(v) })
    }

    /// Now, by the host's clock and the guest's TSC.
    pub(super) fn instant(&self) -> Instant {
        Instant { host: self.now, guest: self.cfg.khz.tsc_at(self.now), khz: self.cfg.khz }
    }

    /// Reports what changed in `struct kvm_timer`.
    pub(super) fn report_timer<O: Observer>(&self, v: VcpuId, was: &KvmTimer, obs: &mut O) {
        if O::RECORDS {
            let is = &self.vcpus[v.index()].timer;
            let flag = u64::from;
            Self::report(obs, v, Field::Period, was.period.as_ns(), is.period.as_ns());
            Self::report(obs, v, Field::TargetExpiration, was.target_expiration.as_ns(), is.target_expiration.as_ns());
            Self::report(obs, v, Field::Tscdeadline, was.tscdeadline.as_cycles(), is.tscdeadline.as_cycles());
            let (before, now) = (was.expired_tscdeadline.as_cycles(), is.expired_tscdeadline.as_cycles());
            Self::report(obs, v, Field::ExpiredTscdeadline, before, now);
            Self::report(obs, v, Field::Pending, flag(was.pending), flag(is.pending));
            Self::report(obs, v, Field::HvTimerInUse, flag(was.hv_timer_in_use), flag(is.hv_timer_in_use));
        }
    }

    /// A6, A6p.
    fn arm_sw<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let at = self.instant();
        let timer = &mut self.vcpus[v.index()].timer;
        let rule = if timer.mode == TimerMode::TscDeadline { Rule::A6 } else { Rule::A6p };
        let hv = timer.hv_timer_in_use;
        let next = match timer.start_sw(at) {
            Start::Hrtimer(expires) => self.start_hrtimer(v, expires),
            Start::Expired => VcpuPc::ArmExpired,
            Start::Nothing | Start::Hv | Start::HvExpired => self.armed(v),
        };
        Self::report(obs, v, Field::HvTimerInUse, u64::from(hv), 0);
        (rule, next)
    }

    /// `hrtimer_start`: whom the timer is offered to. A pinned one is not offered to anybody.
    pub(super) fn start_hrtimer(&mut self, v: VcpuId, expires: Ns) -> VcpuPc {
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.pc_time = expires;
        if self.cfg.pinned { VcpuPc::SwitchBase(vcpu.cpu) } else { VcpuPc::NohzTarget }
    }

    /// N1 to N4.
    fn nohz_target<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let me = self.vcpus[v.index()].cpu;
        // idle_cpu: nothing runs there, and nothing is about to.
        let is_idle = |cpu: CpuId| {
            let c = &self.cpus[cpu.index()];
            c.running == super::Running::Idle && !c.runnable && c.io_work.is_empty()
        };
        let (host, housekeeping) = (self.cfg.host, &self.cfg.housekeeping);
        if !self.cfg.rules.has(Switch::NohzPush) && !is_idle(me) {
            return (Rule::N0, VcpuPc::SwitchBase(me));
        }
        let target = if self.cfg.rules.has(Switch::AnyHousekeeper) {
            get_nohz_timer_target_4_3(host, housekeeping, me, is_idle)
        } else {
            get_nohz_timer_target(host, housekeeping, me, is_idle)
        };
        obs.effect(Effect::TargetNamed { timer: TimerId::Lapic(v), cpu: target.cpu() });
        (target.rule(), VcpuPc::SwitchBase(target.cpu()))
    }

    /// R0 to R5, and the enqueue.
    fn switch_base<O: Observer>(&mut self, v: VcpuId, target: CpuId, obs: &mut O) -> (Rule, VcpuPc) {
        // remove_hrtimer: what is queued already is queued anew.
        self.cancel_hrtimer(v, obs);
        let vcpu = &mut self.vcpus[v.index()];
        let expires = std::mem::take(&mut vcpu.pc_time);
        let (me, timer) = (vcpu.cpu, TimerId::Lapic(v));
        let there = &self.cpus[target.index()].base;
        let placed = switch_hrtimer_base(&SwitchBase {
            me,
            target,
            expires,
            target_expires_next: there.expires_next(),
            target_in_interrupt: there.in_interrupt(),
            pinned: self.cfg.pinned,
            force_local: false, // KVM cancelled it first
            callback_on: vcpu.callback_on,
        });
        if matches!(placed.rule, Rule::R3 | Rule::R4) {
            let (target_expires_next, rule) = (there.expires_next(), placed.rule);
            obs.effect(Effect::TimerRefused { timer, target, expires, target_expires_next, rule });
        }
        obs.effect(Effect::TimerQueued { timer, cpu: placed.cpu, expires, rule: placed.rule });
        self.vcpus[v.index()].queued_on = Some(placed.cpu);
        let base = &mut self.cpus[placed.cpu.index()].base;
        if placed.cpu == me {
            base.enqueue_local(timer, expires);
            self.program_clock_event(me, obs);
        } else {
            base.enqueue_remote(timer, expires);
        }
        (placed.rule, self.armed(v))
    }

    /// A7: `apic_timer_expired(from_timer_fn = false)`.
    fn arm_expired<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let next = match self.expired_here(v, obs) {
            Expiry::Deliver => VcpuPc::Deliver(DeliverPc::Accept, Thread::Arming),
            Expiry::Pend if self.kicks_itself() => VcpuPc::KickSelf(Thread::Arming),
            Expiry::Pend | Expiry::Coalesced => self.delivered(v, Thread::Arming, obs),
        };
        (Rule::A7, next)
    }

    /// `apic_timer_expired(from_timer_fn = false)`, found by the vCPU's own thread.
    pub(super) fn expired_here<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> Expiry {
        let how = Circumstances { from_timer_fn: false, direct: self.expires_directly(), use_posted: false };
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.expired_for = vcpu.armed_for;
        let before = vcpu.timer.clone();
        let expiry = vcpu.timer.expired(how);
        if expiry != Expiry::Coalesced {
            let records = vcpu.timer.mode == TimerMode::TscDeadline || vcpu.timer.hv_timer_in_use;
            vcpu.audit.expired(before.owes_wait(), records);
        }
        vcpu.expired_remotely = false;
        self.report_timer(v, &before, obs);
        match expiry {
            Expiry::Coalesced => obs.effect(Effect::Dropped { vcpu: v }),
            Expiry::Pend => self.make_request(v, Request::Unblock, obs),
            Expiry::Deliver => {}
        }
        expiry
    }

    /// Whether an expiry that the vCPU's own thread finds is delivered at once.
    pub(super) fn expires_directly(&self) -> bool {
        self.cfg.apicv && self.cfg.rules.has(Switch::DirectWhenArming)
    }

    /// A7k: whether an expiry that the vCPU's own thread leaves pending is kicked for.
    pub(super) fn kicks_itself(&self) -> bool {
        self.cfg.rules.has(Switch::Kick) && !self.cfg.rules.has(Switch::KickFromCallbackOnly)
    }

    /// Where the thread goes after a delivery of its own.
    fn delivered<O: Observer>(&mut self, v: VcpuId, thread: Thread, obs: &mut O) -> VcpuPc {
        match thread {
            Thread::Pending => self.before_entry(v),
            Thread::Hv => self.hv_expired(v, obs),
            Thread::Arming if self.vcpus[v.index()].timer.hv_timer_in_use => VcpuPc::Hv(HvPc::Cancel(true)),
            Thread::Arming if self.vcpus[v.index()].timer.mode == TimerMode::Periodic => {
                // start_sw_period goes on with the next period.
                let expires = self.advance_periodic(v, obs);
                self.start_hrtimer(v, expires)
            }
            Thread::Arming => self.armed(v),
        }
    }

    /// `advance_periodic_target_expiration`. Returns the new target.
    pub(super) fn advance_periodic<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> Ns {
        let (at, to_now) = (self.instant(), self.cfg.rules.has(Switch::PeriodicClamp));
        let vcpu = &mut self.vcpus[v.index()];
        let before = vcpu.timer.clone();
        vcpu.timer.advance_periodic(to_now, at);
        vcpu.armed_for = vcpu.timer.target_expiration;
        let target = vcpu.timer.target_expiration;
        self.report_timer(v, &before, obs);
        target
    }

    /// A8: the fastpath syncs PIR at once; the slow path goes round `vcpu_run`.
    fn arm_done(&mut self, v: VcpuId) -> (Rule, VcpuPc) {
        let next = if self.vcpus[v.index()].fast { self.sync_or_check() } else { self.before_entry(v) };
        (Rule::A8, next)
    }

    /// Only VMX with APICv has a PIR to sync.
    pub(super) fn syncs_pir(&self) -> bool {
        self.cfg.apicv && self.cfg.vendor == Vendor::Vmx
    }

    /// Before entry: `sync_pir_to_irr`, and the last look.
    pub(super) fn sync_or_check(&self) -> VcpuPc {
        if self.syncs_pir() { VcpuPc::SyncOn } else { VcpuPc::EnterCheck }
    }

    /// Where the slow path goes once an exit is handled or a block is over, at `vcpu_run`'s tail: to userspace for a signal,
    /// through the pending timer, off the CPU if somebody wants it, and else round the loop.
    pub(super) fn before_entry(&mut self, v: VcpuId) -> VcpuPc {
        let vcpu = &self.vcpus[v.index()];
        if vcpu.user.signal {
            VcpuPc::User(UserPc::Leave(Errand::Signal))
        } else if vcpu.requests.has(Request::Unblock) || vcpu.timer.pending && !vcpu.lvtt.masked() {
            VcpuPc::RunLoop
        } else if self.cpus[vcpu.cpu.index()].need_resched {
            VcpuPc::Sched(SchedPc::Out)
        } else {
            self.run_or_block(v)
        }
    }

    /// The head of `vcpu_run`'s loop: `vcpu_block`, or `vcpu_enter_guest`, which first deals with requests. It leaves
    /// KVM_REQ_UNBLOCK alone: that aborts the entry (D3), and the loop's tail clears it.
    pub(super) fn run_or_block(&mut self, v: VcpuId) -> VcpuPc {
        let vcpu = &self.vcpus[v.index()];
        if vcpu.blocking.halted {
            self.block_again()
        } else if vcpu.requests.has(Request::MigrateTimer) {
            VcpuPc::Sched(SchedPc::MigrateTimer)
        } else if vcpu.requests.has(Request::Event) {
            VcpuPc::Inject(InjectPc::Events)
        } else if self.cfg.faults.has(Fault::B23) {
            self.sync_or_check()
        } else {
            VcpuPc::EnterMode
        }
    }

    /// P2.
    fn exited<O: Observer>(&mut self, v: VcpuId, to: ExitTo, obs: &mut O) -> (Rule, VcpuPc) {
        self.set_mode_outside(v, obs);
        self.vcpus[v.index()].fast = false;
        let next = match to {
            // AMD leaves the interrupt where it is; it is taken when interrupts come on.
            ExitTo::Interrupt(_) if self.cfg.vendor == Vendor::Svm => VcpuPc::IrqsOn,
            ExitTo::Interrupt(vector) => VcpuPc::HandleIrq(vector),
            ExitTo::Other => self.other_exit(v),
            ExitTo::Back => self.interrupts_come_on(v),
            ExitTo::Halt if self.cfg.userspace => VcpuPc::User(UserPc::Leave(Errand::Halt)),
            ExitTo::Halt => VcpuPc::Block(BlockPc::Halt),
            ExitTo::Eoi => VcpuPc::Inject(InjectPc::Eoi),
            ExitTo::Window => VcpuPc::Inject(InjectPc::Window),
            ExitTo::User(pc) => VcpuPc::User(pc),
        };
        (Rule::P2, next)
    }

    /// The guest's other exit, or the host's other interrupt, takes its time.
    fn other_exit(&mut self, v: VcpuId) -> VcpuPc {
        let interrupt = self.vcpus[v.index()].guest.other_interrupt;
        let handling = |x: OtherExits| {
            let own = x.interrupts.filter(|_| interrupt).map_or(x.handling_ns, |i| i.handling_ns);
            self.now.plus(Ns::from_ns(own))
        };
        match self.cfg.other_exits.map(handling) {
            Some(until) => {
                self.vcpus[v.index()].pc_time = until;
                // The host's handler runs with interrupts off.
                if interrupt { VcpuPc::DeviceIrq } else { VcpuPc::OtherExit }
            }
            None => self.before_entry(v),
        }
    }

    /// P2b, I5 for the wake-up vector, or I3 for the reschedule vector: the handler runs before interrupts are enabled
    /// again.
    fn handle_irq<O: Observer>(&mut self, v: VcpuId, vector: Vector, _: &mut O) -> (Rule, VcpuPc) {
        let cpu = self.vcpus[v.index()].cpu;
        if vector == Vector::LOCAL_TIMER {
            let c = &mut self.cpus[cpu.index()];
            c.base.interrupt_begins();
            c.irq = Some(IrqPc::RunTimers(false));
            // Whether the callback leaves something pending is known when it returns: vcpu_run looks then.
            return (Rule::P2b, VcpuPc::RunLoop);
        }
        if vector == Vector::POSTED_INTR_WAKEUP {
            self.cpus[cpu.index()].irq = Some(IrqPc::WakeLock);
            return (Rule::I5, self.interrupts_come_on(v));
        }
        (Rule::I3, self.interrupts_come_on(v))
    }

    /// `local_irq_enable` in `vcpu_enter_guest`: what is latched is taken there, before `vcpu_run`'s tail looks.
    fn interrupts_come_on(&mut self, v: VcpuId) -> VcpuPc {
        let latched = self.cpus[self.vcpus[v.index()].cpu.index()].irr.highest().is_some();
        if latched { VcpuPc::RunLoop } else { self.before_entry(v) }
    }

    /// `apic_has_pending_timer`: a masked entry stays pending until it is unmasked (B24).
    fn has_pending_timer(&self, v: VcpuId) -> bool {
        let vcpu = &self.vcpus[v.index()];
        vcpu.timer.pending && !vcpu.lvtt.masked()
    }

    fn run_loop_rule(&self, v: VcpuId) -> Rule {
        match (self.has_pending_timer(v), self.vcpus[v.index()].expired_remotely) {
            (false, _) => Rule::P5n,
            (true, true) => Rule::D4,
            (true, false) => Rule::P5,
        }
    }

    /// P5, D4, P5n: `vcpu_run`'s tail.
    fn run_loop<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let rule = self.run_loop_rule(v);
        self.clear_request(v, Request::Unblock, obs);
        let inject = self.has_pending_timer(v);
        (rule, if inject { VcpuPc::Deliver(DeliverPc::Accept, Thread::Pending) } else { self.before_entry(v) })
    }

    /// P6: mode first, then a full barrier, then PIR.
    fn enter_mode<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let was = self.vcpus[v.index()].mode.get() as u64;
        self.plain_store(v, Store::InGuest(v));
        Self::report(obs, v, Field::Mode, was, 1);
        (Rule::P6, if self.cfg.faults.has(Fault::B23) { VcpuPc::EnterCheck } else { self.sync_or_check() })
    }

    /// P6b: `sync_pir_to_irr`, ON first.
    fn sync_on<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        if self.cfg.faults.has(Fault::DrainBeforeClear) {
            let on = self.vcpus[v.index()].pi.on();
            if on {
                self.drain_pir(v, obs);
            }
            return (Rule::P6b, if on { VcpuPc::SyncPir } else { self.synced(v) });
        }
        let was = self.vcpus[v.index()].pi.test_and_clear_on();
        Self::report(obs, v, Field::On, u64::from(was), 0);
        (Rule::P6b, if was { VcpuPc::SyncPir } else { self.synced(v) })
    }

    /// After the sync: the last look before entry. B23 turned the order round: mode comes last.
    fn synced(&self, v: VcpuId) -> VcpuPc {
        let mode_to_come = self.cfg.faults.has(Fault::B23) && !self.vcpus[v.index()].fast;
        if mode_to_come { VcpuPc::EnterMode } else { VcpuPc::EnterCheck }
    }

    /// P6c.
    fn sync_pir<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        if self.cfg.faults.has(Fault::DrainBeforeClear) {
            let was = self.vcpus[v.index()].pi.test_and_clear_on();
            Self::report(obs, v, Field::On, u64::from(was), 0);
        } else {
            self.drain_pir(v, obs);
        }
        (Rule::P6c, self.synced(v))
    }

    /// PIR into VIRR, for software's sync and for the processor alike.
    pub(super) fn drain_pir<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let vcpu = &mut self.vcpus[v.index()];
        let (virr_was, rvi_was) = (*vcpu.vapic.virr(), vcpu.vapic.rvi());
        let pir = vcpu.pi.drain_pir();
        vcpu.vapic.or_into_virr(pir);
        if O::RECORDS {
            report_bits(obs, v, Bank::Pir, &pir, vcpu.pi.pir());
            report_bits(obs, v, Bank::Virr, &virr_was, vcpu.vapic.virr());
            Self::report(obs, v, Field::Rvi, u64::from(rvi_was), u64::from(vcpu.vapic.rvi()));
        }
    }

    /// P6d, D3: `kvm_vcpu_exit_request`.
    fn enter_check<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let vcpu = &self.vcpus[v.index()];
        let wanted = self.cpus[vcpu.cpu.index()].need_resched;
        let requested = vcpu.requests.pending() && !self.cfg.faults.has(Fault::B17);
        if requested || self.mode_seen(vcpu.cpu, v) != Mode::InGuest || vcpu.user.signal || wanted {
            if vcpu.fast {
                // EXIT_FASTPATH_EXIT_HANDLED: the loop is left, mode follows.
                return (Rule::D3, VcpuPc::Exited(ExitTo::Back));
            }
            self.set_mode_outside(v, obs);
            // What was to be injected is kept, and asked for anew.
            if self.vcpus[v.index()].inject.is_some() && !self.cfg.userspace {
                self.make_request(v, Request::Event, obs);
            }
            return (Rule::D3, VcpuPc::RunLoop);
        }
        let next = if vcpu.timer.hv_timer_in_use { VcpuPc::Hv(HvPc::Update) } else { self.entry_wait(v) };
        (Rule::P6d, next)
    }

    /// `lapic_timer_int_injected`: whether the vector that the wait is for is on its way into the guest.
    pub(super) fn entry_wait(&self, v: VcpuId) -> VcpuPc {
        let vcpu = &self.vcpus[v.index()];
        let bank = if self.cfg.apicv { vcpu.vapic.virr() } else { vcpu.vapic.visr() };
        if vcpu.timer.owes_wait() && bank.contains(vcpu.lvtt.vector()) { VcpuPc::Wait } else { VcpuPc::Enter }
    }

    /// P8: VM entry evaluates pending virtual interrupts; it does not process posted ones. J4: it injects.
    fn enter<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let apicv = self.cfg.apicv;
        if !self.cfg.virtual_timer {
            self.vcpus[v.index()].processor_timer = self.preemption_timer_fires(v);
        }
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.fast = false;
        if apicv {
            vcpu.vapic.evaluate_at_entry();
        }
        obs.effect(Effect::Enter { vcpu: v, cpu: vcpu.cpu });
        let Some(vector) = vcpu.inject.take() else { return (Rule::P8, VcpuPc::InGuest) };
        self.start_handler(v, vector, obs);
        (Rule::J4, VcpuPc::InGuest)
    }
}
