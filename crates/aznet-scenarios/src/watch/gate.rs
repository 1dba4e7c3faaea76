//! The gate before a test: the network is well. It says what was looked at.

use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_model::timing::ProtocolTime;
use aznet_network::clients::l1::L1Heads;
use aznet_network::clients::l2::{L2Tips, Node};
use aznet_network::clients::rpc::RpcError;
use aznet_network::namespace::Network;
use aznet_network::observe::instances::{self, Instance};
use aznet_runner::{Context, Failure};
use futures::future::join_all;

use super::clock;
use super::invariant::short;
use super::ledger::Ledger;
use crate::world::{Peer, ready};

/// Slots in which a network that is well must show it.
const SLOTS_TO_SHOW: u32 = 3;
/// Block times without a block after which an L1 does not move.
const SILENT_BLOCKS: u32 = 5;

/// How far the chain was when a test began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begun {
    /// Number of its newest checkpoint.
    pub(super) checkpoint: u64,
    /// When that was, in Unix seconds.
    pub(super) at: u64,
}

/// One look at everything that a test needs to be well.
#[derive(Debug, Default)]
struct Seen {
    /// Nodes that don't serve.
    away: Vec<String>,
    nodes: Vec<SeenNode>,
    /// The newest checkpointed block of the node that is furthest behind.
    common: Option<(u64, String)>,
    l1: Option<SeenL1>,
}

#[derive(Debug)]
struct SeenNode {
    pod: String,
    checkpoint: u64,
    /// The number under which it has the common block.
    common: Result<Option<u64>, String>,
    peers: Result<usize, String>,
}

#[derive(Debug)]
struct SeenL1 {
    committee: Result<usize, String>,
    /// Number and age of its newest block.
    head: Result<(u64, Duration), String>,
}

/// Waits until the network is well.
///
/// # Errors
/// [`Failure::Infrastructure`]: a test on it would show nothing.
pub(crate) async fn before(
    network: &Network,
    time: ProtocolTime,
    context: &Context,
) -> Result<Begun, Failure> {
    let what = format!("network {} to be well before the test", network.name());
    let deadline = Deadline::after(time.slots(SLOTS_TO_SHOW));
    let seen = wait::until(what.clone(), deadline, &context.cancel, |_| async {
        let seen = match see(network, time).await {
            Ok(seen) => seen,
            Err(unseen) => return Ok(Look::Pending(unseen.words())),
        };
        let problems = seen.problems(time.l1_block);
        if problems.is_empty() {
            return Ok::<_, WaitError>(Look::Done(seen));
        }
        let last = problems.join("; ");
        context.waiting(&what, &last);
        Ok(Look::Pending(last))
    })
    .await
    .map_err(Failure::infrastructure)?;
    context.step(format!("well before the test: {}", seen.words()));
    let checkpoint = seen.nodes.iter().map(|node| node.checkpoint).max();
    Ok(Begun {
        checkpoint: checkpoint.unwrap_or(0),
        at: clock::now(),
    })
}

/// Why a look at a network did not show how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unseen {
    /// Somebody who was asked gave no answer, and why.
    NoAnswer(String),
    /// What was seen instead.
    Otherwise(String),
}

impl Unseen {
    fn words(self) -> String {
        match self {
            Self::NoAnswer(words) | Self::Otherwise(words) => words,
        }
    }
}

impl From<RpcError> for Unseen {
    fn from(error: RpcError) -> Self {
        if error.is_retryable() {
            Self::NoAnswer(error.to_string())
        } else {
            Self::Otherwise(error.to_string())
        }
    }
}

/// The pods of a network, and the ready nodes among them.
pub(super) async fn nodes(network: &Network) -> Result<(Vec<Instance>, Vec<Peer>), Unseen> {
    let pods = instances::list(network).await;
    let pods = pods.map_err(|error| Unseen::NoAnswer(aznet_kit::error::chain(&error)))?;
    let nodes = ready(network, &pods).await;
    if nodes.is_empty() {
        return Err(Unseen::Otherwise("no node is ready".to_owned()));
    }
    Ok((pods, nodes))
}

