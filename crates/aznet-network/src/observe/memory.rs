//! How much memory is missing where the scheduler only says that it is insufficient.

use std::collections::HashMap;

use aznet_model::units::Bytes;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Api, Client, ResourceExt, api::ListParams};

use crate::observe::capacity::asked;

/// `it asks for 1.2 GiB; the freest machine, host, has 0.9 GiB of 7.5 GiB left: 0.3 GiB are missing`; `None` if that
/// can't be said.
pub(crate) async fn missing(client: &Client, namespace: &str, pod: &str) -> Option<String> {
    let pods: Api<Pod> = Api::all(client.clone());
    let nodes: Api<Node> = Api::all(client.clone());
    let everything = ListParams::default();
    let (pods, nodes) = futures::try_join!(pods.list(&everything), nodes.list(&everything)).ok()?;
    let pod = pods
        .items
        .iter()
        .find(|other| other.name_any() == pod && other.namespace().as_deref() == Some(namespace))?;
    explain(asked(pod, "memory"), &free(&nodes.items, &pods.items))
}

/// A machine's allocatable memory and what of it no pod has asked for.
#[derive(Debug, PartialEq, Eq)]
struct Room {
    node: String,
    free: Bytes,
    total: Bytes,
}

fn free(nodes: &[Node], pods: &[Pod]) -> Vec<Room> {
    let mut taken: HashMap<&str, Bytes> = HashMap::new();
    for pod in pods {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        if let Some(node) = node {
            let taken = taken.entry(node).or_default();
            *taken = *taken + asked(pod, "memory");
        }
    }
    let room = |node: &Node| {
        let total: Bytes = node
            .status
            .as_ref()?
            .allocatable
            .as_ref()?
            .get("memory")?
            .0
            .parse()
            .ok()?;
        let node = node.name_any();
        let free = total.saturating_sub(taken.get(node.as_str()).copied().unwrap_or_default());
        Some(Room { node, free, total })
    };
    nodes.iter().filter_map(room).collect()
}

fn explain(wanted: Bytes, rooms: &[Room]) -> Option<String> {
    let freest = rooms.iter().max_by_key(|room| room.free)?;
    let missing = wanted.saturating_sub(freest.free);
    if missing == Bytes(0) {
        return None;
    }
    let Room { node, free, total } = freest;
    Some(format!(
        "it asks for {wanted}; the freest machine, {node}, has {free} of {total} left: {missing} are missing"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(node: Option<&str>, memory: &str, phase: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p"},
            "spec": {"nodeName": node, "containers": [{"name": "c", "resources": {"requests": {"memory": memory}}}]},
            "status": {"phase": phase},
        }))
        .unwrap()
    }

    #[test]
    fn says_how_much_is_missing_on_the_freest_machine() {
        let node: Node = serde_json::from_value(json!({
            "metadata": {"name": "host"}, "status": {"allocatable": {"memory": "8Gi"}}
        }))
        .unwrap();
        let pods = [
            pod(Some("host"), "7680Mi", "Running"),
            pod(Some("host"), "4Gi", "Succeeded"),
            pod(None, "9Gi", "Pending"),
        ];
        let rooms = free(&[node], &pods);
        let wanted = asked(&pod(None, "1Gi", "Pending"), "memory");
        assert_eq!(
            explain(wanted, &rooms).unwrap(),
            "it asks for 1.0 GiB; the freest machine, host, has 512 MiB of 8.0 GiB left: 512 MiB are missing"
        );
        assert_eq!(explain(Bytes::mebibytes(512), &rooms), None);
    }
}
