//! The VMX preemption timer (`vmx_set_hv_timer`, `vmx_update_hv_timer`, `kvm_lapic_expired_hv_timer`).
//!
//! It counts down in non-root operation only, once per 2^5 TSC cycles. Left out: the spurious exit 2^37 cycles after an
//! entry with the timer soft-disabled, TSC scaling, and the immediate exit that KVM forces with it for nested guests.

use super::Machine;
use super::deliver::{DeliverPc, Thread};
use super::state::{ArmingFor, VcpuPc};
use crate::cost::CostKind;
use crate::effect::{Effect, Field, Observer};
use crate::host::TimerId;
use crate::kvm::{Fault, Switch};
use crate::lapic::{Expiry, Start, TimerMode};
use crate::rule::Rule;
use crate::units::{Ns, Tsc, VcpuId};
use crate::vmx::PREEMPTION_TIMER_RATE;
use serde::Serialize;

/// Where the thread stands in what it does about the preemption timer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum HvPc {
    /// PREEMPTION_TIMER exited: which handler?
    Dispatch,
    /// `kvm_lapic_expired_hv_timer`.
    Expired,
    /// `cancel_hv_timer`; `true` while arming.
    Cancel(bool),
    /// `vmx_update_hv_timer`, before entry.
    Update,
    /// `kvm_lapic_switch_to_sw_timer`.
    ToSoftware,
    /// `kvm_lapic_switch_to_hv_timer`.
    ToHardware,
}

impl HvPc {
    pub(super) const fn interrupts_on(self, fast: bool) -> bool {
        match self {
            Self::Dispatch | Self::Update => false,
            Self::Expired | Self::Cancel(_) => !fast,
            Self::ToSoftware | Self::ToHardware => true,
        }
    }

    pub(super) const fn next(self) -> (Rule, CostKind) {
        match self {
            Self::Dispatch => (Rule::Hv3, CostKind::VmExit),
            Self::Expired => (Rule::Hv4, CostKind::KvmStep),
            Self::Cancel(_) => (Rule::Hv5, CostKind::KvmStep),
            Self::Update => (Rule::Hv1, CostKind::KvmStep),
            Self::ToSoftware => (Rule::Hv6, CostKind::KvmStep),
            Self::ToHardware => (Rule::Hv7, CostKind::KvmStep),
        }
    }
}

impl Machine {
    pub(super) fn step_hv<O: Observer>(&mut self, v: VcpuId, pc: HvPc, obs: &mut O) -> (Rule, VcpuPc) {
        let next = match pc {
            HvPc::Dispatch => {
                let fast = self.cfg.rules.has(Switch::HvFastpath);
                self.vcpus[v.index()].fast = fast;
                if !fast {
                    self.set_mode_outside(v, obs);
                }
                let first = if self.cancels_last() { HvPc::Expired } else { HvPc::Cancel(false) };
                VcpuPc::Hv(first)
            }
            HvPc::Expired => self.expired_hv_timer(v, obs),
            HvPc::Cancel(arming) => {
                self.cancel_hv_timer(v, obs);
                match (arming, self.cancels_last()) {
                    (true, _) => self.armed(v),
                    (false, true) => self.hv_expiry_handled(v, obs),
                    (false, false) => VcpuPc::Hv(HvPc::Expired),
                }
            }
            HvPc::Update => {
                let now = self.cfg.khz.tsc_at(self.now).as_cycles();
                let vcpu = &mut self.vcpus[v.index()];
                vcpu.hv_count = vcpu.hv_deadline.as_cycles().saturating_sub(now) >> PREEMPTION_TIMER_RATE;
                obs.effect(Effect::PreemptionTimerLoaded { vcpu: v, count: vcpu.hv_count });
                self.entry_wait(v)
            }
            HvPc::ToSoftware => {
                self.cancel_hv_timer(v, obs);
                self.vcpus[v.index()].arming_for = ArmingFor::Block;
                VcpuPc::ArmSw
            }
            HvPc::ToHardware => {
                // restart_apic_timer: an expiry that waits to be injected is left alone.
                let timer = &self.vcpus[v.index()].timer;
                let waits = timer.pending && timer.mode != TimerMode::Periodic;
                let nothing = waits || timer.tscdeadline == Tsc::ZERO;
                self.vcpus[v.index()].arming_for = ArmingFor::Unblock;
                if nothing { self.armed(v) } else { VcpuPc::ArmHv }
            }
        };
        (pc.next().0, next)
    }

