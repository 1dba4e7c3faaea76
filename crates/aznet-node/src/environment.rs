//! The environment of a role's process: a pure function of the network's configuration and the pod's inputs.

use std::collections::BTreeMap;

use crate::settings::Settings;
use aznet_model::config::NetworkConfig;
use aznet_model::release::Release;
use aznet_model::role::Role;

pub(crate) mod credentials;
mod inputs;
mod slashing;
mod variables;

pub(crate) use inputs::{Inputs, announced};
use variables::{Env, list, set};

/// Port of a node's RPC, a broker's, an agent's and a wallet server's.
const RPC_PORT: u16 = 8080;
/// Port of a node's administration.
const ADMIN_PORT: u16 = 8880;
/// Port of p2p, TCP and UDP.
const P2P_PORT: u16 = 40400;

/// Aztec's variables that are set here, one a line.
pub(crate) const SET_HERE: &str = include_str!("environment/set_here.txt");

/// The variables of a role.
pub(crate) fn environment(role: Role, config: &NetworkConfig, inputs: &Inputs) -> Env {
    let mut env = Env::new();
    match role {
        Role::Anvil | Role::BlobStore | Role::OtelCollector | Role::Prometheus | Role::Grafana => {
            return env;
        }
        Role::Pxe => wallet(&mut env, config),
        Role::ProverAgent => agent(&mut env, config),
        Role::Bot => bot(&mut env, config, inputs),
        Role::ProverBroker => set(&mut env, "RPC_MAX_BODY_SIZE", "64mb"),
        Role::BootNode | Role::FullNode | Role::Validator | Role::ProverNode => {
            node(&mut env, role, config, inputs);
        }
    }
    l1(&mut env, config);
    rollup(&mut env, config);
    set(&mut env, "DATA_DIRECTORY", &inputs.data.display());
    if let Some(registry) = inputs.registry {
        set(&mut env, "REGISTRY_CONTRACT_ADDRESS", &registry);
    }
    if let Some(keystore) = &inputs.keystore {
        set(&mut env, "KEY_STORE_DIRECTORY", &keystore.display());
    }
    in_the_words_of(config.release, env)
}

/// Everything here is written in the names of Aztec 4.1.
fn in_the_words_of(release: &Release, env: Env) -> Env {
    let environment = &release.environment;
    env.into_iter()
        .filter_map(|(name, value)| environment.translated(&name, &value))
        .collect()
}

/// What `deploy-l1-contracts` reads: the rollup's rules are fixed by it for good.
pub(crate) fn deployment_environment(config: &NetworkConfig) -> Env {
    let mut env = Env::new();
    l1(&mut env, config);
    rollup(&mut env, config);
    slashing::deployment(&mut env, config);
    if let Some(url) = config.l1.execution_urls.first() {
        // What forge is told by, see network/forge_key.cjs.
        set(&mut env, "FOUNDRY_ETH_RPC_URL", url);
    }
    if config.l1.anvil {
        // After a failure the whole deployment is tried anew, which is quicker than forge's own attempts.
        set(&mut env, "FORGE_BROADCAST_MAX_RETRIES", &0);
    }
    in_the_words_of(config.release, env)
}

/// What is added to the variables that a process inherits from this one: a search path on which it finds `forge`, and
/// of `computed` what is not set already, for the chart's `env` wins.
pub(crate) fn beside_own(computed: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let unset = computed
        .iter()
        .filter(|(name, _)| std::env::var_os(name).is_none());
    let path = Settings::search_path(std::env::var("PATH").ok());
    unset
        .map(|(name, value)| (name.clone(), value.clone()))
        .chain([("PATH".to_owned(), path)])
        .collect()
}

fn l1(env: &mut Env, config: &NetworkConfig) {
    set(env, "L1_CHAIN_ID", &config.l1.chain_id);
    set(env, "ETHEREUM_SLOT_DURATION", &config.l1.block_time);
    list(env, "ETHEREUM_HOSTS", &config.l1.execution_urls);
    list(env, "L1_CONSENSUS_HOST_URLS", &config.l1.consensus_urls);
}

