//! `aznet cluster {up,down,list}`.

use std::path::Path;
use std::time::Duration;

use aznet_cluster::provider::embedded::{self, Info, State};
use aznet_cluster::provider::{Cluster, Provider, kind};
use aznet_kit::error::chain;
use aznet_kit::time::Seconds;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use owo_colors::OwoColorize;
use serde::Serialize;

use crate::args::{KubernetesArg, OutputArgs, cluster_name, made_here};
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

const NO_CLUSTER: &str = "aznet has made no cluster on this machine";

const EXAMPLES: &str = "\
Examples:
  aznet cluster up
  aznet cluster up --cluster kind
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
    /// Start a cluster, or bring it back after a reboot or a crash.
    #[command(
        after_help = "Examples:\n  aznet cluster up\n  aznet cluster up second\n  aznet cluster up secure --network-policy\n  aznet cluster up older --kubernetes 1.35\n  aznet cluster up --cluster kind:ci,workers=2"
    )]
    Up(UpArgs),
    /// Remove a cluster with all that is in it.
    #[command(
        after_help = "Examples:\n  aznet cluster down\n  aznet cluster down --cluster kind:ci\n  aznet cluster down --all"
    )]
    Down(DownArgs),
    /// List the clusters that aznet made on this machine.
    #[command(after_help = "Examples:\n  aznet cluster list\n  aznet cluster list -o json")]
    List(ListArgs),
    /// Run the processes of a cluster (started by `aznet cluster up`).
    #[command(hide = true)]
    Supervise(SuperviseArgs),
}

/// Arguments of `aznet cluster up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Name of the embedded cluster.
    #[arg(value_name = "NAME", default_value = Provider::DEFAULT, value_parser = cluster_name)]
    pub name: String,
    /// A cluster of kind instead: `kind[:NAME][,workers=N]`.
    // Not from the environment: NAME would be at odds with it.
    #[arg(long, value_name = "CLUSTER", conflicts_with = "name", value_parser = made_here)]
    pub cluster: Option<Provider>,
    /// Enforce NetworkPolicies with Calico (new embedded clusters only).
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
    /// Name of an embedded cluster (default: the only cluster there is).
    #[arg(value_name = "NAME", conflicts_with = "all", value_parser = cluster_name)]
    pub name: Option<String>,
    /// A cluster of kind instead: `kind[:NAME]`.
    #[arg(long, value_name = "CLUSTER", conflicts_with_all = ["name", "all"], value_parser = made_here)]
    pub cluster: Option<Provider>,
    /// Remove all clusters that aznet made.
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

