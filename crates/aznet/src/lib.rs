//! The command line of aznet: parse, call, print.
//!
//! The verbs are in [`commands`], one file each; they call the libraries and hand what these return to the
//! [`printer`], the only place that prints. No network or cluster logic belongs here.

pub mod args;
mod bring_up;
mod bundles;
mod changing;
mod chaos_mesh;
pub mod cli;
mod clusters;
pub mod commands;
pub mod context;
mod descriptors;
mod diff;
pub mod exit;
pub mod failure;
mod forwarder;
mod healthy;
pub mod interrupt;
mod joining;
mod left;
mod lines;
mod live;
mod observe;
mod owner;
pub mod page;
mod planning;
mod ports;
pub mod printer;
mod question;
mod remove;
pub mod report;
mod run_folder;
mod running;
mod smoke;
pub mod steps;
mod table;
mod terminal;
mod upgrading;

use std::process::ExitCode;
use std::sync::Arc;

use aznet_cluster::paths::Paths;
use aznet_cluster::provider::{Provider, embedded};
use aznet_cluster::source::Source;
use aznet_network::namespace::Scope;
use clap::CommandFactory;

use crate::args::{OutputFormat, Place};
use crate::cli::{Cli, Command};
use crate::commands::charts::ChartsCommand;
use crate::commands::cluster::{ClusterArgs, ClusterCommand, SuperviseArgs};
use crate::commands::images::ImagesCommand;
use crate::commands::validators::ValidatorsCommand;
use crate::commands::{
    adopt, bundle, chaos, charts, cluster, completions, dashboards, deploy, doctor, down, env,
    forward, images, join, list, logs, plan, preflight, report as report_verb, status, test, up,
    validators,
};
use crate::context::{Context, PACK};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::printer::Printer;
use crate::report::Report;
use crate::terminal::Quiet;

/// The command line, for documentation and completion.
pub fn cli() -> clap::Command {
    Cli::command()
}

/// Runs `aznet` with this process's arguments.
pub fn main() -> ExitCode {
    let command = cli::parse().command;
    if let Command::Cluster(ClusterArgs {
        command: ClusterCommand::Supervise(args),
    }) = &command
    {
        return supervise(args);
    }
    let printer = Printer::new(format_of(&command));
    let place = Place {
        cluster: cluster_of(&command).cloned(),
        namespace: namespace_of(&command).cloned(),
    };
    log_to_stderr();
    descriptors::allow_enough();
    let terminal = Arc::new(Quiet::new());
    let outcome = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(command, &printer, &terminal)));
    terminal.restore();
    let outcome = match printer.unwritten() {
        Some(error) => Err(anyhow::anyhow!("could not write the result: {error}")),
        None => outcome,
    };
    concluded(&printer, outcome, &place)
}

/// Before any thread is started: the supervisor moves itself to another network namespace.
fn supervise(args: &SuperviseArgs) -> ExitCode {
    log_to_stderr();
    let supervised = Paths::from_env()
        .map_err(anyhow::Error::from)
        .and_then(|paths| Ok(embedded::supervise(&paths, &args.name)?));
    concluded(
        &Printer::new(OutputFormat::Text),
        supervised.map(|()| Exit::Ok),
        &Place::default(),
    )
}

fn concluded(printer: &Printer, outcome: anyhow::Result<Exit>, place: &Place) -> ExitCode {
    let exit = outcome.unwrap_or_else(|error| {
        let report = Report::of(&error, place);
        printer.failure(&report);
        report.exit
    });
    exit.into()
}

async fn run(command: Command, printer: &Printer, terminal: &Arc<Quiet>) -> anyhow::Result<Exit> {
    let namespace = namespace_of(&command).cloned();
    let paths = Paths::from_env()?;
    let context = Context {
        printer: printer.clone(),
        interrupt: Interrupt::listen(printer, terminal)?,
        source: Source::locate(paths.cache(), &PACK)?,
        paths,
        scope: namespace.map_or(Scope::Cluster, Scope::Namespace),
    };
    match Box::pin(dispatch(command, &context)).await {
        // After an interrupt, errors are consequences of stopping.
        Err(error) if context.interrupt.token().is_cancelled() => {
            tracing::debug!(error = format!("{error:#}"), "interrupted");
            Err(Failure::Interrupted(context.interrupt.left()).into())
        }
        outcome => outcome,
    }
}

fn format_of(command: &Command) -> OutputFormat {
    let args = match command {
        Command::Up(args) => &args.output,
        Command::Deploy(args) => &args.output,
        Command::Status(args) => &args.output,
        Command::List(args) => &args.output,
        Command::Logs(args) => &args.output,
        Command::Plan(args) => &args.output,
        Command::Preflight(args) => &args.output,
        Command::Test(args) => &args.output,
        Command::Env(args) => &args.output,
        Command::Bundle(args) => return args.format,
        Command::Dashboards(args) => return args.format,
        Command::Join(args) => return args.format,
        Command::Doctor(args) => &args.output,
        Command::Cluster(args) => match &args.command {
            ClusterCommand::Up(args) => &args.output,
            ClusterCommand::List(args) => &args.output,
            ClusterCommand::Down(_) | ClusterCommand::Supervise(_) => return OutputFormat::Text,
        },
        Command::Chaos(args) => args.command.output(),
        Command::Validators(args) => match &args.command {
            ValidatorsCommand::List(args) => &args.output,
            ValidatorsCommand::Add(args) => &args.output,
            ValidatorsCommand::Remove(args) => &args.output,
        },
        Command::Images(args) => match &args.command {
            ImagesCommand::Build(args) => &args.output,
            ImagesCommand::List(args) => &args.output,
            ImagesCommand::Load(args) => &args.output,
            ImagesCommand::Push(args) => return args.what.format(),
            ImagesCommand::Export(args) => return args.what.format(),
        },
        Command::Charts(args) => {
            let ChartsCommand::Export(args) = &args.command;
            &args.output
        }
        Command::Report(args) if args.format == report_verb::Format::Json => {
            return OutputFormat::Json;
        }
        Command::Report(_)
        | Command::Adopt(_)
        | Command::Down(_)
        | Command::Completions(_)
        | Command::Forward(_) => {
            return OutputFormat::Text;
        }
    };
    args.format
}

