//! Waiting for a network to be healthy, as `aznet status` judges it.

use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_network::namespace::Network;
use aznet_network::observe::status;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// Every pod is asked each time.
const EVERY: Duration = Duration::from_secs(5);

/// Waits until the network is ready; the error says what was wrong with it in the end. `on_look` hears what is wrong so far.
pub(crate) async fn healthy(
    network: &Network,
    within: Duration,
    cancel: &CancellationToken,
    on_look: impl Fn(&str),
) -> Result<(), WaitError> {
    let (deadline, on_look) = (Deadline::after(within).every(EVERY), &on_look);
    wait::until("it to be ready", deadline, cancel, |_| async move {
        let wrong = match status::collect(network, Timestamp::now()).await {
            Ok(status) if status.ready => return Ok(Look::Done(())),
            Ok(status) => status.problems.join("; "),
            Err(error) => error.to_string(),
        };
        on_look(&wrong);
        Ok(Look::Pending(wrong))
    })
    .await
}
