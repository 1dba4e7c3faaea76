//! Waiting until a network that was applied is up: all pods serve, and the chain moves. A quorum of validators moves it
//! before the last pod serves.

use std::time::{Duration, Instant};

use aznet_model::chain::{BlockNumber, CheckpointNumber};
use futures::{
    FutureExt,
    future::{join_all, try_join},
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    Cause, DeployError, Evidence, Progress, Reporter, memory,
    watch::{Picture, Watch},
    watchdog::Watchdog,
};

use crate::{
    l2::{L2Tips, Node},
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
    let mut eye = Eye::new(network);
    let pods = pods_ready(network, &mut eye, deadline, report, cancel);
    let chain = first_checkpoint(network, deadline, report, cancel);
    match try_join(pods, chain).await {
        Ok(((), ())) => Ok(()),
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
        let settled = picture.settled();
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
                settled,
            });
        }
        let step = if settled {
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
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), Stop> {
    let what = "the first checkpoint";
    wait::until(
        what,
        Deadline::after(deadline),
        cancel,
        |waited| async move {
            let Some(node) = serving(network).await else {
                return Ok(Step::Pending("no node is ready".into()));
            };
            let (seen, moving) = match node.tips().await {
                Ok(tips) => heads(&tips),
                Err(error) => (error.to_string(), false),
            };
            report(Progress::Chain {
                waited,
                seen: seen.clone(),
                moving,
            });
            Ok(if moving {
                Step::Done(())
            } else {
                Step::Pending(seen)
            })
        },
    )
    .await
}

/// The chain's heads in words, and whether a checkpoint is among them.
fn heads(tips: &L2Tips) -> (String, bool) {
    let checkpoint = tips.checkpointed.checkpoint.number;
    if checkpoint > CheckpointNumber(0) {
        return (format!("{checkpoint} is on L1"), true);
    }
    let words = match tips.proposed.number {
        BlockNumber(0) => "no block proposed".to_owned(),
        number => format!("{number} proposed, nothing on L1"),
    };
    (words, false)
}

/// The first node that serves.
async fn serving(network: &Network) -> Option<Node> {
    let pods = status::pods(network).await.ok()?;
    let node = pods
        .iter()
        .find(|pod| pod.role.is_node() && pod.phase.is_ready())?;
    Some(status::node(network, &node.name))
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
