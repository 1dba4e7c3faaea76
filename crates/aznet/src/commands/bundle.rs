//! `aznet bundle [NAME]`.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aznet_kit::files::{self, Access};
use aznet_model::units::count;
use aznet_network::bundle::{self, Bundle, Manifest, Request};
use aznet_network::namespace::Network;
use aznet_scenarios::explain::{EntryKind, Explanation};
use clap::Args;
use jiff::Timestamp;
use owo_colors::OwoColorize;
use serde::Serialize;

use crate::args::{ClusterArg, NamespaceArg, OutputFormat};
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::run_folder;

/// Lines of a timeline that are shown.
const SHOWN: usize = 40;

const EXAMPLES: &str = "\
Examples:
  aznet bundle                         of the only running network
  aznet bundle small --output b.tar.gz
  aznet bundle --explain b.tar.gz      what happened first; needs no cluster
  aznet bundle --explain runs/last/bundle-transfer.tar.gz -o json
  aznet bundle --explain 20261128T091500Z/bundle-transfer.tar.gz

A bundle has manifests, events, pods, logs of every container and of its previous run, metrics, status and versions. The values of all Secrets in the network's namespace are taken out of it.";

/// Arguments of `aznet bundle`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BundleArgs {
    /// Name of the network (default: the only one there is).
    #[arg(value_name = "NAME", conflicts_with = "explain")]
    pub name: Option<String>,
    /// Write the bundle to this file (default: bundle-NAME-TIME.tar.gz in this folder).
    #[arg(long = "output", value_name = "FILE", conflicts_with = "explain")]
    pub file: Option<PathBuf>,
    /// Show what happened first, by this bundle alone; also one of a run that was not given a folder, as `RUN/FILE`.
    #[arg(long, value_name = "FILE")]
    pub explain: Option<PathBuf>,
    /// Where to look.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// In which namespace.
    #[command(flatten)]
    pub namespace: NamespaceArg,
    /// Output format; `json` prints one JSON document to stdout and progress to stderr.
    #[arg(short = 'o', value_enum, value_name = "FORMAT", default_value_t)]
    pub format: OutputFormat,
}

/// Makes a bundle, or explains one.
pub async fn run(args: &BundleArgs, context: &Context) -> anyhow::Result<Exit> {
    if let Some(file) = &args.explain {
        let file = run_folder::find(file, context.paths.runs());
        return explain(&file, &context.printer);
    }
    check_folder_of(args.file.as_deref())?;
    let cluster = args.cluster.cluster.as_ref();
    let name = args.name.as_deref();
    let networks = clusters::networks(context, cluster, Meant::One(name)).await?;
    let (_, network) = networks.open(name)?;
    let now = Timestamp::now();
    let file = args.file.clone().unwrap_or_else(|| usual(&network, now));
    let request = Request {
        aznet: env!("CARGO_PKG_VERSION").to_owned(),
        now,
        test: None,
    };
    let cancel = context.interrupt.token();
    let making = cancel.run_until_cancelled(Box::pin(write(&network, request, &file)));
    let Some(manifest) = making.await else {
        return Ok(Exit::Interrupted);
    };
    let written = Written {
        file,
        manifest: manifest?,
    };
    warn(&written.manifest, &context.printer);
    context
        .printer
        .result(&written, |written, _| written.words())?;
    Ok(Exit::Ok)
}

/// Collects a network's bundle and writes it, for its owner alone.
pub(crate) async fn write(
    network: &Network,
    request: Request,
    file: &Path,
) -> anyhow::Result<Manifest> {
    let (bytes, manifest) = bundle::collect(network, request).await?;
    files::write(file, bytes, Access::Private)?;
    Ok(manifest)
}

/// Says what could not be collected.
pub(crate) fn warn(manifest: &Manifest, printer: &Printer) {
    for missing in &manifest.missing {
        printer.warn(format_args!("{}: {}", missing.what, missing.why));
    }
}

/// Refuses a file whose folder is not there, before any work is done for it.
pub(crate) fn check_folder_of(file: Option<&Path>) -> Result<(), Failure> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
    let Some(folder) = file.and_then(Path::parent).filter(is_missing) else {
        return Ok(());
    };
    let what = format!("there is no folder {} to write to", folder.display());
    Err(Failure::BadTarget(what))
}

fn usual(network: &Network, now: Timestamp) -> PathBuf {
    let time = now.strftime("%Y%m%dT%H%M%SZ");
    PathBuf::from(format!("bundle-{}-{time}.tar.gz", network.name()))
}

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    file: PathBuf,
    #[serde(flatten)]
    manifest: Manifest,
}

impl Written {
    fn words(&self) -> String {
        let redacted = match self.manifest.redacted {
            0 => "no secret was in them".to_owned(),
            n => format!("secrets were taken out in {}", count(n, "place")),
        };
        format!(
            "{}: {}, {redacted}",
            self.file.display(),
            count(self.manifest.members.len(), "part")
        )
    }
}

fn explain(file: &Path, printer: &Printer) -> anyhow::Result<Exit> {
    let reading = || format!("reading {}", file.display());
    if !file.is_file() {
        return Err(Failure::NoArchive(file.display().to_string()).into());
    }
    let archive = File::open(file).with_context(reading)?;
    let bundle = Bundle::read(archive).with_context(reading)?;
    warn(&bundle.manifest, printer);
    printer.result(&Explained::from(Explanation::of(&bundle)), |all, _| {
        all.words()
    })?;
    Ok(Exit::Ok)
}

/// A timeline, and what is first in it in a sentence.
#[derive(Debug, Serialize)]
struct Explained {
    #[serde(flatten)]
    explanation: Explanation,
    first: String,
}

impl From<Explanation> for Explained {
    fn from(explanation: Explanation) -> Self {
        Self {
            first: explanation.first(),
            explanation,
        }
    }
}

impl Explained {
    fn words(&self) -> String {
        let timeline = &self.explanation.timeline;
        let mut lines: Vec<String> = timeline
            .iter()
            .take(SHOWN)
            .map(|entry| {
                let time = entry.at.strftime("%H:%M:%S%.3f");
                let text = format!("{} {}", entry.about, entry.what);
                match entry.kind {
                    EntryKind::Violation | EntryKind::Restart | EntryKind::Lost => {
                        format!("{time}  {}", text.red())
                    }
                    _ => format!("{time}  {text}"),
                }
            })
            .collect();
        if timeline.len() > SHOWN {
            let more = timeline.len() - SHOWN;
            lines.push(format!("… and {more} more; `-o json` shows all"));
        }
        lines.push(self.first.clone());
        lines.join("\n")
    }
}
