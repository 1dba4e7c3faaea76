//! Where the files of one cluster are.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::name::check_name;
use crate::paths::Paths;

/// The socket of the cluster's containerd.
///
/// # Errors
/// [`Error::BadName`].
pub fn containerd_socket(paths: &Paths, name: &str) -> Result<PathBuf, Error> {
    check_name(name)?;
    Ok(Layout::new(paths, name).containerd_socket())
}

/// The files of one cluster. State survives a reboot, what is under `run` does not.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    name: String,
    unique: String,
    state: PathBuf,
    run: PathBuf,
    netns: PathBuf,
    cgroup: PathBuf,
    lock: PathBuf,
}

impl Layout {
    pub(crate) fn new(paths: &Paths, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            state: paths.cluster(name),
            run: paths.cluster_run(name),
            netns: paths.netns(name),
            cgroup: paths.cgroup(name),
            lock: paths.cluster_lock(name),
            unique: paths.unique(name),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A name that no other cluster on this machine has.
    pub(crate) fn unique(&self) -> &str {
        &self.unique
    }

    /// The Kubernetes node's name.
    pub(crate) fn node(&self) -> String {
        format!("aznet-{}", self.name)
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    pub(crate) fn run(&self) -> &Path {
        &self.run
    }

    pub(crate) fn netns(&self) -> &Path {
        &self.netns
    }

    /// Relative to the root of each hierarchy.
    pub(crate) fn cgroup(&self) -> &Path {
        &self.cgroup
    }

    /// Held by whoever changes the cluster.
    pub(crate) fn lock(&self) -> &Path {
        &self.lock
    }

    pub(crate) fn spec(&self) -> PathBuf {
        self.state.join("cluster.json")
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.state.join("kubeconfig")
    }

    /// Configuration files the components read.
    pub(crate) fn config(&self, file: &str) -> PathBuf {
        self.state.join("config").join(file)
    }

    pub(crate) fn pki(&self, file: &str) -> PathBuf {
        self.state.join("pki").join(file)
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    pub(crate) fn log(&self, component: &str) -> PathBuf {
        self.logs().join(format!("{component}.log"))
    }

    pub(crate) fn pod_logs(&self) -> PathBuf {
        self.logs().join("pods")
    }

    pub(crate) fn etcd(&self) -> PathBuf {
        self.state.join("etcd")
    }

    pub(crate) fn kubelet(&self) -> PathBuf {
        self.state.join("kubelet")
    }

    pub(crate) fn volumes(&self) -> PathBuf {
        self.state.join("volumes")
    }

    pub(crate) fn containerd_root(&self) -> PathBuf {
        self.state.join("containerd")
    }

    pub(crate) fn containerd_state(&self) -> PathBuf {
        self.run.join("containerd")
    }

    pub(crate) fn containerd_socket(&self) -> PathBuf {
        self.run.join("containerd.sock")
    }

    pub(crate) fn runc(&self) -> PathBuf {
        self.run.join("runc")
    }

    pub(crate) fn ipam(&self) -> PathBuf {
        self.run.join("ipam")
    }

    /// CNI plugins of the system and of the toolchain side by side, where both are used.
    pub(crate) fn cni_plugins(&self) -> PathBuf {
        self.run.join("cni")
    }

    /// Who supervises.
    pub(crate) fn supervisor(&self) -> PathBuf {
        self.run.join("supervisor.json")
    }

    /// What the supervisor says of its components.
    pub(crate) fn status(&self) -> PathBuf {
        self.run.join("status.json")
    }
}
