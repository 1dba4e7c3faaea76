//! A release's objects, by kind and name.

use crate::yaml::{self, YamlError};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a release consists of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifest {
    objects: BTreeMap<Id, Value>,
}

/// Kind and name; a release is in one namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) kind: String,
    pub(super) name: String,
}

/// What Helm knows a hook by.
const HOOK: &str = "helm.sh/hook";

/// The text is no manifest.
#[derive(Debug, thiserror::Error)]
#[error("a release's manifest could not be parsed: expected Kubernetes objects in YAML")]
pub struct ManifestError(#[from] YamlError);

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl Manifest {
    /// Reads what `helm get manifest` and `helm template` write. Hooks are left out: the first writes none of them.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        Ok(yaml::read_all(text)?.into_iter().collect())
    }

    /// StatefulSets and Deployments by kind and name, with the number of pods that each is to have.
    pub fn replicas(&self) -> impl Iterator<Item = (&str, &str, u32)> {
        let pods = |object: &Value| {
            let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1);
            u32::try_from(replicas).unwrap_or(u32::MAX)
        };
        self.objects
            .iter()
            .filter(|(id, _)| matches!(id.kind.as_str(), "StatefulSet" | "Deployment"))
            .map(move |(id, object)| (id.kind.as_str(), id.name.as_str(), pods(object)))
    }

    /// The images that its pods run.
    pub fn images(&self) -> BTreeSet<&str> {
        let specs = self
            .objects
            .values()
            .map(|object| &object["spec"]["template"]["spec"]);
        let lists = specs.flat_map(|spec| [&spec["initContainers"], &spec["containers"]]);
        let containers = lists.flat_map(|list| list.as_array().into_iter().flatten());
        containers
            .filter_map(|container| container["image"].as_str())
            .collect()
    }

    pub(super) fn get(&self, kind: &str, name: &str) -> Option<&Value> {
        self.objects.get(&Id {
            kind: kind.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The objects of one of two releases or both, with what each has of them.
    pub(super) fn pairs<'a>(
        before: &'a Self,
        after: &'a Self,
    ) -> impl Iterator<Item = (&'a Id, Option<&'a Value>, Option<&'a Value>)> {
        let ids: BTreeSet<&Id> = before.objects.keys().chain(after.objects.keys()).collect();
        ids.into_iter()
            .map(|id| (id, before.objects.get(id), after.objects.get(id)))
    }
}

impl FromIterator<Value> for Manifest {
    fn from_iter<T: IntoIterator<Item = Value>>(documents: T) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let is_hook = |object: &Value| object["metadata"]["annotations"].get(HOOK).is_some();
        let documents = documents.into_iter().filter(|object| !is_hook(object));
        let objects = documents.filter_map(|object| {
            let id = Id {
                kind: text(&object["kind"])?,
                name: text(&object["metadata"]["name"])?,
            };
            Some((id, object))
        });
        Self {
            objects: objects.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `helm get manifest` has none: to an upgrade, the pod of `helm test` would be a new object each time.
    #[test]
    fn hooks_are_no_part_of_a_release() {
        let text = "kind: Service\nmetadata: {name: a}\n---\nkind: Pod\nmetadata:\n  name: smoke\n  annotations: {helm.sh/hook: test}\n";
        let manifest = Manifest::parse(text).expect("objects");
        assert!(manifest.get("Service", "a").is_some());
        assert!(manifest.get("Pod", "smoke").is_none());
    }
}
