//! The proving jobs of a prover node.

use aznet_model::{chain::Epoch, release::Release};
use serde::Deserialize;
use serde_json::json;

use super::admin::{self, AdminError};
use super::l2::PORT;
use super::rpc::{PATIENCE, PodRpc, RpcError};
use crate::namespace::Network;

/// An epoch that is being proven, or was.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// How far it is.
    pub status: JobState,
    /// The epoch.
    pub epoch_number: Epoch,
}

/// How far a proving job is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// Not begun.
    Initialized,
    /// Its blocks are executed again. Until 4.x, as the next.
    Processing,
    /// Its proofs are under way.
    AwaitingProver,
    /// Its checkpoints are being proven. Since 5.0, as the next two.
    AwaitingCheckpoints,
    /// Its root proof is under way.
    AwaitingRoot,
    /// Another proof must be on L1 first.
    AwaitingPredecessor,
    /// On its way to L1.
    PublishingProof,
    /// On L1.
    Completed,
    /// Another one does it.
    Superseded,
    /// Failed.
    Failed,
    /// Stopped.
    Stopped,
    /// Given up.
    Cancelled,
    /// Too late.
    TimedOut,
    /// What it was to prove is gone.
    Reorg,
    /// A word that is not known here.
    #[serde(untagged)]
    Other(String),
}

/// Why the jobs are not known.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// The admin API.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The call itself.
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

/// The jobs that the prover node in `pod` has at present; it forgets them soon after they end.
///
/// # Errors
/// [`JobsError`].
pub async fn jobs(
    network: &Network,
    pod: &str,
    release: &'static Release,
) -> Result<Vec<Job>, JobsError> {
    let methods = &release.methods;
    let rpc = if methods.jobs_on_admin_port {
        admin::rpc(network, pod).await?
    } else {
        PodRpc::new(network.client().clone(), network.namespace(), pod, PORT)
    };
    let rpc = rpc.with_timeout(PATIENCE);
    Ok(rpc.call(methods.proving_jobs, json!([])).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_all_releases_are_read_and_others_kept() {
        let job = |status: &str| {
            let job = json!({"uuid": "0af1", "status": status, "epochNumber": 7});
            serde_json::from_value::<Job>(job).expect("a job")
        };
        assert_eq!(job("awaiting-prover").status, JobState::AwaitingProver);
        assert_eq!(
            job("awaiting-predecessor").status,
            JobState::AwaitingPredecessor
        );
        let newer = job("awaiting-godot");
        assert_eq!(newer.status, JobState::Other("awaiting-godot".to_owned()));
        assert_eq!(newer.epoch_number, Epoch(7));
    }
}
