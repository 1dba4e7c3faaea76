//! The roles that are Aztec's own processes.

use std::process::ExitCode;

use alloy_primitives::Address;
use aznet_kit::files::FileError;
use aznet_kit::wait::{Look, WaitError};
use aznet_model::config::NetworkConfig;
use aznet_model::role::Role;
use thiserror::Error;

use crate::config::{self, ConfigError};
use crate::console::say;
use crate::environment::{self, Inputs, credentials, environment};
use crate::keys::account::addresses;
use crate::keys::bot::{Account, BotError};
use crate::keys::holdings::{Holdings, HoldingsError};
use crate::l1::clock::{self, ClockError};
use crate::l1::secret::{self, ApiKeys, SecretError};
use crate::l1::{L1, L1Error, funding, traces};
use crate::network::deployment::{Deployment, DeploymentError};
use crate::network::join::{self, JoinError, Membership};
use crate::network::record::{Record, RecordError};
use crate::network::rollup::{self, RollupError};
use crate::preload::{self, PreloadError};
use crate::roles::exec::{self, ExecError};
use crate::roles::order;
use crate::roles::version::{self, VersionError};
use crate::set::registrar::{Registrar, RegistrarError};
use crate::settings::Settings;
use crate::wait::TimeLimit;
use aznet_kit::rpc::Rpc;

