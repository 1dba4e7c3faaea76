//! Waiting until a network that was applied is up: all pods serve, then the chain moves.

use std::time::{Duration, Instant};

use futures::{FutureExt, future::join_all};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    Cause, DeployError, Evidence, Progress, Reporter, memory,
    watch::{Picture, Watch},
    watchdog::Watchdog,
};
use crate::{
    chain::{BlockNumber, CheckpointNumber},
    l2::L2Tips,
    logs,
    namespace::Network,
    nodes::{Phase, PodState},
    status,
    wait::{self, Deadline, Step, WaitError},
};

/// Lines of a stuck pod's log that a failure quotes.
const QUOTED_LINES: i64 = 20;
/// How long collecting evidence may take.
const EVIDENCE_WITHIN: Duration = Duration::from_secs(10);
/// How often the watched copies are looked at; costs no request.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often progress is reported when only time has passed.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Why the wait ended; the evidence is collected after.
enum Stop {
    Stuck(Cause),
    Wait(WaitError),
}

impl From<WaitError> for Stop {
    fn from(error: WaitError) -> Self {
        Self::Wait(error)
    }
}

/// Waits until every pod of the network serves and its chain has a checkpoint.
///
/// # Errors
/// [`DeployError::Failed`] as soon as it is clear that it can't, [`DeployError::TooLate`] at the deadline; both with
/// evidence.
pub async fn settle(
    network: &Network,
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), DeployError> {
    let start = Instant::now();
    let mut eye = Eye::new(network);
    let result = match pods_ready(network, &mut eye, deadline, report, cancel).await {
        Ok(()) => first_checkpoint(network, start, deadline, report, cancel).await,
        Err(stop) => Err(stop),
    };
    match result {
        Ok(()) => Ok(()),
        Err(stop) => Err(explain(network, stop, eye.watch.picture()).await),
    }
}

async fn pods_ready(
    network: &Network,
    eye: &mut Eye,
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), Stop> {
    let what = format!("all pods of network {} ready", network.name());
    let deadline = Deadline::after(deadline).every(LOOK_EVERY);
    wait::until(what, deadline, cancel, |waited| {
        std::future::ready(eye.look(waited, report))
    })
    .await
}

/// What one look after another shares.
struct Eye {
    watch: Watch,
    dog: Watchdog,
    told: Option<(Instant, Picture)>,
}

impl Eye {
    fn new(network: &Network) -> Self {
        Self {
            watch: Watch::start(network),
            dog: Watchdog::default(),
            told: None,
        }
    }

    fn look(&mut self, waited: Duration, report: &Reporter) -> Result<Step<()>, Stop> {
        if self.watch.seen_once().now_or_never().is_none() {
            return Ok(Step::Pending(
                "the Kubernetes API doesn't list the network's pods".into(),
            ));
        }
        let picture = self.watch.picture();
        let now = Instant::now();
        let news = self
            .told
            .as_ref()
            .is_none_or(|(at, old)| *old != picture || now - *at >= REPORT_EVERY);
        if news {
            report(Progress::Pods {
                waited,
                wanted: picture.wanted(),
                pods: picture.pods.clone(),
            });
        }
        let step = if picture.settled() {
            Step::Done(())
        } else {
            Step::Pending(picture.words(Timestamp::now()))
        };
        let cause = self.dog.look(&picture, now);
        if news {
            self.told = Some((now, picture));
        }
        cause.map_or(Ok(step), |cause| Err(Stop::Stuck(cause)))
    }
}

async fn first_checkpoint(
    network: &Network,
    start: Instant,
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), Stop> {
    let left = deadline.saturating_sub(start.elapsed());
    wait::until(
        "the first checkpoint",
        Deadline::after(left),
        cancel,
        |_| async move {
            let seen = match checkpoint(network).await {
                Ok(tips) if tips.checkpointed.checkpoint.number > CheckpointNumber(0) => {
                    report(Progress::Chain {
                        waited: start.elapsed(),
                        seen: format!("{} is on L1", tips.checkpointed.checkpoint.number),
                    });
                    return Ok(Step::Done(()));
                }
                Ok(tips) if tips.proposed.number == BlockNumber(0) => {
                    "no block proposed".to_owned()
                }
                Ok(tips) => format!("{} proposed, nothing on L1", tips.proposed.number),
                Err(words) => words,
            };
            report(Progress::Chain {
                waited: start.elapsed(),
                seen: seen.clone(),
            });
            Ok(Step::Pending(seen))
        },
    )
    .await
}

/// The chain's heads, asked of the first node that serves; or why nobody tells.
async fn checkpoint(network: &Network) -> Result<L2Tips, String> {
    let pods = status::pods(network)
        .await
        .map_err(|error| error.to_string())?;
    let node = pods
        .iter()
        .find(|pod| pod.role.is_node() && pod.phase.is_ready())
        .ok_or("no node is ready")?;
    status::node(network, &node.name)
        .tips()
        .await
        .map_err(|error| error.to_string())
}

async fn explain(network: &Network, stop: Stop, picture: Picture) -> DeployError {
    let (name, namespace) = (network.name().to_owned(), network.namespace().to_owned());
    match stop {
        Stop::Wait(wait @ WaitError::Cancelled { .. }) => DeployError::TooLate {
            network: name,
            namespace,
            wait,
            evidence: Box::default(),
        },
        Stop::Wait(wait) => DeployError::TooLate {
            network: name,
            namespace,
            wait,
            evidence: evidence(network, picture).await,
        },
        Stop::Stuck(cause) => DeployError::Failed {
            network: name,
            namespace,
            cause: Box::new(with_detail(network, cause).await),
            evidence: evidence(network, picture).await,
        },
    }
}

/// The scheduler says that memory is insufficient; people want to know how much is missing.
async fn with_detail(network: &Network, cause: Cause) -> Cause {
    match cause {
        Cause::Pod {
            pod,
            role,
            phase: Phase::Unscheduled {
                reason: Some(reason),
            },
            restarts,
            ..
        } if reason.contains("Insufficient memory") => {
            let detail = memory::missing(network.client(), network.namespace(), &pod).await;
            Cause::Pod {
                pod,
                role,
                phase: Phase::Unscheduled {
                    reason: Some(reason),
                },
                restarts,
                detail,
            }
        }
        other => other,
    }
}

async fn evidence(network: &Network, picture: Picture) -> Box<Evidence> {
    let unready = picture.pods.iter().filter(|pod| !pod.phase.is_ready());
    let logs = join_all(unready.map(|pod: &PodState| async {
        (
            pod.name.clone(),
            logs::tail(network, &pod.name, QUOTED_LINES).await,
        )
    }));
    // Evidence is a courtesy: a cluster that doesn't answer must not hold up the error itself.
    let logs = tokio::time::timeout(EVIDENCE_WITHIN, logs)
        .await
        .unwrap_or_default();
    let logs = logs
        .into_iter()
        .filter(|(_, lines)| !lines.is_empty())
        .collect();
    Box::new(Evidence {
        pods: picture.pods,
        warnings: picture.warnings,
        logs,
    })
}

#[cfg(test)]
mod tests;
