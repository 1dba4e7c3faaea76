//! What a role's process is started with.

use aznet_model::config::NetworkConfig;
use aznet_model::role::Role;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Reads a role on the command line: one of those whose pods this program sets up.
pub(crate) fn parser() -> impl TypedValueParser<Value = Role> {
    let roles = Role::ALL
        .into_iter()
        .filter(|role| role.configures_itself());
    PossibleValuesParser::new(roles.map(Role::name))
        .try_map(|name| Role::from_name(&name).ok_or("no role"))
}

/// The arguments of `aztec` that start the role; empty for what is not `aztec`.
pub(crate) fn aztec_args(role: Role, config: &NetworkConfig) -> &'static [&'static str] {
    match role {
        // `--prover-node` insists on a broker elsewhere: this one is enabled by its environment.
        Role::ProverNode if config.endpoints.prover_broker.is_none() => {
            &["start", "--node", "--archiver"]
        }
        Role::BootNode | Role::FullNode => &["start", "--node", "--archiver"],
        Role::Validator => &["start", "--node", "--archiver", "--sequencer"],
        Role::ProverNode => &["start", "--node", "--archiver", "--prover-node"],
        Role::ProverBroker => &["start", "--prover-broker"],
        Role::ProverAgent => &["start", "--prover-agent"],
        Role::Bot => &["start", "--bot"],
        Role::Anvil
        | Role::BlobStore
        | Role::Pxe
        | Role::OtelCollector
        | Role::Prometheus
        | Role::Grafana => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config;

    #[test]
    fn a_prover_node_without_a_broker_does_not_insist_on_one() {
        let mut config = config();
        assert!(aztec_args(Role::ProverNode, &config).contains(&"--prover-node"));
        config.endpoints.prover_broker = None;
        assert!(!aztec_args(Role::ProverNode, &config).contains(&"--prover-node"));
    }
}
