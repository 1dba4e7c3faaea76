//! Taking a network away.

use std::sync::Arc;
use std::time::Duration;

use aznet_network::deploy::{Progress, Reporter};
use aznet_network::namespace::Network;
use aznet_network::removal;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::forwarder;
use crate::steps::Steps;

/// Pods end within seconds; a node under load takes its time to say so.
const WITHIN: Duration = Duration::from_mins(2);

/// Removes a network with its forwarder, and shows what is still there meanwhile.
pub(crate) async fn network(
    network: &Network,
    context: &Context,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    context.interrupt.leaves(
        format!("network {} is still being removed", network.name()),
        "`aznet list` shows whether it is gone",
    );
    let steps = Steps::new(&context.printer);
    let step = steps.begin("down", &format!("removing network {}", network.name()));
    forwarder::stop(&context.paths, network.namespace()).await?;
    let shown = step.clone();
    let report: Reporter = Arc::new(move |progress| {
        if let Progress::Removing { left, .. } = progress {
            shown.say(&format!("still being removed: {left}"));
        }
    });
    removal::down(network, WITHIN, &report, cancel)
        .await
        .inspect_err(|_| step.abandon())?;
    steps.end(&step, format!("network {} is gone", network.name()));
    Ok(())
}
