//! `aznet plan [NETWORK]`.

use std::path::PathBuf;
use std::time::Duration;

use aznet_cluster::provider::Provider;
use aznet_kit::time::Seconds;
use aznet_model::keys::KeyRange;
use aznet_model::plan::{Capacity, InstanceType, Machines, Need, Plan, PodPlan};
use aznet_model::release::Proof;
use aznet_model::units::{Bytes, MilliCpu, count};
use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;

use crate::args::{ClusterArg, MachineArgs, NamespaceArg, OutputArgs, ValuesArgs};
use crate::bring_up::cluster;
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::exit::Exit;
use crate::page::Page;
use crate::planning::{Planned, capacity, planned, replaced};
use crate::running::{Proposal, Running, propose};
use crate::table::{Column, Table};
use crate::upgrading;

const EXAMPLES: &str = "\
Examples:
  aznet plan small
  aznet plan small --set validator.replicas=100
  aznet plan small -f mine.yaml -o json
  aznet plan spartan --instance-type r7a.2xlarge --instance-type r7a.4xlarge
  aznet plan small --set validator.replicas=6 --diff small

The last one shows what `up` would change on the running network `small`.

With --instance-type, this machine's own memory and CPU do not count: each pod goes to the first of the types on which it fits, after what EKS reserves.

Exit code 3 when the values describe no network that could run here or on those types, or when a running one can't be changed to them.

AZNET_MEMORY=24GiB and AZNET_CPU=4 override the memory and CPU that the plan assumes are available.";

/// Arguments of `aznet plan`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PlanArgs {
    /// The network and what differs from it.
    #[command(flatten)]
    pub values: ValuesArgs,
    /// Show what an upgrade to these values would do to this running network: which pods restart and why, what is lost, what
    /// is impossible.
    #[arg(long, value_name = "NAME")]
    pub diff: Option<String>,
    /// With --diff: drop the running network's values that this command line doesn't give, as `up --reset` does.
    #[arg(long, requires = "diff")]
    pub reset: bool,
    /// Say how many machines of this type of AWS the pods take, e.g. `r7a.4xlarge`. Repeatable: each pod goes to the first
    /// type on which it fits.
    #[arg(long = "instance-type", value_name = "TYPE", conflicts_with = "diff")]
    pub instance_types: Vec<InstanceType>,
    /// Where the running network is.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// In which namespace.
    #[command(flatten)]
    pub namespace: NamespaceArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
    /// What to count on.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// Shows the plan; exit code 3 when it does not fit.
pub async fn run(args: &PlanArgs, context: &Context) -> anyhow::Result<Exit> {
    // An existing cluster has its own machines, and may have Grafana.
    let elsewhere = matches!(args.cluster.cluster, Some(Provider::Context(_)));
    let implied = (!elsewhere).then(|| serde_json::Value::Object(cluster::implied_here()));
    let Planned { plan, loaded } = planned(context, &args.values, implied.as_ref())?;
    let types = &args.instance_types;
    let machines = (!types.is_empty()).then(|| plan.on_machines(&loaded.values, types));
    let difference = match &args.diff {
        Some(name) => Some(difference(name, args, context).await?),
        None => None,
    };
    // What runs already fits.
    let fit = if elsewhere || difference.is_some() || machines.is_some() {
        None
    } else {
        Some(Fit::look(args, context).await?)
    };
    let document = Document {
        network: args.values.network(),
        files: &args.values.files,
        plan: &plan,
        memory_available: fit.as_ref().map(|fit| fit.available.memory),
        cpu_available: fit.as_ref().map(|fit| fit.available.cpu),
        replaces: fit.as_ref().and_then(|fit| fit.replaces.clone()),
        machines,
        difference,
    };
    context.printer.result(&document, render)?;
    fit.map_or(Ok(()), |fit| plan.check_machine(&fit.available))?;
    document.machines.as_ref().map_or(Ok(()), Machines::check)?;
    let refused = document.difference.as_ref().is_some_and(is_refused);
    Ok(if refused {
        Exit::InvalidValues
    } else {
        Exit::Ok
    })
}

fn is_refused(difference: &Proposal) -> bool {
    let unfit = !difference.unfit_secrets.is_empty();
    unfit || difference.upgrade.refused().next().is_some()
}

/// What a new network may count on.
struct Fit {
    available: Capacity,
    /// The running network in whose place it would come.
    replaces: Option<String>,
}

impl Fit {
    async fn look(args: &PlanArgs, context: &Context) -> anyhow::Result<Self> {
        let cluster = args.cluster.cluster.clone().unwrap_or_default();
        let replaced = replaced(context, &cluster, args.values.network()).await;
        Ok(Self {
            available: capacity(context, &cluster, args.machine, replaced.as_ref()).await?,
            replaces: replaced.map(|info| info.name),
        })
    }
}

