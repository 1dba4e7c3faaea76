//! `aznet images {push,export}`: the images for clusters that are not ours.

use std::path::PathBuf;

use anyhow::Context as _;
use aznet_cluster::parts::images::{self, Image, ImageSet, Published, Registry, Target};
use aznet_cluster::parts::kubernetes::Minor;
use aznet_model::release::Release;
use aznet_model::units::count;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::args::OutputFormat;
use crate::bring_up::parts::Extent;
use crate::bring_up::{machine, parts};
use crate::context::Context;
use crate::failure::Failure;
use crate::page::Page;
use crate::steps::{Steps, reporter};
use crate::table::{Column, Table};

pub(super) const PUSH_EXAMPLES: &str = "\
Examples:
  aznet images push registry.example/aznet -o values > images.yaml
  aznet up small --cluster context:lab -f images.yaml
  aznet images push ghcr.io/team --only aznet-node,pxe
  aznet images push localhost:5000/aznet --plain-http

Credentials come from `docker login` (~/.docker/config.json, credential helpers included), `buildah login`, or the file that REGISTRY_AUTH_FILE names.";

pub(super) const EXPORT_EXAMPLES: &str = "\
Examples:
  aznet images export images.tar -o values > images.yaml
  kind load image-archive images.tar --name lab
  ctr -n k8s.io images import images.tar
  aznet images load images.tar --cluster embedded:lab";

/// Arguments of `aznet images push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// The registry, and a path in it.
    #[arg(value_name = "REGISTRY")]
    pub registry: Registry,
    /// Use plain HTTP, or TLS without verifying the certificate.
    #[arg(long)]
    pub plain_http: bool,
    /// Which images, and how the result is printed.
    #[command(flatten)]
    pub what: WhatArgs,
}

/// Arguments of `aznet images export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The archive, in OCI layout; what is there is replaced.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Which images, and how the result is printed.
    #[command(flatten)]
    pub what: WhatArgs,
}

/// What both have.
#[derive(Debug, Args)]
pub struct WhatArgs {
    /// Only these images (default: all that a network without telemetry runs).
    #[arg(long, value_name = "IMAGE,…", value_delimiter = ',', conflicts_with = "telemetry", value_parser = image)]
    pub only: Vec<Image>,
    /// Include the telemetry images: the OpenTelemetry collector and Prometheus.
    #[arg(long)]
    pub telemetry: bool,
    /// Output format; `values` prints the chart's values that use the images, `json` one JSON document.
    #[arg(
        short = 'o',
        long = "output",
        value_enum,
        value_name = "FORMAT",
        default_value_t
    )]
    pub output: Format,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// A table, and the values.
    #[default]
    Text,
    /// The values alone.
    Values,
    /// One JSON document.
    Json,
}

impl WhatArgs {
    /// The printer's format: values are text.
    pub(crate) fn format(&self) -> OutputFormat {
        match self.output {
            Format::Json => OutputFormat::Json,
            Format::Text | Format::Values => OutputFormat::Text,
        }
    }

    /// Of these, telemetry's and the jobs' are built when asked for.
    fn extent(&self) -> Extent {
        let any_of = |images: &[Image]| self.only.iter().any(|image| images.contains(image));
        Extent {
            telemetry: self.telemetry || any_of(&Image::TELEMETRY),
            jobs: any_of(&Image::JOBS),
            ..Extent::BASE
        }
    }

    fn of(&self, set: &ImageSet) -> Vec<Image> {
        let all = set.of_the_chart().map(|built| built.image);
        let asked = |image: &Image| self.only.is_empty() || self.only.contains(image);
        all.filter(asked).collect()
    }
}

/// An image of the chart by its name.
fn image(name: &str) -> Result<Image, String> {
    let all = Image::all().filter(|image| image.key().is_some());
    let all: Vec<Image> = all.collect();
    let found = all.iter().find(|image| image.name() == name);
    found.copied().ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|image| image.name()).collect();
        format!(
            "the chart uses no image of this name; there are {}",
            names.join(", ")
        )
    })
}

