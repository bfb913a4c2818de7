//! What must hold after every step of a correct scenario.
//!
//! Numbers are those under which the documentation lists them. What they leave out: fairness (that a delivering state is
//! reached at all) is for the tests that run to the end.

use super::deliver::{DeliverPc, Thread};
use super::irq::IrqPc;
use super::state::{PiStage, VcpuPc};
use super::{Ipi, Machine, Vcpu};
use crate::host::TimerId;
use crate::kvm::{Fault, Mode, Request, Vendor};
use crate::lapic::{ADVANCE_NS_MAX, TimerMode};
use crate::units::{CpuId, Ns, VcpuId, Vector};
use serde::Serialize;
use std::hash::Hasher;
use thiserror::Error;

/// An invariant that does not hold: a bug of the model, or of the rules that a scenario mixes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Violation {
    /// 1: the guest runs, an interrupt waits in PIR, and nothing will ever make the processor look.
    #[error("vCPU {0}: PIR is not empty in guest mode, ON is 0 and nobody is about to set it: the interrupt is lost")]
    Lost(VcpuId),
    /// 2: the guest runs, a notification is said to be outstanding, and there is none.
    #[error("vCPU {0}: ON is 1 in guest mode, but no notification is on its way: later posts are not notified either")]
    OnWithoutNotification(VcpuId),
    /// 3: an expiry is pending and nobody was asked to look.
    #[error("vCPU {0}: an expiry is pending without a request: the vCPU may never look")]
    PendingWithoutRequest(VcpuId),
    /// 4: the preemption timer keeps the deadline, and so does an hrtimer, or the expiry may be posted.
    #[error("vCPU {0}: the preemption timer is in use while an hrtimer is queued, or while posting is configured")]
    TwoTimers(VcpuId),
    /// 1 again: the thread sleeps, and something waits for it that nobody is about to wake it for.
    #[error("vCPU {0}: its thread sleeps while an interrupt, a pending timer or a request waits for it")]
    Asleep(VcpuId),
    /// 1 again: the thread sleeps, its descriptor holds an interrupt, and nothing will ever make it look.
    #[error("vCPU {0}: its thread sleeps, PIR is not empty and ON is 0: the interrupt is lost")]
    LostAsleep(VcpuId),
    /// 1 again, for hardware that posts: SN, NV or NDST is not what reaches the vCPU where it is.
    #[error("vCPU {0}: SN, NV or NDST in its descriptor would keep a device's notification from it")]
    Descriptor(VcpuId),
    /// NV is the wake-up vector and the vCPU is on no list, or the other way round, or on two, or on another CPU's than NDST.
    #[error("vCPU {0}: it is not on the wake-up list that its descriptor's NV and NDST speak of")]
    WakeupList(VcpuId),
    /// 8: `vcpu->mode` does not fit to where the vCPU is.
    #[error("vCPU {0}: vcpu->mode does not fit to where its thread is")]
    Mode(VcpuId),
    /// 6: a deadline that is owed a wait outlived more than one expiry.
    #[error("vCPU {0}: an old deadline is still owed a wait after two more expiries")]
    StaleWait(VcpuId),
    /// 10: one arming was delivered twice, or more handlers started than there were arms.
    #[error("vCPU {0}: a deadline or a one-shot count was delivered more than once")]
    Twice(VcpuId),
    /// AVIC: the guest runs, and the physical APIC ID table says that it does not.
    #[error("vCPU {0}: IsRunning is 0 in guest mode: senders of IPIs would not ring its doorbell")]
    IsRunning(VcpuId),
    /// 5: RVI is not the highest requested vector in guest mode.
    #[error("vCPU {0}: RVI is not the highest vector of VIRR")]
    Rvi(VcpuId),
    /// 7: a timer is queued twice, or elsewhere than KVM believes.
    #[error("vCPU {0}: its timer is queued {1} times, or not where it is believed to be")]
    Queued(VcpuId, usize),
    /// 9: a busy-wait is longer than the kernel's cap.
    #[error("CPU {0}: the busy-wait exceeds the cap of the timer advance")]
    Wait(CpuId),
}