/// Why a pod's process can't be started.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The image is of another release.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// The Secret with the L1's URLs.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A wallet server or bot where no node is.
    #[error("no node to connect to: this network has neither a full node nor a boot node")]
    NoNode,
    /// A bot's account.
    #[error(transparent)]
    Bot(#[from] BotError),
    /// A component did not answer in time.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The L1's clock.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// Joining the network.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The pod's notes.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Deploying the L1 contracts.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The rollup.
    #[error(transparent)]
    Rollup(#[from] RollupError),
    /// The pod's keys.
    #[error(transparent)]
    Holdings(#[from] HoldingsError),
    /// Handing the keys over.
    #[error(transparent)]
    File(#[from] FileError),
    /// Registering attesters.
    #[error(transparent)]
    Registrar(#[from] RegistrarError),
    /// Becoming the process.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// Loading the process meanwhile.
    #[error(transparent)]
    Preload(#[from] PreloadError),
}

impl StartError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Config(error) => error.is_final(),
            Self::Bot(error) => error.is_final(),
            Self::L1(error) => error.is_final(),
            Self::Clock(error) => error.is_final(),
            Self::Join(error) => error.is_final(),
            Self::Deployment(error) => error.is_final(),
            Self::Rollup(error) => error.is_final(),
            Self::Holdings(error) => error.is_final(),
            Self::Version(_)
            | Self::Secret(_)
            | Self::NoNode
            | Self::Exec(_)
            | Self::Preload(_) => true,
            Self::Wait(_) | Self::Record(_) | Self::File(_) | Self::Registrar(_) => false,
        }
    }
}

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
    consensus_keys: ApiKeys,
    settings: &'a Settings,
    limit: TimeLimit,
}

/// Waits for what the role needs, then becomes its process; or becomes it at once, where the image can load what it
/// runs while [`prepare`] waits.
pub(crate) fn run(
    role: Role,
    settings: &Settings,
    extra: &[String],
) -> Result<ExitCode, StartError> {
    let start = Start::of(role, settings)?;
    if role != Role::Pxe {
        version::check(&settings.aztec_root, start.config.release)?;
    }
    let mut argv = match role {
        Role::Pxe => settings.pxe(),
        _ => settings.aztec(),
    };
    let broker = start.config.endpoints.prover_broker.is_some();
    let arguments = start.config.release.start.of(role, broker);
    argv.extend(arguments.iter().map(|arg| (*arg).to_owned()));
    argv.extend(extra.iter().cloned());
    let preloads = preload::add(&mut argv);
    if preloads && order::comes_first(role, &start.config) {
        say("Aztec loads");
        let known = environment(role, &start.config, &start.known());
        match exec::exec(&argv, &preload::prepare(role, known)?)? {}
    }
    let inputs = start.inputs()?;
    say(match role {
        Role::Pxe => "the wallet server starts",
        _ => "Aztec starts",
    });
    match exec::exec(&argv, &environment(role, &start.config, &inputs))? {}
}

/// Waits for what the role needs, and hands its variables to the process that has loaded meanwhile.
pub(crate) fn prepare(role: Role, settings: &Settings) -> Result<ExitCode, StartError> {
    let start = Start::of(role, settings)?;
    let inputs = start.inputs()?;
    preload::hand_over(&environment(role, &start.config, &inputs))?;
    say("Aztec starts");
    Ok(ExitCode::SUCCESS)
}

impl<'a> Start<'a> {
    fn of(role: Role, settings: &'a Settings) -> Result<Self, StartError> {
        let mut config = config::read(&settings.config)?;
        let consensus_keys = secret::apply(&mut config, &settings.l1_secret)?;
        Ok(Self {
            role,
            config,
            consensus_keys,
            settings,
            limit: TimeLimit::after(settings.wait_deadline),
        })
    }

    /// What needs no waiting for.
    fn known(&self) -> Inputs {
        Inputs {
            announced: environment::announced(&self.config, self.settings),
            data: self.settings.data.clone(),
            admin_key_hash: credentials::has_admin_key_hash(),
            consensus_keys: self.consensus_keys.clone(),
            ..Inputs::default()
        }
    }

    fn inputs(&self) -> Result<Inputs, StartError> {
        order::let_others_first(self.role, &self.config, self.settings);
        let mut inputs = self.known();
        match self.role {
            Role::ProverAgent => self.prover_broker()?,
            Role::Pxe => self.node_ready()?,
            Role::Bot => {
                self.node_ready()?;
                inputs.account = Account::of(
                    self.settings.pod().ordinal,
                    &self.settings.bot_secret,
                    &self.config.release.test_accounts,
                    self.config.endpoints.pxe.as_deref(),
                    self.limit,
                )?;
            }
            _ => self.on_l1(&mut inputs)?,
        }
        Ok(inputs)
    }

    fn node_ready(&self) -> Result<(), StartError> {
        let node = self.config.endpoints.node.as_deref();
        let node = node.ok_or(StartError::NoNode)?;
        Ok(self.ready("a node to talk to", node)?)
    }

    /// Waits until a server's `/status` is good.
    fn ready(&self, what: &str, url: &str) -> Result<(), WaitError> {
        let rpc = Rpc::new(url);
        self.limit.until(what, || {
            Ok(match rpc.get_status("/status") {
                Ok(200) => Look::Done(()),
                Ok(status) => Look::Pending(format!("{} answers with HTTP {status}", rpc.server())),
                failed => Look::from(failed.map(drop)),
            })
        })
    }

    /// Waits for the prover broker, where there is one.
    fn prover_broker(&self) -> Result<(), WaitError> {
        let broker = self.config.endpoints.prover_broker.as_deref();
        broker.map_or(Ok(()), |url| self.ready("the prover broker", url))
    }

    /// The server of the blob store, where the role uses one with an address of its own.
    fn blob_store(&self) -> Option<String> {
        let store = self.config.endpoints.blob_store.as_deref();
        store.filter(|_| self.role.is_node()).and_then(endpoint)
    }

    fn on_l1(&self, inputs: &mut Inputs) -> Result<(), StartError> {
        let l1 = L1::wait(&self.config.l1, self.limit)?;
        if self.role.is_node() {
            traces::wait(&self.config, self.limit)?;
        }
        let membership = match self.role {
            Role::BootNode => self.found(&l1)?,
            role => join::join(role, &self.config, self.settings, &l1, self.limit)?,
        };
        if let Some(url) = self.blob_store() {
            // A deployment may have used up the limit of the waits before it.
            let limit = TimeLimit::after(self.settings.wait_deadline);
            reachable("the blob store", &url, limit)?;
        }
        let rollup = rollup::canonical(&l1, membership.registry, &self.config)?;
        inputs.registry = Some(membership.registry);
        inputs.bootstrap = membership.enrs;
        match self.role {
            Role::Validator => self.validator(&l1, rollup, inputs),
            Role::ProverNode => self.prover(&l1, inputs),
            _ => Ok(()),
        }
    }

    /// The boot node: the network it starts, or started before.
    fn found(&self, l1: &L1) -> Result<Membership, StartError> {
        let registry = match &self.config.registry_address {
            Some(text) => config::address("registryAddress", text)?,
            None => self.deployed(l1)?,
        };
        if self.config.l1.anvil {
            clock::release(l1, self.config.l1.block_time)?;
        }
        let mut enrs = self.config.bootstrap_nodes.clone();
        enrs.extend(join::peers(&self.config, self.settings));
        Ok(Membership { registry, enrs })
    }

    fn deployed(&self, l1: &L1) -> Result<Address, StartError> {
        let data = &self.settings.data;
        if let Some(record) = Record::valid(data, l1)? {
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
            Record::write(data, l1, registry)?;
            return Ok(registry);
        }
        let deployment = Deployment::prepare(&self.config, self.settings, l1)?;
        Ok(deployment.deploy(self.limit)?)
    }

    fn validator(&self, l1: &L1, rollup: Address, inputs: &mut Inputs) -> Result<(), StartError> {
        if Self::brings_own_keys() {
            return Ok(());
        }
        let holdings = self.holdings(l1, inputs)?;
        let registrar = Registrar {
            l1,
            rollup,
            anvil: self.config.l1.anvil,
            limit: self.limit,
        };
        Ok(registrar.ensure(&holdings.attesters)?)
    }

    fn prover(&self, l1: &L1, inputs: &mut Inputs) -> Result<(), StartError> {
        self.prover_broker()?;
        if Self::brings_own_keys() {
            return Ok(());
        }
        self.holdings(l1, inputs).map(drop)
    }

    /// The accounts of this pod, with something to pay with, where Aztec finds them.
    fn holdings(&self, l1: &L1, inputs: &mut Inputs) -> Result<Holdings, StartError> {
        let holdings = Holdings::own(&self.config, self.settings, self.limit)?;
        if self.config.l1.anvil {
            funding::fund(l1, addresses(&holdings.publishers))?;
        }
        holdings.hand_over(self.role, &self.settings.keystore)?;
        inputs.keystore = Some(self.settings.keystore.clone());
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

/// Waits until a server answers at all.
fn reachable(what: &str, url: &str, limit: TimeLimit) -> Result<(), WaitError> {
    let rpc = Rpc::new(url);
    limit.until(what, || Ok(Look::from(rpc.get_status("/").map(drop))))
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
