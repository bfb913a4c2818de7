//! Host interrupt handlers: `hrtimer_interrupt` with the local APIC timer's callback, the host's tick, and handlers that
//! only acknowledge.
//!
//! `apic_timer_fn` is one piece of code on whatever CPU it runs. Its steps carry P-rules on the vCPU's own core, C-rules
//! on another, and D-rules where another core finds the vCPU outside guest mode.

use super::actor::Actor;
use super::deliver::{DeliverPc, Deliverer};
use super::state::Next;
use super::{Cpu, Machine, Taken};
use crate::cost::CostKind;
use crate::effect::{Effect, Field, NotSent, Observer};
use crate::host::TimerId;
use crate::kvm::{Kick, Mode, Request, Switch};
use crate::lapic::TimerMode;
use crate::rule::Rule;
use crate::units::{CpuId, Ns, Tsc, VcpuId, Vector};
use serde::Serialize;

/// Where a CPU's interrupt handler stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum IrqPc {
    /// `hrtimer_interrupt` looks for the next timer that is due; `true` once one was.
    RunTimers(bool),
    /// `kvm_use_posted_timer_interrupt`.
    UsePosted(VcpuId),
    /// `__kvm_wait_lapic_expire`.
    Wait(VcpuId),
    /// From LVTT to PIR, ON and the notification.
    Deliver(VcpuId, DeliverPc),
    /// `pending := 1`.
    Pend(VcpuId),
    /// `KVM_REQ_UNBLOCK`.
    Request(VcpuId),
    /// `kvm_vcpu_kick`; before 5.3 `swake_up` alone.
    Kick(VcpuId),
    /// The callback returns.
    Return(VcpuId),
    /// `pi_wakeup_handler` takes its list's lock.
    WakeLock,
    /// It looks at a vCPU's ON.
    WakeTest(VcpuId),
    /// It wakes a vCPU.
    WakeUp(VcpuId),
    /// It lets the lock go, and returns.
    WakeUnlock,
}

impl Machine {
    fn is_local(&self, cpu: CpuId, v: VcpuId) -> bool {
        self.vcpus[v.index()].cpu == cpu
    }

