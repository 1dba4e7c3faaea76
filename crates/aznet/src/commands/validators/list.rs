//! `aznet validators list [NAME]`.

use std::collections::HashMap;
use std::time::Duration;

use aznet_kit::time::Seconds;
use aznet_model::committee::quorum;
use aznet_model::report::Standing;
use aznet_network::validators::{self, Duties, Validators};
use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;

use super::work::Address;
use crate::args::{ClusterArg, NamespaceArg, OutputArgs};
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::exit::Exit;
use crate::page::Page;
use crate::table::{Cell, Column, Table, bad, doubtful, good};
use aznet_model::units::{count, whole};

const EXAMPLES: &str = "\
Examples:
  aznet validators list
  aznet validators list small
  aznet validators list -o json | jq '.attesters[].status'";

/// Arguments of `aznet validators list`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
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

/// Shows the set.
pub(super) async fn run(args: &ListArgs, context: &Context) -> anyhow::Result<Exit> {
    let networks = clusters::networks(
        context,
        args.cluster.cluster.as_ref(),
        Meant::One(args.name.as_deref()),
    )
    .await?;
    let (_, network) = networks.open(args.name.as_deref())?;
    let (seen, duties) = futures::join!(
        validators::collect_with_gone(&network),
        Duties::collect(&network)
    );
    let list = List::of(network.name(), &seen?, &duties?);
    context.printer.result(&list, render)?;
    Ok(Exit::Ok)
}

/// The set, as it is shown. Amounts are in the staking asset's smallest unit, times in Unix seconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    network: String,
    rollup: Address,
    l1_time: u64,
    genesis: u64,
    epoch: u64,
    epoch_seconds: u64,
    active: u64,
    committee_size: u64,
    quorum: u64,
    exit_delay_seconds: u64,
    attesters: Vec<Row>,
    queue: Vec<Address>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    address: Address,
    status: Standing,
    stake: String,
    withdrawer: Option<Address>,
    pod: Option<String>,
    /// The pod is not there.
    pod_missing: bool,
    /// Epochs, from the one under way on, whose committees have it.
    committees: Vec<u64>,
    /// In the set: the first epoch whose committee may have it.
    drawn_from: Option<u64>,
    /// Out of the set: the first epoch whose committee can't have it.
    out_from: Option<u64>,
    exit: Option<Exiting>,
    /// What sentinels saw; `None` where none watches.
    duties: Option<Duties>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Exiting {
    amount: String,
    exitable_at: u64,
    recipient: Option<Address>,
}

impl List {
    fn of(network: &str, seen: &Validators, duties: &HashMap<Address, Duties>) -> Self {
        let set = &seen.set;
        let rows = set.attesters.iter().map(|attester| {
            let address = attester.address;
            let out = matches!(
                attester.standing,
                Standing::Leaving | Standing::Ejected | Standing::Retired
            );
            let has = |committee: &Option<Vec<Address>>| {
                committee.as_ref().is_some_and(|all| all.contains(&address))
            };
            let validating = attester.standing == Standing::Validating;
            Row {
                address,
                status: attester.standing,
                stake: attester.stake.to_string(),
                withdrawer: attester.withdrawer,
                pod: seen.holder(address).map(str::to_owned),
                pod_missing: (seen.holder(address))
                    .is_some_and(|pod| !seen.pods.iter().any(|one| one.name == pod)),
                committees: set
                    .draws
                    .iter()
                    .filter(|draw| has(&draw.committee))
                    .map(|draw| draw.epoch)
                    .collect(),
                drawn_from: validating.then(|| set.drawn_from(address)),
                out_from: out.then(|| set.out_from(address)),
                exit: attester.exit.as_ref().map(|exit| Exiting {
                    amount: exit.amount.to_string(),
                    exitable_at: exit.exitable_at,
                    recipient: exit.recipient,
                }),
                duties: duties.get(&address).copied(),
            }
        });
        Self {
            network: network.to_owned(),
            rollup: set.rollup,
            l1_time: set.l1_time,
            genesis: set.genesis,
            epoch: set.epoch(),
            epoch_seconds: set.epoch_seconds(),
            active: set.active,
            committee_size: set.committee_size,
            quorum: quorum(set.committee_size),
            exit_delay_seconds: set.exit_delay,
            attesters: rows.collect(),
            queue: set.queue.clone(),
        }
    }
}

