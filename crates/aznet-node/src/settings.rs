//! Where a pod finds things; all of it can be moved by environment variables, for development outside of a pod.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aznet_model::pod::PodName;
use clap::Args;

/// The variable by which a user says that the L1 contracts are to be deployed again.
pub(crate) const DEPLOY_AGAIN: &str = "AZNET_DEPLOY_AGAIN";

/// Where Kubernetes looks for the reason of a failure.
pub(crate) const TERMINATION_LOG: &str = "/dev/termination-log";

const FOUNDRY_BIN: &str = "/opt/foundry/bin";

/// Paths and commands of a pod.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// The network's configuration
    #[arg(
        long,
        env = "AZNET_CONFIG",
        default_value = "/aznet/config/network.json"
    )]
    pub(crate) config: PathBuf,
    /// The file that holds the network's mnemonic
    #[arg(
        long,
        env = "AZNET_MNEMONIC_FILE",
        default_value = "/aznet/secrets/mnemonic"
    )]
    pub(crate) mnemonic: PathBuf,
    /// Files of the Secret with the L1's URLs and API keys
    #[arg(long, env = "AZNET_L1_SECRET_DIR", default_value = "/aznet/l1")]
    pub(crate) l1_secret: PathBuf,
    /// Files of the Secret with the bots' accounts
    #[arg(long, env = "AZNET_BOT_SECRET_DIR", default_value = "/aznet/bot")]
    pub(crate) bot_secret: PathBuf,
    /// Where keys are handed to the process: memory, not disk
    #[arg(
        long,
        env = "AZNET_KEYSTORE_DIR",
        default_value = "/dev/shm/aznet-keystore"
    )]
    pub(crate) keystore: PathBuf,
    /// The Secret with the key stores of all pods, where it is mounted
    #[arg(long, env = "AZNET_KEYSTORES_DIR", default_value = "/aznet/keystores")]
    pub(crate) keystores: PathBuf,
    /// Where the pod's data stays over restarts
    #[arg(long, env = "DATA_DIRECTORY", default_value = "/data")]
    pub(crate) data: PathBuf,
    /// Where the reason of a failure is left
    #[arg(
        long,
        env = "AZNET_TERMINATION_LOG",
        default_value = TERMINATION_LOG
    )]
    pub(crate) termination_log: PathBuf,
    /// How long to wait for the other components, e.g. `10m`
    #[arg(long, env = "AZNET_WAIT_DEADLINE", default_value = "10m", value_parser = humantime::parse_duration)]
    pub(crate) wait_deadline: Duration,
    /// How long a deployment of the L1 contracts may take, e.g. `30m`
    #[arg(long, env = "AZNET_DEPLOY_DEADLINE", default_value = "30m", value_parser = humantime::parse_duration)]
    pub(crate) deploy_deadline: Duration,
    /// The number of a deployment without a result, to say that the L1 contracts are to be deployed again
    #[arg(long, env = DEPLOY_AGAIN)]
    pub(crate) deploy_again: Option<u32>,
    /// The pod's name; its ordinal is what follows the last `-`
    #[arg(long, env = "POD_NAME")]
    pub(crate) pod_name: Option<String>,
    /// The pod's address, announced to p2p peers
    #[arg(long, env = "POD_IP")]
    pub(crate) pod_ip: Option<String>,
    /// The address of the pod's machine, announced instead where the pod is reached through it
    #[arg(long, env = "HOST_IP")]
    pub(crate) host_ip: Option<String>,
    /// The Aztec command line program
    #[arg(
        long,
        env = "AZNET_AZTEC_CMD",
        default_value = "node --no-warnings /usr/src/yarn-project/aztec/dest/bin/index.js"
    )]
    aztec_command: String,
    /// Where the image has Aztec's packages
    #[arg(long, env = "AZNET_AZTEC_ROOT", default_value = "/usr/src")]
    pub(crate) aztec_root: PathBuf,
    /// The wallet server
    #[arg(
        long,
        env = "AZNET_PXE_CMD",
        default_value = "node --no-warnings /usr/src/pxe/src/main.ts"
    )]
    pxe_command: String,
    /// anvil; by default the image's, else the one in the search path
    #[arg(long, env = "AZNET_ANVIL_CMD")]
    anvil_command: Option<String>,
}

impl Settings {
    /// The pod, by its name.
    pub(crate) fn pod(&self) -> PodName {
        PodName::or_first(self.pod_name.as_deref().unwrap_or_default())
    }

    /// The name of the pod's StatefulSet; `None` for a pod that has none.
    pub(crate) fn workload(&self) -> Option<String> {
        let pod = PodName::parse(self.pod_name.as_deref()?)?;
        Some(pod.workload)
    }

    /// The words that start Aztec's command line program.
    pub(crate) fn aztec(&self) -> Vec<String> {
        words(&self.aztec_command)
    }

    /// The words that start the wallet server.
    pub(crate) fn pxe(&self) -> Vec<String> {
        words(&self.pxe_command)
    }

    /// The words that start anvil.
    pub(crate) fn anvil(&self) -> Vec<String> {
        if let Some(command) = &self.anvil_command {
            return words(command);
        }
        let of_image = Path::new(FOUNDRY_BIN).join("anvil");
        let program = if of_image.exists() {
            of_image
        } else {
            PathBuf::from("anvil")
        };
        vec![program.display().to_string()]
    }

    /// A search path on which Aztec finds `forge`, where that isn't on `path` already.
    pub(crate) fn search_path(path: Option<String>) -> String {
        let path = path.unwrap_or_else(|| {
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()
        });
        if path.split(':').any(|entry| entry == FOUNDRY_BIN) {
            path
        } else {
            format!("{path}:{FOUNDRY_BIN}")
        }
    }
}

fn words(command: &str) -> Vec<String> {
    command.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
impl Settings {
    /// Those of a pod of this name, on a machine.
    pub(crate) fn of_pod(name: &str) -> Self {
        #[derive(clap::Parser)]
        struct Only {
            #[command(flatten)]
            settings: Settings,
        }
        let args = ["aznet-node", "--pod-name", name, "--pod-ip", "10.1.2.3"];
        let machine = ["--host-ip", "192.0.2.1"];
        <Only as clap::Parser>::parse_from(args.into_iter().chain(machine)).settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Settings {
        Settings::of_pod(name)
    }

    #[test]
    fn only_a_stateful_pod_has_a_workload() {
        let slow = named("validator-slow-12");
        assert_eq!(slow.workload().as_deref(), Some("validator-slow"));
        assert_eq!(slow.pod().ordinal, 12);
        let agent = named("prover-agent-7d9f8b6c5-x2x4z");
        assert_eq!((agent.workload(), agent.pod().ordinal), (None, 0));
    }

    #[test]
    fn foundry_is_found_last() {
        assert_eq!(
            Settings::search_path(Some("/a:/b".into())),
            "/a:/b:/opt/foundry/bin"
        );
        let there = "/opt/foundry/bin:/b".to_owned();
        assert_eq!(Settings::search_path(Some(there.clone())), there);
    }
}
