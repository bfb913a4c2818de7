//! VM exits by their basic reason (SDM, appendix "VMX Basic Exit Reasons").

use crate::units::Vector;
use serde::{Deserialize, Serialize};

/// Why the guest left non-root mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ExitReason {
    /// 1: a host interrupt arrived; carries its vector (the low byte of `intr_info`).
    ExternalInterrupt(Vector),
    /// 32: WRMSR, here always `IA32_TSC_DEADLINE`.
    MsrWrite,
    /// 10: CPUID, the workload's other exit.
    Cpuid,
}

impl ExitReason {
    /// Name as KVM's tracepoints print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExternalInterrupt(_) => "EXTERNAL_INTERRUPT",
            Self::MsrWrite => "MSR_WRITE",
            Self::Cpuid => "CPUID",
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
    /// Anything else: the host's own tick on this core, the guest's other work.
    Other,
}