/// What `up` would change on the running network.
async fn difference(name: &str, args: &PlanArgs, context: &Context) -> anyhow::Result<Proposal> {
    let networks = clusters::networks(
        context,
        args.cluster.cluster.as_ref(),
        Meant::One(Some(name)),
    )
    .await?;
    let (choice, network) = networks.open(Some(name))?;
    let helm = cluster::attach(context, &choice).await?.helm;
    let running = Running::read(network).await?;
    let implied = cluster::implied_in(&running.values);
    let wish = running.wish(context, &args.values, args.reset, Some(&implied))?;
    propose(context, &helm, &running.network, &wish).await
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    network: &'a str,
    /// Laid over the network's values.
    #[serde(skip)]
    files: &'a [PathBuf],
    #[serde(flatten)]
    plan: &'a Plan,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_available: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_available: Option<MilliCpu>,
    /// The running network whose memory and processor time count as available.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    machines: Option<Machines>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    difference: Option<Proposal>,
}

/// Files of one's own are laid over those of a network, also where none was named.
fn files(files: &[PathBuf]) -> String {
    let files = files.iter().map(|file| format!(" + {}", file.display()));
    files.collect()
}

fn render(document: &Document<'_>, page: Page) -> String {
    let plan = document.plan;
    let demand = &plan.demand;
    let head = format!(
        "{}{}: {}, {}, {} at rest, {} disk",
        document.network.bold(),
        files(document.files),
        count(plan.pods.len(), "pod"),
        memory(document),
        demand.cpu,
        demand.disk
    );
    let replaces = document.replaces.as_deref().map(replaces);
    let notes = plan
        .notes
        .iter()
        .cloned()
        .chain(replaces)
        .chain(looks_first(document))
        .map(|note| page.wrap(&format!("{} {note}", "note:".yellow().bold()), 2));
    let mut sections = vec![
        page.wrap(&head, 2),
        roles(plan).render(page),
        facts(plan, page),
        document
            .machines
            .as_ref()
            .map_or_else(String::new, |machines| machines_in_words(machines, page)),
        notes.collect::<Vec<_>>().join("\n"),
    ];
    if let Some(difference) = &document.difference {
        // Of a network that runs, the change is what matters; the plan itself was seen before it was started.
        sections = vec![upgrading::render(difference, page)];
    }
    sections.retain(|section| !section.is_empty());
    sections.join("\n\n")
}

/// `machines   3 × r7a.2xlarge (7.71 cores, 58.3 GiB and 54 pods each): boot-node 1, validator 12`.
fn machines_in_words(machines: &Machines, page: Page) -> String {
    let groups = machines.groups.iter().map(|group| {
        let pods: Vec<String> = group
            .pods
            .iter()
            .map(|(name, n)| format!("{name} {n}"))
            .collect();
        let selector = group
            .node_selector
            .iter()
            .map(|(key, value)| format!(" {key}={value}"));
        format!(
            "{} × {}{} ({}, {} and {} each): {}",
            group.count,
            group.instance_type,
            selector.collect::<String>(),
            group.each.cpu,
            group.each.memory,
            count(
                usize::try_from(group.each.pods).unwrap_or(usize::MAX),
                "pod"
            ),
            pods.join(", ")
        )
    });
    let too_large = machines.too_large.iter().map(|one| {
        format!(
            "{} for {}: {} and {} asked for, {} and {} there",
            one.name, one.instance_type, one.asks.cpu, one.asks.memory, one.has.cpu, one.has.memory
        )
    });
    let groups = groups.map(|line| format!("{:FACT$}{line}", "machines"));
    let too_large = too_large.map(|line| format!("{:FACT$}{line}", "too large"));
    let lines: Vec<String> = groups.chain(too_large).collect();
    page.wrap(&lines.join("\n"), FACT)
}

/// What is needed of an L1 that costs money can be looked at before.
fn looks_first(document: &Document<'_>) -> Option<String> {
    let costs = document.plan.needs.iter().any(Need::is_of_l1);
    let name = document.network;
    costs.then(|| format!("`aznet preflight {name}` looks whether the L1 and the namespace have what is listed above."))
}

fn replaces(name: &str) -> String {
    format!(
        "network {name} is running and counts as replaced: what its pods have is available. `--diff {name}` shows what \
         `aznet up` would change."
    )
}

/// `7.9 GiB memory (of 20 GiB available)`; what pods request is said where it is more.
fn memory(document: &Document<'_>) -> String {
    let demand = &document.plan.demand;
    let requested = (demand.memory_requested > demand.memory)
        .then(|| format!("{} requested", demand.memory_requested));
    let available = document.memory_available;
    let available = available.map(|bytes| format!("{bytes} available"));
    match (requested, available) {
        (None, None) => format!("{} memory", demand.memory),
        (None, Some(available)) => format!("{} memory (of {available})", demand.memory),
        (Some(requested), None) => format!("{} memory used ({requested})", demand.memory),
        (Some(requested), Some(available)) => {
            format!("{} memory used ({requested}, {available})", demand.memory)
        }
    }
}

