//! Which accounts a pod signs for, by its name: from the mnemonic, a key store of its own, or a remote signer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alloy_primitives::Address;
use aznet_model::config::NetworkConfig;
use aznet_model::keys::ReplicaKeys;
use aznet_model::pod::PodName;
use aznet_model::report::{Held, KeySource};
use aznet_model::role::Role;
use aznet_model::signer::RemoteAccounts;

use crate::accounts::{Account, addresses};
use crate::error::NodeError;
use crate::files::{self, FileError};
use crate::keys::{Key, Mnemonic};
use crate::keystore::{self, Rewards, Stored};
use crate::settings::Settings;
use crate::wait::{Deadline, Pause};

/// What a pod signs for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holdings {
    /// Attesters.
    pub(crate) attesters: Vec<Account>,
    /// L1 publishers.
    pub(crate) publishers: Vec<Account>,
    /// Where the keys are.
    pub(crate) source: KeySource,
    /// The remote signer of accounts whose key isn't here.
    pub(crate) signer: Option<String>,
}

impl Holdings {
    /// What the pod that this program runs in signs for; waits for its key store to be handed over.
    pub(crate) fn own(
        config: &NetworkConfig,
        settings: &Settings,
        deadline: Deadline,
    ) -> Result<Self, NodeError> {
        let pod = settings.pod();
        if source(config, &pod) == KeySource::Keystore {
            let path = keystore::file(&settings.keystore);
            let what = format!("{pod}.json of the keystore Secret");
            deadline.until(&what, || {
                if path.exists() {
                    return Ok(());
                }
                Err(Pause::NotYet(format!("{} is not there", path.display())))
            })?;
            return Self::stored(&path);
        }
        Self::of(&pod, config, settings)
    }

    /// What a pod signs for, as far as it can be known here: the mnemonic or the keystore Secret must be mounted.
    pub(crate) fn of(
        pod: &PodName,
        config: &NetworkConfig,
        settings: &Settings,
    ) -> Result<Self, NodeError> {
        match source(config, pod) {
            KeySource::RemoteSigner => remote(pod, config),
            KeySource::Keystore => Self::stored(&settings.keystores.join(format!("{pod}.json"))),
            KeySource::Mnemonic => derived(pod, config, &Mnemonic::read(&settings.mnemonic)?),
        }
    }

    fn stored(path: &Path) -> Result<Self, NodeError> {
        let text =
            files::read_if_there(path)?.ok_or_else(|| NodeError::NoKeystore(path.to_owned()))?;
        let stored = Stored::read(path, &text)?;
        Ok(Self {
            attesters: stored.attesters,
            publishers: stored.publishers,
            source: KeySource::Keystore,
            signer: stored.signer,
        })
    }

    /// Leaves the accounts where Aztec finds them; a key store of the Secret is there already.
    pub(crate) fn hand_over(&self, role: Role, dir: &Path) -> Result<(), FileError> {
        let signer = self.signer.as_deref();
        let store = match (self.source, role) {
            (KeySource::Keystore, _) => return Ok(()),
            (_, Role::ProverNode) => keystore::of_prover(&self.publishers, signer),
            _ => keystore::of_validators(
                &self.attesters,
                &self.publishers,
                &Rewards::from_env(),
                signer,
            ),
        };
        keystore::write(dir, &store)
    }

    /// The addresses, for all to know.
    pub(crate) fn held(&self) -> Held {
        Held {
            attesters: addresses(&self.attesters),
            publishers: addresses(&self.publishers),
            keys: self.source,
        }
    }
}

/// The validator pods that there are to be, of all groups.
pub(crate) fn validator_pods(config: &NetworkConfig) -> Vec<PodName> {
    let groups = config.keys.validators.iter();
    let pods = groups.flat_map(|(workload, group)| {
        (0..group.replicas).map(move |ordinal| PodName::new(workload, ordinal))
    });
    pods.collect()
}

