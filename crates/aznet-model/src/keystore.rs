//! Aztec's key stores as text: what makes a file one, and which accounts it names. No key is checked here, and none is
//! ever told.

use std::collections::BTreeSet;

use serde_json::Value;

/// Why a text is no key store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKeystore {
    /// Not JSON.
    #[error("is not JSON")]
    Json,
    /// Not what Aztec 4.x reads.
    #[error(
        "is not a key store: it needs `schemaVersion` and `validators` or `prover`, as `aztec validator-keys new` writes them"
    )]
    Shape,
}

/// Reads the text of a store.
///
/// # Errors
/// [`NoKeystore`].
pub fn parse(text: &str) -> Result<Value, NoKeystore> {
    let store: Value = serde_json::from_str(text).map_err(|_| NoKeystore::Json)?;
    let known = store.get("schemaVersion").is_some_and(Value::is_u64);
    let holds =
        store.get("validators").is_some_and(Value::is_array) || store.get("prover").is_some();
    if known && holds {
        Ok(store)
    } else {
        Err(NoKeystore::Shape)
    }
}

/// The accounts of a store as they are written in it: equal ones are the same account. They are secrets.
#[derive(Default, PartialEq, Eq)]
pub struct Written {
    attesters: BTreeSet<String>,
    publishers: BTreeSet<String>,
}

impl Written {
    /// Collects them from a store that [`parse`] accepted.
    pub fn of(store: &Value) -> Self {
        let mut written = Self::default();
        let validators = store.get("validators").and_then(Value::as_array);
        for validator in validators.into_iter().flatten() {
            let attester = validator.get("attester");
            let publisher = validator.get("publisher").or(store.get("publisher"));
            collect(attester, &mut written.attesters);
            collect(publisher.or(attester), &mut written.publishers);
        }
        let prover = store.get("prover");
        let prover = prover.map(|prover| prover.get("publisher").unwrap_or(prover));
        collect(prover, &mut written.publishers);
        written
    }

    /// Whether the two have an attester in common: whoever signs with one key twice is slashed.
    pub fn share_an_attester(&self, other: &Self) -> bool {
        !self.attesters.is_disjoint(&other.attesters)
    }

    /// Whether the two have a publisher in common: they take each other's nonces.
    pub fn share_a_publisher(&self, other: &Self) -> bool {
        !self.publishers.is_disjoint(&other.publishers)
    }
}

/// An account is a text, a map with one, a mnemonic with indices, or a list of those.
fn collect(value: Option<&Value>, into: &mut BTreeSet<String>) {
    match value {
        Some(Value::String(text)) => {
            into.insert(text.to_ascii_lowercase());
        }
        Some(Value::Array(items)) => items.iter().for_each(|item| collect(Some(item), into)),
        Some(Value::Object(map)) => match map.get("eth").or(map.get("address")) {
            Some(inner) => collect(Some(inner), into),
            // Keys of a map are in order: the same mnemonic with the same indices is the same text.
            None => {
                into.insert(Value::Object(map.clone()).to_string());
            }
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(attester: &Value, publisher: &Value) -> Written {
        let store = json!({"schemaVersion": 1, "validators": [{"attester": attester, "publisher": publisher}]});
        Written::of(&parse(&store.to_string()).expect("a store"))
    }

    #[test]
    fn what_is_no_key_store_is_told_apart() {
        assert_eq!(parse("{"), Err(NoKeystore::Json));
        for text in ["[]", r#"{"validators": []}"#, r#"[{"attester": "0x00"}]"#] {
            assert_eq!(parse(text), Err(NoKeystore::Shape), "{text}");
        }
        assert!(parse(r#"{"schemaVersion": 1, "prover": "0x01"}"#).is_ok());
    }

    #[test]
    fn the_same_account_is_found_in_whatever_form_it_is_written() {
        let one = written(
            &json!({"eth": "0xAA", "bls": "0x01"}),
            &json!(["0x05", "0x06"]),
        );
        let two = written(&json!("0xbb"), &json!({"address": "0x06"}));
        assert!(one.share_a_publisher(&two));
        assert!(!one.share_an_attester(&two));
        assert!(one.share_an_attester(&written(&json!(["0xaa"]), &json!([]))));
    }
}