fn roles(plan: &Plan) -> Table {
    let mut table = Table::new([
        Column::text("role"),
        Column::number("pods"),
        Column::number("memory"),
        Column::number("cpu").yields(1),
        Column::number("disk").yields(2),
        Column::text("attesters").yields(3),
        Column::text("publishers").yields(4),
    ]);
    for role in &plan.roles {
        let each = role.each * u64::from(role.replicas);
        let pods: Vec<&PodPlan> = plan
            .pods
            .iter()
            .filter(|pod| pod.role == role.role && pod.group == role.group)
            .collect();
        table.row([
            role.name.clone(),
            role.replicas.to_string(),
            each.memory.to_string(),
            each.cpu.to_string(),
            if each.disk == Bytes(0) {
                "-".to_owned()
            } else {
                each.disk.to_string()
            },
            span(pods.iter().filter_map(|pod| pod.attesters)),
            span(pods.iter().filter_map(|pod| pod.publishers)),
        ]);
    }
    table
}

/// The pods of a role hold consecutive key indices.
fn span(ranges: impl Iterator<Item = KeyRange>) -> String {
    let whole = ranges.reduce(|all, next| KeyRange {
        start: all.start,
        count: all.count + next.count,
    });
    whole.map_or("-".to_owned(), |range| range.to_string())
}

/// The release, and whether anyone has seen it run.
fn release(plan: &Plan) -> String {
    let name = plan.release.name;
    match plan.release.proof {
        Proof::Run => format!("release    Aztec {name} (run: the tests start networks of it)"),
        Proof::Read => format!("release    Aztec {name} (read: made from its sources, never run)"),
    }
}

/// Something that must be there first.
fn need(need: &Need) -> String {
    let name = need.name();
    format!("{name:FACT$}{need}")
}

/// Columns before a fact: its name.
const FACT: usize = 11;

fn facts(plan: &Plan, page: Page) -> String {
    let committee = &plan.committee;
    let timing = &plan.timing;
    let seconds = |n: u64| Seconds(Duration::from_secs(n)).to_string();
    let mut lines = vec![
        release(plan),
        match committee.size {
            0 => "committee  none".to_owned(),
            size if committee.validators == 0 => format!(
                "committee  {size} of the network's validators, quorum {}; none of them here",
                committee.quorum
            ),
            size => format!(
                "committee  {size} of {}, quorum {}, {} may fail",
                count(
                    usize::try_from(committee.validators).unwrap_or(usize::MAX),
                    "validator"
                ),
                committee.quorum,
                committee.may_fail
            ),
        },
        format!(
            "timing     slot {}, epoch {}, an epoch's proof is due {} after its end",
            seconds(timing.slot_seconds),
            seconds(timing.epoch_seconds),
            seconds(timing.proof_window_seconds)
        ),
        match timing.warm_up_seconds {
            0 => "warm-up    none".to_owned(),
            wait => format!("warm-up    {} until the first committee", seconds(wait)),
        },
    ];
    if let Some(finality) = timing.finality_seconds {
        lines.push(format!("finality   {} after the proof", seconds(finality)));
    }
    lines.extend(plan.needs.iter().map(need));
    page.wrap(&lines.join("\n"), FACT)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use aznet_network::load::{Base, Request, load};

    use super::*;
    use crate::table::at_all_widths;

    /// The checkout's network of this name, on a machine of 16 GiB.
    fn shown(network: &str, sets: &[&str], types: &[&str], replaces: Option<&str>) -> String {
        let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let request = Request {
            source,
            base: Base::Network(network),
            implied: None,
            files: &[],
            sets: &sets,
        };
        let values = load(&request).unwrap().values;
        let plan = aznet_model::plan::plan(&values).unwrap();
        let types: Vec<InstanceType> = types.iter().map(|name| name.parse().unwrap()).collect();
        let document = Document {
            files: &[],
            network,
            plan: &plan,
            memory_available: Some(Bytes(16 << 30)),
            cpu_available: None,
            replaces: replaces.map(str::to_owned),
            machines: (!types.is_empty()).then(|| plan.on_machines(&values, &types)),
            difference: None,
        };
        at_all_widths(|page| render(&document, page))
    }

    #[test]
    fn a_plan_is_shown_at_a_glance() {
        insta::assert_snapshot!(shown("small", &[], &[], None));
    }

    /// B5: the README's example was refused while the network itself ran.
    #[test]
    fn b05_a_running_network_of_the_same_name_counts_as_replaced_and_the_plan_says_so() {
        let shown = shown("small", &["validator.replicas=6"], &[], Some("small"));
        let note = "note: network small is running and counts as replaced";
        assert!(
            shown.contains(note) && shown.contains("`--diff small`"),
            "{shown}"
        );
    }

    #[test]
    fn a_plan_names_machines_and_what_fits_on_which() {
        let types = ["r7a.2xlarge", "r7a.4xlarge", "r7a.8xlarge"];
        insta::assert_snapshot!(shown("spartan", &[], &types, None));
    }

    #[test]
    fn a_plan_for_a_real_l1_says_amounts_in_tokens_and_both_totals_of_memory() {
        insta::assert_snapshot!(shown("spartan", &[], &[], None));
    }
}
