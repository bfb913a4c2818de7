//! The posted-interrupt descriptor follows a thread that is scheduled out and in, and a vCPU that blocks stands on its
//! CPU's wake-up list (`vmx_vcpu_pi_load`, `vmx_vcpu_pi_put`, `pi_enable_wakeup_handler`; before 5.17 `pi_pre_block` and
//! `pi_post_block`; `pi_wakeup_handler`). Only in a VM that hardware posts to: KVM's own posts need none of it.
//!
//! Left out: nested guests, IPI virtualization.

use super::Machine;
use super::actor::Actor;
use super::block::{BlockPc, Stage};
use super::irq::IrqPc;
use super::sched::SchedPc;
use super::state::{Next, VcpuPc};
use crate::cost::CostKind;
use crate::effect::{Effect, Field, Observer};
use crate::kvm::Switch;
use crate::rule::Rule;
use crate::units::{CpuId, VcpuId, Vector};
use serde::Serialize;

/// Where the thread stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum PiPc {
    /// On to this CPU's wake-up list.
    Join(Leaving),
    /// NV becomes the wake-up vector.
    SetWakeup(Leaving),
    /// Was ON set when NV changed?
    TestOn(Leaving, bool),
    /// `vcpu->preempted`: SN.
    SetSn,
    /// Loaded: off the wake-up list of the CPU it was on; whether the CPU is another one.
    Delist(bool),
    /// NV, NDST and SN of a vCPU that is loaded here.
    Control(bool),
    /// `pi_test_and_clear_sn`.
    ClearSn(bool),
    /// ON, if PIR is not empty.
    Rederive(bool),
    /// `pi_post_block`: NV and NDST; whether it is because nothing was blocked.
    Restore(bool),
    /// `pi_post_block`: off the list.
    Unlist(bool),
}

/// Why a vCPU goes on to a wake-up list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum Leaving {
    /// It sleeps.
    Sleeps,
    /// It was about to sleep, and is preempted.
    Preempted,
    /// It is about to block (before 5.17).
    Blocks,
}

/// A CPU's `wakeup_vcpus_on_cpu` with its lock. Only the handler holds the lock for more than one step, and it runs on the
/// list's own CPU, so that a thread of that CPU never finds it taken.
#[derive(Clone, PartialEq, Eq, Default, Hash, Debug, Serialize)]
pub(super) struct WakeupList {
    pub(super) locked: bool,
    pub(super) vcpus: Vec<VcpuId>,
}

impl PiPc {
    pub(super) const fn interrupts_on(self) -> bool {
        matches!(self, Self::ClearSn(_) | Self::Rederive(_))
    }

    const fn next(self) -> Rule {
        match self {
            Self::Join(_) => Rule::W1,
            Self::SetWakeup(_) => Rule::W2,
            Self::TestOn(..) => Rule::W3,
            Self::SetSn => Rule::W4,
            Self::Delist(_) | Self::Unlist(_) => Rule::W9,
            Self::Control(_) => Rule::W10,
            Self::ClearSn(_) => Rule::W11,
            Self::Rederive(_) => Rule::W12,
            Self::Restore(_) => Rule::W13,
        }
    }
}

impl Machine {
    /// `vmx_needs_pi_wakeup`.
    pub(super) fn hardware_posts(&self) -> bool {
        !self.cfg.devices.is_empty()
    }

    /// The CPU on whose wake-up list a vCPU is.
    pub(super) fn listed_on(&self, v: VcpuId) -> Option<CpuId> {
        self.vtd.lists.iter().position(|list| list.vcpus.contains(&v)).map(|i| CpuId(i as u16))
    }

    /// `None` while the handler on another CPU holds the list's lock.
    pub(super) fn next_pi(&self, v: VcpuId, pc: PiPc) -> Option<Next> {
        let locked = |cpu: CpuId| self.vtd.lists[cpu.index()].locked;
        let waits = matches!(pc, PiPc::Delist(_) | PiPc::Unlist(_)) && self.listed_on(v).is_some_and(locked);
        (!waits).then(|| self.kvm_step(pc.next(), CostKind::Atomic))
    }

