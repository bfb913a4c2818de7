//! The bus clock: `KVM_CAP_X86_APIC_BUS_CYCLES_NS`.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::thread;
use std::time::{Duration, Instant};

use apic_core::lapic::{BusNs, Tdcr};
use kvm_bindings::KVM_CAP_X86_APIC_BUS_CYCLES_NS;
use kvm_differential::host::{Host, say};
use kvm_differential::vm::{Vm, set_bus};
use kvm_ioctls::Kvm;

const EINVAL: i32 = 22;
const ENXIO: i32 = 6;
/// The highest value that does not overflow: 2^64 / ((2^32 - 1) * 128).
const HIGHEST: u64 = u64::MAX / (u32::MAX as u64 * 128);

/// The kernel, if it has the capability.
fn kvm(test: &str) -> Option<Kvm> {
    Host::or_skip(test)?;
    let kvm = Kvm::new().expect("it opened a moment ago");
    if kvm.check_extension_raw(KVM_CAP_X86_APIC_BUS_CYCLES_NS.into()) > 0 {
        return Some(kvm);
    }
    say(&format!("{test}: skipped: KVM has no KVM_CAP_X86_APIC_BUS_CYCLES_NS (since 6.11)"));
    None
}

/// T12: the kernel takes exactly what the type takes.
#[test]
fn the_bus_takes_what_the_type_takes() {
    let Some(kvm) = kvm("the_bus_takes_what_the_type_takes") else { return };
    for ns in [0, 1, 3, 40, 1_000, HIGHEST - 1, HIGHEST, HIGHEST + 1, u64::MAX / 2, u64::MAX] {
        let vm = kvm.create_vm().expect("a VM");
        vm.create_irq_chip().expect("an interrupt controller");
        let answer = set_bus(&vm, ns).map_err(kvm_ioctls::Error::errno);
        let expect = if BusNs::new(ns).is_some() { Ok(()) } else { Err(EINVAL) };
        assert_eq!(answer, expect, "{ns}");
    }
}

/// T12: no in-kernel local APIC, no bus.
#[test]
fn without_an_interrupt_controller_there_is_no_bus() {
    let Some(kvm) = kvm("without_an_interrupt_controller_there_is_no_bus") else { return };
    let vm = kvm.create_vm().expect("a VM");
    assert_eq!(set_bus(&vm, 40).map_err(kvm_ioctls::Error::errno), Err(ENXIO));
}

/// T11: too late once there is a vCPU.
#[test]
fn the_bus_is_settled_with_the_first_vcpu() {
    let Some(kvm) = kvm("the_bus_is_settled_with_the_first_vcpu") else { return };
    let vm = kvm.create_vm().expect("a VM");
    vm.create_irq_chip().expect("an interrupt controller");
    let _vcpu = vm.create_vcpu(0).expect("a vCPU");
    assert_eq!(set_bus(&vm, 40).map_err(kvm_ioctls::Error::errno), Err(EINVAL));
}

/// T10: at 25 MHz, each divisor counts as the model says, within what time the reading took.
#[test]
fn the_count_follows_bus_and_divisor() {
    let Some(_) = kvm("the_count_follows_bus_and_divisor") else { return };
    let host = Host::open().unwrap_or_else(|skip| panic!("{skip}"));
    for tdcr in [0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xa, 0xb] {
        let vm = Vm::new(&host, BusNs::new(40)).expect("a VM");
        let cycle = 40 * u128::from(Tdcr::from_written(tdcr).divisor().factor());
        vm.host_write(0x832, 0x100ee).expect("masked one-shot");
        vm.host_write(0x83e, tdcr.into()).expect("TDCR");
        let before = Instant::now();
        vm.host_write(0x838, u32::MAX.into()).expect("TMICT");
        let armed = Instant::now();
        thread::sleep(Duration::from_millis(100));
        let asked = Instant::now();
        let count = vm.host_read(0x839).expect("TMCCT").expect("readable");
        let answered = Instant::now();
        let counted = u128::from(u64::from(u32::MAX) - count);
        let (least, most) = ((asked - armed).as_nanos() / cycle, (answered - before).as_nanos() / cycle + 1);
        assert!((least..=most).contains(&counted), "TDCR {tdcr:#x}: {counted} not in {least}..={most}");
    }
}
