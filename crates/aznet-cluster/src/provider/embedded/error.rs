//! What can go wrong with an embedded cluster.

use std::io;
use std::path::{Path, PathBuf};

use aznet_kit::files::FileError;
use aznet_kit::lock::LockError;
use aznet_kit::process::ProcessError;
use aznet_kit::wait::WaitError;

use super::name::BadName;
use crate::parts::clone::CloneError;
use crate::parts::kubernetes::Minor;
use crate::provider::client::ClientError;

/// What can go wrong with an embedded cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name can't be used.
    #[error(transparent)]
    BadName(#[from] BadName),
    /// No trace of such a cluster on this machine.
    #[error(
        "no embedded cluster `{name}` on this machine; `aznet cluster list` shows what is there"
    )]
    NoSuchCluster {
        /// The name given.
        name: String,
    },
    /// Links of running pods are not made anew.
    #[error(
        "cluster `{name}` was made without enforcement of network policies, which can't be added; `aznet cluster down {name}` removes it"
    )]
    NoPolicy {
        /// The name given.
        name: String,
    },
    /// Another Kubernetes was asked for than the cluster is made of.
    #[error(
        "cluster `{name}` is of Kubernetes {version}, not {asked}, and stays so; `aznet cluster down {name}` removes it, \
         `aznet cluster up NAME --kubernetes {asked}` makes another beside it"
    )]
    OtherKubernetes {
        /// The cluster.
        name: String,
        /// Its version.
        version: String,
        /// The minor release asked for.
        asked: String,
    },
    /// An older or newer aznet made the cluster.
    #[error(
        "cluster `{name}` is of Kubernetes {version}, of which this aznet has no programs (it has {}); \
         `aznet cluster down {name}` removes it",
        Minor::choices()
    )]
    NoKubernetes {
        /// The cluster.
        name: String,
        /// Its version.
        version: String,
    },
    /// Namespaces, mounts and cgroups need root.
    #[error(
        "an embedded cluster needs root, this is user id {uid}; run it with sudo, or name an existing cluster with --cluster context:NAME"
    )]
    NotRoot {
        /// Who runs this.
        uid: u32,
    },
    /// A program is nowhere to be found.
    #[error("no program `{program}` in {searched}; `aznet doctor --fix` installs what is missing")]
    ProgramMissing {
        /// Its file name.
        program: String,
        /// Where it was looked for.
        searched: String,
    },
    /// Volumes are directories.
    #[error("claim `{claim}` requests a block device; local volumes are directories only")]
    BlockVolume {
        /// Its name.
        claim: String,
    },
    /// The pre-imported images are not there.
    #[error("no image store at {}; `aznet images build` makes it", path.display())]
    StoreMissing {
        /// The directory expected.
        path: PathBuf,
    },
    /// The cluster lacks an image, and there is no archive to import it from.
    #[error(
        "image {image} is missing in cluster `{name}` and in the cache; build it with `aznet images build`"
    )]
    ImageMissing {
        /// The cluster.
        name: String,
        /// The image's reference.
        image: String,
    },
    /// A file or directory could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The run folder that was in use is another.
    #[error(
        "cluster `{name}` keeps its sockets in {}; set AZNET_RUN to {}, or remove that folder if nothing of the cluster runs",
        used.display(), used.parent().unwrap_or(used).display()
    )]
    OtherRun {
        /// The cluster.
        name: String,
        /// Its folder under the AZNET_RUN that it was made with.
        used: PathBuf,
    },
    /// The kernel refused.
    #[error("{action}")]
    Kernel {
        /// What was tried.
        action: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A state file does not hold what it should.
    #[error("{} is not a valid state file; `aznet cluster down {name}` removes the cluster", path.display())]
    State {
        /// The cluster.
        name: String,
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        #[source]
        source: serde_json::Error,
    },
    /// No cgroup hierarchy is usable.
    #[error(
        "{problem}; an embedded cluster needs cgroups (v1 or v2) writable under /sys/fs/cgroup"
    )]
    Cgroup {
        /// What is wrong with them.
        problem: String,
    },
    /// Links, addresses or routes could not be made.
    #[error("network of the cluster: {action}")]
    Network {
        /// What was tried.
        action: String,
        /// What netlink says.
        #[source]
        source: Box<rtnetlink::Error>,
    },
    /// A certificate could not be made.
    #[error("certificate `{name}`")]
    Certificate {
        /// Whose.
        name: String,
        /// What rcgen says.
        #[source]
        source: rcgen::Error,
    },
    /// Another aznet works on the same cluster.
    #[error("another aznet is working on cluster `{name}`; wait for it or stop it")]
    Busy {
        /// The cluster.
        name: String,
        /// Who holds which lock, for how long.
        #[source]
        source: WaitError,
    },
    /// A lock could not be had.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A supervisor of this cluster runs already.
    #[error("cluster `{name}` already has a supervisor: {holder}")]
    Supervised {
        /// The cluster.
        name: String,
        /// Who it is: `process 17`.
        holder: String,
    },
    /// The supervisor ended while it was needed.
    #[error("the supervisor of cluster `{name}` ended ({status}); its last lines:\n{log}")]
    SupervisorDied {
        /// The cluster.
        name: String,
        /// How it ended.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// The cluster did not come up.
    #[error(
        "cluster `{name}` failed to start: {problem}; likely cause: {component}. Last lines of {}:\n{tail}\n\
         its state is kept: `aznet cluster up {name}` tries again, `aznet cluster down {name}` removes it",
        log.display()
    )]
    NotUp {
        /// The cluster.
        name: String,
        /// What is not as it should be.
        problem: String,
        /// The component that most likely is the cause.
        component: String,
        /// Its log file.
        log: PathBuf,
        /// The log's end.
        tail: String,
    },
    /// A wait ended without its condition.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The cluster runs, but something basic in it does not work.
    #[error(
        "cluster `{name}` is running but failed its self-check: {problem}; recreate it with `aznet cluster down {name}` and `aznet cluster up {name}`"
    )]
    Unsound {
        /// The cluster.
        name: String,
        /// What does not work, in words.
        problem: String,
    },
    /// A program failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The image store could not be cloned.
    #[error("could not clone the image store")]
    Clone(#[from] CloneError),
    /// The API answered with an error.
    #[error("Kubernetes API: {action}")]
    Api {
        /// What was asked.
        action: String,
        /// What it said.
        #[source]
        source: Box<kube::Error>,
    },
    /// No client for the cluster.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An add-on's manifest is not valid.
    #[error("manifest of {addon}: {problem}")]
    Manifest {
        /// The add-on.
        addon: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Something of the cluster is still there after its removal.
    #[error("cluster `{name}` is down, but not all of it could be removed: {left}")]
    LeftBehind {
        /// The cluster.
        name: String,
        /// What is left.
        left: String,
    },
}

impl Error {
    /// Adds what was tried, and on which file, to the system's error.
    pub(crate) fn io(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| FileError::of(action, &path)(source).into()
    }

    /// Adds what was asked to the API's error.
    pub(crate) fn api(action: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let action = action.into();
        move |source| Self::Api {
            action,
            source: Box::new(source),
        }
    }

    /// Adds what was tried to the kernel's error.
    pub(crate) fn kernel<E: Into<io::Error>>(action: impl Into<String>) -> impl FnOnce(E) -> Self {
        let action = action.into();
        move |source| Self::Kernel {
            action,
            source: source.into(),
        }
    }

    /// Whether this is the caller's own interruption.
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Wait(WaitError::Cancelled { .. })
                | Self::Lock(LockError::Wait(WaitError::Cancelled { .. }))
                | Self::Process(ProcessError::Cancelled { .. })
                | Self::Clone(CloneError::Process(ProcessError::Cancelled { .. }))
        )
    }
}
