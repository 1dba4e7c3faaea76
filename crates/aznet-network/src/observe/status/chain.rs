//! What the rollup contract says of a network.

use aznet_model::timing::Moment;
use jiff::Timestamp;

use super::{
    committee::{self, Committee},
    node::NodeStatus,
    seconds,
    signers::Signers,
};
use crate::{
    clients::{
        l1::{L1, Prune, Rollup},
        l2::Node,
    },
    namespace::Network,
};

/// What the rollup contract says.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) now: Option<Moment>,
    pub(super) committee: Option<Committee>,
    /// Validators, and members of a committee.
    pub(super) set: Option<(u64, u64)>,
    pub(super) pruned: Option<Prune>,
}

/// Asks the contract; nothing where it or the L1 can't be reached.
pub(super) async fn read(
    network: &Network,
    l1: Option<&L1>,
    nodes: &[NodeStatus],
    signers: &Signers,
    now: Timestamp,
) -> Chain {
    let answering = nodes.iter().filter(|node| node.tips.is_some());
    let release = network.release().await;
    let answering: Vec<Node> = answering
        .map(|status| Node::in_pod(network, &status.name, release))
        .collect();
    let read = async {
        let info = answering.first()?.info().await.ok()?;
        let rollup = Rollup::new(l1?.clone(), info.contract("rollup")?).ok()?;
        let timing = rollup.timing().await.ok()?;
        let moment = timing.at(seconds(now));
        let (committee, validators, members, pruned) = futures::join!(
            committee::of(&rollup, moment, &answering, signers.absent.as_ref()),
            rollup.active_attesters(),
            rollup.target_committee_size(),
            rollup.last_prune(timing.proof_window())
        );
        Some(Chain {
            now: Some(moment),
            committee,
            set: validators.ok().zip(members.ok()),
            pruned: pruned
                .inspect_err(|error| tracing::debug!(%error, "no prunes"))
                .ok()
                .flatten(),
        })
    };
    read.await.unwrap_or_default()
}
