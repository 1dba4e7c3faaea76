//! Who starts first. All pods of a test network start at once, often on one machine, and starting Aztec takes ten
//! seconds of processor time each: what the first checkpoint does not need comes second.

use std::time::Duration;

use aznet_kit::wait::{Look, WaitError};
use aznet_model::config::NetworkConfig;
use aznet_model::role::Role;
use serde_json::{Value, json};

use crate::console::say;
use crate::network::record::Record;
use crate::settings::Settings;
use crate::wait::TimeLimit;
use aznet_kit::rpc::Rpc;

/// How long the others are let first. A chain that stands still must not keep anyone from starting.
const AT_MOST: Duration = Duration::from_secs(90);
/// A boot node that is up answers in this time.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Lets boot node and validators start first, until their first checkpoint is on L1. Returns at once for them, on a
/// network that is not a test network starting now, and for a pod that has been in the network before.
pub(crate) fn let_others_first(role: Role, config: &NetworkConfig, settings: &Settings) {
    let Some(boot_node) = config.endpoints.boot_node.as_deref() else {
        return;
    };
    let returns = matches!(Record::read(&settings.data), Ok(Some(_)));
    if returns || !comes_second(role, config) {
        return;
    }
    let rpc = Rpc::with_timeout(boot_node, TIMEOUT);
    let limit = TimeLimit::after(AT_MOST);
    let waited: Result<(), WaitError> = limit.until("the network's first checkpoint", || {
        Ok(look(&rpc, config.release.methods.tips))
    });
    if let Err(error) = waited {
        say(format_args!("{error}; going on without it"));
    }
}

/// Whether a node of this role starts without letting others first.
pub(crate) fn comes_first(role: Role, config: &NetworkConfig) -> bool {
    role.is_node() && !comes_second(role, config)
}

fn comes_second(role: Role, config: &NetworkConfig) -> bool {
    let starts_now = config.l1.anvil && config.skip_warm_up && config.committee_size > 0;
    starts_now
        && matches!(
            role,
            Role::FullNode
                | Role::ProverNode
                | Role::ProverBroker
                | Role::ProverAgent
                | Role::Pxe
                | Role::Bot
        )
}

fn look(rpc: &Rpc, tips: &'static str) -> Look<()> {
    match rpc.call(tips, &json!([])) {
        Ok(tips) if checkpoints(&tips) > 0 => Look::Done(()),
        Ok(_) => Look::pending("no checkpoint yet"),
        failed => Look::from(failed.map(drop)),
    }
}

fn checkpoints(tips: &Value) -> u64 {
    let number = tips.pointer("/checkpointed/checkpoint/number");
    number.and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config;

    #[test]
    fn what_the_first_checkpoint_needs_never_waits() {
        let mut config = config();
        config.skip_warm_up = true;
        for role in [
            Role::Anvil,
            Role::BlobStore,
            Role::BootNode,
            Role::Validator,
        ] {
            assert!(!comes_second(role, &config), "{role}");
        }
        assert!(comes_second(Role::FullNode, &config));
        assert!(comes_second(Role::ProverAgent, &config));
    }

    #[test]
    fn nobody_waits_on_a_network_that_is_no_test_network_starting_now() {
        let mut config = config();
        config.skip_warm_up = false;
        assert!(!comes_second(Role::FullNode, &config));
        config.skip_warm_up = true;
        config.l1.anvil = false;
        assert!(!comes_second(Role::FullNode, &config));
    }

    #[test]
    fn a_checkpoint_is_read_from_the_tips() {
        let tips = |number: u64| json!({"checkpointed": {"checkpoint": {"number": number}}});
        assert_eq!((checkpoints(&tips(0)), checkpoints(&tips(3))), (0, 3));
        assert_eq!(checkpoints(&json!({})), 0);
    }
}
