//! Waiting until a network that was applied is up: all pods serve, and the chain moves. A quorum of validators moves it
//! before the last pod serves.

use std::time::{Duration, Instant};

use aznet_model::chain::{BlockNumber, CheckpointNumber};
use futures::{
    FutureExt,
    future::{join_all, try_join},
};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{
    error::DeployError,
    progress::{Progress, Reporter},
    watchdog::{Cause, Watchdog},
};
use crate::observe::{
    evidence::Evidence,
    memory, pods, status, timing,
    watch::{Refused, Snapshot, Watch},
};

use crate::{
    clients::l2::{L2Tips, Node},
    namespace::Network,
    observe::logs,
    observe::pods::{Phase, PodState},
};
use aznet_kit::wait::{self, Deadline, Look, WaitError};

/// Lines of a stuck pod's log that a failure quotes.
const QUOTED_LINES: i64 = 20;
/// Pods whose logs it quotes, at most.
const QUOTED_PODS: usize = 20;
/// How long collecting evidence may take.
const EVIDENCE_WITHIN: Duration = Duration::from_secs(10);
/// How often the watched copies are looked at; costs no request.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often progress is reported when only time has passed.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How often it is asked whether the network was removed.
const REMOVED_EVERY: Duration = Duration::from_secs(3);

/// Why the wait ended; the evidence is collected after.
enum Stop {
    Stuck(Cause),
    Wait(WaitError),
    Unseen(Refused),
    Removed,
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
pub async fn until_ready(
    network: &Network,
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), DeployError> {
    until_ready_since(Timestamp::now(), network, deadline, report, cancel).await
}

/// The same for a change that was begun at `begun`: pods that crashed before then may come back with it.
pub(super) async fn until_ready_since(
    begun: Timestamp,
    network: &Network,
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), DeployError> {
    let mut observer = Observer::new(network, begun);
    let serving = observer.serving.subscribe();
    let pods = pods_ready(network, &mut observer, deadline, report, cancel);
    let chain = first_checkpoint(network, &serving, deadline, report, cancel);
    let up = async { try_join(pods, chain).await.map(drop) };
    let ended = tokio::select! {
        ended = up => ended,
        stop = removed(network) => Err(stop),
    };
    match ended {
        Ok(()) => Ok(()),
        Err(stop) => Err(explain(network, stop, observer.watch.snapshot()).await),
    }
}

/// Ends when someone removes the network, and goes on for ever otherwise: one that can't be looked at counts as there.
async fn removed(network: &Network) -> Stop {
    let mut ticks = tokio::time::interval(REMOVED_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if matches!(network.is_leaving().await, Ok(true)) {
            return Stop::Removed;
        }
    }
}

async fn pods_ready(
    network: &Network,
    observer: &mut Observer,
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), Stop> {
    let what = format!("all pods of network {} to be ready", network.name());
    let deadline = Deadline::after(deadline).every(LOOK_EVERY);
    wait::until(what, deadline, cancel, |waited| {
        std::future::ready(observer.look(waited, report))
    })
    .await
}

/// What one look after another shares.
struct Observer {
    watch: Watch,
    watchdog: Watchdog,
    reported: Option<(Instant, Snapshot)>,
    looked: Option<(Instant, String)>,
    /// The first node that serves.
    serving: watch::Sender<Option<String>>,
}

/// How long to let things be after a look at so many pods: a look costs the more of them there are, and the longer they
/// take to be ready.
fn pause(pods: usize) -> Duration {
    LOOK_EVERY * u32::try_from(pods / 100).unwrap_or(u32::MAX)
}

impl Observer {
    fn new(network: &Network, begun: Timestamp) -> Self {
        Self {
            watch: Watch::start(network),
            watchdog: Watchdog::since(begun),
            reported: None,
            looked: None,
            serving: watch::Sender::new(None),
        }
    }

    /// A release that had workloads and has none: `aznet down` ends them before the namespace.
    fn is_taken_away(&self, snapshot: &Snapshot) -> bool {
        let before = self.reported.as_ref();
        snapshot.workloads.is_empty() && before.is_some_and(|(_, old)| !old.workloads.is_empty())
    }

