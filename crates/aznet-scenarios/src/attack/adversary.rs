//! Nodes that misbehave in ways that Aztec has no setting for: by a module of `adversaries/`, which is loaded into the
//! running node and takes back what it changed.

use std::time::Duration;

use aznet_model::{chain::Slot, role::Role};
use aznet_network::clients::exec::{self, ExecError};
use aznet_runner::Failure;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::dud;
use crate::world::World;

/// Loads a module into a node of the same container.
const INJECT: &str = include_str!("../../../../adversaries/inject.mjs");
/// What modules have in common, as they import it.
const SHARED: (&str, &str) = (
    "'./stranger.mjs'",
    include_str!("../../../../adversaries/stranger.mjs"),
);
/// What loading takes, at most, and the answer's way back.
const TO_LOAD: Duration = Duration::from_secs(30);

/// A way to misbehave.
pub(super) struct Adversary {
    /// What it is called.
    pub(super) name: &'static str,
    /// The module's text.
    pub(super) module: &'static str,
}

/// The one whose module has this name.
macro_rules! adversary {
    ($name:literal) => {
        Adversary {
            name: $name,
            module: include_str!(concat!("../../../../adversaries/", $name, ".mjs")),
        }
    };
}

/// A node that sends proposals of others.
pub(super) const FORGED_PROPOSALS: Adversary = adversary!("forged-proposals");

/// A proposer of two checkpoints for one slot.
pub(super) const EQUIVOCATION: Adversary = adversary!("equivocation");

/// A proposer of a checkpoint with an archive that its blocks don't lead to.
pub(super) const WRONG_ARCHIVE: Adversary = adversary!("wrong-archive");

/// A prover whose proof is refused.
pub(super) const REFUSED_PROOF: Adversary = adversary!("refused-proof");

/// A node whose clock is wrong.
pub(super) const LATE_CLOCK: Adversary = adversary!("late-clock");

/// A validator that does nothing for a while.
pub(super) const INACTIVITY: Adversary = adversary!("inactivity");

/// A node that strangers use to send others what is malformed, oversized or never finished.
pub(super) const P2P_INPUT: Adversary = adversary!("p2p-input");

/// A boot node that tells of nodes that there are not, until it is told to stop.
pub(super) const LYING_BOOT_NODE: Adversary = adversary!("lying-boot-node");

/// Blobs in the store that are not what they are named after.
pub(super) const WRONG_BLOBS: Adversary = adversary!("wrong-blobs");

impl Adversary {
    /// Has the node in `pod` misbehave, in `slot` if it is a proposer, until it is done; what it did.
    pub(super) async fn misbehave<T: DeserializeOwned>(
        &self,
        world: &World,
        place: (&str, Role),
        slot: Option<Slot>,
        within: Duration,
    ) -> Result<T, Failure> {
        self.misbehave_with(world, place, json!({"slot": slot}), within)
            .await
    }

    /// The same with options of the module's own.
    pub(super) async fn misbehave_with<T: DeserializeOwned>(
        &self,
        world: &World,
        (pod, role): (&str, Role),
        mut options: Value,
        within: Duration,
    ) -> Result<T, Failure> {
        let clean_up = world
            .context
            .must_clean_up(format!("{} of {pod}", self.name));
        options["dud"] = dud().into();
        options["seconds"] = within.as_secs().into();
        options["seed"] = world.context.seed.into();
        let done = self.load(world, (pod, role), &options, within).await?;
        clean_up.proved();
        Ok(done)
    }

    /// Loads the module into the node in `pod`, and waits until it is done; what it did.
    pub(super) async fn load<T: DeserializeOwned>(
        &self,
        world: &World,
        (pod, role): (&str, Role),
        options: &Value,
        within: Duration,
    ) -> Result<T, Failure> {
        let options = options.to_string();
        let module = self.self_contained();
        let command = [
            "node",
            "--input-type=module",
            "--eval",
            INJECT,
            &module,
            &options,
        ];
        let command = command.map(str::to_owned);
        let place = (pod, role.name());
        world.attacked();
        let told = exec::run(&world.network, place, &command, within + TO_LOAD)
            .await
            .map_err(Failure::infrastructure)?;
        let line = told.lines().last().unwrap_or_default();
        serde_json::from_str(line).map_err(Failure::infrastructure)
    }
}

impl Adversary {
    /// The module with what it imports of ours: in the node there is no file of it.
    fn self_contained(&self) -> String {
        let (import, shared) = SHARED;
        let shared = STANDARD.encode(shared);
        let url = format!("'data:text/javascript;base64,{shared}'");
        self.module.replace(import, &url)
    }
}

/// Ends a misbehaviour that lasts until it is told to.
pub(super) async fn stop(world: &World, place: (&str, Role)) -> Result<(), Failure> {
    signal(world, place, "SIGUSR2")
        .await
        .map_err(Failure::infrastructure)
}

/// Sends the node's process a signal.
pub(super) async fn signal(
    world: &World,
    (pod, role): (&str, Role),
    name: &str,
) -> Result<(), ExecError> {
    let kill = format!("process.kill(1, '{name}')");
    let command = ["node", "--eval", &kill].map(str::to_owned);
    let place = (pod, role.name());
    exec::run(&world.network, place, &command, TO_LOAD)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_bring_what_they_import_of_ours() {
        for adversary in [FORGED_PROPOSALS, P2P_INPUT] {
            assert!(adversary.module.contains(SHARED.0), "{}", adversary.name);
            let text = adversary.self_contained();
            assert!(!text.contains("from './"), "{}", adversary.name);
            assert!(text.contains("from 'data:text/javascript;base64,"));
        }
    }
}
