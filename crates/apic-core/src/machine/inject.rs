//! Delivery without APICv: IRR and `KVM_REQ_EVENT`, injection at VM entry, the interrupt window, and EOI exits
//! (`kvm_lapic_set_irr`, `kvm_check_and_inject_events`, `handle_interrupt_window`, `apic_set_eoi`).
//!
//! The guest uses x2APIC, so its EOI is a WRMSR. Left out: paravirtualized EOI, TPR-threshold exits.

use super::Machine;
use super::state::VcpuPc;
use crate::cost::CostKind;
use crate::effect::{Bank, Effect, Field, Observer, report_bits};
use crate::kvm::Request;
use crate::rule::Rule;
use crate::units::VcpuId;
use serde::Serialize;

/// Where injection stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum InjectPc {
    /// `kvm_check_and_inject_events`.
    Events,
    /// `handle_interrupt_window`.
    Window,
    /// `apic_set_eoi`.
    Eoi,
}

impl InjectPc {
    pub(super) const fn next(self) -> (Rule, CostKind) {
        match self {
            Self::Events => (Rule::J3, CostKind::KvmStep),
            Self::Window => (Rule::J6, CostKind::SlowpathDispatch),
            Self::Eoi => (Rule::J8, CostKind::SlowpathDispatch),
        }
    }
}

impl Machine {
    pub(super) fn step_inject<O: Observer>(&mut self, v: VcpuId, pc: InjectPc, obs: &mut O) -> (Rule, VcpuPc) {
        let next = match pc {
            InjectPc::Events => {
                self.inject_events(v, obs);
                VcpuPc::EnterMode
            }
            InjectPc::Window => {
                self.vcpus[v.index()].window = false;
                Self::report(obs, v, Field::InterruptWindow, 1, 0);
                self.make_request(v, Request::Event, obs);
                self.before_entry(v)
            }
            InjectPc::Eoi => {
                self.eoi(v, obs);
                self.make_request(v, Request::Event, obs);
                self.before_entry(v)
            }
        };
        (pc.next().0, next)
    }

    /// J3: what can be injected is; what cannot be asks for the window.
    fn inject_events<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        self.clear_request(v, Request::Event, obs);
        let vcpu = &mut self.vcpus[v.index()];
        if vcpu.inject.is_some() || !vcpu.vapic.has_interrupt() {
            return;
        }
        if !vcpu.guest.interrupts_on {
            vcpu.window = true;
            Self::report(obs, v, Field::InterruptWindow, 0, 1);
            return;
        }
        let (requested, in_service, vppr) = (*vcpu.vapic.virr(), *vcpu.vapic.visr(), vcpu.vapic.vppr());
        vcpu.inject = vcpu.vapic.virr().highest();
        if let Some(vector) = vcpu.inject {
            vcpu.vapic.acknowledge(vector);
        }
        if O::RECORDS {
            report_bits(obs, v, Bank::Virr, &requested, vcpu.vapic.virr());
            report_bits(obs, v, Bank::Visr, &in_service, vcpu.vapic.visr());
            Self::report(obs, v, Field::Vppr, vppr.into(), vcpu.vapic.vppr().into());
            if let Some(vector) = vcpu.inject {
                obs.effect(Effect::WillInject { vcpu: v, vector });
            }
        }
    }

    /// The highest vector in service leaves it, whoever does that.
    pub(super) fn eoi<O: Observer>(&mut self, v: VcpuId, obs: &mut O) {
        let vcpu = &mut self.vcpus[v.index()];
        let (svi, vppr) = (vcpu.vapic.svi(), vcpu.vapic.vppr());
        let vector = if self.cfg.apicv { vcpu.vapic.eoi() } else { vcpu.vapic.eoi_before_evaluation() };
        if let Some(vector) = vector
            && O::RECORDS
        {
            obs.effect(Effect::Bit { vcpu: v, bank: Bank::Visr, vector, on: false });
            Self::report(obs, v, Field::Svi, svi.into(), vcpu.vapic.svi().into());
            Self::report(obs, v, Field::Vppr, vppr.into(), vcpu.vapic.vppr().into());
            obs.effect(Effect::Eoi { vcpu: v, vector });
        }
    }

    /// `kvm_make_request`.
    pub(super) fn make_request<O: Observer>(&mut self, v: VcpuId, request: Request, obs: &mut O) {
        let vcpu = &mut self.vcpus[v.index()];
        let was = vcpu.requests;
        vcpu.requests.make(request);
        Self::report(obs, v, Field::Requests, u64::from(was.bits()), u64::from(vcpu.requests.bits()));
    }

    /// `kvm_clear_request`.
    pub(super) fn clear_request<O: Observer>(&mut self, v: VcpuId, request: Request, obs: &mut O) {
        let vcpu = &mut self.vcpus[v.index()];
        let was = vcpu.requests;
        vcpu.requests.clear(request);
        Self::report(obs, v, Field::Requests, u64::from(was.bits()), u64::from(vcpu.requests.bits()));
    }
}
