//! Consequences of values that work, worth knowing beforehand.

use super::{Committee, committee, keys, p2p, rollout, slashing, timing};
use crate::role::Role;
use crate::values::Values;

/// Anvil's and the chart's default mnemonic, known to everybody.
const PUBLIC_MNEMONIC: &str = "test test test test test test test test test test test junk";

pub(super) fn of(values: &Values) -> Vec<String> {
    let mut notes = Vec::new();
    if values.network.registry_address.is_empty() {
        notes.push(absence(&committee::of(values)));
        notes.extend(slashing::note(values));
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
    if !values.l1.anvil.enabled
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
            "A committee of {size} needs all {quorum}: the chain stops while a single validator is away."
        );
    }
    if pods_may_fail == 0 {
        return format!(
            "A committee of {size} needs {quorum}, but a pod holds {keys_per_pod} keys: \
             the chain may stop while a single validator pod is away."
        );
    }
    format!(
        "A committee of {size} needs {quorum}: {pods_may_fail} validator pod(s) may be away at a time."
    )
}

/// Where groups of validators would run into each other's keys.
fn room(values: &Values) -> Vec<String> {
    let groups = values.validators();
    let bounded = groups.iter().filter_map(|group| {
        let room = keys::room(values, &group.workload)?;
        let near = groups.len() > 1 && room.before.starts_with(Role::Validator.name());
        near.then(|| {
            format!(
                "{} may have {} pod(s) at most: then its keys run into those of {}.",
                group.workload, room.replicas, room.before
            )
        })
    });
    bounded.collect()
}

fn prover(values: &Values) -> Vec<String> {
    let mut notes = Vec::new();
    if values.prover_node.replicas == 0 && values.network.registry_address.is_empty() {
        notes.push(format!(
            "There is no prover node: no epoch is ever proven, and each is pruned {} epoch(s) after its end.",
            values.network.proof_submission_epochs
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
    let wait = timing.warm_up_seconds;
    Some(format!(
        "The first committee is drawn {wait} s after deployment{ignored}: no block before that."
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
            "Anvil has no volume: when its pod goes, the chain and with it the network is lost."
                .to_owned(),
        );
    }
    if forgets(&Role::BlobStore) {
        notes.push("The blob store has no volume: when its pod goes, new nodes can't sync what came before.".to_owned());
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
                "There is no boot node: peers are found by the {known} ENR(s) of network.bootstrapNodes. \
                 A new pod finds none while all of those nodes are away."
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
        format!("{key} makes all proofs {kind}: it wins over network.realProofs.")
    })
}

fn chaos(values: &Values) -> Vec<String> {
    let scenarios = &values.chaos.scenarios;
    if scenarios.is_empty() {
        return Vec::new();
    }
    let count = scenarios.len();
    let mut notes = vec![format!(
        "This chart does none of the {count} fault(s) of chaos.scenarios: they are for the chart aztec-chaos."
    )];
    let unknown = scenarios
        .iter()
        .filter(|one| one.selector.match_labels.contains_key("app"));
    notes.extend(unknown.map(|one| {
        format!(
            "chaos.scenarios {}: no pod has a label `app`; its role is in `app.kubernetes.io/component`.",
            one.name
        )
    }));
    notes
}
