//! Deploys the L1 contracts once, by the boot node.

use std::time::Duration;

use alloy_primitives::Address;
use aznet_kit::error::chain;
use aznet_kit::files::FileError;
use aznet_kit::process::{ProcessError, Tool};
use aznet_kit::time::Seconds;
use aznet_kit::wait::{Look, WaitError};
use aznet_model::config::NetworkConfig;
use serde_json::Value;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::console::{pass_on, say};
use crate::environment::{self, deployment_environment};
use crate::keys::holdings::{self, HoldingsError};
use crate::keys::mnemonic::{Key, KeyError, Mnemonic};
use crate::l1::clock::{self, ClockError};
use crate::l1::{L1, L1Error, funding};
use crate::network::attempt::{self, Attempt, AttemptError};
use crate::network::forge::{ForgeError, ForgeKey};
use crate::network::record::{Record, RecordError};
use crate::preload;
use crate::settings::Settings;
use crate::wait::TimeLimit;

/// Why the contracts are not deployed.
#[derive(Debug, Error)]
pub(crate) enum DeploymentError {
    /// The L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The pod's notes.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The deployer's key.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Who the first validators are.
    #[error(transparent)]
    Holdings(#[from] HoldingsError),
    /// The clock of a test network's L1.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The deployer's key can't be handed over.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// An earlier deployment has no result.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// No attempt worked in time.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// There is nothing to pay with.
    #[error("the deployer {0} has no ETH on this L1: send it some, it pays for the contracts")]
    NoFunds(Address),
    /// The pod deployed before, and the L1 does not have it.
    #[error(
        "this pod's notes name registry {0} on this L1, but there is no contract at that address; are the L1's servers in sync? Nothing is deployed again"
    )]
    RegistryGone(Address),
    /// The program can't run.
    #[error("can't run deploy-l1-contracts")]
    Runtime(#[source] std::io::Error),
    /// It ran and failed.
    #[error("the L1 contracts were not deployed")]
    Program(#[source] ProcessError),
    /// It told no registry.
    #[error("deploy-l1-contracts ended well but printed no registryAddress")]
    NoRegistry,
}

impl DeploymentError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::L1(error) => error.is_final(),
            Self::Keys(_) => true,
            Self::Holdings(error) => error.is_final(),
            Self::Clock(error) => error.is_final(),
            Self::Attempt(error) => error.is_final(),
            Self::File(_)
            | Self::Record(_)
            | Self::Forge(_)
            | Self::Wait(_)
            | Self::NoFunds(_)
            | Self::RegistryGone(_)
            | Self::Runtime(_)
            | Self::Program(_)
            | Self::NoRegistry => false,
        }
    }
}

/// A deployment of the contracts of a network.
pub(crate) struct Deployment<'a> {
    config: &'a NetworkConfig,
    settings: &'a Settings,
    l1: &'a L1,
    deployer: Key,
    attesters: Vec<Address>,
}

impl<'a> Deployment<'a> {
    /// Finds out who deploys, and who the first validators are.
    pub(crate) fn prepare(
        config: &'a NetworkConfig,
        settings: &'a Settings,
        l1: &'a L1,
    ) -> Result<Self, DeploymentError> {
        let deployer = Mnemonic::read(&settings.mnemonic)?.key(config.keys.deployer)?;
        let mut attesters = Vec::new();
        for pod in holdings::validator_pods(config) {
            attesters.extend(holdings::attesters_of(&pod, config, settings)?);
        }
        Ok(Self {
            config,
            settings,
            l1,
            deployer,
            attesters,
        })
    }

    /// Deploys the contracts and notes their registry: on the chart's own anvil as often as it takes, elsewhere once.
    pub(crate) fn deploy(&self, limit: TimeLimit) -> Result<Address, DeploymentError> {
        let registry = if self.config.l1.anvil {
            self.repeatedly(limit)?
        } else {
            self.once()?
        };
        say(format_args!(
            "deployed the L1 contracts: registry {registry}"
        ));
        Ok(registry)
    }

