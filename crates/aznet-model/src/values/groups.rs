//! Groups of validators: `validator`, and what differs from it in `validatorGroups`.

use super::{PodSettings, ValidatorGroup, Values};
use crate::role::Role;
use crate::workload::{DEFAULT_GROUP, Workload};
use schemars::{Schema, SchemaGenerator, json_schema};

/// A group's name. A pod's is `validator-<group>-<ordinal>`, and Kubernetes puts a hash of eleven characters behind the
/// first part: a name has at most 20. A group named `1` would have its workload named as a pod of the first group is.
const NAME: &str = "^[a-z]([-a-z0-9]{0,18}[a-z0-9])?$";

/// Groups by name.
pub(super) fn names_schema(generator: &mut SchemaGenerator) -> Schema {
    let group = generator.subschema_for::<ValidatorGroup>();
    json_schema!({
        "type": "object",
        "propertyNames": { "pattern": NAME, "not": { "const": DEFAULT_GROUP } },
        "additionalProperties": { "allOf": [group] },
    })
}

/// A group of validators with all that it takes over from `validator`.
#[derive(Debug, Clone, PartialEq)]
pub struct Validators {
    /// `validator`, or a further group.
    pub workload: Workload,
    /// Pods.
    pub replicas: u32,
    /// Attester keys in each pod.
    pub keys_per_replica: u32,
    /// L1 publisher keys in each pod.
    pub publishers_per_replica: u32,
    /// Distance of its keys from where those of `validator` start.
    pub key_offset: u32,
}

impl Validators {
    /// Attesters of all its pods.
    pub fn attesters(&self) -> u64 {
        u64::from(self.replicas) * u64::from(self.keys_per_replica)
    }
}

impl Values {
    /// The groups of validators: `validator` first, the others by name.
    pub fn validators(&self) -> Vec<Validators> {
        let base = &self.validator;
        let first = Validators {
            workload: Role::Validator.into(),
            replicas: base.replicas,
            keys_per_replica: base.keys_per_replica,
            publishers_per_replica: base.publishers_per_replica,
            key_offset: 0,
        };
        let others = self
            .validator_groups
            .iter()
            .map(|(name, group)| Validators {
                workload: Workload::group_of_validators(name),
                replicas: group.replicas,
                keys_per_replica: group.keys_per_replica.unwrap_or(base.keys_per_replica),
                publishers_per_replica: group
                    .publishers_per_replica
                    .unwrap_or(base.publishers_per_replica),
                key_offset: group.key_offset,
            });
        std::iter::once(first).chain(others).collect()
    }

    /// Every workload there can be, in the order in which they come up.
    pub fn workloads(&self) -> Vec<Workload> {
        let of = |role| match role {
            Role::Validator => self
                .validators()
                .into_iter()
                .map(|group| group.workload)
                .collect(),
            role => vec![Workload::from(role)],
        };
        Role::ALL.into_iter().flat_map(of).collect()
    }

    /// How many pods of a workload these values ask for.
    pub fn replicas_of(&self, workload: &Workload) -> u32 {
        match (workload.role(), workload.group()) {
            (_, Some(group)) => self
                .validator_groups
                .get(group)
                .map_or(0, |group| group.replicas),
            (Role::Validator, None) => self.validator.replicas,
            (role, None) => self.replicas(role),
        }
    }

    /// What a workload's pods have: a group's own settings over `validator` over [`Values::defaults`].
    pub fn pod_of(&self, workload: &Workload) -> PodSettings {
        let role = self.pod(workload.role());
        let group = workload
            .group()
            .and_then(|name| self.validator_groups.get(name));
        match group {
            Some(group) => group.settings().over(&role),
            None => role,
        }
    }
}
