//! The environment of a role's process: a pure function of the network's configuration and the pod's facts.

use std::collections::BTreeMap;

use crate::facts::Facts;
use crate::role::Role;
use aznet_node::config::NetworkConfig;

/// Port of a node's RPC, a broker's, an agent's and a wallet server's.
const RPC_PORT: u16 = 8080;
/// Port of a node's administration.
const ADMIN_PORT: u16 = 8880;
/// Port of p2p, TCP and UDP.
const P2P_PORT: u16 = 40400;

/// Offences a node can vote to punish, by the variable that holds the penalty.
const PENALTIES: [&str; 9] = [
    "SLASH_PRUNE_PENALTY",
    "SLASH_DATA_WITHHOLDING_PENALTY",
    "SLASH_INACTIVITY_PENALTY",
    "SLASH_INVALID_BLOCK_PENALTY",
    "SLASH_DUPLICATE_PROPOSAL_PENALTY",
    "SLASH_DUPLICATE_ATTESTATION_PENALTY",
    "SLASH_PROPOSE_INVALID_ATTESTATIONS_PENALTY",
    "SLASH_ATTEST_DESCENDANT_OF_INVALID_PENALTY",
    "SLASH_UNKNOWN_PENALTY",
];

type Env = BTreeMap<String, String>;

/// The variables of a role.
pub(crate) fn environment(role: Role, config: &NetworkConfig, facts: &Facts) -> Env {
    let mut env = Env::new();
    match role {
        Role::Anvil => return env,
        Role::Pxe => wallet(&mut env, config),
        Role::ProverAgent => agent(&mut env, config),
        Role::ProverBroker => set(&mut env, "RPC_MAX_BODY_SIZE", "64mb"),
        Role::BootNode | Role::FullNode | Role::Validator | Role::ProverNode => {
            node(&mut env, role, config, facts);
        }
    }
    l1(&mut env, config);
    rollup(&mut env, config);
    set(&mut env, "DATA_DIRECTORY", &facts.data.display());
    if let Some(registry) = facts.registry {
        set(&mut env, "REGISTRY_CONTRACT_ADDRESS", &registry);
    }
    if let Some(keystore) = &facts.keystore {
        set(&mut env, "KEY_STORE_DIRECTORY", &keystore.display());
    }
    env
}

/// What `deploy-l1-contracts` reads: the rollup's rules are fixed by it for good.
pub(crate) fn deployment_environment(config: &NetworkConfig) -> Env {
    let mut env = Env::new();
    l1(&mut env, config);
    rollup(&mut env, config);
    set(&mut env, "AZTEC_SLASHER_FLAVOR", &&config.slashing.flavor);
    if config.l1.anvil {
        // After a failure the whole deployment is tried anew, which is quicker than forge's own attempts.
        set(&mut env, "FORGE_BROADCAST_MAX_RETRIES", &0);
    }
    if let Some(threshold) = &config.slashing.local_ejection_threshold {
        set(&mut env, "AZTEC_LOCAL_EJECTION_THRESHOLD", &threshold);
    }
    env
}

fn set<V: ToString + ?Sized>(env: &mut Env, name: &str, value: &V) {
    env.insert(name.to_owned(), value.to_string());
}

fn l1(env: &mut Env, config: &NetworkConfig) {
    set(env, "ETHEREUM_HOSTS", &config.l1.execution_urls.join(","));
    set(env, "L1_CHAIN_ID", &config.l1.chain_id);
    set(env, "ETHEREUM_SLOT_DURATION", &config.l1.block_time);
    if !config.l1.consensus_urls.is_empty() {
        set(
            env,
            "L1_CONSENSUS_HOST_URLS",
            &config.l1.consensus_urls.join(","),
        );
    }
}

