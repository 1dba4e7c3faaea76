//! What must be so before a test is tried again: the network is healthy, as `aznet status` judges it.

use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_network::namespace::Network;
use aznet_network::observe::status;
use aznet_runner::Gate;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// How long a network may take to recover from what a test did to it.
const WITHIN: Duration = Duration::from_mins(3);
/// Every pod is asked each time.
const EVERY: Duration = Duration::from_secs(5);
/// The wait itself says best why it ended.
const SPARE: Duration = Duration::from_secs(10);

/// Looks at `network`.
pub(super) fn of(network: &Network, cancel: &CancellationToken) -> Gate {
    let (network, cancel) = (network.clone(), cancel.clone());
    Gate::new(WITHIN + SPARE, move |_| {
        let (network, cancel) = (network.clone(), cancel.clone());
        async move {
            let healthy = healthy(&network, &cancel).await;
            healthy.map_err(|error| error.to_string())
        }
    })
}

async fn healthy(network: &Network, cancel: &CancellationToken) -> Result<(), WaitError> {
    let deadline = Deadline::after(WITHIN).every(EVERY);
    wait::until("it to be ready", deadline, cancel, |_| async {
        let status = match status::collect(network, Timestamp::now()).await {
            Ok(status) => status,
            Err(error) => return Ok(Look::pending(error)),
        };
        Ok(if status.ready {
            Look::Done(())
        } else {
            Look::Pending(status.problems.join("; "))
        })
    })
    .await
}
