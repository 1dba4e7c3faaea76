//! `aznet status [NAME]`.

use std::time::Duration;

use aznet_chaos::experiment::{self, Listed};
use aznet_kit::time::Seconds;
use aznet_model::timing::Moment;
use aznet_model::workload::Workload;
use aznet_network::clients::l1::Prune;
use aznet_network::observe::status::{Committee, NetworkStatus, NodeStatus, State, Tips, collect};
use clap::Args;
use jiff::Timestamp;
use owo_colors::OwoColorize;
use serde::Serialize;

use crate::args::{ClusterArg, NamespaceArg, OutputArgs};
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::exit::Exit;
use crate::page::Page;
use crate::table::{Cell, Column, Table, bad, doubtful, good};

const EXAMPLES: &str = "\
Examples:
  aznet status
  aznet status small
  aznet status -o json | jq .tips
  watch -n 5 aznet status

State, in JSON as well: ready, starting (nothing on L1 yet), stalled (checkpoints have stopped; since when and why), degraded (the chain moves, something is wrong), unreachable (no node answers). Faults of `aznet chaos` that are in force are shown.

Exit code 22 for all but ready.";

/// Arguments of `aznet status`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StatusArgs {
    /// Name of the network (default: the only one there is).
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
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

/// Shows the network; exit code 22 when it is not ready.
pub async fn run(args: &StatusArgs, context: &Context) -> anyhow::Result<Exit> {
    let networks = clusters::networks(
        context,
        args.cluster.cluster.as_ref(),
        Meant::One(args.name.as_deref()),
    )
    .await?;
    let (_, network) = networks.open(args.name.as_deref())?;
    let now = Timestamp::now();
    let (status, faults) = futures::join!(collect(&network, now), experiment::list(&network));
    // Whoever may not look at faults has a status all the same.
    let faults = faults
        .inspect_err(|error| {
            let why = aznet_kit::error::chain(error);
            let words = format_args!("whether faults are in force is not known: {why}");
            context.printer.warn(words);
        })
        .ok();
    let seen = Seen {
        status: status?,
        faults,
    };
    context
        .printer
        .result(&seen, |seen, page| seen.render(now, page))?;
    Ok(exit(&seen.status))
}

/// The exit code that a status stands for.
pub(crate) const fn exit(status: &NetworkStatus) -> Exit {
    if status.ready {
        Exit::Ok
    } else {
        Exit::Unhealthy
    }
}

/// A network and what is done to it on purpose.
#[derive(Serialize)]
struct Seen {
    #[serde(flatten)]
    status: NetworkStatus,
    /// `None`: not known.
    faults: Option<Vec<Listed>>,
}

impl Seen {
    fn render(&self, now: Timestamp, page: Page) -> String {
        let mut text = render(&self.status, now, page);
        let lines = self.faults.iter().flatten().map(|fault| {
            let line = format!("{} fault {}", "!".yellow(), told(fault, now));
            page.wrap(&line, 2)
        });
        let lines: Vec<String> = lines.collect();
        if !lines.is_empty() {
            text.push_str(if self.status.problems.is_empty() {
                "\n\n"
            } else {
                "\n"
            });
            text.push_str(&lines.join("\n"));
        }
        text
    }
}

/// `boot-node-failure is injected since 12s: PodChaos pod-failure on boot-node-0`
fn told(fault: &Listed, now: Timestamp) -> String {
    let since = fault
        .since
        .map(|since| format!(" since {}", between(since, now)))
        .unwrap_or_default();
    let action = fault
        .action
        .as_ref()
        .map(|action| format!(" {action}"))
        .unwrap_or_default();
    let pods = match fault.pods.as_slice() {
        [] => String::new(),
        pods => format!(" on {}", pods.join(", ")),
    };
    format!(
        "{} is {}{since}: {}{action}{pods}",
        fault.name, fault.says, fault.kind
    )
}

/// The status as a person wants to look at it.
pub(crate) fn render(status: &NetworkStatus, now: Timestamp, page: Page) -> String {
    let mut lines = vec![page.wrap(&headline(status, now), 2)];
    if let Some(moment) = &status.now {
        lines.push(fact("now", &time(moment), page));
    }
    if let Some(tips) = &status.tips {
        lines.push(fact("tips", &chain(*tips), page));
    }
    if let Some(prune) = &status.pruned {
        lines.push(fact("pruned", &pruned(prune, now), page));
    }
    if let Some(committee) = &status.committee {
        lines.push(fact("committee", &quorum(committee), page));
    }
    if let Some(l1) = &status.l1 {
        let heads = format!("block {}, final {}", l1.block.0, l1.finalized.0);
        lines.push(fact("L1", &heads, page));
    }
    lines.push(String::new());
    lines.push(nodes(&status.nodes).render(page));
    if !status.problems.is_empty() {
        lines.push(String::new());
    }
    lines.extend(
        status
            .problems
            .iter()
            .map(|problem| page.wrap(&format!("{} {problem}", "✗".red()), 2)),
    );
    lines.join("\n")
}