    fn repeatedly(&self, limit: TimeLimit) -> Result<Address, DeploymentError> {
        let registry = limit.until("the deployment of the L1 contracts", || {
            let made = self.on_anvil(limit.left().min(self.settings.deploy_deadline));
            match made {
                Err(error) if error.is_final() => Err(error),
                made => Ok(Look::from(made)),
            }
        })?;
        Record::write(&self.settings.data, self.l1, registry)?;
        Ok(registry)
    }

    fn on_anvil(&self, deadline: Duration) -> Result<Address, DeploymentError> {
        clock::leave_room(self.l1, self.config)?;
        funding::fund(self.l1, [self.deployer.address])?;
        clock::align(self.l1, self.config)?;
        self.run(deadline)
    }

    /// What is sent here is paid for, so it is noted before it is sent, and never sent again unasked.
    fn once(&self) -> Result<Address, DeploymentError> {
        let (data, deployer) = (&self.settings.data, self.deployer.address);
        if let Some(record) = Record::read(data)?
            && record.l1_genesis == self.l1.genesis()?
        {
            return Err(DeploymentError::RegistryGone(record.registry));
        }
        let attempt = Attempt::begin(data, self.l1, deployer, self.settings.deploy_again)?;
        match self.pay() {
            Ok(registry) => {
                Record::write(data, self.l1, registry)?;
                attempt::forget(data)?;
                Ok(registry)
            }
            Err(error) => {
                self.after_failure(&attempt, &error)?;
                Err(error)
            }
        }
    }

    fn pay(&self) -> Result<Address, DeploymentError> {
        let deployer = self.deployer.address;
        if self.l1.balance(deployer)?.is_zero() {
            return Err(DeploymentError::NoFunds(deployer));
        }
        self.run(self.settings.deploy_deadline)
    }

    /// A program that has ended by itself and sent nothing may be started again; for any other the note stays.
    fn after_failure(
        &self,
        attempt: &Attempt,
        error: &DeploymentError,
    ) -> Result<(), DeploymentError> {
        let spent = attempt.spent(self.l1)?;
        say(format_args!("{}; {spent}", chain(error)));
        let stopped = matches!(
            error,
            DeploymentError::Program(ProcessError::TimedOut { .. })
        );
        if spent.is_nothing() && !stopped {
            attempt::forget(&self.settings.data)?;
        }
        Ok(())
    }

    fn run(&self, deadline: Duration) -> Result<Address, DeploymentError> {
        say(format_args!(
            "deploying the L1 contracts as {} with {} validators, within {}",
            self.deployer.address,
            self.attesters.len(),
            Seconds(deadline)
        ));
        let key = ForgeKey::new(&self.deployer)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(DeploymentError::Runtime)?;
        let never = CancellationToken::new();
        let program = self.program(&key).stream(pass_on, deadline, &never);
        let output = runtime.block_on(program);
        registry(&output.map_err(DeploymentError::Program)?).ok_or(DeploymentError::NoRegistry)
    }

    fn program(&self, key: &ForgeKey) -> Tool {
        let mut aztec = self.settings.aztec();
        preload::add(&mut aztec);
        let mut words = aztec.iter();
        let mut program = Tool::new(words.next().map_or("", String::as_str))
            .args(words)
            .args(arguments(self.config, &self.attesters))
            .env("PRIVATE_KEY", self.deployer.secret().to_string());
        for (name, value) in environment::beside_own(&deployment_environment(self.config)) {
            program = program.env(name, value);
        }
        for (name, value) in key.environment(std::env::var("NODE_OPTIONS").ok()) {
            program = program.env(name, value);
        }
        program
    }
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
        (
            config.real_proofs || config.real_verifier,
            "--real-verifier",
        ),
    ] {
        if wanted {
            args.push(flag.to_owned());
        }
    }
    args
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
    use crate::config::tests::config;
    use crate::keys::mnemonic::tests::public_mnemonic;

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
