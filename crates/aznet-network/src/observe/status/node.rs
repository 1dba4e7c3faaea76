//! A pod and what it knows of the chain.

use aznet_model::{chain::BlockNumber, role::Role, workload::Workload};
use jiff::Timestamp;
use serde::Serialize;

use super::super::pods::{Phase, PodState};
use crate::{
    clients::l2::{L2Tips, Node},
    namespace::Network,
};

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
    /// Whether it is to be there and is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
}

impl NodeStatus {
    /// A pod that the release's values ask for and that isn't there.
    pub(super) fn missing(name: String, workload: &Workload, state: &str) -> Self {
        Self {
            name,
            role: workload.role(),
            group: workload.group().map(str::to_owned),
            ready: false,
            restarts: 0,
            age: 0,
            state: state.to_owned(),
            tips: None,
            peers: None,
            error: None,
            missing: true,
        }
    }
}

/// Asks the node in a pod, if it has one.
pub(super) async fn of(network: &Network, pod: &PodState, now: Timestamp) -> NodeStatus {
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
        missing: false,
    };
    // A process that isn't ready may still answer, and what it says then is the most interesting.
    if pod.role.is_node()
        && matches!(
            pod.phase,
            Phase::Ready | Phase::Unready { .. } | Phase::Starting { .. } | Phase::Waiting { .. }
        )
    {
        let node = Node::in_pod(network, &pod.name, network.release().await);
        let tips = node.tips().await;
        // Whoever is away is not asked twice.
        let peers = match &tips {
            Err(error) if error.is_retryable() => None,
            _ => node.peers().await.ok(),
        };
        status.error = tips
            .as_ref()
            .err()
            .filter(|_| status.ready)
            .map(ToString::to_string);
        status.tips = tips.ok().as_ref().map(Tips::from);
        status.peers = peers.map(|peers| peers.iter().filter(|peer| peer.is_connected()).count());
    }
    status
}
