//! `aznet validators remove [NAME] [POD|ADDRESS]…`.

use std::time::Duration;

use aznet_kit::time::Seconds;
use aznet_kit::wait::Look;
use aznet_model::report::Outcome;
use aznet_network::validators::{self, Goal, Removal, Validators, removal};
use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;

use super::work::{Address, Work, is_out, workload};
use crate::args::{ClusterArg, NamespaceArg, OutputArgs, number_of_validators};
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::question;
use aznet_model::units::count;

const EXAMPLES: &str = "\
Examples:
  aznet validators remove                         the last pod of `validator`
  aznet validators remove small --count 2 --yes   the last two, unasked
  aznet validators remove small validator-4       this one, if it is the last
  aznet validators remove validator-1 --keep-pod  its pod keeps running
  aznet validators remove 0x70997970C51812dc3A010C7d01b50e0d17dc79C8

The withdrawer must sign: the pod does so if it has the key; otherwise the command prints the call to make and waits for it. Pods are removed when no committee includes their attesters any more. Their stake is locked for the exit delay, and the L1 never accepts the same address again. If interrupted, run the same command to continue.

What leaves the set leaves it for good: this needs --yes or an answer on the terminal. Exit code 3 without either, and when fewer validators would be left than a committee has members, which would halt the chain for good.";

/// Arguments of `aznet validators remove`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RemoveArgs {
    /// Name of the network (default: the only one there is), then pods or attesters.
    #[arg(value_name = "NAME] [POD|ADDRESS")]
    pub words: Vec<String>,
    /// Number of pods to remove, from the last one (default: 1 where no pod or attester is named).
    #[arg(long, value_name = "N", value_parser = number_of_validators)]
    pub count: Option<u32>,
    /// Which of validatorGroups they are taken from (default: the chart's `validator`).
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Keep the pods running after their attesters have left the set.
    #[arg(long)]
    pub keep_pod: bool,
    /// Don't ask before attesters leave the set, which can't be undone.
    #[arg(long, short = 'y')]
    pub yes: bool,
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

/// What was removed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Removed {
    network: String,
    attesters: Vec<Address>,
    /// Pods that are gone.
    pods: Vec<String>,
    /// Pods that run on.
    kept: Vec<String>,
    /// The first epoch whose committee can't have them.
    epoch: u64,
    /// How long their stake is locked, from the withdrawal on.
    exit_delay_seconds: u64,
    active: u64,
}

/// Removes validators.
pub(super) async fn run(args: &RemoveArgs, context: &Context) -> anyhow::Result<Exit> {
    let networks = clusters::networks(
        context,
        args.cluster.cluster.as_ref(),
        Meant::One(args.words.first().map(String::as_str)),
    )
    .await?;
    let (name, targets) = match args.words.split_first() {
        Some((first, rest)) if networks.has(first) => (Some(first.as_str()), rest),
        _ => (None, args.words.as_slice()),
    };
    let goal = goal(args, targets)?;
    let work = Work::open(context, &networks, name)?;
    let named = match &goal {
        Goal::Pods(pods) => pods.clone(),
        _ => Vec::new(),
    };
    let seen = work.look(&named).await?;
    let wish = removal(&seen, &goal, args.keep_pod)?;
    agreed(&work, args, &wish).await?;
    leaves(&work, args, &wish);
    let seen = left(&work, &wish, seen).await?;
    let all = concerned(&seen, &wish);
    let epoch = all.iter().map(|one| seen.set.out_from(*one)).max();
    let epoch = epoch.unwrap_or_default().max(seen.set.epoch());
    if !wish.replicas.is_empty() {
        out(&work, &seen, epoch).await?;
        Box::pin(work.scale(&wish.replicas)).await?;
    }
    let removed = Removed {
        network: work.network.name().to_owned(),
        attesters: all,
        pods: gone(&seen, &wish),
        kept: wish.kept,
        epoch,
        exit_delay_seconds: seen.set.exit_delay,
        active: seen.set.active,
    };
    context
        .printer
        .result(&removed, |removed, page| page.wrap(&render(removed), 2))?;
    Ok(Exit::Ok)
}

fn goal(args: &RemoveArgs, targets: &[String]) -> anyhow::Result<Goal> {
    if targets.is_empty() {
        return Ok(Goal::Count {
            workload: workload(args.group.as_deref()),
            count: args.count.unwrap_or(1),
        });
    }
    let usage = |words: String| anyhow::Error::from(Failure::BadTarget(words));
    if args.count.is_some() || args.group.is_some() {
        return Err(usage(
            "--count and --group choose pods by themselves".to_owned(),
        ));
    }
    let addresses = targets.iter().filter(|word| word.starts_with("0x"));
    let addresses: Vec<Address> = addresses
        .map(|word| {
            word.parse()
                .map_err(|_| usage(format!("`{word}` is no L1 address")))
        })
        .collect::<Result<_, _>>()?;
    if addresses.is_empty() {
        let stranger = targets.iter().find(|word| !word.starts_with("validator"));
        return match stranger {
            Some(word) => Err(usage(format!(
                "`{word}` is neither a running network, nor a validator pod, nor an L1 address"
            ))),
            None => Ok(Goal::Pods(targets.to_vec())),
        };
    }
    if addresses.len() < targets.len() {
        return Err(usage("name pods or attesters, not both".to_owned()));
    }
    Ok(Goal::Attesters(addresses))
}

