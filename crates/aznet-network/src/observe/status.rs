//! How a network is, asked of everyone at once; whoever is slow is shown as such and delays nobody.

mod chain;
mod committee;
mod crowd;
mod health;
mod node;
mod signers;
mod wanted;

use std::{collections::BTreeMap, time::Duration};

use aznet_model::{
    chain::BlockNumber,
    role::Role,
    timing::{Moment, ProtocolTime, Timing},
};
use futures::future::join_all;
use jiff::Timestamp;
use serde::Serialize;

pub use self::{
    committee::Committee,
    health::{Facts, L1Pulse, Pace, Publisher, Stall, State, Verdict, judge},
    node::{NodeStatus, Tips},
};

use self::{crowd::Crowd, signers::Signers};
use super::{
    endpoints::endpoints,
    pods::{self, PodState},
    release::{Release, Replicas},
    telemetry::{self, Arrival},
    timing,
};
use crate::{
    clients::{
        l1::{L1, L1Heads, Prune},
        l2::Node,
    },
    namespace::{NamespaceError, Network},
};

/// A network as `aznet status` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkStatus {
    /// The network's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its cluster.
    pub cluster: String,
    /// How it is, in a word.
    pub state: State,
    /// Whether that word is [`State::Ready`].
    pub ready: bool,
    /// Since when and why checkpoints have stopped; `None` if they have not.
    pub stalled: Option<Stall>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it may be removed.
    pub expires: Option<Timestamp>,
    /// The heads of the chain, as the node that is furthest sees them; `None` if no node answers.
    pub tips: Option<Tips>,
    /// The newest prune, if it is not long ago: within the time that a proof has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruned: Option<Prune>,
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
    /// What the accounts that pay for L1 transactions have; empty if the L1 isn't the network's own.
    pub publishers: Vec<Publisher>,
    /// What is wrong, in words.
    pub problems: Vec<String>,
}

/// Asks everyone; takes as long as the slowest calls, about twenty seconds at most.
///
/// # Errors
/// Only if the Kubernetes API fails; nodes that fail are part of the status.
pub async fn collect(network: &Network, now: Timestamp) -> Result<NetworkStatus, NamespaceError> {
    let pods = pods::list(network).await?;
    let (l1, crowd) = (l1(network, &pods), Crowd::new());
    let asked = pods
        .iter()
        .map(|pod| crowd.ask(node::of(network, pod, now)));
    let (mut nodes, wanted, heads, telemetry, time) = futures::join!(
        join_all(asked),
        replicas(network),
        heads(l1.as_ref()),
        telemetry::of_pods(network, &pods),
        protocol_time(network)
    );
    nodes.extend(wanted::missing(&wanted, &nodes));
    nodes.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
    let signers = match (&l1, heads) {
        // Pods read the validator set from it.
        (Some(_), None) => Signers::default(),
        _ => signers::collect(network, &nodes).await,
    };
    retire(&mut nodes, &signers);
    let tips = nodes
        .iter()
        .filter_map(|node| node.tips)
        .max_by_key(|tips| (tips.checkpointed, tips.proposed));
    let (chain, publishers) = futures::join!(
        chain::read(network, l1.as_ref(), &nodes, &signers, now),
        signers.balances(l1.as_ref())
    );
    let pace = match (tips, time, furthest(&nodes, tips)) {
        (Some(tips), Some(time), Some(pod)) => {
            let node = Node::in_pod(network, pod, network.release().await);
            pace(&node, tips, time, now).await
        }
        _ => None,
    };
    let verdict = judge(&Facts {
        nodes: &nodes,
        tips,
        pace,
        committee: chain.committee.as_ref(),
        set: chain.set,
        publishers: &publishers,
        l1: pulse(&nodes, heads, time, now),
    });
    let roles: Vec<Role> = pods.iter().map(|pod| pod.role).collect();
    let info = network.info();
    Ok(NetworkStatus {
        name: info.name.clone(),
        namespace: info.namespace.clone(),
        cluster: info.cluster.clone(),
        state: verdict.state,
        ready: verdict.state == State::Ready,
        stalled: verdict.stalled,
        created: info.created,
        expires: info.expires,
        problems: verdict.problems,
        tips,
        nodes,
        committee: chain.committee,
        pruned: chain.pruned,
        now: chain.now.or_else(|| Some(pace?.timing.at(pace?.now))),
        endpoints: endpoints(&info.namespace, &roles)
            .into_iter()
            .map(|end| (end.name.to_owned(), end.url))
            .collect(),
        l1: heads,
        telemetry,
        publishers,
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

/// How many pods there are to be, by the release; nothing where it can't be read.
async fn replicas(network: &Network) -> Vec<Replicas> {
    let release = Release::of(network)
        .await
        .inspect_err(|error| tracing::debug!(%error, "no counts of pods"));
    let release = release.ok().flatten();
    release
        .map(|release| release.replicas())
        .unwrap_or_default()
}

async fn protocol_time(network: &Network) -> Option<ProtocolTime> {
    timing::read(network)
        .await
        .inspect_err(|error| tracing::debug!(%error, "no protocol time"))
        .ok()
}

/// A pod whose attesters left the set serves, and does nothing of what it is there for.
fn retire(nodes: &mut [NodeStatus], signers: &Signers) {
    for node in nodes {
        if signers.retired.contains(&node.name) {
            node.ready = false;
            "out of the validator set: it will not attest".clone_into(&mut node.state);
        }
    }
}

/// Where the chain is in protocol time, by its own blocks: an L1 that is away does not hide that it stands still.
pub(crate) async fn pace(
    node: &Node,
    tips: Tips,
    time: ProtocolTime,
    now: Timestamp,
) -> Option<Pace> {
    if tips.checkpointed == BlockNumber(0) {
        return None;
    }
    let newest = node.block(tips.checkpointed).await.ok()??;
    let next = BlockNumber(tips.proven.0 + 1);
    let unproven = if next <= tips.checkpointed {
        node.block(next).await.ok().flatten()
    } else {
        None
    };
    let slot = time.slot.as_secs();
    Some(Pace {
        timing: Timing {
            genesis: newest.timestamp.saturating_sub(newest.slot.0 * slot),
            slot: time.slot,
            epoch_slots: u64::from(time.epoch_slots),
            proof_submission_epochs: u64::from(time.proof_submission_epochs),
        },
        now: seconds(now),
        checkpointed: newest.slot,
        unproven: unproven.map(|block| block.slot),
    })
}

/// A pod whose node has these tips.
fn furthest(nodes: &[NodeStatus], tips: Option<Tips>) -> Option<&str> {
    let best = nodes
        .iter()
        .find(|node| node.tips.is_some() && node.tips == tips)?;
    Some(&best.name)
}

/// How the network's own L1 is; `None` if it has none.
fn pulse(
    nodes: &[NodeStatus],
    heads: Option<L1Heads>,
    time: Option<ProtocolTime>,
    now: Timestamp,
) -> Option<L1Pulse> {
    nodes.iter().find(|node| node.role == Role::Anvil)?;
    Some(L1Pulse {
        age: heads.map(|heads| Duration::from_secs(seconds(now).saturating_sub(heads.timestamp))),
        block_time: time?.l1_block,
    })
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.as_second()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
