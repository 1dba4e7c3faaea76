//! `aznet-node keystore`: hands a pod its own file of the keystore Secret, and nothing of the others'.
//!
//! It runs in a container of its own beside the Aztec process, which so sees neither the Secret nor the keys of other
//! pods. When the file changes, the process is told to read it anew.

use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use aznet_kit::error::chain;
use aznet_kit::files::{self, FileError};
use aznet_kit::wait::{Look, WaitError, pause};
use clap::Subcommand;
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use thiserror::Error;

use crate::config::{self, ConfigError};
use crate::console::say;
use crate::keys::account::{Account, addresses};
use crate::keys::folder::{self, Folder, FolderError};
use crate::keys::keystore::{self, KeystoreError, Stored};
use crate::l1::{L1, L1Error, funding};
use crate::network::rollup::{self, RollupError};
use crate::set::registrar::{Registrar, RegistrarError};
use crate::settings::Settings;
use crate::wait::TimeLimit;
use aznet_kit::rpc::{Rpc, RpcError};

/// Why a key store is not handed over, or a new one not taken.
#[derive(Debug, Error)]
pub(crate) enum HandOverError {
    /// The folder of key stores.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The pod's own.
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
    /// No handlers for signals.
    #[error("can't handle signals")]
    Signals(#[source] io::Error),
    /// The node takes none of it.
    #[error("the node refuses the key store: {0}")]
    Refused(String),
    /// The node did not take it in time.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The rollup.
    #[error(transparent)]
    Rollup(#[from] RollupError),
    /// Registering attesters.
    #[error(transparent)]
    Registrar(#[from] RegistrarError),
}

impl HandOverError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Folder(error) => error.is_final(),
            Self::Config(error) => error.is_final(),
            Self::L1(error) => error.is_final(),
            Self::Rollup(error) => error.is_final(),
            Self::Keystore(_) | Self::Refused(_) => true,
            Self::File(_)
            | Self::NoKeystore(_)
            | Self::Signals(_)
            | Self::Wait(_)
            | Self::Registrar(_) => false,
        }
    }
}

/// The kubelet brings a changed Secret within a minute or so; looking costs next to nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a node may take to take a new file.
const RELOAD_WITHIN: Duration = Duration::from_mins(2);

/// What to do with the Secret's files.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Hand this pod its own file, and see to it that a change of it is taken
    HandOver {
        /// The admin RPC that is told of a change; without it a change waits for the pod's next start
        #[arg(long)]
        reload: Option<String>,
        /// The file with the key of the admin RPC, if it wants one
        #[arg(long, env = "AZNET_ADMIN_API_KEY_FILE")]
        admin_api_key_file: Option<PathBuf>,
    },
    /// Leave the attesters' addresses of all files where a pod finds them that must not see the keys
    Publish,
}

/// Runs a command; handing over never ends by itself.
pub(crate) fn run(command: &Command, settings: &Settings) -> Result<(), HandOverError> {
    match command {
        Command::Publish => publish(settings),
        Command::HandOver {
            reload,
            admin_api_key_file,
        } => {
            end_when_told().map_err(HandOverError::Signals)?;
            let node = reload.as_deref().map(|url| Admin {
                rpc: Rpc::new(url),
                key_file: admin_api_key_file.clone(),
            });
            hand_over(settings, node.as_ref())
        }
    }
}

/// As process 1, which the kernel ends by no signal that it has no handler for.
fn end_when_told() -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            std::process::exit(0);
        }
    });
    Ok(())
}

fn publish(settings: &Settings) -> Result<(), HandOverError> {
    let folder = Folder::read(&settings.keystores)?;
    folder.warn();
    let published = folder
        .all_good()?
        .stores
        .into_iter()
        .map(|(pod, stored)| (pod, addresses(&stored.attesters)))
        .collect();
    say(format_args!(
        "attesters in the keystore Secret: {published:?}"
    ));
    Ok(folder::publish(&settings.keystore, &published)?)
}

fn hand_over(settings: &Settings, node: Option<&Admin>) -> Result<(), HandOverError> {
    let pod = settings.pod().to_string();
    let mut given = take(&pod, settings)?;
    say(format_args!(
        "handed over {pod}.json: attesters {}",
        list(&given.stored.attesters)
    ));
    let mut refused = None;
    loop {
        pause(LOOK_EVERY);
        let text = read(&pod, settings)?;
        if text == given.text || Some(&text) == refused.as_ref() {
            continue;
        }
        match take(&pod, settings) {
            Ok(new) => {
                say(format_args!(
                    "{pod}.json changed: attesters {}",
                    list(&new.stored.attesters)
                ));
                given = new;
                if let Some(node) = node {
                    taken_up(settings, node, &given.stored);
                }
            }
            // The old file stays in use: what runs goes on.
            Err(error) => {
                say(format_args!("{pod}.json changed, but: {}", chain(&error)));
                refused = Some(text);
            }
        }
    }
}

/// A file that was handed over.
struct Given {
    text: String,
    stored: Stored,
}

fn read(pod: &str, settings: &Settings) -> Result<String, HandOverError> {
    let path = settings.keystores.join(format!("{pod}.json"));
    files::read_text_if_there(&path)?.ok_or(HandOverError::NoKeystore(path))
}