    /// A6h: `start_hv_timer`, and `vmx_set_hv_timer` in it.
    pub(super) fn arm_hv<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> (Rule, VcpuPc) {
        let (at, backs) = (self.instant(), self.cfg.hv_timer);
        let vcpu = &mut self.vcpus[v.index()];
        let before = vcpu.timer.clone();
        let start = vcpu.timer.start(backs, at);
        let advance = self.cfg.khz.tsc_at(Ns::from_ns(u64::from(vcpu.timer.timer_advance_ns))).as_cycles();
        let ahead = vcpu.timer.tscdeadline.as_cycles().saturating_sub(at.guest.as_cycles());
        vcpu.hv_deadline = Tsc::from_cycles(at.guest.as_cycles() + ahead.saturating_sub(advance));
        self.report_timer(v, &before, obs);
        let taken = matches!(start, Start::Hv | Start::HvExpired);
        let next = match start {
            Start::Hv => {
                self.cancel_hrtimer(v, obs);
                self.armed(v)
            }
            Start::HvExpired => {
                self.cancel_hrtimer(v, obs);
                VcpuPc::ArmExpired
            }
            // An expiry that waits to be injected is left alone.
            Start::Nothing => self.armed(v),
            // -ERANGE, or a mode that the kernel does not give to the preemption timer.
            Start::Hrtimer(_) | Start::Expired => VcpuPc::ArmSw,
        };
        (if taken { Rule::A6h } else { Rule::A6e }, next)
    }

    fn cancel_hv_timer<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let timer = &mut self.vcpus[v.index()].timer;
        let was = timer.hv_timer_in_use;
        timer.stop_hv();
        Self::report(obs, v, Field::HvTimerInUse, u64::from(was), 0);
    }

    /// Hv4: `apic_timer_expired(from_timer_fn = false)`.
    fn expired_hv_timer<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> VcpuPc {
        let owed = self.vcpus[v.index()].timer.expired_tscdeadline;
        let expiry = self.expired_here(v, obs);
        if self.cfg.faults.has(Fault::B15) {
            self.vcpus[v.index()].timer.expired_tscdeadline = owed;
        }
        match expiry {
            Expiry::Deliver => VcpuPc::Deliver(DeliverPc::Accept, Thread::Hv),
            Expiry::Pend if self.kicks_itself() => VcpuPc::KickSelf(Thread::Hv),
            Expiry::Pend | Expiry::Coalesced => self.hv_expired(v, obs),
        }
    }

    /// `kvm_lapic_expired_hv_timer` gives the preemption timer up last, or, before 5.13, first (B14).
    fn cancels_last(&self) -> bool {
        self.cfg.rules.has(Switch::HvWaitsInAllModes)
    }

    /// `apic_timer_expired` has returned to `kvm_lapic_expired_hv_timer`.
    pub(super) fn hv_expired<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> VcpuPc {
        if self.cancels_last() { VcpuPc::Hv(HvPc::Cancel(false)) } else { self.hv_expiry_handled(v, obs) }
    }

    /// A periodic timer goes on.
    fn hv_expiry_handled<O: Observer>(&mut self, v: VcpuId, obs: &mut O) -> VcpuPc {
        let timer = &self.vcpus[v.index()].timer;
        if timer.mode == TimerMode::Periodic && timer.period != Ns::ZERO {
            self.advance_periodic(v, obs);
            self.vcpus[v.index()].arming_for = ArmingFor::HvExpiry;
            return VcpuPc::ArmHv;
        }
        self.after_hv_expiry(v)
    }

    /// EXIT_FASTPATH_REENTER_GUEST, or the slow way round.
    pub(super) fn after_hv_expiry(&mut self, v: VcpuId) -> VcpuPc {
        if self.vcpus[v.index()].fast { self.sync_or_check() } else { self.before_entry(v) }
    }

    /// When the counter that is loaded for this entry reaches zero.
    pub(super) fn preemption_timer_fires(&self, v: VcpuId) -> Ns {
        let vcpu = &self.vcpus[v.index()];
        if !vcpu.timer.hv_timer_in_use {
            return Ns::NEVER;
        }
        let khz = self.cfg.khz;
        let entered = khz.tsc_at(self.now).as_cycles() >> PREEMPTION_TIMER_RATE;
        let at = Tsc::from_cycles((entered + vcpu.hv_count) << PREEMPTION_TIMER_RATE);
        // The first nanosecond at which the TSC is there.
        let ns = khz.ns_of(at);
        if khz.tsc_at(ns) < at { ns.plus(Ns::from_ns(1)) } else { ns }
    }

    /// Takes the hrtimer off its queue, if it is on one.
    pub(super) fn cancel_hrtimer<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let vcpu = &mut self.vcpus[v.index()];
        let me = vcpu.cpu;
        if let Some(cpu) = vcpu.queued_on.take() {
            let timer = TimerId::Lapic(v);
            self.cpus[cpu.index()].base.remove(timer, cpu == me);
            obs.effect(Effect::TimerCancelled { timer, cpu });
            if cpu == me {
                self.program_clock_event(cpu, obs);
            }
        }
    }

    /// Where the thread goes once its timer is armed.
    pub(super) fn armed(&mut self, v: VcpuId) -> VcpuPc {
        match self.vcpus[v.index()].arming_for {
            ArmingFor::Guest => VcpuPc::ArmDone,
            ArmingFor::Block => self.start_polling(v),
            ArmingFor::Unblock => self.after_block(v),
            ArmingFor::HvExpiry => self.after_hv_expiry(v),
            ArmingFor::Load => self.loaded(v),
            ArmingFor::Migration => self.run_or_block(v),
        }
    }
}
