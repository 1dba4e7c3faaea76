//! The roles that are Aztec's own processes.

use std::process::ExitCode;

use alloy_primitives::Address;
use aznet_model::config::NetworkConfig;
use aznet_model::role::Role;

use crate::accounts::addresses;
use crate::bot::Account;
use crate::clock;
use crate::command;
use crate::contracts;
use crate::deployment::{self, Record};
use crate::environment::environment;
use crate::error::NodeError;
use crate::facts::{self, Facts};
use crate::funding;
use crate::holdings::Holdings;
use crate::join::{self, Membership};
use crate::l1::L1;
use crate::l1_secret;
use crate::role::aztec_args;
use crate::rpc::Rpc;
use crate::say::{chain, say};
use crate::settings::Settings;
use crate::staking::Registrar;
use crate::wait::{Deadline, Pause, WaitError};

/// Variables by which a user brings keys of their own; then none are derived.
const OWN_KEYS: [&str; 5] = [
    "KEY_STORE_DIRECTORY",
    "WEB3_SIGNER_URL",
    "VALIDATOR_PRIVATE_KEYS",
    "VALIDATOR_PRIVATE_KEY",
    "PROVER_PUBLISHER_PRIVATE_KEYS",
];

/// A pod on its way to becoming its process.
struct Start<'a> {
    role: Role,
    config: NetworkConfig,
    settings: &'a Settings,
    deadline: Deadline,
}

/// Waits for what the role needs, then becomes its process.
pub(crate) fn run(
    role: Role,
    settings: &Settings,
    extra: &[String],
) -> Result<ExitCode, NodeError> {
    let mut config = facts::read_config(&settings.config)?;
    let consensus_keys = l1_secret::apply(&mut config, &settings.l1_secret)?;
    let start = Start {
        role,
        config,
        settings,
        deadline: Deadline::after(settings.wait_deadline),
    };
    let facts = Facts {
        consensus_keys,
        ..start.facts()?
    };
    let mut argv = match role {
        Role::Pxe => settings.pxe(),
        _ => settings.aztec(),
    };
    argv.extend(
        aztec_args(role, &start.config)
            .iter()
            .map(|arg| (*arg).to_owned()),
    );
    argv.extend(extra.iter().cloned());
    command::exec(&argv, &environment(role, &start.config, &facts))
}

