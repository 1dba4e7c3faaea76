//! `aznet down [NAME|--all]`.

use clap::Args;

use crate::args::ClusterArg;
use crate::clusters;
use crate::context::Context;
use crate::exit::Exit;
use crate::remove;

const EXAMPLES: &str = "\
Examples:
  aznet down           the only running network
  aznet down small
  aznet down --all     all networks that you made; their clusters stay
  aznet down --all --everyone

You are AZNET_OWNER, else user@host. `aznet cluster down` removes a cluster.";

/// Arguments of `aznet down`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DownArgs {
    /// Name of the network (default: the only one there is).
    #[arg(value_name = "NAME", conflicts_with = "all")]
    pub name: Option<String>,
    /// Remove all networks that you made.
    #[arg(long)]
    pub all: bool,
    /// With --all: those that others made, too.
    #[arg(long, requires = "all")]
    pub everyone: bool,
    /// Where to look.
    #[command(flatten)]
    pub cluster: ClusterArg,
}

/// Removes one network, or all.
pub async fn run(args: &DownArgs, context: &Context) -> anyhow::Result<Exit> {
    let networks = clusters::networks(context, args.cluster.cluster.as_ref()).await?;
    let doomed = if args.all {
        let (chosen, others) = networks.open_all(args.everyone).await?;
        if !others.is_empty() {
            let others = others.join(", ");
            context.printer.note(format_args!(
                "left as they are: {others}; --everyone removes them, too"
            ));
        }
        chosen
    } else {
        vec![networks.open_to_remove(args.name.as_deref()).await?]
    };
    if doomed.is_empty() {
        context.printer.note("no network is running");
    }
    for (_, network) in &doomed {
        remove::network(network, context, context.interrupt.token()).await?;
    }
    Ok(Exit::Ok)
}
