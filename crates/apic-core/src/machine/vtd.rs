//! Assigned devices behind a VT-d unit whose remapping entries are in posted mode: the second poster.
//!
//! The unit updates the descriptor in one atomic access (Vd1) and, if that set ON, sends a notification (Vd2) that takes
//! its time to the CPU (Vd3). It knows of a vCPU what NV, NDST and SN say, and nothing else.
//!
//! Left out: devices whose interrupts are remapped and not posted, posting by AMD's IOMMU.

use super::actor::Actor;
use super::pi::WakeupList;
use super::state::Next;
use super::{Config, Ipi, Machine, Taken};
use crate::cost::CostKind;
use crate::effect::{Bank, Effect, Field, NotSent, Observer};
use crate::rule::Rule;
use crate::units::{CpuId, Ns, VcpuId, Vector};
use serde::Serialize;
use std::hash::{Hash, Hasher};

/// The unit and what is behind it; everything is empty in a VM without devices.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Vtd {
    /// In the scenario's order.
    devices: Vec<DeviceState>,
    /// What the last update asked for: vector, destination, and for whom.
    pub(super) sending: Option<(Vector, CpuId, VcpuId)>,
    /// Where its last step is told to have been: at the CPU that it would notify.
    pub(super) at: CpuId,
    /// By CPU.
    pub(super) lists: Vec<WakeupList>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
struct DeviceState {
    /// When its next interrupt comes.
    next: Ns,
    /// Since when the guest owes it a handler; never if it does not.
    waits: Ns,
}

impl Vtd {
    pub(super) fn new(cfg: &Config) -> Self {
        let device = |first_us| DeviceState { next: Ns::from_us(first_us), waits: Ns::NEVER };
        let list = || WakeupList { locked: false, vcpus: Vec::with_capacity(cfg.vcpus.len()) };
        Self {
            devices: cfg.devices.iter().map(|d| device(d.first_us)).collect(),
            sending: None,
            at: CpuId(0),
            lists: cfg.host.iter().filter(|_| !cfg.devices.is_empty()).map(|_| list()).collect(),
        }
    }
}

impl Vtd {
    /// What the unit will do depends on this ([`Machine::feed`]).
    pub(super) fn feed<H: Hasher>(&self, h: &mut H) {
        let Self { devices, sending, at: _, lists } = self;
        for DeviceState { next, waits } in devices {
            next.hash(h);
            waits.is_never().hash(h);
        }
        sending.hash(h);
        for list in lists {
            list.hash(h);
        }
    }
}

impl Machine {
    /// Whether a device waits for its handler.
    pub fn device_waits(&self) -> bool {
        self.vtd.devices.iter().any(|d| !d.waits.is_never())
    }

    /// The vCPUs on a CPU's wake-up list (`wakeup_vcpus_on_cpu`).
    pub fn wakeup_list(&self, cpu: CpuId) -> &[VcpuId] {
        self.vtd.lists.get(cpu.index()).map_or(&[], |list| &list.vcpus)
    }

    pub(super) fn next_iommu(&self) -> Option<Next> {
        if self.vtd.sending.is_some() {
            return Some(self.kvm_step(Rule::Vd2, CostKind::Atomic));
        }
        let at = self.vtd.devices.iter().map(|d| d.next).min()?;
        Some(Next::at(Rule::Vd1, at, self.now))
    }

    pub(super) fn step_iommu<O: Observer>(&mut self, obs: &mut O) -> Taken {
        match self.vtd.sending.take() {
            Some((vector, to, vcpu)) => self.notify(vector, to, vcpu, obs),
            None => self.device_posts(obs),
        }
    }

    /// Vd1: the device that is due, the first of several.
    fn device_posts<O: Observer>(&mut self, obs: &mut O) -> Taken {
        let now = self.now;
        let due = self.vtd.devices.iter().enumerate().min_by_key(|(_, d)| d.next).map_or(0, |(i, _)| i);
        let (Some(state), Some(device)) = (self.vtd.devices.get_mut(due), self.cfg.devices.get(due)) else {
            return Taken { rule: Rule::Vd1, vcpu: None };
        };
        state.next = state.next.plus(Ns::from_us(device.period_us)).max(now);
        if state.waits.is_never() {
            state.waits = now;
        }
        let (v, vector, urgent) = (device.vcpu, device.vector, device.urgent);
        let pi = &mut self.vcpus[v.index()].pi;
        let (set, on, nv, to) = (pi.pir().contains(vector), pi.on(), pi.nv(), pi.ndst());
        self.vtd.at = to;
        self.vtd.sending = pi.post_by_hardware(vector, urgent).map(|(nv, to)| (nv, to, v));
        obs.effect(Effect::DevicePosted { device: due as u16, vcpu: v, vector, urgent });
        if !set {
            obs.effect(Effect::Bit { vcpu: v, bank: Bank::Pir, vector, on: true });
        }
        if self.vtd.sending.is_some() {
            Self::report(obs, v, Field::On, 0, 1);
        } else {
            let why = if on { NotSent::OnAlreadySet } else { NotSent::Suppressed };
            obs.effect(Effect::NotificationNotSent { vector: nv, to, vcpu: v, why });
        }
        self.touch_poller(v);
        Taken { rule: Rule::Vd1, vcpu: Some(v) }
    }

    /// Vd2.
    fn notify<O: Observer>(&mut self, vector: Vector, to: CpuId, vcpu: VcpuId, obs: &mut O) -> Taken {
        let id = self.next_ipi;
        self.next_ipi += 1;
        let sent_at = self.now;
        self.vtd.at = to;
        self.cpus[to.index()].inbound.push(Ipi { id, vector: Some(vector), from: None, to, vcpu, sent_at });
        obs.effect(Effect::NotificationSent { id, vector, to, vcpu });
        self.touched.push(Actor::Wire(to));
        Taken { rule: Rule::Vd2, vcpu: Some(vcpu) }
    }

    /// The handler that a device waits for starts.
    pub(super) fn device_delivered<O: Observer>(&mut self, v: VcpuId, vector: Vector, obs: &mut O) {
        let mut waited = Ns::ZERO;
        for (device, state) in self.cfg.devices.iter().zip(&mut self.vtd.devices) {
            if (device.vcpu, device.vector) == (v, vector) {
                waited = self.now.minus(std::mem::replace(&mut state.waits, Ns::NEVER));
            }
        }
        obs.effect(Effect::DeviceDelivered { vcpu: v, vector, waited_ns: waited.as_ns() });
    }
}
