//! Networks that transfers are tested on: overlays in `networks/`. What they have is their plan's to say.

use std::collections::BTreeMap;

use aznet_model::chaos::{PodFacts, Pods as Hit};
use aznet_model::plan::{Committee, Plan, PodPlan};
use aznet_model::role::Role;
use aznet_model::values::Values;
use aznet_model::workload::Workload;

/// An overlay in `networks/`, and why it is in the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topology {
    /// The overlay's name.
    pub name: &'static str,
    /// What is particular about it.
    pub about: &'static str,
}

/// Every topology of the matrix, from the smallest to the largest.
pub const TOPOLOGIES: [Topology; 7] = [
    Topology {
        name: "one",
        about: "one validator, alone in its committee",
    },
    Topology {
        name: "small",
        about: "four validators, a full node, a pxe",
    },
    Topology {
        name: "groups",
        about: "four validators in two groups with different settings",
    },
    Topology {
        name: "provers",
        about: "two prover nodes and three agents at one broker",
    },
    Topology {
        name: "two-pods",
        about: "eight validators in two pods",
    },
    Topology {
        name: "two-pxes",
        about: "four validators, two full nodes, two pxes",
    },
    Topology {
        name: "seed",
        about: "32 validators in eight pods, three pxes",
    },
];

/// Roles whose pods run Aztec: an operator upgrades them together.
pub(crate) const AZTEC: [Role; 7] = [
    Role::BootNode,
    Role::FullNode,
    Role::Validator,
    Role::ProverNode,
    Role::ProverBroker,
    Role::ProverAgent,
    Role::Pxe,
];

/// What of a network's plan decides whether a condition is possible on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    replicas: BTreeMap<Role, u32>,
    /// Where values.yaml has the settings of what runs Aztec.
    nodes: Vec<String>,
    /// Pods that hear of each other over p2p.
    node_pods: Vec<PodPlan>,
    committee: Committee,
    /// Of the group `default`.
    validators: Pods,
    /// Pods that the group `default` may have; `None`: any number.
    room: Option<u64>,
    penalties: bool,
    lacks: Option<&'static str>,
    /// What it lacks for attacks, by their names.
    attacks: BTreeMap<&'static str, &'static str>,
}

/// Validator pods of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pods {
    pods: u32,
    keys: u64,
}

impl Facts {
    /// The facts of a network with these values, and the plan that they come to.
    pub fn of(values: &Values, plan: &Plan) -> Self {
        let mut replicas = BTreeMap::new();
        for role in &plan.roles {
            *replicas.entry(role.role).or_default() += role.replicas;
        }
        let nodes = plan.roles.iter().filter(|role| AZTEC.contains(&role.role));
        let nodes = nodes.filter_map(|role| Workload::from_name(&role.name));
        let own = plan
            .roles
            .iter()
            .find(|role| role.role == Role::Validator && role.group.is_none());
        let node_pods = plan.pods.iter().filter(|pod| pod.role.is_node());
        let groups = values.validators();
        let default = groups.iter().find(|group| group.workload.group().is_none());
        Self {
            replicas,
            nodes: nodes.map(|node| node.values_key()).collect(),
            node_pods: node_pods.cloned().collect(),
            committee: plan.committee,
            validators: Pods {
                pods: default.map_or(0, |group| group.replicas),
                keys: default.map_or(0, |group| group.keys_per_replica.into()),
            },
            room: own
                .and_then(|own| own.room.as_ref())
                .map(|room| room.replicas),
            penalties: !values.network.slashing.disable_penalties,
            lacks: crate::transfer::lacks_finality(values),
            attacks: crate::attack::lacking(values),
        }
    }

    /// Pods of a role.
    pub fn pods(&self, role: Role) -> u32 {
        self.replicas.get(&role).copied().unwrap_or_default()
    }

    /// Where values.yaml has the settings of what runs Aztec, e.g. `validatorGroups.slow`.
    pub(crate) fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// The names of all pods that hear of each other over p2p, but of those that a fault may hit.
    pub(crate) fn nodes_but(&self, hit: &Hit) -> Vec<&str> {
        let none = BTreeMap::new();
        let nodes = self.node_pods.iter();
        let others = nodes.filter(|pod| !hit.may_hit(&as_hit(pod, &none)));
        others.map(|pod| pod.name.as_str()).collect()
    }

