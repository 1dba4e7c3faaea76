//! `aznet down [NAME|--all]`.

use aznet_network::namespace::Network;
use clap::Args;

use crate::args::{ClusterArg, NamespaceArg};
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::owner;
use crate::question;
use crate::remove;

const EXAMPLES: &str = "\
Examples:
  aznet down           the only running network
  aznet down small
  aznet down --all     all networks that you made; their clusters stay
  aznet down --all --everyone
  aznet down small --namespace team   leaves the namespace itself

A network that someone else made is removed with --yes, or when you say so on the terminal.
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
    /// Remove a network that someone else made without asking.
    #[arg(long, short = 'y', conflicts_with = "all")]
    pub yes: bool,
    /// Where to look.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// In which namespace.
    #[command(flatten)]
    pub namespace: NamespaceArg,
}

/// Removes one network, or all.
pub async fn run(args: &DownArgs, context: &Context) -> anyhow::Result<Exit> {
    let meant = if args.all {
        Meant::All
    } else {
        Meant::One(args.name.as_deref())
    };
    let networks = clusters::networks(context, args.cluster.cluster.as_ref(), meant).await?;
    let doomed = if args.all {
        let (chosen, others) = networks.open_all(args.everyone);
        if !others.is_empty() {
            let others = others.join(", ");
            context.printer.note(format_args!(
                "left as they are: {others}; --everyone removes all that aznet made"
            ));
        }
        chosen
    } else {
        let (choice, network) = networks.open_to_remove(args.name.as_deref())?;
        agreed(args, &network, context).await?;
        vec![(choice, network)]
    };
    if doomed.is_empty() {
        context.printer.note("no network is running");
    }
    for (_, network) in &doomed {
        remove::network(network, context, context.interrupt.token()).await?;
    }
    Ok(Exit::Ok)
}

/// A network of someone else's is removed only when somebody says so.
async fn agreed(args: &DownArgs, network: &Network, context: &Context) -> anyhow::Result<()> {
    let info = network.info();
    if args.yes || owner::is_mine(info) {
        return Ok(());
    }
    let (network, maker) = (info.name.clone(), owner::of(info).to_owned());
    let question = format!("network {network} was made by {maker}. Remove it?");
    if question::can_ask() && question::ask(&question, context).await? {
        return Ok(());
    }
    Err(Failure::NotYours { network, maker }.into())
}
