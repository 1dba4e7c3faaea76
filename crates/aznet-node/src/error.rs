//! What can stop a pod from starting.

use std::io;
use std::path::PathBuf;

use alloy_primitives::Address;
use thiserror::Error;

use crate::bot::BotError;
use crate::deployment::DeploymentError;
use crate::files::FileError;
use crate::install::InstallError;
use crate::keys::KeyError;
use crate::keystore::KeystoreError;
use crate::l1::L1Error;
use crate::l1_secret::SecretError;
use crate::leave::LeaveError;
use crate::staking::StakingError;
use crate::wait::WaitError;

/// Everything that ends with an exit code and a termination message.
#[derive(Debug, Error)]
pub(crate) enum NodeError {
    /// Installing the program.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The configuration is not what the chart renders.
    #[error("{path} is not a network's configuration; chart and aznet-node must be of one version")]
    Config {
        /// The file.
        path: PathBuf,
        /// The field and what is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The Secret with the L1's URLs.
    #[error(transparent)]
    L1Secret(#[from] SecretError),
    /// A bot's account.
    #[error(transparent)]
    Bot(#[from] BotError),
    /// A wallet server or bot where no node is.
    #[error("there is no node to talk to: this network has neither a full node nor a boot node")]
    NoNode,
    /// Neither a boot node nor an address to join by.
    #[error(
        "there is no boot node, and network.registryAddress is empty: nobody says which network this is"
    )]
    NoNetwork,
    /// A key store.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The keystore Secret has no file for the pod.
    #[error(
        "there is no key store {0}; the Secret keys.keystoreSecret needs a file for each pod, named like the pod"
    )]
    NoKeystore(PathBuf),
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
    /// No handlers for signals.
    #[error("can't handle signals")]
    Signals(#[source] io::Error),
    /// The signer does not serve.
    #[error("can't serve")]
    Serve(#[source] io::Error),
    /// The remote signer isn't said to have keys for the pod.
    #[error(
        "keys.remoteSigner.pods names no accounts for {0}; list its attesters and publishers there"
    )]
    NoRemoteAccounts(String),
    /// Something awaited did not come.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// Deploying the L1 contracts.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// Deployments were cut short too often.
    #[error(
        "about {attempts} deployments of the L1 contracts were cut short, and with them the L1's clock reached the present; delete anvil's volume and pod to start anew"
    )]
    ClockSpent {
        /// How many there was room for.
        attempts: u64,
    },
    /// Registering attesters.
    #[error(transparent)]
    Staking(#[from] StakingError),
    /// Attesters leaving.
    #[error(transparent)]
    Leave(#[from] LeaveError),
    /// Not an attester of this pod.
    #[error("attester {0} is not one of this pod's")]
    NotHeld(Address),
    /// Only someone else can take an attester out.
    #[error(
        "only the withdrawer {withdrawer} can take attester {attester} out of the validator set, and its key is not here: call initiateWithdraw({attester}, <recipient>) of the rollup {rollup} with it, or name a Secret with it in validatorSet.withdrawerSecret; then do this again"
    )]
    NeedsWithdrawer {
        /// The attester.
        attester: Address,
        /// Its withdrawer.
        withdrawer: Address,
        /// The rollup.
        rollup: Address,
    },
    /// The withdrawer's key is none.
    #[error("{0} is not a private key (64 hexadecimal digits)")]
    WithdrawerKey(PathBuf),
    /// Waiting would take longer than allowed.
    #[error(
        "the validators have left the set, but committees have them until epoch {epoch} begins, in {seconds} s, which is longer than this waits; their pods must run until then: do this again after that"
    )]
    StillDrawn {
        /// The first epoch without them.
        epoch: u64,
        /// Seconds until then.
        seconds: u64,
    },
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
    /// An address of the configuration or of another node is none.
    #[error("the {what} is `{seen}`, which is not an address")]
    Address {
        /// What should be an address.
        what: &'static str,
        /// What it is.
        seen: String,
    },
    /// The rollup has other timing than the configuration.
    #[error(
        "the rollup {rollup} has {what} {actual}, the network's configuration says {configured}; nodes would disagree with it"
    )]
    Timing {
        /// The rollup contract.
        rollup: Address,
        /// The field of the configuration.
        what: &'static str,
        /// The contract's value.
        actual: u64,
        /// The configuration's value.
        configured: u64,
    },
    /// The process can't be started.
    #[error("can't start {program}")]
    Exec {
        /// The program.
        program: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl NodeError {
    /// `true`: no restart of the pod can mend it.
    fn is_final(&self) -> bool {
        match self {
            Self::Config { .. }
            | Self::Keys(_)
            | Self::NoKeys { .. }
            | Self::Address { .. }
            | Self::Timing { .. }
            | Self::ClockSpent { .. }
            | Self::Exec { .. }
            | Self::L1Secret(_)
            | Self::Bot(_)
            | Self::NoNode
            | Self::NoNetwork
            | Self::Keystore(_)
            | Self::KeyTwice { .. }
            | Self::NoRemoteAccounts(_)
            | Self::NotHeld(_)
            | Self::NeedsWithdrawer { .. }
            | Self::WithdrawerKey(_)
            | Self::Wait(WaitError::Hopeless { .. }) => true,
            Self::Install(_)
            | Self::File(_)
            | Self::Wait(WaitError::TimedOut { .. })
            | Self::L1(_)
            | Self::Deployment(_)
            | Self::Staking(_)
            | Self::Leave(_)
            | Self::NoKeystore(_)
            | Self::StillDrawn { .. }
            | Self::Signals(_)
            | Self::Serve(_) => false,
        }
    }

    /// What the process ends with: 78 (`EX_CONFIG`) where a restart is of no use, by which `aznet up` knows it, else 1.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.is_final() { 78 } else { 1 }
    }
}
