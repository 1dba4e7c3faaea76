//! `aznet charts export`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use aznet_kit::files;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::args::OutputArgs;
use crate::context::Context;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  aznet charts export my-charts
  helm install small my-charts/aztec-network -n small --create-namespace \\
    -f my-charts/networks/small.yaml";

/// Arguments of `aznet charts`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct ChartsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ChartsCommand,
}

/// The verbs of `aznet charts`.
#[derive(Debug, Subcommand)]
pub enum ChartsCommand {
    /// Write the Helm charts and the networks' values to a folder.
    #[command(after_help = EXAMPLES)]
    Export(ExportArgs),
}

/// Arguments of `aznet charts export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Folder to write to; charts and networks of an earlier export there are replaced.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What was written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Exported {
    /// Where the charts come from.
    source: String,
    /// The folders, one per chart and one of networks.
    folders: Vec<PathBuf>,
}

/// Writes the charts.
pub fn run(args: &ChartsArgs, context: &Context) -> anyhow::Result<Exit> {
    let ChartsCommand::Export(args) = &args.command;
    let source = &context.source;
    let mut folders = Vec::new();
    for chart in charts(&source.charts())? {
        folders.push(replace(&chart, &args.folder, &[], "Chart.yaml")?);
    }
    folders.push(replace(
        &source.networks(),
        &args.folder,
        &[],
        "small.yaml",
    )?);
    let exported = Exported {
        source: source.to_string(),
        folders,
    };
    context
        .printer
        .result(&exported, |exported, _| render(exported))?;
    Ok(Exit::Ok)
}

fn charts(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))?;
    let mut charts: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("Chart.yaml").is_file())
        .collect();
    charts.sort();
    Ok(charts)
}

/// Copies a folder into `target`, or only its `parts` where any are named. A folder of that name there is replaced only if it
/// has `mark`, as an earlier export would: nobody else's files are removed.
pub(crate) fn replace(
    folder: &Path,
    target: &Path,
    parts: &[&str],
    mark: &str,
) -> anyhow::Result<PathBuf> {
    let place = target.join(folder.file_name().unwrap_or_default());
    if place.exists() && !place.join(mark).is_file() {
        bail!(
            "{} is there and was not written by an export (it has no {mark}); name another folder",
            place.display()
        );
    }
    files::remove_dir(&place)?;
    if parts.is_empty() {
        files::copy_tree(folder, &place, &[])?;
    }
    for part in parts {
        files::copy_tree(&folder.join(part), &place.join(part), &[])?;
    }
    Ok(place)
}

fn render(exported: &Exported) -> String {
    let folders = exported
        .folders
        .iter()
        .map(|folder| format!("  {}\n", folder.display()));
    format!(
        "written, as {} has them:\n{}",
        exported.source,
        folders.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_replaces_an_earlier_one_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (chart, target) = (dir.path().join("a"), dir.path().join("out"));
        fs::create_dir_all(chart.join("templates")).unwrap();
        fs::write(chart.join("Chart.yaml"), "name: a").unwrap();
        fs::write(chart.join("templates/x.yaml"), "x").unwrap();
        let place = replace(&chart, &target, &[], "Chart.yaml").unwrap();
        assert_eq!(
            fs::read_to_string(place.join("templates/x.yaml")).unwrap(),
            "x"
        );
        fs::remove_file(chart.join("templates/x.yaml")).unwrap();
        replace(&chart, &target, &[], "Chart.yaml").unwrap();
        assert!(!place.join("templates/x.yaml").exists());
        fs::remove_file(place.join("Chart.yaml")).unwrap();
        let error = replace(&chart, &target, &[], "Chart.yaml").unwrap_err();
        assert!(
            error.to_string().contains("not written by an export"),
            "{error}"
        );
    }

    #[test]
    fn what_else_lies_in_a_folder_is_not_copied_with_its_parts() {
        let dir = tempfile::tempdir().unwrap();
        let (chart, target) = (dir.path().join("a"), dir.path().join("out"));
        fs::create_dir_all(chart.join("templates")).unwrap();
        for name in ["Chart.yaml", "templates/x.yaml", "my-secret-values.yaml"] {
            fs::write(chart.join(name), "x").unwrap();
        }
        let parts = ["Chart.yaml", "templates"];
        let place = replace(&chart, &target, &parts, "Chart.yaml").unwrap();
        let all = files::list(&place).unwrap();
        assert_eq!(
            all,
            [place.join("Chart.yaml"), place.join("templates/x.yaml")]
        );
    }
}
