//! What the processor does: the posted-interrupt descriptor and VM exits.
//!
//! Left out for now: the VMX preemption timer, IPI virtualization, VT-d as a second poster, nested guests.

mod exit;
mod pi_desc;

pub use exit::{ExitPhase, ExitReason};
pub use pi_desc::PiDesc;
