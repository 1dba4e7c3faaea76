//! The pods of a network that are of one kind: a role's, or those of a further group of validators.

use crate::role::Role;
use std::collections::BTreeMap;
use std::fmt;

/// Label of a validator's group.
pub const GROUP: &str = "aznet.dev/group";
/// Value of [`GROUP`] for the validators of `validator`, which have no name of their own.
pub const DEFAULT_GROUP: &str = "default";

/// A role, or a further group of validators.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workload {
    role: Role,
    group: Option<String>,
}

impl From<Role> for Workload {
    fn from(role: Role) -> Self {
        Self { role, group: None }
    }
}

impl Workload {
    /// A further group of validators, by its name in `validatorGroups`.
    pub fn group_of_validators(name: impl Into<String>) -> Self {
        Self {
            role: Role::Validator,
            group: Some(name.into()),
        }
    }

    /// The workload of this name, as [`Workload::name`] has it; `None` for other names.
    pub fn from_name(name: &str) -> Option<Self> {
        if let Some(role) = Role::from_name(name) {
            return Some(role.into());
        }
        let group = name
            .strip_prefix(Role::Validator.name())?
            .strip_prefix('-')?;
        (!group.is_empty()).then(|| Self::group_of_validators(group))
    }

    /// What a pod belongs to, by its labels; `component` is the value of `app.kubernetes.io/component`.
    pub fn from_labels(component: &str, labels: &BTreeMap<String, String>) -> Option<Self> {
        let role = Role::from_name(component)?;
        let group = labels
            .get(GROUP)
            .filter(|group| role == Role::Validator && *group != DEFAULT_GROUP);
        Some(Self {
            role,
            group: group.cloned(),
        })
    }

    /// The role.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The group's name; `None` for a role's own pods.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Name of the StatefulSet or Deployment and of its service, e.g. `validator-slow`.
    pub fn name(&self) -> String {
        self.to_string()
    }

    /// Where its settings are in values.yaml, e.g. `validatorGroups.slow`.
    pub fn values_key(&self) -> String {
        match &self.group {
            Some(group) => format!("validatorGroups.{group}"),
            None => self.role.values_key().to_owned(),
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some(group) => f.pad(&format!("{}-{group}", self.role.name())),
            None => f.pad(self.role.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_known_by_its_label() {
        let of = |component: &str, group: Option<&str>| {
            let labels = group.map(|group| (GROUP.to_owned(), group.to_owned()));
            Workload::from_labels(component, &labels.into_iter().collect())
        };
        let slow = Workload::group_of_validators("slow");
        assert_eq!(of("validator", Some("slow")), Some(slow.clone()));
        assert_eq!(
            of("validator", Some("default")),
            Some(Role::Validator.into())
        );
        assert_eq!(of("validator", None), Some(Role::Validator.into()));
        assert_eq!(of("pxe", Some("slow")), Some(Role::Pxe.into()));
        assert_eq!(of("other", None), None);
        assert_eq!(
            (slow.name(), slow.values_key()),
            ("validator-slow".into(), "validatorGroups.slow".into())
        );
    }

    #[test]
    fn a_workload_is_known_by_its_name() {
        for workload in [
            Role::Validator.into(),
            Role::FullNode.into(),
            Workload::group_of_validators("a-b"),
        ] {
            assert_eq!(Workload::from_name(&workload.name()), Some(workload));
        }
        for other in ["", "validators", "validator-", "full-node-0"] {
            assert_eq!(Workload::from_name(other), None, "{other}");
        }
    }
}
