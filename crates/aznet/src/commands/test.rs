//! `aznet test [FILTER]…`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{ClusterArg, MemoryArg, OutputArgs};

const EXAMPLES: &str = "\
Examples:
  aznet test transfer                     on the only running network
  aznet test transfer --attach small
  aznet test --network small              bring one up, test it, take it down
  aznet test --list
  aznet test --partition 1/2 --retries 1 --report out

Exit code 4 when no test is selected, 100 when one failed.";

/// Arguments of `aznet test`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TestArgs {
    /// Run the tests whose name contains one of these (default: all).
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// Bring this network up first, and take it down afterwards.
    #[arg(long, value_name = "NETWORK", conflicts_with = "attach")]
    pub network: Option<String>,
    /// Run on this network, which is up already (default: the only one there is).
    #[arg(long, value_name = "NAME")]
    pub attach: Option<String>,
    /// Run only the m-th of n parts of the tests.
    #[arg(long, value_name = "M/N")]
    pub partition: Option<String>,
    /// Run a failed test up to this many times more.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub retries: u32,
    /// List the selected tests, without running them.
    #[arg(long)]
    pub list: bool,
    /// Write `junit.xml` and `events.jsonl` to this directory.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Where the network runs, or is to run.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Memory to count on.
    #[command(flatten)]
    pub memory: MemoryArg,
}
