//! The key store Aztec reads: a file in memory, for its owner only. Keys in the environment would reach every child
//! process and Node's diagnostic reports, and arguments are for all to see.

use std::path::Path;

use serde_json::{Value, json};

use crate::files::{self, FileError};
use crate::keys::Key;

/// File of the store.
const FILE: &str = "keys.json";
/// Nobody: fees of a test network's validators go nowhere on L2.
const NO_RECIPIENT: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

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

/// The store of a validator pod: any of its publishers may publish for any of its attesters.
pub(crate) fn of_validators(attesters: &[Key], publishers: &[Key], rewards: &Rewards) -> Value {
    let validators = attesters.iter().map(|attester| {
        let mut validator = json!({
            "attester": attester.secret(),
            "publisher": secrets(publishers),
            "feeRecipient": rewards.fee_recipient.as_deref().unwrap_or(NO_RECIPIENT),
        });
        if let Some(coinbase) = &rewards.coinbase {
            validator["coinbase"] = json!(coinbase);
        }
        validator
    });
    json!({"schemaVersion": 1, "validators": validators.collect::<Vec<_>>()})
}

/// The store of a prover node, which is known on L1 by its first publisher.
pub(crate) fn of_prover(publishers: &[Key]) -> Value {
    let id = publishers.first().map(|key| key.address);
    json!({"schemaVersion": 1, "prover": {"id": id, "publisher": secrets(publishers)}})
}

/// Writes the store into its directory.
pub(crate) fn write(dir: &Path, store: &Value) -> Result<(), FileError> {
    files::write_private(&dir.join(FILE), store.to_string().as_bytes())
}

fn secrets(keys: &[Key]) -> Vec<Value> {
    keys.iter().map(|key| json!(key.secret())).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::keys::tests::public_mnemonic;

    fn keys(indices: &[u32]) -> Vec<Key> {
        indices
            .iter()
            .map(|index| public_mnemonic().key(*index).expect("derives"))
            .collect()
    }

    #[test]
    fn stores_of_public_test_keys() {
        let rewards = Rewards {
            coinbase: Some("0x00000000000000000000000000000000000000aa".into()),
            ..Rewards::default()
        };
        insta::assert_json_snapshot!([
            of_validators(&keys(&[1, 2]), &keys(&[3]), &rewards),
            of_prover(&keys(&[4])),
        ]);
    }

    #[test]
    fn only_the_owner_reads_it() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let dir = dir.path().join("store");
        write(&dir, &of_prover(&keys(&[4]))).expect("writes");
        let mode = std::fs::metadata(dir.join(FILE))
            .expect("written")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