/// Checks the pod's file against all others and copies it.
fn take(pod: &str, settings: &Settings) -> Result<Given, HandOverError> {
    let text = read(pod, settings)?;
    let own = Stored::read(&PathBuf::from(format!("{pod}.json")), &text)?;
    // What is wrong with another pod's file stops that pod, not this one.
    Folder::read(&settings.keystores)?.warn();
    keystore::hand_over(&settings.keystore, &text)?;
    Ok(Given { text, stored: own })
}

/// Has the node read the new file, and on a test network registers attesters that are new. Failures are said: the file
/// is in place, and the next start takes it.
fn taken_up(settings: &Settings, node: &Admin, stored: &Stored) {
    let limit = TimeLimit::after(RELOAD_WITHIN);
    let done = node
        .reload(settings, limit)
        .and_then(|()| register(settings, stored, limit));
    match done {
        Ok(()) => say("the node has taken the new key store"),
        Err(error) => say(format_args!(
            "the node has not taken the new key store, a restart of the pod will: {}",
            chain(&error)
        )),
    }
}

fn register(settings: &Settings, stored: &Stored, limit: TimeLimit) -> Result<(), HandOverError> {
    let config = config::read(&settings.config)?;
    if !config.l1.anvil {
        return Ok(());
    }
    let l1 = L1::wait(&config.l1, limit)?;
    funding::fund(&l1, addresses(&stored.publishers))?;
    let registrar = Registrar {
        rollup: rollup::find(&config, settings, &l1, limit)?,
        l1: &l1,
        anvil: true,
        limit,
    };
    Ok(registrar.ensure(&stored.attesters)?)
}

/// The admin RPC of the node beside.
struct Admin {
    rpc: Rpc,
    key_file: Option<PathBuf>,
}

impl Admin {
    fn reload(&self, settings: &Settings, limit: TimeLimit) -> Result<(), HandOverError> {
        let reload = config::read(&settings.config)?
            .release
            .methods
            .reload_keystore;
        limit.until("the node to read its keys anew", || {
            let rpc = self.rpc.clone().with_key(self.key()?);
            match rpc.call(reload, &json!([])) {
                Err(RpcError::Refused { message, .. }) => Err(HandOverError::Refused(message)),
                answer => Ok(Look::from(answer.map(drop))),
            }
        })
    }

    fn key(&self) -> Result<Option<String>, FileError> {
        let Some(path) = &self.key_file else {
            return Ok(None);
        };
        Ok(files::read_text_if_there(path)?.map(|key| key.trim().to_owned()))
    }
}

fn list(accounts: &[Account]) -> String {
    let addresses = addresses(accounts);
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::folder::{Published, tests};
    use crate::keys::mnemonic::tests::public_mnemonic;

    fn secret(files: &[(&str, &[u32])]) -> (tempfile::TempDir, Settings) {
        let files: Vec<_> = files
            .iter()
            .map(|(pod, attesters)| (*pod, *attesters, &[] as &[u32]))
            .collect();
        let dir = tests::secret(&files);
        let mut settings = Settings::of_pod("validator-1");
        settings.keystores = dir.path().to_owned();
        settings.keystore = dir.path().join("handed");
        (dir, settings)
    }

    #[test]
    fn a_pod_gets_its_own_file_only() {
        let (_dir, settings) = secret(&[("validator-0", &[1]), ("validator-1", &[2, 3])]);
        let given = take("validator-1", &settings).expect("takes");
        assert_eq!(given.stored.attesters.len(), 2);
        let files: Vec<_> = std::fs::read_dir(&settings.keystore)
            .expect("handed over")
            .collect();
        assert_eq!(files.len(), 1);
        let handed = std::fs::read_to_string(keystore::file(&settings.keystore)).expect("reads");
        assert_eq!(handed, given.text);
    }

    #[test]
    fn a_key_in_two_files_is_handed_to_nobody() {
        let (_dir, settings) = secret(&[("validator-0", &[1, 2]), ("validator-1", &[2])]);
        let error = take("validator-1", &settings).err().expect("refused");
        assert!(
            matches!(error, HandOverError::Folder(FolderError::KeyTwice { .. })),
            "{error}"
        );
        assert!(!keystore::file(&settings.keystore).exists());
    }

    #[test]
    fn addresses_are_published_and_no_keys() {
        let (_dir, settings) = secret(&[("validator-0", &[1]), ("validator-1", &[2])]);
        publish(&settings).expect("publishes");
        let published: Published = folder::published(&settings.keystore).expect("reads");
        let first = public_mnemonic().key(1).expect("derives").address;
        assert_eq!(published["validator-0"], [first]);
        let text = std::fs::read_to_string(settings.keystore.join("attesters.json"));
        let text = text.expect("reads");
        assert!(text.len() < 200, "nothing but addresses: {text}");
    }

    #[test]
    fn a_pod_without_a_file_is_told_what_is_missing() {
        let (_dir, settings) = secret(&[("validator-0", &[1])]);
        let error = take("validator-1", &settings).err().expect("refused");
        assert!(error.to_string().contains("validator-1.json"), "{error}");
    }

    #[test]
    fn another_pods_bad_file_stops_only_that_pod() {
        let (dir, settings) = secret(&[("validator-1", &[2])]);
        std::fs::write(dir.path().join("validator-0.json"), "[]").expect("writes");
        take("validator-1", &settings).expect("takes its own");
        let error = take("validator-0", &settings).err().expect("refused");
        assert!(matches!(error, HandOverError::Keystore(_)), "{error}");
        let error = publish(&settings).expect_err("refused").to_string();
        assert!(error.contains("validator-0.json"), "{error}");
    }
}
