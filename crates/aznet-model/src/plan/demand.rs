//! What pods use. The constants are upper ends of what was measured on Aztec 4.1.2; what nodes need is in the release's profile.

use crate::role::Role;
use crate::units::{Bytes, MilliCpu};
use crate::values::{Medium, Problem, ResourceList, Storage, Values};
use crate::workload::Workload;
use serde::Serialize;
use std::iter::Sum;
use std::ops::{Add, Mul};
use std::str::FromStr;

/// Memory of the prover's other processes with the mock verifier.
const PROVER_HELPER_MEMORY: Bytes = Bytes::mebibytes(500);
/// Memory of an agent that makes real proofs, as Aztec recommends it to operators.
const REAL_PROVER_MEMORY: Bytes = Bytes::mebibytes(128 * 1024);
/// Cores of an agent that makes real proofs, likewise.
const REAL_PROVER_CPU: MilliCpu = MilliCpu(16_000);
/// Memory of a wallet server, and of a bot, which has a wallet.
const PXE_MEMORY: Bytes = Bytes::mebibytes(800);
/// Memory of anvil with some thousand blocks.
const ANVIL_MEMORY: Bytes = Bytes::mebibytes(200);
/// Memory of the S3 gateway.
const BLOB_STORE_MEMORY: Bytes = Bytes::mebibytes(100);
/// Memory of the collector and of Prometheus with a small network's metrics.
const TELEMETRY_MEMORY: Bytes = Bytes::mebibytes(256);
/// Processor time of an Aztec process at rest.
const NODE_CPU: MilliCpu = MilliCpu(100);
/// Processor time of the small helpers at rest.
const SMALL_CPU: MilliCpu = MilliCpu(20);

/// A container of `aznet-node` that runs beside the pod's own, as the chart has it.
const HELPER: Demand = Demand {
    memory: Bytes::mebibytes(8),
    cpu: MilliCpu(1),
    memory_requested: Bytes::mebibytes(16),
    cpu_requested: MilliCpu(5),
    memory_limit: Bytes::mebibytes(64),
    disk: Bytes::mebibytes(0),
};

/// Memory, processors and disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Demand {
    /// Memory that it is expected to use.
    pub memory: Bytes,
    /// Processor time that it is expected to use at rest.
    pub cpu: MilliCpu,
    /// Memory that the scheduler sets aside.
    pub memory_requested: Bytes,
    /// Processor time that the scheduler sets aside.
    pub cpu_requested: MilliCpu,
    /// Memory at which containers are killed, 0 for those without a limit.
    pub memory_limit: Bytes,
    /// Volumes.
    pub disk: Bytes,
}

impl Add for Demand {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            memory: self.memory + other.memory,
            cpu: self.cpu + other.cpu,
            memory_requested: self.memory_requested + other.memory_requested,
            cpu_requested: self.cpu_requested + other.cpu_requested,
            memory_limit: self.memory_limit + other.memory_limit,
            disk: self.disk + other.disk,
        }
    }
}

impl Mul<u64> for Demand {
    type Output = Self;
    fn mul(self, times: u64) -> Self {
        Self {
            memory: self.memory * times,
            cpu: self.cpu * times,
            memory_requested: self.memory_requested * times,
            cpu_requested: self.cpu_requested * times,
            memory_limit: self.memory_limit * times,
            disk: self.disk * times,
        }
    }
}

impl Sum for Demand {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), Add::add)
    }
}

/// What one pod of a role uses and asks for.
pub(super) fn of_one(values: &Values, workload: &Workload) -> Result<Demand, Vec<Problem>> {
    let (memory, cpu) = expected(values, workload.role());
    let pod = values.pod_of(workload);
    let resources = pod.resources.unwrap_or_default();
    let (requests, limits) = (
        resources.requests.unwrap_or_default(),
        resources.limits.unwrap_or_default(),
    );
    let key = |part: &str| format!("{}.{part}", workload.values_key());
    let storage = pod.storage.unwrap_or_default();
    let size = match storage.size {
        _ if storage.enabled != Some(true) || !workload.role().keeps() => None,
        None => return Err(vec![without_a_size(key("storage.size"))]),
        size => size,
    };
    let node = Demand {
        memory,
        cpu,
        memory_requested: read(requests.memory.as_deref(), || {
            key("resources.requests.memory")
        })?,
        cpu_requested: read(requests.cpu.as_deref(), || key("resources.requests.cpu"))?,
        memory_limit: read(limits.memory.as_deref(), || key("resources.limits.memory"))?,
        disk: read(size.as_deref(), || key("storage.size"))?,
    };
    Ok(node + HELPER * helpers(values, workload.role()))
}

/// How many containers run beside the one of a role.
fn helpers(values: &Values, role: Role) -> u64 {
    let bundles = role == Role::BootNode && values.boot_node.join_bundles.enabled;
    let keys = matches!(role, Role::Validator | Role::ProverNode)
        && !values.keys.keystore_secret.is_empty();
    u64::from(bundles) + u64::from(keys)
}

fn without_a_size(key: String) -> Problem {
    let remedy = "set one, or storage.enabled to false";
    Problem::new(
        key,
        "no size",
        "the size of the volume, such as `5Gi`",
        remedy,
    )
}

