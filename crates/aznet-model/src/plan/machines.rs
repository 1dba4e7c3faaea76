//! How many machines of which types a network's pods take.

mod instance;

pub use instance::{InstanceType, UnknownType};

use super::{Plan, RolePlan};
use crate::units::{Bytes, MilliCpu};
use crate::values::Values;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the add-ons of a machine itself ask for together: aws-node and its policy agent, kube-proxy, the driver of
/// volumes, the agent of pod identity.
const OF_EVERY_MACHINE: Amounts = Amounts {
    cpu: MilliCpu(200),
    memory: Bytes::mebibytes(128),
    pods: 4,
};
/// What the cluster has besides, somewhere: CoreDNS and the controller of volumes, two of each.
const OF_THE_CLUSTER: [Amounts; 4] = {
    let dns = Amounts {
        cpu: MilliCpu(100),
        memory: Bytes::mebibytes(70),
        pods: 1,
    };
    let volumes = Amounts {
        cpu: MilliCpu(60),
        memory: Bytes::mebibytes(240),
        pods: 1,
    };
    [dns, dns, volumes, volumes]
};

/// What pods ask for, or may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Processor time.
    pub cpu: MilliCpu,
    /// Memory.
    pub memory: Bytes,
    /// Pods.
    pub pods: u64,
}

impl Amounts {
    fn of(role: &RolePlan) -> Self {
        Self {
            cpu: role.each.cpu_requested,
            memory: role.each.memory_requested,
            pods: 1,
        }
    }

    fn holds(&self, other: &Self) -> bool {
        other.cpu <= self.cpu && other.memory <= self.memory && other.pods <= self.pods
    }

    fn without(&self, other: &Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(other.cpu),
            memory: self.memory.saturating_sub(other.memory),
            pods: self.pods.saturating_sub(other.pods),
        }
    }

    /// How much of a machine this is, by what it takes most of, in millionths.
    fn share_of(&self, machine: &Self) -> u128 {
        let share = |part: u64, whole: u64| 1_000_000 * u128::from(part) / u128::from(whole.max(1));
        share(self.cpu.0, machine.cpu.0).max(share(self.memory.0, machine.memory.0))
    }
}

/// Where the pods of a network go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machines {
    /// Groups of machines of a type.
    pub groups: Vec<MachineGroup>,
    /// What is too large for types that were asked about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub too_large: Vec<TooLarge>,
}

/// Machines of one type, for pods with the same `nodeSelector`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineGroup {
    /// The type.
    pub instance_type: &'static str,
    /// Labels that the machines must have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Machines.
    pub count: usize,
    /// What each has for the network's pods.
    pub each: Amounts,
    /// Pods on them, by the names of their workloads.
    pub pods: BTreeMap<String, u32>,
}

/// Pods that do not fit on a machine of a type, even if it has nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TooLarge {
    /// Name of the workload.
    pub name: String,
    /// The type.
    pub instance_type: &'static str,
    /// What one pod asks for.
    pub asks: Amounts,
    /// What the machine has.
    pub has: Amounts,
    /// It fits on none of the others, either.
    pub nowhere: bool,
}

/// Machines that are being filled.
struct Filling {
    instance_type: InstanceType,
    node_selector: BTreeMap<String, String>,
    workloads: Vec<(String, Amounts, u32)>,
}

impl Plan {
    /// Lays the pods onto machines: each onto the first of `types` on which it fits, and as few of them as a first fit of
    /// the largest pods first takes. Pods with different `nodeSelector`s share no machine. Requests alone count: affinity,
    /// spreading, the zones of volumes and how many a machine can have may take more.
    pub fn on_machines(&self, values: &Values, types: &[InstanceType]) -> Machines {
        let mut fillings: Vec<Filling> = Vec::new();
        let mut too_large = Vec::new();
        for role in &self.roles {
            let asks = Amounts::of(role);
            let found = types.iter().position(|one| free(one).holds(&asks));
            let small = types.iter().take(found.unwrap_or(types.len()));
            too_large.extend(small.map(|one| TooLarge {
                name: role.name.clone(),
                instance_type: one.name,
                asks,
                has: free(one),
                nowhere: found.is_none(),
            }));
            if let Some(index) = found {
                let pod = values.pod_of(&role.workload());
                let labels = pod.node_selector.unwrap_or_default();
                Filling::among(&mut fillings, types[index], labels).add(role);
            }
        }
        let of_cluster = fillings.iter().position(|one| one.node_selector.is_empty());
        let groups = fillings.iter().enumerate().map(|(index, filling)| {
            let first = of_cluster == Some(index);
            filling.fill(if first { &OF_THE_CLUSTER } else { &[] })
        });
        Machines {
            groups: groups.collect(),
            too_large,
        }
    }
}

/// What a machine has for the network's pods.
fn free(instance_type: &InstanceType) -> Amounts {
    instance_type.allocatable().without(&OF_EVERY_MACHINE)
}

impl Filling {
    /// Those of this type with these labels, which may be new.
    fn among(
        all: &mut Vec<Self>,
        instance_type: InstanceType,
        node_selector: BTreeMap<String, String>,
    ) -> &mut Self {
        let same =
            |one: &Self| one.instance_type == instance_type && one.node_selector == node_selector;
        let index = all.iter().position(same).unwrap_or(all.len());
        if index == all.len() {
            all.push(Self {
                instance_type,
                node_selector,
                workloads: Vec::new(),
            });
        }
        &mut all[index]
    }

    fn add(&mut self, role: &RolePlan) {
        let workload = (role.name.clone(), Amounts::of(role), role.replicas);
        self.workloads.push(workload);
    }

    fn fill(&self, besides: &[Amounts]) -> MachineGroup {
        let each = free(&self.instance_type);
        let pods = self.workloads.iter().flat_map(|(_, asks, replicas)| {
            std::iter::repeat_n(*asks, usize::try_from(*replicas).unwrap_or(usize::MAX))
        });
        let mut pods: Vec<Amounts> = pods.chain(besides.iter().copied()).collect();
        pods.sort_by_key(|asks| std::cmp::Reverse(asks.share_of(&each)));
        let mut machines: Vec<Amounts> = Vec::new();
        for asks in pods {
            match machines.iter_mut().find(|left| left.holds(&asks)) {
                Some(left) => *left = left.without(&asks),
                None => machines.push(each.without(&asks)),
            }
        }
        let pods = self.workloads.iter();
        MachineGroup {
            instance_type: self.instance_type.name,
            node_selector: self.node_selector.clone(),
            count: machines.len(),
            each,
            pods: pods
                .map(|(name, _, replicas)| (name.clone(), *replicas))
                .collect(),
        }
    }
}

/// Pods that no machine of the types asked about has room for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} on no machine of the types asked about: lower {}, or name a larger type",
    if .0.len() == 1 { format!("{} fits", .0[0]) } else { format!("{} fit", .0.join(", ")) },
    if .0.len() == 1 { "its resources.requests" } else { "their resources.requests" }
)]
pub struct NoMachine(Vec<String>);

impl Machines {
    /// Checks that every pod has a machine.
    ///
    /// # Errors
    /// [`NoMachine`], with the workloads that have none.
    pub fn check(&self) -> Result<(), NoMachine> {
        let mut homeless: Vec<String> = Vec::new();
        for one in self.too_large.iter().filter(|one| one.nowhere) {
            if !homeless.contains(&one.name) {
                homeless.push(one.name.clone());
            }
        }
        if homeless.is_empty() {
            return Ok(());
        }
        Err(NoMachine(homeless))
    }
}
