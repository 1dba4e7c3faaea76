//! The key store Aztec reads: a file in memory, for its owner only. Keys in the environment would reach every child
//! process and Node's diagnostic reports, and arguments are for all to see.

use std::path::{Path, PathBuf};

use alloy_primitives::{Address, B256};
use alloy_signer_local::{MnemonicBuilder, PrivateKeySigner};
use aznet_kit::files::{self, Access, FileError};
use aznet_model::keystore::NoKeystore;
use serde_json::{Value, json};
use thiserror::Error;

use crate::keys::account::Account;

/// File of the store.
const FILE: &str = "keys.json";
/// Nobody: fees of a test network's validators go nowhere on L2.
const NO_RECIPIENT: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

/// Why a file is no key store. Nothing of its content is told.
#[derive(Debug, Error)]
pub(crate) enum KeystoreError {
    /// No key store at all.
    #[error("{} {why}", .path.display())]
    No {
        /// The file.
        path: PathBuf,
        /// What it is not.
        why: NoKeystore,
    },
    /// A key or address that is none.
    #[error("{} has an account at {at} that can't be read: {expected}", .path.display())]
    Account {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        at: String,
        /// What can be read.
        expected: &'static str,
    },
}

/// Where rewards go; `None` is Aztec's default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rewards {
    /// Address on L1.
    pub(crate) coinbase: Option<String>,
    /// Address on L2.
    pub(crate) fee_recipient: Option<String>,
}

impl Rewards {
    /// From the variables that Aztec reads too, but not with a key store.
    pub(crate) fn from_env() -> Self {
        Self {
            coinbase: std::env::var("COINBASE").ok(),
            fee_recipient: std::env::var("FEE_RECIPIENT").ok(),
        }
    }
}

/// The store of a validator pod: any of its publishers may publish for any of its attesters. Accounts without a key
/// are those of `signer`, a remote signer's URL.
pub(crate) fn of_validators(
    attesters: &[Account],
    publishers: &[Account],
    rewards: &Rewards,
    signer: Option<&str>,
) -> Value {
    let validators = attesters.iter().map(|attester| {
        let mut validator = json!({
            "attester": entry(attester),
            "publisher": entries(publishers),
            "feeRecipient": rewards.fee_recipient.as_deref().unwrap_or(NO_RECIPIENT),
        });
        if let Some(coinbase) = &rewards.coinbase {
            validator["coinbase"] = json!(coinbase);
        }
        validator
    });
    let store = json!({"schemaVersion": 1, "validators": validators.collect::<Vec<_>>()});
    with_signer(store, signer)
}

/// The store of a prover node, which is known on L1 by its first publisher.
pub(crate) fn of_prover(publishers: &[Account], signer: Option<&str>) -> Value {
    let id = publishers.first().map(|account| account.address);
    let store = json!({"schemaVersion": 1, "prover": {"id": id, "publisher": entries(publishers)}});
    with_signer(store, signer)
}

fn with_signer(mut store: Value, signer: Option<&str>) -> Value {
    if let Some(url) = signer {
        store["remoteSigner"] = json!(url);
    }
    store
}

fn entries(accounts: &[Account]) -> Vec<Value> {
    accounts.iter().map(entry).collect()
}

fn entry(account: &Account) -> Value {
    account
        .secret()
        .map_or_else(|| json!(account.address), |secret| json!(secret))
}

/// Where the store is in its directory.
pub(crate) fn file(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// Writes the store into its directory.
pub(crate) fn write(dir: &Path, store: &Value) -> Result<(), FileError> {
    hand_over(dir, &store.to_string())
}

/// Writes a store's text into its directory.
pub(crate) fn hand_over(dir: &Path, text: &str) -> Result<(), FileError> {
    files::make_dir_if_missing(dir, Access::Private)?;
    files::write(&file(dir), text, Access::Private)
}

/// The accounts of a store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored {
    /// Attesters.
    pub(crate) attesters: Vec<Account>,
    /// Publishers, of validators and prover; each once.
    pub(crate) publishers: Vec<Account>,
    /// The default remote signer.
    pub(crate) signer: Option<String>,
}

