//! What pods use, as the kubelets of their machines measure it.

use serde::Deserialize;

use crate::{api::ApiError, namespace::Network};

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
