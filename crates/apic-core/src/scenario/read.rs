//! Reading a scenario's text: TOML or JSON. The page does without: it has presets and links, which are binary.

use super::{Scenario, ScenarioError};

impl Scenario {
    /// Reads a TOML document and validates it.
    ///
    /// # Errors
    /// The place and what would be valid.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let de = toml::Deserializer::parse(text).map_err(|e| ScenarioError::syntax(text, e.span(), e.message()))?;
        let scenario: Self = serde_path_to_error::deserialize(de).map_err(|e| {
            let path = e.path().to_string();
            ScenarioError::shape(&path, e.into_inner().message())
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
