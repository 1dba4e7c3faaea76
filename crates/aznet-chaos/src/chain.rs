//! The network's chain as its own L1 has it: protocol time, committees and proposers.

use aznet_model::chain::{Epoch, Slot};
use aznet_model::role::Role;
use aznet_model::timing::{Moment, Timing};
use aznet_network::clients::l1::{L1, Rollup};
use aznet_network::clients::l2::Node;
use aznet_network::namespace::Network;
use aznet_network::validators::Address;
use jiff::Timestamp;

use crate::error::ChaosError;
use crate::pods::{Pods, Seen};

/// Pods that know their rollup.
const NODES: [Role; 3] = [Role::BootNode, Role::FullNode, Role::Validator];

/// The chain of a network that has its own L1.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    rollup: Rollup,
    /// Its protocol time.
    pub(crate) timing: Timing,
}

impl Chain {
    /// Finds it by the first node that answers; `None` where the network's L1 is not its own.
    pub(crate) async fn find(network: &Network, pods: &Pods) -> Result<Option<Self>, ChaosError> {
        let Some(anvil) = of(pods, Role::Anvil).next() else {
            return Ok(None);
        };
        let release = network.release().await;
        let mut failed = None;
        for node in NODES.into_iter().flat_map(|role| of(pods, role)) {
            match Node::in_pod(network, node, release).info().await {
                Ok(info) => {
                    let address = info.contract("rollup").unwrap_or_default();
                    let rollup = Rollup::new(L1::in_pod(network, anvil), address)?;
                    let timing = rollup.timing().await?;
                    return Ok(Some(Self { rollup, timing }));
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(None), |error| Err(error.into()))
    }

    /// Where it is now.
    pub(crate) fn now(&self) -> Moment {
        moment(&self.timing, Timestamp::now())
    }

    /// When a slot begins, in Unix seconds.
    pub(crate) fn begin(&self, slot: Slot) -> u64 {
        self.timing.genesis + slot.0 * self.timing.slot.as_secs()
    }

    /// Whose turn a slot is, of this epoch or the next.
    pub(crate) async fn proposer(&self, slot: Slot) -> Result<Address, ChaosError> {
        Ok(self.rollup.proposer_at(self.begin(slot)).await?)
    }

    /// The committee of this epoch or the next.
    pub(crate) async fn committee(&self, epoch: Epoch) -> Result<Vec<Address>, ChaosError> {
        Ok(self.rollup.committee(epoch).await?)
    }
}

/// The ready pods of a role.
fn of(pods: &Pods, role: Role) -> impl Iterator<Item = &str> {
    let fit = move |pod: &Seen| pod.ready && pod.role() == role.name();
    pods.iter()
        .filter(move |(_, pod)| fit(pod))
        .map(|(name, _)| name.as_str())
}

/// A time in protocol time.
pub(crate) fn moment(timing: &Timing, at: Timestamp) -> Moment {
    timing.at(u64::try_from(at.as_second()).unwrap_or_default())
}
