//! The virtual-APIC page and the guest interrupt status: what the processor keeps for the guest.
//!
//! Sources: SDM, "APIC Virtualization and Virtual Interrupts", sections "Evaluation and Delivery of Virtual
//! Interrupts", "TPR Virtualization", "PPR Virtualization", "EOI Virtualization", "Self-IPI Virtualization".

use super::bits::VectorSet;
use crate::units::{PriorityClass, Vector};
use serde::{Deserialize, Serialize};

/// VIRR, VISR, VTPR, VPPR, RVI and SVI of one vCPU, and whether a virtual interrupt is recognised.
#[derive(Clone, PartialEq, Eq, Default, Hash, Debug, Serialize, Deserialize)]
pub struct VirtualApic {
    virr: VectorSet,
    visr: VectorSet,
    vtpr: u8,
    vppr: u8,
    rvi: u8,
    svi: u8,
    recognised: bool,
}

impl VirtualApic {
    /// Virtual interrupt-request register.
    pub fn virr(&self) -> &VectorSet {
        &self.virr
    }

    /// Virtual in-service register.
    pub fn visr(&self) -> &VectorSet {
        &self.visr
    }

    /// Virtual task priority.
    pub fn vtpr(&self) -> u8 {
        self.vtpr
    }

    /// Virtual processor priority.
    pub fn vppr(&self) -> u8 {
        self.vppr
    }

    /// Requesting virtual interrupt: the low byte of the guest interrupt status.
    pub fn rvi(&self) -> u8 {
        self.rvi
    }

    /// Servicing virtual interrupt: the high byte of the guest interrupt status.
    pub fn svi(&self) -> u8 {
        self.svi
    }

    /// Whether the last evaluation recognised a pending virtual interrupt.
    pub fn recognised(&self) -> bool {
        self.recognised
    }

    /// Moves `pir` into VIRR, as posted-interrupt processing and `kvm_apic_update_irr` both do, and raises RVI to
    /// the highest requested vector. Evaluates nothing: that is the caller's next event.
    pub fn or_into_virr(&mut self, pir: VectorSet) {
        self.virr.or_with(pir);
        self.rvi = self.virr.highest().map_or(0, Vector::number);
    }

    /// Evaluation of pending virtual interrupts: recognised iff RVI\[7:4\] > VPPR\[7:4\].
    pub fn evaluate(&mut self) -> bool {
        self.recognised = PriorityClass::of_register(self.rvi) > PriorityClass::of_register(self.vppr);
        self.recognised
    }

    /// `kvm_apic_has_interrupt`: whether software sees a request above the processor priority.
    pub fn has_interrupt(&self) -> bool {
        self.virr.highest().is_some_and(|v| v.class() > PriorityClass::of_register(self.vppr))
    }

    /// PPR virtualization followed by evaluation, as VM entry does.
    pub fn evaluate_at_entry(&mut self) -> bool {
        self.virtualize_ppr();
        self.evaluate()
    }

    /// Evaluation while the "interrupt-window exiting" control is 1: nothing is recognised, and the processor leaves the
    /// guest instead.
    pub fn evaluate_with_window_exiting(&mut self) -> bool {
        self.recognised = false;
        false
    }

    /// TPR virtualization: the guest writes its task priority.
    pub fn write_tpr(&mut self, tpr: u8) -> bool {
        self.vtpr = tpr;
        self.evaluate_at_entry()
    }

    /// Self-IPI virtualization: the guest sends itself a vector.
    pub fn self_ipi(&mut self, v: Vector) -> bool {
        self.request(v);
        self.evaluate()
    }

    /// Sets the vector's bit in VIRR and raises RVI, and evaluates nothing: an interrupt that software or AVIC put there.
    /// Returns what the bit was.
    pub fn request(&mut self, v: Vector) -> bool {
        self.rvi = self.rvi.max(v.number());
        self.virr.test_and_set(v)
    }

