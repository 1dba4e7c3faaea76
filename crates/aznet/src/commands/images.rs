//! `aznet images {build,list,load,push,export}`.

mod publish;

use std::collections::BTreeMap;
use std::path::Path;

use aznet_cluster::parts::images::{self, Built};
use aznet_model::units::{Bytes, count};
use clap::{Args, Subcommand};

use crate::args::{ClusterArg, KubernetesArg, OutputArgs};
use crate::bring_up::parts::Extent;
use crate::bring_up::{machine, parts};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::page::Page;
use crate::steps::{Steps, reporter};
use crate::table::{Column, Table};

const EXAMPLES: &str = "\
Examples:
  aznet images build    build those whose content changed
  aznet images list
  aznet images load aztec-4.1.3.tar    into the cluster `default`
  aznet images load aztecprotocol/aztec:4.1.3
  aznet images push registry.example/aznet -o values > images.yaml

Embedded clusters pull no images: `load` is how one that you name in values gets there.
Other clusters pull theirs from a registry (`push`), or are given an archive (`export`).";

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
    #[command(
        after_help = "Examples:\n  aznet images build\n  aznet images build --telemetry --chaos"
    )]
    Build(BuildArgs),
    /// List the images with their sizes.
    #[command(after_help = "Examples:\n  aznet images list\n  aznet images list -o json")]
    List(ListArgs),
    /// Bring an image into a cluster that pulls none.
    #[command(
        after_help = "Examples:\n  aznet images load aztec-4.1.3.tar\n  aznet images load aztecprotocol/aztec:4.1.3"
    )]
    Load(LoadArgs),
    /// Copy the images to a registry of yours.
    #[command(after_help = publish::PUSH_EXAMPLES)]
    Push(publish::PushArgs),
    /// Write the images to one archive, for clusters without a registry.
    #[command(after_help = publish::EXPORT_EXAMPLES)]
    Export(publish::ExportArgs),
}

/// Arguments of `aznet images load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// An archive (OCI layout, or of `docker save`), or the name of an image in a registry that this machine reaches.
    #[arg(value_name = "FILE|IMAGE")]
    pub image: String,
    /// Which cluster gets it.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `aznet images build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Also build the telemetry images: the OpenTelemetry collector and Prometheus.
    #[arg(long)]
    pub telemetry: bool,
    /// Also build the images of Chaos Mesh, which makes faults.
    #[arg(long)]
    pub chaos: bool,
    /// What no network runs.
    #[command(flatten)]
    pub others: OtherImages,
    /// What clusters are to be made of.
    #[command(flatten)]
    pub kubernetes: KubernetesArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Images that no network runs.
#[derive(Debug, Clone, Copy, Args)]
pub struct OtherImages {
    /// Also build kind and the image of its nodes, for clusters of kind on a machine that reaches no registry.
    #[arg(long)]
    pub kind: bool,
    /// Also build the image that CI jobs run in: aznet itself, kubectl, helm and kind.
    #[arg(long)]
    pub jobs: bool,
}

impl BuildArgs {
    /// Each of them holds what every cluster has.
    fn extents(&self) -> Vec<Extent> {
        let telemetry = self.telemetry.then_some(Extent::TELEMETRY);
        let chaos = self.chaos.then_some(Extent::CHAOS);
        let more: Vec<_> = telemetry.into_iter().chain(chaos).collect();
        if more.is_empty() {
            return vec![Extent::BASE];
        }
        more
    }
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
        ImagesCommand::Load(args) => load(args, context).await?,
        ImagesCommand::Push(args) => publish::push(args, context).await?,
        ImagesCommand::Export(args) => publish::export(args, context).await?,
    }
    Ok(Exit::Ok)
}

