//! Developer tasks: `cargo xtask generate|check|release|notes|cells|act|test|measured|sabotage|bench|scale|dist`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer tool that talks to its terminal"
)]

mod act;
mod bench;
mod cache;
mod cargo;
mod cells;
mod check;
mod dist;
mod generate;
mod image;
mod local_network;
mod measured;
mod notes;
mod release;
mod run;
mod sabotage;
mod scale;
mod support;
mod test;
mod venv;
mod wait;

use clap::{Parser, Subcommand};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tasks of aznet")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write everything that is generated: the values schema, the chart's README, the CLI reference.
    Generate,
    /// Formatting, spelling, dependencies, workflows, Python, import circles, lints, whether the generated files are current and the
    /// chart's version was raised.
    Check {
        /// Also look the dependencies up in the database of security advisories, which is fetched from GitHub.
        #[arg(long)]
        advisories: bool,
    },
    /// Note that the chart is released as it stands, for the check of its version.
    Release,
    /// Print what CHANGELOG.md says of a tag, for its release; refused unless program, charts and images have its version.
    Notes {
        /// The tag, e.g. `v0.1.0`.
        tag: String,
    },
    /// Print the jobs into which a workflow divides the tests of a profile, as the matrix of GitHub Actions.
    Cells {
        /// The profile whose tests they run.
        #[arg(long, default_value = "pr")]
        profile: String,
        /// How often each test runs.
        #[arg(long, default_value_t = 1)]
        repeat: u32,
        /// Tests of one job, at most.
        #[arg(long, default_value_t = cells::TESTS)]
        tests: NonZeroUsize,
        /// Where they run, as `aznet test --cluster` takes it; each job once on each.
        #[arg(long = "cluster", default_value = "embedded")]
        clusters: Vec<String>,
        /// A file with the keys of jobs that passed, a line each: they are left out.
        #[arg(long)]
        passed: Option<PathBuf>,
    },
    /// Run a job of the workflow network-e2e on this machine, by act, as root: a network on a cluster of its own.
    Act {
        /// Its name, as `cargo xtask cells` prints it; `action` for the example of docs/guide/ci.md, which uses action.yml.
        #[arg(value_name = "CELL")]
        job: String,
        /// Have its tests fail: the run must be red, keep a bundle, and leave no cluster.
        #[arg(long)]
        fail: bool,
    },
    /// All tests, least powerful first, the real cluster and the real network last; ends with one line of counts.
    Test {
        /// Run only these tiers: unit, chart, pxe, infra, cluster, network.
        #[arg(value_enum)]
        tiers: Vec<test::Tier>,
    },
    /// The pxe's test on a network that runs and has test accounts.
    Pxe {
        /// URL of one of its nodes, as `aznet env` prints it.
        #[arg(long)]
        node_url: String,
    },
    /// The tests in pxe/examples, on `aztec start --local-network` or on a network that runs.
    Examples {
        /// URL of the network's wallet server, as `aznet env` prints it (default: a local network, started for them).
        #[arg(long)]
        pxe_url: Option<String>,
    },
    /// docs/examples/embedded-wallet on a network that runs and has a sponsor.
    Example {
        /// URL of one of its nodes, as `aznet env` prints it.
        #[arg(long)]
        node_url: String,
    },
    /// Add what the tests of recorded runs came to to docs/reference/scenarios.json. A run counts once.
    Measured {
        /// Folders that `aznet test --report` wrote, or the `events.jsonl` in them.
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<PathBuf>,
    },
    /// Take the checks that verdicts stand on out of a copy of the sources, one after the other: a test must fail each time.
    Sabotage {
        /// Only what contains one of these words.
        filters: Vec<String>,
    },
    /// Measure the budgets on this machine and write docs/reference/benchmarks.md.
    Bench {
        /// Runs of each measurement; the median is kept.
        #[arg(long, default_value_t = 3)]
        runs: usize,
        /// Measure only how soon networks have their first checkpoint, and print the table.
        #[arg(long)]
        starts: bool,
    },
    /// Measure networks of many validators on simulated nodes, and write docs/reference/scale.json.
    Scale {
        /// Validators of each network, one network after the other.
        #[arg(long, value_delimiter = ',', default_value = "10,30,100,300,1000")]
        validators: Vec<u32>,
        /// Nodes, all of them simulated.
        #[arg(long, default_value_t = 100)]
        nodes: u32,
        /// Only print what was measured.
        #[arg(long)]
        print: bool,
    },
    /// Measure transfers by Aztec.js on a network that runs and has a sponsor.
    Transactions {
        /// URL of one of its nodes, as `aznet env` prints it.
        #[arg(long)]
        node_url: String,
        /// How many, one after the other.
        #[arg(long, default_value_t = 10)]
        count: u32,
    },
    /// Write target/dist: an archive with the program, its completions, man pages and licences, an SBOM, and their
    /// SHA-256 sums.
    Dist {
        /// Compile for this target and not for the machine's own; for musl the program is static.
        #[arg(long)]
        target: Option<String>,
    },
}

fn main() -> ExitCode {
    let outcome = match Args::parse().task {
        Task::Generate => generate::write(),
        Task::Check { advisories } => check::run(advisories),
        Task::Release => release::note(),
        Task::Notes { tag } => notes::print(&tag),
        Task::Cells {
            profile,
            repeat,
            tests,
            clusters,
            passed,
        } => cells::print(&profile, repeat, tests, &clusters, passed.as_deref()),
        Task::Act { job, fail } => act::run(&job, fail),
        Task::Test { tiers } => test::run(&tiers),
        Task::Pxe { node_url } => test::pxe_on(&node_url),
        Task::Examples { pxe_url } => test::examples_on(pxe_url.as_deref()),
        Task::Example { node_url } => test::example_on(&node_url),
        Task::Measured { runs } => measured::add(&runs),
        Task::Sabotage { filters } => sabotage::run(&filters),
        Task::Bench { runs, starts } => bench::run(runs, starts),
        Task::Scale {
            validators,
            nodes,
            print,
        } => scale::run(&validators, nodes, print),
        Task::Transactions { node_url, count } => bench::transactions_on(&node_url, count),
        Task::Dist { target } => dist::run(target.as_deref()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
