//! Which pods a fault hits. There is no way to name a namespace: a fault stays inside the network that it is done to.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which pods: those that have one of each list that is not empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Pods {
    /// Roles, such as `validator`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Groups of validators; `default` is that of `validator`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Places within the workload, from 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ordinals: Vec<u32>,
    /// Further labels that the pods have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// So many of them, chosen by chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub count: Option<u32>,
    /// This share of them, chosen by chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub percent: Option<u32>,
}

/// What of a pod decides whether a fault may hit it.
#[derive(Debug, Clone, Copy)]
pub struct PodFacts<'a> {
    /// Its role.
    pub role: &'a str,
    /// Its group of validators.
    pub group: Option<&'a str>,
    /// Its place, where it has one.
    pub ordinal: Option<u32>,
    /// All its labels.
    pub labels: &'a BTreeMap<String, String>,
}

impl Pods {
    /// Whether a pod is among those that the fault may hit.
    pub fn may_hit(&self, pod: &PodFacts<'_>) -> bool {
        let one_of = |list: &[String], name: Option<&str>| {
            list.is_empty() || name.is_some_and(|name| list.iter().any(|one| one == name))
        };
        let at = |ordinal| self.ordinals.contains(&ordinal);
        one_of(&self.roles, Some(pod.role))
            && one_of(&self.groups, pod.group)
            && (self.ordinals.is_empty() || pod.ordinal.is_some_and(at))
            && (self.labels.iter()).all(|(key, value)| pod.labels.get(key) == Some(value))
    }
}

impl fmt::Display for Pods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        let mut say = |what: &str, names: &[String]| {
            if !names.is_empty() {
                words.push(format!("{what} {}", names.join(", ")));
            }
        };
        let ordinals: Vec<String> = self.ordinals.iter().map(ToString::to_string).collect();
        let labels = self.labels.iter();
        let labels: Vec<String> = labels
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        say("role", &self.roles);
        say("group", &self.groups);
        say("ordinal", &ordinals);
        say("label", &labels);
        if words.is_empty() {
            return f.write_str("any pod of the network");
        }
        f.write_str(&words.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_that_is_not_empty_narrows() {
        let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        let pod = PodFacts {
            role: "validator",
            group: Some("slow"),
            ordinal: Some(2),
            labels: &labels,
        };
        let mut pods = Pods::default();
        assert!(pods.may_hit(&pod));
        pods.roles = vec!["validator".to_owned(), "pxe".to_owned()];
        pods.groups = vec!["slow".to_owned()];
        pods.ordinals = vec![1, 2];
        pods.labels.clone_from(&labels);
        assert!(pods.may_hit(&pod));
        for other in [
            PodFacts {
                role: "full-node",
                ..pod
            },
            PodFacts { group: None, ..pod },
            PodFacts {
                ordinal: Some(0),
                ..pod
            },
            PodFacts {
                ordinal: None,
                ..pod
            },
            PodFacts {
                labels: &BTreeMap::new(),
                ..pod
            },
        ] {
            assert!(!pods.may_hit(&other), "{other:?}");
        }
    }
}
