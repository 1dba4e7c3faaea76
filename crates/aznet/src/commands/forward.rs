//! `aznet forward NAME` (hidden): the process behind `aznet env`.

use clap::Args;

use crate::cli::ClusterChoice;

/// Arguments of `aznet forward`.
#[derive(Debug, Args)]
pub struct ForwardArgs {
    /// Name of the network.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Where it runs.
    #[arg(long, value_name = "CLUSTER")]
    pub cluster: ClusterChoice,
}