    /// The hypervisor's access to the guest's task priority: `apic_set_tpr`.
    pub fn set_tpr(&mut self, tpr: u8) {
        self.vtpr = tpr;
        self.virtualize_ppr();
    }

    /// Registers as a restore puts them there; RVI, SVI and VPPR follow (`kvm_apic_update_apicv`,
    /// `vmx_apicv_post_state_restore`).
    pub fn load(&mut self, irr: VectorSet, isr: VectorSet, tpr: u8) {
        let number = |set: &VectorSet| set.highest().map_or(0, Vector::number);
        (self.rvi, self.svi) = (number(&irr), number(&isr));
        (self.virr, self.visr, self.vtpr, self.recognised) = (irr, isr, tpr, false);
        self.virtualize_ppr();
    }

    /// VM exit: recognition ceases; entry evaluates anew.
    pub fn cease_recognition(&mut self) {
        self.recognised = false;
    }

    /// Virtual-interrupt delivery. `None` if nothing is recognised.
    pub fn deliver(&mut self) -> Option<Vector> {
        if !self.recognised {
            return None;
        }
        let v = Vector::new(self.rvi);
        self.acknowledge(v);
        Some(v)
    }

    /// Moves a requested vector into service, whoever decided that it is its turn (`kvm_apic_ack_interrupt` without APICv).
    pub fn acknowledge(&mut self, v: Vector) {
        self.visr.test_and_set(v);
        self.svi = v.number();
        self.vppr = v.number() & 0xf0;
        self.virr.clear(v);
        self.rvi = self.virr.highest().map_or(0, Vector::number);
        self.recognised = false;
    }

    /// EOI virtualization, up to the evaluation at its end. Returns the vector that left service.
    pub fn eoi(&mut self) -> Option<Vector> {
        let v = self.eoi_before_evaluation()?;
        self.evaluate();
        Some(v)
    }

    /// EOI virtualization without the evaluation: where the vector's bit in the EOI-exit bitmap is set, an EOI-induced VM
    /// exit takes its place.
    pub fn eoi_before_evaluation(&mut self) -> Option<Vector> {
        let v = (self.svi != 0).then(|| Vector::new(self.svi))?;
        self.visr.clear(v);
        self.svi = self.visr.highest().map_or(0, Vector::number);
        self.virtualize_ppr();
        Some(v)
    }

