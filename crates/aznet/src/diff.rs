//! What differs between two sets of values, key by key.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// A key whose value differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The key, dotted.
    pub key: String,
    /// Its value before; `None`: it was not there.
    pub from: Option<Value>,
    /// Its value now; `None`: it is gone.
    pub to: Option<Value>,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let show = |value: &Option<Value>| {
            value
                .as_ref()
                .map_or("default".to_owned(), Value::to_string)
        };
        write!(f, "{}: {} → {}", self.key, show(&self.from), show(&self.to))
    }
}

/// The keys that differ, sorted. Lists are compared as a whole, as Helm replaces them as a whole.
pub fn changes(from: &Value, to: &Value) -> Vec<Change> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    flatten(String::new(), from, &mut old);
    flatten(String::new(), to, &mut new);
    let mut keys: Vec<_> = old.keys().chain(new.keys()).cloned().collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .map(|key| Change {
            from: old.remove(&key),
            to: new.remove(&key),
            key,
        })
        .filter(|change| change.from != change.to)
        .collect()
}

fn flatten(prefix: String, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let key = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(key, value, into);
            }
        }
        // An empty map and a missing key mean the same to a chart.
        Value::Object(_) | Value::Null => {}
        other => {
            into.insert(prefix, other.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_keys_that_differ_are_named() {
        let from =
            json!({"validator": {"replicas": 4, "env": {}}, "pxe": {"replicas": 1}, "list": [1]});
        let to = json!({"validator": {"replicas": 6}, "pxe": {"replicas": 1}, "list": [1, 2], "new": true});
        let lines: Vec<_> = changes(&from, &to)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            lines,
            [
                "list: [1] → [1,2]",
                "new: default → true",
                "validator.replicas: 4 → 6"
            ]
        );
        assert!(changes(&to, &to).is_empty());
    }
}
