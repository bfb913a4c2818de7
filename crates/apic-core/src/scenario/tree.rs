//! A TOML document as the tree that both formats are read through.

use serde_json::Value;
use toml::de::{DeTable, DeValue};

pub(super) fn of_table(table: DeTable<'_>) -> Value {
    Value::Object(
        table.into_iter().map(|(key, value)| (key.into_inner().into_owned(), of(value.into_inner()))).collect(),
    )
}

/// Numbers that the schema has no type for stay what they are written as, and are refused there.
fn of(value: DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::String(number.as_str().to_owned()), Value::from),
        DeValue::Float(number) => Value::String(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Value::Bool(flag),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(items) => Value::Array(items.into_iter().map(|item| of(item.into_inner())).collect()),
        DeValue::Table(table) => of_table(table),
    }
}