    /// `None` if no handler runs on this CPU.
    #[expect(clippy::inline_always, reason = "a step is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    pub(super) fn next_irq_handler(&self, cpu: CpuId, c: &Cpu) -> Option<Next> {
        let (rule, cost) = self.irq_rule(cpu, c)?;
        Some(self.kvm_step(rule, cost).not_before(c.not_before))
    }

    /// The rule that a handler follows at this point, and what it costs.
    #[expect(clippy::inline_always, reason = "a step is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    fn irq_rule(&self, cpu: CpuId, c: &Cpu) -> Option<(Rule, CostKind)> {
        // Matched in place: a copy of these four bytes would be read whole before its parts have all been written.
        Some(match *c.irq.as_ref()? {
            IrqPc::RunTimers(ran) => match c.base.queue().first() {
                Some((at, TimerId::Tick(_))) if *at <= self.now => (Rule::T1, CostKind::TickWork),
                Some((at, TimerId::IoThread(_))) if *at <= self.now => (Rule::U5, CostKind::TimerCallback),
                Some((at, TimerId::Lapic(v))) if *at <= self.now => {
                    (if self.is_local(cpu, *v) { Rule::P3 } else { Rule::C4 }, CostKind::TimerCallback)
                }
                _ => (if ran { Rule::T2 } else { Rule::T3 }, CostKind::TimerReturn),
            },
            IrqPc::UsePosted(_) => (Rule::C5, CostKind::Atomic),
            IrqPc::Wait(_) => (Rule::C6, CostKind::KvmStep),
            IrqPc::Deliver(_, step) => (step.rule(false), step.cost()),
            IrqPc::Pend(v) => (if self.is_local(cpu, v) { Rule::P3b } else { Rule::D1 }, CostKind::Atomic),
            IrqPc::Request(v) => (if self.is_local(cpu, v) { Rule::P3d } else { Rule::D1b }, CostKind::Atomic),
            IrqPc::Kick(v) if self.can_be_woken(v) || !self.cfg.rules.has(Switch::Kick) => (Rule::E6, CostKind::Atomic),
            IrqPc::Kick(v) => (if self.is_local(cpu, v) { Rule::P3c } else { Rule::D2 }, CostKind::Atomic),
            IrqPc::Return(v) => (if self.is_local(cpu, v) { Rule::P4 } else { Rule::C11 }, CostKind::KvmStep),
            IrqPc::WakeLock => (Rule::W5, CostKind::Atomic),
            IrqPc::WakeTest(_) => (Rule::W6, CostKind::Atomic),
            IrqPc::WakeUp(_) => (Rule::W7, CostKind::Atomic),
            IrqPc::WakeUnlock => (Rule::W8, CostKind::Atomic),
        })
    }

    /// One step of the handler that runs on this CPU, if one does.
    #[expect(clippy::inline_always, reason = "a run of steps is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    pub(super) fn step_irq_handler<O: Observer>(&mut self, cpu: CpuId, obs: &mut O) -> Option<Taken> {
        let c = &self.cpus[cpu.index()];
        let (rule, _) = self.irq_rule(cpu, c)?;
        let (next, vcpu) = match *c.irq.as_ref()? {
            IrqPc::RunTimers(_) => match self.cpus[cpu.index()].base.pop_due(self.now) {
                Some((at, TimerId::Tick(_))) => (Some(self.tick(cpu, at, obs)), None),
                Some((_, TimerId::IoThread(v))) => (Some(self.io_thread_wakes(cpu, v, obs)), Some(v)),
                Some((at, TimerId::Lapic(v))) => (Some(self.timer_fn(cpu, v, at, obs)), Some(v)),
                None => {
                    self.cpus[cpu.index()].base.interrupt_ends();
                    self.program_clock_event(cpu, obs);
                    (None, None)
                }
            },
            IrqPc::UsePosted(v) => (Some(self.use_posted(cpu, v, obs)), Some(v)),
            IrqPc::Wait(v) => {
                self.wait_lapic_expire(cpu, v, obs);
                (Some(IrqPc::Deliver(v, DeliverPc::Accept)), Some(v))
            }
            IrqPc::Deliver(v, step) => {
                let next = self.step_deliver(v, step, Deliverer::Callback(cpu), obs);
                (Some(next.map_or(IrqPc::Return(v), |step| IrqPc::Deliver(v, step))), Some(v))
            }
            IrqPc::Pend(v) => (Some(self.pend(cpu, v, obs)), Some(v)),
            IrqPc::Request(v) => (Some(self.request_unblock(v, obs)), Some(v)),
            IrqPc::Kick(v) => {
                if self.cfg.rules.has(Switch::Kick) {
                    self.kick(cpu, v, obs);
                } else {
                    self.wake_up(v, obs);
                }
                (Some(IrqPc::Return(v)), Some(v))
            }
            IrqPc::Return(v) => {
                self.callback_returns(cpu, v, obs);
                let vcpu = &mut self.vcpus[v.index()];
                vcpu.callback_on = None;
                // Whoever waits in hrtimer_cancel for this callback goes on (R8).
                if vcpu.pc.cancels() {
                    let waits = Actor::Sw(vcpu.cpu);
                    self.touched.push(waits);
                }
                (Some(IrqPc::RunTimers(true)), Some(v))
            }
            IrqPc::WakeLock => (Some(self.wakeup_lock(cpu)), None),
            IrqPc::WakeTest(v) => (Some(self.wakeup_test(cpu, v, obs)), Some(v)),
            IrqPc::WakeUp(v) => (Some(self.wakeup_wake(cpu, v, obs)), Some(v)),
            IrqPc::WakeUnlock => {
                self.wakeup_unlock(cpu);
                (None, None)
            }
        };
        self.cpus[cpu.index()].irq = next;
        if next.is_none() {
            self.touch_latched(cpu);
        }
        Some(Taken { rule, vcpu })
    }

    /// T1: the tick's callback forwards itself.
    fn tick<O: Observer>(&mut self, cpu: CpuId, fired: Ns, obs: &mut O) -> IrqPc {
        let timer = TimerId::Tick(cpu);
        let expires = self.cfg.next_tick(cpu, self.now);
        let base = &mut self.cpus[cpu.index()].base;
        base.enqueue_local(timer, expires);
        base.callback_done();
        obs.effect(Effect::TimerFired { timer, cpu, expires: fired });
        obs.effect(Effect::TimerQueued { timer, cpu, expires, rule: Rule::R0 });
        IrqPc::RunTimers(true)
    }

    /// C4, P3: `apic_timer_fn` calls `apic_timer_expired(from_timer_fn = true)`.
    fn timer_fn<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, expires: Ns, obs: &mut O) -> IrqPc {
        let (can_post, rules) = (self.cfg.can_post, self.cfg.rules);
        let pending = self.pending_seen(cpu, v);
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.queued_on = None;
        vcpu.callback_on = Some(cpu);
        // Whoever is about to cancel the timer waits from now on (R8).
        if vcpu.pc.cancels() {
            let waits = Actor::Sw(vcpu.cpu);
            self.touched.push(waits);
        }
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.expired_for = vcpu.armed_for;
        obs.effect(Effect::TimerFired { timer: TimerId::Lapic(v), cpu, expires });
        let owed = vcpu.timer.owes_wait();
        if pending && (!can_post || rules.has(Switch::PostingChecksPending)) {
            obs.effect(Effect::Dropped { vcpu: v });
            return IrqPc::Return(v);
        }
        let records =
            vcpu.timer.mode == TimerMode::TscDeadline && (!can_post || rules.has(Switch::WaitReadsNewDeadline));
        vcpu.audit.expired(owed, records);
        if records {
            let was = std::mem::replace(&mut vcpu.timer.expired_tscdeadline, vcpu.timer.tscdeadline);
            Self::report(obs, v, Field::ExpiredTscdeadline, was.as_cycles(), vcpu.timer.tscdeadline.as_cycles());
        }
        match (can_post, rules.has(Switch::PostingReadsMode)) {
            (false, _) => IrqPc::Pend(v),
            (true, true) => IrqPc::UsePosted(v),
            // The series up to v5 looks at nothing else.
            (true, false) => self.post(v),
        }
    }

    /// C11, P4: a periodic timer goes on with its next target, on the queue of the CPU that ran it (R6).
    fn callback_returns<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, obs: &mut O) {
        let timer = &self.vcpus[v.index()].timer;
        if timer.mode == TimerMode::Periodic && timer.period != Ns::ZERO {
            let expires = self.advance_periodic(v, obs);
            let timer = TimerId::Lapic(v);
            // __run_hrtimer: not if somebody has started it meanwhile.
            if self.vcpus[v.index()].queued_on.is_none() {
                self.vcpus[v.index()].queued_on = Some(cpu);
                self.cpus[cpu.index()].base.enqueue_local(timer, expires);
                obs.effect(Effect::TimerQueued { timer, cpu, expires, rule: Rule::R6 });
            }
        }
        self.cpus[cpu.index()].base.callback_done();
    }

    /// Whether the poster waits for the deadline first.
    fn post(&self, v: VcpuId) -> IrqPc {
        let (vcpu, rules) = (&self.vcpus[v.index()], self.cfg.rules);
        let tests_irr = rules.has(Switch::WaitTestsIrr) && !vcpu.vapic.virr().contains(vcpu.lvtt.vector());
        if vcpu.timer.owes_wait() && rules.has(Switch::PostingWaits) && !tests_irr {
            IrqPc::Wait(v)
        } else {
            IrqPc::Deliver(v, DeliverPc::Accept)
        }
    }

    /// C5: the dynamic half of the decision to post.
    fn use_posted<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, obs: &mut O) -> IrqPc {
        let mode = self.mode_seen(cpu, v);
        obs.effect(Effect::ModeRead { vcpu: v, mode: mode as u64 });
        if mode == Mode::InGuest { self.post(v) } else { IrqPc::Pend(v) }
    }

    /// D1, P3b: leaves the expiry to the vCPU's thread.
    fn pend<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, obs: &mut O) -> IrqPc {
        let vcpu = &mut self.vcpus[v.index()];
        vcpu.expired_remotely = vcpu.cpu != cpu;
        vcpu.timer.pending = true;
        Self::report(obs, v, Field::Pending, 0, 1);
        self.touch_poller(v);
        IrqPc::Request(v)
    }

    /// D1b, P3d: asks the thread to look. A thread that sleeps was always woken; the kick came with 5.3. The thread clears
    /// the request and reads `pending` in one step (P5): if it came between these two, it could only do what it does if
    /// it comes between D1 and D1b, that is, go round once more for nothing.
    fn request_unblock<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> IrqPc {
        let kick = self.cfg.rules.has(Switch::Kick);
        self.make_request(v, Request::Unblock, obs);
        self.touch_poller(v);
        // Before the kick a sleeping vCPU was woken all the same (swake_up).
        if kick || self.can_be_woken(v) { IrqPc::Kick(v) } else { IrqPc::Return(v) }
    }

    /// D2, P3c: `kvm_vcpu_kick`.
    pub(super) fn kick<O: Observer>(&mut self, from: CpuId, v: VcpuId, obs: &mut O) {
        if self.wake_up(v, obs) {
            return;
        }
        let vcpu = &mut self.vcpus[v.index()];
        let to = vcpu.cpu;
        obs.effect(Effect::ModeRead { vcpu: v, mode: vcpu.mode.get() as u64 });
        match vcpu.mode.exiting_guest_mode() {
            Kick::WasInGuest => {
                Self::report(obs, v, Field::Mode, 1, 2);
                if from != to {
                    self.send_ipi(Vector::RESCHEDULE, from, to, v, obs);
                }
            }
            Kick::NotInGuest(_) if from != to => {
                let why = NotSent::OutsideGuestMode;
                obs.effect(Effect::IpiNotSent { vector: Vector::RESCHEDULE, from, to, vcpu: v, why });
            }
            Kick::NotInGuest(_) => {}
        }
    }

    /// C6, P7: `__kvm_wait_lapic_expire` on the CPU that runs it. The wait itself is time in which the CPU's next step
    /// cannot happen.
    pub(super) fn wait_lapic_expire<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, obs: &mut O) {
        let khz = self.cfg.khz;
        let guest_tsc = khz.tsc_at(self.now);
        let timer = &mut self.vcpus[v.index()].timer;
        let deadline = std::mem::replace(&mut timer.expired_tscdeadline, Tsc::ZERO);
        let early = guest_tsc < deadline;
        let delta = Tsc::from_cycles(guest_tsc.as_cycles().abs_diff(deadline.as_cycles()));
        // The spin is bounded by the advance as the tuning leaves it, as in the kernel: it is read after.
        let advance_was = timer.timer_advance_ns;
        if self.cfg.learns {
            timer.tune_advance(early, delta, khz);
        }
        let bound = Ns::from_ns(u64::from(timer.timer_advance_ns));
        // Rounded up: the loop ends at the first TSC that is not below the deadline.
        let spin = if early { khz.ns_of(delta).plus(Ns::from_ns(1)).min(bound) } else { Ns::ZERO };
        Self::report(obs, v, Field::ExpiredTscdeadline, deadline.as_cycles(), 0);
        Self::report(obs, v, Field::TimerAdvanceNs, u64::from(advance_was), u64::from(timer.timer_advance_ns));
        obs.effect(Effect::Waited { vcpu: v, cpu, early, delta, spin });
        self.cpus[cpu.index()].not_before = self.now.plus(spin);
    }
}