    /// Who decides, and how many may be away.
    pub(crate) const fn committee(&self) -> &Committee {
        &self.committee
    }

    /// Validator pods of the group `default`: those that faults are done to.
    pub(crate) const fn validator_pods(&self) -> u32 {
        self.validators.pods
    }

    /// Attesters in each of them.
    pub(crate) const fn keys_per_pod(&self) -> u64 {
        self.validators.keys
    }

    /// Pods that the group `default` has keys for; `None`: any number.
    pub(crate) const fn room_for_validators(&self) -> Option<u64> {
        self.room
    }

    /// Whether validators are slashed.
    pub(crate) const fn has_penalties(&self) -> bool {
        self.penalties
    }

    /// What the network lacks for any transfer.
    pub(crate) const fn lacks(&self) -> Option<&'static str> {
        self.lacks
    }

    /// What the network lacks for the attack called so.
    pub(crate) fn lacks_for(&self, attack: &str) -> Option<&'static str> {
        self.attacks.get(attack).copied()
    }

    /// How many of the pods that faults are done to must be away for no committee to have a quorum, whatever the draw;
    /// `None` if that can't be had.
    pub(crate) fn breaking(&self) -> Option<u32> {
        let Committee {
            quorum, validators, ..
        } = self.committee;
        let left = |away: u32| validators.saturating_sub(u64::from(away) * self.validators.keys);
        (1..=self.validators.pods).find(|away| left(*away) < quorum)
    }
}

/// What of a pod decides whether a fault may hit it.
pub(crate) fn as_hit<'a>(pod: &'a PodPlan, labels: &'a BTreeMap<String, String>) -> PodFacts<'a> {
    let group = pod.group.as_deref().unwrap_or("default");
    let ordinal = pod.name.rsplit('-').next();
    PodFacts {
        name: &pod.name,
        role: pod.role.name(),
        group: (pod.role == Role::Validator).then_some(group),
        ordinal: ordinal.and_then(|last| last.parse().ok()),
        labels,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::{Path, PathBuf};

    use aznet_model::plan::plan;
    use aznet_network::load::{Base, Request, load};

    use super::*;

    pub(crate) fn source() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    /// The facts of an overlay with `--set` expressions over it.
    pub(crate) fn facts(name: &str, sets: &[&str]) -> Facts {
        let values = values(name, sets);
        Facts::of(&values, &plan(&values).expect("a plan"))
    }

    /// The values of an overlay with `--set` expressions over it.
    pub(crate) fn values(name: &str, sets: &[&str]) -> Values {
        let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
        let request = Request {
            source: &source(),
            base: Base::Network(name),
            implied: None,
            files: &[],
            sets: &sets,
        };
        load(&request).expect("an overlay").values
    }

    #[test]
    fn every_topology_is_an_overlay_that_transfers_can_be_tested_on() {
        for topology in TOPOLOGIES {
            assert_eq!(facts(topology.name, &[]).lacks(), None, "{topology:?}");
        }
        assert!(facts("tiny", &[]).lacks().is_some());
    }

    #[test]
    fn so_many_pods_are_taken_that_no_draw_has_a_quorum() {
        let breaking = |name: &str, sets: &[&str]| facts(name, sets).breaking();
        // 4 attesters, 3 needed; 32 in pods of 4, 22 needed; 8 in pods of 4, 6 needed; 1.
        let seen = ["small", "seed", "two-pods", "one"].map(|name| breaking(name, &[]));
        assert_eq!(seen, [Some(2), Some(3), Some(1), Some(1)]);
        // Of six validators four are drawn: with three away a lucky draw still has three.
        assert_eq!(breaking("small", &["validator.replicas=6"]), Some(4));
        // The other group's attesters are a quorum by themselves.
        let others = ["validator.replicas=1", "validatorGroups.eager.replicas=3"];
        assert_eq!(breaking("groups", &others), None);
    }
}
