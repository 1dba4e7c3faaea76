//! What must be so before a test is tried again: the network is healthy, as `aznet status` judges it.

use std::time::Duration;

use aznet_network::namespace::Network;
use aznet_runner::Gate;
use tokio_util::sync::CancellationToken;

use crate::healthy::healthy;

/// How long a network may take to recover from what a test did to it.
const WITHIN: Duration = Duration::from_mins(3);
/// The wait itself says best why it ended.
const SPARE: Duration = Duration::from_secs(10);

/// Looks at `network`.
pub(super) fn of(network: &Network, cancel: &CancellationToken) -> Gate {
    let (network, cancel) = (network.clone(), cancel.clone());
    Gate::new(WITHIN + SPARE, move |_| {
        let (network, cancel) = (network.clone(), cancel.clone());
        async move {
            let healthy = healthy(&network, WITHIN, &cancel, |_| ()).await;
            healthy.map_err(|error| error.to_string())
        }
    })
}