/// Manages clusters that aznet makes.
pub async fn run(args: &ClusterArgs, context: &Context) -> anyhow::Result<Exit> {
    match &args.command {
        ClusterCommand::Up(args) => up(args, context).await?,
        ClusterCommand::Down(args) => down(args, context).await?,
        ClusterCommand::List(_) => list(context).await?,
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
    let choice = args.cluster.clone();
    let choice = choice.unwrap_or_else(|| Provider::Embedded(args.name.clone()));
    let kubernetes = parts::kubernetes(context, &choice, args.kubernetes.kubernetes)?;
    let cluster = if let Provider::Kind(choice) = &choice {
        of_kind(args, choice, &steps, context).await?
    } else {
        machine::ready(context, &steps).await?;
        let parts = parts::ready(context, &steps, Extent::BASE, kubernetes).await?;
        cluster::up(context, &steps, &args.name, &parts, args.network_policy).await?
    };
    let kubeconfig = cluster
        .kubeconfig
        .as_deref()
        .unwrap_or(Path::new(""))
        .display()
        .to_string();
    let document = Ready {
        name: &cluster.name,
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

async fn of_kind(
    args: &UpArgs,
    choice: &kind::Choice,
    steps: &Steps,
    context: &Context,
) -> anyhow::Result<Cluster> {
    if args.network_policy {
        let name = choice.name.clone();
        return Err(kind::Error::NoPolicy { name }.into());
    }
    machine::ready_for_kind(context, steps).await?;
    let parts = Box::pin(parts::for_kind(context, steps, choice, None)).await?;
    cluster::up_kind(context, steps, choice, &parts).await
}

#[derive(Serialize)]
struct Ready<'a> {
    name: &'a str,
    kubeconfig: &'a str,
    phases: Vec<Phase>,
    seconds: f64,
}

async fn down(args: &DownArgs, context: &Context) -> anyhow::Result<()> {
    let doomed = doomed(args, context)?;
    if doomed.is_empty() {
        context.printer.note(NO_CLUSTER);
    }
    let steps = Steps::new(&context.printer);
    for provider in doomed {
        let name = shown(&provider);
        let step = steps.begin("down", &format!("removing cluster {name}"));
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
fn doomed(args: &DownArgs, context: &Context) -> anyhow::Result<Vec<Provider>> {
    let one = args.name.clone().map(Provider::Embedded);
    if let Some(one) = one.or_else(|| args.cluster.clone()) {
        return Ok(vec![one]);
    }
    let made = Provider::list(&context.paths)?.into_iter();
    let made: Vec<Provider> = made.map(|made| made.provider).collect();
    if made.len() > 1 && !args.all {
        let names = made.iter().map(shown).collect();
        return Err(Failure::WhichCluster { names }.into());
    }
    Ok(made)
}

/// An embedded cluster by its name alone, as its verbs take it.
fn shown(provider: &Provider) -> String {
    match provider {
        Provider::Embedded(name) => name.clone(),
        other => other.to_string(),
    }
}

/// A cluster in a list.
#[derive(Serialize)]
#[serde(untagged)]
enum Listed {
    Embedded(Info),
    Kind(kind::Info),
}

/// Those of kind are not seen where their engine does not answer.
async fn of_kind_too(context: &Context) -> Vec<kind::Info> {
    match kind::list(&context.paths, context.interrupt.token()).await {
        Ok(clusters) => clusters,
        Err(error) => {
            let words = format_args!("clusters of kind are not shown: {}", chain(&error));
            context.printer.warn(words);
            Vec::new()
        }
    }
}

async fn list(context: &Context) -> anyhow::Result<()> {
    let embedded = embedded::list(&context.paths)?.into_iter();
    let kind = of_kind_too(context).await.into_iter();
    let clusters: Vec<Listed> = embedded
        .map(Listed::Embedded)
        .chain(kind.map(Listed::Kind))
        .collect();
    if clusters.is_empty() {
        context
            .printer
            .note(format_args!("{NO_CLUSTER}; `aznet cluster up` makes one"));
    }
    if !clusters.is_empty() || context.printer.is_json() {
        context.printer.result(&clusters, |clusters, page| {
            render(clusters, Timestamp::now(), page)
        })?;
    }
    Ok(())
}

fn render(clusters: &[Listed], now: Timestamp, page: Page) -> String {
    let mut table = Table::new([
        Column::text("name"),
        Column::text("state"),
        Column::text("kubernetes").yields(1),
        Column::number("age").yields(4),
        Column::number("restarts").yields(3),
        Column::text("api").yields(2),
        Column::text("kubeconfig").yields(5),
    ]);
    for listed in clusters {
        let info = match listed {
            Listed::Embedded(info) => info,
            Listed::Kind(info) => {
                table.row(row_of_kind(info, now));
                continue;
            }
        };
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
    let embedded = clusters.iter().filter_map(|listed| match listed {
        Listed::Embedded(info) => Some(info),
        Listed::Kind(_) => None,
    });
    let down = embedded.flat_map(|info| info.components.iter().filter(|part| part.pid.is_none()));
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

fn row_of_kind(info: &kind::Info, now: Timestamp) -> [Cell; 7] {
    let state = match info.state {
        kind::State::Running => good("running"),
        kind::State::Stopped => bad("stopped"),
        kind::State::HalfMade => bad("half-made"),
        kind::State::Gone => bad("gone"),
    };
    let age = |created| Cell::new(between(created, now));
    [
        Cell::new(&info.cluster),
        state,
        Cell::new(info.kubernetes.as_deref().unwrap_or("-")),
        info.created.map_or_else(|| Cell::new("-"), age),
        Cell::new("-"),
        Cell::new("-"),
        Cell::new(info.kubeconfig.display()),
    ]
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
        let of_kind = kind::Info {
            cluster: "kind:ci".to_owned(),
            name: "ci".to_owned(),
            state: kind::State::Running,
            nodes: 3,
            image: "docker.io/kindest/node:v1.37.0@sha256:a1ed56cf".to_owned(),
            kubernetes: Some("v1.37.0".to_owned()),
            created: Some(Timestamp::UNIX_EPOCH),
            kubeconfig: "/var/lib/aznet/kind/ci/kubeconfig".into(),
        };
        let clusters = [
            Listed::Embedded(info("default", State::Running)),
            Listed::Embedded(info("second", State::Stopped)),
            Listed::Kind(of_kind),
        ];
        let now = Timestamp::from_second(754).unwrap();
        insta::assert_snapshot!(at_all_widths(|page| render(&clusters, now, page)));
    }
}
