//! `aznet logs [NAME] [POD|ROLE|GROUP] [-f]`.

use std::time::Duration;

use aznet_model::role::Role;
use aznet_network::namespace::Network;
use aznet_network::observe::logs::{LogLine, Options, Which, stream};
use clap::Args;
use futures::StreamExt;
use owo_colors::{AnsiColors, OwoColorize};
use regex::Regex;
use serde::Serialize;

use crate::args::{ClusterArg, NamespaceArg, OutputArgs, number_of_lines};
use crate::clusters::{self, Meant, Networks};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Wide enough for every pod of a usual network.
const NAME_WIDTH: usize = 15;
const COLOURS: [AnsiColors; 6] = [
    AnsiColors::Cyan,
    AnsiColors::Green,
    AnsiColors::Magenta,
    AnsiColors::Yellow,
    AnsiColors::Blue,
    AnsiColors::BrightRed,
];

const EXAMPLES: &str = "\
Examples:
  aznet logs                       all pods of the only running network
  aznet logs small validator -f    follow all validators
  aznet logs small validator-slow  those of the group `slow`
  aznet logs small boot-node-0 | less -R
  aznet logs small validator --since 10m --grep 'missed|slash'
  aznet logs small pxe-0 --tail 20 -f --grep '(?i)error'

--since and --tail bound what is read of each pod; --grep selects among those lines.";

/// Arguments of `aznet logs`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct LogsArgs {
    /// Name of the network (default: the only one there is).
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// A pod, e.g. `validator-0`, a role, e.g. `validator`, or a group of validators, e.g. `validator-slow` (default: all pods).
    #[arg(value_name = "POD|ROLE|GROUP")]
    pub pods: Option<String>,
    /// Keep printing new lines as they are written.
    #[arg(short, long)]
    pub follow: bool,
    /// Begin with the last N lines of each pod.
    #[arg(long, value_name = "N", value_parser = number_of_lines)]
    pub tail: Option<i64>,
    /// Begin with lines this old, e.g. `10m` or `2h`.
    #[arg(long, value_name = "DURATION", value_parser = crate::args::duration)]
    pub since: Option<Duration>,
    /// Show only lines that match this regular expression.
    #[arg(long, value_name = "REGEX")]
    pub grep: Option<Regex>,
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

/// Shows logs until there are no more, or until Ctrl-C.
pub async fn run(args: &LogsArgs, context: &Context) -> anyhow::Result<Exit> {
    if args.follow && context.printer.is_json() {
        return Err(Failure::EndlessDocument.into());
    }
    let (network, which) = meant(args, context).await?;
    let cancel = context.interrupt.token().clone();
    let lines = stream(&network, which, options(args), cancel).await?;
    let mut lines = std::pin::pin!(lines);
    let mut document = Vec::new();
    let mut failed = None;
    while let Some(line) = lines.next().await {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                context.printer.warn(aznet_kit::error::chain(&error));
                failed = Some(error);
                continue;
            }
        };
        failed = None;
        if !selected(&line, args.grep.as_ref()) {
            continue;
        }
        if context.printer.is_json() {
            document.push(Line::from(line));
        } else {
            context.printer.out(render(&line));
            if context.printer.is_closed() {
                return Ok(Exit::Ok);
            }
        }
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    if context.printer.is_json() {
        context.printer.json(&document)?;
    }
    Ok(if context.interrupt.token().is_cancelled() {
        Exit::Interrupted
    } else {
        Exit::Ok
    })
}

const fn options(args: &LogsArgs) -> Options {
    Options {
        follow: args.follow,
        since: args.since,
        tail: args.tail,
    }
}

/// Whether a line is to be shown. One without a time was not written by the pod: it says why there is no log.
fn selected(line: &LogLine, grep: Option<&Regex>) -> bool {
    grep.is_none_or(|grep| line.at.is_none() || grep.is_match(&line.text))
}

#[derive(Serialize)]
struct Line {
    pod: String,
    at: Option<String>,
    text: String,
}

impl From<LogLine> for Line {
    fn from(line: LogLine) -> Self {
        Self {
            pod: line.pod,
            at: line.at.map(|at| at.to_string()),
            text: line.text,
        }
    }
}

/// A lone argument that names no network may name a pod of the only one there is.
async fn meant(args: &LogsArgs, context: &Context) -> anyhow::Result<(Network, Which)> {
    let networks = clusters::networks(
        context,
        args.cluster.cluster.as_ref(),
        Meant::One(args.name.as_deref()),
    )
    .await?;
    if let (Some(word), None) = (&args.name, &args.pods)
        && !networks.has(word)
        && names_a_pod(word)
    {
        return Ok((open(&networks, None)?, Which::from(word.as_str())));
    }
    let which = args.pods.as_deref().map_or(Which::All, Which::from);
    Ok((open(&networks, args.name.as_deref())?, which))
}

fn open(networks: &Networks, name: Option<&str>) -> anyhow::Result<Network> {
    Ok(networks.open(name)?.1)
}

/// A role, or a role and an ordinal or suffix.
fn names_a_pod(word: &str) -> bool {
    Role::ALL.iter().any(|role| word.starts_with(role.name()))
}

fn render(line: &LogLine) -> String {
    let colour = COLOURS[line.pod.bytes().map(usize::from).sum::<usize>() % COLOURS.len()];
    let name = format!("{:NAME_WIDTH$} │", line.pod);
    format!("{} {}", name.color(colour), line.text)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn lines_are_selected_by_what_was_written() {
        let line = |text: &str, at| LogLine {
            pod: "error-0".to_owned(),
            at,
            text: text.to_owned(),
        };
        let (now, grep) = (Some(Timestamp::UNIX_EPOCH), Regex::new("^error").unwrap());
        let shown = |line: LogLine| selected(&line, Some(&grep));
        assert!(shown(line("error: x", now)));
        assert!(!shown(line("no error", now)));
        assert!(shown(line("(no log: forbidden)", None)));
        assert!(selected(&line("anything", now), None));
    }
}
