//! Deploys the L1 contracts once, by the boot node.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use alloy_primitives::{Address, B256};
use aznet_model::config::NetworkConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::clock;
use crate::command;
use crate::environment::deployment_environment;
use crate::error::NodeError;
use crate::files::{self, FileError};
use crate::forge::Shim;
use crate::funding;
use crate::holdings;
use crate::keys::{Key, Mnemonic};
use crate::l1::{L1, L1Error};
use crate::say::{chain, say};
use crate::settings::Settings;
use crate::wait::{Deadline, Pause};

/// Why the contracts are not deployed.
#[derive(Debug, Error)]
pub(crate) enum DeploymentError {
    /// No place for temporary files.
    #[error("can't make a temporary directory for the deployment; TMPDIR names where")]
    Temporary(#[source] io::Error),
    /// The key can't be handed over.
    #[error("can't encrypt the deployer's key for forge")]
    KeyStore(#[source] alloy_signer_local::LocalSignerError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The program can't run.
    #[error("can't run {program} deploy-l1-contracts")]
    Run {
        /// The program.
        program: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It ran and failed.
    #[error("deploy-l1-contracts ended with {0}; its reasons are above")]
    Failed(std::process::ExitStatus),
    /// It told no registry.
    #[error("deploy-l1-contracts ended well but printed no registryAddress")]
    NoRegistry,
}

/// The registry of a deployment, valid for one L1 only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// Hash of the L1's first block.
    pub(crate) l1_genesis: B256,
    /// The registry contract.
    pub(crate) registry: Address,
}

impl Record {
    /// The pod's record, if it is of this L1, and the L1 still has the contract.
    pub(crate) fn valid(path: &Path, l1: &L1) -> Result<Option<Self>, NodeError> {
        let Some(text) = files::read_if_there(path)? else {
            return Ok(None);
        };
        let Ok(record) = serde_json::from_str::<Self>(&text) else {
            return Ok(None);
        };
        if record.l1_genesis == genesis(l1)? && l1.has_code(record.registry)? {
            return Ok(Some(record));
        }
        say(format_args!(
            "the L1 is another one than the one registry {} was on",
            record.registry
        ));
        Ok(None)
    }

    /// Notes the registry of this L1.
    pub(crate) fn write(path: &Path, l1: &L1, registry: Address) -> Result<(), NodeError> {
        let record = Self {
            l1_genesis: genesis(l1)?,
            registry,
        };
        let text = serde_json::to_string(&record).unwrap_or_default();
        Ok(files::write_private(path, text.as_bytes())?)
    }

    /// Where a pod keeps its record.
    pub(crate) fn path(data: &Path) -> PathBuf {
        data.join("l1-deployment.json")
    }
}

fn genesis(l1: &L1) -> Result<B256, L1Error> {
    Ok(l1.block("0x0")?.hash)
}

/// Deploys the contracts and notes their registry.
pub(crate) fn deploy(
    config: &NetworkConfig,
    settings: &Settings,
    l1: &L1,
    deadline: Deadline,
) -> Result<Address, NodeError> {
    let mnemonic = Mnemonic::read(&settings.mnemonic)?;
    let deployer = mnemonic.key(config.keys.deployer)?;
    let attesters = first_attesters(config, settings)?;
    say(format_args!(
        "deploying the L1 contracts as {} with {} validators",
        deployer.address,
        attesters.len()
    ));
    let registry = deadline.until("the deployment of the L1 contracts", || {
        attempt(config, settings, l1, &deployer, &attesters).map_err(|error| {
            let reason = chain(&error);
            // On a real L1 another attempt costs real money.
            let again = config.l1.anvil && !matches!(error, NodeError::ClockSpent { .. });
            if again {
                Pause::NotYet(reason)
            } else {
                Pause::Never(reason)
            }
        })
    })?;
    say(format_args!(
        "deployed the L1 contracts: registry {registry}"
    ));
    Record::write(&Record::path(&settings.data), l1, registry)?;
    Ok(registry)
}

/// The attesters of all validator pods that there are to be.
fn first_attesters(config: &NetworkConfig, settings: &Settings) -> Result<Vec<Address>, NodeError> {
    let mut attesters = Vec::new();
    for pod in holdings::validator_pods(config) {
        attesters.extend(holdings::attesters_of(&pod, config, settings)?);
    }
    Ok(attesters)
}

fn attempt(
    config: &NetworkConfig,
    settings: &Settings,
    l1: &L1,
    deployer: &Key,
    attesters: &[Address],
) -> Result<Address, NodeError> {
    if config.l1.anvil {
        clock::leave_room(l1, config)?;
        funding::fund(l1, [deployer.address])?;
    }
    let shim = Shim::new(deployer)?;
    let mut argv = settings.aztec();
    argv.extend(arguments(config, attesters));
    let mut command = command::prepared(&argv, &deployment_environment(config));
    command.envs(shim.environment(std::env::var("NODE_OPTIONS").ok()));
    command.env("PRIVATE_KEY", deployer.secret().to_string());
    let output = run(command, &argv[0])?;
    Ok(registry(&output).ok_or(DeploymentError::NoRegistry)?)
}

/// The L1's URLs are not among them: they may hold API keys, and a process list is no place for those.
fn arguments(config: &NetworkConfig, attesters: &[Address]) -> Vec<String> {
    let mut args = vec![
        "deploy-l1-contracts".to_owned(),
        format!("--l1-chain-id={}", config.l1.chain_id),
        "--json".to_owned(),
    ];
    if !attesters.is_empty() {
        let addresses: Vec<String> = attesters.iter().map(Address::to_string).collect();
        args.push(format!("--validators={}", addresses.join(",")));
    }
    for (wanted, flag) in [
        (config.test_accounts, "--test-accounts"),
        (config.sponsored_fpc, "--sponsored-fpc"),
        (config.real_proofs, "--real-verifier"),
    ] {
        if wanted {
            args.push(flag.to_owned());
        }
    }
    args
}

/// Runs the program; its output goes to ours line by line, and is returned.
fn run(mut command: Command, program: &str) -> Result<String, DeploymentError> {
    let failed = |source| DeploymentError::Run {
        program: program.to_owned(),
        source,
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let output = child
        .stdout
        .take()
        .map(copy_lines)
        .transpose()
        .map_err(failed)?;
    let status = child.wait().map_err(failed)?;
    if status.success() {
        Ok(output.unwrap_or_default())
    } else {
        Err(DeploymentError::Failed(status))
    }
}

fn copy_lines(from: impl Read) -> io::Result<String> {
    let mut all = String::new();
    for line in BufReader::new(from).lines() {
        let line = line?;
        io::Write::write_all(&mut io::stdout(), format!("{line}\n").as_bytes())?;
        all.push_str(&line);
        all.push('\n');
    }
    Ok(all)
}

/// The registry's address among JSON and log lines: the last object that has one counts.
fn registry(output: &str) -> Option<Address> {
    let objects = output.rmatch_indices('{').filter_map(|(at, _)| {
        let mut values = serde_json::Deserializer::from_str(&output[at..]).into_iter::<Value>();
        values.next()?.ok()
    });
    objects
        .filter_map(|object| object.get("registryAddress")?.as_str()?.parse().ok())
        .find(|address: &Address| !address.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::config;
    use crate::keys::tests::public_mnemonic;

    #[test]
    fn finds_the_registry_among_log_lines() {
        let output = concat!(
            "[21:48:05] INFO: world-state {\"size\":10}\n",
            "{\n  \"rollupAddress\": \"0x322813fd9a801c5507c9de605d63cea4f2ce6c44\",\n",
            "  \"registryAddress\": \"0xb7f8bc63bbcad18155201308c8f3540b07f84f5e\"\n}\n",
            "[21:48:06] INFO: done {rollupVersion:1\n",
        );
        let expected = "0xb7f8bc63bbcad18155201308c8f3540b07f84f5e"
            .parse()
            .expect("address");
        assert_eq!(registry(output), Some(expected));
    }

    #[test]
    fn no_registry_in_what_was_cut_short_or_failed() {
        assert_eq!(registry("{ \"registryAddress\": \"0xb7f8bc63bb"), None);
        assert_eq!(registry("{\"registryAddress\":\"Not deployed\"}"), None);
        assert_eq!(registry(""), None);
    }

    #[test]
    fn no_key_among_the_arguments() {
        let attesters =
            [100, 101, 102, 103, 150].map(|index| public_mnemonic().key(index).expect("derives"));
        let attesters = attesters.map(|key| key.address);
        insta::assert_debug_snapshot!(arguments(&config(), &attesters));
    }
}