    /// What `vmx_vcpu_pi_put` does first when the thread leaves its CPU; `None` if it does nothing.
    pub(super) fn pi_put(&self, v: VcpuId, preempted: bool) -> Option<PiPc> {
        let vcpu = &self.vcpus[v.index()];
        // kvm_vcpu_is_blocking, and not vmx_interrupt_blocked.
        let blocking = vcpu.blocking.queued && vcpu.guest.interrupts_on;
        match (self.hardware_posts(), preempted) {
            (false, _) => None,
            (true, _) if blocking && self.cfg.rules.has(Switch::ListAtSchedOut) => {
                Some(PiPc::Join(if preempted { Leaving::Preempted } else { Leaving::Sleeps }))
            }
            (true, true) => Some(PiPc::SetSn),
            (true, false) => None,
        }
    }

    /// `pi_pre_block`; `None` from 5.17 on.
    pub(super) fn pi_pre_block(&self, v: VcpuId) -> Option<PiPc> {
        let early = self.hardware_posts() && !self.cfg.rules.has(Switch::ListAtSchedOut);
        (early && self.vcpus[v.index()].guest.interrupts_on).then_some(PiPc::Join(Leaving::Blocks))
    }

    /// Where the thread goes on once it was loaded by the scheduler: `vmx_vcpu_pi_load` first.
    pub(super) fn pi_load(&mut self, v: VcpuId, moved: bool) -> VcpuPc {
        let (pi, rules) = (&self.vcpus[v.index()].pi, self.cfg.rules);
        let wakeup = pi.nv() == Vector::POSTED_INTR_WAKEUP;
        let first = match (rules.has(Switch::ListAtSchedOut), rules.has(Switch::LoadRewritesNdst)) {
            (true, _) if wakeup => PiPc::Delist(moved),
            (true, _) if moved => PiPc::Control(moved),
            (true, _) => PiPc::ClearSn(moved),
            (false, true) if !pi.sn() && !moved => return self.load_goes_on(v, moved),
            (false, true) => PiPc::Control(moved),
            // NDST stays with the list.
            (false, false) if wakeup || !moved => PiPc::ClearSn(moved),
            (false, false) => PiPc::Control(moved),
        };
        VcpuPc::Pi(first)
    }

    /// After a block: `pi_post_block`, if `pi_pre_block` was called.
    pub(super) fn after_block(&self, v: VcpuId) -> VcpuPc {
        let listed = self.hardware_posts() && self.listed_on(v).is_some();
        if listed { VcpuPc::Pi(PiPc::Restore(false)) } else { self.look(Stage::After) }
    }

    pub(super) fn step_pi<O: Observer>(&mut self, v: VcpuId, pc: PiPc, obs: &mut O) -> (Rule, VcpuPc) {
        let next = match pc {
            PiPc::Join(why) => {
                self.list(v, obs);
                VcpuPc::Pi(PiPc::SetWakeup(why))
            }
            PiPc::SetWakeup(why) => {
                let vcpu = &self.vcpus[v.index()];
                let ndst = if why == Leaving::Blocks { vcpu.cpu } else { vcpu.pi.ndst() };
                let on = self.set_control(v, Vector::POSTED_INTR_WAKEUP, ndst, vcpu.pi.sn(), obs);
                VcpuPc::Pi(PiPc::TestOn(why, on))
            }
            PiPc::TestOn(why, was) => self.test_on(v, why, was, obs),
            PiPc::SetSn => {
                let was = self.vcpus[v.index()].pi.test_and_set_sn();
                Self::report(obs, v, Field::Sn, u64::from(was), 1);
                VcpuPc::Sched(SchedPc::Switch)
            }
            PiPc::Delist(moved) => {
                self.delist(v, obs);
                VcpuPc::Pi(PiPc::Control(moved))
            }
            PiPc::Control(moved) => {
                let vcpu = &self.vcpus[v.index()];
                let nv = if self.cfg.rules.has(Switch::ListAtSchedOut) { Vector::POSTED_INTR } else { vcpu.pi.nv() };
                self.set_control(v, nv, vcpu.cpu, false, obs);
                self.rederive(v, moved)
            }
            PiPc::ClearSn(moved) => {
                let was = self.vcpus[v.index()].pi.test_and_clear_sn();
                Self::report(obs, v, Field::Sn, u64::from(was), 0);
                // From 5.17 on, PIR is looked at only if SN was set.
                let looks = was || !self.cfg.rules.has(Switch::ListAtSchedOut);
                if looks { self.rederive(v, moved) } else { self.load_goes_on(v, moved) }
            }
            PiPc::Rederive(moved) => {
                let pi = &mut self.vcpus[v.index()].pi;
                if !pi.pir().is_empty() {
                    let was = pi.test_and_set_on();
                    Self::report(obs, v, Field::On, u64::from(was), 1);
                }
                self.load_goes_on(v, moved)
            }
            PiPc::Restore(undone) => {
                let vcpu = &self.vcpus[v.index()];
                self.set_control(v, Vector::POSTED_INTR, vcpu.cpu, vcpu.pi.sn(), obs);
                VcpuPc::Pi(PiPc::Unlist(undone))
            }
            PiPc::Unlist(undone) => {
                self.delist(v, obs);
                if undone { self.does_not_block(v, obs) } else { self.look(Stage::After) }
            }
        };
        (pc.next(), next)
    }

