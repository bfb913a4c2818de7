//! A scenario: everything that decides a run but the choices made in it. One serde document, in TOML or JSON.
//!
//! Unknown keys, impossible placements and values out of range are refused with the path of the key and what would
//! be valid ([`ScenarioError`]).

mod error;
mod preset;
mod schema;
mod validate;

pub use error::ScenarioError;
pub use preset::{PRESETS, Preset, preset};
pub use schema::{
    Arm, CostChoice, Guest, GuestIdle, Host, Housekeeper, Load, Meta, OtherExits, PathKind, PiInjectTimer, Run,
    Scenario, TimerMode, Vcpu, Vm,
};

impl Scenario {
    /// Reads a TOML document and validates it.
    ///
    /// # Errors
    /// The place and what would be valid.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let de = toml::Deserializer::parse(text).map_err(|e| ScenarioError::syntax(text, e.span(), e.message()))?;
        let scenario: Self = serde_path_to_error::deserialize(de).map_err(|e| {
            let path = e.path().to_string();
            let inner = e.into_inner();
            ScenarioError::shape(&path, inner.message())
        })?;
        scenario.validated()
    }

    /// Reads a JSON document and validates it.
    ///
    /// # Errors
    /// The place and what would be valid.
    pub fn from_json(text: &str) -> Result<Self, ScenarioError> {
        let mut de = serde_json::Deserializer::from_str(text);
        let scenario: Self = serde_path_to_error::deserialize(&mut de).map_err(|e| {
            let path = e.path().to_string();
            ScenarioError::shape(&path, &e.into_inner().to_string())
        })?;
        de.end().map_err(|e| ScenarioError::shape(".", &e.to_string()))?;
        scenario.validated()
    }

    /// Reads either form: JSON if the first character is `{`, TOML otherwise.
    ///
    /// # Errors
    /// The place and what would be valid.
    pub fn from_text(text: &str) -> Result<Self, ScenarioError> {
        if text.trim_start().starts_with('{') { Self::from_json(text) } else { Self::from_toml(text) }
    }

    fn validated(self) -> Result<Self, ScenarioError> {
        self.validate()?;
        Ok(self)
    }
}
