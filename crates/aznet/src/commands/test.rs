//! `aznet test [FILTER]…`.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aznet_kit::files::{self, Access};
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

use crate::args::{
    ClusterArg, KubernetesArg, MachineArgs, NamespaceArg, OutputArgs, Place, ValuesArgs,
};
use crate::bring_up::{Wanted, bring_up};
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure as Refusal;
use crate::planning::planned;
use crate::printer::Printer;
use crate::remove;
use crate::report::on_place;
use crate::table::{Column, Table};

/// The network that unattached tests are listed for.
const USUAL: &str = "small";
/// A network that a killed run leaves is removed by a later `up`.
const TTL: Duration = Duration::from_hours(4);
/// What a test gets to clean up after its deadline or an interruption.
const GRACE: Duration = Duration::from_secs(20);

const EXAMPLES: &str = "\
Examples:
  aznet test transfer                     on the only running network
  aznet test transfer --attach small
  aznet test --network small              bring one up, test it, take it down
  aznet test --list
  aznet test --partition 1/2 --retries 1 --report out

Exit code 4 when no test is selected or all were skipped, 100 when one failed.";

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
    /// Retry a failed test up to this many times.
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

/// Lists or runs tests; exit code 4 when none is selected or all were skipped, 100 when one failed, 22 when one could not be run.
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
    if let Some(folder) = &args.report {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    check_needs(args, &selection, context)?;
    let network = Box::pin(network(args, context)).await?;
    let (name, provided) = (
        args.network.as_deref().unwrap_or(network.name()).to_owned(),
        network.clone(),
    );
    let provide: Provide = Arc::new(move || std::future::ready(Ok(provided.clone())).boxed());
    let outcome = execute(args, aznet_scenarios::tests(&name, &provide), context).await;
    if args.network.is_some() {
        // Also after Ctrl-C: nobody else knows of this network.
        remove::network(&network, context, &CancellationToken::new()).await?;
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

/// Nothing is started for tests all of which would be skipped.
fn check_needs(
    args: &TestArgs,
    selection: &Selection<Test>,
    context: &Context,
) -> anyhow::Result<()> {
    let Some(network) = &args.network else {
        return Ok(());
    };
    let values = planned(context, &of_network(network), None)?.loaded.values;
    let tests = selection.selected.iter();
    let lacking: Vec<String> = tests
        .filter_map(|test| {
            let what = aznet_scenarios::lacks(&test.id.name, &values)?;
            Some(format!("{} needs {what}", test.id.name))
        })
        .collect();
    if lacking.len() < selection.selected.len() {
        return Ok(());
    }
    let network = network.clone();
    Err(Refusal::NothingToTest { network, lacking }.into())
}

/// A network of `networks/` as it is.
fn of_network(name: &str) -> ValuesArgs {
    ValuesArgs {
        network: Some(name.to_owned()),
        files: Vec::new(),
        set: Vec::new(),
    }
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
    context.printer.result(&tests, |tests, page| {
        let mut table = Table::new([Column::text("test"), Column::prose("description", 20)]);
        for test in tests {
            table.row([
                format!("{}::{}", test.network, test.name),
                test.about.to_owned(),
            ]);
        }
        table.render(page)
    })
}

/// The network to test: brought up, or one that is up.
async fn network(args: &TestArgs, context: &Context) -> anyhow::Result<Network> {
    let cluster = args.cluster.cluster.as_ref();
    let name = match &args.network {
        None => args.attach.clone(),
        Some(network) => {
            // A name of its own: neither somebody's network nor another run's is tested or removed by accident.
            let name = format!("{network}-{}", suffix(Timestamp::now(), std::process::id()));
            let values = of_network(network);
            let cluster = cluster.cloned().unwrap_or_default();
            let wanted = Wanted {
                values: &values,
                cluster,
                name: name.clone(),
                kubernetes: args.kubernetes.kubernetes,
                ttl: Some(TTL),
                reset: false,
                yes: false,
                take_over: false,
                port_base: None,
                machine: args.machine,
            };
            if let Err(error) = Box::pin(bring_up(&wanted, context)).await {
                left(&name, args, context).await;
                return Err(error);
            }
            Some(name)
        }
    };
    let networks = clusters::networks(context, cluster, Meant::One(name.as_deref())).await?;
    Ok(networks.open(name.as_deref())?.1)
}

/// The network did not come up: it is kept to be looked at, and nobody else knows of it; after Ctrl-C it is removed.
async fn left(name: &str, args: &TestArgs, context: &Context) {
    let cluster = args.cluster.cluster.as_ref();
    let networks = clusters::networks(context, cluster, Meant::One(Some(name))).await;
    let Some((_, network)) = networks.ok().and_then(|all| all.open(Some(name)).ok()) else {
        return;
    };
    let printer = &context.printer;
    if context.interrupt.token().is_cancelled() {
        let removed = remove::network(&network, context, &CancellationToken::new()).await;
        if let Err(error) = removed {
            printer.warn(format_args!("network {name} stays: {error:#}"));
        }
        return;
    }
    let until = network.info().expires;
    let until = until.map_or_else(String::new, |end| format!(" until {end:.0}"));
    let text =
        format!("network {name} is kept{until}, to be looked at; `aznet down {name}` removes it");
    let place = Place {
        cluster: args.cluster.cluster.clone(),
        namespace: args.namespace.namespace.clone(),
    };
    printer.note(on_place(&text, &place));
}

async fn execute(args: &TestArgs, tests: Vec<Test>, context: &Context) -> anyhow::Result<Exit> {
    let selection = select(args, tests)?;
    // Not before: a run that never begins leaves no empty report.
    let mut reports = args.report.as_deref().map(Reports::create).transpose()?;
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

/// Names a run's network apart from those of other runs on the cluster.
fn suffix(now: Timestamp, process: u32) -> String {
    const DIGITS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut rest =
        u64::try_from(now.as_microsecond()).unwrap_or_default() ^ u64::from(process) << 20;
    let digit = |_| {
        let digit = char::from(DIGITS[usize::try_from(rest % 36).unwrap_or_default()]);
        rest /= 36;
        digit
    };
    (0..6).map(digit).collect()
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

/// Writes a whole document in the place of the one before.
type Put = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;

/// The files of `--report`.
struct Reports {
    events: JsonLines<File>,
    junit: Junit<Put>,
}

impl Reports {
    fn create(folder: &Path) -> anyhow::Result<Self> {
        let file = |name: &str| {
            let path = folder.join(name);
            File::create(&path).with_context(|| format!("making {}", path.display()))
        };
        Ok(Self {
            events: JsonLines::new(file("events.jsonl")?),
            junit: Junit::new(put(folder.join("junit.xml"))),
        })
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.events.event(event)?;
        self.junit.event(event)
    }
}

/// What is there at any moment is a whole document: a second Ctrl-C leaves at once.
fn put(path: PathBuf) -> Put {
    Box::new(move |document| {
        files::write(&path, document, Access::Shared).map_err(io::Error::other)
    })
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