fn render(list: &List, page: Page) -> String {
    let words = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let head = format!(
        "{} {} · committee {}, quorum {} · epoch {}",
        list.network.bold(),
        count(words(list.active), "validator"),
        list.committee_size,
        list.quorum,
        list.epoch
    );
    let mut lines = vec![page.wrap(&head, 2), String::new()];
    lines.push(attesters(list).render(page));
    let described = list
        .attesters
        .iter()
        .filter(|row| row.status == Standing::Validating)
        .count();
    let more = words(list.active).saturating_sub(described);
    if more > 0 {
        lines.push(format!("and {more} of others").dimmed().to_string());
    }
    let missing = list.attesters.iter().filter(|row| row.pod_missing);
    let mut missing: Vec<&str> = missing.filter_map(|row| row.pod.as_deref()).collect();
    missing.dedup();
    if !missing.is_empty() {
        let pods = format!("\npods that are not there: {}", missing.join(", "));
        lines.push(page.wrap(&pods, 2));
    }
    if !list.queue.is_empty() {
        let queue = count(list.queue.len(), "attester");
        lines.push(format!("\n{queue} in the entry queue"));
    }
    lines.join("\n")
}

fn attesters(list: &List) -> Table {
    let mut table = Table::new([
        Column::text("attester"),
        Column::text("status"),
        Column::number("stake").yields(3),
        Column::text("pod"),
        Column::prose("committee", 11).yields(1),
        Column::number("missed attestations").yields(2),
        Column::number("missed proposals").yields(4),
    ]);
    for row in &list.attesters {
        let duties = row.duties;
        table.row([
            Cell::new(row.address),
            status(row.status),
            Cell::new(stake(row)),
            pod(row),
            Cell::new(committee(list, row)),
            missed(duties.map(|seen| (seen.missed_attestations, seen.attestations))),
            missed(duties.map(|seen| (seen.missed_proposals, seen.proposals))),
        ]);
    }
    table
}

fn pod(row: &Row) -> Cell {
    match &row.pod {
        Some(pod) if row.pod_missing => bad(pod),
        Some(pod) => Cell::new(pod),
        None => Cell::new("not ours"),
    }
}

fn status(standing: Standing) -> Cell {
    match standing {
        Standing::Validating => good("validating"),
        Standing::Queued => doubtful("queued"),
        Standing::Absent => doubtful("not in the set"),
        Standing::Leaving => doubtful("leaving"),
        Standing::Retired => doubtful("retired"),
        Standing::Ejected => bad("ejected"),
    }
}

fn stake(row: &Row) -> String {
    match &row.exit {
        Some(exit) => whole(&exit.amount),
        None => whole(&row.stake),
    }
}

fn committee(list: &List, row: &Row) -> String {
    let after = |epoch: u64| {
        let begins = (epoch - list.epoch).saturating_mul(list.epoch_seconds);
        format!("{}", Seconds(Duration::from_secs(begins)))
    };
    let mut words = match row.committees.as_slice() {
        [] => Vec::new(),
        epochs => epochs
            .iter()
            .map(|epoch| match epoch - list.epoch {
                0 => "now".to_owned(),
                _ => format!("epoch {epoch}"),
            })
            .collect(),
    };
    if let Some(epoch) = row.drawn_from.filter(|epoch| *epoch > list.epoch) {
        words.push(format!("from epoch {epoch} on, within {}", after(epoch)));
    }
    if let Some(epoch) = row.out_from.filter(|epoch| *epoch > list.epoch) {
        words.push(format!("out from epoch {epoch} on"));
    }
    if let Some(exit) = row
        .exit
        .as_ref()
        .filter(|exit| exit.exitable_at > list.l1_time)
    {
        let left = Duration::from_secs(exit.exitable_at - list.l1_time);
        words.push(format!("stake locked for {}", Seconds(left)));
    }
    if words.is_empty() {
        words.push("-".to_owned());
    }
    words.join(", ")
}

