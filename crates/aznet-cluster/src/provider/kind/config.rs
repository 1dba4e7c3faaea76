//! What kind is told to make.

use std::path::Path;

use serde_json::{Value, json};

/// Where each node has the folder that says whose it is.
pub(super) const MARK: &str = "/kind/aznet";

/// kind's configuration. JSON is YAML.
pub(super) fn config(mark: &Path, workers: u8) -> Value {
    let mounts = json!([{"hostPath": mark, "containerPath": MARK, "readOnly": true}]);
    let node = |role: &str| json!({"role": role, "extraMounts": mounts});
    let workers = (0..workers).map(|_| node("worker"));
    let nodes: Vec<Value> = std::iter::once(node("control-plane"))
        .chain(workers)
        .collect();
    json!({
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": nodes,
        // Machines with cgroup v1 are supported here as long as the kubelet runs there.
        "kubeadmConfigPatches": ["kind: KubeletConfiguration\nfailCgroupV1: false\n"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_says_whose_it_is() {
        let config = config(Path::new("/s/kind/ci"), 2);
        let nodes = config["nodes"].as_array().unwrap();
        let roles: Vec<_> = nodes.iter().map(|node| &node["role"]).collect();
        assert_eq!(roles, ["control-plane", "worker", "worker"]);
        for node in nodes {
            assert_eq!(node["extraMounts"][0]["hostPath"], "/s/kind/ci");
            assert_eq!(node["extraMounts"][0]["readOnly"], true);
        }
    }
}
