//! The validator set as the L1 has it.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolEvent;
use aznet_model::abi::{Escrow, Rollup};
use aznet_model::report::{Attester, Draw, Exit, Standing, ValidatorSet};

use crate::l1::{L1, L1Error};
use crate::set::standing;

/// Of a set up to this size every attester is described: each costs a request.
const SMALL: usize = 256;

/// What to read.
pub(crate) struct Reader<'a> {
    /// The L1.
    pub(crate) l1: &'a L1,
    /// The rollup.
    pub(crate) rollup: Address,
    /// Whether the L1 is a test network's own, short enough to be searched for events.
    pub(crate) anvil: bool,
}

impl Reader<'_> {
    /// Reads the set; `ours` are described whatever its size.
    pub(crate) fn read(&self, ours: &[Address]) -> Result<ValidatorSet, L1Error> {
        let (l1, rollup) = (self.l1, self.rollup);
        let l1_time = l1.block("latest")?.timestamp.to::<u64>();
        let mut set = ValidatorSet {
            rollup,
            l1_time,
            genesis: l1.number(rollup, &Rollup::getGenesisTimeCall {})?,
            slot_duration: l1.number(rollup, &Rollup::getSlotDurationCall {})?,
            epoch_duration: l1.number(rollup, &Rollup::getEpochDurationCall {})?,
            lag_in_epochs: l1.number(rollup, &Rollup::getLagInEpochsForValidatorSetCall {})?,
            committee_size: l1.number(rollup, &Rollup::getTargetCommitteeSizeCall {})?,
            exit_delay: l1.number(rollup, &Rollup::getExitDelayCall {})?,
            active: l1.number(rollup, &Rollup::getActiveAttesterCountCall {})?,
            attesters: Vec::new(),
            queue: standing::queue(l1, rollup)?,
            draws: Vec::new(),
        };
        let escrow = l1.read(rollup, &Rollup::getGSECall {})?;
        let active = self.members(escrow, l1_time, set.active)?;
        set.draws = self.draws(&set, escrow)?;
        let mut described: BTreeSet<Address> = ours.iter().copied().collect();
        described.extend(&set.queue);
        if active.len() <= SMALL {
            described.extend(active);
        }
        if self.anvil {
            described.extend(self.gone()?);
        }
        let attesters = described
            .into_iter()
            .map(|address| self.attester(&set, address));
        set.attesters = attesters.collect::<Result<_, _>>()?;
        set.attesters
            .sort_by_key(|attester| (attester.standing, attester.address));
        Ok(set)
    }

    fn members(&self, escrow: Address, at: u64, count: u64) -> Result<Vec<Address>, L1Error> {
        let call = Escrow::getAttestersFromIndicesAtTimeCall {
            instance: self.rollup,
            timestamp: U256::from(at),
            indices: (0..count).map(U256::from).collect(),
        };
        self.l1.read(escrow, &call)
    }

    /// The epochs that are decided: their snapshots have been taken.
    fn draws(&self, set: &ValidatorSet, escrow: Address) -> Result<Vec<Draw>, L1Error> {
        let now = set.epoch();
        let lag = set.lag_in_epochs * set.epoch_seconds();
        let draw = |epoch| {
            let timestamp = U256::from(set.start_of(epoch));
            let sampled_at = set.start_of(epoch).saturating_sub(lag);
            let size = Rollup::getSamplingSizeAtCall { timestamp };
            let count = self.l1.number(self.rollup, &size)?;
            Ok(Draw {
                epoch,
                from: self.members(escrow, sampled_at, count)?,
                committee: self.committee(epoch)?,
            })
        };
        (now..=now + set.lag_in_epochs).map(draw).collect()
    }

    /// `None` where the contract can't tell (yet).
    fn committee(&self, epoch: u64) -> Result<Option<Vec<Address>>, L1Error> {
        let epoch = U256::from(epoch);
        let call = Rollup::getEpochCommitteeCall { epoch };
        match self.l1.read(self.rollup, &call) {
            Ok(members) => Ok(Some(members)),
            Err(error) if error.is_refusal() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Everyone who ever left or was slashed.
    fn gone(&self) -> Result<Vec<Address>, L1Error> {
        let kinds = [
            Rollup::WithdrawInitiated::SIGNATURE_HASH,
            Rollup::Slashed::SIGNATURE_HASH,
        ];
        let events = self.l1.events(self.rollup, &kinds)?;
        let attester = |topics: Vec<_>| topics.get(1).map(|topic| Address::from_word(*topic));
        Ok(events.into_iter().filter_map(attester).collect())
    }

    fn attester(&self, set: &ValidatorSet, address: Address) -> Result<Attester, L1Error> {
        let call = Rollup::getAttesterViewCall { attester: address };
        let view = self.l1.read(self.rollup, &call)?;
        let standing = match view.standing() {
            Standing::Absent if set.queue.contains(&address) => Standing::Queued,
            standing => standing,
        };
        let withdrawer = view.config.withdrawer;
        let exit = view.exit;
        Ok(Attester {
            address,
            standing,
            stake: view.effectiveBalance,
            withdrawer: (!withdrawer.is_zero()).then_some(withdrawer),
            exit: exit.exists.then(|| Exit {
                amount: exit.amount,
                exitable_at: exit.exitableAt.saturating_to(),
                recipient: exit.isRecipient.then_some(exit.recipientOrWithdrawer),
            }),
        })
    }
}
