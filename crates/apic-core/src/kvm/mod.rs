//! What the hypervisor does, as far as it is state and rules: `vcpu->mode`, requests, eras and predicates.
//!
//! The flows themselves are steps of the machine: `machine/vcpu_thread.rs` and `machine/irq.rs`.

mod mode;
mod requests;
mod rules;

pub use mode::{Kick, Mode, VcpuMode};
pub use requests::{Request, Requests};
pub use rules::{Era, IdleGate, PostConfig, Posting, Rules};
