//! Whether an epoch is being proved, as prover nodes tell.

use std::time::Duration;

use aznet_kit::error::chain;
use aznet_kit::wait::{self, Deadline, Look};
use aznet_model::role::Role;
use aznet_network::clients::jobs::{self, Job, JobState};
use aznet_network::namespace::Network;
use tokio_util::sync::CancellationToken;

use crate::error::ChaosError;
use crate::pods::Pods;

/// A mock proof of an epoch takes seconds.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The prover nodes that there are.
///
/// # Errors
/// [`ChaosError::NoPods`] where there are none.
pub(crate) fn provers(pods: &Pods) -> Result<Vec<String>, ChaosError> {
    let role = Role::ProverNode.name();
    let provers = pods.iter().filter(|(_, pod)| pod.role() == role);
    let provers: Vec<String> = provers.map(|(name, _)| name.clone()).collect();
    if provers.is_empty() {
        return Err(ChaosError::NoPods {
            experiment: "when".to_owned(),
            asked: format!("role {role}, which is to prove an epoch"),
            there: pods.keys().cloned().collect(),
        });
    }
    Ok(provers)
}

/// Waits until one of them is at an epoch's proof.
pub(crate) async fn reached(
    network: &Network,
    provers: &[String],
    within: Duration,
    cancel: &CancellationToken,
) -> Result<(), ChaosError> {
    let release = network.release().await;
    let deadline = Deadline::after(within).every(LOOK_EVERY);
    wait::until("an epoch to be proved", deadline, cancel, |_| async move {
        let mut seen = Vec::new();
        for pod in provers {
            match jobs::jobs(network, pod, release).await {
                Ok(jobs) if jobs.iter().any(is_at_it) => return Ok(Look::Done(())),
                Ok(jobs) => seen.push(format!("{pod} has {} jobs, none at a proof", jobs.len())),
                Err(error) => seen.push(chain(&error)),
            }
        }
        Ok(Look::Pending(seen.join("; ")))
    })
    .await
}

/// Whether the proof of its epoch is under way: begun, and not yet on its way to the L1.
const fn is_at_it(job: &Job) -> bool {
    matches!(
        job.status,
        JobState::Processing
            | JobState::AwaitingProver
            | JobState::AwaitingCheckpoints
            | JobState::AwaitingRoot
    )
}

#[cfg(test)]
mod tests {
    use aznet_model::chain::Epoch;

    use super::*;

    #[test]
    fn an_epoch_is_proved_from_its_first_block_to_its_proof() {
        let at_it = |status| {
            is_at_it(&Job {
                status,
                epoch_number: Epoch(3),
            })
        };
        assert!(at_it(JobState::Processing) && at_it(JobState::AwaitingProver));
        assert!(!at_it(JobState::Initialized) && !at_it(JobState::PublishingProof));
        assert!(!at_it(JobState::Other("awaiting-godot".to_owned())));
    }

    #[test]
    fn without_prover_nodes_no_epoch_is_proved() {
        assert!(matches!(
            provers(&Pods::new()),
            Err(ChaosError::NoPods { .. })
        ));
    }
}
