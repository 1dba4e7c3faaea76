//! Chaos Mesh on a cluster: installed where it is missing, and removed.

use aznet_cluster::provider::Provider;
use clap::Args;
use serde::Serialize;

use crate::args::{ClusterArg, OutputArgs};
use crate::bring_up::cluster;
use crate::chaos_mesh::{mesh, ready};
use crate::context::Context;
use crate::steps::Steps;

/// What `install` and `uninstall` print as JSON.
#[derive(Debug, Serialize)]
struct State {
    cluster: String,
    installed: bool,
}

/// Arguments of `aznet chaos install` and `uninstall`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  aznet chaos install\n  aznet chaos uninstall --cluster embedded:ci"
)]
pub struct MeshArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

pub(super) async fn install(args: &MeshArgs, context: &Context) -> anyhow::Result<()> {
    let choice = args.cluster.cluster.clone().unwrap_or_default();
    // Whether it runs, before anything is built.
    choice.find(&context.paths)?;
    ready(context, &Steps::new(&context.printer), &choice).await?;
    document(context, &choice, true)
}

pub(super) async fn uninstall(args: &MeshArgs, context: &Context) -> anyhow::Result<()> {
    let choice = args.cluster.cluster.clone().unwrap_or_default();
    let ready = cluster::attach(context, &choice).await?;
    let steps = Steps::new(&context.printer);
    let step = steps.begin("chaos", "removing Chaos Mesh");
    let removed = mesh(&ready).remove(context.interrupt.token()).await;
    removed.inspect_err(|_| step.abandon())?;
    steps.end(&step, format!("Chaos Mesh is gone from {choice}"));
    document(context, &choice, false)
}

/// The step has said it to people.
fn document(context: &Context, choice: &Provider, installed: bool) -> anyhow::Result<()> {
    if !context.printer.is_json() {
        return Ok(());
    }
    context.printer.json(&State {
        cluster: choice.to_string(),
        installed,
    })
}
