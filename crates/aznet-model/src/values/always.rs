//! Values that are there whatever is said of them: a release upgraded with `--reuse-values` has those of an older chart,
//! which knew none of the newer keys. The chart has the same in `defaults.json`, which is made of this.

use serde_json::{Map, Value, json};

/// Which keys are always there, with their defaults: `{"value": …}`, or for a section
/// `{"keys": …, "more": …}`, of which `more` is only taken where the section is missing altogether.
///
/// Below a key of the user's own, such as a group's name, nothing is always there.
pub(super) fn always(schema: &Value, defaults: &Map<String, Value>) -> Value {
    section(schema, schema, defaults)
}

fn section(root: &Value, schema: &Value, defaults: &Map<String, Value>) -> Value {
    let mut keys = Map::new();
    for name in required(schema) {
        let default = defaults.get(name).cloned().unwrap_or_default();
        let below = referenced(root, &schema["properties"][name]);
        let entry = match default {
            Value::Object(default) if below.get("properties").is_some() => {
                let inner: Vec<&str> = required(below).collect();
                let more = default
                    .iter()
                    .filter(|(key, _)| !inner.contains(&key.as_str()));
                let more: Map<_, _> = more
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                json!({ "keys": section(root, below, &default), "more": more })
            }
            default => json!({ "value": default }),
        };
        keys.insert(name.to_owned(), entry);
    }
    Value::Object(keys)
}

/// The keys that a schema requires.
pub(super) fn required(schema: &Value) -> impl Iterator<Item = &str> {
    let required = schema["required"].as_array().into_iter().flatten();
    required.filter_map(Value::as_str)
}

/// Puts in what is always there and is not.
pub(super) fn fill(values: &mut Map<String, Value>, always: &Value) {
    for (name, entry) in always.as_object().into_iter().flatten() {
        if let Some(default) = entry.get("value") {
            values.entry(name).or_insert_with(|| default.clone());
            continue;
        }
        let section = values.entry(name).or_insert_with(|| entry["more"].clone());
        if let Value::Object(section) = section {
            fill(section, &entry["keys"]);
        }
    }
}

/// What a schema refers to, or the schema itself.
pub(super) fn referenced<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let inner = schema.get("allOf").map_or(schema, |all| &all[0]);
    let name = inner["$ref"].as_str();
    name.and_then(|name| root.pointer(name.trim_start_matches('#')))
        .unwrap_or(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_section_is_whole_and_a_missing_key_has_its_default() {
        let schema = json!({
            "required": ["a", "b"],
            "properties": { "a": { "$ref": "#/definitions/A" }, "b": { "type": "object" } },
            "definitions": {
                "A": { "required": ["x"], "properties": { "x": {}, "optional": {} } },
            },
        });
        let map = |value: Value| value.as_object().cloned().expect("a map");
        let defaults = map(json!({ "a": { "x": 1, "optional": 2 }, "b": { "mine": 3 } }));
        let always = always(&schema, &defaults);
        for (values, filled) in [
            (
                json!({}),
                json!({ "a": { "optional": 2, "x": 1 }, "b": { "mine": 3 } }),
            ),
            (
                json!({ "a": {}, "b": {} }),
                json!({ "a": { "x": 1 }, "b": {} }),
            ),
            (
                json!({ "a": { "x": 5 }, "b": { "y": 1 } }),
                json!({ "a": { "x": 5 }, "b": { "y": 1 } }),
            ),
        ] {
            let mut values = map(values);
            fill(&mut values, &always);
            assert_eq!(Value::Object(values), filled);
        }
    }
}