/// An address that left the set is never accepted again, so attesters leave only when somebody says so.
async fn agreed(work: &Work<'_>, args: &RemoveArgs, wish: &Removal) -> anyhow::Result<()> {
    if wish.leaving.is_empty() || args.yes {
        return Ok(());
    }
    let pods: Vec<&str> = wish.leaving.keys().map(String::as_str).collect();
    let leaving = format!(
        "{} of {} would leave the validator set of {} for good",
        count(wish.attesters().len(), "attester"),
        pods.join(", "),
        work.network.name()
    );
    let question = format!("{leaving}: this can't be undone. Continue?");
    if question::can_ask() && question::ask(&question, work.context).await? {
        return Ok(());
    }
    Err(Failure::LeaveForGood(leaving).into())
}

/// Notes what an interruption leaves: the same pods by name, for a count would mean others then.
fn leaves(work: &Work<'_>, args: &RemoveArgs, wish: &Removal) {
    let pods: Vec<&str> = wish.leaving.keys().map(String::as_str).collect();
    let targets = if args.words.len() > 1 || pods.is_empty() {
        args.words.join(" ")
    } else {
        format!("{} {}", work.network.name(), pods.join(" "))
    };
    let keep = if args.keep_pod { " --keep-pod" } else { "" };
    work.context.interrupt.leaves(
        "attesters that have left the set stay out, pods that committees may still have run on",
        format!("run `aznet validators remove {targets}{keep}` to continue"),
    );
}

/// Has the attesters leave, and waits for those that only their withdrawer can take out.
async fn left(work: &Work<'_>, wish: &Removal, seen: Validators) -> anyhow::Result<Validators> {
    let leaving = wish.attesters();
    if leaving.is_empty() {
        return Ok(seen);
    }
    let step = work.steps.begin("exit", "asking the withdrawers");
    for (pod, attesters) in &wish.leaving {
        step.say(&format!(
            "{pod} signs for {}",
            count(attesters.len(), "attester")
        ));
        let left = validators::leave(&work.network, pod, attesters).await;
        for one in left.inspect_err(|_| step.abandon())? {
            if let Outcome::NeedsWithdrawer { withdrawer } = one.outcome {
                ask(work, &seen, one.attester, withdrawer);
            }
        }
    }
    let what = format!(
        "{} out of the validator set",
        count(leaving.len(), "attester")
    );
    let seen = work.until(&step, what, 0, |seen| {
        let still: Vec<&Address> = leaving.iter().filter(|one| !is_out(seen, **one)).collect();
        match still.first() {
            None => Look::Done(seen.clone()),
            Some(one) => Look::Pending(format!("{one} is in the set")),
        }
    });
    let seen = seen.await?;
    let words = format!(
        "{} left the set, their stake is locked for {}",
        count(leaving.len(), "attester"),
        Seconds(Duration::from_secs(seen.set.exit_delay))
    );
    work.steps.end(&step, words);
    Ok(seen)
}

fn ask(work: &Work<'_>, seen: &Validators, attester: Address, withdrawer: Address) {
    let rollup = seen.set.rollup;
    work.context.printer.note(format_args!(
        "only {withdrawer} can take {attester} out of the set, and no pod has its key. Call, with that key:\n  \
         cast send {rollup} \"initiateWithdraw(address,address)\" {attester} <who gets the stake>"
    ));
}

/// Everyone who leaves, or had left before and whose pod goes now.
fn concerned(seen: &Validators, wish: &Removal) -> Vec<Address> {
    let mut all = wish.attesters();
    for pod in gone(seen, wish) {
        all.extend_from_slice(seen.attesters_of(&pod).unwrap_or_default());
    }
    all.sort();
    all.dedup();
    all
}

/// Pods that are not to be any more.
fn gone(seen: &Validators, wish: &Removal) -> Vec<String> {
    let shrinking = seen.groups.iter().filter_map(|group| {
        let replicas = wish.replicas.get(&group.workload)?;
        Some(group.pods().skip(usize::try_from(*replicas).ok()?))
    });
    shrinking.flatten().collect()
}

/// Waits until no committee has them.
async fn out(work: &Work<'_>, seen: &Validators, epoch: u64) -> anyhow::Result<()> {
    let left = seen.set.start_of(epoch).saturating_sub(seen.set.l1_time);
    if epoch <= seen.set.epoch() {
        return Ok(());
    }
    work.context.printer.note(format_args!(
        "they may serve in committees until epoch {epoch} (in {}); their pods keep running until then",
        Seconds(Duration::from_secs(left))
    ));
    work.epoch(&seen.set, epoch).await.map(drop)
}

fn render(removed: &Removed) -> String {
    if removed.attesters.is_empty() && removed.pods.is_empty() {
        return "nothing to remove: they are gone already".to_owned();
    }
    let mut lines = vec![format!(
        "{} {} removed, in no committee from epoch {} on; there are {} now",
        "✓".green(),
        count(removed.attesters.len(), "validator"),
        removed.epoch,
        removed.active
    )];
    if !removed.pods.is_empty() {
        lines.push(format!("pods gone: {}", removed.pods.join(", ")));
    }
    if !removed.kept.is_empty() {
        lines.push(format!(
            "pods that keep running: {}",
            removed.kept.join(", ")
        ));
    }
    let locked = Seconds(Duration::from_secs(removed.exit_delay_seconds));
    lines.push(format!(
        "their stake is locked for {locked}, and the L1 never accepts their addresses again"
    ));
    lines.join("\n")
}
