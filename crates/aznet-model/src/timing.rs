//! A network's protocol time, as it was deployed with: what deadlines are made of.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use serde::Deserialize;

use crate::namespace::{NamespaceError, Network};

/// The ConfigMap that every pod reads its network's settings from, and its key.
const CONFIG: (&str, &str) = ("network-config", "network.json");

/// Finality of a public L1: two epochs of 32 slots of 12 s, and one more, since blocks come late now and then.
const PUBLIC_FINALITY: Duration = Duration::from_secs(3 * 32 * 12);

/// How long things take in a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtocolTime {
    /// Length of a slot.
    pub slot: Duration,
    /// Slots in an epoch.
    pub epoch_slots: u32,
    /// Epochs after its end in which an epoch's proof is accepted.
    pub proof_submission_epochs: u32,
    /// From an L1 block until it is final.
    pub finality: Duration,
}

/// Why a network's timing isn't known.
#[derive(Debug, thiserror::Error)]
pub enum TimingError {
    /// The Kubernetes API failed, or the ConfigMap is missing.
    #[error(transparent)]
    Api(#[from] NamespaceError),
    /// The settings aren't as expected: the network is of another version.
    #[error(
        "ConfigMap network-config of network {network} has no timing: is it of another version of the chart?"
    )]
    Unknown {
        /// The network.
        network: String,
        /// What is missing.
        #[source]
        source: serde_json::Error,
    },
}

impl ProtocolTime {
    /// Reads it from the network's settings.
    ///
    /// # Errors
    /// [`TimingError`].
    pub async fn read(network: &Network) -> Result<Self, TimingError> {
        let api: kube::Api<ConfigMap> = network.api();
        let settings = api
            .get(CONFIG.0)
            .await
            .map_err(|source| network.failed("read ConfigMap network-config", source))?;
        let text = settings
            .data
            .as_ref()
            .and_then(|data| data.get(CONFIG.1))
            .map_or("", String::as_str);
        Self::parse(text).map_err(|source| TimingError::Unknown {
            network: network.name().to_owned(),
            source,
        })
    }

    fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let settings: Settings = serde_json::from_str(text)?;
        Ok(Self {
            slot: Duration::from_secs(settings.slot_duration),
            epoch_slots: settings.epoch_duration,
            proof_submission_epochs: settings.proof_submission_epochs,
            finality: settings.l1.finality(),
        })
    }

    /// The length of `n` slots.
    pub fn slots(&self, n: u32) -> Duration {
        self.slot * n
    }

    /// The length of `n` epochs.
    pub fn epochs(&self, n: u32) -> Duration {
        self.slots(n * self.epoch_slots)
    }

    /// The longest that a block may wait for its proof: the rest of its epoch, the time in which the proof is accepted,
    /// and an epoch of slack.
    pub fn proven_within(&self) -> Duration {
        self.epochs(2 + self.proof_submission_epochs)
    }

    /// The longest that a proven block may wait until that is final.
    pub fn finalized_within(&self) -> Duration {
        self.finality + self.epochs(2)
    }
}

/// What of the settings is used here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    slot_duration: u64,
    epoch_duration: u32,
    proof_submission_epochs: u32,
    l1: L1Settings,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct L1Settings {
    block_time: u64,
    anvil: bool,
    slots_in_an_epoch: u64,
}

impl L1Settings {
    /// anvil calls a block final that is two of its epochs old.
    const fn finality(&self) -> Duration {
        if self.anvil {
            Duration::from_secs(2 * self.slots_in_an_epoch * self.block_time)
        } else {
            PUBLIC_FINALITY
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_follow_from_the_settings() {
        let text = r#"{"slotDuration": 12, "epochDuration": 4, "proofSubmissionEpochs": 2, "more": true,
            "l1": {"blockTime": 4, "anvil": true, "slotsInAnEpoch": 32, "chainId": 31337}}"#;
        let time = ProtocolTime::parse(text).unwrap();
        assert_eq!(
            (time.slots(3).as_secs(), time.epochs(2).as_secs()),
            (36, 96)
        );
        assert_eq!(
            (
                time.proven_within().as_secs(),
                time.finalized_within().as_secs()
            ),
            (192, 352)
        );
    }

    #[test]
    fn a_public_chain_takes_longer() {
        let text = r#"{"slotDuration": 72, "epochDuration": 32, "proofSubmissionEpochs": 1,
            "l1": {"blockTime": 12, "anvil": false, "slotsInAnEpoch": 32}}"#;
        assert_eq!(ProtocolTime::parse(text).unwrap().finality.as_secs(), 1152);
        assert!(ProtocolTime::parse("").is_err());
    }
}
