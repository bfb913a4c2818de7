//! A scenario: everything that decides a run but the choices made in it. One serde document, in TOML or JSON.
//!
//! Unknown keys, impossible placements and values out of range are refused with the path of the key and what would
//! be valid ([`ScenarioError`]).

mod error;
mod preset;
#[cfg(feature = "text")]
mod read;
mod schema;
#[cfg(feature = "text")]
mod tree;
mod validate;

pub use error::ScenarioError;
pub use preset::{PRESETS, Preset, preset};
pub use schema::{
    Arm, CostChoice, Guest, GuestIdle, Host, Housekeeper, Load, Meta, OtherExits, PathKind, PiInjectTimer, Run,
    Scenario, TimerMode, Vcpu, Vm,
};
