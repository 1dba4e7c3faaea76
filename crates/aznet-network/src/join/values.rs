//! The values by which the chart `aztec-network` joins a network.

use aznet_model::role::Role;
use serde_json::{Map, Value, json};

use super::{Facts, Joiner};

/// Label that every namespace has.
const NAMED: &str = "kubernetes.io/metadata.name";

/// Roles by how many of their pods a joiner has.
fn replicas(joiner: Joiner, role: Role, wallet: bool) -> u32 {
    let has = match role {
        Role::FullNode => matches!(joiner, Joiner::FullNode | Joiner::Wallet),
        Role::Validator => joiner == Joiner::Validator,
        Role::ProverNode | Role::ProverBroker | Role::ProverAgent => joiner == Joiner::Prover,
        Role::Pxe => joiner == Joiner::Wallet && wallet,
        _ => false,
    };
    u32::from(has)
}

/// What is laid over the chart's defaults.
pub fn values(facts: &Facts, joiner: Joiner) -> Map<String, Value> {
    let mut values = json!({
        "images": images(facts),
        "network": network(facts),
        "l1": l1(facts),
        "blobStore": blobs(facts),
        "networkPolicy": policy(facts),
    });
    if joiner.has_keys() {
        values["keys"] = json!({"existingSecret": "keys"});
    }
    if let Some(snapshots) = facts.snapshots() {
        values["defaults"] = json!({"env": {"SYNC_SNAPSHOTS_URLS": snapshots}});
    }
    let roles = [
        Role::BootNode,
        Role::FullNode,
        Role::Validator,
        Role::ProverNode,
        Role::ProverBroker,
        Role::ProverAgent,
        Role::Pxe,
    ];
    for role in roles {
        let replicas = replicas(joiner, role, facts.release.wallet);
        let mut settings = if replicas > 0 {
            size(facts, role)
        } else {
            Map::new()
        };
        settings.insert("replicas".to_owned(), replicas.into());
        values[role.values_key()] = Value::Object(settings);
    }
    without_nulls(&mut values);
    match values {
        Value::Object(values) => values,
        _ => Map::new(),
    }
}

/// What the network leaves open stays the chart's default; to Helm a null would take the default away.
fn without_nulls(value: &mut Value) {
    if let Value::Object(entries) = value {
        entries.retain(|_, entry| !entry.is_null());
        entries.values_mut().for_each(without_nulls);
    }
}

/// Pods are as large as the network's own.
fn size(facts: &Facts, role: Role) -> Map<String, Value> {
    let pod = facts.values.pod(role);
    let storage = pod.storage.unwrap_or_default();
    let size = [
        ("resources", json!(pod.resources)),
        ("maxOldSpaceSize", json!(pod.max_old_space_size)),
        ("storage", json!({"size": storage.size})),
    ];
    size.into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn images(facts: &Facts) -> Value {
    let images = &facts.values.images;
    json!({"aztec": images.aztec, "aznetNode": images.aznet_node, "pxe": images.pxe})
}

/// What must be as it is on L1, and how offences are judged.
fn network(facts: &Facts) -> Value {
    let network = &facts.values.network;
    json!({
        "release": facts.release.name,
        "slotDuration": network.slot_duration,
        "epochDuration": network.epoch_duration,
        "committeeSize": network.committee_size,
        "lagInEpochsForValidatorSet": network.lag_in_epochs_for_validator_set,
        "lagInEpochsForRandao": network.lag_in_epochs_for_randao,
        "proofSubmissionEpochs": network.proof_submission_epochs,
        "realProofs": facts.values.real_proofs(),
        "testAccounts": network.test_accounts,
        "sponsoredFpc": network.sponsored_fpc,
        "slashing": network.slashing,
        "sentinel": network.sentinel,
        "registryAddress": facts.registry,
        "bootstrapNodes": facts.enrs,
    })
}

fn l1(facts: &Facts) -> Value {
    let l1 = &facts.values.l1;
    let mut values = json!({
        "chainId": facts.chain_id,
        "blockTime": l1.block_time,
        "anvil": {
            "enabled": false,
            "external": l1.is_anvil(),
            "slotsInAnEpoch": l1.anvil.slots_in_an_epoch,
        },
    });
    if l1.is_anvil() {
        values["executionUrls"] = json!(facts.execution_urls());
    } else {
        values["existingSecret"] = json!("l1");
    }
    values
}

fn blobs(facts: &Facts) -> Value {
    facts.blobs().map_or_else(
        || json!({"enabled": false}),
        |url| json!({"enabled": true, "url": url, "existingSecret": "blobs"}),
    )
}

/// The network's own nodes are peers; those of others are let in by how the node is exposed.
fn policy(facts: &Facts) -> Value {
    let labels = json!({ NAMED: facts.namespace });
    let name = &facts.network;
    json!({"ingress": {"p2p": {"namespaces": { name: labels }}}})
}
