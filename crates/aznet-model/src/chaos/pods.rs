//! Which pods a fault hits. There is no way to name a namespace: a fault stays inside the network that it is done to.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::committee::quorum;

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
    /// Names of pods of StatefulSets, such as `validator-2`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
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
    /// Of validators, the one whose turn it is to propose when the fault begins.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub proposer: bool,
    /// Of validators, as many as hold this share of the committee, chosen by chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committee: Option<Share>,
}

/// A share of a committee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Share {
    /// At most a third: a quorum is left.
    #[serde(rename = "1/3")]
    Third,
    /// More than a third: no quorum is left.
    #[serde(rename = "1/3+1")]
    MoreThanThird,
    /// At most two thirds: no quorum themselves.
    #[serde(rename = "2/3")]
    TwoThirds,
}

impl Share {
    /// Members that it is of a committee of this size, and whether it may be more of them.
    pub const fn of(self, size: u64) -> (u64, bool) {
        match self {
            Self::Third => (size - quorum(size), false),
            Self::MoreThanThird => (size - quorum(size) + 1, true),
            Self::TwoThirds => (quorum(size).saturating_sub(1), false),
        }
    }
}

/// What of a pod decides whether a fault may hit it.
#[derive(Debug, Clone, Copy)]
pub struct PodFacts<'a> {
    /// Its name.
    pub name: &'a str,
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
    /// Whether all that fit are meant, and not some of them.
    pub const fn takes_all(&self) -> bool {
        self.count.is_none() && self.percent.is_none()
    }

    /// Whether a pod is among those that the fault may hit.
    pub fn may_hit(&self, pod: &PodFacts<'_>) -> bool {
        let one_of = |list: &[String], name: Option<&str>| {
            list.is_empty() || name.is_some_and(|name| list.iter().any(|one| one == name))
        };
        let at = |ordinal| self.ordinals.contains(&ordinal);
        one_of(&self.roles, Some(pod.role))
            && one_of(&self.names, Some(pod.name))
            && one_of(&self.groups, pod.group)
            && (self.ordinals.is_empty() || pod.ordinal.is_some_and(at))
            && (self.labels.iter()).all(|(key, value)| pod.labels.get(key) == Some(value))
    }

    /// Whether only the protocol tells which they are.
    pub const fn is_of_committee(&self) -> bool {
        self.proposer || self.committee.is_some()
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
        say("name", &self.names);
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
            name: "validator-slow-2",
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
        pods.names = vec!["validator-slow-2".to_owned()];
        pods.labels.clone_from(&labels);
        assert!(pods.may_hit(&pod));
        for other in [
            PodFacts {
                role: "full-node",
                ..pod
            },
            PodFacts { group: None, ..pod },
            PodFacts {
                name: "validator-2",
                ..pod
            },
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

    #[test]
    fn shares_are_told_by_what_they_leave_of_a_quorum() {
        for (size, third, more, two) in [(4, 1, 2, 2), (3, 0, 1, 2), (7, 2, 3, 4), (48, 15, 16, 32)]
        {
            assert_eq!(Share::Third.of(size), (third, false), "{size}");
            assert_eq!(Share::MoreThanThird.of(size), (more, true), "{size}");
            assert_eq!(Share::TwoThirds.of(size), (two, false), "{size}");
        }
    }
}