/// The cluster that the command line names.
fn cluster_of(command: &Command) -> Option<&Provider> {
    let arg = match command {
        Command::Up(args) => &args.cluster,
        Command::Deploy(args) => &args.cluster,
        Command::Down(args) => &args.cluster,
        Command::Status(args) => &args.cluster,
        Command::List(args) => &args.cluster,
        Command::Logs(args) => &args.cluster,
        Command::Plan(args) => &args.cluster,
        Command::Preflight(args) => &args.cluster,
        Command::Test(args) => &args.cluster,
        Command::Env(args) => &args.cluster,
        Command::Bundle(args) => &args.cluster,
        Command::Dashboards(args) => &args.cluster,
        Command::Join(args) => &args.cluster,
        Command::Adopt(args) => &args.cluster,
        Command::Chaos(args) => args.command.cluster(),
        Command::Validators(args) => match &args.command {
            ValidatorsCommand::List(args) => &args.cluster,
            ValidatorsCommand::Add(args) => &args.cluster,
            ValidatorsCommand::Remove(args) => &args.cluster,
        },
        Command::Images(args) => match &args.command {
            ImagesCommand::Load(args) => &args.cluster,
            ImagesCommand::Build(_)
            | ImagesCommand::List(_)
            | ImagesCommand::Push(_)
            | ImagesCommand::Export(_) => return None,
        },
        Command::Cluster(_)
        | Command::Charts(_)
        | Command::Doctor(_)
        | Command::Report(_)
        | Command::Completions(_)
        | Command::Forward(_) => return None,
    };
    arg.cluster.as_ref()
}

/// The only namespace that the command line lets a verb look at.
fn namespace_of(command: &Command) -> Option<&String> {
    let arg = match command {
        Command::Up(args) => &args.namespace,
        Command::Deploy(args) => &args.namespace,
        Command::Down(args) => &args.namespace,
        Command::Status(args) => &args.namespace,
        Command::List(args) => &args.namespace,
        Command::Logs(args) => &args.namespace,
        Command::Plan(args) => &args.namespace,
        Command::Preflight(args) => &args.namespace,
        Command::Test(args) => &args.namespace,
        Command::Env(args) => &args.namespace,
        Command::Bundle(args) => &args.namespace,
        Command::Dashboards(args) => &args.namespace,
        Command::Join(args) => &args.namespace,
        Command::Validators(args) => match &args.command {
            ValidatorsCommand::List(args) => &args.namespace,
            ValidatorsCommand::Add(args) => &args.namespace,
            ValidatorsCommand::Remove(args) => &args.namespace,
        },
        Command::Forward(args) => return Some(&args.namespace),
        Command::Chaos(args) => args.command.namespace()?,
        Command::Adopt(_)
        | Command::Images(_)
        | Command::Cluster(_)
        | Command::Charts(_)
        | Command::Doctor(_)
        | Command::Report(_)
        | Command::Completions(_) => return None,
    };
    arg.namespace.as_ref()
}

/// Runs a verb.
async fn dispatch(command: Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Up(args) => Box::pin(up::run(&args, context)).await,
        Command::Deploy(args) => Box::pin(deploy::run(&args, context)).await,
        Command::Down(args) => down::run(&args, context).await,
        Command::Status(args) => status::run(&args, context).await,
        Command::List(args) => list::run(&args, context).await,
        Command::Logs(args) => logs::run(&args, context).await,
        Command::Plan(args) => Box::pin(plan::run(&args, context)).await,
        Command::Preflight(args) => preflight::run(&args, context).await,
        Command::Adopt(args) => adopt::run(&args, context).await,
        Command::Env(args) => env::run(&args, context).await,
        Command::Bundle(args) => Box::pin(bundle::run(&args, context)).await,
        Command::Dashboards(args) => Box::pin(dashboards::run(&args, context)).await,
        Command::Join(args) => Box::pin(join::run(&args, context)).await,
        Command::Forward(args) => forward::run(&args, context).await,
        Command::Test(args) => Box::pin(test::run(&args, context)).await,
        Command::Chaos(args) => Box::pin(chaos::run(&args, context)).await,
        Command::Validators(args) => Box::pin(validators::run(&args, context)).await,
        Command::Report(args) => report_verb::run(&args, context),
        Command::Cluster(args) => cluster::run(&args, context).await,
        Command::Charts(args) => charts::run(&args, context),
        Command::Images(args) => images::run(&args, context).await,
        Command::Completions(args) => {
            completions::run(&args, Cli::command(), context);
            Ok(Exit::Ok)
        }
        Command::Doctor(args) => doctor::run(&args, context).await,
    }
}

/// Diagnostics for developers: `AZNET_LOG=debug` or any filter of `tracing-subscriber`.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("AZNET_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
