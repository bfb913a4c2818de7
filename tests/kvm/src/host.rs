//! Whether this machine can be asked at all.

use std::fmt;
use std::io::Write as _;

use kvm_bindings::CpuId;
use kvm_ioctls::{Cap, Kvm};

use crate::guest::{HandlerEoi, Stub};
use crate::vm::{Vm, VmError};

/// CPUID leaf 1, ECX: x2APIC and TSC-deadline.
const X2APIC_AND_DEADLINE: u32 = 1 << 21 | 1 << 24;
/// MSRs: self-IPI, and ISR of vectors 0x40 to 0x5f.
const SELF_IPI: u32 = 0x83f;
const ISR_OF_0X40: u32 = 0x812;
const CPUID_ENTRIES: usize = kvm_bindings::KVM_MAX_CPUID_ENTRIES;

/// Why the comparison cannot be made here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Skip(String);

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "skipped: {}", self.0)
    }
}

/// A machine whose kernel emulates a local APIC.
pub struct Host {
    pub(crate) kvm: Kvm,
    pub(crate) cpuid: CpuId,
}

impl Host {
    /// Opens `/dev/kvm`.
    ///
    /// # Errors
    /// Why it cannot be used: it is not there, this user may not open it, or a capability is missing.
    pub fn open() -> Result<Self, Skip> {
        Self::open_at(c"/dev/kvm")
    }

    fn open_at(path: &std::ffi::CStr) -> Result<Self, Skip> {
        let kvm = Kvm::new_with_path(path)
            .map_err(|error| Skip(format!("{} does not open: {error}", path.to_string_lossy())))?;
        let version = kvm.get_api_version();
        if version != 12 {
            return Err(Skip(format!("KVM's API has version {version}; 12 is asked")));
        }
        for (name, cap) in [
            ("KVM_CAP_IRQCHIP", Cap::Irqchip),
            ("KVM_CAP_TSC_DEADLINE_TIMER", Cap::TscDeadlineTimer),
            ("KVM_CAP_USER_MEMORY", Cap::UserMemory),
            ("KVM_CAP_SIGNAL_MSI", Cap::SignalMsi),
        ] {
            if !kvm.check_extension(cap) {
                return Err(Skip(format!("KVM has no {name}")));
            }
        }
        let mut cpuid = kvm
            .get_supported_cpuid(CPUID_ENTRIES)
            .map_err(|error| Skip(format!("KVM_GET_SUPPORTED_CPUID fails: {error}")))?;
        for entry in cpuid.as_mut_slice().iter_mut().filter(|entry| entry.function == 1) {
            entry.ecx |= X2APIC_AND_DEADLINE;
        }
        Ok(Self { kvm, cpuid })
    }

    /// Whether an interrupt is in service until the guest's EOI. Not where the vendor module writes the EOI itself when
    /// it injects, as one that emulates real mode does.
    ///
    /// # Errors
    /// If a VM cannot be made or run.
    pub fn in_service_shows(&self) -> Result<bool, VmError> {
        let mut vm = Vm::new(self, None)?;
        vm.end_handlers(HandlerEoi::None);
        vm.run(Stub::WriteMsr, true, SELF_IPI, 0x51)?;
        vm.run(Stub::Live, true, 0, 0)?;
        Ok(vm.host_read(ISR_OF_0X40)?.is_some_and(|bits| bits != 0))
    }

    /// The host, or a line on stderr that says what was skipped and why. Tests end there, and pass.
    pub fn or_skip(test: &str) -> Option<Self> {
        Self::open().map_err(|skip| say(&format!("{test}: {skip}"))).ok()
    }
}

/// A line for whoever runs the tests. Not by `println!`: the test harness would keep it to itself.
pub fn say(line: &str) {
    // Nobody to tell if stderr is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &std::ffi::CStr, expect: &str) {
        let skip = Host::open_at(path).err().expect("no KVM there");
        assert!(skip.to_string().starts_with(expect), "{skip}");
    }

    #[test]
    fn a_machine_without_kvm_is_skipped_with_the_reason() {
        check(c"/nowhere/kvm", "skipped: /nowhere/kvm does not open: No such file");
        check(c"/dev/null", "skipped: KVM's API has version -1");
    }
}
