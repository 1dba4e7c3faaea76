//! `aznet status [NAME]`.

use clap::Args;

use crate::cli::{ClusterArg, OutputArgs};

const EXAMPLES: &str = "\
Examples:
  aznet status
  aznet status small
  aznet status -o json | jq .tips
  watch -n 5 aznet status

Exit code 22 when the network is not ready.";

/// Arguments of `aznet status`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StatusArgs {
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
