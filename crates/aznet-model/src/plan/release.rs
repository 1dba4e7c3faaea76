//! What a release of Aztec asks of a network, and what it lacks.

mod lacks;
mod variables;

use serde::Serialize;

use crate::release::{ALL, Proof, Release, UnknownRelease};
use crate::role::Role;
use crate::units::Bytes;
use crate::values::{Problem, Values};
use crate::workload::Workload;

/// The release that a network runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleasePlan {
    /// Its line.
    pub name: &'static Release,
    /// How far its profile can be trusted.
    pub proof: Proof,
}

/// What is planned where no release is known; the rules refuse it.
pub(super) fn of(values: &Values) -> &'static Release {
    values.release().unwrap_or(Release::oldest())
}

pub(super) fn plan(values: &Values) -> ReleasePlan {
    let release = of(values);
    ReleasePlan {
        name: release,
        proof: release.proof,
    }
}

pub(super) fn problems(values: &Values) -> Vec<Problem> {
    let release = match values.release() {
        Ok(release) => release,
        Err(unknown) => return vec![no_release("images.aztec.image", &unknown)],
    };
    let mut problems = mixtures(values, release);
    problems.extend(wallet(values, release));
    problems.extend(lacks::problems(values, release));
    problems.extend(exit_delay(values, release));
    problems.extend(blocks(values, release));
    problems.extend(signing_protection(values, release));
    problems
}

fn no_release(key: &str, unknown: &UnknownRelease) -> Problem {
    let (expected, remedy) = match unknown {
        UnknownRelease::Contradiction { tagged, .. } => (
            "one release: how Aztec is started and configured follows from it",
            format!("remove network.release, or set it to \"{tagged}\""),
        ),
        UnknownRelease::Version { nearest, .. } => (
            "a release with a profile: how Aztec is started and configured follows from it",
            format!(
                "set network.release to \"{nearest}\" to run it by that profile, at your own risk"
            ),
        ),
        UnknownRelease::Digest { .. } => (
            "a tag, such as aztec:4.1.2@sha256:…, or network.release: how Aztec is started and configured follows from it",
            "set network.release to the release that the image is of".to_owned(),
        ),
    };
    Problem::new(key, unknown, expected, remedy)
}

/// Another line has another rollup: its nodes can't follow this chain.
fn mixtures(values: &Values, release: &'static Release) -> Vec<Problem> {
    let of_one = |workload: Workload| {
        let key = format!("{}.image", workload.values_key());
        match values.release_of(&workload) {
            Err(unknown) => Some(no_release(&key, &unknown)),
            Ok(own) if own != release => Some(Problem::new(
                key,
                format!("an image of {own}"),
                format!(
                    "one of {release}, as images.aztec.image: nodes of other releases can't follow the chain"
                ),
                "change the image, or start a network of its own for the other release",
            )),
            Ok(_) => None,
        }
    };
    values
        .aztec_workloads()
        .into_iter()
        .filter_map(of_one)
        .collect()
}

fn wallet(values: &Values, release: &Release) -> Option<Problem> {
    let replicas = values.pxe.replicas;
    (replicas > 0 && !release.wallet).then(|| {
        Problem::new(
            "pxe.replicas",
            replicas,
            format!("0 with Aztec {release}: its wallet's interface differs, and there is no image of the wallet server for it"),
            "set it to 0; use Aztec.js of that release with AZTEC_NODE_URL",
        )
    })
}

fn exit_delay(values: &Values, release: &Release) -> Option<Problem> {
    let (delay, most) = (
        values.network.staking.exit_delay_seconds,
        release.max_exit_delay?,
    );
    (delay > most && values.deploys()).then(|| {
        Problem::new(
            "network.staking.exitDelaySeconds",
            delay,
            format!("no more than {most} (60 days), which is what the L1 contracts of Aztec {release} accept"),
            "lower it",
        )
    })
}

/// A sequencer refuses to start where a slot has no room for a block.
fn blocks(values: &Values, release: &Release) -> Vec<Problem> {
    let Some(blocks) = &release.blocks else {
        return Vec::new();
    };
    let budgets = blocks.budgets(values.l1.block_time);
    let slot = values.network.slot_duration;
    let longest = budgets.longest_block(slot);
    if longest < budgets.shortest_block {
        let least = budgets.least_slot();
        return vec![Problem::new(
            "network.slotDuration",
            format!("{slot} s"),
            format!(
                "room for a block: {least} s or more with Aztec {release} and L1 blocks of {} s",
                values.l1.block_time
            ),
            format!(
                "make it {}, or change l1.blockTime",
                least.next_multiple_of(values.l1.block_time.max(1))
            ),
        )];
    }
    let validators = values.aztec_workloads();
    let validators = validators
        .iter()
        .filter(|one| one.role() == Role::Validator);
    validators
        .filter_map(|workload| {
            let block = values.block_duration(workload).unwrap_or(blocks.default_duration);
            if budgets.blocks(slot, block) >= 1 && block >= budgets.shortest_block {
                return None;
            }
            Some(Problem::new(
                format!("{}.sequencer.blockDurationMs", workload.values_key()),
                block,
                format!("a block that a slot has room for: {} to {longest} with Aztec {release} and slots of {slot} s", budgets.shortest_block),
                format!("set it to {longest}, or raise network.slotDuration"),
            ))
        })
        .collect()
}

