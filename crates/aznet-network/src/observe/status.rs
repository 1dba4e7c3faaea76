//! How a network is, asked of everyone at once; whoever is slow is shown as such and delays nobody.

mod committee;

use std::collections::BTreeMap;

use aznet_model::{chain::BlockNumber, role::Role, timing::Moment};
use futures::future::join_all;
use jiff::Timestamp;
use serde::Serialize;

pub use self::committee::Committee;

use super::{
    endpoints::endpoints,
    pods::{self, Phase, PodState},
    telemetry::{self, Arrival},
};
use crate::{
    clients::{
        l1::{L1, L1Heads, Rollup},
        l2::{L2Tips, Node},
    },
    namespace::{NamespaceError, Network},
};

/// Blocks that a node may be behind the furthest one before that is a problem.
const LAG: u64 = 2;

/// A network as `aznet status` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkStatus {
    /// The network's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its cluster.
    pub cluster: String,
    /// Whether every pod serves and the chain has its first checkpoint.
    pub ready: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it may be removed.
    pub expires: Option<Timestamp>,
    /// The heads of the chain, as the node that is furthest sees them; `None` if no node answers.
    pub tips: Option<Tips>,
    /// Every pod.
    pub nodes: Vec<NodeStatus>,
    /// The committee of this epoch; `None` if the L1 doesn't answer or the network has none yet.
    pub committee: Option<Committee>,
    /// Protocol time now; `None` if the L1 doesn't answer.
    pub now: Option<Moment>,
    /// URLs inside the cluster by name.
    pub endpoints: BTreeMap<String, String>,
    /// The L1; `None` if it isn't in this cluster or doesn't answer.
    pub l1: Option<L1Heads>,
    /// What has arrived of each node in the network's Prometheus; empty if it has none that serves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub telemetry: Vec<Arrival>,
    /// What is wrong, in words.
    pub problems: Vec<String>,
}

/// Block numbers of the heads of the chain, each at most the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tips {
    /// The newest block sent round.
    pub proposed: BlockNumber,
    /// The newest block on L1.
    pub checkpointed: BlockNumber,
    /// The newest block proven on L1.
    pub proven: BlockNumber,
    /// The newest block whose proof is final on L1.
    pub finalized: BlockNumber,
}

impl From<&L2Tips> for Tips {
    fn from(tips: &L2Tips) -> Self {
        Self {
            proposed: tips.proposed.number,
            checkpointed: tips.checkpointed.block.number,
            proven: tips.proven.block.number,
            finalized: tips.finalized.block.number,
        }
    }
}

/// A pod and what it knows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeStatus {
    /// The pod's name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its group of validators, if that is a further one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether it serves.
    pub ready: bool,
    /// How often its containers were restarted.
    pub restarts: u32,
    /// Seconds since it was made.
    pub age: u64,
    /// What it is doing, in words.
    pub state: String,
    /// The heads of its chain; `None` for pods without one, or that don't answer.
    pub tips: Option<Tips>,
    /// Connected peers; likewise.
    pub peers: Option<usize>,
    /// Why it doesn't answer, though it should.
    pub error: Option<String>,
}

/// Asks everyone; takes as long as the slowest calls, about ten seconds at most.
///
/// # Errors
/// Only if the Kubernetes API fails; nodes that fail are part of the status.
pub async fn collect(network: &Network, now: Timestamp) -> Result<NetworkStatus, NamespaceError> {
    let pods = pods::list(network).await?;
    let l1 = l1(network, &pods);
    let (nodes, heads, telemetry) = futures::join!(
        join_all(pods.iter().map(|pod| node_status(network, pod, now))),
        heads(l1.as_ref()),
        telemetry::of_pods(network, &pods)
    );
    let answering: Vec<Node> = nodes
        .iter()
        .filter(|node| node.tips.is_some())
        .map(|status| Node::in_pod(network, &status.name))
        .collect();
    let (moment, committee) = protocol(l1, &answering, now).await;
    let tips = nodes
        .iter()
        .filter_map(|node| node.tips)
        .max_by_key(|tips| (tips.checkpointed, tips.proposed));
    let roles: Vec<Role> = pods.iter().map(|pod| pod.role).collect();
    let info = network.info();
    Ok(NetworkStatus {
        name: info.name.clone(),
        namespace: info.namespace.clone(),
        cluster: info.cluster.clone(),
        ready: is_ready(&nodes, tips),
        created: info.created,
        expires: info.expires,
        problems: problems(&nodes, tips),
        tips,
        nodes,
        committee,
        now: moment,
        endpoints: endpoints(&info.namespace, &roles)
            .into_iter()
            .map(|end| (end.name.to_owned(), end.url))
            .collect(),
        l1: heads,
        telemetry,
    })
}

