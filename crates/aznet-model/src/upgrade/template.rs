//! What differs between two pod templates, in words; no difference that Kubernetes doesn't see.

use crate::units::{Bytes, MilliCpu};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Names of variables whose values are never shown.
const SECRET: [&str; 7] = [
    "KEY",
    "SECRET",
    "PASSWORD",
    "TOKEN",
    "MNEMONIC",
    "CREDENTIAL",
    "HEADER",
];
/// Longer values than this are files or lists: that they changed is said, not how.
const LONGEST: usize = 200;
/// The chart's digest of the configuration; its reason is told apart.
const CHECKSUM: &str = "aznet.dev/config-checksum";

/// `true` where Kubernetes would replace pods of `before` by pods of `after`.
pub(super) fn differs(before: &Value, after: &Value) -> bool {
    canonical(before) != canonical(after)
}

/// Why the templates differ. `config` says what changes in the configuration that the checksum covers.
pub(super) fn reasons(before: &Value, after: &Value, config: Vec<String>) -> Vec<String> {
    let (before, after) = (canonical(before), canonical(after));
    let mut reasons = Vec::new();
    reasons.extend(metadata(&before["metadata"], &after["metadata"]));
    if before["metadata"]["annotations"][CHECKSUM] != after["metadata"]["annotations"][CHECKSUM] {
        let chart = vec!["the chart's own configuration".to_owned()];
        reasons.extend(if config.is_empty() { chart } else { config });
    }
    let (before, after) = (&before["spec"], &after["spec"]);
    for list in ["initContainers", "containers"] {
        reasons.extend(containers(&before[list], &after[list], list));
    }
    let rest = fields(before, after, &["initContainers", "containers"]);
    reasons.extend(
        rest.into_iter()
            .map(|(field, words)| format!("{field}{words}")),
    );
    reasons
}

fn metadata(before: &Value, after: &Value) -> Vec<String> {
    let mut reasons = Vec::new();
    for (list, noun) in [("labels", "label"), ("annotations", "annotation")] {
        for (name, words) in fields(&before[list], &after[list], &[CHECKSUM]) {
            reasons.push(format!("{noun} {name}{words}"));
        }
    }
    reasons
}

/// Containers by name; the first of `containers` needs no name in the words.
fn containers(before: &Value, after: &Value, list: &str) -> Vec<String> {
    let (old, new) = (by_name(before), by_name(after));
    let mut reasons = Vec::new();
    for (name, container) in &new {
        let prefix = if list == "containers" && new.len() == 1 {
            String::new()
        } else {
            format!("{name}: ")
        };
        match old.get(name) {
            None => reasons.push(format!("container {name} comes")),
            Some(old) => {
                let words = container_words(old, container);
                reasons.extend(words.into_iter().map(|words| format!("{prefix}{words}")));
            }
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    reasons.extend(gone.map(|name| format!("container {name} goes")));
    reasons
}

fn container_words(before: &Value, after: &Value) -> Vec<String> {
    let mut reasons = Vec::new();
    let (old, new) = (by_name(&before["env"]), by_name(&after["env"]));
    let names: std::collections::BTreeSet<&&str> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (from, to) = (old.get(*name), new.get(*name));
        if from != to {
            let hidden = SECRET.iter().any(|part| name.to_uppercase().contains(part));
            let show = |entry: Option<&&Value>| match entry {
                None => "none".to_owned(),
                Some(_) if hidden => "(hidden)".to_owned(),
                Some(entry) => entry["value"].as_str().unwrap_or("(reference)").to_owned(),
            };
            reasons.push(format!("env {name} {}", change(&show(from), &show(to))));
        }
    }
    let rest = fields(before, after, &["env", "name"]);
    reasons.extend(
        rest.into_iter()
            .map(|(field, words)| format!("{field}{words}")),
    );
    reasons
}

/// The fields that differ, and how: scalars with both values, anything else by name; one level of maps is looked into.
pub(super) fn fields(before: &Value, after: &Value, without: &[&str]) -> Vec<(String, String)> {
    let (empty, none) = (Map::new(), Value::Null);
    let old = before.as_object().unwrap_or(&empty);
    let new = after.as_object().unwrap_or(&empty);
    let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut differing = Vec::new();
    for key in keys
        .into_iter()
        .filter(|key| !without.contains(&key.as_str()))
    {
        let (from, to) = (old.get(key).unwrap_or(&none), new.get(key).unwrap_or(&none));
        if from == to {
            continue;
        }
        if from.is_object() && to.is_object() {
            let inner = fields(from, to, &[]).into_iter();
            differing.extend(inner.map(|(inner, words)| (format!("{key}.{inner}"), words)));
        } else {
            differing.push((key.clone(), words(from, to)));
        }
    }
    differing
}

/// `12 → 24`; of a file, only that it changed.
pub(super) fn change(from: &str, to: &str) -> String {
    let file = |text: &str| text.contains('\n') || text.len() > LONGEST;
    match (file(from), file(to)) {
        (false, false) => format!("{from} → {to}"),
        _ if from == "none" => "comes".to_owned(),
        _ if to == "none" => "goes".to_owned(),
        _ => "changed".to_owned(),
    }
}

fn words(from: &Value, to: &Value) -> String {
    let plain = |value: &Value| match value {
        Value::Null => Some("none".to_owned()),
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    };
    match (plain(from), plain(to)) {
        (Some(from), Some(to)) => format!(" {}", change(&from, &to)),
        (Some(from), None) if from == "none" => " comes".to_owned(),
        (None, Some(to)) if to == "none" => " goes".to_owned(),
        _ => String::new(),
    }
}

fn by_name(list: &Value) -> BTreeMap<&str, &Value> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| Some((item["name"].as_str()?, item)))
        .collect()
}