    fn rederive(&mut self, v: VcpuId, moved: bool) -> VcpuPc {
        if self.cfg.rules.has(Switch::SnRederivesOn) {
            VcpuPc::Pi(PiPc::Rederive(moved))
        } else {
            self.load_goes_on(v, moved)
        }
    }

    /// W3: a notification that was sent before NV changed had another vector, and its handler wakes nobody.
    fn test_on<O: Observer>(&mut self, v: VcpuId, why: Leaving, was: bool, obs: &mut O) -> VcpuPc {
        let vcpu = &self.vcpus[v.index()];
        // pi_pre_block reads it anew.
        let on = if why == Leaving::Blocks { vcpu.pi.on() } else { was };
        let cpu = vcpu.cpu;
        obs.effect(Effect::OnRead { vcpu: v, on });
        match why {
            Leaving::Blocks if on => return VcpuPc::Pi(PiPc::Restore(true)),
            Leaving::Blocks => return self.block_on(v),
            Leaving::Sleeps | Leaving::Preempted => {}
        }
        if on {
            let vector = Vector::POSTED_INTR_WAKEUP;
            self.cpus[cpu.index()].irr.set(vector);
            obs.effect(Effect::SelfIpi { vector, cpu, vcpu: v });
            self.touched.push(Actor::Irq(cpu));
        }
        if why == Leaving::Preempted { VcpuPc::Pi(PiPc::SetSn) } else { VcpuPc::Block(BlockPc::Leave) }
    }

    fn set_control<O: Observer>(&mut self, v: VcpuId, nv: Vector, ndst: CpuId, sn: bool, obs: &mut O) -> bool {
        let pi = &mut self.vcpus[v.index()].pi;
        let (nv_was, ndst_was, sn_was) = (pi.nv(), pi.ndst(), pi.sn());
        let on = pi.set_control(nv, ndst, sn);
        Self::report(obs, v, Field::Nv, nv_was.number().into(), nv.number().into());
        Self::report(obs, v, Field::Ndst, ndst_was.0.into(), ndst.0.into());
        Self::report(obs, v, Field::Sn, u64::from(sn_was), u64::from(sn));
        on
    }

