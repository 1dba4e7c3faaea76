//! Taking a network away.

use std::sync::Arc;
use std::time::Duration;

use aznet_network::deploy::{Progress, Reporter};
use aznet_network::namespace::Network;
use aznet_network::removal;
use tokio_util::sync::CancellationToken;

use crate::bring_up::cluster;
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
    let gone = gone(network, context, &report, cancel).await;
    steps.end(&step, gone.inspect_err(|_| step.abandon())?);
    Ok(())
}

/// Removes it with its namespace, if that is only the network's; in words what became of it.
async fn gone(
    network: &Network,
    context: &Context,
    report: &Reporter,
    cancel: &CancellationToken,
) -> anyhow::Result<String> {
    let (name, namespace) = (network.name(), network.namespace());
    if !network.info().keeps_namespace {
        removal::down(network, WITHIN, report, cancel).await?;
        return Ok(format!("network {name} is gone"));
    }
    let choice = network.info().cluster.parse()?;
    let helm = cluster::attach(context, &choice).await?.helm;
    let retained = removal::uninstall(network, &helm, WITHIN, report, cancel).await?;
    Ok(match retained.as_slice() {
        [] => format!("network {name} is gone; namespace {namespace} stays"),
        claims => format!(
            "network {name} is gone; namespace {namespace} stays, with the volume claims {}",
            claims.join(", ")
        ),
    })
}
