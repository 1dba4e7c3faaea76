//! `aznet down [NAME|--all]`.

use clap::Args;

use crate::cli::ClusterArg;

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
