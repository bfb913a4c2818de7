//! Reading a scenario: TOML or JSON into one tree, and the tree into the document.
//!
//! One tree for both, because each format that serde reads directly is a copy of the whole schema in the program. For the
//! same reason nothing tracks the path of the key while reading: it is found afterwards, if something is wrong.

use super::{Scenario, ScenarioError};
use serde::Deserialize;
use serde_json::Value;

impl Scenario {
    /// Reads a TOML document and validates it.
    ///
    /// # Errors
    /// The place and what would be valid.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let table = toml::de::DeTable::parse(text).map_err(|e| ScenarioError::syntax(text, e.span(), e.message()))?;
        Self::from_value(super::tree::of_table(table.into_inner()))
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
        let scenario = Self::deserialize(&tree).map_err(|e| {
            let message = e.to_string();
            ScenarioError::shape(&culprit(tree, &message), &message)
        })?;
        scenario.validate()?;
        Ok(scenario)
    }
}

/// Path of the key that makes reading the tree fail with this message: the innermost one without which it does not.
fn culprit(mut tree: Value, message: &str) -> String {
    let fails = |tree: &Value| Scenario::deserialize(tree).is_err_and(|e| e.to_string() == message);
    let (mut pointer, mut path) = (String::new(), String::new());
    while let Some(node) = tree.pointer(&pointer).cloned() {
        let mut fails_with = |node: Value| {
            tree.pointer_mut(&pointer).is_some_and(|place| {
                *place = node;
                true
            }) && fails(&tree)
        };
        let found = match &node {
            Value::Object(map) => map.keys().find_map(|key| {
                let mut without = map.clone();
                without.remove(key);
                let dot = if path.is_empty() { "" } else { "." };
                (!fails_with(Value::Object(without))).then(|| (key.clone(), format!("{dot}{key}")))
            }),
            Value::Array(items) => {
                // Reading stops at the first wrong item, so the shortest beginning that fails ends with it.
                let lengths: Vec<usize> = (0..=items.len()).collect();
                let shortest = lengths.partition_point(|n| !fails_with(Value::Array(items[..*n].to_vec())));
                shortest.checked_sub(1).map(|i| (i.to_string(), format!("[{i}]")))
            }
            _ => None,
        };
        fails_with(node);
        let Some((key, step)) = found else { break };
        pointer.push('/');
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        path.push_str(&step);
    }
    if path.is_empty() { ".".to_owned() } else { path }
}