    fn virtualize_ppr(&mut self) {
        self.vppr = if self.vtpr >> 4 >= self.svi >> 4 { self.vtpr } else { self.svi & 0xf0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_virr(numbers: &[u8]) -> VirtualApic {
        let mut pir = VectorSet::default();
        for &n in numbers {
            pir.test_and_set(Vector::new(n));
        }
        let mut apic = VirtualApic::default();
        apic.or_into_virr(pir);
        apic
    }

    #[test]
    fn highest_class_first_then_the_rest_on_eoi() {
        let mut apic = with_virr(&[0x31, 0xec]);
        assert!(!apic.recognised(), "OR into VIRR alone evaluates nothing");
        assert!(apic.evaluate_at_entry());
        assert_eq!(apic.deliver(), Some(Vector::LOCAL_TIMER));
        assert_eq!((apic.svi(), apic.vppr(), apic.rvi()), (0xec, 0xe0, 0x31));
        assert!(!apic.evaluate(), "class 3 waits behind class 14");
        assert_eq!(apic.eoi(), Some(Vector::LOCAL_TIMER));
        assert!(apic.recognised(), "EOI virtualization evaluates");
        assert_eq!(apic.deliver(), Some(Vector::new(0x31)));
    }

    #[test]
    fn a_vector_below_16_is_parked_for_ever() {
        let mut apic = with_virr(&[0x0f]);
        assert!(!apic.evaluate_at_entry());
        assert_eq!(apic.deliver(), None);
        assert!(apic.virr().contains(Vector::new(0x0f)));
    }

    #[test]
    fn lowering_the_task_priority_lets_a_higher_class_through() {
        // V05: only TPR virtualization evaluates, and only a strictly higher class passes.
        let mut apic = with_virr(&[0x31]);
        assert!(!apic.write_tpr(0xff) && !apic.write_tpr(0x3f) && !apic.write_tpr(0x30));
        assert!(apic.write_tpr(0x2f));
        assert_eq!((apic.vtpr(), apic.vppr()), (0x2f, 0x2f), "the task priority wins with its low bits");
        apic.set_tpr(0xf0);
        assert_eq!(apic.vppr(), 0xf0);
        assert!(apic.recognised(), "software's access evaluates nothing");
    }

    #[test]
    fn a_self_ipi_is_recognised_at_once() {
        let mut apic = VirtualApic::default();
        assert!(apic.self_ipi(Vector::new(0x41)));
        assert!(apic.self_ipi(Vector::new(0x31)));
        assert_eq!((apic.rvi(), apic.deliver()), (0x41, Some(Vector::new(0x41))));
        assert_eq!((apic.vppr(), apic.rvi()), (0x40, 0x31));
        assert!(!apic.request(Vector::new(0x51)) && apic.request(Vector::new(0x51)) && !apic.recognised());
    }

    #[test]
    fn what_was_recognised_is_evaluated_anew_after_an_exit() {
        // V04: the request stays; its recognition does not outlast the exit.
        let mut apic = with_virr(&[0xec]);
        assert!(apic.evaluate_at_entry() && apic.recognised());
        apic.cease_recognition();
        assert_eq!((apic.deliver(), apic.rvi()), (None, 0xec));
        assert!(apic.evaluate_at_entry());
        assert_eq!(apic.deliver(), Some(Vector::LOCAL_TIMER));
    }

    #[test]
    fn software_looks_for_a_class_above_the_processor_priority() {
        // `apic_has_interrupt_for_ppr`: the same comparison as the processor's, and it recognises nothing.
        for (tpr, expect) in [(0x00, true), (0x2f, true), (0x30, false), (0x3f, false), (0x40, false)] {
            let mut apic = with_virr(&[0x31, 0x22]);
            apic.set_tpr(tpr);
            assert_eq!((apic.has_interrupt(), apic.recognised()), (expect, false), "TPR {tpr:#x}");
        }
        assert!(!VirtualApic::default().has_interrupt());
    }

    #[test]
    fn with_window_exiting_nothing_is_recognised() {
        // V10: the exit it causes instead is the hypervisor's business.
        let mut apic = with_virr(&[0xec]);
        apic.evaluate_at_entry();
        assert!(!apic.evaluate_with_window_exiting());
        assert_eq!(apic.deliver(), None);
    }

    #[test]
    fn loaded_registers_bring_their_status() {
        let mut apic = VirtualApic::default();
        let (irr, isr) = (*with_virr(&[0x31, 0x41]).virr(), *with_virr(&[0x51, 0x22]).virr());
        apic.load(irr, isr, 0x53);
        assert_eq!((apic.rvi(), apic.svi(), apic.vppr()), (0x41, 0x51, 0x53));
        assert_eq!(apic.eoi_before_evaluation(), Some(Vector::new(0x51)));
        assert_eq!((apic.svi(), apic.vppr(), apic.recognised()), (0x22, 0x53, false));
        apic.load(irr, isr, 0x4f);
        assert_eq!(apic.vppr(), 0x50, "the class of what is in service, if it is above the task priority's");
        assert_eq!((*apic.virr(), *apic.visr()), (irr, isr));
    }

    #[test]
    fn eoi_with_nothing_in_service_changes_nothing() {
        let mut apic = VirtualApic::default();
        assert_eq!(apic.eoi(), None);
        assert_eq!(apic, VirtualApic::default());
    }
}
