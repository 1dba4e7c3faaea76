//! Settings of a node, changed for a while through its admin API: a node that misbehaves on purpose.

use aznet_model::release::Methods;
use aznet_network::clients::admin;
use aznet_network::clients::rpc::PodRpc;
use aznet_network::namespace::Network;
use serde_json::{Map, Value, json};

use crate::error::ChaosError;

/// Settings by the node's names: `{"skipCollectingAttestations": true}`.
pub type Settings = Map<String, Value>;

/// A node with other settings than it was started with.
#[derive(Debug)]
pub struct Changed {
    node: Node,
    asked: Settings,
    before: Settings,
}

/// A node's admin API, and what its methods are called.
#[derive(Debug)]
struct Node {
    rpc: PodRpc,
    methods: &'static Methods,
}

impl Changed {
    /// Changes settings of the node in `pod`, and sees that it has them: unknown ones are ignored by the node.
    ///
    /// # Errors
    /// [`ChaosError::NoSettings`], [`ChaosError::NotTaken`], [`ChaosError::Admin`], [`ChaosError::Rpc`].
    pub async fn make(network: &Network, pod: &str, asked: Settings) -> Result<Self, ChaosError> {
        let changed = Self::prepare(network, pod, asked).await?;
        if let Err(error) = changed.set().await {
            // Some of them may be in force.
            changed.undo().await?;
            return Err(error);
        }
        Ok(changed)
    }

    /// Looks what the settings are that are to be changed. Nothing is changed yet.
    ///
    /// # Errors
    /// [`ChaosError::NoSettings`], [`ChaosError::Admin`], [`ChaosError::Rpc`].
    pub(crate) async fn prepare(
        network: &Network,
        pod: &str,
        asked: Settings,
    ) -> Result<Self, ChaosError> {
        let node = Node::of(network, pod).await?;
        let there = node.read().await?;
        let unknown: Vec<String> = asked
            .keys()
            .filter(|name| !there.contains_key(*name))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            return Err(ChaosError::NoSettings {
                pod: pod.to_owned(),
                settings: unknown,
                there: there.into_iter().map(|(name, _)| name).collect(),
            });
        }
        Ok(Self {
            before: of(&there, &asked),
            node,
            asked,
        })
    }

    /// Gives the node the settings, and sees that it has them.
    pub(crate) async fn set(&self) -> Result<(), ChaosError> {
        self.node.set(&self.asked).await
    }

    /// The settings that the node had.
    pub(crate) const fn before(&self) -> &Settings {
        &self.before
    }

    /// Whether the node has the settings that it had; else those that it has.
    pub(crate) async fn is_undone(&self) -> Result<Result<(), Settings>, ChaosError> {
        let seen = of(&self.node.read().await?, &self.before);
        Ok(if seen == self.before {
            Ok(())
        } else {
            Err(seen)
        })
    }

    /// The node's pod.
    pub fn pod(&self) -> &str {
        self.node.rpc.pod()
    }

    /// The settings that it is to have, in words.
    pub fn words(&self) -> String {
        words(&self.asked)
    }

    /// Whether the node still has the settings: a restart takes them back.
    ///
    /// # Errors
    /// [`ChaosError::Rpc`].
    pub async fn lasts(&self) -> Result<bool, ChaosError> {
        Ok(of(&self.node.read().await?, &self.asked) == self.asked)
    }

    /// Gives the node the settings that it had, and sees that it has them.
    ///
    /// # Errors
    /// [`ChaosError::NotTaken`], [`ChaosError::Rpc`].
    pub async fn undo(&self) -> Result<(), ChaosError> {
        self.node.set(&self.before).await
    }
}

/// `buildCheckpointIfEmpty = false, minTxsPerBlock = 1000000`.
pub(crate) fn words(settings: &Settings) -> String {
    let each = settings.iter();
    let each: Vec<String> = each
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    each.join(", ")
}

/// Gives a node the settings that it had.
pub(crate) async fn restore(
    network: &Network,
    pod: &str,
    before: &Settings,
) -> Result<(), ChaosError> {
    Node::of(network, pod).await?.set(before).await
}

impl Node {
    async fn of(network: &Network, pod: &str) -> Result<Self, ChaosError> {
        Ok(Self {
            rpc: admin::rpc(network, pod).await?,
            methods: &network.release().await.methods,
        })
    }

    async fn read(&self) -> Result<Settings, ChaosError> {
        Ok(self.rpc.call(self.methods.get_config, json!([])).await?)
    }

    async fn set(&self, asked: &Settings) -> Result<(), ChaosError> {
        self.rpc
            .call::<Value>(self.methods.set_config, json!([asked]))
            .await?;
        let seen = of(&self.read().await?, asked);
        if seen == *asked {
            return Ok(());
        }
        Err(ChaosError::NotTaken {
            pod: self.rpc.pod().to_owned(),
            asked: Value::Object(asked.clone()).to_string(),
            seen: Value::Object(seen).to_string(),
        })
    }
}

/// What `all` says of the settings in `names`.
fn of(all: &Settings, names: &Settings) -> Settings {
    let known = names.keys().filter_map(|name| all.get_key_value(name));
    known
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
