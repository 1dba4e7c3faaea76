//! What pods use, as the kubelets of their machines measure it, or as they tell the network's Prometheus themselves.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::telemetry::{Prometheus, TelemetryError};
use crate::{api::ApiError, namespace::Network};

/// Cores and bytes that the processes tell; one that has just started tells no cores yet.
const CORES: &str = "sum by (pod) (rate(process_cpu_time_seconds_total[2m]))";
const MEMORY: &str = "sum by (pod) (process_memory_usage)";
/// What the dashboards and an alert go by, too.
const DATABASES: &str = "sum by (pod) (pod:aztec_databases:bytes)";

/// What a pod uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// The pod.
    pub pod: String,
    /// Cores.
    pub cpu: f64,
    /// Bytes that it could not do without.
    pub memory: u64,
}

/// Asks the kubelet of `machine`; takes the right to `nodes/proxy`.
///
/// # Errors
/// If the Kubernetes API or the kubelet refuses.
pub async fn of(network: &Network, machine: &str) -> Result<Vec<Usage>, ApiError> {
    let uri = format!("/api/v1/nodes/{machine}/proxy/stats/summary");
    let request = http::Request::get(uri)
        .body(Vec::new())
        .map_err(|source| ApiError::from(kube::Error::HttpError(source)))?;
    let summary: Summary = network.client().request(request).await?;
    Ok(summary.of(network.namespace()))
}

/// What the processes themselves say that they use.
///
/// # Errors
/// [`TelemetryError`].
pub async fn told(prometheus: &Prometheus) -> Result<Vec<Usage>, TelemetryError> {
    let (mut cores, memory) = (
        by_pod(prometheus, CORES).await?,
        by_pod(prometheus, MEMORY).await?,
    );
    let usage = memory.into_iter().filter_map(|(pod, memory)| {
        let cpu = cores.remove(&pod)?;
        Some(Usage {
            pod,
            cpu,
            memory: bytes(memory),
        })
    });
    Ok(usage.collect())
}

/// Bytes that the databases of pods take on disk.
///
/// # Errors
/// [`TelemetryError`].
pub async fn databases(prometheus: &Prometheus) -> Result<BTreeMap<String, u64>, TelemetryError> {
    let sizes = by_pod(prometheus, DATABASES).await?.into_iter();
    Ok(sizes.map(|(pod, size)| (pod, bytes(size))).collect())
}

async fn by_pod(
    prometheus: &Prometheus,
    query: &str,
) -> Result<BTreeMap<String, f64>, TelemetryError> {
    let mut samples = prometheus.query(query).await?;
    let named = samples.iter_mut();
    let named = named.filter_map(|one| Some((one.labels.remove("pod")?, one.value)));
    Ok(named.collect())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates; sizes are whole and not negative"
)]
fn bytes(size: f64) -> u64 {
    size as u64
}

#[derive(Deserialize)]
struct Summary {
    #[serde(default)]
    pods: Vec<PodStats>,
}

#[derive(Deserialize)]
struct PodStats {
    #[serde(rename = "podRef")]
    pod: PodRef,
    cpu: Option<Cpu>,
    memory: Option<Memory>,
}

#[derive(Deserialize)]
struct PodRef {
    name: String,
    namespace: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cpu {
    usage_nano_cores: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    working_set_bytes: Option<u64>,
}

impl Summary {
    fn of(self, namespace: &str) -> Vec<Usage> {
        let ours = self.pods.into_iter();
        let ours = ours.filter(|stats| stats.pod.namespace == namespace);
        #[expect(
            clippy::cast_precision_loss,
            reason = "billionths of cores are far below what a float holds"
        )]
        ours.filter_map(|stats| {
            Some(Usage {
                pod: stats.pod.name,
                cpu: stats.cpu?.usage_nano_cores? as f64 / 1e9,
                memory: stats.memory?.working_set_bytes?,
            })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_networks_own_pods_count() {
        let text = r#"{"node": {"nodeName": "host"}, "pods": [
            {"podRef": {"name": "pxe-0", "namespace": "ns", "uid": "1"},
             "cpu": {"usageNanoCores": 250000000}, "memory": {"workingSetBytes": 1048576, "rssBytes": 1}},
            {"podRef": {"name": "young-0", "namespace": "ns", "uid": "2"}, "cpu": {}, "memory": {}},
            {"podRef": {"name": "other-0", "namespace": "else", "uid": "3"},
             "cpu": {"usageNanoCores": 1}, "memory": {"workingSetBytes": 1}}]}"#;
        let summary: Summary = serde_json::from_str(text).unwrap();
        let usage = Usage {
            pod: "pxe-0".to_owned(),
            cpu: 0.25,
            memory: 1 << 20,
        };
        assert_eq!(summary.of("ns"), [usage]);
    }
}
