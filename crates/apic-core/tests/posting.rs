//! Posted-interrupt processing, taken apart: what a poster does between two of its steps.

use apic_core::lapic::VirtualApic;
use apic_core::units::{CpuId, Vector};
use apic_core::vmx::PiDesc;

/// A poster: whether it sends a notification.
fn post(pi: &mut PiDesc, v: Vector) -> bool {
    !pi.test_and_set_pir(v) && !pi.test_and_set_on()
}

/// V16: a post after ON was cleared and before PIR is drained sends a second IPI, whose processing finds PIR empty. One
/// handler. (SDM, "Posted-Interrupt Processing", steps 3 and 5.)
#[test]
fn a_post_between_clearing_on_and_draining_pir() {
    let (mut pi, mut apic) = (PiDesc::new(CpuId(0)), VirtualApic::default());
    assert!(post(&mut pi, Vector::new(0x31)));
    assert!(pi.test_and_clear_on());
    assert!(post(&mut pi, Vector::LOCAL_TIMER), "ON is 0: a second notification");
    apic.or_into_virr(pi.drain_pir());
    assert!(apic.evaluate());
    assert_eq!(apic.deliver(), Some(Vector::LOCAL_TIMER));
    apic.eoi();
    assert_eq!(apic.deliver(), Some(Vector::new(0x31)));
    apic.eoi();

    assert!(pi.test_and_clear_on(), "the second notification's processing");
    let drained = pi.drain_pir();
    assert!(drained.is_empty());
    apic.or_into_virr(drained);
    assert!(!apic.evaluate(), "nothing to deliver");
}

/// The same vector, between the same steps: its bit is still set, so that not even the second notification is sent.
#[test]
fn the_same_vector_between_clearing_on_and_draining_pir() {
    let (mut pi, mut apic) = (PiDesc::new(CpuId(0)), VirtualApic::default());
    assert!(post(&mut pi, Vector::LOCAL_TIMER));
    pi.test_and_clear_on();
    assert!(!post(&mut pi, Vector::LOCAL_TIMER));
    apic.or_into_virr(pi.drain_pir());
    assert!(apic.evaluate() && apic.deliver().is_some());
    apic.eoi();
    assert!(!pi.on() && pi.pir().is_empty() && apic.deliver().is_none());
}
