//! `aznet adopt NAMESPACE`.

use aznet_network::adopt::adopt;
use clap::Args;

use crate::args::ClusterArg;
use crate::clusters;
use crate::context::Context;
use crate::exit::Exit;
use crate::owner;

const EXAMPLES: &str = "\
Examples:
  helm install mine helm-charts/aztec-network -n mine --create-namespace
  aznet adopt mine
  aznet adopt mine --cluster context:my-cluster

Afterwards the network is yours: commands that change it work, and `aznet down` removes it with its namespace.";

/// Arguments of `aznet adopt`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AdoptArgs {
    /// Namespace of the release.
    #[arg(value_name = "NAMESPACE")]
    pub namespace: String,
    /// Where it is (default: the embedded cluster `default`).
    #[command(flatten)]
    pub cluster: ClusterArg,
}

/// Labels the namespace of a release that plain Helm installed.
pub async fn run(args: &AdoptArgs, context: &Context) -> anyhow::Result<Exit> {
    let choice = args.cluster.cluster.clone().unwrap_or_default();
    let cluster = clusters::connect(context, &choice).await?;
    let name = choice.to_string();
    let adopted = adopt(&cluster.client, &name, &args.namespace, &owner::me()).await?;
    context.printer.note(format_args!(
        "network `{}` in namespace {} on {}: `aznet status {}` shows it",
        adopted.name, adopted.namespace, adopted.cluster, adopted.name
    ));
    Ok(Exit::Ok)
}