fn rollup(env: &mut Env, config: &NetworkConfig) {
    set(env, "AZTEC_SLOT_DURATION", &config.slot_duration);
    set(env, "AZTEC_EPOCH_DURATION", &config.epoch_duration);
    set(env, "AZTEC_TARGET_COMMITTEE_SIZE", &config.committee_size);
    set(
        env,
        "AZTEC_LAG_IN_EPOCHS_FOR_VALIDATOR_SET",
        &config.lag_in_epochs_for_validator_set,
    );
    set(
        env,
        "AZTEC_LAG_IN_EPOCHS_FOR_RANDAO",
        &config.lag_in_epochs_for_randao,
    );
    set(
        env,
        "AZTEC_PROOF_SUBMISSION_EPOCHS",
        &config.proof_submission_epochs,
    );
    set(env, "TEST_ACCOUNTS", &config.test_accounts);
    set(env, "SPONSORED_FPC", &config.sponsored_fpc);
    set(env, "PROVER_REAL_PROOFS", &config.real_proofs);
}

fn node(env: &mut Env, role: Role, config: &NetworkConfig, facts: &Facts) {
    set(env, "AZTEC_PORT", &RPC_PORT);
    set(env, "AZTEC_ADMIN_PORT", &ADMIN_PORT);
    // Otherwise a node makes up an API key and prints it into its log.
    set(env, "AZTEC_DISABLE_ADMIN_API_KEY", &true);
    set(env, "ENABLE_VERSION_CHECK", &false);
    set(env, "SYNC_MODE", "full");
    set(env, "SENTINEL_ENABLED", &config.sentinel);
    p2p(env, facts);
    blobs(env, config);
    if config.slashing.disable_penalties {
        for penalty in PENALTIES {
            set(env, penalty, &0);
        }
    }
    match role {
        Role::Validator => {
            set(env, "SEQ_MIN_TX_PER_BLOCK", &0);
            set(env, "SEQ_BUILD_CHECKPOINT_IF_EMPTY", &true);
        }
        Role::ProverNode => {
            let own_agents = u8::from(broker(env, config).is_none());
            set(env, "PROVER_AGENT_COUNT", &own_agents);
        }
        _ => {}
    }
}

fn p2p(env: &mut Env, facts: &Facts) {
    set(env, "P2P_ENABLED", &true);
    set(env, "P2P_PORT", &P2P_PORT);
    set(env, "P2P_LISTEN_ADDR", "0.0.0.0");
    if let Some(ip) = &facts.pod_ip {
        set(env, "P2P_IP", &ip);
    }
    if !facts.bootstrap.is_empty() {
        set(env, "BOOTSTRAP_NODES", &facts.bootstrap.join(","));
        // They are nodes like all others; without this, a node never dials those it joins by.
        set(env, "P2P_BOOTSTRAP_NODES_AS_FULL_PEERS", &true);
    }
    // On a data volume: the peer identity outlives the pod.
    set(
        env,
        "PEER_ID_PRIVATE_KEY_PATH",
        &facts.data.join("p2p-private-key").display(),
    );
    // Pods of one machine share its address space.
    set(env, "DEBUG_P2P_DISABLE_COLOCATION_PENALTY", &true);
}

fn blobs(env: &mut Env, config: &NetworkConfig) {
    if let Some(store) = &config.endpoints.blob_store {
        set(env, "BLOB_FILE_STORE_URLS", store);
        // Every node writes, not only validators: a node refuses to start before a writer has left its mark, and the
        // boot node is the first to start.
        set(env, "BLOB_FILE_STORE_UPLOAD_URL", store);
    } else if config.l1.consensus_urls.is_empty() {
        set(env, "BLOB_ALLOW_EMPTY_SOURCES", &true);
    }
}

/// Where proving jobs are queued, unless that is in the process itself.
fn broker<'a>(env: &mut Env, config: &'a NetworkConfig) -> Option<&'a str> {
    let broker = config.endpoints.prover_broker.as_deref()?;
    set(env, "PROVER_BROKER_HOST", broker);
    Some(broker)
}

fn agent(env: &mut Env, config: &NetworkConfig) {
    broker(env, config);
    set(env, "PROVER_AGENT_COUNT", &1);
}

