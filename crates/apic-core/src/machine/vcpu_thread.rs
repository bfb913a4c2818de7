//! KVM in the vCPU's own thread, on the vCPU's own core: arming (A), the way back into the guest (P5 to P8, D3, D4).

use super::deliver::{DeliverPc, Deliverer};
use super::irq::IrqPc;
use super::state::{Next, VcpuPc};
use super::{Cpu, Machine, Taken};
use crate::cost::CostKind;
use crate::effect::{Bank, Effect, Field, Observer, report_bits};
use crate::host::{SwitchBase, TimerId, get_nohz_timer_target, switch_hrtimer_base};
use crate::kvm::Request;
use crate::rule::Rule;
use crate::scenario::OtherExits;
use crate::units::{CpuId, Ns, Tsc, VcpuId, Vector};

impl Machine {
    /// What the thread does next; `None` in the guest, and while `hrtimer_cancel` waits for a callback (R8).
    pub(super) fn next_vcpu_thread(&self, c: &Cpu, v: VcpuId) -> Option<Next> {
        let vcpu = &self.vcpus[v.index()];
        let (rule, cost) = match vcpu.pc {
            VcpuPc::InGuest => return None,
            VcpuPc::ArmSet if vcpu.callback_on.is_some() => return None,
            VcpuPc::ArmDispatch => (Rule::A2, CostKind::VmExit),
            VcpuPc::ArmSet if vcpu.fast => (Rule::A3, CostKind::FastpathDispatch),
            VcpuPc::ArmSet => (Rule::A3, CostKind::SlowpathDispatch),
            VcpuPc::ArmStart => (Rule::A4, CostKind::KvmStep),
            VcpuPc::ArmRestart => (Rule::A5, CostKind::KvmStep),
            VcpuPc::ArmSw => (Rule::A6, CostKind::KvmStep),
            VcpuPc::NohzTarget(_) => (Rule::N3, CostKind::TargetSearch),
            VcpuPc::SwitchBase(_, _) if self.cfg.rules.pinned => (Rule::R0, CostKind::HrtimerStart),
            VcpuPc::SwitchBase(_, _) => (Rule::R5, CostKind::HrtimerStart),
            VcpuPc::ArmExpired => (Rule::A7, CostKind::KvmStep),
            VcpuPc::ArmDone if vcpu.fast => (Rule::A8, CostKind::KvmStep),
            VcpuPc::ArmDone => (Rule::A8, CostKind::SlowpathTail),
            VcpuPc::Deliver(step, _) => (step.rule(true), step.cost()),
            VcpuPc::Exited(_) => (Rule::P2, CostKind::VmExit),
            VcpuPc::HandleIrq(_) => (Rule::P2b, CostKind::TimerInterrupt),
            VcpuPc::RunLoop => (if vcpu.expired_remotely { Rule::D4 } else { Rule::P5 }, CostKind::KvmStep),
            VcpuPc::EnterMode => (Rule::P6, CostKind::Atomic),
            VcpuPc::SyncOn => (Rule::P6b, CostKind::Atomic),
            VcpuPc::SyncPir => (Rule::P6c, CostKind::Atomic),
            VcpuPc::EnterCheck => (Rule::P6d, CostKind::KvmStep),
            VcpuPc::Wait => (Rule::P7, CostKind::KvmStep),
            VcpuPc::Enter => (Rule::P8, CostKind::VmEntry),
            VcpuPc::OtherExit(until) => return Some(Next::at(Rule::X2, until, self.now)),
        };
        Some(self.kvm_step(rule, cost).not_before(c.not_before))
    }