/// The pods of nodes that don't serve.
pub(super) fn away(pods: &[Instance]) -> impl Iterator<Item = &str> {
    let away = pods.iter().filter(|pod| pod.role.is_node() && !pod.ready);
    away.map(|pod| pod.pod.as_str())
}

/// The tips of all of them; of one that gives none the reason.
pub(super) async fn tips(nodes: &[Peer]) -> Result<Vec<L2Tips>, Unseen> {
    let answers = join_all(nodes.iter().map(|node| node.rpc.tips())).await;
    let all: Result<Vec<_>, RpcError> = answers.into_iter().collect();
    Ok(all?)
}

async fn see(network: &Network, time: ProtocolTime) -> Result<Seen, Unseen> {
    let (pods, nodes) = nodes(network).await?;
    let tips = tips(&nodes).await?;
    let blocks = tips.iter().map(|tips| &tips.checkpointed.block);
    let common = blocks.min_by_key(|block| block.number);
    let common = common.map(|block| (block.number.0, block.hash.clone()));
    let hash = common.as_ref().map_or("", |(_, hash)| hash);
    let asked = nodes.iter().zip(&tips).map(|(node, tips)| async move {
        let (place, peers) = futures::join!(node.rpc.block_by_hash(hash), node.rpc.peers());
        let connected = |peers: Vec<aznet_network::clients::l2::Peer>| {
            peers.iter().filter(|peer| peer.is_connected()).count()
        };
        SeenNode {
            pod: node.pod.clone(),
            checkpoint: tips.checkpointed.checkpoint.number.0,
            common: place
                .map(|place| place.map(|place| place.number.0))
                .map_err(|error| error.to_string()),
            peers: peers.map(connected).map_err(|error| error.to_string()),
        }
    });
    let (seen, l1) = futures::join!(join_all(asked), see_l1(network, time, &pods, &nodes[0].rpc));
    Ok(Seen {
        away: away(&pods).map(str::to_owned).collect(),
        nodes: seen,
        common,
        l1,
    })
}

/// `None` where the L1 is not one of the network's own pods.
async fn see_l1(
    network: &Network,
    time: ProtocolTime,
    pods: &[Instance],
    node: &Node,
) -> Option<SeenL1> {
    pods.iter()
        .find(|pod| pod.role == aznet_model::role::Role::Anvil)?;
    let Some(ledger) = Ledger::open(network, pods, node).await else {
        let silent = || {
            "the L1, or the node that says where the rollup is on it, does not answer".to_owned()
        };
        return Some(SeenL1 {
            committee: Err(silent()),
            head: Err(silent()),
        });
    };
    let l1 = aznet_network::clients::l1::L1::in_pod(network, &ledger.pod);
    let (timing, heads) = futures::join!(
        clock::timing(time, Some(&ledger.rollup), Some(node)),
        l1.heads()
    );
    let committee = match timing {
        Some(timing) => {
            let members = ledger.rollup.committee(timing.at(clock::now()).epoch).await;
            members
                .map(|members| members.len())
                .map_err(|error| error.to_string())
        }
        None => Err("the epoch is not known".to_owned()),
    };
    let age = |heads: L1Heads| {
        let age = clock::now().saturating_sub(heads.timestamp);
        (heads.block.0, Duration::from_secs(age))
    };
    Some(SeenL1 {
        committee,
        head: heads.map(age).map_err(|error| error.to_string()),
    })
}

impl Seen {
    /// What is not well.
    fn problems(&self, l1_block: Duration) -> Vec<String> {
        let away = self.away.iter().map(|pod| format!("{pod} is not ready"));
        let mut problems: Vec<String> = away.collect();
        match &self.common {
            Some((0, _)) | None => problems.push("no checkpoint that all nodes have".to_owned()),
            Some((number, hash)) => problems.extend(self.nodes.iter().filter_map(|node| {
                let pod = &node.pod;
                match &node.common {
                    Ok(Some(own)) if own == number => None,
                    Ok(Some(own)) => {
                        Some(format!("{pod} has block {number} {} as {own}", short(hash)))
                    }
                    Ok(None) => Some(format!(
                        "{pod} does not have block {number} {}",
                        short(hash)
                    )),
                    Err(why) => Some(why.clone()),
                }
            })),
        }
        // A node alone has nobody to be a peer of.
        let lonely = self.nodes.iter().filter(|_| self.nodes.len() > 1);
        problems.extend(lonely.filter_map(|node| match &node.peers {
            Ok(0) => Some(format!("{} has no peers", node.pod)),
            Ok(_) => None,
            Err(why) => Some(why.clone()),
        }));
        problems.extend(self.l1.iter().flat_map(|l1| l1.problems(l1_block)));
        problems
    }

