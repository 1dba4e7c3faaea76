//! The arguments of `aznet test`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use aznet_runner::Partition;
use aznet_runner::profile::DEFAULT;
use aznet_scenarios::condition::CONDITIONS;
use aznet_scenarios::topology::TOPOLOGIES;
use clap::builder::PossibleValuesParser;
use clap::{Args, value_parser};

use crate::args::{self, ClusterArg, KubernetesArg, MachineArgs, NamespaceArg, OutputArgs};

const EXAMPLES: &str = "\
Examples:
  aznet test transfer                     on the only running network
  aznet test transfer --attach small
  aznet test attack --attach small --disruptive
  aznet test --network small              bring one up, test it, take it down
  aznet test --list -E 'class(observe) & !tag(finality)'
  aznet test --matrix --list              what is possible on which topology
  aznet test --matrix --topology small --condition calm --condition no-quorum
  aznet test --matrix --condition roll-out --roll-out new.yaml
  aznet test --generate --count 3         three scenarios, drawn by chance
  aznet test --generate --seed 7 --list   what would be drawn
  aznet test regression                   what was found so
  aznet test --profile pr --partition 1/2 --report out
  aznet test transfer --attach staging --for 2h
  aznet test --repeat 10 --baseline runs/good/stats.json

Expressions are put together from test(…), topology(…), tag(…), class(…), all(), none(), `!`, `&`, `|`, `-` and parentheses; a name is a part of what it is to fit, `=name` all of it, `/…/` a regular expression, `#…` a glob.

Tests that disturb a network run on one that was there before only with --disruptive.

While tests run, SIGUSR1 shows what they wait for.

Exit code 4 when no test is selected or all were skipped, 100 when one failed.";

/// Arguments of `aznet test`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TestArgs {
    /// Run the tests whose name contains one of these (default: all).
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// Of these, run the tests that this expression selects. Repeatable: one of them must.
    #[arg(short = 'E', long = "filterset", value_name = "EXPR")]
    pub expressions: Vec<String>,
    /// Settings of the run: `default`, `pr`, `nightly`, `release`, or one of `.config/aznet.toml`.
    #[arg(short = 'P', long, value_name = "PROFILE", default_value = DEFAULT)]
    pub profile: String,
    /// Bring this network up first, and take it down afterwards.
    #[arg(long, value_name = "NETWORK", conflicts_with = "attach")]
    pub network: Option<String>,
    /// Run on this network, which is up already (default: the only one there is).
    #[arg(long, value_name = "NAME")]
    pub attach: Option<String>,
    /// Also run tests that disturb a network which was there before.
    #[arg(long, conflicts_with = "network")]
    pub disruptive: bool,
    /// Run only the m-th of n parts of the tests.
    #[arg(long, value_name = "M/N")]
    pub partition: Option<Partition>,
    /// Retry a failed test up to this many times, if the network is healthy (default: the profile's, else 0).
    #[arg(long, value_name = "COUNT")]
    pub retries: Option<u32>,
    /// Which part of the matrix.
    #[command(flatten)]
    pub matrix: MatrixArgs,
    /// Scenarios by chance.
    #[command(flatten)]
    pub generate: GenerateArgs,
    /// When the run stops early.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// How often tests run.
    #[command(flatten)]
    pub repetition: RepetitionArgs,
    /// Choose as the run with this seed did, e.g. which validators fail, or what is generated (default: anew).
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// List the selected tests, without running them.
    #[arg(long)]
    pub list: bool,
    /// What it leaves behind.
    #[command(flatten)]
    pub report: ReportArgs,
    /// Where the network runs, or is to run.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// In which namespace.
    #[command(flatten)]
    pub namespace: NamespaceArg,
    /// What its cluster is made of.
    #[command(flatten)]
    pub kubernetes: KubernetesArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
    /// What to count on.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// The matrix of token transfers.
