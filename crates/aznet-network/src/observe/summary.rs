//! A network in a word or two, for lists: from Helm's release and the pods, without asking any node.

use aznet_model::role::Role;
use futures::try_join;
use serde::Serialize;

use super::{
    pods::{self, PodState},
    release::Release,
};
use crate::namespace::{NamespaceError, Network};

/// How far a network is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Summary {
    /// Every pod serves; whether its chain moves is for `aznet status` to say.
    Running,
    /// Some pods don't serve.
    Incomplete {
        /// Pods that serve.
        ready: usize,
        /// Pods that there are to be.
        wanted: usize,
    },
    /// Helm has not deployed its release in full: `pending-install`, `failed`, ….
    HalfMade {
        /// Helm's word.
        status: String,
    },
    /// Helm has no release of it: uninstalled, or never installed.
    Uninstalled,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Incomplete { ready, wanted } => write!(f, "{ready} of {wanted} pods ready"),
            Self::HalfMade { status } => write!(f, "release {status}"),
            Self::Uninstalled => f.write_str("no release"),
        }
    }
}

impl Summary {
    /// Looks at a network.
    ///
    /// # Errors
    /// If the Kubernetes API fails.
    pub async fn of(network: &Network) -> Result<Self, NamespaceError> {
        let (release, pods) = try_join!(Release::of(network), pods::list(network))?;
        Ok(Self::from(release.as_ref(), &pods))
    }

    fn from(release: Option<&Release>, pods: &[PodState]) -> Self {
        let Some(release) = release else {
            return Self::Uninstalled;
        };
        // A failed upgrade leaves what was there.
        let never = release.status == "failed" && release.revision == 1;
        if never || release.status.starts_with("pending-") {
            return Self::HalfMade {
                status: release.status.clone(),
            };
        }
        let replicas = release.replicas();
        let ours = replicas.iter().filter(|one| is_of_a_network(&one.name));
        let wanted: usize = ours.map(|one| one.pods as usize).sum();
        let ready = pods.iter().filter(|pod| pod.phase.is_ready()).count();
        if ready < wanted.max(1) {
            return Self::Incomplete { ready, wanted };
        }
        Self::Running
    }
}

fn is_of_a_network(workload: &str) -> bool {
    Role::ALL
        .iter()
        .any(|role| workload == role.name() || workload.starts_with(&format!("{role}-")))
}

#[cfg(test)]
mod tests {
    use super::super::{pods::Phase, release::tests::release};
    use super::*;

    fn pods(ready: &[bool]) -> Vec<PodState> {
        let pod = |ready: &bool| PodState {
            name: "validator-0".into(),
            role: Role::Validator,
            group: None,
            phase: if *ready {
                Phase::Ready
            } else {
                Phase::Creating { trouble: None }
            },
            restarts: 0,
            created: None,
        };
        ready.iter().map(pod).collect()
    }

    /// B14: `running` of a network that starts, or that plain Helm took away.
    #[test]
    fn only_a_network_whose_pods_serve_is_running() {
        let says = |status: &str, ready: &[bool]| {
            let release = release(1, status, 2);
            Summary::from(Some(&release), &pods(ready)).to_string()
        };
        assert_eq!(says("deployed", &[true, true]), "running");
        assert_eq!(says("deployed", &[true, false]), "1 of 2 pods ready");
        assert_eq!(says("deployed", &[]), "0 of 2 pods ready");
        assert_eq!(says("pending-install", &[]), "release pending-install");
        assert_eq!(says("failed", &[true]), "release failed");
        assert_eq!(Summary::from(None, &pods(&[])).to_string(), "no release");
    }
}
