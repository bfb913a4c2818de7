//! Where a write by the host (`KVM_SET_MSRS`) is not a guest's write.
//!
//! x2APIC registers and `IA32_TSC_DEADLINE` are the same either way; the generated scripts use both routes.
//! `IA32_APIC_BASE` is not: `kvm_apic_set_base` spares the host two rules, so that a VM can be restored in any order.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use apic_core::bench::script::{Command, Register};
use apic_core::bench::{Bench, Outcome, World};
use kvm_differential::guest::Stub;
use kvm_differential::host::Host;
use kvm_differential::vm::{End, Vm, msr};

const X2APIC: u64 = 0xfee0_0d00;
const XAPIC: u64 = 0xfee0_0900;
const DISABLED: u64 = 0xfee0_0100;

/// Whether a write of `to` is taken where `from` stands: by the guest and by the host, in the kernel and in the model.
#[track_caller]
fn check(host: &Host, from: u64, to: u64, guest_may: bool, host_may: bool) {
    for (by_host, may) in [(false, guest_may), (true, host_may)] {
        let mut vm = Vm::new(host, None).expect("a VM");
        assert!(vm.host_write(msr::APIC_BASE, from).expect("a write"), "{from:#x} by the host");
        let kernel = if by_host {
            vm.host_write(msr::APIC_BASE, to).expect("a write")
        } else {
            vm.run(Stub::WriteMsr, false, msr::APIC_BASE, to).expect("a run").end != End::GeneralProtection
        };
        assert_eq!(kernel, may, "kernel, by the host: {by_host}, {from:#x} to {to:#x}");
        let mut model = Bench::without_apicv();
        let mut tell = |command| model.obey(command).expect("obeyed");
        tell(Command::Exit);
        assert_eq!(tell(Command::Write(Register::ApicBase, from)), Outcome::Done);
        if !by_host {
            tell(Command::Entry);
        }
        let outcome = tell(Command::Write(Register::ApicBase, to));
        assert_eq!(outcome == Outcome::Done, may, "model, by the host: {by_host}, {from:#x} to {to:#x}");
    }
}

#[test]
fn the_host_may_change_the_mode_as_a_guest_may_not() {
    let Some(host) = Host::or_skip("the_host_may_change_the_mode_as_a_guest_may_not") else { return };
    check(&host, X2APIC, XAPIC, false, true);
    check(&host, DISABLED, X2APIC, false, true);
    check(&host, DISABLED, XAPIC, true, true);
    check(&host, XAPIC, X2APIC, true, true);
    check(&host, X2APIC, DISABLED, true, true);
    check(&host, X2APIC, X2APIC | 1, false, false);
    check(&host, X2APIC, 0xfee0_0500, false, false);
}
