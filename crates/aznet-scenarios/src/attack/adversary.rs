//! Nodes that misbehave in ways that Aztec has no setting for: by a module of `adversaries/`, which is loaded into the
//! running node and takes back what it changed.

use std::time::Duration;

use aznet_model::{chain::Slot, role::Role};
use aznet_network::clients::exec;
use aznet_runner::Failure;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::dud;
use crate::world::World;

/// Loads a module into a node of the same container.
const INJECT: &str = include_str!("../../../../adversaries/inject.mjs");
/// What loading takes, at most, and the answer's way back.
const TO_LOAD: Duration = Duration::from_secs(30);

/// A way to misbehave.
pub(super) struct Adversary {
    /// What it is called.
    pub(super) name: &'static str,
    /// The module.
    pub(super) module: &'static str,
}

/// A node that sends proposals of others.
pub(super) const FORGED_PROPOSALS: Adversary = Adversary {
    name: "forged-proposals",
    module: include_str!("../../../../adversaries/forged-proposals.mjs"),
};

/// A proposer of two checkpoints for one slot.
pub(super) const EQUIVOCATION: Adversary = Adversary {
    name: "equivocation",
    module: include_str!("../../../../adversaries/equivocation.mjs"),
};

/// A proposer of a checkpoint with an archive that its blocks don't lead to.
pub(super) const WRONG_ARCHIVE: Adversary = Adversary {
    name: "wrong-archive",
    module: include_str!("../../../../adversaries/wrong-archive.mjs"),
};

/// Blobs in the store that are not what they are named after.
pub(super) const WRONG_BLOBS: Adversary = Adversary {
    name: "wrong-blobs",
    module: include_str!("../../../../adversaries/wrong-blobs.mjs"),
};

impl Adversary {
    /// Has the node in `pod` misbehave, in `slot` if it is a proposer, until it is done; what it did.
    pub(super) async fn misbehave<T: DeserializeOwned>(
        &self,
        world: &World,
        (pod, role): (&str, Role),
        slot: Option<Slot>,
        within: Duration,
    ) -> Result<T, Failure> {
        let clean_up = world
            .context
            .must_clean_up(format!("{} of {pod}", self.name));
        let options = json!({"dud": dud(), "slot": slot, "seconds": within.as_secs()});
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
        let command = [
            "node",
            "--input-type=module",
            "--eval",
            INJECT,
            self.module,
            &options,
        ];
        let command = command.map(str::to_owned);
        let place = (pod, role.name());
        let told = exec::run(&world.network, place, &command, within + TO_LOAD)
            .await
            .map_err(Failure::infrastructure)?;
        let line = told.lines().last().unwrap_or_default();
        serde_json::from_str(line).map_err(Failure::infrastructure)
    }
}