fn gas(env: &mut Env, config: &NetworkConfig) {
    let gas = &config.l1.gas;
    for (name, value) in [
        ("L1_GAS_PRICE_MAX", &gas.max_gwei),
        ("L1_BLOB_FEE_PER_GAS_MAX", &gas.max_blob_gwei),
        (
            "L1_MINIMUM_PRIORITY_FEE_PER_GAS_GWEI",
            &gas.min_priority_fee_gwei,
        ),
    ] {
        set(env, name, value);
    }
    for (name, percent) in [
        (
            "L1_PRIORITY_FEE_BUMP_PERCENTAGE",
            gas.priority_fee_bump_percent,
        ),
        (
            "L1_PRIORITY_FEE_RETRY_BUMP_PERCENTAGE",
            gas.priority_fee_retry_bump_percent,
        ),
        ("L1_GAS_LIMIT_BUFFER_PERCENTAGE", gas.limit_buffer_percent),
    ] {
        set(env, name, &percent);
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

fn node(env: &mut Env, role: Role, config: &NetworkConfig, inputs: &Inputs) {
    set(env, "AZTEC_PORT", &RPC_PORT);
    set(env, "AZTEC_ADMIN_PORT", &ADMIN_PORT);
    if !inputs.admin_key_hash {
        // Otherwise a node makes up an API key and prints it into its log.
        set(env, "AZTEC_DISABLE_ADMIN_API_KEY", &true);
    }
    set(env, "ENABLE_VERSION_CHECK", &false);
    set(env, "SYNC_MODE", "full");
    sentinel(env, config);
    p2p(env, inputs);
    list(env, "ETHEREUM_DEBUG_HOSTS", &config.l1.trace_urls);
    blobs(env, config, inputs);
    gas(env, config);
    slashing::node(env, config);
    if config.l1.anvil {
        for (name, value) in config.release.environment.on_own_anvil {
            set(env, name, value);
        }
    }
    if role == Role::ProverNode {
        let by_itself = broker(env, config).is_none();
        set(env, "PROVER_AGENT_COUNT", &u8::from(by_itself));
        if by_itself {
            set(env, "ENABLE_PROVER_NODE", &true);
        }
    }
}

fn sentinel(env: &mut Env, config: &NetworkConfig) {
    let sentinel = &config.sentinel;
    set(env, "SENTINEL_ENABLED", &sentinel.enabled);
    set(
        env,
        "SENTINEL_HISTORY_LENGTH_IN_EPOCHS",
        &sentinel.history_length_in_epochs,
    );
    set(
        env,
        "SENTINEL_HISTORIC_PROVEN_PERFORMANCE_LENGTH_IN_EPOCHS",
        &sentinel.proven_history_length_in_epochs,
    );
}

fn p2p(env: &mut Env, inputs: &Inputs) {
    set(env, "P2P_ENABLED", &true);
    set(env, "P2P_PORT", &P2P_PORT);
    set(env, "P2P_LISTEN_ADDR", "0.0.0.0");
    if let Some(place) = &inputs.announced {
        set(env, "P2P_IP", &place.ip);
        if let Some(port) = place.port {
            set(env, "P2P_BROADCAST_PORT", &port);
        }
    }
    if !inputs.bootstrap.is_empty() {
        set(env, "BOOTSTRAP_NODES", &inputs.bootstrap.join(","));
        // They are nodes like all others; without this, a node never dials those it joins by.
        set(env, "P2P_BOOTSTRAP_NODES_AS_FULL_PEERS", &true);
    }
    // On a data volume: the peer identity outlives the pod.
    set(
        env,
        "PEER_ID_PRIVATE_KEY_PATH",
        &inputs.data.join("p2p-private-key").display(),
    );
    // Pods of one machine share its address space.
    set(env, "DEBUG_P2P_DISABLE_COLOCATION_PENALTY", &true);
}

fn blobs(env: &mut Env, config: &NetworkConfig, inputs: &Inputs) {
    list(
        env,
        "L1_CONSENSUS_HOST_API_KEYS",
        &inputs.consensus_keys.keys,
    );
    list(
        env,
        "L1_CONSENSUS_HOST_API_KEY_HEADERS",
        &inputs.consensus_keys.headers,
    );
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
    if let Some(node) = &config.endpoints.node {
        set(env, "AZTEC_NODE_URL", node);
    }
    set(env, "PXE_PORT", &RPC_PORT);
    set(env, "PXE_PROVER_ENABLED", &config.real_proofs);
}

/// What a bot does is in the variables that the chart renders; here is who it is and whom it asks.
fn bot(env: &mut Env, config: &NetworkConfig, inputs: &Inputs) {
    wallet(env, config);
    set(env, "AZTEC_PORT", &RPC_PORT);
    if let Some(account) = &inputs.account {
        set(env, "BOT_PRIVATE_KEY", &account.secret);
        if let Some(salt) = account.salt {
            set(env, "BOT_ACCOUNT_SALT", salt);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use alloy_primitives::Address;

    use super::*;
    use crate::config::tests::config;
    use crate::environment::inputs::Announced;
    use crate::keys::bot::Account;
    use crate::l1::secret::ApiKeys;

    fn inputs() -> Inputs {
        Inputs {
            announced: Some(Announced {
                ip: "10.1.2.3".into(),
                port: None,
            }),
            data: PathBuf::from("/data"),
            registry: Some(Address::repeat_byte(0x11)),
            bootstrap: vec!["enr:-boot".into(), "enr:-peer".into()],
            account: Some(Account {
                secret: "0x12".into(),
                salt: Some("0x0"),
            }),
            admin_key_hash: true,
            ..Inputs::default()
        }
    }

    #[test]
    fn each_role() {
        for role in ROLES {
            insta::assert_debug_snapshot!(
                role.to_string(),
                environment(role, &config(), &inputs())
            );
        }
    }

    #[test]
    fn deployment() {
        insta::assert_debug_snapshot!(deployment_environment(&config()));
    }

    const ROLES: [Role; 8] = [
        Role::BootNode,
        Role::FullNode,
        Role::Validator,
        Role::ProverNode,
        Role::ProverBroker,
        Role::ProverAgent,
        Role::Pxe,
        Role::Bot,
    ];

    /// What a role's process gets in a network of a release.
    fn in_release(release: &'static Release, of: impl Fn(&NetworkConfig) -> Env) -> Env {
        let mut config = config();
        config.release = release;
        of(&config)
    }

    /// Lines that one has and the other has not.
    fn changes(before: &Env, after: &Env) -> Vec<String> {
        let lacks = |other: &Env, name: &String, value: &String| other.get(name) != Some(value);
        let gone = before
            .iter()
            .filter(|(name, value)| lacks(after, name, value));
        let come = after
            .iter()
            .filter(|(name, value)| lacks(before, name, value));
        let gone = gone.map(|(name, value)| format!("- {name}={value}"));
        let come = come.map(|(name, value)| format!("+ {name}={value}"));
        gone.chain(come).collect()
    }

    #[test]
    fn newer_releases_are_told_the_same_in_their_words() {
        let mut text = String::new();
        for release in ["5.2", "6.0"].map(|name| Release::named(name).expect("a profile")) {
            for role in [Role::Validator, Role::ProverAgent] {
                let of = |config: &NetworkConfig| environment(role, config, &inputs());
                let (before, after) = (in_release(Release::oldest(), of), in_release(release, of));
                let changes = changes(&before, &after).join("\n");
                text.extend([format!("{release} {role}\n{changes}\n\n")]);
            }
            let of = deployment_environment;
            let (before, after) = (in_release(Release::oldest(), of), in_release(release, of));
            let changes = changes(&before, &after).join("\n");
            text.extend([format!("{release} deployment\n{changes}\n\n")]);
        }
        insta::assert_snapshot!(text);
    }

    /// What others than Aztec's configuration read: our wallet server, and Foundry and its script.
    const READ_BY_OTHERS: [&str; 3] = [
        "PXE_PORT",
        "FOUNDRY_ETH_RPC_URL",
        "FORGE_BROADCAST_MAX_RETRIES",
    ];

    #[test]
    fn each_release_reads_what_it_is_told() {
        for release in aznet_model::release::ALL {
            let read =
                |name: &str| SET_HERE.lines().any(|line| line == name) && release.lists(name);
            let of_roles = ROLES
                .map(|role| in_release(release, |config| environment(role, config, &inputs())));
            let deployment = in_release(release, deployment_environment);
            for name in of_roles
                .iter()
                .chain([&deployment])
                .flat_map(|env| env.keys())
            {
                let known = read(name) || READ_BY_OTHERS.contains(&name.as_str());
                assert!(known, "Aztec {release} has no variable {name}");
            }
        }
    }

    #[test]
    fn disabled_penalties_are_those_of_the_release() {
        for release in aznet_model::release::ALL {
            let env = in_release(release, |config| {
                let mut config = config.clone();
                config.slashing.disable_penalties = true;
                environment(Role::FullNode, &config, &inputs())
            });
            for (_, variable) in release.offences {
                assert_eq!(env[*variable], "0", "{release}");
            }
        }
    }

    #[test]
    fn a_real_l1_without_a_store() {
        let mut config = config();
        config.l1.consensus_urls = vec!["https://beacon.example".into()];
        config.endpoints.blob_store = None;
        let inputs = Inputs {
            consensus_keys: ApiKeys {
                keys: vec!["secret".into()],
                headers: vec!["x-api-key".into()],
            },
            ..inputs()
        };
        let env = environment(Role::Validator, &config, &inputs);
        assert_eq!(env["L1_CONSENSUS_HOST_URLS"], "https://beacon.example");
        assert_eq!(env["L1_CONSENSUS_HOST_API_KEYS"], "secret");
        assert_eq!(env["L1_CONSENSUS_HOST_API_KEY_HEADERS"], "x-api-key");
        assert!(!env.keys().any(|name| name.starts_with("BLOB_")));
        assert!(
            !env.contains_key("ETHEREUM_DEBUG_HOSTS"),
            "it is that of ETHEREUM_HOSTS"
        );
        config.l1.trace_urls = vec!["https://traces.example".into()];
        let env = environment(Role::Validator, &config, &inputs);
        assert_eq!(env["ETHEREUM_DEBUG_HOSTS"], "https://traces.example");
    }

    #[test]
    fn offences_have_the_penalties_that_are_said() {
        let mut config = config();
        config.slashing.disable_penalties = false;
        let env = environment(Role::FullNode, &config, &inputs());
        assert_eq!(env["SLASH_PRUNE_PENALTY"], "1");
        assert_eq!(env["SLASH_UNKNOWN_PENALTY"], "9");
        assert_eq!(env["SLASH_INACTIVITY_TARGET_PERCENTAGE"], "0.9");
        assert_eq!(env["SLASH_VALIDATORS_NEVER"], "0xaa,0xbb");
        assert!(!env.contains_key("SLASH_VALIDATORS_ALWAYS"));
    }

    #[test]
    fn a_prover_node_without_a_broker_proves_by_itself() {
        let mut config = config();
        config.endpoints.prover_broker = None;
        let env = environment(Role::ProverNode, &config, &inputs());
        assert_eq!(env["PROVER_AGENT_COUNT"], "1");
        assert!(!env.contains_key("PROVER_BROKER_HOST"));
        assert_eq!(env["ENABLE_PROVER_NODE"], "true");
    }

    #[test]
    fn peers_are_told_the_port_that_leads_to_the_pod() {
        let inputs = Inputs {
            announced: Some(Announced {
                ip: "203.0.113.7".into(),
                port: Some(30401),
            }),
            ..inputs()
        };
        let env = environment(Role::Validator, &config(), &inputs);
        assert_eq!(env["P2P_IP"], "203.0.113.7");
        assert_eq!(env["P2P_BROADCAST_PORT"], "30401");
        assert_eq!(env["P2P_PORT"], "40400");
    }

    #[test]
    fn without_a_hash_no_node_prints_a_key() {
        let inputs = Inputs {
            admin_key_hash: false,
            ..inputs()
        };
        let env = environment(Role::Validator, &config(), &inputs);
        assert_eq!(env["AZTEC_DISABLE_ADMIN_API_KEY"], "true");
    }

    #[test]
    fn keys_go_by_file_only() {
        let inputs = Inputs {
            keystore: Some("/dev/shm/k".into()),
            ..inputs()
        };
        let env = environment(Role::Validator, &config(), &inputs);
        assert_eq!(env["KEY_STORE_DIRECTORY"], "/dev/shm/k");
        assert!(!env.keys().any(|name| name.contains("PRIVATE_KEYS")));
    }
}
