//! `aznet up [NETWORK]`.

use std::time::Duration;

use clap::Args;

use crate::cli::{ClusterArg, MemoryArg, OutputArgs, ValuesArgs, dns_label, ttl};

const EXAMPLES: &str = "\
Examples:
  aznet up                                 the network `small`
  aznet up small --set validator.replicas=6
  aznet up small -f mine.yaml --name mine --ttl 2h
  aznet up small --cluster context:my-cluster

A second `up` of the same network shows how it is doing, or upgrades it when its values changed.
AZNET_MEMORY=24GiB says how much memory the pods may count on, in place of what the machine has available.";

/// Arguments of `aznet up`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct UpArgs {
    /// The network and what differs from it.
    #[command(flatten)]
    pub values: ValuesArgs,
    /// Where it runs.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// Name of the network, so that several can run side by side (default: NETWORK).
    #[arg(long, value_name = "NAME", value_parser = dns_label)]
    pub name: Option<String>,
    /// Let it expire after this long, e.g. `2h`: the next `up` removes it.
    #[arg(long, value_name = "DURATION", value_parser = ttl)]
    pub ttl: Option<Duration>,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Memory to count on.
    #[command(flatten)]
    pub memory: MemoryArg,
}
