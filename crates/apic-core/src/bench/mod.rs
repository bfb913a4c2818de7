//! The bench: one vCPU and its local APIC, asked by a script of one command per line (`exitless apic`).
//!
//! [`script`] is the language: commands, answers, and how their lines are read and written. A *world* obeys commands:
//! [`World`] is what the model, a kernel behind `/dev/kvm`, or a slow second opinion have in common, so that one script
//! can be put to all of them. [`Bench`] is the model's: KVM on Intel and AMD, QEMU's local APIC, and a processor's own. The
//! language in words, with an example per command: `docs/bench-script.md`.

mod answer;
mod error;
mod hardware;
mod kernel;
mod kvm;
mod parse;
mod qemu;
pub mod script;
mod shared;
mod world;

pub use answer::{Answer, DescriptorState, Exit, Fired, Outcome, Reading};
pub use error::{ScriptError, ScriptProblem};
pub use kernel::{Kernel, KernelName, Posts};
pub use world::{Bench, BenchError};

use script::Command;

/// Something that obeys a script: a vCPU with its local APIC, and time.
pub trait World {
    /// Why a command could not be carried out at all (an `ioctl` that failed); [`std::convert::Infallible`] if that
    /// cannot be.
    type Error;

    /// Carries out one command. A command has at most one answer.
    ///
    /// # Errors
    /// When the world itself fails; a register access that the guest is refused is [`Outcome::Fault`] or
    /// [`Reading::GeneralProtection`].
    fn obey(&mut self, command: Command) -> Result<Outcome, Self::Error>;
}
