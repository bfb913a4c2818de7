//! Reading a scenario: TOML or JSON into one tree, and the tree into the document.
//!
//! One tree for both, because each format that serde reads directly is a copy of the whole schema in the program.

use super::{Scenario, ScenarioError};
use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

impl Scenario {
    /// Reads a TOML document and validates it.
    ///
    /// # Errors
    /// The place and what would be valid.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let table = DeTable::parse(text).map_err(|e| ScenarioError::syntax(text, e.span(), e.message()))?;
        Self::from_value(tree_of_table(table.into_inner()))
    }

    /// Reads a JSON document and validates it.
    ///
    /// # Errors
    /// The place and what would be valid.
    pub fn from_json(text: &str) -> Result<Self, ScenarioError> {
        Self::from_value(serde_json::from_str(text).map_err(|e| ScenarioError::shape(".", &e.to_string()))?)
    }

    /// Reads either form: JSON if the first character is `{`, TOML otherwise.
    ///
    /// # Errors
    /// The place and what would be valid.
    pub fn from_text(text: &str) -> Result<Self, ScenarioError> {
        if text.trim_start().starts_with('{') { Self::from_json(text) } else { Self::from_toml(text) }
    }

    /// Reads a tree and validates it.
    ///
    /// # Errors
    /// The place and what would be valid.
    pub fn from_value(tree: Value) -> Result<Self, ScenarioError> {
        let scenario: Self = serde_path_to_error::deserialize(tree).map_err(|e| {
            let path = e.path().to_string();
            ScenarioError::shape(&path, &e.into_inner().to_string())
        })?;
        scenario.validate()?;
        Ok(scenario)
    }
}

fn tree_of_table(table: DeTable<'_>) -> Value {
    let entries = table.into_iter().map(|(key, value)| (key.into_inner().into_owned(), tree(value.into_inner())));
    Value::Object(entries.collect::<Map<_, _>>())
}

/// A TOML value. Numbers too large for a type of the schema stay what they are written as, and are refused there.
fn tree(value: DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::String(number.as_str().to_owned()), Value::from),
        DeValue::Float(number) => {
            number.as_str().parse::<f64>().map_or_else(|_| Value::String(number.as_str().to_owned()), Value::from)
        }
        DeValue::Boolean(flag) => Value::Bool(flag),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(items) => Value::Array(items.into_iter().map(|item| tree(item.into_inner())).collect()),
        DeValue::Table(table) => tree_of_table(table),
    }
}