/// What only the invariants ask for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub(super) struct Audit {
    /// Deliveries of LVTT since the guest armed its timer.
    pub(super) deliveries: u8,
    /// Expiries that a deadline survived which is owed a wait.
    pub(super) survived: u8,
}

impl Audit {
    /// More than two of either break an invariant as two do ([`Machine::feed`]).
    pub(super) fn feed<H: Hasher>(self, h: &mut H) {
        let Self { deliveries, survived } = self;
        h.write_u8(deliveries.min(2) | survived.min(2) << 4);
    }

    pub(super) fn armed(&mut self) {
        self.deliveries = 0;
    }

    pub(super) fn delivered(&mut self) {
        self.deliveries = self.deliveries.saturating_add(1);
    }

    /// An expiry; whether an older deadline is owed a wait still, and whether this one takes its place.
    pub(super) fn expired(&mut self, owed: bool, records: bool) {
        self.survived = if owed && !records { self.survived.saturating_add(1) } else { 0 };
    }
}

impl Machine {
    /// Checks every invariant.
    ///
    /// # Errors
    /// The first one that does not hold.
    pub fn check_invariants(&self) -> Result<(), Violation> {
        for (i, vcpu) in self.vcpus.iter().enumerate() {
            self.check_vcpu(VcpuId(i as u16), vcpu)?;
        }
        let cap = Ns::from_ns(u64::from(ADVANCE_NS_MAX));
        match self.cpus.iter().position(|c| c.not_before.minus(self.now) > cap) {
            Some(i) => Err(Violation::Wait(CpuId(i as u16))),
            None => Ok(()),
        }
    }

    fn check_vcpu(&self, v: VcpuId, vcpu: &Vcpu) -> Result<(), Violation> {
        if vcpu.in_guest() {
            let stage = self.cpus[vcpu.cpu.index()].pi_stage;
            let on_to_come = self.poster_at(v, DeliverPc::On);
            if !vcpu.pi.pir().is_empty() && !vcpu.pi.on() && stage != Some(PiStage::Drain) && !on_to_come {
                return Err(Violation::Lost(v));
            }
            let turned = self.cfg.faults.has(Fault::OnBeforePir) && self.poster_at(v, DeliverPc::Pir);
            let noticed = stage == Some(PiStage::ClearOn) || self.poster_at(v, DeliverPc::Trigger) || turned;
            if vcpu.pi.on() && !noticed && !self.notified(vcpu) {
                return Err(Violation::OnWithoutNotification(v));
            }
            if self.is_lost_without_pir(v, vcpu) {
                return Err(Violation::Lost(v));
            }
            if self.cfg.apicv && self.cfg.vendor == Vendor::Svm && !vcpu.is_running {
                return Err(Violation::IsRunning(v));
            }
            if vcpu.vapic.rvi() != vcpu.vapic.virr().highest().map_or(0, Vector::number) {
                return Err(Violation::Rvi(v));
            }
        }
        let being_injected = matches!(vcpu.pc, VcpuPc::Deliver(_, Thread::Pending));
        let about_to_ask = self.cpus.iter().any(|c| c.irq == Some(IrqPc::Request(v)));
        let asked = vcpu.requests.pending() || being_injected || about_to_ask;
        if vcpu.timer.pending && !asked && !vcpu.lvtt.masked() {
            return Err(Violation::PendingWithoutRequest(v));
        }
        if vcpu.timer.hv_timer_in_use && (vcpu.queued_on.is_some() || self.cfg.can_post) {
            return Err(Violation::TwoTimers(v));
        }
        if (vcpu.in_guest() || vcpu.fast) == (self.mode_seen(vcpu.cpu, v) == Mode::Outside)
            && (vcpu.in_guest() || vcpu.asleep())
        {
            return Err(Violation::Mode(v));
        }
        if vcpu.asleep() && !self.is_woken(v, vcpu) {
            return Err(Violation::Asleep(v));
        }
        self.check_descriptor(v, vcpu)?;
        let twice = vcpu.audit.deliveries > 1 || vcpu.guest.handled() > vcpu.guest.arms_made();
        if self.cfg.mode != TimerMode::Periodic && twice {
            return Err(Violation::Twice(v));
        }
        if vcpu.audit.survived > 1 {
            return Err(Violation::StaleWait(v));
        }
        let timer = TimerId::Lapic(v);
        let on = self.cpus.iter().flat_map(|c| c.base.queue()).filter(|(_, t)| *t == timer).count();
        let believed = self.timer_queued(v).is_some();
        if on > 1 || (on == 1) != believed {
            return Err(Violation::Queued(v, on));
        }
        Ok(())
    }

