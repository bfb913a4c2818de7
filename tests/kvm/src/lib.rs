//! The model's local APIC beside the Linux kernel's own.
//!
//! Where `/dev/kvm` opens with an in-kernel interrupt controller, [`kernel::Kernel`] obeys the bench's script as the model
//! does: a real-mode guest ([`guest`]) executes the register accesses, the kernel's `lapic.c` answers them. [`lockstep`]
//! puts one script to both, tells the model how much time really passed, and compares every readable register after
//! every command. Elsewhere the crate is empty, and the tests say why they were skipped.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

pub mod generate;
pub mod guest;
pub mod host;
pub mod kernel;
pub mod lockstep;
pub mod observe;
pub mod script;
pub mod ticker;
pub mod vm;
