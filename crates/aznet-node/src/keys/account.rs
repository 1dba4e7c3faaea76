//! L1 accounts that a pod signs for, wherever their keys are.

use std::fmt;

use alloy_primitives::{Address, B256};

use crate::keys::mnemonic::Key;

/// An account. `Debug` hides its key.
#[derive(Clone)]
pub(crate) struct Account {
    /// Its address.
    pub(crate) address: Address,
    /// Its place among the keys, in words.
    pub(crate) place: String,
    secret: Option<B256>,
}

impl Account {
    /// An account whose key a remote signer holds.
    pub(crate) fn remote(address: Address) -> Self {
        Self {
            address,
            place: "remote signer".to_owned(),
            secret: None,
        }
    }

    /// An account with a key from a file.
    pub(crate) fn stored(address: Address, secret: Option<B256>) -> Self {
        Self {
            address,
            place: "keystore".to_owned(),
            secret,
        }
    }

    /// The private key, if it is here.
    pub(crate) fn secret(&self) -> Option<B256> {
        self.secret
    }
}

impl From<&Key> for Account {
    fn from(key: &Key) -> Self {
        Self {
            address: key.address,
            place: format!("key {}", key.index),
            secret: Some(key.secret()),
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({} {})", self.place, self.address)
    }
}

/// The addresses of accounts.
pub(crate) fn addresses(accounts: &[Account]) -> Vec<Address> {
    accounts.iter().map(|account| account.address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::mnemonic::tests::public_mnemonic;

    #[test]
    fn debug_hides_the_key() {
        let key = public_mnemonic().key(0).expect("derives");
        let account = Account::from(&key);
        assert!(account.secret().is_some());
        assert_eq!(
            format!("{account:?}"),
            "Account(key 0 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266)"
        );
    }
}
