//! What happens to objects that have no pods.

use super::manifest::Id;
use super::{Consequence, Effect, Manifest, template, workloads};
use crate::config::CONFIG_MAP;
use crate::units::Bytes;
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn consequences(before: &Manifest, after: &Manifest) -> Vec<Consequence> {
    Manifest::pairs(before, after)
        .filter(|(id, ..)| !workloads::has_pods(&id.kind))
        .filter_map(|(id, old, new)| match (old, new) {
            (None, Some(_)) => Some(Consequence::new(Effect::Added, id.to_string(), Vec::new())),
            (Some(old), None) => Some(goes(id, old)),
            (Some(old), Some(new)) => changes(id, old, new),
            (None, None) => None,
        })
        .collect()
}

fn goes(id: &Id, object: &Value) -> Consequence {
    if object["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" {
        let reasons = vec!["stays in the namespace, and the release no longer has it".to_owned()];
        return Consequence::new(Effect::Changed, id.to_string(), reasons);
    }
    if id.kind == "PersistentVolumeClaim" {
        let reasons = vec!["the volume goes, and what is on it".to_owned()];
        return Consequence::new(Effect::Lost, id.to_string(), reasons);
    }
    Consequence::new(Effect::Removed, id.to_string(), Vec::new())
}

fn changes(id: &Id, old: &Value, new: &Value) -> Option<Consequence> {
    match id.kind.as_str() {
        "Secret" => secret(id, old, new),
        "PersistentVolumeClaim" => claim(id, old, new),
        // Its change is told where it matters: to keys, and to the pods that restart for it.
        "ConfigMap" if id.name == CONFIG_MAP => None,
        _ => other(id, old, new),
    }
}

/// Names of what changes in a Secret, never values.
fn secret(id: &Id, old: &Value, new: &Value) -> Option<Consequence> {
    let mut changed: BTreeSet<String> = BTreeSet::new();
    for field in ["data", "stringData"] {
        let differing = template::fields(&old[field], &new[field], &[]);
        changed.extend(differing.into_iter().map(|(key, _)| key));
    }
    if changed.is_empty() {
        return None;
    }
    if id.name == "keys" {
        let reasons = vec![
            "another mnemonic: at their next start all pods hold other keys".to_owned(),
            "the attesters of before stay in the validator set and attest no more".to_owned(),
        ];
        return Some(Consequence::new(Effect::Keys, id.to_string(), reasons));
    }
    let reasons = changed.into_iter().map(|key| format!("{key} changes"));
    Some(Consequence::new(
        Effect::Changed,
        id.to_string(),
        reasons.collect(),
    ))
}

/// A claim may grow where its StorageClass allows that; anything else is refused.
fn claim(id: &Id, old: &Value, new: &Value) -> Option<Consequence> {
    let (old, new) = (
        template::canonical(&old["spec"]),
        template::canonical(&new["spec"]),
    );
    if old == new {
        return None;
    }
    let words: Vec<String> = template::fields(&old, &new, &[])
        .into_iter()
        .map(|(field, words)| format!("{field}{words}"))
        .collect();
    let size = |spec: &Value| -> Option<Bytes> {
        spec["resources"]["requests"]["storage"]
            .as_str()?
            .parse()
            .ok()
    };
    let only_grows = words.len() == 1 && size(&new) > size(&old);
    let (effect, why) = if only_grows {
        (
            Effect::Changed,
            "only where the StorageClass allows volumes to grow",
        )
    } else {
        (Effect::Refused, "a volume claim can only grow")
    };
    let reasons = words.into_iter().chain([why.to_owned()]).collect();
    Some(Consequence::new(effect, id.to_string(), reasons))
}

fn other(id: &Id, old: &Value, new: &Value) -> Option<Consequence> {
    let without_labels = |object: &Value| {
        let mut object = template::canonical(object);
        if let Some(metadata) = object["metadata"].as_object_mut() {
            // They name the chart's version on every object, and no one is selected by them.
            metadata.remove("labels");
        }
        object
    };
    let (old, new) = (without_labels(old), without_labels(new));
    let words: Vec<String> = template::fields(&old, &new, &["apiVersion", "kind"])
        .into_iter()
        .map(|(field, words)| format!("{}{words}", field.trim_start_matches("spec.")))
        .collect();
    if words.is_empty() {
        return None;
    }
    let headless = |service: &Value| service["spec"]["clusterIP"] == "None";
    if id.kind == "Service" && headless(&old) != headless(&new) {
        let why = "the address of a Service can't change; delete it first".to_owned();
        let reasons = words.into_iter().chain([why]).collect();
        return Some(Consequence::new(Effect::Refused, id.to_string(), reasons));
    }
    Some(Consequence::new(Effect::Changed, id.to_string(), words))
}
