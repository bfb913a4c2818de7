//! The machine of Exitless: KVM's emulated local APIC timer and VMX posted interrupts, as plain data and one
//! transition function.
//!
//! 1. A [`scenario::Scenario`] says what host, guest, kernel and costs there are.
//! 2. [`machine::Machine`] is the state; `next` says what an actor can do, `apply` does it and reports [`effect::Effect`]s.
//! 3. A driver ([`driver`]) chooses the next step: the clock, or a person.
//! 4. A [`run::History`] is a run that can be entered at any step; a [`run::Lockstep`] is several paths of one scenario.
//!
//! No input or output, no time source, no randomness, no JavaScript, no `unsafe`.
#![warn(missing_docs)]

pub mod bench;
pub mod cost;
pub mod driver;
pub mod effect;
pub mod host;
pub mod kvm;
pub mod lapic;
pub mod link;
pub mod machine;
pub mod rule;
mod rule_eras;
pub mod run;
pub mod scenario;
pub mod units;
pub mod vmx;
