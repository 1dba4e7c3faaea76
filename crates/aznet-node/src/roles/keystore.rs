//! `aznet-node keystore`: hands a pod its own file of the keystore Secret, and nothing of the others'.
//!
//! It runs in a container of its own beside the Aztec process, which so sees neither the Secret nor the keys of other
//! pods. When the file changes, the process is told to read it anew.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use alloy_primitives::Address;
use clap::Subcommand;
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::accounts::{Account, addresses};
use crate::error::NodeError;
use crate::facts;
use crate::files;
use crate::funding;
use crate::holdings::{Published, published_file};
use crate::keystore::{self, Stored};
use crate::l1::L1;
use crate::membership;
use crate::rpc::{Rpc, RpcError};
use crate::say::{chain, say};
use crate::settings::Settings;
use crate::staking::Registrar;
use crate::wait::{Deadline, Pause, rest};

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
pub(crate) fn run(command: &Command, settings: &Settings) -> Result<(), NodeError> {
    match command {
        Command::Publish => publish(settings),
        Command::HandOver {
            reload,
            admin_api_key_file,
        } => {
            end_when_told().map_err(NodeError::Signals)?;
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

fn publish(settings: &Settings) -> Result<(), NodeError> {
    let published: Published = all(&settings.keystores)?
        .into_iter()
        .map(|(pod, stored)| (pod, addresses(&stored.attesters)))
        .collect();
    say(format_args!(
        "attesters in the keystore Secret: {published:?}"
    ));
    let text = serde_json::to_string(&published).unwrap_or_default();
    let file = published_file(&settings.keystore);
    Ok(files::write_private(&file, text.as_bytes())?)
}

/// The key stores of a directory by pod, no attester in two of them.
fn all(dir: &Path) -> Result<BTreeMap<String, Stored>, NodeError> {
    let entries = std::fs::read_dir(dir).map_err(|source| files::FileError::read(dir, source))?;
    let mut stores = BTreeMap::new();
    let mut holders: BTreeMap<Address, String> = BTreeMap::new();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    for path in paths.filter(|path| path.extension().is_some_and(|ext| ext == "json")) {
        let text = files::read_if_there(&path)?.unwrap_or_default();
        let own = Stored::read(&path, &text)?;
        let pod = path.file_stem().unwrap_or_default().to_string_lossy();
        for attester in addresses(&own.attesters) {
            if let Some(other) = holders.insert(attester, pod.clone().into_owned()) {
                return Err(NodeError::KeyTwice {
                    attester,
                    pods: [other, pod.into_owned()],
                });
            }
        }
        stores.insert(pod.into_owned(), own);
    }
    Ok(stores)
}

fn hand_over(settings: &Settings, node: Option<&Admin>) -> Result<(), NodeError> {
    let pod = settings.pod().to_string();
    let mut given = take(&pod, settings)?;
    say(format_args!(
        "handed over {pod}.json: attesters {}",
        list(&given.stored.attesters)
    ));
    let mut refused = None;
    loop {
        rest(LOOK_EVERY);
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

fn read(pod: &str, settings: &Settings) -> Result<String, NodeError> {
    let path = settings.keystores.join(format!("{pod}.json"));
    files::read_if_there(&path)?.ok_or(NodeError::NoKeystore(path))
}

/// Checks the pod's file against all others and copies it.
fn take(pod: &str, settings: &Settings) -> Result<Given, NodeError> {
    let text = read(pod, settings)?;
    let own = Stored::read(&PathBuf::from(format!("{pod}.json")), &text)?;
    all(&settings.keystores)?;
    let file = keystore::file(&settings.keystore);
    files::write_private(&file, text.as_bytes())?;
    Ok(Given { text, stored: own })
}

/// Has the node read the new file, and on a test network registers attesters that are new. Failures are said: the file
/// is in place, and the next start takes it.
fn taken_up(settings: &Settings, node: &Admin, stored: &Stored) {
    let deadline = Deadline::after(RELOAD_WITHIN);
    let done = node
        .reload(deadline)
        .and_then(|()| register(settings, stored, deadline));
    match done {
        Ok(()) => say("the node has taken the new key store"),
        Err(error) => say(format_args!(
            "the node has not taken the new key store, a restart of the pod will: {}",
            chain(&error)
        )),
    }
}

fn register(settings: &Settings, stored: &Stored, deadline: Deadline) -> Result<(), NodeError> {
    let config = facts::read_config(&settings.config)?;
    if !config.l1.anvil {
        return Ok(());
    }
    let l1 = L1::wait(&config.l1, deadline)?;
    funding::fund(&l1, addresses(&stored.publishers))?;
    let registrar = Registrar {
        rollup: membership::rollup(&config, settings, &l1, deadline)?,
        l1: &l1,
        anvil: true,
        deadline,
    };
    Ok(registrar.ensure(&stored.attesters)?)
}

/// The admin RPC of the node beside.
struct Admin {
    rpc: Rpc,
    key_file: Option<PathBuf>,
}

impl Admin {
    fn reload(&self, deadline: Deadline) -> Result<(), NodeError> {
        Ok(deadline.until("the node to read its keys anew", || {
            let key = self.key().map_err(|error| Pause::NotYet(chain(&error)))?;
            let rpc = self.rpc.clone().with_key(key);
            match rpc.call("nodeAdmin_reloadKeystore", &json!([])) {
                Ok(_) => Ok(()),
                Err(RpcError::Refused { message, .. }) => Err(Pause::Never(message)),
                Err(error) => Err(Pause::NotYet(chain(&error))),
            }
        })?)
    }

    fn key(&self) -> Result<Option<String>, files::FileError> {
        let Some(path) = &self.key_file else {
            return Ok(None);
        };
        Ok(files::read_if_there(path)?.map(|key| key.trim().to_owned()))
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
    use crate::keys::tests::public_mnemonic;
    use crate::keystore::{Rewards, of_validators};

    fn secret(files: &[(&str, &[u32])]) -> (tempfile::TempDir, Settings) {
        let dir = tempfile::tempdir().expect("temporary directory");
        for (pod, indices) in files {
            let keys = indices.iter().map(|index| public_mnemonic().key(*index));
            let keys: Vec<Account> = keys
                .map(|key| Account::from(&key.expect("derives")))
                .collect();
            let store = of_validators(&keys, &[], &Rewards::default(), None);
            let path = dir.path().join(format!("{pod}.json"));
            std::fs::write(path, store.to_string()).expect("writes");
        }
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
        assert!(matches!(error, NodeError::KeyTwice { .. }), "{error}");
        assert!(!keystore::file(&settings.keystore).exists());
    }

    #[test]
    fn addresses_are_published_and_no_keys() {
        let (_dir, settings) = secret(&[("validator-0", &[1]), ("validator-1", &[2])]);
        publish(&settings).expect("publishes");
        let text = std::fs::read_to_string(published_file(&settings.keystore)).expect("reads");
        let published: Published = serde_json::from_str(&text).expect("JSON");
        let first = public_mnemonic().key(1).expect("derives").address;
        assert_eq!(published["validator-0"], [first]);
        assert!(text.len() < 200, "nothing but addresses: {text}");
    }

    #[test]
    fn a_pod_without_a_file_is_told_what_is_missing() {
        let (_dir, settings) = secret(&[("validator-0", &[1])]);
        let error = take("validator-1", &settings).err().expect("refused");
        assert!(error.to_string().contains("validator-1.json"), "{error}");
    }
}