/// The attesters of another pod: its addresses alone, where keys are not this pod's to see.
pub(crate) fn attesters_of(
    pod: &PodName,
    config: &NetworkConfig,
    settings: &Settings,
) -> Result<Vec<Address>, NodeError> {
    if source(config, pod) == KeySource::Keystore {
        return published(pod, &settings.keystore);
    }
    Ok(addresses(&Holdings::of(pod, config, settings)?.attesters))
}

/// Addresses by pod, as an init container that sees the keystore Secret leaves them for one that must not.
pub(crate) type Published = BTreeMap<String, Vec<Address>>;

/// The file of [`Published`] in its directory.
pub(crate) fn published_file(dir: &Path) -> PathBuf {
    dir.join("attesters.json")
}

fn published(pod: &PodName, dir: &Path) -> Result<Vec<Address>, NodeError> {
    let path = published_file(dir);
    let missing = || NodeError::NoKeystore(PathBuf::from(format!("{pod}.json")));
    let text = files::read_if_there(&path)?.ok_or_else(missing)?;
    let all: Published = serde_json::from_str(&text).unwrap_or_default();
    all.get(&pod.to_string()).cloned().ok_or_else(missing)
}

/// Whether a pod is a prover node, not a validator.
fn proves(pod: &PodName) -> bool {
    pod.workload == Role::ProverNode.name()
}

/// Where a pod's keys are.
fn source(config: &NetworkConfig, pod: &PodName) -> KeySource {
    let remote = config.keys.remote_signer.as_ref();
    // A prover node that the signer isn't said to know has its keys as without a signer.
    if remote.is_some_and(|signer| !proves(pod) || signer.pods.contains_key(&pod.to_string())) {
        KeySource::RemoteSigner
    } else if config.keys.keystores {
        KeySource::Keystore
    } else {
        KeySource::Mnemonic
    }
}

fn remote(pod: &PodName, config: &NetworkConfig) -> Result<Holdings, NodeError> {
    let signer = config.keys.remote_signer.as_ref();
    let accounts = signer.and_then(|signer| signer.pods.get(&pod.to_string()));
    let accounts = accounts.ok_or_else(|| NodeError::NoRemoteAccounts(pod.to_string()))?;
    let RemoteAccounts {
        attesters,
        publishers,
    } = accounts;
    Ok(Holdings {
        attesters: remote_accounts(attesters)?,
        publishers: remote_accounts(publishers)?,
        source: KeySource::RemoteSigner,
        signer: signer.map(|signer| signer.url.clone()),
    })
}

fn remote_accounts(addresses: &[String]) -> Result<Vec<Account>, NodeError> {
    let account = |text: &String| {
        let address: Result<Address, _> = text.parse();
        address
            .map(Account::remote)
            .map_err(|_| NodeError::Address {
                what: "remote signer's account",
                seen: text.clone(),
            })
    };
    addresses.iter().map(account).collect()
}

fn derived(
    pod: &PodName,
    config: &NetworkConfig,
    mnemonic: &Mnemonic,
) -> Result<Holdings, NodeError> {
    let of = |keys: ReplicaKeys| -> Result<Vec<Account>, NodeError> {
        let keys: Vec<Key> = mnemonic.keys(keys.of_replica(pod.ordinal))?;
        Ok(keys.iter().map(Account::from).collect())
    };
    if proves(pod) {
        return Ok(Holdings {
            publishers: of(config.keys.prover)?,
            ..Holdings::default()
        });
    }
    let groups = &config.keys.validators;
    let group = groups.get(&pod.workload).ok_or_else(|| NodeError::NoKeys {
        workload: pod.workload.clone(),
        known: groups.keys().cloned().collect::<Vec<_>>().join(", "),
    })?;
    Ok(Holdings {
        attesters: of(group.attester)?,
        publishers: of(group.publisher)?,
        ..Holdings::default()
    })
}
