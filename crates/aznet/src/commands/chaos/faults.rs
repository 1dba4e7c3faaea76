//! `aznet chaos list [NETWORK]` and `aznet chaos clear [NETWORK]`.

use aznet_chaos::experiment::{self, Cleared, Listed};
use aznet_cluster::provider::Provider;
use aznet_model::units::count;
use aznet_network::namespace::Network;
use clap::Args;
use jiff::Timestamp;

use crate::args::{ClusterArg, NamespaceArg, OutputArgs};
use crate::bring_up::cluster;
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::page::Page;
use crate::steps::Steps;
use crate::table::{Column, Table};

/// Arguments of `aznet chaos list` and `clear`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  aznet chaos list small\n  aznet chaos clear small")]
pub struct FaultsArgs {
    /// Name of the network (default: the only one there is).
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Where to look.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// In which namespace.
    #[command(flatten)]
    pub namespace: NamespaceArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

pub(super) async fn list(args: &FaultsArgs, context: &Context) -> anyhow::Result<()> {
    let (_, network) = open(args, context).await?;
    let listed = experiment::list(&network).await?;
    if listed.is_empty() {
        let words = format_args!("network {} has no faults", network.name());
        context.printer.note(words);
    }
    if !listed.is_empty() || context.printer.is_json() {
        context
            .printer
            .result(&listed, |listed, page| render(listed, page))?;
    }
    Ok(())
}

pub(super) async fn clear(args: &FaultsArgs, context: &Context) -> anyhow::Result<()> {
    let (choice, network) = open(args, context).await?;
    let ready = cluster::attach(context, &choice).await?;
    let steps = Steps::new(&context.printer);
    let step = steps.begin("faults", "lifting");
    let cleared = experiment::clear(&network, &ready.helm, context.interrupt.token()).await;
    let cleared = cleared.inspect_err(|_| step.abandon())?;
    steps.end(&step, "no object or annotation left");
    context
        .printer
        .result(&cleared, |cleared, _| lifted(cleared))
}

async fn open(args: &FaultsArgs, context: &Context) -> anyhow::Result<(Provider, Network)> {
    let name = args.name.as_deref();
    let cluster = args.cluster.cluster.as_ref();
    let networks = clusters::networks(context, cluster, Meant::One(name)).await?;
    Ok(networks.open(name)?)
}

/// The time of day, as `apply` tells it.
fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

fn lifted(cleared: &Cleared) -> String {
    let mut words = format!("{} lifted", count(cleared.experiments.len(), "experiment"));
    for one in &cleared.forced {
        words.push_str("\nits controller did not let go of ");
        words.push_str(one);
    }
    words
}

fn render(listed: &[Listed], page: Page) -> String {
    let mut table = Table::new([
        Column::text("experiment"),
        Column::text("kind").yields(1),
        Column::text("action"),
        Column::text("duration").yields(2),
        Column::text("ends by").yields(3),
        Column::text("is"),
        Column::prose("pods", 12),
    ]);
    for one in listed {
        table.row([
            one.name.clone(),
            one.kind.to_owned(),
            one.action.clone().unwrap_or_default(),
            one.duration.clone().unwrap_or_default(),
            one.until.map(clock).unwrap_or_default(),
            one.says.to_owned(),
            one.pods.join(" "),
        ]);
    }
    table.render(page)
}
