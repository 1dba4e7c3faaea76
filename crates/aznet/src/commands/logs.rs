//! `aznet logs [NAME] [POD|ROLE|GROUP] [-f]`.

use aznet_model::role::Role;
use aznet_network::namespace::Network;
use aznet_network::observe::logs::{LogLine, Options, Which, stream};
use clap::Args;
use futures::StreamExt;
use owo_colors::{AnsiColors, OwoColorize};
use serde::Serialize;

use crate::args::{ClusterArg, NamespaceArg, OutputArgs};
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
  aznet logs small boot-node-0 | less -R";

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
    /// Go on as new lines come.
    #[arg(short, long)]
    pub follow: bool,
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
    let options = Options {
        follow: args.follow,
        ..Options::default()
    };
    let lines = stream(&network, which, options, context.interrupt.token().clone()).await?;
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
        if context.printer.is_json() {
            document.push(Line {
                pod: line.pod,
                at: line.at.map(|at| at.to_string()),
                text: line.text,
            });
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

#[derive(Serialize)]
struct Line {
    pod: String,
    at: Option<String>,
    text: String,
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
