//! The JSON schema (draft-07) of the values.

use super::Values;
use super::always::{always, referenced, required};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The schema of the values, as kept in `helm-charts/aztec-network/values.schema.json`.
pub fn schema() -> String {
    pretty(&schema_value())
}

/// The schema of the values of another chart.
pub(crate) fn schema_of<T: JsonSchema>() -> String {
    pretty(&users(complete_of::<T>()))
}

/// What is always there, given the chart's own values, as kept in `helm-charts/aztec-network/defaults.json`.
pub fn defaults(values: &Map<String, Value>) -> String {
    pretty(&always(&complete(), values))
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// The schema of values that a user has: what has a default need not be there.
pub(super) fn schema_value() -> Value {
    users(complete())
}

/// The same of a schema with everything that its type requires.
pub(super) fn users(mut schema: Value) -> Value {
    let mut sections = BTreeSet::from([String::new()]);
    with_defaults(&schema, &schema, &mut sections);
    for pointer in sections {
        if let Some(Value::Object(section)) = schema.pointer_mut(&pointer) {
            section.remove("required");
        }
    }
    schema
}

/// The schema of values with everything that the types require.
pub(super) fn complete() -> Value {
    complete_of::<Values>()
}

/// The schema of a type with everything that it requires.
pub(super) fn complete_of<T: JsonSchema>() -> Value {
    let settings = schemars::generate::SchemaSettings::draft07();
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    let mut nullable = BTreeSet::new();
    flatten_optional(&mut schema, &mut nullable);
    entries_may_be_null(&mut schema, &mut nullable);
    for pointer in nullable {
        if let Some(definition) = schema.pointer_mut(&pointer) {
            or_null(definition);
        }
    }
    schema
}

/// Definitions of the sections that the chart's own values have.
fn with_defaults(root: &Value, schema: &Value, sections: &mut BTreeSet<String>) {
    for name in required(schema) {
        let property = &schema["properties"][name];
        if let Some(pointer) = reference(property) {
            sections.insert(pointer.to_owned());
            with_defaults(root, referenced(root, property), sections);
        }
    }
}

fn reference(schema: &Value) -> Option<&str> {
    let inner = schema.get("allOf").map_or(schema, |all| &all[0]);
    Some(inner["$ref"].as_str()?.trim_start_matches('#'))
}

/// Turns `anyOf: [X, null]` into a plain reference to X and names X in `nullable`: an error below an `anyOf` says only
/// that no branch fits, not which key is wrong.
fn flatten_optional(schema: &mut Value, nullable: &mut BTreeSet<String>) {
    match schema {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| flatten_optional(item, nullable)),
        Value::Object(map) => {
            let reference = map
                .get("anyOf")
                .and_then(|any| any[0]["$ref"].as_str())
                .map(ToOwned::to_owned);
            if let Some(reference) = reference {
                map.remove("anyOf");
                map.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
                nullable.insert(reference.trim_start_matches('#').to_owned());
            }
            map.values_mut()
                .for_each(|value| flatten_optional(value, nullable));
        }
        _ => {}
    }
}

/// A null takes an entry with a name of the user's own back out that a weaker layer put in.
fn entries_may_be_null(schema: &mut Value, nullable: &mut BTreeSet<String>) {
    match schema {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| entries_may_be_null(item, nullable)),
        Value::Object(map) => {
            if let Some(entry) = map.get_mut("additionalProperties") {
                entry_may_be_null(entry, nullable);
            }
            let patterns = map
                .get_mut("patternProperties")
                .and_then(Value::as_object_mut);
            for entry in patterns
                .into_iter()
                .flat_map(|patterns| patterns.values_mut())
            {
                entry_may_be_null(entry, nullable);
            }
            map.values_mut()
                .for_each(|value| entries_may_be_null(value, nullable));
        }
        _ => {}
    }
}

fn entry_may_be_null(entry: &mut Value, nullable: &mut BTreeSet<String>) {
    match reference(entry) {
        Some(pointer) => {
            nullable.insert(pointer.to_owned());
        }
        None => or_null(entry),
    }
}

fn or_null(schema: &mut Value) {
    let Some(kind) = schema.get_mut("type") else {
        return;
    };
    let mut kinds = match kind.take() {
        Value::Array(kinds) => kinds,
        one => vec![one],
    };
    if !kinds.iter().any(|kind| kind == "null") {
        kinds.push(json!("null"));
    }
    *kind = Value::Array(kinds);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_default_is_not_required_and_what_is_the_users_own_is() {
        let schema = schema_value();
        for section in [
            "",
            "/definitions/Network",
            "/definitions/Telemetry",
            "/definitions/Image",
        ] {
            let section = schema.pointer(section).expect("a section");
            assert_eq!(required(section).count(), 0, "{section}");
        }
        let group = &schema["definitions"]["ValidatorGroup"];
        assert_eq!(
            required(group).collect::<Vec<_>>(),
            ["replicas", "keyOffset"]
        );
        assert_eq!(group["type"], json!(["object", "null"]));
    }

    #[test]
    fn every_number_has_bounds() {
        fn unbounded(schema: &Value, at: &str, found: &mut Vec<String>) {
            let kind = schema["type"].to_string();
            let number = kind.contains("\"integer\"") || kind.contains("\"number\"");
            if number && (schema.get("minimum").is_none() || schema.get("maximum").is_none()) {
                found.push(at.to_owned());
            }
            for (key, value) in schema.as_object().into_iter().flatten() {
                unbounded(value, &format!("{at}/{key}"), found);
            }
        }
        let mut found = Vec::new();
        unbounded(&schema_value(), "", &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
}
