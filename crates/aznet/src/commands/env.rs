//! `aznet env [NAME]`.

use clap::Args;

use crate::cli::{ClusterArg, OutputArgs};

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
