//! The containers that are nodes, as `docker inspect` and `podman inspect` describe them.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::config::MARK;

/// What kind labels a node with: the name of its cluster.
pub(super) const CLUSTER: &str = "io.x-k8s.kind.cluster";
/// The same: `control-plane` or `worker`.
const ROLE: &str = "io.x-k8s.kind.role";
const WORKER: &str = "worker";

/// A container that is a node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Container {
    name: String,
    /// When it was made, in RFC 3339.
    pub(super) created: String,
    state: State,
    config: Config,
    #[serde(default)]
    mounts: Vec<Mount>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    image: String,
    #[serde(default)]
    labels: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    #[serde(default)]
    source: PathBuf,
    destination: PathBuf,
}

impl Container {
    /// Its name, which is the node's; Docker writes a slash before it.
    pub(super) fn name(&self) -> &str {
        self.name.trim_start_matches('/')
    }

    /// The name of its cluster.
    pub(super) fn cluster(&self) -> &str {
        self.config.labels.get(CLUSTER).map_or("", String::as_str)
    }

    /// What it was made of.
    pub(super) fn image(&self) -> &str {
        &self.config.image
    }

    pub(super) fn is_worker(&self) -> bool {
        self.config
            .labels
            .get(ROLE)
            .is_some_and(|role| role == WORKER)
    }

    pub(super) fn runs(&self) -> bool {
        self.state.status == "running"
    }

    /// Whether it was made for the state folder that keeps `mark`.
    pub(super) fn has(&self, mark: &Path) -> bool {
        self.mounts
            .iter()
            .any(|mount| mount.destination == Path::new(MARK) && mount.source == mark)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What Docker says of a node, as far as it matters here.
    pub(in super::super) fn node(name: &str, role: &str, status: &str, mark: &str) -> Container {
        let json = serde_json::json!({
            "Id": "6a", "Name": format!("/{name}"), "Created": "2026-11-26T15:01:20.008830639Z",
            "State": {"Status": status, "Running": status == "running", "Pid": 1},
            "Config": {"Image": "kindest/node:v1", "Labels": {CLUSTER: "ci", ROLE: role}},
            "Mounts": [
                {"Type": "volume", "Name": "7f", "Source": "/d/volumes/7f", "Destination": "/var", "RW": true},
                {"Type": "bind", "Source": mark, "Destination": "/kind/aznet", "RW": false},
            ],
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_node_says_its_cluster_and_whose_it_is() {
        let worker = node("ci-worker", "worker", "exited", "/s/kind/ci");
        assert_eq!((worker.name(), worker.cluster()), ("ci-worker", "ci"));
        assert!(worker.is_worker() && !worker.runs());
        assert!(worker.has(Path::new("/s/kind/ci")));
        assert!(!worker.has(Path::new("/other/kind/ci")));
    }

    /// What `kind create cluster` makes has no such mount.
    #[test]
    fn a_node_that_kind_made_for_somebody_else_is_not_ours() {
        let mut theirs = node("ci-control-plane", "control-plane", "running", "/s/kind/ci");
        theirs.mounts.pop();
        assert!(!theirs.has(Path::new("/s/kind/ci")));
    }
}