    fn look(&mut self, waited: Duration, report: &Reporter) -> Result<Look<()>, Stop> {
        if let Some(refused) = self.watch.refused() {
            return Err(Stop::Unseen(refused.clone()));
        }
        if self.watch.seen_once().now_or_never().is_none() {
            return Ok(Look::Pending(
                "the Kubernetes API doesn't list the network's pods".into(),
            ));
        }
        let now = Instant::now();
        if let (Some((_, seen)), Some((at, words))) = (&self.reported, &self.looked)
            && now - *at < pause(seen.pods.len())
        {
            return Ok(Look::Pending(words.clone()));
        }
        let snapshot = self.watch.snapshot();
        if self.is_taken_away(&snapshot) {
            return Err(Stop::Removed);
        }
        self.serving.send_replace(serving_of(&snapshot.pods));
        let rolled_out = snapshot.is_rolled_out();
        let step = if rolled_out {
            Look::Done(())
        } else {
            let words = snapshot.words(Timestamp::now());
            self.looked = Some((now, words.clone()));
            Look::Pending(words)
        };
        let cause = self.watchdog.look(&snapshot, now);
        self.tell(waited, now, snapshot, rolled_out, report);
        cause.map_or(Ok(step), |cause| Err(Stop::Stuck(cause)))
    }

    /// Reports what changed, and now and then that nothing did.
    fn tell(
        &mut self,
        waited: Duration,
        now: Instant,
        snapshot: Snapshot,
        rolled_out: bool,
        report: &Reporter,
    ) {
        let reported = self.reported.as_ref();
        if reported.is_some_and(|(at, old)| *old == snapshot && now - *at < REPORT_EVERY) {
            return;
        }
        report(Progress::Pods {
            waited,
            wanted: snapshot.wanted(),
            pods: snapshot.pods.clone(),
            rolled_out,
        });
        self.reported = Some((now, snapshot));
    }
}

async fn first_checkpoint(
    network: &Network,
    serving: &watch::Receiver<Option<String>>,
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), Stop> {
    let what = "a checkpoint";
    wait::until(
        what,
        Deadline::after(deadline),
        cancel,
        |waited| async move {
            let Some(pod) = serving.borrow().clone() else {
                return Ok(Look::Pending("no node is ready".into()));
            };
            let node = Node::in_pod(network, &pod, network.release().await);
            let (seen, moving) = match node.tips().await {
                Ok(tips) => match standstill(network, &node, &tips).await {
                    Some(stalled) => (stalled, false),
                    None => heads(&tips),
                },
                Err(error) => (error.to_string(), false),
            };
            report(Progress::Chain {
                waited,
                seen: seen.clone(),
                moving,
            });
            Ok(if moving {
                Look::Done(())
            } else {
                Look::Pending(seen)
            })
        },
    )
    .await
}

/// A checkpoint of a chain that went on before is no proof that it goes on now: why it stands still, if it does.
async fn standstill(network: &Network, node: &Node, tips: &L2Tips) -> Option<String> {
    let now = Timestamp::now();
    let time = timing::read(network).await.ok()?;
    // The whole status takes seconds; a chain that goes on is not kept waiting for it.
    if status::pace(node, tips.into(), time, now).await?.is_usual() {
        return None;
    }
    let status = status::collect(network, now).await.ok()?;
    let stall = status.stalled?;
    let causes = stall.causes.iter().map(|cause| format!("; {cause}"));
    Some(format!("{stall}{}", causes.collect::<String>()))
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
pub(super) async fn serving(network: &Network) -> Option<Node> {
    let pod = serving_of(&pods::list(network).await.ok()?)?;
    Some(Node::in_pod(network, &pod, network.release().await))
}

fn serving_of(pods: &[PodState]) -> Option<String> {
    let serves = |pod: &&PodState| pod.role.is_node() && pod.phase.is_ready();
    pods.iter().find(serves).map(|pod| pod.name.clone())
}

async fn explain(network: &Network, stop: Stop, snapshot: Snapshot) -> DeployError {
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
            evidence: evidence(network, snapshot).await,
        },
        Stop::Unseen(source) => DeployError::Unseen {
            network: name,
            source,
        },
        Stop::Removed => DeployError::Removed { network: name },
        Stop::Stuck(cause) => DeployError::Failed {
            network: name,
            namespace,
            cause: Box::new(with_detail(network, cause).await),
            evidence: evidence(network, snapshot).await,
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

async fn evidence(network: &Network, snapshot: Snapshot) -> Box<Evidence> {
    let unready = snapshot.pods.iter().filter(|pod| !pod.phase.is_ready());
    let unready = unready.take(QUOTED_PODS);
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
        pods: snapshot.pods,
        warnings: snapshot.warnings,
        logs,
    })
}

#[cfg(test)]
mod tests;
