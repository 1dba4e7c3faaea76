//! Brings a validator pod's attesters into the validator set of a test network.
//!
//! The first validators are registered when the contracts are deployed. A replica added later finds its attesters
//! missing and registers them; transactions go out in the names of minter and attester, for which anvil needs no key
//! and picks the nonces, so that pods that start together don't clash.

use alloy_primitives::{Address, B256};
use alloy_sol_types::SolCall;
use aznet_kit::error::chain;
use aznet_kit::wait::{Look, WaitError};
use aznet_model::abi::{Escrow, Rollup, StakingAsset};
use aznet_model::report::Standing;
use thiserror::Error;

use crate::console::say;
use crate::keys::account::Account;
use crate::keys::bls::BlsKey;
use crate::l1::{Fate, L1, L1Error, funding};
use crate::set::standing::standing;
use crate::wait::TimeLimit;

/// Why attesters are not registered.
#[derive(Debug, Error)]
pub(crate) enum RegistrarError {
    /// The L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// A step took too long.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The escrow's digest is not a point of the curve.
    #[error(
        "the staking escrow {0} gave a registration digest that is not on the curve; is it Aztec 4.x?"
    )]
    Digest(Address),
}

/// Where and with whom attesters register.
pub(crate) struct Registrar<'a> {
    /// The L1.
    pub(crate) l1: &'a L1,
    /// The rollup.
    pub(crate) rollup: Address,
    /// Whether this is the chart's own anvil, on which pods register by themselves.
    pub(crate) anvil: bool,
    /// Limit for all of it.
    pub(crate) limit: TimeLimit,
}

