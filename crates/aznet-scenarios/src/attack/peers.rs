//! Who is connected to whom.

use std::collections::{BTreeMap, BTreeSet};

use aznet_kit::wait::Look;
use aznet_network::clients::{l2, rpc::RpcError};
use aznet_runner::Failure;
use futures::future::try_join_all;

use crate::world::{Peer, World};

/// Slots in which nodes that have lost each other find each other again; they look for peers every 30 s.
const SLOTS_TO_FIND: u32 = 10;

/// The ids of each node's peers, by its pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Connections(BTreeMap<String, BTreeSet<String>>);

impl Connections {
    /// Those of all `nodes`.
    pub(super) async fn of(nodes: &[Peer]) -> Result<Self, RpcError> {
        let asked = nodes.iter().map(|node| async {
            let peers = node.rpc.peers().await?.into_iter();
            let connected = peers.filter(l2::Peer::is_connected);
            Ok((
                node.pod.clone(),
                connected.map(|peer| peer.id).collect::<BTreeSet<_>>(),
            ))
        });
        let all: Vec<_> = try_join_all(asked).await?;
        Ok(Self(all.into_iter().collect()))
    }

    /// How many peers of these nodes have lost that they had before, by pod; nothing of those that have all.
    pub(super) fn lost<'a>(&self, before: &'a Self) -> BTreeMap<&'a str, usize> {
        let nobody = BTreeSet::new();
        let lost = before.0.iter().map(|(pod, peers)| {
            let now = self.0.get(pod).unwrap_or(&nobody);
            (pod.as_str(), peers.difference(now).count())
        });
        lost.filter(|(_, lost)| *lost > 0).collect()
    }

    /// Those of these nodes that are connected to nobody but whom some node was connected to before.
    pub(super) fn without_news(&self, before: &Self) -> Vec<&str> {
        let known: BTreeSet<&String> = before.0.values().flatten().collect();
        let met = |peers: &BTreeSet<String>| peers.iter().any(|peer| !known.contains(peer));
        let unmet = self.0.iter().filter(|(_, peers)| !met(peers));
        unmet.map(|(pod, _)| pod.as_str()).collect()
    }

    /// Of these, the one that has fewest: how many that is.
    pub(super) fn fewest(&self) -> usize {
        self.0.values().map(BTreeSet::len).min().unwrap_or(0)
    }
}

impl World {
    /// Waits until all nodes have the peers that they had before.
    pub(super) async fn connected_as(
        &self,
        before: &Connections,
        nodes: &[Peer],
    ) -> Result<(), Failure> {
        let goal = "every node to have its peers as before";
        let within = self.time.slots(SLOTS_TO_FIND) + self.course.slack;
        self.until(goal, within, || async {
            let now = Connections::of(nodes).await?;
            let lost = now.lost(before);
            Ok(if lost.is_empty() {
                Look::Done(())
            } else {
                Look::Pending(format!("lost peers: {lost:?}"))
            })
        })
        .await?;
        let fewest = before.fewest();
        self.context.step(format!(
            "every node has the peers that it had before, at least {fewest}"
        ));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(all: &[(&str, &[&str])]) -> Connections {
        let set = |peers: &[&str]| peers.iter().map(|peer| (*peer).to_owned()).collect();
        let all = all
            .iter()
            .map(|(pod, peers)| ((*pod).to_owned(), set(peers)));
        Connections(all.collect())
    }

    #[test]
    fn new_peers_make_up_for_none_that_are_lost() {
        let before = connections(&[("a", &["1", "2"]), ("b", &["1"]), ("c", &["1"])]);
        let now = connections(&[("a", &["2", "3"]), ("b", &["1", "4"])]);
        assert_eq!(now.lost(&before), BTreeMap::from([("a", 1), ("c", 1)]));
        assert!(before.lost(&before).is_empty());
        assert_eq!(before.fewest(), 1);
    }

    #[test]
    fn who_has_met_nobody_new_is_told() {
        let before = connections(&[("a", &["1", "2"]), ("b", &["1"])]);
        let now = connections(&[("a", &["1", "9"]), ("b", &["1", "2"]), ("c", &[])]);
        assert_eq!(now.without_news(&before), ["b", "c"]);
        assert_eq!(before.without_news(&before), ["a", "b"]);
    }
}
