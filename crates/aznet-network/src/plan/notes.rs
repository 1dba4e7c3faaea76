//! Consequences of values that work, worth knowing beforehand.

use super::{Committee, committee};
use crate::role::Role;
use crate::values::{SlasherFlavor, Values};

/// Anvil's and the chart's default mnemonic, known to everybody.
const PUBLIC_MNEMONIC: &str = "test test test test test test test test test test test junk";

pub(super) fn of(values: &Values) -> Vec<String> {
    let mut notes = Vec::new();
    if values.network.registry_address.is_empty() {
        notes.push(absence(&committee::of(values)));
        notes.extend(slashing(values));
    }
    notes.extend(prover(values));
    notes.extend(warm_up(values));
    notes.extend(volumes(values));
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

fn slashing(values: &Values) -> Option<String> {
    let (network, committee) = (&values.network, committee::of(values));
    let spare = committee.validators - committee.size;
    if committee.size == 0 || network.slashing.flavor == SlasherFlavor::None {
        return None;
    }
    if network.slashing.disable_penalties {
        return Some("Penalties are off (network.slashing.disablePenalties): no validator is slashed, whatever it does.".into());
    }
    (spare == 0).then(|| {
        "There are no more validators than the committee has seats, and slashing is on: one executed slash \
         leaves too few and halts the network for good. Set network.slashing.disablePenalties, or add validators."
            .to_owned()
    })
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
    if values.network.real_proofs {
        notes.push(
            "Real proofs: count on 16 cores and 128 GiB for each process that proves.".to_owned(),
        );
    }
    notes
}

fn warm_up(values: &Values) -> Option<String> {
    let timing = super::timing(values);
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