async fn build(args: &BuildArgs, context: &Context) -> anyhow::Result<()> {
    let steps = Steps::new(&context.printer);
    context.interrupt.leaves(
        "images that are complete are kept",
        "run `aznet images build` to continue",
    );
    machine::ready(context, &steps).await?;
    let kubernetes = args.kubernetes.kubernetes.unwrap_or_default();
    let mut images = BTreeMap::new();
    for extent in args.extents() {
        let parts = parts::ready(context, &steps, extent, kubernetes).await?;
        let built = parts.images().iter().cloned();
        images.extend(built.map(|built| (built.image, built)));
    }
    if args.others.kind {
        let node = Box::pin(parts::node_of_kind(context, &steps)).await?;
        images.extend(node.iter().map(|built| (built.image, built.clone())));
    }
    if args.others.jobs {
        let jobs = Box::pin(parts::for_jobs(context, &steps)).await?;
        images.extend(jobs.iter().map(|built| (built.image, built.clone())));
    }
    let images: Vec<Built> = images.into_values().collect();
    context
        .printer
        .result(&images, |images, page| render(images, page))
}

async fn load(args: &LoadArgs, context: &Context) -> anyhow::Result<()> {
    let choice = args.cluster.cluster.clone().unwrap_or_default();
    // Whether it runs, before anything is fetched.
    choice.find(&context.paths)?;
    let steps = Steps::new(&context.printer);
    let step = steps.begin("images", &format!("loading {}", args.image));
    let (report, cancel) = (reporter(&step), context.interrupt.token());
    let load = async {
        let (paths, file) = (&context.paths, Path::new(&args.image));
        if file.is_file() {
            return anyhow::Ok(choice.load_archive(paths, file, &report, cancel).await?);
        }
        if is_path(&args.image) {
            return Err(Failure::NoArchive(args.image.clone()).into());
        }
        let fetched = images::fetch(paths, &args.image, &report, cancel).await?;
        Ok(choice
            .load_archive(paths, &fetched.path(), &report, cancel)
            .await?)
    };
    let loaded = load.await.inspect_err(|_| step.abandon())?;
    steps.end(
        &step,
        format!("{} new on {choice}", count(loaded.len(), "image")),
    );
    context
        .printer
        .result(&loaded, |loaded, _| loaded.join("\n"))
}

/// Whether somebody means a file and not an image in a registry.
fn is_path(image: &str) -> bool {
    let begins = ["/", "./", "../"]
        .iter()
        .any(|start| image.starts_with(start));
    let ends = [".tar", ".tar.gz", ".tgz"]
        .iter()
        .any(|end| image.ends_with(end));
    begins || ends
}

fn list(context: &Context) -> anyhow::Result<()> {
    let images = images::list(&context.paths)?;
    if images.is_empty() {
        context
            .printer
            .note("no image is built; `aznet images build` builds them");
    }
    if !images.is_empty() || context.printer.is_json() {
        context
            .printer
            .result(&images, |images, page| render(images, page))?;
    }
    Ok(())
}

fn render(images: &[Built], page: Page) -> String {
    let mut table = Table::new([
        Column::text("image").yields(2),
        Column::number("size").yields(1),
        Column::text("reference"),
    ]);
    for built in images {
        table.row([
            built.image.to_string(),
            Bytes(built.size).to_string(),
            built.reference.clone(),
        ]);
    }
    let total = images.iter().map(|built| Bytes(built.size)).sum::<Bytes>();
    format!("{}\n\n{total} in all", table.render(page))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::at_all_widths;

    #[test]
    fn images_are_shown_at_a_glance() {
        let built = |image: &str, size: u64| -> Built {
            let reference = format!("localhost/aznet/{image}:926977543bfa");
            let json = serde_json::json!({"image": image, "reference": reference, "size": size, "layers": []});
            serde_json::from_value(json).unwrap()
        };
        let images = [built("pause", 1 << 20), built("otel-collector", 46 << 20)];
        insta::assert_snapshot!(at_all_widths(|page| render(&images, page)));
    }
}