    pub(super) fn step_vcpu_thread<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> Taken {
        let pc = self.vcpus[v.index()].pc;
        let (rule, next) = match pc {
            VcpuPc::ArmDispatch => self.arm_dispatch(v, obs),
            VcpuPc::ArmSet => self.arm_set(v, obs),
            VcpuPc::ArmStart => self.arm_start(v, obs),
            VcpuPc::ArmRestart => (Rule::A5, VcpuPc::ArmSw),
            VcpuPc::ArmSw => self.arm_sw(v),
            VcpuPc::NohzTarget(expires) => self.nohz_target(v, expires, obs),
            VcpuPc::SwitchBase(expires, target) => self.switch_base(v, expires, target, obs),
            VcpuPc::ArmExpired => self.arm_expired(v, obs),
            VcpuPc::ArmDone => self.arm_done(v),
            VcpuPc::Deliver(step, pending) => {
                let next = self.step_deliver(v, step, Deliverer::Thread(pending), obs);
                let then = if pending { VcpuPc::EnterMode } else { VcpuPc::ArmDone };
                (step.rule(true), next.map_or(then, |step| VcpuPc::Deliver(step, pending)))
            }
            VcpuPc::Exited(vector) => self.exited(v, vector, obs),
            VcpuPc::HandleIrq(vector) => self.handle_irq(v, vector, obs),
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
            VcpuPc::OtherExit(_) => (Rule::X2, self.before_entry(v)),
            // The driver takes only steps that `next` names; in the guest there is none.
            VcpuPc::InGuest => (Rule::P8, VcpuPc::InGuest),
        };
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.pc = next;
        let cpu = vcpu.cpu;
        if next == VcpuPc::InGuest {
            self.touch_cpu(cpu);
        } else {
            self.touch_latched(cpu);
        }
        Taken { rule, vcpu: Some(v) }
    }

