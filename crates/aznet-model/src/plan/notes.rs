//! Consequences of values that work, worth knowing beforehand.

use super::{Committee, committee, keys, p2p, release, rollout, slashing, timing};
use crate::role::Role;
use crate::units::count;
use crate::values::Values;
use std::time::Duration;

/// Anvil's and the chart's default mnemonic, known to everybody.
const PUBLIC_MNEMONIC: &str = "test test test test test test test test test test test junk";

pub(super) fn of(values: &Values) -> Vec<String> {
    let mut notes = release::notes(values);
    if values.network.registry_address.is_empty() {
        notes.push(absence(&committee::of(values)));
        notes.extend(slashing::note(values));
        notes.extend(seed(values));
    }
    notes.extend(room(values));
    notes.extend(rollout::notes(values));
    notes.extend(p2p::notes(values));
    notes.extend(prover(values));
    notes.extend(warm_up(values));
    notes.extend(volumes(values));
    notes.extend(joining(values));
    notes.extend(proofs(values));
    notes.extend(chaos(values));
    if !values.l1.is_anvil()
        && values.keys.existing_secret.is_empty()
        && values.keys.mnemonic == PUBLIC_MNEMONIC
    {
        notes.push("keys.mnemonic is the public test mnemonic and the L1 is not anvil: anyone can take what its keys hold.".into());
    }
    notes
}

fn absence(committee: &Committee) -> String {
    let Committee {
        size,
        quorum,
        may_fail,
        pods_may_fail,
        keys_per_pod,
        ..
    } = *committee;
    if size == 0 {
        return "There is no committee: anybody may propose, and no checkpoint is attested."
            .to_owned();
    }
    if may_fail == 0 {
        return format!(
            "A committee of {size} needs all {quorum} attestations: the chain stops while a single validator is offline."
        );
    }
    if pods_may_fail == 0 {
        return format!(
            "A committee of {size} needs {quorum} attestations, but a pod holds {keys_per_pod} keys: \
             the chain may stop while a single validator pod is offline."
        );
    }
    format!(
        "A committee of {size} needs {quorum} attestations: {} may be offline.",
        counted(pods_may_fail, "validator pod")
    )
}

/// The first checkpoint of an epoch writes down the L1's random value, from which the seed of the epoch so many later comes. A node
/// asks once for a committee, when its epoch begins: that of the next one may not be written yet.
fn seed(values: &Values) -> Option<String> {
    let (size, lag) = (
        values.network.committee_size,
        values.network.lag_in_epochs_for_randao,
    );
    (size > 0 && lag < 2).then(|| {
        format!(
            "network.lagInEpochsForRandao is {lag}: nodes may draw different committees for an epoch if the one before had its first \
             checkpoint at its very end. Then no more checkpoints come."
        )
    })
}

fn counted(n: impl TryInto<usize>, noun: &str) -> String {
    count(n.try_into().unwrap_or(usize::MAX), noun)
}

/// Where groups of validators would run into each other's keys.
fn room(values: &Values) -> Vec<String> {
    let groups = values.validators();
    let bounded = groups.iter().filter_map(|group| {
        let room = keys::room(values, &group.workload)?;
        let near = groups.len() > 1 && room.before.starts_with(Role::Validator.name());
        near.then(|| {
            format!(
                "{} may have {} at most: more would have keys of {}.",
                group.workload,
                counted(room.replicas, "pod"),
                room.before
            )
        })
    });
    bounded.collect()
}

fn prover(values: &Values) -> Vec<String> {
    let mut notes = Vec::new();
    if values.prover_node.replicas == 0 && values.network.registry_address.is_empty() {
        notes.push(format!(
            "There is no prover node: no epoch is ever proven, and each is pruned {} after its end.",
            counted(values.network.proof_submission_epochs, "epoch")
        ));
    }
    if values.network.real_verifier && !values.real_proofs() {
        notes.push(format!(
            "The L1 has the real verifier, and proofs are fake: no epoch is ever proven, and each is pruned {} after its end.",
            counted(values.network.proof_submission_epochs, "epoch")
        ));
    }
    if values.proves_by_itself() {
        notes.push(
            "There is no prover broker: each prover node proves by itself, in its own process."
                .to_owned(),
        );
    }
    if values.real_proofs() {
        notes.push(
            "Real proofs: count on 16 cores and 128 GiB for each process that proves.".to_owned(),
        );
    }
    notes
}

fn warm_up(values: &Values) -> Option<String> {
    let timing = timing::of(values);
    if timing.warm_up_seconds == 0 {
        return None;
    }
    let ignored = if values.network.skip_warm_up {
        " (network.skipWarmUp needs anvil)"
    } else {
        ""
    };
    let wait = humantime::format_duration(Duration::from_secs(timing.warm_up_seconds));
    Some(format!(
        "The first committee is drawn {wait} after deployment{ignored}: no block before that."
    ))
}

fn volumes(values: &Values) -> Vec<String> {
    let forgets = |role: &Role| {
        values.replicas(*role) > 0
            && values
                .pod(*role)
                .storage
                .is_some_and(|storage| storage.enabled != Some(true))
    };
    let mut notes = Vec::new();
    if forgets(&Role::Anvil) {
        notes.push(
            "Anvil has no volume: if its pod is deleted, the chain and the network are lost."
                .to_owned(),
        );
    }
    if forgets(&Role::BlobStore) {
        notes.push("The blob store has no volume: if its pod is deleted, new nodes can't sync what came before.".to_owned());
    }
    notes
}

fn joining(values: &Values) -> Vec<String> {
    let (network, l1) = (&values.network, &values.l1);
    let mut notes = Vec::new();
    if !network.registry_address.is_empty() {
        notes.push(format!(
            "Joins the network of registry {}: nothing is deployed, and its timing must be the one given here.",
            network.registry_address
        ));
        if values.boot_node.replicas == 0 {
            let known = network.bootstrap_nodes.len();
            notes.push(format!(
                "There is no boot node: peers are found by the {} of network.bootstrapNodes. \
                 A new pod finds none while all of those nodes are offline.",
                count(known, "ENR")
            ));
        }
    }
    if !l1.existing_secret.is_empty() {
        notes.push(format!(
            "The L1's URLs and API keys come from Secret {}; pods read it when they start, so a change of it needs a \
             restart.",
            l1.existing_secret
        ));
    }
    notes
}

/// A switch said by role wins over the network's.
fn proofs(values: &Values) -> Option<String> {
    let (key, fake) = values.fake_proofs().next()?;
    (fake == values.network.real_proofs).then(|| {
        let kind = if fake { "fake" } else { "real" };
        format!("{key} is {fake}: all proofs are {kind}, whatever network.realProofs says.")
    })
}

fn chaos(values: &Values) -> Vec<String> {
    let scenarios = &values.chaos.scenarios;
    if scenarios.is_empty() {
        return Vec::new();
    }
    let faults = count(scenarios.len(), "fault");
    let mut notes = vec![format!(
        "This chart ignores chaos.scenarios ({faults}): the chart aztec-chaos applies them."
    )];
    let unknown = scenarios
        .iter()
        .filter(|one| one.selector.match_labels.contains_key("app"));
    notes.extend(unknown.map(|one| {
        format!(
            "chaos.scenarios {}: no pod has the label `app`; select roles by `app.kubernetes.io/component`.",
            one.name
        )
    }));
    notes
}