#[derive(Debug, Clone, Args)]
pub struct MatrixArgs {
    /// Move tokens on each topology, under each condition, and show the grid. Each topology is brought up in turn, unless
    /// --network or --attach name one.
    #[arg(id = "matrix", long = "matrix")]
    pub wanted: bool,
    /// Of the matrix, only this topology. Repeatable.
    #[arg(id = "topology", long = "topology", value_name = "NAME", requires = "matrix", conflicts_with_all = ["network", "attach"], value_parser = PossibleValuesParser::new(TOPOLOGIES.map(|one| one.name)))]
    pub topologies: Vec<String>,
    /// Of the matrix, only this condition. Repeatable.
    #[arg(id = "condition", long = "condition", value_name = "NAME", requires = "matrix", value_parser = PossibleValuesParser::new(CONDITIONS.iter().map(|one| one.name)))]
    pub conditions: Vec<String>,
    /// Of the condition `roll-out`, the values that are rolled out, e.g. another image as `aznet images push` prints it
    /// (default: another environment). It must replace every Aztec pod.
    #[arg(long, value_name = "FILE", requires = "matrix")]
    pub roll_out: Option<PathBuf>,
}

/// Scenarios by chance.
#[derive(Debug, Clone, Copy, Args)]
pub struct GenerateArgs {
    /// Draw scenarios – networks with faults, attacks and load that they must survive – and run each on a network of its own.
    /// One that fails is made smaller and kept in `networks/regressions`.
    #[arg(id = "generate", long = "generate", conflicts_with_all = ["matrix", "network", "attach", "disruptive"])]
    pub wanted: bool,
    /// How many scenarios, of as many seeds in a row.
    #[arg(long, value_name = "COUNT", default_value_t = 1, requires = "generate", value_parser = value_parser!(u32).range(1..=1_000))]
    pub count: u32,
    /// How many runs it may take to make a scenario that fails smaller. Beside these, the smallest runs once more unless it was seen to fail twice.
    #[arg(long, value_name = "RUNS", default_value_t = 8, requires = "generate")]
    pub shrink_runs: u32,
}

/// When a run stops early.
#[derive(Debug, Clone, Copy, Args)]
pub struct LimitArgs {
    /// Start no more tests after the first that does not pass.
    #[arg(long, conflicts_with_all = ["max_fail", "no_fail_fast"])]
    pub fail_fast: bool,
    /// Start no more tests after so many that do not pass.
    #[arg(long, value_name = "COUNT", conflicts_with = "no_fail_fast")]
    pub max_fail: Option<NonZeroUsize>,
    /// Run all tests even if the profile says otherwise.
    #[arg(long)]
    pub no_fail_fast: bool,
}

/// How often tests run, and what that is compared with.
#[derive(Debug, Clone, Args)]
pub struct RepetitionArgs {
    /// Run each test so many times; show how often it passes and how long it takes.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = value_parser!(u32).range(1..=10_000))]
    pub repeat: u32,
    /// Begin another round of all tests as long as this is not over, e.g. `2h`, and the network is healthy; show besides how much the memory and the disk of pods have grown.
    #[arg(long = "for", value_name = "DURATION", value_parser = args::duration, conflicts_with = "repeat")]
    pub lasts: Option<Duration>,
    /// Compare with the `stats.json` of an earlier run: say which tests are slower by more than 10 %, or less reliable.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Exit with code 100 if a test is slower than in the baseline, or less reliable than chance may explain.
    #[arg(long, requires = "baseline")]
    pub fail_on_regression: bool,
}

/// What a run leaves behind.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// Write `report.html`, `junit.xml`, `stats.json`, `events.jsonl`, which `aznet report` reads, and a bundle of each test that fails to this directory. One that holds
    /// another run's is refused. Without it, a run gets a folder of its own, and the last 20 of those are kept.
    #[arg(id = "report", long = "report", value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Write over the report of an earlier run.
    #[arg(long, requires = "report")]
    pub force: bool,
    /// Keep so many of the reports in the folder where DIR is, this one included: remove the oldest, and those of runs that did not pass last.
    #[arg(long = "keep", value_name = "COUNT", requires = "report")]
    pub keep: Option<NonZeroUsize>,
}