    fn words(&self) -> String {
        let (number, hash) = self.common.clone().unwrap_or_default();
        let peers = self
            .nodes
            .iter()
            .filter_map(|node| node.peers.as_ref().ok());
        let fewest = peers.min().copied().unwrap_or(0);
        let l1 = match &self.l1 {
            None => "the L1 is not one of its pods, and was not looked at".to_owned(),
            Some(SeenL1 {
                committee: Ok(members),
                head: Ok((block, age)),
            }) => format!(
                "a committee of {members}, the L1 at block {block}, {} s old",
                age.as_secs()
            ),
            Some(_) => "the L1 does not answer".to_owned(),
        };
        format!(
            "{} nodes agree on block {number} {}, each has at least {fewest} peers; {l1}",
            self.nodes.len(),
            short(&hash)
        )
    }
}

impl SeenL1 {
    fn problems(&self, block: Duration) -> Vec<String> {
        let committee = match &self.committee {
            Ok(0) => Some("the committee is empty".to_owned()),
            Ok(_) => None,
            Err(why) => Some(format!("the committee can't be read: {why}")),
        };
        let head = match &self.head {
            Ok((number, age)) if *age > block * SILENT_BLOCKS => Some(format!(
                "the L1 does not move: its block {number} is {} s old, and one is due every {} s",
                age.as_secs(),
                block.as_secs()
            )),
            Ok(_) => None,
            Err(why) => Some(why.clone()),
        };
        committee.into_iter().chain(head).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: Duration = Duration::from_secs(4);

    fn node(pod: &str, common: Option<u64>, peers: usize) -> SeenNode {
        SeenNode {
            pod: pod.to_owned(),
            checkpoint: 40,
            common: Ok(common),
            peers: Ok(peers),
        }
    }

    fn well() -> Seen {
        Seen {
            away: Vec::new(),
            nodes: vec![
                node("boot-node-0", Some(40), 4),
                node("validator-0", Some(40), 2),
            ],
            common: Some((40, "0x0123456789abcdef".to_owned())),
            l1: Some(SeenL1 {
                committee: Ok(4),
                head: Ok((120, BLOCK)),
            }),
        }
    }

    #[test]
    fn a_network_that_is_well_says_what_was_looked_at() {
        assert!(well().problems(BLOCK).is_empty());
        assert_eq!(
            well().words(),
            "2 nodes agree on block 40 0x0123456789ab, each has at least 2 peers; a committee of 4, the L1 at block 120, \
             4 s old"
        );
    }

    #[test]
    fn each_thing_that_is_not_well_is_named() {
        let mut seen = well();
        seen.nodes = vec![
            node("a", None, 1),
            node("b", Some(39), 0),
            node("c", Some(40), 1),
        ];
        seen.l1 = Some(SeenL1 {
            committee: Ok(0),
            head: Ok((120, BLOCK * 6)),
        });
        assert_eq!(
            seen.problems(BLOCK),
            [
                "a does not have block 40 0x0123456789ab",
                "b has block 40 0x0123456789ab as 39",
                "b has no peers",
                "the committee is empty",
                "the L1 does not move: its block 120 is 24 s old, and one is due every 4 s",
            ]
        );
        seen.common = Some((0, "0x1".to_owned()));
        seen.away = vec!["validator-3".to_owned()];
        assert_eq!(
            seen.problems(BLOCK)[..2],
            [
                "validator-3 is not ready",
                "no checkpoint that all nodes have"
            ]
        );
    }

    #[test]
    fn a_node_alone_needs_no_peers() {
        let mut seen = well();
        seen.nodes = vec![node("a", Some(40), 0)];
        assert!(seen.problems(BLOCK).is_empty());
    }
}