impl Stored {
    /// Reads the text of the store at `path`.
    pub(crate) fn read(path: &Path, text: &str) -> Result<Self, KeystoreError> {
        let store = aznet_model::keystore::parse(text).map_err(|why| KeystoreError::No {
            path: path.to_owned(),
            why,
        })?;
        let validators = store.get("validators").and_then(Value::as_array);
        let signer = store.get("remoteSigner").map(|signer| {
            let url = signer.get("remoteSignerUrl").unwrap_or(signer);
            url.as_str().unwrap_or_default().to_owned()
        });
        let mut stored = Self {
            signer,
            ..Self::default()
        };
        for (index, validator) in validators.into_iter().flatten().enumerate() {
            let at = |key: &str| format!("validators[{index}].{key}");
            stored
                .attesters
                .extend(accounts(path, &at("attester"), validator.get("attester"))?);
            let publishers = validator.get("publisher").or(store.get("publisher"));
            let publishers = publishers.or(validator.get("attester"));
            stored
                .publishers
                .extend(accounts(path, &at("publisher"), publishers)?);
        }
        let prover = store.get("prover");
        let prover = prover.map(|prover| prover.get("publisher").unwrap_or(prover));
        stored.publishers.extend(accounts(path, "prover", prover)?);
        stored.publishers.sort_by_key(|account| account.address);
        stored.publishers.dedup_by_key(|account| account.address);
        Ok(stored)
    }
}

fn accounts(path: &Path, at: &str, value: Option<&Value>) -> Result<Vec<Account>, KeystoreError> {
    let unreadable = |expected| KeystoreError::Account {
        path: path.to_owned(),
        at: at.to_owned(),
        expected,
    };
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            let each = items.iter().map(|item| accounts(path, at, Some(item)));
            Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
        }
        Some(Value::String(text)) => {
            let account = plain(text);
            account
                .map(|account| vec![account])
                .ok_or_else(|| unreadable("a private key (0x and 64 digits) or an address"))
        }
        Some(Value::Object(map)) => {
            if map.contains_key("mnemonic") {
                return derived(value)
                    .ok_or_else(|| unreadable("a BIP-39 mnemonic with small indices"));
            }
            let inner = map.get("eth").or(map.get("address"));
            let inner = inner.ok_or_else(|| {
                unreadable("a private key, an address or a mnemonic; the Secret is what encrypts, so an encrypted file (`path`) has no place in it")
            })?;
            accounts(path, at, Some(inner))
        }
        Some(_) => Err(unreadable("a private key or an address")),
    }
}

fn plain(text: &str) -> Option<Account> {
    if let Ok(address) = text.parse::<Address>() {
        return Some(Account::remote(address));
    }
    let secret = text.parse::<B256>().ok()?;
    let signer = PrivateKeySigner::from_bytes(&secret).ok()?;
    Some(Account::stored(signer.address(), Some(secret)))
}

