//! `aznet dashboards [NAME]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use aznet_kit::error::chain;
use aznet_kit::files::{self, Access};
use aznet_network::namespace::Network;
use aznet_network::observe::telemetry::{Prometheus, Series};
use aznet_page::dashboards::{Boards, Dashboard, Window};
use clap::Args;
use futures::{StreamExt, stream};
use jiff::Timestamp;

use crate::args::{ClusterArg, NamespaceArg, OutputFormat, span};
use crate::clusters::{self, Meant};
use crate::commands::bundle;
use crate::context::Context;
use crate::exit::Exit;

/// Questions that Prometheus has before it at a time.
const AT_ONCE: usize = 8;

const EXAMPLES: &str = "\
Examples:
  aznet dashboards                        of the only running network
  aznet dashboards small --since 2h
  aznet dashboards small --output d.html
  aznet dashboards small -o json | jq '.dashboards[].panels[].title'

The page needs nothing else, neither Grafana nor the network: charts and data are in it. The network needs a Prometheus (`aznet up --telemetry`).";

/// Arguments of `aznet dashboards`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DashboardsArgs {
    /// Name of the network (default: the only one there is).
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Write the page to this file (default: dashboards-NAME-TIME.html in this folder; none with `-o json`).
    #[arg(long = "output", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Show this much time until now, e.g. `30m` or `2h`.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = span)]
    pub since: Duration,
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

/// Makes the page of a network's dashboards.
pub async fn run(args: &DashboardsArgs, context: &Context) -> anyhow::Result<Exit> {
    bundle::check_folder_of(args.file.as_deref())?;
    let cluster = args.cluster.cluster.as_ref();
    let name = args.name.as_deref();
    let networks = clusters::networks(context, cluster, Meant::One(name)).await?;
    let (_, network) = networks.open(name)?;
    let now = Timestamp::now();
    let folder = context.source.charts().join("aztec-network/dashboards");
    let cancel = context.interrupt.token();
    let asking = asked(&network, &folder, now, args.since);
    let Some(boards) = cancel.run_until_cancelled(Box::pin(asking)).await else {
        return Ok(Exit::Interrupted);
    };
    let boards = boards?;
    let usual = || (!context.printer.is_json()).then(|| usual(&network, now));
    let file = args.file.clone().or_else(usual);
    if let Some(file) = &file {
        files::write(file, boards.page()?, Access::Shared)?;
    }
    context
        .printer
        .result(&boards, |boards, _| words(boards, file.as_deref()))?;
    Ok(Exit::Ok)
}

fn usual(network: &Network, now: Timestamp) -> PathBuf {
    let time = now.strftime("%Y%m%dT%H%M%SZ");
    PathBuf::from(format!("dashboards-{}-{time}.html", network.name()))
}

/// `d.html: 55 of 60 panels have data`
fn words(boards: &Boards, file: Option<&Path>) -> String {
    let panels = || boards.dashboards.iter().flat_map(|one| &one.panels);
    let with_data = panels().filter(|panel| panel.has_data()).count();
    let place = file.map_or_else(String::new, |file| format!("{}: ", file.display()));
    format!(
        "{place}{with_data} of {} panels have data",
        panels().count()
    )
}

/// The dashboards with the answers to all that they ask.
async fn asked(
    network: &Network,
    folder: &Path,
    now: Timestamp,
    since: Duration,
) -> anyhow::Result<Boards> {
    let prometheus = Prometheus::of(network).await?;
    let window = Window::new(now, since, prometheus.interval().await?);
    let mut boards = Boards {
        network: network.name().to_owned(),
        window,
        dashboards: read(folder, &window)?,
    };
    let asked: Vec<String> = boards
        .queries_mut()
        .map(|query| query.expression.clone())
        .collect();
    let ask = |expression: &String| {
        let (prometheus, expression) = (prometheus.clone(), expression.clone());
        async move {
            let Window { from, to, step, .. } = window;
            prometheus.range(&expression, from, to, step).await
        }
    };
    let answers: Vec<_> = stream::iter(asked.iter().map(ask))
        .buffered(AT_ONCE)
        .collect()
        .await;
    for (query, answer) in boards.queries_mut().zip(answers) {
        match answer {
            Ok(all) => query.answered(all.into_iter().map(pair).collect()),
            Err(error) => query.failed(chain(&error)),
        }
    }
    Ok(boards)
}

fn pair(series: Series) -> (BTreeMap<String, String>, Vec<(f64, f64)>) {
    (series.labels, series.values)
}

/// The dashboards of the chart, in the order of their titles.
fn read(folder: &Path, window: &Window) -> anyhow::Result<Vec<Dashboard>> {
    let mut dashboards = Vec::new();
    let entries = folder
        .read_dir()
        .with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let reading = || format!("reading {}", path.display());
        let json = std::fs::read_to_string(&path).with_context(reading)?;
        dashboards.push(Dashboard::read(&json, window).with_context(reading)?);
    }
    dashboards.sort_by(|a, b| a.title.cmp(&b.title));
    Ok(dashboards)
}
