//! `aznet cluster {up,down,list}`.

use clap::{Args, Subcommand};

use crate::cli::{ClusterChoice, OutputArgs, dns_label};

const EXAMPLES: &str = "\
Examples:
  aznet cluster up
  aznet cluster list
  aznet cluster down --all";

/// Arguments of `aznet cluster`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct ClusterArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ClusterCommand,
}

/// The verbs of `aznet cluster`.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Start an embedded cluster, or bring it back after a reboot or a crash.
    #[command(after_help = "Examples:\n  aznet cluster up\n  aznet cluster up second")]
    Up(UpArgs),
    /// Remove an embedded cluster with all that is in it.
    #[command(after_help = "Examples:\n  aznet cluster down\n  aznet cluster down --all")]
    Down(DownArgs),
    /// List the embedded clusters of this machine.
    #[command(after_help = "Examples:\n  aznet cluster list\n  aznet cluster list -o json")]
    List(ListArgs),
    /// Run the processes of a cluster (started by `aznet cluster up`).
    #[command(hide = true)]
    Supervise(SuperviseArgs),
}

/// Arguments of `aznet cluster up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Name of the cluster.
    #[arg(value_name = "NAME", default_value = ClusterChoice::DEFAULT, value_parser = dns_label)]
    pub name: String,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `aznet cluster down`.
#[derive(Debug, Args)]
pub struct DownArgs {
    /// Name of the cluster (default: the only one there is).
    #[arg(value_name = "NAME", conflicts_with = "all", value_parser = dns_label)]
    pub name: Option<String>,
    /// Remove all clusters.
    #[arg(long)]
    pub all: bool,
}

/// Arguments of `aznet cluster list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `aznet cluster supervise`.
#[derive(Debug, Args)]
pub struct SuperviseArgs {
    /// Name of the cluster.
    #[arg(value_name = "NAME", value_parser = dns_label)]
    pub name: String,
}
