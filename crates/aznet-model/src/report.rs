//! What `aznet-node validators` and `aznet-node image` tell: one JSON document, the last line of their output. `aznet` reads it
//! with these types.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

/// What a pod knows of validators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    /// Addresses that the pod itself signs for.
    pub held: Held,
    /// The validator set on L1; `None` where it wasn't asked for.
    pub set: Option<ValidatorSet>,
    /// Attesters of other pods that were asked about, as far as this pod knows them.
    pub others: BTreeMap<String, Vec<Address>>,
    /// What became of attesters that were to leave; empty where none was.
    pub left: Vec<Left>,
}

/// What a pod's image has of what its release's profile says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageReport {
    /// The version of Aztec; `None` where no file tells it.
    pub version: Option<String>,
    /// Options that processes are started with, against `start --help`.
    pub options: Compared,
    /// Variables that are set here, against what the programs mention.
    pub variables: Compared,
}

/// Names of a profile, held against an image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Compared {
    /// How many names were looked for.
    pub names: usize,
    /// Those of them that the image does not know.
    pub missing: Vec<String>,
    /// Names that by the profile only other releases know, and the image does, too.
    pub unforeseen: Vec<String>,
}

/// Addresses that a pod signs for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Held {
    /// Attesters: they propose and attest.
    pub attesters: Vec<Address>,
    /// Publishers: they send the L1 transactions.
    pub publishers: Vec<Address>,
    /// Where the keys are.
    pub keys: KeySource,
}

/// Where a pod's keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeySource {
    /// Derived from the network's mnemonic.
    #[default]
    Mnemonic,
    /// In a file of the keystore Secret.
    Keystore,
    /// With a remote signer.
    RemoteSigner,
}

/// The validator set on L1 at one moment. Times are Unix seconds of the L1, amounts the staking asset's smallest unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidatorSet {
    /// The rollup contract.
    pub rollup: Address,
    /// Time of the newest L1 block.
    pub l1_time: u64,
    /// Start of slot 0.
    pub genesis: u64,
    /// Seconds in a slot.
    pub slot_duration: u64,
    /// Slots in an epoch.
    pub epoch_duration: u64,
    /// Epochs between the snapshot of the set and the committee drawn from it.
    pub lag_in_epochs: u64,
    /// Members of a committee; fewer validators than these, and none can be drawn.
    pub committee_size: u64,
    /// Seconds for which the stake of a validator that leaves stays locked.
    pub exit_delay: u64,
    /// Validators at this moment.
    pub active: u64,
    /// Attesters in words: all of a small set; of a large one those of the network and those that leave.
    pub attesters: Vec<Attester>,
    /// Attesters that wait for a place, in their order.
    pub queue: Vec<Address>,
    /// The epochs whose committees are decided, from the one under way on.
    pub draws: Vec<Draw>,
}

/// An attester as the L1 has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attester {
    /// Its address.
    pub address: Address,
    /// Where it stands.
    pub standing: Standing,
    /// Its stake.
    pub stake: U256,
    /// Who may take the stake back; `None` for one that was never registered.
    pub withdrawer: Option<Address>,
    /// Its way out, if it is on it.
    pub exit: Option<Exit>,
}

/// Where an attester stands on L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// In the validator set.
    Validating,
    /// In the entry queue.
    Queued,
    /// Slashed below the threshold: out of the set, with a rest of its stake locked.
    Ejected,
    /// Left by itself; its stake is locked until the exit delay is over.
    Leaving,
    /// Was in the set once; the L1 never takes its address again.
    Retired,
    /// Unknown to the rollup.
    Absent,
}

/// Stake on its way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exit {
    /// How much.
    pub amount: U256,
    /// When it can be taken.
    pub exitable_at: u64,
    /// Who gets it; `None`: the withdrawer hasn't said yet.
    pub recipient: Option<Address>,
}

/// From whom an epoch's committee is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Draw {
    /// The epoch.
    pub epoch: u64,
    /// Everyone who was in the set at the snapshot.
    pub from: Vec<Address>,
    /// The committee; `None` while its random value isn't fixed.
    pub committee: Option<Vec<Address>>,
}

/// What became of an attester that was to leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Left {
    /// The attester.
    pub attester: Address,
    /// What was done.
    pub outcome: Outcome,
}

/// What was done to make an attester leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "did", deny_unknown_fields)]
pub enum Outcome {
    /// Its withdrawer signed; the transaction is in a block.
    Withdrew {
        /// The transaction.
        transaction: B256,
    },
    /// Nothing: it is out or on its way out.
    Nothing,
    /// Nothing: only its withdrawer may do it, and that key isn't here.
    NeedsWithdrawer {
        /// The withdrawer.
        withdrawer: Address,
    },
}

impl ValidatorSet {
    /// Seconds in an epoch.
    pub fn epoch_seconds(&self) -> u64 {
        (self.slot_duration * self.epoch_duration).max(1)
    }

