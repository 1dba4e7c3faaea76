//! The keystore Secret as a folder: a key store per pod, and whatever the tool that made it left beside them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alloy_primitives::Address;
use aznet_kit::files::{self, Access, FileError};
use aznet_model::pod::PodName;
use thiserror::Error;

use crate::console::say;
use crate::keys::account::addresses;
use crate::keys::keystore::{KeystoreError, Stored};

/// Why a folder of key stores can't be used.
#[derive(Debug, Error)]
pub(crate) enum FolderError {
    /// A file or the folder can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Files that are named like a pod and are no key stores.
    #[error("of the keystore Secret: {}", words(.0))]
    Bad(Vec<KeystoreError>),
    /// Two pods would sign with one key.
    #[error(
        "attester {attester} is in both {}.json and {}.json of the keystore Secret: two nodes that sign with one key get it slashed. Take it out of one", .pods[0], .pods[1]
    )]
    KeyTwice {
        /// The attester.
        attester: Address,
        /// The pods.
        pods: [String; 2],
    },
}

impl FolderError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}

fn words(errors: &[KeystoreError]) -> String {
    let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
    words.join("; ")
}

/// The key stores of a folder.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    /// What is in each pod's file, by the pod's name.
    pub(crate) stores: BTreeMap<String, Stored>,
    /// What is wrong with files that are named like a pod.
    pub(crate) bad: Vec<KeystoreError>,
    /// Files that are no pod's.
    pub(crate) strangers: Vec<String>,
}

impl Folder {
    /// Reads every file.
    ///
    /// # Errors
    /// [`FolderError::KeyTwice`] where two pods have one attester.
    pub(crate) fn read(dir: &Path) -> Result<Self, FolderError> {
        let mut folder = Self::default();
        for path in json_files(dir)? {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            if PodName::parse(&name).is_none() {
                folder.strangers.push(format!("{name}.json"));
                continue;
            }
            let text = files::read_text_if_there(&path)?.unwrap_or_default();
            match Stored::read(&PathBuf::from(format!("{name}.json")), &text) {
                Ok(stored) => {
                    folder.stores.insert(name.into_owned(), stored);
                }
                Err(error) => folder.bad.push(error),
            }
        }
        folder.no_attester_twice()?;
        Ok(folder)
    }

    fn no_attester_twice(&self) -> Result<(), FolderError> {
        let mut holders: BTreeMap<Address, &String> = BTreeMap::new();
        for (pod, stored) in &self.stores {
            for attester in addresses(&stored.attesters) {
                if let Some(other) = holders.insert(attester, pod) {
                    let pods = [other.clone(), pod.clone()];
                    return Err(FolderError::KeyTwice { attester, pods });
                }
            }
        }
        Ok(())
    }

    /// Publishers that several pods have, with those pods: they take each other's nonces.
    pub(crate) fn shared_publishers(&self) -> Vec<(Address, Vec<&str>)> {
        let mut pods: BTreeMap<Address, Vec<&str>> = BTreeMap::new();
        for (pod, stored) in &self.stores {
            for publisher in addresses(&stored.publishers) {
                pods.entry(publisher).or_default().push(pod);
            }
        }
        pods.retain(|_, pods| pods.len() > 1);
        pods.into_iter().collect()
    }

    /// Says what is odd and stops nobody.
    pub(crate) fn warn(&self) {
        for name in &self.strangers {
            say(format_args!(
                "{name} of the keystore Secret is not named like a pod and is not used"
            ));
        }
        for error in &self.bad {
            say(format_args!("of the keystore Secret: {error}"));
        }
        for (publisher, pods) in self.shared_publishers() {
            say(format_args!(
                "publisher {publisher} is in the key stores of {}: pods that send from one account take each other's nonces; give each its own",
                pods.join(", ")
            ));
        }
    }

    /// Refuses a folder in which a pod's file can't be used.
    ///
    /// # Errors
    /// [`FolderError::Bad`] with every such file.
    pub(crate) fn all_good(self) -> Result<Self, FolderError> {
        if self.bad.is_empty() {
            Ok(self)
        } else {
            Err(FolderError::Bad(self.bad))
        }
    }
}

