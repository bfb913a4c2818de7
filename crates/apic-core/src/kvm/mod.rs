//! What the hypervisor does, as far as it is state and rules: `vcpu->mode`, requests, eras and predicates.
//!
//! The flows themselves are steps of the machine: `machine/vcpu_thread.rs` and `machine/irq.rs`.

mod backend;
mod faults;
mod halt_poll;
mod mode;
mod requests;
mod rules;
mod vendor;

pub use backend::{Backend, TimerConfig};
pub use faults::{Fault, FaultInfo, Faults, NOT_EXPRESSED, NotExpressed};
pub use halt_poll::HaltPoll;
pub use mode::{Kick, Mode, VcpuMode};
pub use requests::{Request, Requests};
pub use rules::{Era, Overrides, Rules, Switch, SwitchInfo};
pub use vendor::Vendor;
