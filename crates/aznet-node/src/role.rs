//! The roles of a network, by the names the chart uses.

use std::fmt;

use aznet_node::config::NetworkConfig;
use clap::ValueEnum;

/// What a pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// The L1 of a test network.
    Anvil,
    /// Deploys the L1 contracts; the node every other one joins by.
    BootNode,
    /// A node.
    FullNode,
    /// A node with a sequencer and attesters.
    Validator,
    /// A node that proves epochs.
    ProverNode,
    /// Hands out proving jobs.
    ProverBroker,
    /// Does proving jobs.
    ProverAgent,
    /// A wallet server.
    Pxe,
    /// Sends transactions at a rate.
    Bot,
}

impl Role {
    /// Whether the role runs a p2p node.
    pub(crate) fn is_node(self) -> bool {
        matches!(
            self,
            Self::BootNode | Self::FullNode | Self::Validator | Self::ProverNode
        )
    }

    /// The arguments of `aztec` that start the role; empty for what is not `aztec`.
    pub(crate) fn aztec_args(self, config: &NetworkConfig) -> &'static [&'static str] {
        match self {
            // `--prover-node` insists on a broker elsewhere: this one is enabled by its environment.
            Self::ProverNode if config.endpoints.prover_broker.is_none() => {
                &["start", "--node", "--archiver"]
            }
            Self::Anvil | Self::Pxe => &[],
            Self::BootNode | Self::FullNode => &["start", "--node", "--archiver"],
            Self::Validator => &["start", "--node", "--archiver", "--sequencer"],
            Self::ProverNode => &["start", "--node", "--archiver", "--prover-node"],
            Self::ProverBroker => &["start", "--prover-broker"],
            Self::ProverAgent => &["start", "--prover-agent"],
            Self::Bot => &["start", "--bot"],
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_possible_value() {
            Some(value) => f.write_str(value.get_name()),
            None => f.write_str("unknown"),
        }
    }
}