fn expected(values: &Values, role: Role) -> (Bytes, MilliCpu) {
    match role {
        Role::Anvil => (ANVIL_MEMORY, SMALL_CPU),
        Role::BlobStore => (BLOB_STORE_MEMORY, SMALL_CPU),
        Role::ProverAgent if values.real_proofs() => (REAL_PROVER_MEMORY, REAL_PROVER_CPU),
        Role::ProverNode if values.real_proofs() && values.proves_by_itself() => {
            (REAL_PROVER_MEMORY, REAL_PROVER_CPU)
        }
        Role::BootNode | Role::FullNode | Role::Validator | Role::ProverNode => {
            (super::release::node_memory(values), NODE_CPU)
        }
        Role::ProverBroker | Role::ProverAgent => (PROVER_HELPER_MEMORY, SMALL_CPU),
        Role::Pxe => (PXE_MEMORY, SMALL_CPU),
        Role::Bot => (PXE_MEMORY, NODE_CPU),
        Role::OtelCollector | Role::Prometheus | Role::Grafana => (TELEMETRY_MEMORY, SMALL_CPU),
    }
}

/// Reads a quantity; none is zero.
pub(super) fn read<Q>(text: Option<&str>, key: impl FnOnce() -> String) -> Result<Q, Vec<Problem>>
where
    Q: FromStr<Err = crate::units::QuantityError> + Default,
{
    text.map_or(Ok(Q::default()), |text| {
        text.parse().map_err(|error| {
            vec![Problem::new(
                key(),
                error,
                "a quantity",
                "write it as Kubernetes does",
            )]
        })
    })
}

/// Problems of requests and limits that contradict each other.
pub(super) fn problems(values: &Values, workload: &Workload) -> Vec<Problem> {
    let pod = values.pod_of(workload);
    let resources = pod.resources.unwrap_or_default();
    let (requests, limits) = (
        resources.requests.unwrap_or_default(),
        resources.limits.unwrap_or_default(),
    );
    let mut problems = exceeds::<Bytes>(workload, "memory", &requests, &limits, |list| {
        list.memory.as_deref()
    });
    problems.extend(exceeds::<MilliCpu>(
        workload,
        "cpu",
        &requests,
        &limits,
        |list| list.cpu.as_deref(),
    ));
    let limit = limits
        .memory
        .as_deref()
        .and_then(|limit| limit.parse::<Bytes>().ok());
    problems.extend(in_memory(workload, &pod.storage.unwrap_or_default(), limit));
    let heap = pod
        .max_old_space_size
        .map(|mebibytes| Bytes::mebibytes(mebibytes.into()));
    if let (Some(limit), Some(heap)) = (limit, heap)
        && heap >= limit
        && workload.role().pushes()
    {
        problems.push(Problem::new(
            format!("{}.maxOldSpaceSize", workload.values_key()),
            format!("a heap of {heap} under a memory limit of {limit}"),
            "a heap below the limit: else the kernel kills the node before Node.js collects garbage",
            "lower it, or raise resources.limits.memory",
        ));
    }
    problems
}

/// Problems of data that is to be in memory: a volume is not, and what is counts towards the limit.
fn in_memory(workload: &Workload, storage: &Storage, limit: Option<Bytes>) -> Vec<Problem> {
    if storage.medium != Some(Medium::Memory) || !workload.role().keeps() {
        return Vec::new();
    }
    let key = |part: &str| format!("{}.storage.{part}", workload.values_key());
    if storage.enabled == Some(true) {
        let remedy = format!("set {} to false, or leave the medium empty", key("enabled"));
        return vec![Problem::new(
            key("medium"),
            "Memory for data that has a volume",
            "a medium only where the data lasts as long as the pod",
            remedy,
        )];
    }
    let size: Option<Bytes> = storage.size.as_deref().and_then(|size| size.parse().ok());
    match (size, limit) {
        (Some(size), Some(limit)) if size >= limit => vec![Problem::new(
            key("size"),
            format!("{size} in memory under a memory limit of {limit}"),
            "a size below the limit: data in memory counts towards it, and the kernel kills the node that fills it",
            "lower it, or raise resources.limits.memory",
        )],
        _ => Vec::new(),
    }
}

fn exceeds<Q>(
    workload: &Workload,
    what: &str,
    requests: &ResourceList,
    limits: &ResourceList,
    pick: impl Fn(&ResourceList) -> Option<&str>,
) -> Vec<Problem>
where
    Q: FromStr<Err = crate::units::QuantityError> + Default + Ord + std::fmt::Display,
{
    let key = || format!("{}.resources.requests.{what}", workload.values_key());
    let (Some(asked), Some(allowed)) = (pick(requests), pick(limits)) else {
        return Vec::new();
    };
    match (read::<Q>(Some(asked), key), read::<Q>(Some(allowed), key)) {
        (Ok(asked), Ok(allowed)) if asked <= allowed => Vec::new(),
        (Ok(asked), Ok(allowed)) => {
            let remedy = "lower the request or raise the limit";
            vec![Problem::new(
                key(),
                asked,
                format!("no more than the limit, {allowed}"),
                remedy,
            )]
        }
        (asked, allowed) => [asked.err(), allowed.err()]
            .into_iter()
            .flatten()
            .flatten()
            .collect(),
    }
}
