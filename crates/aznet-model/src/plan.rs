//! What a set of values means: pods, keys, money on L1, quorum, waiting time, demand. Pure.

mod committee;
mod demand;
mod fit;
mod groups;
mod keys;
mod machines;
mod needs;
mod notes;
mod p2p;
mod release;
mod rollout;
mod rules;
mod secrets;
mod signers;
mod slashing;
mod timing;
mod wiring;

pub use committee::Committee;
pub use demand::Demand;
pub use fit::{Capacity, DoesNotFit};
pub use keys::{Prefund, Room};
pub use machines::{
    Amounts, InstanceType, MachineGroup, Machines, NoMachine, TooLarge, UnknownType,
};
pub use needs::{Chain, Funds, Gas, Need, Traces};
pub use release::ReleasePlan;
pub use secrets::SecretPlan;
pub use timing::Timing;

use crate::keys::KeyRange;
use crate::pod::PodName;
use crate::role::Role;
use crate::values::{Problem, Values};
use crate::workload::Workload;
use serde::Serialize;

/// A network, worked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The release of Aztec that its images are of.
    pub release: ReleasePlan,
    /// Roles that have pods, in the order in which they come up.
    pub roles: Vec<RolePlan>,
    /// Every pod.
    pub pods: Vec<PodPlan>,
    /// Keys that need money on L1. On anvil the pods see to it; elsewhere the operator must.
    pub prefund: Vec<Prefund>,
    /// Who decides, and how many may fail.
    pub committee: Committee,
    /// Durations that follow from the timing.
    pub timing: Timing,
    /// Memory, processors and disk of all pods.
    pub demand: Demand,
    /// URLs inside the cluster.
    pub endpoints: Endpoints,
    /// Secrets that must be in the namespace.
    pub secrets: Vec<SecretPlan>,
    /// All that must be there before it is deployed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// Consequences worth knowing before installing.
    pub notes: Vec<String>,
}

/// The pods of a role together, or of a further group of validators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RolePlan {
    /// Name of the workload, e.g. `full-node` or `validator-slow`.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The group of validators, for a further one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Pods.
    pub replicas: u32,
    /// What one pod is expected to use and asks for.
    pub each: Demand,
    /// How far its keys let it grow; `None`: no limit, or no keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
}

/// One pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodPlan {
    /// Name; of a Deployment's pod, the part that is known beforehand.
    pub name: String,
    /// Role.
    pub role: Role,
    /// The group of validators, for a further one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Name in the cluster's DNS, short form.
    pub dns: String,
    /// Attester keys that this pod holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attesters: Option<KeyRange>,
    /// L1 publisher keys that this pod holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publishers: Option<KeyRange>,
}

/// URLs inside the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoints {
    /// L1 execution clients.
    pub l1: Vec<String>,
    /// The boot node's RPC, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_node: Option<String>,
    /// The RPC that wallets and bots use, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Wallet servers, one by one.
    pub pxe: Vec<String>,
}

/// Works values out, or says everything that makes them impossible.
///
/// # Errors
/// All [`Problem`]s, so that they can be mended in one go.
pub fn plan(values: &Values) -> Result<Plan, Vec<Problem>> {
    let problems = rules::problems(values);
    if !problems.is_empty() {
        return Err(problems);
    }
    let roles = roles(values)?;
    let demand = roles
        .iter()
        .map(|role| role.each * u64::from(role.replicas))
        .sum();
    Ok(Plan {
        release: release::plan(values),
        pods: roles.iter().flat_map(|role| pods(values, role)).collect(),
        prefund: keys::prefund(values),
        committee: committee::of(values),
        timing: timing::of(values),
        demand,
        endpoints: endpoints(values),
        secrets: secrets::of(values),
        needs: needs::of(values),
        notes: notes::of(values),
        roles,
    })
}

fn roles(values: &Values) -> Result<Vec<RolePlan>, Vec<Problem>> {
    let present = values
        .workloads()
        .into_iter()
        .filter(|workload| values.replicas_of(workload) > 0);
    present
        .map(|workload| {
            Ok(RolePlan {
                name: workload.name(),
                role: workload.role(),
                group: workload.group().map(str::to_owned),
                replicas: values.replicas_of(&workload),
                each: demand::of_one(values, &workload)?,
                room: keys::room(values, &workload),
            })
        })
        .collect()
}

fn pods<'a>(values: &'a Values, plan: &RolePlan) -> impl Iterator<Item = PodPlan> + use<'a> {
    let workload = plan.workload();
    (0..plan.replicas).map(move |ordinal| {
        let role = workload.role();
        let name = if role.is_stateful() {
            PodName::new(workload.name(), ordinal).to_string()
        } else {
            workload.name()
        };
        let own_name = role.is_stateful() && role != Role::BlobStore;
        let dns = if own_name {
            format!("{name}.{workload}")
        } else {
            workload.name()
        };
        PodPlan {
            name,
            role,
            group: workload.group().map(str::to_owned),
            dns,
            attesters: keys::attesters(values, &workload, ordinal),
            publishers: keys::publishers(values, &workload, ordinal),
        }
    })
}

impl RolePlan {
    /// The workload that it is about.
    pub fn workload(&self) -> Workload {
        match &self.group {
            Some(group) => Workload::group_of_validators(group),
            None => self.role.into(),
        }
    }
}

fn endpoints(values: &Values) -> Endpoints {
    let url = |host: &str, role| {
        let port = values
            .pod(role)
            .service
            .and_then(|ports| ports.target_port.or(ports.node_port))
            .unwrap_or_default();
        format!("http://{host}:{port}")
    };
    let boot_node =
        (values.boot_node.replicas > 0).then(|| url("boot-node-0.boot-node", Role::BootNode));
    let full_nodes = values.full_node.replicas > 0;
    Endpoints {
        l1: if values.l1.anvil.enabled {
            vec!["http://anvil:8545".to_owned()]
        } else {
            values.l1.execution_urls.clone()
        },
        node: if full_nodes {
            Some(url("full-node", Role::FullNode))
        } else {
            boot_node.clone()
        },
        boot_node,
        pxe: (0..values.pxe.replicas)
            .map(|n| url(&format!("pxe-{n}.pxe"), Role::Pxe))
            .collect(),
    }
}
