//! Keys by index from the network's mnemonic.

use std::fmt;
use std::path::{Path, PathBuf};

use alloy_primitives::{Address, B256};
use alloy_signer_local::{MnemonicBuilder, PrivateKeySigner};
use aznet_kit::files::{self, FileError};
use aznet_model::keys::KeyRange;
use thiserror::Error;

/// Why there are no keys.
#[derive(Debug, Error)]
pub(crate) enum KeyError {
    /// The Secret is not mounted.
    #[error("there is no mnemonic at {0}; the chart mounts the Secret's key `mnemonic` there")]
    Missing(PathBuf),
    /// The file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not a mnemonic. The reason isn't told: it could hold a word of it.
    #[error(
        "the content of {0} is not a BIP-39 mnemonic in English (12 to 24 words with a right checksum)"
    )]
    Invalid(PathBuf),
    /// The index is out of the range of key derivation.
    #[error("key index {0} is too large")]
    Index(u64),
}

/// The mnemonic. It has no `Display`, and `Debug` hides it.
pub(crate) struct Mnemonic {
    phrase: String,
}

impl fmt::Debug for Mnemonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mnemonic(..)")
    }
}

/// A derived key.
#[derive(Clone)]
pub(crate) struct Key {
    /// Index on `m/44'/60'/0'/0/{index}`.
    pub(crate) index: u32,
    /// Its address.
    pub(crate) address: Address,
    secret: B256,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} {})", self.index, self.address)
    }
}

impl Key {
    /// The private key.
    pub(crate) fn secret(&self) -> B256 {
        self.secret
    }
}

impl Mnemonic {
    /// Reads and checks the mnemonic.
    pub(crate) fn read(path: &Path) -> Result<Self, KeyError> {
        let text =
            files::read_text_if_there(path)?.ok_or_else(|| KeyError::Missing(path.to_owned()))?;
        let phrase = text.split_whitespace().collect::<Vec<_>>().join(" ");
        MnemonicBuilder::try_from_phrase_nth(&phrase, 0)
            .map_err(|_| KeyError::Invalid(path.to_owned()))?;
        Ok(Self { phrase })
    }

    /// The key of an index.
    pub(crate) fn key(&self, index: u32) -> Result<Key, KeyError> {
        let signer: PrivateKeySigner = MnemonicBuilder::try_from_phrase_nth(&self.phrase, index)
            .map_err(|_| KeyError::Index(index.into()))?;
        Ok(Key {
            index,
            address: signer.address(),
            secret: signer.to_bytes(),
        })
    }

    /// The keys of a run of indices.
    pub(crate) fn keys(&self, range: KeyRange) -> Result<Vec<Key>, KeyError> {
        let indices = range.indices().ok_or(KeyError::Index(range.end()))?;
        indices.map(|index| self.key(index)).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The public test mnemonic of anvil and hardhat.
    pub(crate) fn public_mnemonic() -> Mnemonic {
        Mnemonic {
            phrase: "test test test test test test test test test test test junk".into(),
        }
    }

    #[test]
    fn derives_anvils_accounts() {
        let key = public_mnemonic().key(0).expect("derives");
        assert_eq!(
            key.address.to_string(),
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        );
    }

    #[test]
    fn says_nothing_of_a_bad_mnemonic() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("mnemonic");
        std::fs::write(&path, "correct horse battery staple").expect("writes");
        let error = Mnemonic::read(&path)
            .expect_err("not a mnemonic")
            .to_string();
        assert!(!error.contains("horse"), "{error}");
        assert!(matches!(
            Mnemonic::read(&dir.path().join("none")),
            Err(KeyError::Missing(_))
        ));
    }

    #[test]
    fn debug_hides_secrets() {
        let mnemonic = public_mnemonic();
        let key = mnemonic.key(0).expect("derives");
        assert_eq!(format!("{mnemonic:?}"), "Mnemonic(..)");
        assert!(!format!("{key:?}").contains("ac0974"));
    }
}