pub(super) fn notes(values: &Values) -> Vec<String> {
    let release = of(values);
    let mut notes = Vec::new();
    if Release::is_guessed(&values.images.aztec.image) && values.network.release.is_empty() {
        notes.push(format!(
            "The tag of images.aztec.image names no release: taken for {release}; network.release can say otherwise."
        ));
    }
    if release.proof == Proof::Read {
        notes.push(format!(
            "No network of Aztec {release} was ever run here: its profile was made from sources and documents \
             (docs/guide/releases.md)."
        ));
    }
    if release.needs_traces && !values.l1.is_anvil() {
        notes.push(format!(
            "Nodes of Aztec {release} start only if the L1 answers debug_traceTransaction or trace_transaction: if yours \
             does not, name a server that does in l1.traceUrls, or under that key in the Secret of l1.existingSecret."
        ));
    }
    if release.publishers_must_afford && !values.l1.is_anvil() {
        notes.push(format!(
            "A publisher of Aztec {release} that can't pay for the dearest transaction (its gas limit, and blobs, at the most \
             that l1.gas allows) neither proposes nor proves: keep more on it than it spends, or lower l1.gas.maxGwei and \
             maxBlobGwei."
        ));
    }
    notes.extend(memory(values, release));
    notes.extend(variables::notes(values, release));
    notes
}

/// What Aztec itself calls for where what was signed is kept by nobody.
const EPHEMERAL: &str = "VALIDATOR_ALLOW_EPHEMERAL_SIGNING_PROTECTION";

/// Validators of this release note on their volume what they signed, lest they sign twice.
fn signing_protection(values: &Values, release: &Release) -> Vec<Problem> {
    if !release.signing_protection {
        return Vec::new();
    }
    let forgets = |workload: &Workload| {
        let pod = values.pod_of(workload);
        let allowed = pod.env.unwrap_or_default();
        let allowed = allowed.get(EPHEMERAL);
        let allowed = allowed.is_some_and(|value| ["true", "1"].contains(&value.as_str()));
        let kept = pod
            .storage
            .is_some_and(|storage| storage.enabled == Some(true));
        workload.role() == Role::Validator && !kept && !allowed
    };
    let forgetful = values.aztec_workloads().into_iter().filter(forgets);
    forgetful
        .map(|workload| {
            let key = workload.values_key();
            Problem::new(
                format!("{key}.storage.enabled"),
                false,
                format!(
                    "true: validators of Aztec {release} note on their volume what they signed, and one whose pod is deleted \
                     may sign twice without it, which is an offence"
                ),
                format!("set it to true, or {key}.env.{EPHEMERAL} to \"true\" where nothing is at stake"),
            )
        })
        .collect()
}

/// The newest release of which nodes were measured.
fn measured() -> Option<(&'static Release, Bytes)> {
    let mut known = ALL.into_iter().rev();
    known.find_map(|release| Some((release, release.node_memory.measured?)))
}

/// What a node is expected to use; where none of the release was measured, what those of the newest did that were.
pub(super) fn node_memory(values: &Values) -> Bytes {
    let others = || measured().map(|(_, memory)| memory);
    let own = of(values).node_memory.measured;
    own.or_else(others).unwrap_or_default()
}

fn memory(values: &Values, release: &Release) -> Vec<String> {
    let others = release.node_memory.measured.is_none().then(measured);
    let unmeasured = others.flatten().map(|(newest, _)| {
        format!(
            "Memory of nodes is what those of Aztec {newest} use: none of {release} was measured."
        )
    });
    let recommended = release.node_memory.recommended;
    let tight = recommended.and_then(|recommended| tight(values, release, recommended));
    unmeasured.into_iter().chain(tight).collect()
}

/// Nodes of a public network that are killed before they use what Aztec recommends.
fn tight(values: &Values, release: &Release, recommended: Bytes) -> Option<String> {
    let below = |workload: Workload| {
        let limit = values.pod_of(&workload).resources?.limits?.memory?;
        let least = limit.parse::<Bytes>().ok()?;
        let below = workload.role().is_node() && least < recommended;
        below.then(|| format!("{} at {limit}", workload.name()))
    };
    let tight: Vec<String> = values
        .aztec_workloads()
        .into_iter()
        .filter_map(below)
        .collect();
    (!values.l1.is_anvil() && !tight.is_empty()).then(|| {
        format!(
            "Aztec recommends {} GB of memory for a node of {release} on a public network; the kernel kills {} \
             (resources.limits.memory).",
            recommended.0 / 1_000_000_000,
            tight.join(", ")
        )
    })
}
