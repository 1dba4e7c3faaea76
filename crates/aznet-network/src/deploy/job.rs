//! What the Job does that an upgrade waits for: Helm says nothing until it has ended.

use std::{convert::Infallible, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{ListParams, LogParams},
};
use tokio::time::MissedTickBehavior;

use super::progress::{Progress, Reporter};
use crate::{
    namespace::Network,
    observe::pods::{Message, NETWORK_PODS, Phase},
};

/// How often the Job is looked at.
const EVERY: Duration = Duration::from_secs(2);
/// Lines of its log among which aznet-node's last one is.
const LINES: i64 = 20;
/// Selects the pods of Jobs.
const OF_JOBS: &str = "batch.kubernetes.io/job-name";

/// Tells of the Job for as long as it is polled; what can't be looked at is not told.
pub(super) async fn tell(network: &Network, begun: Timestamp, report: &Reporter) -> Infallible {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some((job, doing)) = look(network, begun).await {
            report(Progress::Job { job, doing });
        }
    }
}

/// The Job that was made since `begun` and has not ended well, and what it does.
async fn look(network: &Network, begun: Timestamp) -> Option<(String, String)> {
    let api: Api<Pod> = network.api();
    let ours = ListParams::default().labels(&format!("{NETWORK_PODS},{OF_JOBS}"));
    let pods = api.list(&ours).await.ok()?;
    // Kubernetes writes times in whole seconds.
    let made = |pod: &Pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let newest = pods.iter().max_by_key(|pod| made(pod))?;
    if made(newest)?.as_second() < begun.as_second() {
        return None;
    }
    let job = newest.labels().get(OF_JOBS)?.clone();
    let phase = newest
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    match phase {
        Some("Running") => Some((job, said(&api, &newest.name_any()).await?)),
        Some("Pending") => Some((job, "its pod is not running yet".to_owned())),
        _ => None,
    }
}

/// aznet-node's last words in the pod.
async fn said(api: &Api<Pod>, pod: &str) -> Option<String> {
    let params = LogParams {
        tail_lines: Some(LINES),
        timestamps: true,
        ..LogParams::default()
    };
    let log = api.logs(pod, &params).await.ok()?;
    let Message { words, since } = log.lines().rev().find_map(Message::heard)?;
    let phase = Phase::Waiting { what: words, since };
    Some(phase.words(Timestamp::now()))
}

#[cfg(test)]
mod tests;