/// `{mnemonic, addressIndex, addressCount, accountIndex, accountCount}`.
fn derived(config: Option<&Value>) -> Option<Vec<Account>> {
    let config = config?;
    let number = |key, or: u32| match config.get(key) {
        None => Some(or),
        Some(value) => value.as_u64().and_then(|n| u32::try_from(n).ok()),
    };
    let (address, account) = (number("addressIndex", 0)?, number("accountIndex", 0)?);
    let (addresses, count) = (number("addressCount", 1)?, number("accountCount", 1)?);
    let phrase = config.get("mnemonic")?.as_str()?;
    let mut derived = Vec::new();
    for account in account..account.checked_add(count)? {
        for index in address..address.checked_add(addresses)? {
            let path = format!("m/44'/60'/{account}'/0/{index}");
            let builder = MnemonicBuilder::english().phrase(phrase);
            let signer = builder.derivation_path(path).ok()?.build().ok()?;
            derived.push(Account::stored(signer.address(), Some(signer.to_bytes())));
        }
    }
    Some(derived)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::keys::account::addresses;
    use crate::keys::mnemonic::tests::public_mnemonic;

    const PHRASE: &str = "test test test test test test test test test test test junk";

    fn keys(indices: &[u32]) -> Vec<Account> {
        indices
            .iter()
            .map(|index| Account::from(&public_mnemonic().key(*index).expect("derives")))
            .collect()
    }

    fn read(store: &Value) -> Result<Stored, KeystoreError> {
        Stored::read(Path::new("validator-0.json"), &store.to_string())
    }

    #[test]
    fn stores_of_public_test_keys() {
        let rewards = Rewards {
            coinbase: Some("0x00000000000000000000000000000000000000aa".into()),
            ..Rewards::default()
        };
        let remote: Vec<Account> = keys(&[1, 3])
            .iter()
            .map(|account| Account::remote(account.address))
            .collect();
        let url = Some("http://signer:9000");
        insta::assert_json_snapshot!([
            of_validators(&keys(&[1, 2]), &keys(&[3]), &rewards, None),
            of_prover(&keys(&[4]), None),
            of_validators(&remote[..1], &remote[1..], &Rewards::default(), url),
            of_prover(&remote[1..], url),
        ]);
    }

    #[test]
    fn only_the_owner_reads_it() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let dir = dir.path().join("store");
        write(&dir, &of_prover(&keys(&[4]), None)).expect("writes");
        let mode = std::fs::metadata(file(&dir))
            .expect("written")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_was_written_is_read() {
        let store = of_validators(&keys(&[1, 2]), &keys(&[3]), &Rewards::default(), None);
        let stored = read(&store).expect("reads");
        assert_eq!(addresses(&stored.attesters), addresses(&keys(&[1, 2])));
        assert_eq!(addresses(&stored.publishers), addresses(&keys(&[3])));
        assert_eq!(stored.attesters[0].secret(), keys(&[1])[0].secret());
    }

    #[test]
    fn every_form_of_an_account_is_read() {
        let [one, two, three] = [1, 2, 3].map(|index| keys(&[index]).remove(0));
        let store = json!({
            "schemaVersion": 2,
            "remoteSigner": {"remoteSignerUrl": "https://signer:9000"},
            "publisher": three.secret(),
            "validators": [
                {"attester": {"eth": one.secret(), "bls": B256::ZERO}},
                {"attester": [{"address": two.address, "remoteSignerUrl": "http://other:1"}]},
                {"attester": {"mnemonic": PHRASE, "addressIndex": 4, "addressCount": 2}, "publisher": []},
            ],
        });
        let stored = read(&store).expect("reads");
        let all = [keys(&[1, 2]), keys(&[4, 5])].concat();
        assert_eq!(addresses(&stored.attesters), addresses(&all));
        assert_eq!(addresses(&stored.publishers), [three.address]);
        assert_eq!(stored.signer.as_deref(), Some("https://signer:9000"));
        assert!(stored.attesters[1].secret().is_none());
    }

    #[test]
    fn says_nothing_of_what_it_holds() {
        let secret = keys(&[1])[0].secret().expect("has one").to_string();
        for text in [
            format!("{{\"schemaVersion\": 1, \"validators\": {secret}"),
            json!({ "validators": secret }).to_string(),
            json!({"schemaVersion": 1, "validators": [{"attester": format!("{secret}00")}]})
                .to_string(),
            json!({"schemaVersion": 1, "validators": [{"attester": {"path": secret}}]}).to_string(),
        ] {
            let error = Stored::read(Path::new("validator-0.json"), &text).expect_err("no store");
            assert!(!error.to_string().contains(&secret[2..]), "{error}");
        }
    }
}
