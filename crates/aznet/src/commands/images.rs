//! `aznet images {build,list}`.

use aznet_cluster::parts::images::{self, Built};
use aznet_model::units::Bytes;
use clap::{Args, Subcommand};

use crate::cli::{KubernetesArg, OutputArgs};
use crate::context::Context;
use crate::exit::Exit;
use crate::setup::{self, Extent};
use crate::steps::Steps;
use crate::table;

const EXAMPLES: &str = "\
Examples:
  aznet images build    build those whose content changed
  aznet images list";

/// Arguments of `aznet images`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct ImagesArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ImagesCommand,
}

/// The verbs of `aznet images`.
#[derive(Debug, Subcommand)]
pub enum ImagesCommand {
    /// Build the images whose content changed.
    #[command(after_help = "Examples:\n  aznet images build")]
    Build(BuildArgs),
    /// List the images with their sizes.
    #[command(after_help = "Examples:\n  aznet images list\n  aznet images list -o json")]
    List(ListArgs),
}

/// Arguments of `aznet images build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Build what observes networks, too: the OpenTelemetry collector and Prometheus.
    #[arg(long)]
    pub telemetry: bool,
    /// What clusters are to be made of.
    #[command(flatten)]
    pub kubernetes: KubernetesArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `aznet images list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Builds or lists images.
pub async fn run(args: &ImagesArgs, context: &Context) -> anyhow::Result<Exit> {
    match &args.command {
        ImagesCommand::Build(args) => build(args, context).await?,
        ImagesCommand::List(_) => list(context)?,
    }
    Ok(Exit::Ok)
}

async fn build(args: &BuildArgs, context: &Context) -> anyhow::Result<()> {
    let steps = Steps::new(&context.printer);
    context.interrupt.leaves(
        "images that are complete are kept",
        "`aznet images build` goes on from there",
    );
    let extent = if args.telemetry {
        Extent::Telemetry
    } else {
        Extent::Base
    };
    setup::machine(context, &steps).await?;
    let kubernetes = args.kubernetes.kubernetes.unwrap_or_default();
    let parts = setup::parts(context, &steps, extent, kubernetes).await?;
    let images: Vec<Built> = parts.images().iter().cloned().collect();
    context.printer.result(&images, |images| render(images))
}

fn list(context: &Context) -> anyhow::Result<()> {
    let images = images::list(&context.paths)?;
    if images.is_empty() {
        context
            .printer
            .note("no image is built; `aznet images build` builds them");
    }
    if !images.is_empty() || context.printer.is_json() {
        context.printer.result(&images, |images| render(images))?;
    }
    Ok(())
}

fn render(images: &[Built]) -> String {
    let mut table = table::table(&["image", ">size", "reference"]);
    for built in images {
        table.add_row([
            built.image.to_string(),
            Bytes(built.size).to_string(),
            built.reference.clone(),
        ]);
    }
    let total = images.iter().map(|built| Bytes(built.size)).sum::<Bytes>();
    format!("{}\n\n{total} in all", table::render(&table))
}
