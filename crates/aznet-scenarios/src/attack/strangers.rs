//! Strangers: peers with keys of their own, which live in the process of a full node and connect to others.

use std::time::Duration;

use aznet_model::role::Role;
use aznet_network::observe::instances::Instance;
use aznet_runner::Failure;
use futures::future::try_join_all;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::interval;

use super::adversary::Adversary;
use crate::{
    errors::rpc,
    world::{Peer, World},
};

/// How often the node in whose process they live is asked for its peers, by which they find it.
const TO_BE_FOUND: Duration = Duration::from_secs(1);

/// Strangers, and to whom they connect.
pub(super) struct Strangers<'a> {
    world: &'a World,
    host: &'a Peer,
    others: Vec<&'a Peer>,
}

impl<'a> Strangers<'a> {
    /// At a full node that is ready; they connect to the other nodes of these roles.
    pub(super) fn new(
        world: &'a World,
        nodes: &'a [Peer],
        pods: &[Instance],
        roles: &[Role],
    ) -> Result<Self, Failure> {
        let role = |node: &Peer| {
            let pod = pods.iter().find(|pod| pod.pod == node.pod)?;
            pod.ready.then_some(pod.role)
        };
        let host = nodes.iter().find(|node| role(node) == Some(Role::FullNode));
        let host = host.ok_or_else(|| Failure::skipped("a full node that is ready"))?;
        let others = nodes.iter().filter(|node| {
            node.pod != host.pod && role(node).is_some_and(|role| roles.contains(&role))
        });
        let others: Vec<&Peer> = others.collect();
        if others.is_empty() {
            let words = "no other node is ready".to_owned();
            return Err(Failure::Infrastructure(words));
        }
        Ok(Self {
            world,
            host,
            others,
        })
    }

    /// The pods of those to whom they connect.
    pub(super) fn others(&self) -> impl Iterator<Item = &'a str> {
        self.others.iter().map(|node| node.pod.as_str())
    }

    /// What they did; `adversary` has them connect to the nodes whose ENRs are its option `to`, beside those of its own.
    pub(super) async fn misbehave<T: DeserializeOwned>(
        &self,
        adversary: &Adversary,
        mut options: Value,
        within: Duration,
    ) -> Result<T, Failure> {
        let records = try_join_all(self.others.iter().copied().map(record)).await?;
        let place = (self.host.pod.as_str(), Role::FullNode);
        options["to"] = json!(records);
        tokio::select! {
            told = adversary.misbehave_with(self.world, place, options, within) => told,
            never = self.is_asked() => never,
        }
    }

    /// Goes on asking the node for its peers. That it answers is not what this is for.
    async fn is_asked<T>(&self) -> T {
        let mut ticks = interval(TO_BE_FOUND);
        loop {
            ticks.tick().await;
            let _ = self.host.rpc.peers().await;
        }
    }
}

/// Where a node is for others, as it announces it.
async fn record(node: &Peer) -> Result<String, Failure> {
    let info = node.rpc.info().await.map_err(rpc)?;
    let without = || Failure::Infrastructure(format!("{} has no ENR", node.pod));
    info.enr.ok_or_else(without)
}