    /// What only matters where hardware posts. Between the steps of `machine/pi.rs` the fields change one by one.
    fn check_descriptor(&self, v: VcpuId, vcpu: &Vcpu) -> Result<(), Violation> {
        if !self.hardware_posts() || matches!(vcpu.pc, VcpuPc::Pi(_)) {
            return Ok(());
        }
        let (pi, listed) = (&vcpu.pi, self.listed_on(v));
        let waits = pi.nv() == Vector::POSTED_INTR_WAKEUP;
        let lists =
            self.cpus.iter().enumerate().filter(|(i, _)| self.wakeup_list(CpuId(*i as u16)).contains(&v)).count();
        // A vCPU that was preempted on its way to sleep is looked for by the scheduler, not by a notification.
        let away = pi.sn();
        if lists > 1 || waits != listed.is_some() || waits && !away && listed != Some(pi.ndst()) {
            return Err(Violation::WakeupList(v));
        }
        let reached = match () {
            () if vcpu.in_guest() => !pi.sn() && pi.nv() == Vector::POSTED_INTR && pi.ndst() == vcpu.cpu,
            () if vcpu.asleep() && vcpu.guest.interrupts_on => !pi.sn() && waits,
            () => true,
        };
        if !reached {
            return Err(Violation::Descriptor(v));
        }
        // A runnable thread looks for itself; one that sleeps has to be told.
        let runs = self.cpus[vcpu.home.index()].runnable || vcpu.blocking.woken;
        if vcpu.asleep() && !runs && !pi.pir().is_empty() && !pi.on() && !self.poster_at(v, DeliverPc::On) {
            return Err(Violation::LostAsleep(v));
        }
        Ok(())
    }

    /// Without PIR and ON it is IRR that must not be forgotten: on AMD the doorbell brings it in, without APICv the entry or
    /// the interrupt window.
    fn is_lost_without_pir(&self, v: VcpuId, vcpu: &Vcpu) -> bool {
        let waits = vcpu.vapic.has_interrupt();
        match (self.cfg.userspace, self.cfg.apicv, self.cfg.vendor) {
            (true, ..) | (_, true, Vendor::Vmx) => false,
            (_, true, Vendor::Svm) => {
                let cpu = &self.cpus[vcpu.cpu.index()];
                let rings = cpu.inbound.iter().any(|m| m.vector.is_none()) || self.poster_at(v, DeliverPc::Doorbell);
                waits && !vcpu.vapic.recognised() && !rings
            }
            (_, false, _) => waits && !vcpu.window,
        }
    }

    /// Whether a sleeping thread has nothing to wake up for, or somebody is about to wake it.
    fn is_woken(&self, v: VcpuId, vcpu: &Vcpu) -> bool {
        let about_to = |pc: Option<IrqPc>| match pc {
            Some(
                IrqPc::Kick(w)
                | IrqPc::Pend(w)
                | IrqPc::Request(w)
                | IrqPc::Deliver(w, _)
                | IrqPc::UsePosted(w)
                | IrqPc::Wait(w),
            ) => w == v,
            _ => false,
        };
        let waits = vcpu.timer.pending && !vcpu.lvtt.masked() || vcpu.requests.has(Request::Unblock) || vcpu.pi.on();
        !waits
            || self.cpus[vcpu.home.index()].runnable
            || self.cpus.iter().any(|c| about_to(c.irq))
            || self.listed_on(v).is_some_and(|cpu| self.wakes_from(cpu, v))
    }

