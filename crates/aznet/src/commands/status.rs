//! `aznet status [NAME]`.

use std::time::Duration;

use aznet_kit::time::Seconds;
use aznet_model::timing::Moment;
use aznet_model::workload::Workload;
use aznet_network::observe::status::{Committee, NetworkStatus, NodeStatus, State, Tips, collect};
use clap::Args;
use jiff::Timestamp;
use owo_colors::OwoColorize;

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

State, in JSON as well: ready, starting (nothing on L1 yet), stalled (checkpoints have stopped; since when and why), degraded (not ready: the chain moves, something is wrong), unreachable (no node answers).

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
    let status = collect(&network, now).await?;
    context
        .printer
        .result(&status, |status, page| render(status, now, page))?;
    Ok(if status.ready {
        Exit::Ok
    } else {
        Exit::Unhealthy
    })
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
        State::Degraded => "not ready".red().bold().to_string(),
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
mod tests {
    use std::collections::BTreeMap;

    use aznet_model::chain::{BlockNumber, Epoch, L1Block, Slot};
    use aznet_model::role::Role;
    use aznet_network::clients::l1::L1Heads;

    use super::*;
    use crate::table::at_all_widths;

    fn node(name: &str, role: Role, ready: bool, height: Option<u64>) -> NodeStatus {
        let tips = height.map(|n| Tips {
            proposed: BlockNumber(n + 1),
            checkpointed: BlockNumber(n),
            proven: BlockNumber(n.saturating_sub(4)),
            finalized: BlockNumber(0),
        });
        NodeStatus {
            name: name.to_owned(),
            role,
            group: name
                .starts_with("validator-slow")
                .then(|| "slow".to_owned()),
            ready,
            restarts: u32::from(!ready),
            age: 754,
            state: if ready { "ready" } else { "starting (12s)" }.to_owned(),
            tips,
            peers: height.map(|_| 5),
            error: None,
            missing: false,
        }
    }

    fn missing(name: &str, role: Role) -> NodeStatus {
        NodeStatus {
            restarts: 0,
            age: 0,
            state: "missing".to_owned(),
            missing: true,
            ..node(name, role, false, None)
        }
    }

    fn status() -> NetworkStatus {
        let nodes = vec![
            node("anvil-7d9c5b-x2k4q", Role::Anvil, true, None),
            node("boot-node-0", Role::BootNode, true, Some(37)),
            node("validator-0", Role::Validator, true, Some(37)),
            node("validator-1", Role::Validator, false, None),
            missing("validator-2", Role::Validator),
            node("validator-slow-0", Role::Validator, true, Some(36)),
        ];
        NetworkStatus {
            name: "small".to_owned(),
            namespace: "aznet-small-x7k2p".to_owned(),
            cluster: "embedded:default".to_owned(),
            state: State::Degraded,
            ready: false,
            stalled: None,
            created: Some(Timestamp::from_second(1_000).unwrap()),
            expires: Some(Timestamp::from_second(9_000).unwrap()),
            tips: nodes[1].tips,
            nodes,
            committee: Some(Committee {
                size: 4,
                quorum: 3,
                present: Some(3),
                may_fail: 0,
                validators: Some(4),
            }),
            now: Some(Moment {
                slot: Slot(38),
                epoch: Epoch(9),
                seconds_into_slot: 5,
                slot_seconds: 12,
                slot_in_epoch: 2,
                epoch_slots: 4,
            }),
            endpoints: BTreeMap::new(),
            l1: Some(L1Heads {
                block: L1Block(412),
                finalized: L1Block(348),
                timestamp: 0,
            }),
            telemetry: Vec::new(),
            publishers: Vec::new(),
            problems: vec!["validator-1 isn't ready: starting (12s)".to_owned()],
        }
    }

    #[test]
    fn a_quorum_that_is_not_there_is_called_so() {
        let words = |present: u64| {
            let committee = Committee {
                size: 4,
                quorum: 3,
                present: Some(present),
                may_fail: present.saturating_sub(3),
                validators: None,
            };
            anstream::adapter::strip_str(&quorum(&committee)).to_string()
        };
        assert_eq!(
            words(2),
            "2 of 4 online, quorum 3: below quorum: no checkpoints until 1 more is online"
        );
        assert_eq!(
            words(0),
            "0 of 4 online, quorum 3: below quorum: no checkpoints until 3 more are online"
        );
        assert_eq!(words(3), "3 of 4 online, quorum 3: no more may fail");
        assert_eq!(words(4), "4 of 4 online, quorum 3: 1 more may fail");
    }

    #[test]
    fn a_network_is_shown_at_a_glance() {
        let (status, now) = (status(), Timestamp::from_second(1_754).unwrap());
        insta::assert_snapshot!(at_all_widths(|page| render(&status, now, page)));
    }

    #[test]
    fn restarts_go_first_where_there_were_none() {
        let mut nodes = status().nodes;
        let columns = |nodes: &[NodeStatus]| {
            let text = self::nodes(nodes).render(Page::of_columns(80));
            let text = anstream::adapter::strip_str(&text).to_string();
            text.lines().next().unwrap_or_default().to_owned()
        };
        assert!(columns(&nodes).contains("RESTARTS"));
        for node in &mut nodes {
            node.restarts = 0;
        }
        let shown = columns(&nodes);
        assert!(!shown.contains("RESTARTS"), "{shown}");
        for name in ["CHECKPOINTED", "PROVEN", "FINAL", "PEERS"] {
            assert!(shown.contains(name), "{name}: {shown}");
        }
    }
}
