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
use crate::bring_up::{Manner, Outcome, Up, Wanted, bring_up};
use crate::commands::status;
use crate::context::Context;
use crate::exit::Exit;
use crate::page::Page;
use crate::ports;

const EXAMPLES: &str = "\
Examples:
  aznet up                     the network `small`
  aznet up small --telemetry   with metrics and logs of every node
  aznet up small --set validator.replicas=6
  aznet up small -f mine.yaml --name mine --ttl 2h
  aznet up small --port-base 9000
  aznet up small --cluster context:my-cluster

Run again, `up` shows the network's status, and ends with exit code 22 where that is not ready. It keeps the network's values; -f and --set change them. What can't be undone needs --yes or an answer on the terminal; without either nothing is changed, and the exit code is 3.

AZNET_OWNER=NAME names the owner of your networks, in place of user@host.
AZNET_MEMORY=24GiB and AZNET_CPU=4 override the memory and CPU that the plan assumes are available.";

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
    /// Also run an OpenTelemetry collector and Prometheus, and check that every node sends metrics.
    #[arg(long)]
    pub telemetry: bool,
    /// Open the network's URLs on the ports N, N+1, … of this machine: PXE_URL, AZTEC_NODE_URL, ETHEREUM_HOSTS, AZTEC_ADMIN_URL. The network remembers N.
    #[arg(long, value_name = "N", value_parser = ports::base)]
    pub port_base: Option<u16>,
    /// Drop the values that the running network has and this command line doesn't give: go back to the file of NETWORK.
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
        port_base: args.port_base,
        manner: Manner::Attended,
        machine: args.machine,
    };
    let up = Box::pin(bring_up(&wanted, context)).await?;
    let place = Place {
        cluster: args.cluster.cluster.clone(),
        namespace: args.namespace.namespace.clone(),
    };
    context
        .printer
        .result(&up, |up, page| render(up, &place, page))?;
    Ok(up.status.as_ref().map_or(Exit::Ok, status::exit))
}

fn render(up: &Up, place: &Place, page: Page) -> String {
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
        .map(|status| format!("{}\n", status::render(status, Timestamp::now(), page)));
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
