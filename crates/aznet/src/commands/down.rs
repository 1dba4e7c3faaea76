//! `aznet down [NAME|--all]`.

use std::sync::Arc;
use std::time::Duration;

use aznet_network::deploy::{Progress, Reporter};
use aznet_network::namespace::Network;
use aznet_network::removal;
use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::cli::ClusterArg;
use crate::clusters;
use crate::context::Context;
use crate::exit::Exit;
use crate::forwarder;
use crate::steps::Steps;

/// Pods end within seconds; a node under load takes its time to say so.
const WITHIN: Duration = Duration::from_mins(2);

const EXAMPLES: &str = "\
Examples:
  aznet down           the only running network
  aznet down small
  aznet down --all     all networks; the clusters stay, `aznet cluster down` removes them";

/// Arguments of `aznet down`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DownArgs {
    /// Name of the network (default: the only one there is).
    #[arg(value_name = "NAME", conflicts_with = "all")]
    pub name: Option<String>,
    /// Remove all networks.
    #[arg(long)]
    pub all: bool,
    /// Where to look.
    #[command(flatten)]
    pub cluster: ClusterArg,
}

/// Removes one network, or all.
pub async fn run(args: &DownArgs, context: &Context) -> anyhow::Result<Exit> {
    let networks = clusters::networks(context, args.cluster.cluster.as_ref()).await?;
    let doomed = if args.all {
        networks.open_all().await?
    } else {
        vec![networks.open_to_remove(args.name.as_deref()).await?]
    };
    if doomed.is_empty() {
        context.printer.note("no network is running");
    }
    for (_, network) in &doomed {
        remove(network, context, context.interrupt.token()).await?;
    }
    Ok(Exit::Ok)
}

/// Removes a network with its forwarder, and shows what is still there meanwhile.
pub(crate) async fn remove(
    network: &Network,
    context: &Context,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    context.interrupt.leaves(
        format!("network {} goes on being removed", network.name()),
        "`aznet list` shows whether it is gone",
    );
    let steps = Steps::new(&context.printer);
    let step = steps.begin("down", &format!("removing network {}", network.name()));
    forwarder::stop(&context.paths, network.namespace())?;
    let shown = step.clone();
    let report: Reporter = Arc::new(move |progress| {
        if let Progress::Removing { left, .. } = progress {
            shown.say(&format!("still there: {left}"));
        }
    });
    removal::down(network, WITHIN, &report, cancel)
        .await
        .inspect_err(|_| step.abandon())?;
    steps.end(&step, format!("network {} is gone", network.name()));
    Ok(())
}
