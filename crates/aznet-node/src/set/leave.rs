//! Takes attesters out of the validator set, with the signature of who may: their withdrawer.

use alloy_primitives::Address;
use aznet_kit::error::chain;
use aznet_kit::wait::Look;
use aznet_model::abi::Rollup;
use aznet_model::report::{Attester, Left, Outcome, Standing, ValidatorSet};
use thiserror::Error;

use crate::console::say;
use crate::keys::wallet::{Wallet, WalletError};
use crate::l1::{L1, L1Error, funding};
use crate::set::reader::Reader;
use crate::set::registrar::{Registrar, RegistrarError};
use crate::wait::TimeLimit;

/// Why attesters do not leave.
#[derive(Debug, Error)]
pub(crate) enum LeaveError {
    /// The L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// A transaction.
    #[error("{attester} can't leave the validator set")]
    Transaction {
        /// The attester.
        attester: Address,
        /// Why.
        #[source]
        source: WalletError,
    },
    /// The queue does not let it in, and only then it can leave.
    #[error(transparent)]
    Queue(#[from] RegistrarError),
    /// Nobody could be drawn any more.
    #[error(
        "{leaving} of {active} validators can't leave: a committee needs {size}, and with fewer none is ever drawn again: the chain would halt for good. Add validators first"
    )]
    Committee {
        /// How many would leave.
        leaving: u64,
        /// How many there are.
        active: u64,
        /// Members of a committee.
        size: u64,
    },
}

/// Where attesters leave, and who can sign for them.
pub(crate) struct Leaving<'a> {
    /// The L1.
    pub(crate) l1: &'a L1,
    /// Its chain id.
    pub(crate) chain_id: u64,
    /// Whether it is the chart's own anvil, on which accounts are filled up before they pay.
    pub(crate) anvil: bool,
    /// Accounts that may be withdrawers.
    pub(crate) wallets: &'a [Wallet],
    /// Limit for all of it.
    pub(crate) limit: TimeLimit,
}

impl Leaving<'_> {
    /// Takes `attesters` out of the set, or says for each why not. Those that are out already stay so.
    pub(crate) fn leave(
        &self,
        reader: &Reader<'_>,
        attesters: &[Address],
    ) -> Result<Vec<Left>, LeaveError> {
        let mut set = reader.read(attesters)?;
        check(&set, attesters)?;
        if self.let_in(&set, attesters)? {
            set = reader.read(attesters)?;
        }
        let leave = |attester: &Address| {
            let known = set
                .attesters
                .iter()
                .find(|known| known.address == *attester);
            let outcome = match known {
                Some(known) => self.one(set.rollup, known)?,
                None => Outcome::Nothing,
            };
            Ok(Left {
                attester: *attester,
                outcome,
            })
        };
        attesters.iter().map(leave).collect()
    }

    /// Who waits in the queue has to enter before it can leave.
    fn let_in(&self, set: &ValidatorSet, attesters: &[Address]) -> Result<bool, LeaveError> {
        let waits = |attester: &&Address| set.queue.contains(attester);
        let queued: Vec<Address> = attesters.iter().filter(waits).copied().collect();
        if queued.is_empty() || !self.anvil {
            return Ok(false);
        }
        let registrar = Registrar {
            l1: self.l1,
            rollup: set.rollup,
            anvil: self.anvil,
            limit: self.limit,
        };
        registrar.flush(&queued)?;
        Ok(true)
    }

    fn one(&self, rollup: Address, attester: &Attester) -> Result<Outcome, LeaveError> {
        // An ejected one has a stake that nobody gets before the withdrawer says who.
        let Some(withdrawer) = attester.withdrawer.filter(|_| in_or_ejected(attester)) else {
            return Ok(Outcome::Nothing);
        };
        let wallet = self
            .wallets
            .iter()
            .find(|wallet| wallet.address() == withdrawer);
        let Some(wallet) = wallet else {
            return Ok(Outcome::NeedsWithdrawer { withdrawer });
        };
        if self.anvil {
            funding::fund(self.l1, [withdrawer])?;
        }
        let call = Rollup::initiateWithdrawCall {
            attester: attester.address,
            recipient: withdrawer,
        };
        let sent = self.send(wallet, rollup, &call);
        let transaction = sent.map_err(|source| LeaveError::Transaction {
            attester: attester.address,
            source,
        })?;
        let address = attester.address;
        say(format_args!(
            "attester {address} has left the validator set, signed by its withdrawer {withdrawer}"
        ));
        Ok(Outcome::Withdrew { transaction })
    }

    /// The node itself may use the account at the same moment and take the nonce: then another try.
    fn send(
        &self,
        wallet: &Wallet,
        rollup: Address,
        call: &Rollup::initiateWithdrawCall,
    ) -> Result<alloy_primitives::B256, WalletError> {
        let (l1, limit) = ((self.l1, self.chain_id), self.limit);
        limit.until("the withdrawal in a block", || {
            match wallet.transact(l1, rollup, call, limit) {
                Err(error) if chain(&error).to_lowercase().contains("nonce") => {
                    Ok(Look::Pending(chain(&error)))
                }
                sent => sent.map(Look::Done),
            }
        })
    }
}

fn in_or_ejected(attester: &Attester) -> bool {
    let way_out = attester.exit.as_ref();
    match attester.standing {
        Standing::Validating | Standing::Queued => true,
        Standing::Ejected => way_out.is_some_and(|exit| exit.recipient.is_none()),
        Standing::Leaving | Standing::Retired | Standing::Absent => false,
    }
}

/// # Errors
/// [`LeaveError::Committee`] where fewer would be left than a committee has members.
pub(crate) fn check(set: &ValidatorSet, attesters: &[Address]) -> Result<(), LeaveError> {
    let validating = set
        .attesters
        .iter()
        .filter(|known| known.standing == Standing::Validating);
    let leaving = validating
        .filter(|known| attesters.contains(&known.address))
        .count() as u64;
    if !set.can_spare(leaving) {
        return Err(LeaveError::Committee {
            leaving,
            active: set.active,
            size: set.committee_size,
        });
    }
    Ok(())
}
