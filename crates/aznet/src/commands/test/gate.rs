//! What must be so before a test is tried again: the network is healthy, as `aznet status` judges it.

use std::time::Duration;

use aznet_network::namespace::Network;
use aznet_runner::Gate;

use crate::healthy::is_healthy;

/// How long a network may take to recover from what a test did to it.
const WITHIN: Duration = Duration::from_mins(3);

/// Looks at `network`.
pub(super) fn of(network: &Network) -> Gate {
    let network = network.clone();
    Gate::new(WITHIN, move |_| {
        let network = network.clone();
        async move { is_healthy(&network).await }
    })
}
