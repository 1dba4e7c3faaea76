//! What is looked at before any attack: that nothing can be lost by it.

use std::sync::Arc;

use aznet_model::role::Role;
use aznet_network::observe::instances::{self, Instance};
use aznet_runner::Failure;

use crate::{scenario::Scenario, world::World};

/// The same attack, made only where the network's L1 is its own: elsewhere it would cost stake. What the network's values say is
/// not enough, since they may not be known.
pub(super) fn guarded(mut scenario: Scenario) -> Scenario {
    let attack = scenario.run;
    scenario.run = Arc::new(move |world: World| {
        let attack = attack.clone();
        Box::pin(async move {
            let pods = instances::list(&world.network)
                .await
                .map_err(Failure::infrastructure)?;
            on_its_own_l1(&pods)?;
            attack(world).await
        })
    });
    scenario
}

/// Sees that the chart's anvil is among the network's pods, and ready.
fn on_its_own_l1(pods: &[Instance]) -> Result<(), Failure> {
    let mut anvils = pods.iter().filter(|pod| pod.role == Role::Anvil);
    if anvils.any(|pod| pod.ready) {
        return Ok(());
    }
    Err(Failure::skipped(
        "an L1 of the network's own: no anvil pod of it is ready, and nothing else is attacked",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(role: Role, ready: bool) -> Instance {
        Instance {
            pod: format!("{}-0", role.name()),
            role,
            uid: "1".to_owned(),
            machine: None,
            running: true,
            ready,
            restarts: 0,
            ended: None,
        }
    }

    #[test]
    fn only_a_network_with_an_anvil_that_is_ready_is_attacked() {
        let node = pod(Role::FullNode, true);
        assert!(on_its_own_l1(&[node.clone(), pod(Role::Anvil, true)]).is_ok());
        for others in [vec![node.clone()], vec![node, pod(Role::Anvil, false)]] {
            let skipped = on_its_own_l1(&others);
            let why = "an L1 of the network's own";
            assert!(
                matches!(&skipped, Err(Failure::Skipped(words)) if words.starts_with(why)),
                "{skipped:?}"
            );
        }
    }
}
