//! A network's protocol time, as it was deployed with: what deadlines are made of.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chain::{Epoch, Slot};

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
    /// Time between two blocks of the L1.
    pub l1_block: Duration,
}

impl ProtocolTime {
    /// Reads it from the text that pods read as [`crate::config::NetworkConfig`], and no more of that than it needs: networks
    /// of other versions have other settings.
    ///
    /// # Errors
    /// What is missing.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let settings: Settings = serde_json::from_str(text)?;
        Ok(Self {
            slot: Duration::from_secs(settings.slot_duration),
            epoch_slots: settings.epoch_duration,
            proof_submission_epochs: settings.proof_submission_epochs,
            finality: settings.l1.finality(),
            l1_block: Duration::from_secs(settings.l1.block_time),
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

/// Protocol time: what turns a clock into slots and epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Timing {
    /// Start of slot 0, in Unix seconds.
    pub genesis: u64,
    /// Length of a slot.
    pub slot: Duration,
    /// Slots in an epoch.
    pub epoch_slots: u64,
    /// Epochs after its end in which an epoch's proof is accepted.
    pub proof_submission_epochs: u64,
}

/// A point in protocol time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// The slot.
    pub slot: Slot,
    /// The epoch.
    pub epoch: Epoch,
    /// Seconds since the slot began.
    pub seconds_into_slot: u64,
    /// Seconds in a slot.
    pub slot_seconds: u64,
    /// The slot's place in its epoch, from 0.
    pub slot_in_epoch: u64,
    /// Slots in an epoch.
    pub epoch_slots: u64,
}

impl Moment {
    /// Seconds until the next epoch begins.
    pub const fn seconds_left_of_epoch(&self) -> u64 {
        (self.epoch_slots - self.slot_in_epoch) * self.slot_seconds - self.seconds_into_slot
    }
}

impl Timing {
    /// Where `unix_seconds` is in protocol time; before genesis counts as slot 0.
    pub fn at(&self, unix_seconds: u64) -> Moment {
        let slot_seconds = self.slot.as_secs().max(1);
        let epoch_slots = self.epoch_slots.max(1);
        let since = unix_seconds.saturating_sub(self.genesis);
        let slot = since / slot_seconds;
        Moment {
            slot: Slot(slot),
            epoch: Epoch(slot / epoch_slots),
            seconds_into_slot: since % slot_seconds,
            slot_seconds,
            slot_in_epoch: slot % epoch_slots,
            epoch_slots,
        }
    }

    /// The length of `n` slots.
    pub fn slots(&self, n: u32) -> Duration {
        self.slot * n
    }

    /// The length of `n` epochs.
    pub fn epochs(&self, n: u32) -> Duration {
        self.slot * n * u32::try_from(self.epoch_slots).unwrap_or(u32::MAX)
    }

    /// From the begin of an epoch until its proof is accepted no more.
    pub fn proof_window(&self) -> Duration {
        self.epochs(1 + u32::try_from(self.proof_submission_epochs).unwrap_or(u32::MAX - 1))
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
    fn a_clock_becomes_slots_and_epochs() {
        let timing = Timing {
            genesis: 1_000,
            slot: Duration::from_secs(12),
            epoch_slots: 4,
            proof_submission_epochs: 2,
        };
        let moment = timing.at(1_000 + 12 * 37 + 5);
        assert_eq!((moment.slot, moment.epoch), (Slot(37), Epoch(9)));
        assert_eq!((moment.seconds_into_slot, moment.slot_in_epoch), (5, 1));
        assert_eq!(moment.seconds_left_of_epoch(), 2 * 12 + 7);
        assert_eq!(timing.at(3).slot, Slot(0));
        assert_eq!(
            (timing.slots(2).as_secs(), timing.epochs(2).as_secs()),
            (24, 96)
        );
    }

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