pub(super) async fn push(args: &PushArgs, context: &Context) -> anyhow::Result<()> {
    let steps = Steps::new(&context.printer);
    let set = ready(&args.what, context, &steps).await?;
    context.interrupt.leaves(
        "images that the registry has are whole",
        "run the same command to continue",
    );
    let step = steps.begin("push", &format!("to {}", args.registry));
    let (report, cancel) = (reporter(&step), context.interrupt.token());
    let target = Target {
        registry: &args.registry,
        plain_http: args.plain_http,
    };
    let which = args.what.of(&set);
    let pushed = images::push(&context.paths, &set, &which, &target, &report, cancel).await;
    let pushed = pushed.inspect_err(|_| step.abandon())?;
    steps.end(
        &step,
        format!("{} in {}", count(pushed.len(), "image"), args.registry),
    );
    show(&pushed, &args.what, context)
}

pub(super) async fn export(args: &ExportArgs, context: &Context) -> anyhow::Result<()> {
    let folder = args
        .file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        let what = format!("there is no folder {} to write to", folder.display());
        return Err(Failure::BadTarget(what).into());
    }
    let steps = Steps::new(&context.printer);
    let set = ready(&args.what, context, &steps).await?;
    let step = steps.begin("export", &format!("to {}", args.file.display()));
    let which = args.what.of(&set);
    let written = images::export(&set, &which, &args.file, &reporter(&step)).await;
    let written = written.inspect_err(|_| step.abandon())?;
    let images = count(written.len(), "image");
    steps.end(&step, format!("{images} in {}", args.file.display()));
    show(&written, &args.what, context)
}

/// The images, built where they are missing.
async fn ready(what: &WhatArgs, context: &Context, steps: &Steps) -> anyhow::Result<ImageSet> {
    machine::ready(context, steps).await?;
    let parts = parts::ready(context, steps, what.extent(), Minor::default()).await?;
    Ok(parts.images().clone())
}

fn show(published: &[Published], what: &WhatArgs, context: &Context) -> anyhow::Result<()> {
    let yaml = serde_norway::to_string(&values(published)).context("cannot print the values")?;
    context
        .printer
        .result(&published, |published, page| match what.output {
            Format::Values => yaml.trim_end().to_owned(),
            Format::Text | Format::Json => render(published, &yaml, page),
        })
}

fn render(published: &[Published], yaml: &str, page: Page) -> String {
    let mut table = Table::new([Column::text("image").yields(1), Column::text("reference")]);
    for Published { image, reference } in published {
        table.row([image.to_string(), reference.clone()]);
    }
    format!(
        "{}\n\nValues that use them:\n\n{}",
        table.render(page),
        yaml.trim_end()
    )
}

/// The chart's values that use the images. Their tags name no release.
fn values(published: &[Published]) -> Value {
    let entry = |published: &Published| {
        let key = published.image.key()?.to_owned();
        Some((key, json!({"image": published.reference})))
    };
    let images = published.iter().filter_map(entry).collect::<Map<_, _>>();
    let mut values = json!({"images": images});
    if published
        .iter()
        .any(|published| published.image == Image::Aztec)
    {
        values["network"] = json!({"release": Release::newest_run().to_string()});
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::at_all_widths;

    fn published(image: Image) -> Published {
        let reference = format!("registry.example/aznet/{image}:926977543bfa");
        Published { image, reference }
    }

    #[test]
    fn what_was_pushed_is_shown_with_its_values() {
        let pushed = [Image::Aztec, Image::AznetNode].map(published);
        let yaml = serde_norway::to_string(&values(&pushed)).unwrap();
        insta::assert_snapshot!(at_all_widths(|page| render(&pushed, &yaml, page)));
    }

    #[test]
    fn a_release_is_named_only_with_an_image_that_has_one() {
        assert!(values(&[published(Image::Pxe)]).get("network").is_none());
    }

    #[test]
    fn images_are_chosen_by_name() {
        assert_eq!(image("pxe"), Ok(Image::Pxe));
        for other in ["coredns", "chaos-mesh", "nginx"] {
            assert!(image(other).unwrap_err().contains("aznet-node"), "{other}");
        }
    }
}