    fn list<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let cpu = self.vcpus[v.index()].cpu;
        self.vtd.lists[cpu.index()].vcpus.push(v);
        obs.effect(Effect::WakeupList { cpu, vcpu: v, on: true });
    }

    fn delist<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        if let Some(cpu) = self.listed_on(v) {
            self.vtd.lists[cpu.index()].vcpus.retain(|w| *w != v);
            obs.effect(Effect::WakeupList { cpu, vcpu: v, on: false });
        }
    }

    /// The handler on a CPU whose turn it is: the next vCPU on its list after this one, or the first.
    fn next_on_list(&self, cpu: CpuId, after: Option<VcpuId>) -> IrqPc {
        let list = &self.vtd.lists[cpu.index()].vcpus;
        let at = after.map_or(0, |v| list.iter().position(|w| *w == v).map_or(list.len(), |i| i + 1));
        list.get(at).map_or(IrqPc::WakeUnlock, |v| IrqPc::WakeTest(*v))
    }

    /// W5: the handler takes the lock.
    pub(super) fn wakeup_lock(&mut self, cpu: CpuId) -> IrqPc {
        self.vtd.lists[cpu.index()].locked = true;
        self.touch_waiters(cpu);
        self.next_on_list(cpu, None)
    }

    /// W6: does a notification wait for it?
    pub(super) fn wakeup_test<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, obs: &mut O) -> IrqPc {
        let on = self.vcpus[v.index()].pi.on();
        obs.effect(Effect::OnRead { vcpu: v, on });
        if on { IrqPc::WakeUp(v) } else { self.next_on_list(cpu, Some(v)) }
    }

    /// W7: `kvm_vcpu_wake_up`; before 5.17 `kvm_vcpu_kick`.
    pub(super) fn wakeup_wake<O: Observer>(&mut self, cpu: CpuId, v: VcpuId, obs: &mut O) -> IrqPc {
        if self.cfg.rules.has(Switch::ListAtSchedOut) {
            self.wake_up(v, obs);
        } else {
            self.kick(cpu, v, obs);
        }
        self.next_on_list(cpu, Some(v))
    }

    /// W8: the lock is free again; whoever waited for it goes on.
    pub(super) fn wakeup_unlock(&mut self, cpu: CpuId) {
        self.vtd.lists[cpu.index()].locked = false;
        self.touch_waiters(cpu);
    }

    fn touch_waiters(&mut self, cpu: CpuId) {
        for v in &self.vtd.lists[cpu.index()].vcpus {
            let vcpu = &self.vcpus[v.index()];
            if matches!(vcpu.pc, VcpuPc::Pi(PiPc::Delist(_) | PiPc::Unlist(_))) {
                self.touched.push(Actor::Sw(vcpu.cpu));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Silent;
    use crate::machine::{Config, Violation};
    use crate::scenario::{PathKind, preset};

    const V: VcpuId = VcpuId(0);
    const CORE: CpuId = CpuId(3);

    /// A preset's machine once its vCPU runs, or sleeps.
    fn machine(name: &str, asleep: bool) -> Machine {
        let mut machine = Machine::new(Config::new(&preset(name).expect("ships"), PathKind::Posted));
        while machine.vcpus[0].asleep() != asleep {
            let actors = [Actor::Irq(CORE), Actor::Sw(CORE), Actor::Guest(V)];
            let able = actors.into_iter().find(|a| machine.next(*a).is_some()).expect("the vCPU's core can move");
            machine.apply(able, machine.now, &mut Silent);
        }
        assert_eq!(machine.check_invariants(), Ok(()));
        machine
    }

    #[track_caller]
    fn check(asleep: bool, breaks: impl FnOnce(&mut Machine), expect: Violation) {
        let mut machine = machine("device-wakes-vcpu", asleep);
        breaks(&mut machine);
        assert_eq!(machine.check_invariants(), Err(expect));
    }

    #[test]
    fn a_running_vcpu_is_reached_by_devices() {
        let here = CpuId(3);
        check(false, |m| _ = m.vcpus[0].pi.test_and_set_sn(), Violation::Descriptor(V));
        check(false, |m| _ = m.vcpus[0].pi.set_control(Vector::POSTED_INTR, CpuId(2), false), Violation::Descriptor(V));
        let wakeup = Vector::POSTED_INTR_WAKEUP;
        check(false, |m| _ = m.vcpus[0].pi.set_control(wakeup, here, false), Violation::WakeupList(V));
        check(false, |m| m.vtd.lists[2].vcpus.push(V), Violation::WakeupList(V));
    }

    #[test]
    fn a_sleeping_vcpu_is_reached_by_devices() {
        let wakeup = Vector::POSTED_INTR_WAKEUP;
        check(true, |m| _ = m.vcpus[0].pi.test_and_set_sn(), Violation::Descriptor(V));
        check(true, |m| _ = m.vcpus[0].pi.set_control(wakeup, CpuId(2), false), Violation::WakeupList(V));
        check(true, |m| m.vtd.lists[3].vcpus.clear(), Violation::WakeupList(V));
        check(true, |m| m.vtd.lists[2].vcpus.push(V), Violation::WakeupList(V));
        check(true, |m| _ = m.vcpus[0].pi.test_and_set_pir(Vector::DEVICE), Violation::LostAsleep(V));
        // Posted, and the notification lost.
        check(true, |m| _ = m.vcpus[0].pi.post_by_hardware(Vector::DEVICE, false), Violation::Asleep(V));
    }
}