    fn set_mode_outside<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let mode = &mut self.vcpus[v.index()].mode;
        let was = mode.get() as u64;
        mode.store_outside();
        Self::report(obs, v, Field::Mode, was, 0);
    }

    /// A2.
    fn arm_dispatch<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let fast = self.cfg.rules.deadline_fastpath;
        self.vcpus[v.index()].fast = fast;
        if !fast {
            self.set_mode_outside(v, obs);
        }
        (Rule::A2, VcpuPc::ArmSet)
    }

    /// A3: `hrtimer_cancel`, then the new deadline.
    fn arm_set<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let vcpu = &mut self.vcpus[v.index()];
        let me = vcpu.cpu;
        let was = std::mem::replace(&mut vcpu.timer.tscdeadline, vcpu.wrmsr);
        let now = vcpu.timer.tscdeadline;
        vcpu.armed_for = vcpu.guest.deadline;
        if let Some(cpu) = vcpu.queued_on.take() {
            let timer = TimerId::Lapic(v);
            self.cpus[cpu.index()].base.remove(timer, cpu == me);
            obs.effect(Effect::TimerCancelled { timer, cpu });
            if cpu == me {
                self.program_clock_event(cpu, obs);
            }
        }
        Self::report(obs, v, Field::Tscdeadline, was.as_cycles(), now.as_cycles());
        let armed = now != Tsc::ZERO;
        (Rule::A3, if armed { VcpuPc::ArmStart } else { VcpuPc::ArmDone })
    }

    /// A4: a new deadline forgets an expiry that was not injected yet.
    fn arm_start<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let timer = &mut self.vcpus[v.index()].timer;
        let was = std::mem::take(&mut timer.pending);
        Self::report(obs, v, Field::Pending, u64::from(was), 0);
        (Rule::A4, VcpuPc::ArmRestart)
    }

    /// A6.
    fn arm_sw(&mut self, v: VcpuId) -> (Rule, VcpuPc) {
        let vcpu = &self.vcpus[v.index()];
        let timer = &vcpu.timer;
        let guest_tsc = self.cfg.khz.tsc_at(self.now);
        let advance = Ns::from_ns(u64::from(timer.timer_advance_ns));
        let ahead = timer.tscdeadline.as_cycles().saturating_sub(guest_tsc.as_cycles());
        let ns = self.cfg.khz.ns_of(Tsc::from_cycles(ahead));
        let expires = self.now.plus(ns).minus(advance);
        let next = if ahead == 0 || ns <= advance {
            VcpuPc::ArmExpired
        } else if self.cfg.rules.pinned {
            // A pinned timer is not offered to anybody: get_target_base answers this CPU.
            VcpuPc::SwitchBase(expires, vcpu.cpu)
        } else {
            VcpuPc::NohzTarget(expires)
        };
        (Rule::A6, next)
    }

    /// N1 to N4.
    fn nohz_target<O: Observer>(&mut self, v: VcpuId, expires: Ns, obs: &mut O) -> (Rule, VcpuPc) {
        let me = self.vcpus[v.index()].cpu;
        let is_idle = |cpu: CpuId| self.cpus[cpu.index()].running == super::Running::Idle;
        let target = get_nohz_timer_target(self.cfg.host, &self.cfg.housekeeping, me, is_idle);
        obs.effect(Effect::TargetNamed { timer: TimerId::Lapic(v), cpu: target.cpu() });
        (target.rule(), VcpuPc::SwitchBase(expires, target.cpu()))
    }

    /// R0 to R5, and the enqueue.
    fn switch_base<O: Observer>(&mut self, v: VcpuId, expires: Ns, target: CpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let vcpu = &self.vcpus[v.index()];
        let (me, timer) = (vcpu.cpu, TimerId::Lapic(v));
        let there = &self.cpus[target.index()].base;
        let placed = switch_hrtimer_base(&SwitchBase {
            me,
            target,
            expires,
            target_expires_next: there.expires_next(),
            target_in_interrupt: there.in_interrupt(),
            pinned: self.cfg.rules.pinned,
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
        (placed.rule, VcpuPc::ArmDone)
    }

    /// A7: `apic_timer_expired(from_timer_fn = false)`.
    fn arm_expired<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let direct = self.cfg.rules.direct_when_arming;
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.expired_for = vcpu.armed_for;
        let was = std::mem::replace(&mut vcpu.timer.expired_tscdeadline, vcpu.timer.tscdeadline);
        Self::report(obs, v, Field::ExpiredTscdeadline, was.as_cycles(), vcpu.timer.tscdeadline.as_cycles());
        if direct {
            return (Rule::A7, VcpuPc::Deliver(DeliverPc::Accept, false));
        }
        vcpu.timer.pending = true;
        vcpu.expired_remotely = false;
        Self::report(obs, v, Field::Pending, 0, 1);
        let was = vcpu.requests;
        vcpu.requests.make(Request::Unblock);
        Self::report(obs, v, Field::Requests, u64::from(was.bits()), u64::from(vcpu.requests.bits()));
        (Rule::A7, VcpuPc::ArmDone)
    }

    /// A8: the fastpath syncs PIR at once; the slow path goes round `vcpu_run`.
    fn arm_done(&mut self, v: VcpuId) -> (Rule, VcpuPc) {
        let next = if self.vcpus[v.index()].fast { VcpuPc::SyncOn } else { self.before_entry(v) };
        (Rule::A8, next)
    }

    /// Where the slow path goes before it enters: through the pending timer, if there is one.
    fn before_entry(&mut self, v: VcpuId) -> VcpuPc {
        let vcpu = &self.vcpus[v.index()];
        if vcpu.requests.pending() || vcpu.timer.pending { VcpuPc::RunLoop } else { VcpuPc::EnterMode }
    }

    /// P2.
    fn exited<O: Observer>(&mut self, v: VcpuId, vector: Option<Vector>, obs: &mut O) -> (Rule, VcpuPc) {
        self.set_mode_outside(v, obs);
        self.vcpus[v.index()].fast = false;
        let next = match vector {
            Some(vector) => VcpuPc::HandleIrq(vector),
            None => self.exit_handled(v),
        };
        (Rule::P2, next)
    }

    /// After the interrupts-off part of an exit: another exit's handler, or the way back.
    fn exit_handled(&mut self, v: VcpuId) -> VcpuPc {
        let guest = &mut self.vcpus[v.index()].guest;
        let interrupt = guest.other_interrupt;
        let handling = |x: OtherExits| {
            let own = x.interrupts.filter(|_| interrupt).map_or(x.handling_ns, |i| i.handling_ns);
            self.now.plus(Ns::from_ns(own))
        };
        if std::mem::take(&mut guest.other_exit_taken)
            && let Some(until) = self.cfg.other_exits.map(handling)
        {
            return VcpuPc::OtherExit(until);
        }
        self.before_entry(v)
    }

    /// P2b, or I3 for the reschedule vector: the handler runs before interrupts are enabled again.
    fn handle_irq<O: Observer>(&mut self, v: VcpuId, vector: Vector, _: &mut O) -> (Rule, VcpuPc) {
        let cpu = self.vcpus[v.index()].cpu;
        if vector == Vector::LOCAL_TIMER {
            let c = &mut self.cpus[cpu.index()];
            c.base.interrupt_begins();
            c.irq = Some(IrqPc::RunTimers(false));
            // Whether the callback leaves something pending is known when it returns: vcpu_run looks then.
            return (Rule::P2b, VcpuPc::RunLoop);
        }
        (Rule::I3, self.before_entry(v))
    }

    /// P5, D4: `vcpu_run`'s tail.
    fn run_loop<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let vcpu = &mut self.vcpus[v.index()];
        let rule = if vcpu.expired_remotely { Rule::D4 } else { Rule::P5 };
        vcpu.expired_remotely = false;
        let was = vcpu.requests;
        vcpu.requests.clear(Request::Unblock);
        Self::report(obs, v, Field::Requests, u64::from(was.bits()), u64::from(vcpu.requests.bits()));
        // apic_has_pending_timer: a masked entry stays pending until it is unmasked (B24).
        let inject = vcpu.timer.pending && !vcpu.lvtt.masked();
        (rule, if inject { VcpuPc::Deliver(DeliverPc::Accept, true) } else { VcpuPc::EnterMode })
    }

    /// P6: mode first, then a full barrier, then PIR.
    fn enter_mode<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let vcpu = &mut self.vcpus[v.index()];
        let was = vcpu.mode.get() as u64;
        vcpu.mode.store_in_guest();
        Self::report(obs, v, Field::Mode, was, 1);
        (Rule::P6, VcpuPc::SyncOn)
    }

    /// P6b: `sync_pir_to_irr`, ON first.
    fn sync_on<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let was = self.vcpus[v.index()].pi.test_and_clear_on();
        Self::report(obs, v, Field::On, u64::from(was), 0);
        (Rule::P6b, if was { VcpuPc::SyncPir } else { VcpuPc::EnterCheck })
    }

    /// P6c.
    fn sync_pir<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        self.drain_pir(v, obs);
        (Rule::P6c, VcpuPc::EnterCheck)
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
        let vcpu = &mut self.vcpus[v.index()];
        if vcpu.requests.pending() || !vcpu.mode.is_in_guest() {
            if vcpu.fast {
                // EXIT_FASTPATH_EXIT_HANDLED: the loop is left, mode follows.
                return (Rule::D3, VcpuPc::Exited(None));
            }
            self.set_mode_outside(v, obs);
            return (Rule::D3, VcpuPc::RunLoop);
        }
        let wait = vcpu.timer.owes_wait() && vcpu.vapic.virr().contains(vcpu.lvtt.vector());
        (Rule::P6d, if wait { VcpuPc::Wait } else { VcpuPc::Enter })
    }

    /// P8: VM entry evaluates pending virtual interrupts; it does not process posted ones.
    fn enter<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.fast = false;
        vcpu.vapic.evaluate_at_entry();
        obs.effect(Effect::Enter { vcpu: v, cpu: vcpu.cpu });
        (Rule::P8, VcpuPc::InGuest)
    }
}
