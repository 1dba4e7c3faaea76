//! Waiting for a network to be healthy, as `aznet status` judges it.

use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_network::namespace::Network;
use aznet_network::observe::status::{self, State};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// Every pod is asked each time.
const EVERY: Duration = Duration::from_secs(5);

/// Looks once; the error says what is wrong with the network.
pub(crate) async fn is_healthy(network: &Network) -> Result<(), String> {
    match status::collect(network, Timestamp::now()).await {
        Ok(status) if status.ready => Ok(()),
        Ok(status) => Err(status.problems.join("; ")),
        Err(error) => Err(error.to_string()),
    }
}

/// Waits until a node of the network answers and its chain does not stand still; the error says what was wrong in the end.
pub(crate) async fn moving(
    network: &Network,
    within: Duration,
    cancel: &CancellationToken,
) -> Result<(), WaitError> {
    let deadline = Deadline::after(within).every(EVERY);
    wait::until("its chain to move", deadline, cancel, |_| async {
        Ok(match status::collect(network, Timestamp::now()).await {
            Ok(status) if matches!(status.state, State::Stalled | State::Unreachable) => {
                Look::Pending(status.problems.join("; "))
            }
            Ok(_) => Look::Done(()),
            Err(error) => Look::Pending(error.to_string()),
        })
    })
    .await
}

/// Waits until the network is ready; the error says what was wrong with it in the end. `on_look` hears what is wrong so far.
pub(crate) async fn healthy(
    network: &Network,
    within: Duration,
    cancel: &CancellationToken,
    on_look: impl Fn(&str),
) -> Result<(), WaitError> {
    let (deadline, on_look) = (Deadline::after(within).every(EVERY), &on_look);
    wait::until("it to be ready", deadline, cancel, |_| async move {
        Ok(match is_healthy(network).await {
            Ok(()) => Look::Done(()),
            Err(wrong) => {
                on_look(&wrong);
                Look::Pending(wrong)
            }
        })
    })
    .await
}
