//! Pods that a network is to have and hasn't. What there is to be is in the release: a StatefulSet that someone scaled
//! away says nothing of it.

use std::collections::BTreeSet;

use aznet_model::{pod::PodName, workload::Workload};

use super::{super::release::Replicas, node::NodeStatus};

/// The pods that `wanted` asks for and that are not among `nodes`.
pub(super) fn missing(wanted: &[Replicas], nodes: &[NodeStatus]) -> Vec<NodeStatus> {
    let there: BTreeSet<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    let mut missing = Vec::new();
    for replicas in wanted {
        let Some(workload) = Workload::from_name(&replicas.name) else {
            continue;
        };
        if replicas.stateful {
            let pods = (0..replicas.pods).map(|n| PodName::new(&replicas.name, n).to_string());
            let away = pods.filter(|pod| !there.contains(pod.as_str()));
            missing.extend(away.map(|pod| NodeStatus::missing(pod, &workload, "missing")));
        } else {
            missing.extend(of_deployment(replicas, &workload, nodes));
        }
    }
    missing
}

/// Pods of a Deployment have random names: one line for all that are not there.
fn of_deployment(
    replicas: &Replicas,
    workload: &Workload,
    nodes: &[NodeStatus],
) -> Option<NodeStatus> {
    let there = nodes
        .iter()
        .filter(|node| node.role == workload.role())
        .count();
    let wanted = usize::try_from(replicas.pods).unwrap_or(usize::MAX);
    (there < wanted).then(|| {
        let state = format!("missing ({there} of {wanted} pods)");
        NodeStatus::missing(replicas.name.clone(), workload, &state)
    })
}

#[cfg(test)]
mod tests {
    use aznet_model::role::Role;

    use super::*;

    fn replicas(name: &str, stateful: bool, pods: u32) -> Replicas {
        Replicas {
            stateful,
            name: name.to_owned(),
            pods,
        }
    }

    #[test]
    fn pods_that_were_scaled_away_are_missing() {
        let there = ["validator-0", "validator-2"];
        let nodes = there
            .map(|name| NodeStatus::missing(name.to_owned(), &Role::Validator.into(), "ready"));
        let wanted = [
            replicas("validator", true, 4),
            replicas("validator-slow", true, 1),
            replicas("anvil", false, 1),
            replicas("not-a-role", true, 3),
        ];
        let missing = missing(&wanted, &nodes);
        let names: Vec<(&str, Option<&str>)> = missing
            .iter()
            .map(|node| (node.name.as_str(), node.group.as_deref()))
            .collect();
        assert_eq!(
            names,
            [
                ("validator-1", None),
                ("validator-3", None),
                ("validator-slow-0", Some("slow")),
                ("anvil", None)
            ]
        );
        assert_eq!(missing[3].state, "missing (0 of 1 pods)");
    }
}
