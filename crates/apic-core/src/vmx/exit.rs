//! VM exits by their basic reason (SDM, appendix "VMX Basic Exit Reasons").

use crate::kvm::Vendor;
use crate::units::Vector;
use serde::{Deserialize, Serialize};

/// Why the guest left non-root mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ExitReason {
    /// 1: a host interrupt arrived; carries its vector (the low byte of `intr_info`).
    ExternalInterrupt(Vector),
    /// 7: the guest can take an interrupt now.
    InterruptWindow,
    /// 12: HLT.
    Hlt,
    /// 32: WRMSR: `IA32_TSC_DEADLINE`, or without APICv the x2APIC's EOI.
    MsrWrite,
    /// 10: CPUID, the workload's other exit.
    Cpuid,
    /// 49: an access to memory that KVM has marked as MMIO, here the xAPIC page of a userspace APIC.
    Mmio,
    /// AMD: a write to an APIC register that AVIC does not accelerate, trap-style.
    AvicUnaccelerated,
    /// 52: the VMX preemption timer.
    PreemptionTimer,
}

impl ExitReason {
    /// Name as KVM's tracepoints print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExternalInterrupt(_) => "EXTERNAL_INTERRUPT",
            Self::MsrWrite => "MSR_WRITE",
            Self::Cpuid => "CPUID",
            Self::InterruptWindow => "INTERRUPT_WINDOW",
            Self::Hlt => "HLT",
            Self::Mmio => "EPT_MISCONFIG",
            Self::PreemptionTimer => "PREEMPTION_TIMER",
            Self::AvicUnaccelerated => "avic_unaccelerated_access",
        }
    }

    /// Name as the vendor's exit codes print it; the preemption timer is Intel's alone.
    pub const fn name_on(self, vendor: Vendor) -> &'static str {
        match (vendor, self) {
            (Vendor::Vmx, _) | (_, Self::PreemptionTimer | Self::AvicUnaccelerated) => self.name(),
            (_, Self::ExternalInterrupt(_)) => "interrupt",
            (_, Self::MsrWrite) => "msr",
            (_, Self::Cpuid) => "cpuid",
            (_, Self::InterruptWindow) => "vintr",
            (_, Self::Hlt) => "hlt",
            (_, Self::Mmio) => "npf",
        }
    }
}

/// What the exit was for, as the ledger counts it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitPhase {
    /// The guest programmed its timer.
    Arming,
    /// The timer's expiry made the guest leave.
    Firing,
    /// The guest's EOI.
    Eoi,
    /// The guest halted.
    Halt,
    /// Anything else: the host's own tick on this core, the guest's other work.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a person finds in `trace` and in `perf kvm stat` (`VMX_EXIT_REASONS`, `arch/x86/include/uapi/asm/vmx.h`;
    /// `SVM_EXIT_REASONS`, `svm.h`).
    #[test]
    fn an_exit_is_called_as_its_vendors_module_prints_it() {
        for (exit, vmx, svm) in [
            (ExitReason::ExternalInterrupt(Vector::LOCAL_TIMER), "EXTERNAL_INTERRUPT", "interrupt"),
            (ExitReason::InterruptWindow, "INTERRUPT_WINDOW", "vintr"),
            (ExitReason::Hlt, "HLT", "hlt"),
            (ExitReason::MsrWrite, "MSR_WRITE", "msr"),
            (ExitReason::Cpuid, "CPUID", "cpuid"),
            (ExitReason::Mmio, "EPT_MISCONFIG", "npf"),
            // Each is one vendor's alone.
            (ExitReason::PreemptionTimer, "PREEMPTION_TIMER", "PREEMPTION_TIMER"),
            (ExitReason::AvicUnaccelerated, "avic_unaccelerated_access", "avic_unaccelerated_access"),
        ] {
            assert_eq!((exit.name_on(Vendor::Vmx), exit.name_on(Vendor::Svm)), (vmx, svm));
            assert_eq!(exit.name(), vmx);
        }
    }
}
