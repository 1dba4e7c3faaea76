//! Sends L1 transactions with the signature of whom they are from: by a key that is here, or by a remote signer.

use alloy_consensus::{SignableTransaction, TxEip1559, transaction::RlpEcdsaEncodableTx};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U64, U128, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall;
use aznet_kit::wait::{Look, WaitError};
use serde_json::{Value, json};
use thiserror::Error;

use crate::keys::account::Account;
use crate::l1::{Fate, L1, L1Error};
use crate::wait::TimeLimit;
use aznet_kit::rpc::{Rpc, RpcError};

/// Why a transaction was not made.
#[derive(Debug, Error)]
pub(crate) enum WalletError {
    /// The L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The remote signer.
    #[error("the remote signer does not sign for {from}")]
    Signer {
        /// Whose signature was asked for.
        from: Address,
        /// Why.
        #[source]
        source: RpcError,
    },
    /// The key does not sign.
    #[error("the key of {from} can't sign")]
    Key {
        /// Whose key.
        from: Address,
        /// Why.
        #[source]
        source: alloy_signer::Error,
    },
    /// Not in a block in time.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// In a block, without effect.
    #[error("transaction {transaction} of {from} reverted")]
    Reverted {
        /// Who sent it.
        from: Address,
        /// The transaction.
        transaction: B256,
    },
}

/// An account that can sign.
pub(crate) enum Wallet {
    /// By a key.
    Key(PrivateKeySigner),
    /// By a remote signer.
    Remote(Address, Rpc),
}

impl Wallet {
    /// The account's wallet; `None` if its key is neither here nor with `signer`.
    pub(crate) fn of(account: &Account, signer: Option<&str>) -> Option<Self> {
        if let Some(secret) = account.secret() {
            return PrivateKeySigner::from_bytes(&secret).ok().map(Self::Key);
        }
        signer.map(|url| Self::Remote(account.address, Rpc::new(url)))
    }

    /// The account.
    pub(crate) fn address(&self) -> Address {
        match self {
            Self::Key(key) => key.address(),
            Self::Remote(address, _) => *address,
        }
    }

    /// Sends `call` to a contract and waits until it is in a block; one that reverted is an error.
    pub(crate) fn transact<C: SolCall>(
        &self,
        (l1, chain_id): (&L1, u64),
        to: Address,
        call: &C,
        limit: TimeLimit,
    ) -> Result<B256, WalletError> {
        let (from, input) = (self.address(), Bytes::from(call.abi_encode()));
        let (max_fee_per_gas, max_priority_fee_per_gas) = l1.fees()?;
        let transaction = TxEip1559 {
            chain_id,
            nonce: l1.nonce(from)?,
            gas_limit: l1.gas(from, to, &input)?,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to: TxKind::Call(to),
            input,
            ..TxEip1559::default()
        };
        let sent = l1.send_raw(&self.sign(transaction)?)?;
        let what = format!("transaction {sent} in a block");
        let fate = limit.until::<_, WaitError>(&what, || {
            Ok(match l1.fate(sent) {
                Ok(Fate::Pending) => Look::pending("pending"),
                fate => Look::from(fate),
            })
        })?;
        if fate == Fate::Reverted {
            let transaction = sent;
            return Err(WalletError::Reverted { from, transaction });
        }
        Ok(sent)
    }

    fn sign(&self, transaction: TxEip1559) -> Result<Bytes, WalletError> {
        match self {
            Self::Key(key) => signed(transaction, key).map_err(|source| {
                let from = key.address();
                WalletError::Key { from, source }
            }),
            Self::Remote(from, signer) => {
                let ask = || -> Result<Bytes, RpcError> {
                    const METHOD: &str = "eth_signTransaction";
                    let answer = signer.call(METHOD, &asked(*from, &transaction))?;
                    serde_json::from_value(answer)
                        .map_err(|_| signer.unexpected(METHOD, "a signed transaction"))
                };
                let from = *from;
                ask().map_err(|source| WalletError::Signer { from, source })
            }
        }
    }
}

/// A transaction with its signature, as the L1 takes it.
pub(crate) fn signed<T>(transaction: T, key: &PrivateKeySigner) -> alloy_signer::Result<Bytes>
where
    T: SignableTransaction<Signature> + RlpEcdsaEncodableTx,
{
    let signature = key.sign_hash_sync(&transaction.signature_hash())?;
    let mut bytes = Vec::new();
    transaction
        .into_signed(signature)
        .eip2718_encode(&mut bytes);
    Ok(bytes.into())
}

/// The parameters of `eth_signTransaction`.
fn asked(from: Address, transaction: &TxEip1559) -> Value {
    json!([{
        "from": from,
        "to": transaction.to.to(),
        "data": transaction.input,
        "value": U256::ZERO,
        "nonce": U64::from(transaction.nonce),
        "gas": U64::from(transaction.gas_limit),
        "maxFeePerGas": U128::from(transaction.max_fee_per_gas),
        "maxPriorityFeePerGas": U128::from(transaction.max_priority_fee_per_gas),
    }])
}