fn headline(status: &NetworkStatus, now: Timestamp) -> String {
    let state = match status.state {
        State::Ready => "ready".green().bold().to_string(),
        State::Starting => "starting".yellow().bold().to_string(),
        State::Degraded => "degraded".red().bold().to_string(),
        State::Stalled => "stalled".red().bold().to_string(),
        State::Unreachable => "unreachable".red().bold().to_string(),
    };
    let mut words = vec![
        format!("on {}", status.cluster),
        format!("namespace {}", status.namespace),
    ];
    words.extend(
        status
            .created
            .map(|created| format!("up {}", between(created, now))),
    );
    words.extend(status.expires.map(|expires| {
        if expires <= now {
            "expired".to_owned()
        } else {
            format!("expires in {}", between(now, expires))
        }
    }));
    format!(
        "{} {state} {}",
        status.name.bold(),
        words.join(" · ").dimmed()
    )
}

fn fact(name: &str, text: &str, page: Page) -> String {
    let line = format!("{} {text}", format!("{name:<10}").dimmed());
    page.indented(&line, 2)
}

fn time(moment: &Moment) -> String {
    let Moment {
        slot,
        epoch,
        seconds_into_slot,
        slot_seconds,
        slot_in_epoch,
        epoch_slots,
    } = moment;
    let place = slot_in_epoch + 1;
    format!(
        "{slot} ({seconds_into_slot} of {slot_seconds} s) · {epoch} (slot {place} of {epoch_slots})"
    )
}

fn chain(tips: Tips) -> String {
    let Tips {
        proposed,
        checkpointed,
        proven,
        finalized,
    } = tips;
    format!(
        "proposed {} · checkpointed {} · proven {} · finalized {}",
        proposed.0, checkpointed.0, proven.0, finalized.0
    )
}

fn pruned(prune: &Prune, now: Timestamp) -> String {
    let Prune {
        first,
        last,
        timestamp,
    } = prune;
    let ago = i64::try_from(*timestamp)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map(|at| format!(", {} ago", between(at, now)))
        .unwrap_or_default();
    let which = if first == last {
        format!("checkpoint {}", first.0)
    } else {
        format!("checkpoints {} to {}", first.0, last.0)
    };
    format!("{which}{ago}: no proof came in time")
        .yellow()
        .to_string()
}

fn quorum(committee: &Committee) -> String {
    let Committee {
        size,
        quorum,
        present,
        may_fail,
        validators,
    } = committee;
    let short = committee.short_of_quorum();
    let may_fail = match (short, may_fail) {
        (1, _) => "below quorum: no checkpoints until 1 more is online"
            .red()
            .to_string(),
        (2.., _) => format!("below quorum: no checkpoints until {short} more are online")
            .red()
            .to_string(),
        (0, 0) => "no more may fail".red().to_string(),
        (0, 1) => "1 more may fail".to_owned(),
        (0, more) => format!("{more} more may fail"),
    };
    let present = present
        .map(|present| format!("{present} of {size} online"))
        .unwrap_or(format!("{size} members"));
    let drawn = validators
        .map(|all| format!(" · drawn from {all} validators"))
        .unwrap_or_default();
    format!("{present}, quorum {quorum}: {may_fail}{drawn}")
}

fn nodes(nodes: &[NodeStatus]) -> Table {
    // Zeros say least of all.
    let restarted = nodes.iter().any(|node| node.restarts > 0);
    let mut table = Table::new([
        Column::text("role").yields(7),
        Column::text("node"),
        Column::prose("state", 14),
        Column::number("restarts").yields(if restarted { 1 } else { 9 }),
        Column::number("age").yields(8),
        Column::number("proposed").yields(6),
        Column::number("checkpointed").yields(2),
        Column::number("proven").yields(3),
        Column::number("final").yields(5),
        Column::number("peers").yields(4),
    ]);
    let mut last = None;
    for node in nodes {
        let workload = match &node.group {
            Some(group) => Workload::group_of_validators(group),
            None => node.role.into(),
        };
        let again = last.as_ref() == Some(&workload);
        let role = if again {
            String::new()
        } else {
            workload.to_string()
        };
        last = Some(workload);
        table.row(row(node, role));
    }
    table
}

fn row(node: &NodeStatus, role: String) -> Vec<Cell> {
    let number = |number: Option<u64>| Cell::new(number.map_or("-".to_owned(), |n| n.to_string()));
    let tip = |of: fn(Tips) -> u64| number(node.tips.map(of));
    let (restarts, age) = if node.missing {
        (number(None), number(None))
    } else {
        let age = Seconds(Duration::from_secs(node.age));
        (restarts(node.restarts), Cell::new(age))
    };
    vec![
        Cell::new(role),
        Cell::new(&node.name),
        state(node),
        restarts,
        age,
        tip(|tips| tips.proposed.0),
        tip(|tips| tips.checkpointed.0),
        tip(|tips| tips.proven.0),
        tip(|tips| tips.finalized.0),
        number(node.peers.map(|peers| peers as u64)),
    ]
}

fn state(node: &NodeStatus) -> Cell {
    match &node.error {
        Some(_) => bad("does not answer"),
        None if node.ready => good(&node.state),
        None if node.missing => bad(&node.state),
        None => doubtful(&node.state),
    }
}

fn restarts(restarts: u32) -> Cell {
    if restarts == 0 {
        Cell::new(restarts)
    } else {
        doubtful(restarts)
    }
}

/// The time between two moments, as people say it.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Seconds {
    Seconds(Duration::try_from(to.duration_since(from)).unwrap_or_default())
}

#[cfg(test)]
mod tests;