fn json_files(dir: &Path) -> Result<Vec<PathBuf>, FileError> {
    let entries = std::fs::read_dir(dir).map_err(FileError::of("list", dir))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths
        .collect::<Result<_, _>>()
        .map_err(FileError::of("list", dir))?;
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "json"));
    paths.sort();
    Ok(paths)
}

/// Addresses by pod, as an init container that sees the keystore Secret leaves them for one that must not.
pub(crate) type Published = BTreeMap<String, Vec<Address>>;

/// Leaves the attesters' addresses in `dir`.
pub(crate) fn publish(dir: &Path, attesters: &Published) -> Result<(), FileError> {
    files::make_dir_if_missing(dir, Access::Private)?;
    files::write_json(&published_file(dir), attesters, Access::Private)
}

/// What [`publish`] left in `dir`; empty if it left nothing.
pub(crate) fn published(dir: &Path) -> Result<Published, FileError> {
    let text = files::read_text_if_there(&published_file(dir))?.unwrap_or_default();
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

fn published_file(dir: &Path) -> PathBuf {
    dir.join("attesters.json")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::keys::account::Account;
    use crate::keys::keystore::{Rewards, of_validators};
    use crate::keys::mnemonic::tests::public_mnemonic;

    /// A folder with a file for each pod: its attesters and its publishers, by key index.
    pub(crate) fn secret(files: &[(&str, &[u32], &[u32])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temporary directory");
        let keys = |indices: &[u32]| -> Vec<Account> {
            let keys = indices.iter().map(|index| public_mnemonic().key(*index));
            keys.map(|key| Account::from(&key.expect("derives")))
                .collect()
        };
        for (pod, attesters, publishers) in files {
            let (attesters, publishers) = (keys(attesters), keys(publishers));
            let store = of_validators(&attesters, &publishers, &Rewards::default(), None);
            let path = dir.path().join(format!("{pod}.json"));
            std::fs::write(path, store.to_string()).expect("writes");
        }
        dir
    }

    #[test]
    fn what_aztecs_tool_leaves_beside_the_key_stores_is_named_and_not_used() {
        let dir = secret(&[("validator-0", &[1], &[3])]);
        let beside = dir.path().join("validator-0_staker_output.json");
        std::fs::write(beside, r#"[{"attester":"0x00"}]"#).expect("writes");
        let folder = Folder::read(dir.path()).expect("reads");
        assert_eq!(folder.strangers, ["validator-0_staker_output.json"]);
        assert_eq!(folder.stores.len(), 1);
        assert!(folder.all_good().is_ok());
    }

    #[test]
    fn every_bad_file_is_named() {
        let dir = secret(&[("validator-0", &[1], &[3])]);
        for name in ["validator-1.json", "validator-2.json"] {
            std::fs::write(dir.path().join(name), "[]").expect("writes");
        }
        let folder = Folder::read(dir.path()).expect("reads");
        assert!(folder.stores.contains_key("validator-0"));
        let error = folder.all_good().expect_err("two are bad").to_string();
        assert!(
            error.contains("validator-1.json is not a key store"),
            "{error}"
        );
        assert!(
            error.contains("validator-2.json is not a key store"),
            "{error}"
        );
    }

    #[test]
    fn a_publisher_in_several_files_is_named_with_its_pods() {
        let dir = secret(&[
            ("validator-0", &[1], &[5]),
            ("validator-1", &[2], &[5]),
            ("validator-2", &[3], &[6]),
        ]);
        let folder = Folder::read(dir.path()).expect("reads");
        let shared = public_mnemonic().key(5).expect("derives").address;
        assert_eq!(
            folder.shared_publishers(),
            [(shared, vec!["validator-0", "validator-1"])]
        );
    }

    #[test]
    fn an_attester_in_two_files_is_refused() {
        let dir = secret(&[("validator-0", &[1, 2], &[]), ("validator-1", &[2], &[])]);
        let error = Folder::read(dir.path()).expect_err("one key, two nodes");
        assert!(matches!(error, FolderError::KeyTwice { .. }), "{error}");
    }
}
