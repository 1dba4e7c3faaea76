//! What a release of Aztec asks of a network, and what it lacks.

use serde::Serialize;

use crate::release::{Proof, Release, UnknownRelease, VariableChange};
use crate::role::Role;
use crate::slashing::{Offence, SlasherFlavor};
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
    problems.extend(slashing(values, release));
    problems.extend(offences(values, release));
    problems.extend(exit_delay(values, release));
    problems.extend(blocks(values, release));
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

/// The workloads that run Aztec, with what their images are.
fn aztec_workloads(values: &Values) -> Vec<Workload> {
    let present = values
        .workloads()
        .into_iter()
        .filter(|workload| workload.role().runs_aztec() && values.replicas_of(workload) > 0);
    present.collect()
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
    aztec_workloads(values)
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

/// The empire slasher went with 5.0.
fn slashing(values: &Values, release: &Release) -> Option<Problem> {
    let flavor = values.network.slashing.flavor;
    let renamed = release.environment.change("AZTEC_SLASHER_FLAVOR").is_some();
    (flavor == SlasherFlavor::Empire && renamed && deploys(values)).then(|| {
        Problem::new(
            "network.slashing.flavor",
            flavor,
            format!("tally or none with Aztec {release}: only 4.1 has the empire slasher"),
            "set it to tally",
        )
    })
}

fn offences(values: &Values, release: &Release) -> Vec<Problem> {
    let penalties = &values.network.slashing.penalties;
    let unknown = Offence::LATER.into_iter().filter(|(offence, _)| {
        let known = release.offences.iter().any(|(known, _)| known == offence);
        !known && penalties.of(*offence).is_some()
    });
    unknown
        .map(|(offence, key)| {
            Problem::new(
                format!("network.slashing.penalties.{key}"),
                "given",
                format!(
                    "nothing with Aztec {release}: only {} know this offence",
                    Release::with_offence(offence).join(" and ")
                ),
                "remove it",
            )
        })
        .collect()
}

fn exit_delay(values: &Values, release: &Release) -> Option<Problem> {
    let (delay, most) = (
        values.network.staking.exit_delay_seconds,
        release.max_exit_delay?,
    );
    (delay > most && deploys(values)).then(|| {
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
    let validators = aztec_workloads(values);
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

fn deploys(values: &Values) -> bool {
    values.network.registry_address.is_empty()
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
    if release.needs_traces && !values.l1.anvil.enabled {
        notes.push(format!(
            "Nodes of Aztec {release} start only if the L1 answers debug_traceTransaction or trace_transaction: if yours \
             does not, name a server that does in l1.traceUrls, or under that key in the Secret of l1.existingSecret."
        ));
    }
    if release.publishers_must_afford && !values.l1.anvil.enabled {
        notes.push(format!(
            "A publisher of Aztec {release} that can't pay for the dearest transaction (its gas limit, and blobs, at the most \
             that l1.gas allows) neither proposes nor proves: keep more on it than it spends, or lower l1.gas.maxGwei and \
             maxBlobGwei."
        ));
    }
    notes.extend(signing_protection(values, release));
    notes.extend(variables(values, release));
    notes
}

fn signing_protection(values: &Values, release: &Release) -> Option<String> {
    let forgets = |workload: &Workload| {
        let storage = values.pod_of(workload).storage;
        workload.role() == Role::Validator
            && storage.is_some_and(|storage| storage.enabled != Some(true))
    };
    let forgetful = aztec_workloads(values).iter().any(forgets);
    (release.signing_protection && forgetful).then(|| {
        format!(
            "Validators have no volume, and those of Aztec {release} note there what they signed: one whose pod is \
             deleted may sign twice, which is an offence."
        )
    })
}

/// Variables that someone sets and this release does not read under that name. They are set all the same.
fn variables(values: &Values, release: &Release) -> Vec<String> {
    let present = aztec_workloads(values);
    let given = present.iter().flat_map(|workload| {
        let env = values.pod_of(workload).env.unwrap_or_default();
        let key = workload.values_key();
        env.into_keys()
            .map(move |name| (format!("{key}.env.{name}"), name))
    });
    let mut notes: Vec<String> = given
        .filter_map(|(key, name)| match release.environment.change(&name)? {
            VariableChange::Dropped => Some(format!(
                "{key}: nothing in Aztec {release} reads this variable."
            )),
            VariableChange::Renamed(to) => {
                Some(format!("{key}: Aztec {release} reads {to} instead."))
            }
        })
        .collect();
    notes.sort();
    notes.dedup();
    notes
}
