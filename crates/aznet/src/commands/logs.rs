//! `aznet logs [NAME] [POD|ROLE] [-f]`.

use clap::Args;

use crate::cli::{ClusterArg, OutputArgs};

const EXAMPLES: &str = "\
Examples:
  aznet logs                       all pods of the only running network
  aznet logs small validator -f    follow all validators
  aznet logs small boot-node-0 | less -R";

/// Arguments of `aznet logs`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct LogsArgs {
    /// Name of the network (default: the only one there is).
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// A pod, e.g. `validator-0`, or a role, e.g. `validator` (default: all pods).
    #[arg(value_name = "POD|ROLE")]
    pub pods: Option<String>,
    /// Go on as new lines come.
    #[arg(short, long)]
    pub follow: bool,
    /// Where to look.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}
