//! Chaos Mesh on a cluster: installed where it is missing, and removed.

use aznet_chaos::mesh::{Mesh, Parts};
use aznet_cluster::parts::images::Image;
use aznet_cluster::provider::{Provider, embedded};
use clap::Args;
use serde::Serialize;

use crate::args::{ClusterArg, OutputArgs};
use crate::bring_up::cluster::{self, Ready};
use crate::bring_up::parts::{self, Extent};
use crate::context::Context;
use crate::failure::Failure;
use crate::steps::{Steps, reporter};

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

/// The cluster with Chaos Mesh on it. One of the user's own has it already.
pub(super) async fn ready(
    context: &Context,
    steps: &Steps,
    choice: &Provider,
) -> anyhow::Result<Ready> {
    let Provider::Embedded(name) = choice else {
        let ready = cluster::attach(context, choice).await?;
        if mesh(&ready).is_there().await? {
            return Ok(ready);
        }
        let cluster = choice.to_string();
        return Err(Failure::NoChaosMesh { cluster }.into());
    };
    let kubernetes = parts::kubernetes(context, choice, None)?;
    let built = parts::ready(context, steps, Extent::Chaos, kubernetes).await?;
    let ready = cluster::attach(context, choice).await?;
    let step = steps.begin("chaos", "looking for Chaos Mesh");
    let (report, cancel) = (reporter(&step), context.interrupt.token());
    let install = async {
        let images = built.images();
        choice
            .load_images(&context.paths, images, &report, cancel)
            .await?;
        step.say("waiting for Chaos Mesh");
        let image = |image| images.get(image).reference.as_str();
        let parts = Parts {
            chart: &built.chaos_mesh_chart(),
            controller: image(Image::ChaosMesh),
            daemon: image(Image::ChaosDaemon),
            pause: image(Image::Pause),
            socket: &embedded::containerd_socket(&context.paths, name)?,
        };
        anyhow::Ok(mesh(&ready).ensure(&parts, cancel).await?)
    };
    let new = install.await.inspect_err(|_| step.abandon())?;
    let words = if new { "is installed" } else { "is there" };
    steps.end(&step, format!("Chaos Mesh {words}"));
    Ok(ready)
}

fn mesh(ready: &Ready) -> Mesh<'_> {
    Mesh {
        client: &ready.client,
        helm: &ready.helm,
    }
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