    /// The epoch under way on L1.
    pub fn epoch(&self) -> u64 {
        self.l1_time.saturating_sub(self.genesis) / self.epoch_seconds()
    }

    /// When an epoch begins.
    pub fn start_of(&self, epoch: u64) -> u64 {
        self.genesis + epoch * self.epoch_seconds()
    }

    /// The first epoch whose committee isn't decided: a change of the set now counts from it on.
    pub fn next_undecided(&self) -> u64 {
        let decided = self.draws.last().map(|draw| draw.epoch + 1);
        decided.unwrap_or_else(|| self.epoch() + self.lag_in_epochs + 1)
    }

    /// The first epoch, from the one under way on, whose committee `attester` may be drawn into, given that it is in
    /// the set now.
    pub fn drawn_from(&self, attester: Address) -> u64 {
        self.first_draw(|from| from.contains(&attester))
    }

    /// The first epoch, from the one under way on, whose committee `attester` can't be in, given that it is out of the
    /// set now.
    pub fn out_from(&self, attester: Address) -> u64 {
        // Later draws can't bring it back, so the last one with it decides.
        let last = self
            .draws
            .iter()
            .rfind(|draw| draw.from.contains(&attester));
        last.map_or_else(|| self.epoch(), |draw| draw.epoch + 1)
    }

    /// Whether committees can still be drawn when `leaving` validators are gone: with fewer than a committee has members,
    /// none ever is again.
    pub fn can_spare(&self, leaving: u64) -> bool {
        leaving == 0 || self.active.saturating_sub(leaving) >= self.committee_size
    }

    fn first_draw(&self, fits: impl Fn(&[Address]) -> bool) -> u64 {
        let draw = self.draws.iter().find(|draw| fits(&draw.from));
        draw.map_or_else(|| self.next_undecided(), |draw| draw.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(n: u8) -> Address {
        Address::repeat_byte(n)
    }

    fn draw(epoch: u64, from: &[u8]) -> Draw {
        Draw {
            epoch,
            from: from.iter().copied().map(who).collect(),
            committee: None,
        }
    }

    /// In epoch 10, with a lag of one.
    fn set(draws: Vec<Draw>) -> ValidatorSet {
        ValidatorSet {
            rollup: who(0xff),
            l1_time: 1_000 + 10 * 48 + 5,
            genesis: 1_000,
            slot_duration: 12,
            epoch_duration: 4,
            lag_in_epochs: 1,
            committee_size: 2,
            exit_delay: 172_800,
            active: 3,
            attesters: Vec::new(),
            queue: Vec::new(),
            draws,
        }
    }

    #[test]
    fn who_enters_now_is_drawn_after_what_is_decided() {
        let set = set(vec![draw(10, &[1, 2]), draw(11, &[1, 2])]);
        assert_eq!(set.epoch(), 10);
        assert_eq!(set.drawn_from(who(3)), 12);
        assert_eq!(set.start_of(12), 1_000 + 12 * 48);
    }

    #[test]
    fn who_was_in_a_snapshot_is_drawn_from_that_epoch_on() {
        let set = set(vec![draw(10, &[1, 2]), draw(11, &[1, 2, 3])]);
        assert_eq!(set.drawn_from(who(3)), 11);
        assert_eq!(set.drawn_from(who(1)), 10);
    }

    #[test]
    fn who_leaves_is_out_when_no_snapshot_has_it() {
        let both = set(vec![draw(10, &[1, 2]), draw(11, &[1, 2])]);
        assert_eq!(both.out_from(who(2)), 12);
        let one = set(vec![draw(10, &[1, 2]), draw(11, &[1])]);
        assert_eq!(one.out_from(who(2)), 11);
        let none = set(vec![draw(10, &[1]), draw(11, &[1])]);
        assert_eq!(none.out_from(who(2)), 10);
    }

    #[test]
    fn a_committee_s_worth_of_validators_must_stay() {
        let three_of_two = set(Vec::new());
        assert!(three_of_two.can_spare(1));
        assert!(!three_of_two.can_spare(2));
        assert!(!three_of_two.can_spare(9));
        let short = ValidatorSet {
            active: 1,
            ..three_of_two
        };
        assert!(short.can_spare(0) && !short.can_spare(1));
    }

    #[test]
    fn a_report_reads_as_it_was_written() {
        let report = Report {
            held: Held {
                attesters: vec![who(1)],
                publishers: vec![who(9)],
                keys: KeySource::RemoteSigner,
            },
            set: Some(set(vec![draw(10, &[1])])),
            others: [("validator-4".to_owned(), vec![who(4)])].into(),
            left: vec![Left {
                attester: who(1),
                outcome: Outcome::NeedsWithdrawer { withdrawer: who(2) },
            }],
        };
        let text = serde_json::to_string(&report).expect("serializes");
        assert!(text.contains(r#""keys":"remote-signer""#), "{text}");
        assert_eq!(
            serde_json::from_str::<Report>(&text).expect("reads"),
            report
        );
    }
}
