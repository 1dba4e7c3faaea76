//! `aznet test [FILTER]…`.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aznet_network::namespace::Network;
use aznet_runner::event::Kind;
use aznet_runner::report::{Human, JsonLines, Junit, Reporter};
use aznet_runner::{Event, ExitCode, Failure, Options, Partition, Selection, Summary, Test};
use aznet_scenarios::Provide;
use clap::Args;
use futures::FutureExt;
use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::bring_up::{Wanted, bring_up};
use crate::cli::{ClusterArg, KubernetesArg, MachineArgs, OutputArgs, ValuesArgs};
use crate::clusters;
use crate::commands::down;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure as Refusal;
use crate::printer::Printer;
use crate::table;

/// The network that unattached tests are listed for.
const USUAL: &str = "small";
/// What a test gets to clean up after its deadline or an interruption.
const GRACE: Duration = Duration::from_secs(20);

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
    pub partition: Option<Partition>,
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

/// Lists or runs tests; exit code 4 when none is selected, 100 when one failed, 22 when one could not be run.
pub async fn run(args: &TestArgs, context: &Context) -> anyhow::Result<Exit> {
    let nothing: Provide = Arc::new(|| async { Err(Failure::skipped("no network")) }.boxed());
    let label = args
        .network
        .as_deref()
        .or(args.attach.as_deref())
        .unwrap_or(USUAL);
    let selection = select(args, aznet_scenarios::tests(label, &nothing))?;
    if args.list {
        list(&selection, context)?;
        return Ok(Exit::Ok);
    }
    let reports = args.report.as_deref().map(Reports::create).transpose()?;
    let network = Box::pin(network(args, context)).await?;
    let (name, provided) = (
        args.network.as_deref().unwrap_or(network.name()).to_owned(),
        network.clone(),
    );
    let provide: Provide = Arc::new(move || std::future::ready(Ok(provided.clone())).boxed());
    let outcome = execute(
        args,
        select(args, aznet_scenarios::tests(&name, &provide))?,
        reports,
        context,
    )
    .await;
    if args.network.is_some() {
        // Also after Ctrl-C: nobody else knows of this network.
        down::remove(&network, context, &CancellationToken::new()).await?;
    }
    outcome
}

fn select(args: &TestArgs, tests: Vec<Test>) -> anyhow::Result<Selection<Test>> {
    let known = tests.iter().map(|test| test.id.name.clone()).collect();
    let selection = aznet_runner::select(tests, |test| &test.id, &args.filters, args.partition);
    if selection.selected.is_empty() {
        return Err(Refusal::NoTest { known }.into());
    }
    Ok(selection)
}

#[derive(Serialize)]
struct Listed<'a> {
    network: &'a str,
    name: &'a str,
    about: &'a str,
}

impl<'a> From<&'a Test> for Listed<'a> {
    fn from(Test { id, about, .. }: &'a Test) -> Self {
        Self {
            network: &id.network,
            name: &id.name,
            about,
        }
    }
}

fn list(selection: &Selection<Test>, context: &Context) -> anyhow::Result<()> {
    let tests: Vec<Listed<'_>> = selection.selected.iter().map(Listed::from).collect();
    context.printer.result(&tests, |tests| {
        let mut table = table::table(&["test", "shows that"]);
        for test in tests {
            table.add_row([
                format!("{}::{}", test.network, test.name),
                test.about.to_owned(),
            ]);
        }
        table::render(&table)
    })
}

/// The network to test: brought up, or one that is up.
async fn network(args: &TestArgs, context: &Context) -> anyhow::Result<Network> {
    let cluster = args.cluster.cluster.as_ref();
    let name = match &args.network {
        None => args.attach.clone(),
        Some(network) => {
            // A name of its own: a network that someone works with is neither tested nor removed by accident.
            let name = format!("{network}-test");
            let values = ValuesArgs {
                network: network.clone(),
                files: Vec::new(),
                set: Vec::new(),
            };
            let cluster = cluster.cloned().unwrap_or_default();
            let wanted = Wanted {
                values: &values,
                cluster,
                name: name.clone(),
                kubernetes: args.kubernetes.kubernetes,
                ttl: None,
                machine: args.machine,
            };
            Box::pin(bring_up(&wanted, context)).await?;
            Some(name)
        }
    };
    let networks = clusters::networks(context, cluster).await?;
    Ok(networks.open(name.as_deref()).await?.1)
}

async fn execute(
    args: &TestArgs,
    selection: Selection<Test>,
    mut reports: Option<Reports>,
    context: &Context,
) -> anyhow::Result<Exit> {
    let now = Timestamp::now();
    let seed = u64::try_from(now.as_microsecond()).unwrap_or_default();
    let options = Options {
        now,
        seed,
        retries: args.retries,
        fail_fast: false,
        grace: GRACE,
    };
    let mut human = Human::new(Lines::new(&context.printer), true, true);
    let mut document = Document::default();
    let mut broken = None;
    let mut hear = |event: &Event| {
        document.event(event);
        let told = human
            .event(event)
            .and_then(|()| reports.as_mut().map_or(Ok(()), |to| to.event(event)));
        broken = broken.take().or(told.err());
    };
    let summary = aznet_runner::run(selection, options, context.interrupt.token(), &mut hear).await;
    if let Some(error) = broken {
        return Err(error).context("writing the report");
    }
    let exit = exit(summary.exit_code());
    if context.printer.is_json() {
        document.summary = summary;
        context.printer.json(&document)?;
    }
    Ok(exit)
}

fn exit(code: ExitCode) -> Exit {
    match code {
        ExitCode::Passed => Exit::Ok,
        ExitCode::NoTests => Exit::NoTest,
        ExitCode::Infrastructure => Exit::Unhealthy,
        ExitCode::Failed => Exit::TestsFailed,
        ExitCode::Interrupted => Exit::Interrupted,
    }
}

/// The run as one document.
#[derive(Default, Serialize)]
struct Document {
    summary: Summary,
    tests: Vec<Kind>,
}

impl Document {
    fn event(&mut self, event: &Event) {
        if let Kind::TestFinished { .. } = event.kind {
            self.tests.push(event.kind.clone());
        }
    }
}

/// The files of `--report`.
struct Reports {
    events: JsonLines<File>,
    junit: Junit<File>,
}

impl Reports {
    fn create(folder: &Path) -> anyhow::Result<Self> {
        let file = |name: &str| {
            let path = folder.join(name);
            File::create(&path).with_context(|| format!("making {}", path.display()))
        };
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(Self {
            events: JsonLines::new(file("events.jsonl")?),
            junit: Junit::new(file("junit.xml")?),
        })
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.events.event(event)?;
        self.junit.event(event)
    }
}

/// Hands whole lines to the printer: the result on stdout, or talk where the result is a document.
struct Lines {
    printer: Printer,
    begun: Vec<u8>,
}

impl Lines {
    fn new(printer: &Printer) -> Self {
        Self {
            printer: printer.clone(),
            begun: Vec::new(),
        }
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if self.printer.is_json() {
                self.printer.note(line.trim_end());
            } else {
                self.printer.out(line.trim_end());
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
