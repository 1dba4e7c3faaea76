//! `aznet up [NETWORK]`.

use std::time::Duration;

use aznet_kit::time::Seconds;
use clap::Args;
use jiff::Timestamp;
use owo_colors::OwoColorize;

use crate::args::{
    ClusterArg, KubernetesArg, MachineArgs, NamespaceArg, OutputArgs, Place, ValuesArgs,
    network_name, ttl,
};
use crate::bring_up::{Outcome, Up, Wanted, bring_up};
use crate::commands::status;
use crate::context::Context;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  aznet up                                 the network `small`
  aznet up small --set validator.replicas=6
  aznet up small -f mine.yaml --name mine --ttl 2h
  aznet up small --cluster context:my-cluster
  aznet up small --telemetry               metrics and logs of every node, in Prometheus

A second `up` of the same network shows how it is doing. It keeps the values that the network has; -f and --set change
them, and what can't be undone wants --yes or an answer on the terminal. Exit code 3 when nothing was touched for that.
AZNET_OWNER=NAME says whose networks are whose, in place of user@host.
AZNET_MEMORY=24GiB and AZNET_CPU=4 say what the pods may count on, in place of what the machine has left.";

/// Arguments of `aznet up`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct UpArgs {
    /// The network and what differs from it.
    #[command(flatten)]
    pub values: ValuesArgs,
    /// Where it runs.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// In which namespace.
    #[command(flatten)]
    pub namespace: NamespaceArg,
    /// What its cluster is made of.
    #[command(flatten)]
    pub kubernetes: KubernetesArg,
    /// Name of the network, so that several can run side by side (default: NETWORK).
    #[arg(long, value_name = "NAME", value_parser = network_name)]
    pub name: Option<String>,
    /// Let it expire this long from now, e.g. `2h`: your next `up` removes it.
    #[arg(long, value_name = "DURATION", value_parser = ttl)]
    pub ttl: Option<Duration>,
    /// Run an OpenTelemetry collector and Prometheus with it, and see that every node pushes to them.
    #[arg(long)]
    pub telemetry: bool,
    /// Of a network that runs, drop all values that this command line doesn't give, and go back to the file of NETWORK.
    #[arg(long)]
    pub reset: bool,
    /// Do what can't be undone without asking.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Change the network even if someone else made it, and make it yours.
    #[arg(long)]
    pub take_over: bool,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
    /// What to count on.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// Brings the network up and says where things are.
pub async fn run(args: &UpArgs, context: &Context) -> anyhow::Result<Exit> {
    let mut values = args.values.clone();
    if args.telemetry {
        values.set.insert(0, "telemetry.enabled=true".to_owned());
    }
    let wanted = Wanted {
        values: &values,
        cluster: args.cluster.cluster.clone().unwrap_or_default(),
        name: args
            .name
            .clone()
            .unwrap_or_else(|| args.values.network().to_owned()),
        kubernetes: args.kubernetes.kubernetes,
        ttl: args.ttl,
        reset: args.reset,
        yes: args.yes,
        take_over: args.take_over,
        machine: args.machine,
    };
    let up = Box::pin(bring_up(&wanted, context)).await?;
    let place = Place {
        cluster: args.cluster.cluster.clone(),
        namespace: args.namespace.namespace.clone(),
    };
    context.printer.result(&up, |up| render(up, &place))?;
    Ok(Exit::Ok)
}

fn render(up: &Up, place: &Place) -> String {
    let took = Seconds(Duration::from_secs_f64(up.seconds));
    let head = match up.outcome {
        Outcome::Created => format!("network {} is up, in {took}", up.name.bold()),
        Outcome::Upgraded => format!(
            "network {} is up with its new values, in {took}",
            up.name.bold()
        ),
        Outcome::Unchanged => format!("network {} is up already, nothing changed", up.name.bold()),
    };
    let shown = up
        .status
        .as_ref()
        .map(|status| format!("{}\n", status::render(status, Timestamp::now())));
    let sections = [
        Some(head).map(|head| format!("{head}\n")),
        shown,
        Some(places(up)),
        Some(next(up, place)),
    ];
    sections
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n")
}

fn places(up: &Up) -> String {
    let mut lines: Vec<(String, String)> = up.endpoints.clone().into_iter().collect();
    lines.push((
        "namespace".to_owned(),
        format!("{} on {}", up.namespace, up.cluster),
    ));
    lines.extend(
        up.kubeconfig
            .iter()
            .map(|path| ("kubeconfig".to_owned(), path.display().to_string())),
    );
    table(&lines)
}

fn next(up: &Up, place: &Place) -> String {
    let name = format!("{}{}", up.name, place.flags());
    let commands = [
        (format!("aznet status {name}"), "how it is doing"),
        (
            format!("aznet test transfer --attach {name}"),
            "move tokens through it",
        ),
        (
            format!("eval \"$(aznet env {name})\""),
            "these URLs for your own programs",
        ),
        (format!("aznet down {name}"), "remove it"),
    ];
    // Tokens are moved by a wallet server.
    let wallet = up.endpoints.contains_key("PXE_URL");
    let lines: Vec<_> = commands
        .into_iter()
        .filter(|(command, _)| wallet || !command.contains("transfer"))
        .map(|(command, what)| (command, what.to_owned()))
        .collect();
    format!("try next:\n{}", table(&lines))
}

fn table(lines: &[(String, String)]) -> String {
    let width = lines
        .iter()
        .map(|(left, _)| left.len())
        .max()
        .unwrap_or_default();
    let line = |(left, right): &(String, String)| {
        format!("  {}  {right}\n", format!("{left:width$}").cyan())
    };
    lines.iter().map(line).collect()
}