impl Start<'_> {
    fn facts(&self) -> Result<Facts, NodeError> {
        let mut facts = Facts {
            announced: facts::announced(&self.config, self.settings),
            data: self.settings.data.clone(),
            admin_key_hash: std::env::var_os("AZTEC_ADMIN_API_KEY_HASH").is_some(),
            ..Facts::default()
        };
        match self.role {
            Role::ProverAgent => self.prover_broker()?,
            Role::Pxe => self.node_ready()?,
            Role::Bot => {
                self.node_ready()?;
                facts.account = Some(Account::of(
                    self.settings.pod().ordinal,
                    &self.settings.bot_secret,
                    self.config.endpoints.pxe.as_deref(),
                    self.deadline,
                )?);
            }
            _ => self.on_l1(&mut facts)?,
        }
        Ok(facts)
    }

    fn node_ready(&self) -> Result<(), NodeError> {
        let node = self.config.endpoints.node.as_deref();
        let node = node.ok_or(NodeError::NoNode)?;
        Ok(self.ready("a node to talk to", node)?)
    }

    /// Waits until a server's `/status` is good.
    fn ready(&self, what: &str, url: &str) -> Result<(), WaitError> {
        let rpc = Rpc::new(url);
        self.deadline
            .until(what, || match rpc.get_status("/status") {
                Ok(200) => Ok(()),
                Ok(status) => Err(Pause::NotYet(format!(
                    "{} answers with HTTP {status}",
                    rpc.server()
                ))),
                Err(error) => Err(Pause::NotYet(chain(&error))),
            })
    }

    /// Waits for the prover broker, where there is one.
    fn prover_broker(&self) -> Result<(), WaitError> {
        let broker = self.config.endpoints.prover_broker.as_deref();
        broker.map_or(Ok(()), |url| self.ready("the prover broker", url))
    }

    /// Waits until a server answers at all.
    fn reachable(&self, what: &str, url: &str) -> Result<(), WaitError> {
        let rpc = Rpc::new(url);
        self.deadline.until(what, || match rpc.get_status("/") {
            Ok(_) => Ok(()),
            Err(error) => Err(Pause::NotYet(chain(&error))),
        })
    }

    /// The server of the blob store, where the role uses one with an address of its own.
    fn blob_store(&self) -> Option<String> {
        let store = self.config.endpoints.blob_store.as_deref();
        store.filter(|_| self.role.is_node()).and_then(endpoint)
    }

    fn on_l1(&self, facts: &mut Facts) -> Result<(), NodeError> {
        let l1 = L1::wait(&self.config.l1, self.deadline)?;
        let membership = match self.role {
            Role::BootNode => self.found(&l1)?,
            role => join::join(role, &self.config, self.settings, &l1, self.deadline)?,
        };
        if let Some(url) = self.blob_store() {
            self.reachable("the blob store", &url)?;
        }
        let rollup = contracts::canonical_rollup(&l1, membership.registry, &self.config)?;
        facts.registry = Some(membership.registry);
        facts.bootstrap = membership.enrs;
        match self.role {
            Role::Validator => self.validator(&l1, rollup, facts),
            Role::ProverNode => self.prover(&l1, facts),
            _ => Ok(()),
        }
    }

    /// The boot node: the network it starts, or started before.
    fn found(&self, l1: &L1) -> Result<Membership, NodeError> {
        let registry = match &self.config.registry_address {
            Some(text) => join::parse_address("registryAddress", text)?,
            None => self.deployed(l1)?,
        };
        if self.config.l1.anvil {
            clock::release(l1, self.config.l1.block_time)?;
        }
        let mut enrs = self.config.bootstrap_nodes.clone();
        enrs.extend(join::peers(&self.config, self.settings));
        Ok(Membership { registry, enrs })
    }

    fn deployed(&self, l1: &L1) -> Result<Address, NodeError> {
        let path = Record::path(&self.settings.data);
        if let Some(record) = Record::valid(&path, l1)? {
            say(format_args!(
                "the L1 contracts are deployed: registry {}",
                record.registry
            ));
            return Ok(record.registry);
        }
        if let Some(registry) = join::registry_of_peers(&self.config, l1) {
            say(format_args!(
                "other nodes live by registry {registry}; so does this one"
            ));
            Record::write(&path, l1, registry)?;
            return Ok(registry);
        }
        deployment::deploy(&self.config, self.settings, l1, self.deadline)
    }

    fn validator(&self, l1: &L1, rollup: Address, facts: &mut Facts) -> Result<(), NodeError> {
        if Self::brings_own_keys() {
            return Ok(());
        }
        let holdings = self.holdings(l1, facts)?;
        let registrar = Registrar {
            l1,
            rollup,
            anvil: self.config.l1.anvil,
            deadline: self.deadline,
        };
        Ok(registrar.ensure(&holdings.attesters)?)
    }

    fn prover(&self, l1: &L1, facts: &mut Facts) -> Result<(), NodeError> {
        self.prover_broker()?;
        if Self::brings_own_keys() {
            return Ok(());
        }
        self.holdings(l1, facts).map(drop)
    }

    /// The accounts of this pod, with something to pay with, where Aztec finds them.
    fn holdings(&self, l1: &L1, facts: &mut Facts) -> Result<Holdings, NodeError> {
        let holdings = Holdings::own(&self.config, self.settings, self.deadline)?;
        if self.config.l1.anvil {
            funding::fund(l1, addresses(&holdings.publishers))?;
        }
        holdings.hand_over(self.role, &self.settings.keystore)?;
        facts.keystore = Some(self.settings.keystore.clone());
        Ok(holdings)
    }

    fn brings_own_keys() -> bool {
        let own = OWN_KEYS
            .into_iter()
            .find(|name| std::env::var_os(name).is_some());
        if let Some(name) = own {
            say(format_args!(
                "{name} is set: no keys are derived from the mnemonic"
            ));
        }
        own.is_some()
    }
}

/// The `endpoint` parameter of a blob store's URL.
fn endpoint(store: &str) -> Option<String> {
    let (_, query) = store.split_once('?')?;
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("endpoint="))?;
    Some(value.replace("%3A", ":").replace("%2F", "/"))
}

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[test]
    fn finds_a_stores_server() {
        let expected = Some("http://blob-store:7070".to_owned());
        assert_eq!(
            endpoint("s3://blobs/aztec?endpoint=http://blob-store:7070"),
            expected
        );
        assert_eq!(
            endpoint("s3://b/p?x=1&endpoint=http%3A%2F%2Fblob-store%3A7070"),
            expected
        );
        assert_eq!(endpoint("s3://b/p"), None);
        assert_eq!(endpoint("gs://b/p?x=1"), None);
    }
}
