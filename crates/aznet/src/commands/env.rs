//! `aznet env [NAME]`.

use clap::Args;

use crate::cli::{ClusterArg, OutputArgs};
use crate::clusters;
use crate::context::Context;
use crate::exit::Exit;
use crate::forwarder::{self, Urls};

const EXAMPLES: &str = "\
Examples:
  eval \"$(aznet env)\"
  curl -s $AZTEC_NODE_URL/status
  aznet env small -o json | jq -r .PXE_URL

The URLs are on this machine's loopback, and stay open until `aznet down`.";

/// Arguments of `aznet env`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct EnvArgs {
    /// Name of the network (default: the only one there is).
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Where to look.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Prints the URLs, and sees to it that they are open.
pub async fn run(args: &EnvArgs, context: &Context) -> anyhow::Result<Exit> {
    let networks = clusters::networks(context, args.cluster.cluster.as_ref()).await?;
    let (choice, network) = networks.open(args.name.as_deref()).await?;
    let urls = forwarder::urls(context, &choice, &network).await?;
    context.printer.result(&urls, export)?;
    Ok(Exit::Ok)
}

/// Lines for `eval` in a shell. URLs of loopback ports need no quotes.
fn export(urls: &Urls) -> String {
    urls.iter()
        .map(|(name, url)| format!("export {name}={url}"))
        .collect::<Vec<_>>()
        .join("\n")
}
