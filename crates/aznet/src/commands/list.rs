//! `aznet list`.

use clap::Args;

use crate::cli::{ClusterArg, OutputArgs};

const EXAMPLES: &str = "\
Examples:
  aznet list
  aznet list -o json
  aznet list --cluster context:my-cluster";

/// Arguments of `aznet list`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    /// Where to look (default: all embedded clusters).
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}
