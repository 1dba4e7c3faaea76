//! `aznet cluster {up,down,list}`.

use std::path::Path;
use std::time::Duration;

use aznet_cluster::provider::Provider;
use aznet_cluster::provider::embedded::{self, Info, State};
use aznet_kit::time::Seconds;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use owo_colors::OwoColorize;
use serde::Serialize;

use crate::args::{KubernetesArg, OutputArgs, cluster_name};
use crate::bring_up::parts::Extent;
use crate::bring_up::{cluster, machine, parts};
use crate::commands::status::between;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::forwarder;
use crate::page::Page;
use crate::steps::{Phase, Steps, reporter};
use crate::table::{Cell, Column, Table, bad, doubtful, good};

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
    #[command(
        after_help = "Examples:\n  aznet cluster up\n  aznet cluster up second\n  aznet cluster up secure --network-policy\n  aznet cluster up older --kubernetes 1.35"
    )]
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
    #[arg(value_name = "NAME", default_value = Provider::DEFAULT, value_parser = cluster_name)]
    pub name: String,
    /// Enforce NetworkPolicies with Calico (new clusters only).
    #[arg(long)]
    pub network_policy: bool,
    /// What it is made of.
    #[command(flatten)]
    pub kubernetes: KubernetesArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `aznet cluster down`.
#[derive(Debug, Args)]
pub struct DownArgs {
    /// Name of the cluster (default: the only one there is).
    #[arg(value_name = "NAME", conflicts_with = "all", value_parser = cluster_name)]
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
    #[arg(value_name = "NAME", value_parser = cluster_name)]
    pub name: String,
}

/// Manages embedded clusters.
pub async fn run(args: &ClusterArgs, context: &Context) -> anyhow::Result<Exit> {
    match &args.command {
        ClusterCommand::Up(args) => up(args, context).await?,
        ClusterCommand::Down(args) => down(args, context).await?,
        ClusterCommand::List(_) => list(context)?,
        // Runs before the runtime is started, see `crate::main`.
        ClusterCommand::Supervise(args) => embedded::supervise(&context.paths, &args.name)?,
    }
    Ok(Exit::Ok)
}

async fn up(args: &UpArgs, context: &Context) -> anyhow::Result<()> {
    let steps = Steps::new(&context.printer);
    context.interrupt.leaves(
        "what was built so far is kept",
        "run `aznet cluster up` again to continue",
    );
    let choice = Provider::Embedded(args.name.clone());
    let kubernetes = parts::kubernetes(context, &choice, args.kubernetes.kubernetes)?;
    machine::ready(context, &steps).await?;
    let parts = parts::ready(context, &steps, Extent::Base, kubernetes).await?;
    let cluster = cluster::up(context, &steps, &args.name, &parts, args.network_policy).await?;
    let kubeconfig = cluster
        .kubeconfig
        .as_deref()
        .unwrap_or(Path::new(""))
        .display()
        .to_string();
    let document = Ready {
        name: &args.name,
        kubeconfig: &kubeconfig,
        phases: steps.phases(),
        seconds: steps.elapsed().as_secs_f64(),
    };
    context.printer.result(&document, |ready, _| {
        let took = Seconds(Duration::from_secs_f64(ready.seconds));
        format!(
            "cluster {} is ready, in {took}\n\n  export KUBECONFIG={}",
            ready.name.bold(),
            ready.kubeconfig
        )
    })
}

#[derive(Serialize)]
struct Ready<'a> {
    name: &'a str,
    kubeconfig: &'a str,
    phases: Vec<Phase>,
    seconds: f64,
}

async fn down(args: &DownArgs, context: &Context) -> anyhow::Result<()> {
    let names = doomed(args, context)?;
    if names.is_empty() {
        context
            .printer
            .note("there is no embedded cluster on this machine");
    }
    let steps = Steps::new(&context.printer);
    for name in names {
        let step = steps.begin("down", &format!("removing cluster {name}"));
        let provider = Provider::Embedded(name.clone());
        forwarder::stop_all(&context.paths, &provider).await?;
        let report = reporter(&step);
        let removed = provider
            .remove(&context.paths, &report, context.interrupt.token())
            .await;
        removed.inspect_err(|_| step.abandon())?;
        steps.end(&step, format!("cluster {name} is gone"));
    }
    Ok(())
}

/// The clusters to be removed.
fn doomed(args: &DownArgs, context: &Context) -> anyhow::Result<Vec<String>> {
    if let Some(name) = &args.name {
        return Ok(vec![name.clone()]);
    }
    let names: Vec<String> = embedded::list(&context.paths)?
        .into_iter()
        .map(|info| info.name)
        .collect();
    if names.len() > 1 && !args.all {
        return Err(Failure::WhichCluster { names }.into());
    }
    Ok(names)
}

fn list(context: &Context) -> anyhow::Result<()> {
    let clusters = embedded::list(&context.paths)?;
    if clusters.is_empty() {
        context
            .printer
            .note("there is no embedded cluster on this machine; `aznet cluster up` makes one");
    }
    if !clusters.is_empty() || context.printer.is_json() {
        context.printer.result(&clusters, |clusters, page| {
            render(clusters, Timestamp::now(), page)
        })?;
    }
    Ok(())
}

fn render(clusters: &[Info], now: Timestamp, page: Page) -> String {
    let mut table = Table::new([
        Column::text("name"),
        Column::text("state"),
        Column::text("kubernetes").yields(1),
        Column::number("age").yields(4),
        Column::number("restarts").yields(3),
        Column::text("api").yields(2),
        Column::text("kubeconfig").yields(5),
    ]);
    for info in clusters {
        let restarts: u32 = info
            .components
            .iter()
            .map(|component| component.restarts)
            .sum();
        table.row([
            Cell::new(&info.name),
            state(info.state),
            Cell::new(&info.kubernetes),
            Cell::new(between(info.created, now)),
            if restarts == 0 {
                Cell::new(restarts)
            } else {
                doubtful(restarts)
            },
            Cell::new(format!("https://127.0.0.1:{}", info.port)),
            Cell::new(info.kubeconfig.display()),
        ]);
    }
    let down = clusters
        .iter()
        .flat_map(|info| info.components.iter().filter(|part| part.pid.is_none()));
    let down = down.map(|part| {
        format!(
            "\n{} {} is not running: {}",
            "✗".red(),
            part.name,
            part.last_end.as_deref().unwrap_or("not started yet")
        )
    });
    format!(
        "{}{}",
        table.render(page),
        page.wrap(&down.collect::<String>(), 2)
    )
}

fn state(state: State) -> Cell {
    match state {
        State::Running => good("running"),
        State::Degraded => bad("degraded"),
        State::Starting => doubtful("starting"),
        State::Stopped => bad("stopped"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::at_all_widths;

    #[test]
    fn clusters_are_shown_at_a_glance() {
        let info = |name: &str, state| Info {
            name: name.to_owned(),
            state,
            kubernetes: "v1.37.2".to_owned(),
            port: 6443,
            kubeconfig: format!("/var/lib/aznet/clusters/{name}/kubeconfig").into(),
            logs: "/var/lib/aznet/clusters/default/logs".into(),
            created: Timestamp::UNIX_EPOCH,
            components: Vec::new(),
        };
        let clusters = [
            info("default", State::Running),
            info("second", State::Stopped),
        ];
        let now = Timestamp::from_second(754).unwrap();
        insta::assert_snapshot!(at_all_widths(|page| render(&clusters, now, page)));
    }
}