fn missed(of: Option<(u64, u64)>) -> Cell {
    match of {
        None => Cell::new("-"),
        Some((0, all)) => Cell::new(format!("0 of {all}")),
        Some((missed, all)) => doubtful(format!("{missed} of {all}")),
    }
}

#[cfg(test)]
mod tests {
    use aznet_model::report::{Attester, Draw, Exit as Out, Held, ValidatorSet};
    use aznet_network::validators::{Group, ValidatorPod};

    use super::*;
    use crate::table::at_all_widths;

    fn who(n: u8) -> Address {
        Address::repeat_byte(n)
    }

    fn attester(n: u8, standing: Standing) -> Attester {
        let out = standing == Standing::Leaving;
        let [none, stake] = ["0", "100000000000000000000"].map(|text| text.parse().unwrap());
        Attester {
            address: who(n),
            standing,
            stake: if out { none } else { stake },
            withdrawer: Some(who(n)),
            exit: out.then(|| Out {
                amount: stake,
                exitable_at: 1_485 + 172_700,
                recipient: Some(who(n)),
            }),
        }
    }

    fn draw(epoch: u64, from: &[u8], committee: Option<&[u8]>) -> Draw {
        let all = |of: &[u8]| of.iter().copied().map(who).collect::<Vec<_>>();
        Draw {
            epoch,
            from: all(from),
            committee: committee.map(all),
        }
    }

    fn seen() -> Validators {
        let pod = |n: u8| ValidatorPod {
            name: format!("validator-{}", n - 1),
            ready: true,
            held: Some(Held {
                attesters: vec![who(n)],
                ..Held::default()
            }),
        };
        Validators {
            groups: vec![Group {
                workload: "validator".into(),
                replicas: 4,
            }],
            pods: [1, 2, 3, 4].map(pod).to_vec(),
            set: ValidatorSet {
                rollup: who(0xff),
                l1_time: 1_485,
                genesis: 1_000,
                slot_duration: 12,
                epoch_duration: 4,
                lag_in_epochs: 1,
                committee_size: 2,
                exit_delay: 172_800,
                active: 4,
                attesters: vec![
                    attester(1, Standing::Validating),
                    attester(2, Standing::Validating),
                    attester(3, Standing::Validating),
                    attester(9, Standing::Validating),
                    attester(4, Standing::Leaving),
                    attester(5, Standing::Validating),
                ],
                queue: vec![who(7)],
                draws: vec![
                    draw(10, &[1, 2, 4], Some(&[1, 4])),
                    draw(11, &[1, 2, 4], Some(&[1, 2])),
                ],
            },
            others: [("validator-4".to_owned(), vec![who(5)])].into(),
        }
    }

    fn duties() -> HashMap<Address, Duties> {
        let seen = Duties {
            attestations: 20,
            missed_attestations: 3,
            proposals: 4,
            missed_proposals: 0,
        };
        [(who(2), seen)].into()
    }

    #[test]
    fn a_set_is_shown_at_a_glance() {
        let list = List::of("small", &seen(), &duties());
        insta::assert_snapshot!(at_all_widths(|page| render(&list, page)));
    }

    #[test]
    fn the_document_has_the_fields_that_scripts_rely_on() {
        let list = List::of("small", &seen(), &duties());
        let text = serde_json::to_string_pretty(&list.attesters[1..5]).unwrap();
        insta::assert_snapshot!(text);
    }
}