impl Registrar<'_> {
    /// Says where each attester stands, and on the chart's anvil registers those that are missing.
    pub(crate) fn ensure(&self, attesters: &[Account]) -> Result<(), RegistrarError> {
        let mut missing = Vec::new();
        let mut queued = Vec::new();
        for account in attesters {
            let found = standing(self.l1, self.rollup, account.address)?;
            report(account, found);
            match found {
                Standing::Absent => missing.push(account.address),
                Standing::Queued => queued.push(account.address),
                _ => {}
            }
        }
        if !self.anvil || (missing.is_empty() && queued.is_empty()) {
            return Ok(());
        }
        self.deposit(&missing)?;
        queued.append(&mut missing);
        self.flush(&queued)
    }

    /// Mints, approves and deposits the stake: each step for all attesters at once, since a step costs an L1 block.
    fn deposit(&self, attesters: &[Address]) -> Result<(), RegistrarError> {
        if attesters.is_empty() {
            return Ok(());
        }
        let amount = self
            .l1
            .read(self.rollup, &Rollup::getActivationThresholdCall {})?;
        let asset = self.l1.read(self.rollup, &Rollup::getStakingAssetCall {})?;
        let minter = self.l1.read(asset, &StakingAsset::ownerCall {})?;
        funding::fund(self.l1, attesters.iter().copied().chain([minter]))?;
        let spender = self.rollup;
        self.for_all("minting of the stake", attesters, |to| {
            self.send(minter, asset, &StakingAsset::mintCall { to, amount })
        })?;
        self.for_all("approval of the stake", attesters, |attester| {
            self.send(
                attester,
                asset,
                &StakingAsset::approveCall { spender, amount },
            )
        })?;
        let escrow = self.l1.read(self.rollup, &Rollup::getGSECall {})?;
        self.for_all("deposit of the stake", attesters, |attester| {
            self.send(attester, self.rollup, &self.registration(escrow, attester)?)
        })?;
        Ok(())
    }

    fn registration(
        &self,
        escrow: Address,
        attester: Address,
    ) -> Result<Rollup::depositCall, RegistrarError> {
        let key = BlsKey::random();
        let public_key = key.public_g1();
        let digest = Escrow::getRegistrationDigestCall {
            publicKey: public_key.clone(),
        };
        let digest = self.l1.read(escrow, &digest)?;
        Ok(Rollup::depositCall {
            attester,
            withdrawer: attester,
            publicKeyInG1: public_key,
            publicKeyInG2: key.public_g2(),
            proofOfPossession: key.sign(&digest).ok_or(RegistrarError::Digest(escrow))?,
            moveWithLatestRollup: true,
        })
    }

    /// Lets the queue in until all of `attesters` have left it; the contract limits how many enter in an epoch.
    pub(crate) fn flush(&self, attesters: &[Address]) -> Result<(), RegistrarError> {
        self.limit
            .until::<_, WaitError>("a place in the validator set", || {
                Ok(Look::or_pending(self.let_one_in(attesters)))
            })?;
        say(format_args!(
            "{} attesters joined the validator set; they attest after the next epochs' committees are drawn",
            attesters.len()
        ));
        Ok(())
    }

    fn let_one_in(&self, attesters: &[Address]) -> Result<Look<()>, RegistrarError> {
        let waiting = self.still_waiting(attesters)?;
        let Some(one) = waiting.first() else {
            return Ok(Look::Done(()));
        };
        let free = self
            .l1
            .read(self.rollup, &Rollup::getAvailableValidatorFlushesCall {})?;
        if free.is_zero() {
            return Ok(Look::pending("no more validators may enter in this epoch"));
        }
        self.for_all("entry into the validator set", &[*one], |sender| {
            self.send(sender, self.rollup, &Rollup::flushEntryQueueCall {})
        })?;
        let count = waiting.len();
        Ok(Look::Pending(format!("{count} attesters in the queue")))
    }

    fn still_waiting(&self, attesters: &[Address]) -> Result<Vec<Address>, L1Error> {
        let mut waiting = Vec::new();
        for attester in attesters {
            if standing(self.l1, self.rollup, *attester)? != Standing::Validating {
                waiting.push(*attester);
            }
        }
        Ok(waiting)
    }

    /// Sends a transaction for each attester and waits until all worked. One that reverted or got lost is sent again:
    /// another pod may have been quicker with the same nonce, or the L1 was restarted.
    fn for_all(
        &self,
        what: &str,
        attesters: &[Address],
        transact: impl Fn(Address) -> Result<B256, RegistrarError>,
    ) -> Result<(), RegistrarError> {
        let mut open: Vec<(Address, Option<B256>)> =
            attesters.iter().map(|attester| (*attester, None)).collect();
        self.limit.until::<_, WaitError>(what, || {
            let mut reason = "not in a block yet".to_owned();
            open.retain_mut(
                |(attester, sent)| match self.step(*attester, sent, &transact) {
                    Ok(done) => !done,
                    Err(error) => {
                        reason = chain(&error);
                        true
                    }
                },
            );
            Ok(if open.is_empty() {
                Look::Done(())
            } else {
                Look::Pending(reason)
            })
        })?;
        Ok(())
    }

    /// Sends what is not sent, looks at what is; `true` when it is done.
    fn step(
        &self,
        attester: Address,
        sent: &mut Option<B256>,
        transact: &impl Fn(Address) -> Result<B256, RegistrarError>,
    ) -> Result<bool, RegistrarError> {
        let Some(transaction) = *sent else {
            *sent = Some(transact(attester)?);
            return Ok(false);
        };
        match self.l1.fate(transaction)? {
            Fate::Succeeded => Ok(true),
            Fate::Pending => Ok(false),
            Fate::Reverted => {
                *sent = None;
                Ok(false)
            }
        }
    }

    fn send<C: SolCall>(
        &self,
        from: Address,
        to: Address,
        call: &C,
    ) -> Result<B256, RegistrarError> {
        Ok(self.l1.send_as(from, to, call)?)
    }
}

fn report(account: &Account, standing: Standing) {
    let (address, place) = (account.address, &account.place);
    let words = match standing {
        Standing::Validating => "is in the validator set",
        Standing::Queued => "waits in the entry queue",
        Standing::Absent => "is not in the validator set",
        Standing::Ejected => "was slashed out of the validator set; it will not attest",
        Standing::Leaving => "is leaving the validator set; it will not attest",
        Standing::Retired => {
            "has left the validator set, and the L1 never takes an address again; it will not attest"
        }
    };
    say(format_args!("attester {address} ({place}) {words}"));
}