/// The same in one way of writing: quantities as numbers, nothing that is empty.
pub(super) fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter_map(|(key, value)| {
                let value = match key.as_str() {
                    "requests" | "limits" => quantities(value),
                    _ => canonical(value),
                };
                let empty = value.is_null()
                    || value.as_object().is_some_and(Map::is_empty) && key != "emptyDir"
                    || value.as_array().is_some_and(Vec::is_empty);
                (!empty).then(|| (key.clone(), value))
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        other => other.clone(),
    }
}

/// Kubernetes stores `0.1` and `100m` as the same.
fn quantities(value: &Value) -> Value {
    let Some(map) = value.as_object() else {
        return value.clone();
    };
    let one = |(key, value): (&String, &Value)| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let number = if key == "cpu" {
            text.parse::<MilliCpu>()
                .ok()
                .map(|cpu| format!("{}m", cpu.0))
        } else {
            text.parse::<Bytes>().ok().map(exact)
        };
        (key.clone(), Value::String(number.unwrap_or(text)))
    };
    Value::Object(map.iter().map(one).collect())
}

/// In the largest unit that it is a whole number of.
pub(super) fn exact(bytes: Bytes) -> String {
    let units = [("Gi", 30), ("Mi", 20), ("Ki", 10)];
    let whole = units
        .iter()
        .find(|(_, shift)| bytes.0 != 0 && bytes.0.is_multiple_of(1 << shift));
    whole.map_or_else(
        || bytes.0.to_string(),
        |(unit, shift)| format!("{}{unit}", bytes.0 >> shift),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template(container: &Value, checksum: &str) -> Value {
        json!({
            "metadata": {"labels": {"a": "b"}, "annotations": {CHECKSUM: checksum}},
            "spec": {"containers": [container], "volumes": [{"name": "tmp", "emptyDir": {}}]},
        })
    }

    #[test]
    fn of_a_file_only_that_it_changed_is_said() {
        let file =
            |rule: &str| json!({"data": {"aztec.yaml": format!("groups:\n- {rule}\n"), "n": 1}});
        let said = fields(&file("a"), &file("b"), &[]);
        assert_eq!(
            said,
            [("data.aztec.yaml".to_owned(), " changed".to_owned())]
        );
        assert_eq!(change("none", &"x".repeat(LONGEST + 1)), "comes");
        assert_eq!(change("1", "2"), "1 → 2");
    }

    #[test]
    fn ways_of_writing_are_no_difference() {
        let one = json!({"name": "x", "resources": {"requests": {"cpu": "0.1", "memory": "1Gi"}}, "args": []});
        let other =
            json!({"name": "x", "resources": {"requests": {"cpu": "100m", "memory": "1024Mi"}}});
        assert!(!differs(&template(&one, "1"), &template(&other, "1")));
        assert!(differs(&template(&one, "1"), &template(&other, "2")));
    }

    #[test]
    fn each_difference_is_named_and_no_secret_shown() {
        let one = json!({"name": "x", "image": "a:1", "env": [
            {"name": "A", "value": "1"}, {"name": "GONE", "value": "x"}, {"name": "API_KEY", "value": "geheim"}],
            "resources": {"limits": {"memory": "1Gi"}}});
        let other = json!({"name": "x", "image": "a:2", "env": [
            {"name": "A", "value": "2"}, {"name": "API_KEY", "value": "anders"},
            {"name": "REF", "valueFrom": {"fieldRef": {}}}],
            "resources": {"limits": {"memory": "2Gi"}}, "args": ["--x"]});
        let (one, other) = (template(&one, "1"), template(&other, "2"));
        assert_eq!(
            reasons(&one, &other, vec!["sentinel true → false".to_owned()]),
            [
                "sentinel true → false",
                "env A 1 → 2",
                "env API_KEY (hidden) → (hidden)",
                "env GONE x → none",
                "env REF none → (reference)",
                "args comes",
                "image a:1 → a:2",
                "resources.limits.memory 1Gi → 2Gi",
            ]
        );
    }
}
