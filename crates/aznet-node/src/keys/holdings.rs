//! Which accounts a pod signs for, by its name: from the mnemonic, a key store of its own, or a remote signer.

use std::path::{Path, PathBuf};

use alloy_primitives::Address;
use aznet_kit::files::{self, FileError};
use aznet_kit::wait::{Look, WaitError};
use aznet_model::config::NetworkConfig;
use aznet_model::keys::ReplicaKeys;
use aznet_model::pod::PodName;
use aznet_model::report::{Held, KeySource};
use aznet_model::role::Role;
use aznet_model::signer::RemoteAccounts;
use thiserror::Error;

use crate::config::{self, ConfigError};
use crate::keys::account::{Account, addresses};
use crate::keys::folder;
use crate::keys::keystore::{self, KeystoreError, Rewards, Stored};
use crate::keys::mnemonic::{Key, KeyError, Mnemonic};
use crate::settings::Settings;
use crate::wait::TimeLimit;

/// Why it is not known what a pod signs for.
#[derive(Debug, Error)]
pub(crate) enum HoldingsError {
    /// Keys from the mnemonic.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A key store.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The keystore Secret has no file for the pod.
    #[error(
        "there is no key store {}; the Secret keys.keystoreSecret needs a file for each pod, named like the pod", .0.display()
    )]
    NoKeystore(PathBuf),
    /// The key store was not handed over.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The remote signer isn't said to have keys for the pod.
    #[error(
        "keys.remoteSigner.pods names no accounts for {0}; list its attesters and publishers there"
    )]
    NoRemoteAccounts(PodName),
    /// One of the remote signer's accounts is no address.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The pod belongs to no group of validators.
    #[error(
        "no keys are set aside for `{workload}`, only for {known}; a validator pod is named <group>-<ordinal> (POD_NAME)"
    )]
    NoKeys {
        /// The pod's workload, by its name.
        workload: String,
        /// The workloads that have keys.
        known: String,
    },
}

impl HoldingsError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Keys(_) | Self::Keystore(_) | Self::NoRemoteAccounts(_) | Self::NoKeys { .. } => {
                true
            }
            Self::Config(error) => error.is_final(),
            Self::File(_) | Self::NoKeystore(_) | Self::Wait(_) => false,
        }
    }
}

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
        limit: TimeLimit,
    ) -> Result<Self, HoldingsError> {
        let pod = settings.pod();
        if source(config, &pod) == KeySource::Keystore {
            let path = keystore::file(&settings.keystore);
            let what = format!("{pod}.json of the keystore Secret");
            limit.until::<_, WaitError>(&what, || {
                Ok(if path.exists() {
                    Look::Done(())
                } else {
                    Look::Pending(format!("{} is not there", path.display()))
                })
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
    ) -> Result<Self, HoldingsError> {
        match source(config, pod) {
            KeySource::RemoteSigner => remote(pod, config),
            KeySource::Keystore => Self::stored(&settings.keystores.join(format!("{pod}.json"))),
            KeySource::Mnemonic => derived(pod, config, &Mnemonic::read(&settings.mnemonic)?),
        }
    }

    fn stored(path: &Path) -> Result<Self, HoldingsError> {
        let text = files::read_text_if_there(path)?
            .ok_or_else(|| HoldingsError::NoKeystore(path.to_owned()))?;
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
) -> Result<Vec<Address>, HoldingsError> {
    if source(config, pod) == KeySource::Keystore {
        let published = folder::published(&settings.keystore)?;
        let missing = || HoldingsError::NoKeystore(PathBuf::from(format!("{pod}.json")));
        return published.get(&pod.to_string()).cloned().ok_or_else(missing);
    }
    Ok(addresses(&Holdings::of(pod, config, settings)?.attesters))
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

fn remote(pod: &PodName, config: &NetworkConfig) -> Result<Holdings, HoldingsError> {
    let signer = config.keys.remote_signer.as_ref();
    let accounts = signer.and_then(|signer| signer.pods.get(&pod.to_string()));
    let accounts = accounts.ok_or_else(|| HoldingsError::NoRemoteAccounts(pod.clone()))?;
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

fn remote_accounts(addresses: &[String]) -> Result<Vec<Account>, HoldingsError> {
    let account = |text: &String| {
        let address = config::address("remote signer's account", text)?;
        Ok(Account::remote(address))
    };
    addresses.iter().map(account).collect()
}

fn derived(
    pod: &PodName,
    config: &NetworkConfig,
    mnemonic: &Mnemonic,
) -> Result<Holdings, HoldingsError> {
    let of = |keys: ReplicaKeys| -> Result<Vec<Account>, HoldingsError> {
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
    let group = groups
        .get(&pod.workload)
        .ok_or_else(|| HoldingsError::NoKeys {
            workload: pod.workload.clone(),
            known: groups.keys().cloned().collect::<Vec<_>>().join(", "),
        })?;
    Ok(Holdings {
        attesters: of(group.attester)?,
        publishers: of(group.publisher)?,
        ..Holdings::default()
    })
}
