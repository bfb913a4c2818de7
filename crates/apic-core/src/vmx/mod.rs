//! What the processor does: the posted-interrupt descriptor and VM exits.
//!
//! Left out: IPI virtualization, nested guests.

mod exit;
mod pi_desc;

pub use exit::{ExitPhase, ExitReason};
pub use pi_desc::PiDesc;

/// Bits 4:0 of `IA32_VMX_MISC`: the preemption timer counts down whenever this bit of the TSC changes. 5 on processors since
/// Haswell at least (`cpu_preemption_timer_multi`).
pub const PREEMPTION_TIMER_RATE: u32 = 5;