fn wallet(env: &mut Env, config: &NetworkConfig) {
    set(env, "AZTEC_NODE_URL", &&config.endpoints.node);
    set(env, "PXE_PORT", &RPC_PORT);
    set(env, "PXE_PROVER_ENABLED", &config.real_proofs);
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::PathBuf;

    use super::*;
    use aznet_node::config::{Endpoints, KeyRange, Keys, L1, Slashing};

    /// The small network.
    pub(crate) fn config() -> NetworkConfig {
        NetworkConfig {
            l1: L1 {
                chain_id: 31337,
                block_time: 4,
                execution_urls: vec!["http://anvil:8545".into()],
                consensus_urls: vec![],
                anvil: true,
                slots_in_an_epoch: 2,
            },
            slot_duration: 12,
            epoch_duration: 4,
            committee_size: 4,
            lag_in_epochs_for_validator_set: 1,
            lag_in_epochs_for_randao: 1,
            proof_submission_epochs: 2,
            real_proofs: false,
            test_accounts: true,
            sponsored_fpc: true,
            skip_warm_up: true,
            registry_address: None,
            slashing: Slashing {
                flavor: "tally".into(),
                local_ejection_threshold: Some("50000000000000000000".into()),
                disable_penalties: true,
            },
            sentinel: true,
            endpoints: Endpoints {
                boot_node: "http://boot-node-0.boot-node:8080".into(),
                node: "http://full-node:8080".into(),
                prover_broker: Some("http://prover-broker-0.prover-broker:8080".into()),
                peers: vec!["http://full-node-0.full-node:8080".into()],
                blob_store: Some("s3://blobs/aztec?endpoint=http://blob-store:7070".into()),
            },
            keys: Keys {
                deployer: 0,
                attester: KeyRange {
                    start: 100,
                    per_replica: 1,
                },
                publisher: KeyRange {
                    start: 1000,
                    per_replica: 1,
                },
                prover: KeyRange {
                    start: 50,
                    per_replica: 1,
                },
                validator_replicas: 4,
            },
        }
    }

    fn facts() -> Facts {
        Facts {
            pod_ip: Some("10.1.2.3".into()),
            data: PathBuf::from("/data"),
            registry: Some(Address::repeat_byte(0x11)),
            bootstrap: vec!["enr:-boot".into(), "enr:-peer".into()],
            keystore: None,
        }
    }

    use alloy_primitives::Address;

    #[test]
    fn each_role() {
        for role in [
            Role::BootNode,
            Role::FullNode,
            Role::Validator,
            Role::ProverNode,
            Role::ProverBroker,
            Role::ProverAgent,
            Role::Pxe,
        ] {
            insta::assert_debug_snapshot!(role.to_string(), environment(role, &config(), &facts()));
        }
    }

    #[test]
    fn deployment() {
        insta::assert_debug_snapshot!(deployment_environment(&config()));
    }

    #[test]
    fn a_real_l1_without_a_store() {
        let mut config = config();
        config.l1.consensus_urls = vec!["https://beacon.example".into()];
        config.endpoints.blob_store = None;
        config.slashing.disable_penalties = false;
        let env = environment(Role::Validator, &config, &facts());
        assert_eq!(env["L1_CONSENSUS_HOST_URLS"], "https://beacon.example");
        assert!(
            !env.keys()
                .any(|name| name.starts_with("SLASH_") || name.starts_with("BLOB_"))
        );
    }

    #[test]
    fn a_prover_node_without_a_broker_proves_by_itself() {
        let mut config = config();
        config.endpoints.prover_broker = None;
        let env = environment(Role::ProverNode, &config, &facts());
        assert_eq!(env["PROVER_AGENT_COUNT"], "1");
        assert!(!env.contains_key("PROVER_BROKER_HOST"));
        assert!(
            Role::ProverNode
                .aztec_args(&config)
                .contains(&"--prover-broker")
        );
    }

    #[test]
    fn keys_go_by_file_only() {
        let facts = Facts {
            keystore: Some("/dev/shm/k".into()),
            ..facts()
        };
        let env = environment(Role::Validator, &config(), &facts);
        assert_eq!(env["KEY_STORE_DIRECTORY"], "/dev/shm/k");
        assert!(!env.keys().any(|name| name.contains("PRIVATE_KEYS")));
    }
}
