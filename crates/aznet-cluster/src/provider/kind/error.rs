//! What can go wrong with a cluster of kind.

use aznet_kit::files::FileError;
use aznet_kit::lock::LockError;
use aznet_kit::process::ProcessError;
use aznet_kit::wait::WaitError;

use super::which::Kind;
use crate::machine::space;
use crate::parts::images::ImageError;
use crate::provider::client::ClientError;

/// What can go wrong with a cluster of kind.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither Docker nor Podman.
    #[error("kind needs Docker or Podman: neither `docker` nor `podman` is on the PATH")]
    NoEngine,
    /// The daemon does not answer.
    #[error("{engine} does not run: {said}")]
    NotRunning {
        /// Which.
        engine: Kind,
        /// What it said.
        said: String,
    },
    /// It runs and is not for us.
    #[error("{engine} runs, but this user may not use it: {said}")]
    NotAllowed {
        /// Which.
        engine: Kind,
        /// What it said.
        said: String,
    },
    /// It runs without root, and can't limit what containers take.
    #[error("{engine} runs without root, and {lacking}: kind's nodes do not start")]
    Rootless {
        /// Which.
        engine: Kind,
        /// What it lacks.
        lacking: &'static str,
    },
    /// The machine, or the virtual machine, that it runs on is too small.
    #[error("{engine} has {} of memory; the control plane alone needs {}", space::human(*there), space::human(*needed))]
    TooSmall {
        /// Which.
        engine: Kind,
        /// Bytes that it has.
        there: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// Somebody else made a cluster of this name.
    #[error("there is a cluster `{name}` of kind that aznet did not make; it stays as it is")]
    Foreign {
        /// The name.
        name: String,
    },
    /// It has another number of workers.
    #[error("cluster `{name}` has {there} worker{}, not {asked}, and stays so; `aznet cluster down --cluster kind:{name}` removes it", if *there == 1 { "" } else { "s" })]
    OtherWorkers {
        /// The cluster.
        name: String,
        /// How many it has.
        there: usize,
        /// How many were asked for.
        asked: u8,
    },
    /// No trace of such a cluster.
    #[error(
        "there is no cluster `{name}` of kind that aznet made; `aznet cluster list` shows what is there"
    )]
    NoSuchCluster {
        /// The name.
        name: String,
    },
    /// The program that made it is gone.
    #[error(
        "the kind that made cluster `{name}` is gone, and none is on the PATH; `aznet cluster up --cluster kind:{name}` gets one"
    )]
    NoProgram {
        /// The cluster.
        name: String,
    },
    /// Enforcement of network policies was asked for.
    #[error("network policies are enforced on embedded clusters only; `kind:{name}` is none")]
    NoPolicy {
        /// The cluster.
        name: String,
    },
    /// kind failed; what it had made is gone.
    #[error("kind could not make cluster `{name}`; nothing of it is left")]
    NotMade {
        /// The cluster.
        name: String,
        /// What kind said.
        #[source]
        source: Box<Error>,
    },
    /// It failed, and what it had made could not be removed.
    #[error(
        "kind could not make cluster `{name}`, and what is there of it could not be removed ({left}); `kind delete cluster --name {name}` does that"
    )]
    HalfMade {
        /// The cluster.
        name: String,
        /// Why it could not be removed.
        left: String,
        /// What kind said.
        #[source]
        source: Box<Error>,
    },
    /// An image did not get onto the nodes.
    #[error(
        "image {image} did not get onto the nodes of cluster `{name}`; those before it did, and the next `up` goes on with it"
    )]
    NotLoaded {
        /// The cluster.
        name: String,
        /// The image.
        image: String,
        /// What kind said.
        #[source]
        source: ProcessError,
    },
    /// What an engine says of its containers is not understood.
    #[error("{engine} describes its containers in a way that is not known here: {problem}")]
    Unreadable {
        /// Which.
        engine: Kind,
        /// What is wrong.
        problem: String,
    },
    /// A program failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A file is out of reach.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another run works on the cluster.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A wait ended.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The node's image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// No client.
    #[error(transparent)]
    Client(#[from] ClientError),
}
