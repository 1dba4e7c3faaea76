//! `aznet validators add [NAME]`.

use std::time::Duration;

use aznet_kit::time::Seconds;
use aznet_kit::wait::Look;
use aznet_model::pod::PodName;
use aznet_model::report::Standing;
use aznet_network::validators::{Addition, Validators, addition};
use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;

use super::work::{Address, Work, workload};
use crate::args::{ClusterArg, NamespaceArg, OutputArgs, number_of_validators};
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::exit::Exit;
use aznet_model::units::count;

const EXAMPLES: &str = "\
Examples:
  aznet validators add                     one more pod, with the next keys
  aznet validators add small --count 3
  aznet validators add small --group slow  one more of validatorGroups.slow
  aznet validators add --no-wait           return when they are in the set

On the chart's own L1 the pods stake and register by themselves. On another L1 the holder of the stake registers their attesters, and the command waits for that. It can be interrupted: the pods continue.

Exit code 3 when the keys that come next have left the set before: the L1 never accepts an address again.";

/// Arguments of `aznet validators add`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AddArgs {
    /// Name of the network (default: the only one there is).
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// How many pods, each with all of its keys.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = number_of_validators)]
    pub count: u32,
    /// Which of validatorGroups (default: the chart's `validator`).
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Skip retired keys with idle pods, and add pods with fresh keys.
    #[arg(long)]
    pub past_retired: bool,
    /// Do not wait for the first epoch whose committee may include them.
    #[arg(long)]
    pub no_wait: bool,
    /// Where the network runs.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// In which namespace.
    #[command(flatten)]
    pub namespace: NamespaceArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What was added.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Added {
    network: String,
    pods: Vec<String>,
    idle: Vec<String>,
    attesters: Vec<Address>,
    /// The first epoch whose committee may have them.
    epoch: u64,
    /// Seconds until it begins; 0: it is under way.
    seconds: u64,
    /// Those of them that the epoch's committee has; `None`: it isn't drawn yet.
    committee: Option<Vec<Address>>,
    active: u64,
}

/// Adds validators.
pub(super) async fn run(args: &AddArgs, context: &Context) -> anyhow::Result<Exit> {
    let networks = clusters::networks(
        context,
        args.cluster.cluster.as_ref(),
        Meant::One(args.name.as_deref()),
    )
    .await?;
    let work = Work::open(context, &networks, args.name.as_deref())?;
    let workload = workload(args.group.as_deref());
    let seen = work.look(&[]).await?;
    // Once more with the pods that would come: only a running pod can tell whom they sign for.
    let seen = work.look(&next(&seen, &workload, args.count)).await?;
    let wish = addition(&seen, &workload, args.count, args.past_retired)?;
    let name = work.network.name().to_owned();
    context.interrupt.leaves(
        "the pods that were added go on and register by themselves",
        format!("`aznet validators list {name}` shows how far they are"),
    );
    Box::pin(work.scale([(&wish.workload, &wish.replicas)])).await?;
    let (seen, attesters) = entered(&work, &wish).await?;
    let epoch = attesters.iter().map(|one| seen.set.drawn_from(*one)).max();
    let epoch = epoch.unwrap_or_else(|| seen.set.epoch());
    announce(context, &seen, epoch);
    let seen = if args.no_wait {
        seen
    } else {
        work.epoch(&seen.set, epoch).await?
    };
    let added = added(&name, wish, attesters, epoch, &seen);
    context
        .printer
        .result(&added, |added, page| page.wrap(&render(added), 2))?;
    Ok(Exit::Ok)
}

/// Pods that may come next, with some to spare for retired ones.
fn next(seen: &Validators, workload: &str, wanted: u32) -> Vec<String> {
    const SPARE: u32 = 8;
    let group = seen.groups.iter().find(|group| group.workload == workload);
    let replicas = group.map_or(0, |group| group.replicas);
    (replicas..replicas.saturating_add(wanted + SPARE))
        .map(|ordinal| PodName::new(workload, ordinal).to_string())
        .collect()
}

/// Waits until all attesters of the new pods are in the set.
async fn entered(work: &Work<'_>, wish: &Addition) -> anyhow::Result<(Validators, Vec<Address>)> {
    let step = work
        .steps
        .begin("entry", "waiting for the new pods to register");
    let what = format!("{} in the validator set", wish.pods.join(", "));
    // The queue may let in one a epoch.
    let patience = 3_600;
    let found = work.until(&step, what, patience, |seen| {
        let mut attesters = Vec::new();
        for pod in &wish.pods {
            match seen.attesters_of(pod) {
                Some(own) => attesters.extend_from_slice(own),
                None => return Look::Pending(format!("{pod} doesn't say yet whom it signs for")),
            }
        }
        let standing = |one: &Address| seen.attester(*one).map(|known| known.standing);
        let missing = attesters
            .iter()
            .find(|one| standing(one) != Some(Standing::Validating));
        match missing {
            None => Look::Done((seen.clone(), attesters)),
            Some(one) => {
                let place = seen.set.queue.iter().position(|queued| queued == one);
                Look::Pending(place.map_or_else(
                    || format!("{one} isn't registered"),
                    |place| format!("{one} is number {} in the entry queue", place + 1),
                ))
            }
        }
    });
    let found = found.await?;
    let words = format!("{} in the set", count(found.1.len(), "attester"));
    work.steps.end(&step, words);
    Ok(found)
}

fn announce(context: &Context, seen: &Validators, epoch: u64) {
    let left = seen.set.start_of(epoch).saturating_sub(seen.set.l1_time);
    if left > 0 {
        context.printer.note(format_args!(
            "committees may have them from epoch {epoch} on, which begins in {}",
            Seconds(Duration::from_secs(left))
        ));
    }
}

fn added(
    network: &str,
    wish: Addition,
    attesters: Vec<Address>,
    epoch: u64,
    seen: &Validators,
) -> Added {
    let draw = seen.set.draws.iter().find(|draw| draw.epoch == epoch);
    let committee = draw.and_then(|draw| draw.committee.as_ref());
    Added {
        network: network.to_owned(),
        pods: wish.pods,
        idle: wish.idle,
        epoch,
        seconds: seen.set.start_of(epoch).saturating_sub(seen.set.l1_time),
        committee: committee.map(|members| {
            let ours = attesters.iter().filter(|one| members.contains(one));
            ours.copied().collect()
        }),
        attesters,
        active: seen.set.active,
    }
}

fn render(added: &Added) -> String {
    let who = count(added.attesters.len(), "validator");
    let mut lines = vec![format!(
        "{} {who} added: {}; there are {} now",
        "✓".green(),
        added.pods.join(", "),
        added.active
    )];
    let epoch = added.epoch;
    lines.push(match &added.committee {
        None => format!("they may serve in committees from epoch {epoch} on"),
        Some(members) => format!(
            "epoch {epoch} is the first that can include them; {} of them {} in its committee",
            members.len(),
            if members.len() == 1 { "is" } else { "are" }
        ),
    });
    if !added.idle.is_empty() {
        lines.push(format!(
            "{} are idle: their attesters left the set before, and the L1 never accepts an address again",
            added.idle.join(", ")
        ));
    }
    let network = &added.network;
    lines.push(format!(
        "`aznet up {network}` keeps the number; `--reset` and plain Helm with other values undo it"
    ));
    lines.join("\n")
}