/// The network's own L1, if it has one that runs.
fn l1(network: &Network, pods: &[PodState]) -> Option<L1> {
    let anvil = pods
        .iter()
        .find(|pod| pod.role == Role::Anvil && pod.phase.is_ready())?;
    Some(L1::in_pod(network, &anvil.name))
}

async fn heads(l1: Option<&L1>) -> Option<L1Heads> {
    l1?.heads()
        .await
        .inspect_err(|error| tracing::debug!(%error, "no L1 heads"))
        .ok()
}

async fn node_status(network: &Network, pod: &PodState, now: Timestamp) -> NodeStatus {
    let age = pod
        .created
        .map_or(0, |created| now.duration_since(created).as_secs());
    let mut status = NodeStatus {
        name: pod.name.clone(),
        role: pod.role,
        group: pod.group.clone(),
        ready: pod.phase.is_ready(),
        restarts: pod.restarts,
        age: u64::try_from(age).unwrap_or(0),
        state: pod.phase.words(now),
        tips: None,
        peers: None,
        error: None,
    };
    // A process that isn't ready may still answer, and what it says then is the most interesting.
    if pod.role.is_node()
        && matches!(
            pod.phase,
            Phase::Ready | Phase::Starting { .. } | Phase::Waiting { .. }
        )
    {
        let node = Node::in_pod(network, &pod.name);
        let (tips, peers) = futures::join!(node.tips(), node.peers());
        status.error = tips
            .as_ref()
            .err()
            .filter(|_| status.ready)
            .map(ToString::to_string);
        status.tips = tips.ok().as_ref().map(Tips::from);
        status.peers = peers.ok().map(|peers| {
            peers
                .iter()
                .filter(|peer| peer.status == "connected")
                .count()
        });
    }
    status
}

/// Where protocol time is, and this epoch's committee.
async fn protocol(
    l1: Option<L1>,
    nodes: &[Node],
    now: Timestamp,
) -> (Option<Moment>, Option<Committee>) {
    let read = async {
        let info = nodes.first()?.info().await.ok()?;
        let rollup = Rollup::new(l1?, info.contract("rollup")?).ok()?;
        let moment = rollup
            .timing()
            .await
            .ok()?
            .at(u64::try_from(now.as_second()).unwrap_or(0));
        Some((moment, committee::of(&rollup, moment, nodes).await))
    };
    read.await.map_or((None, None), |(moment, committee)| {
        (Some(moment), committee)
    })
}

fn is_ready(nodes: &[NodeStatus], tips: Option<Tips>) -> bool {
    let moves = tips.is_some_and(|tips| tips.checkpointed > BlockNumber(0));
    moves && nodes.iter().all(|node| node.ready)
}

fn problems(nodes: &[NodeStatus], tips: Option<Tips>) -> Vec<String> {
    let mut problems: Vec<String> = nodes
        .iter()
        .filter_map(|node| match &node.error {
            Some(error) => Some(format!("{} doesn't answer: {error}", node.name)),
            None if !node.ready => Some(format!("{} isn't ready: {}", node.name, node.state)),
            None => None,
        })
        .collect();
    let behind = |node: &&NodeStatus| {
        node.tips
            .zip(tips)
            .is_some_and(|(own, best)| own.checkpointed.0 + LAG < best.checkpointed.0)
    };
    problems.extend(
        nodes
            .iter()
            .filter(behind)
            .map(|node| format!("{} is behind the others", node.name)),
    );
    match tips {
        None => problems.push("no node answers".into()),
        Some(tips) if tips.checkpointed == BlockNumber(0) => {
            problems.push("no checkpoint yet".into());
        }
        Some(_) => {}
    }
    problems
}

#[cfg(test)]
mod tests;
