//! A scenario: everything that decides a run but the choices made in it. One serde document, in TOML or JSON.
//!
//! Unknown keys, impossible placements and values out of range are refused with the path of the key and what would
//! be valid ([`ScenarioError`]).

mod allowed;
mod crowd;
mod error;
pub mod knob;
mod own;
mod path;
mod preset;
#[cfg(feature = "text")]
mod read;
mod reshape;
mod schema;
mod unused;
mod v1;
mod v2;
mod validate;

pub use crowd::crowd;
pub use error::ScenarioError;
pub use path::PathKind;
pub use preset::{PRESETS, Preset, preset};
pub use schema::{
    Arm, CostChoice, Device, Guest, GuestIdle, Host, Housekeeper, Load, Meta, Move, OtherExits, OtherInterrupts,
    OwnCost, OwnCosts, PiInjectTimer, Rival, Run, Scenario, TimerMode, Vcpu, Vm,
};
pub use unused::{NeverPosts, NeverPreempts};

impl Scenario {
    /// Reads the binary form, as presets and links of this version carry it, and validates it.
    ///
    /// # Errors
    /// The place and what would be valid.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, ScenarioError> {
        Self::from_bytes_as::<Self>(bytes)
    }

    /// Reads the binary form of links of version 1, and validates it.
    ///
    /// # Errors
    /// The place and what would be valid.
    pub(crate) fn from_bytes_v1(bytes: &[u8]) -> Result<Self, ScenarioError> {
        Self::from_bytes_as::<v1::Scenario>(bytes)
    }

    /// Reads the binary form of links of version 2, and validates it.
    ///
    /// # Errors
    /// The place and what would be valid.
    pub(crate) fn from_bytes_v2(bytes: &[u8]) -> Result<Self, ScenarioError> {
        Self::from_bytes_as::<v2::Scenario>(bytes)
    }

    fn from_bytes_as<'a, T: serde::Deserialize<'a> + Into<Self>>(bytes: &'a [u8]) -> Result<Self, ScenarioError> {
        let read: T = postcard::from_bytes(bytes).map_err(|e| ScenarioError::shape(".", &e.to_string()))?;
        let scenario = read.into();
        scenario.validate()?;
        Ok(scenario)
    }

    /// The binary form.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }
}