    /// Whether the wake-up list of a CPU will be, or is being, walked as far as this vCPU.
    fn wakes_from(&self, cpu: CpuId, v: VcpuId) -> bool {
        let wakeup = Vector::POSTED_INTR_WAKEUP;
        let c = &self.cpus[cpu.index()];
        let list = self.wakeup_list(cpu);
        let place = |w: VcpuId| list.iter().position(|x| *x == w);
        let walks = match c.irq {
            Some(IrqPc::WakeLock) => true,
            Some(IrqPc::WakeTest(w) | IrqPc::WakeUp(w)) => place(w) <= place(v),
            _ => false,
        };
        let sending = self.vtd.sending.is_some_and(|(vector, to, _)| (vector, to) == (wakeup, cpu));
        walks || sending || c.irr.holds(wakeup) || c.inbound.iter().any(|m| m.vector == Some(wakeup))
    }

    /// Whether some CPU's timer callback stands at this point of a delivery to the vCPU.
    fn poster_at(&self, v: VcpuId, pc: DeliverPc) -> bool {
        self.cpus.iter().any(|c| c.irq == Some(IrqPc::Deliver(v, pc)))
    }

    /// Whether a notification for the vCPU is in flight to, or latched on, the CPU that it runs on.
    fn notified(&self, vcpu: &Vcpu) -> bool {
        let cpu = &self.cpus[vcpu.cpu.index()];
        let sending = self.vtd.sending.is_some_and(|(v, to, _)| (v, to) == (Vector::POSTED_INTR, vcpu.cpu));
        let arrives = |ipi: &Ipi| ipi.vector == Some(Vector::POSTED_INTR);
        sending || cpu.irr.holds(Vector::POSTED_INTR) || cpu.inbound.iter().any(arrives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Config;
    use crate::scenario::{PathKind, preset};

    /// A machine at its start, with something wrong.
    #[track_caller]
    fn check(path: PathKind, wrong: impl FnOnce(&mut Vcpu), expect: Option<Violation>) {
        let scenario = preset("pinned-vs-offloaded").expect("ships");
        let mut machine = Machine::new(Config::new(&scenario, path));
        wrong(&mut machine.vcpus[0]);
        assert_eq!(machine.check_invariants().err(), expect);
    }

    const V: VcpuId = VcpuId(0);

    #[test]
    fn what_is_wrong_is_found() {
        check(PathKind::Posted, |_| (), None);
        check(PathKind::Posted, |v| v.audit.delivered(), None);
        let twice = |v: &mut Vcpu| {
            v.audit.delivered();
            v.audit.delivered();
        };
        check(PathKind::Posted, twice, Some(Violation::Twice(V)));
        let armed_between = |v: &mut Vcpu| {
            v.audit.delivered();
            v.audit.armed();
            v.audit.delivered();
        };
        check(PathKind::Posted, armed_between, None);
        let survived = |v: &mut Vcpu| {
            v.audit.expired(true, false);
            v.audit.expired(true, false);
        };
        check(PathKind::Pinned, survived, Some(Violation::StaleWait(V)));
        let replaced = |v: &mut Vcpu| {
            v.audit.expired(true, false);
            v.audit.expired(true, true);
            v.audit.expired(true, false);
        };
        check(PathKind::Pinned, replaced, None);
        check(PathKind::Avic, |v| v.is_running = false, Some(Violation::IsRunning(V)));
        check(PathKind::Posted, |v| v.is_running = false, None);
        check(PathKind::Posted, |v| v.timer.pending = true, Some(Violation::PendingWithoutRequest(V)));
    }
}
