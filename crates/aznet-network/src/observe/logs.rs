//! Logs of one pod, of all pods of a role, or of a whole network.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use aznet_model::role::Role;
use futures::{AsyncBufReadExt, Stream, TryStreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{ListParams, LogParams},
};
use tokio::{sync::mpsc, task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    api::ApiError,
    namespace::{NamespaceError, Network},
    observe::pods::{COMPONENT, NETWORK_PODS, speaking_container, workload},
};

/// Lines read ahead of a slow reader.
const READ_AHEAD: usize = 1024;

/// Where lines go.
type Lines = mpsc::Sender<Result<LogLine, LogError>>;

/// Whose logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Every pod's.
    All,
    /// Those of all pods of a role, of validators in all groups.
    Role(Role),
    /// One pod's, or those of a group of validators: `validator-0`, `validator-slow`.
    Named(String),
}

impl From<&str> for Which {
    /// A role's name means the role; anything else is the name of a pod or group.
    fn from(text: &str) -> Self {
        Role::from_name(text).map_or_else(|| Self::Named(text.to_owned()), Self::Role)
    }
}

/// How much of the logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Go on with what is written from now on, over restarts and with pods that come later.
    pub follow: bool,
    /// Only what is younger than this.
    pub since: Option<Duration>,
    /// Only the last lines of each pod.
    pub tail: Option<i64>,
}

/// A line of a pod's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The pod.
    pub pod: String,
    /// When it was written.
    pub at: Option<Timestamp>,
    /// What was written.
    pub text: String,
}

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The Kubernetes API failed.
    #[error(transparent)]
    Api(#[from] NamespaceError),
    /// No pod fits.
    #[error("network {network} has no pod or role `{wanted}`; its pods: {}", pods.join(", "))]
    NoPods {
        /// The network.
        network: String,
        /// What was asked for.
        wanted: String,
        /// The pods there are.
        pods: Vec<String>,
    },
}

impl Which {
    fn fits(&self, pod: &Pod) -> bool {
        match self {
            Self::All => true,
            Self::Role(role) => pod
                .labels()
                .get(COMPONENT)
                .is_some_and(|component| component == role.name()),
            Self::Named(name) => {
                pod.name_any() == *name
                    || workload(pod).is_some_and(|workload| workload.name() == *name)
            }
        }
    }
}

/// Lines as they come; of several pods one after the other, or mixed when following. Ends when there are no more, with
/// the network, or with `cancel`. A pod whose log can't be read says so in a line of its own; a list of pods that fails
/// is an error among the lines, the last one if trying again is of no use.
///
/// # Errors
/// [`LogError::NoPods`]; [`LogError::Api`].
pub async fn stream(
    network: &Network,
    which: Which,
    options: Options,
    cancel: CancellationToken,
) -> Result<impl Stream<Item = Result<LogLine, LogError>> + use<>, LogError> {
    let api: Api<Pod> = network.api();
    let pods = fitting(network, &which).await?;
    let (lines, receiver) = mpsc::channel(READ_AHEAD);
    let network = network.clone();
    tokio::spawn(async move {
        let reading = async {
            if options.follow {
                follow(&network, which, options, lines).await;
            } else {
                once(&api, &pods, options, &lines).await;
            }
        };
        let _ = cancel.run_until_cancelled(reading).await;
    });
    Ok(futures::stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    }))
}

/// The last `lines` of a pod, of its previous run if this one has written nothing; empty if there are none to be had.
pub async fn tail(network: &Network, pod: &str, lines: i64) -> Vec<String> {
    let api: Api<Pod> = network.api();
    let container = api
        .get(pod)
        .await
        .ok()
        .and_then(|pod| speaking_container(&pod));
    for previous in [false, true] {
        let params = LogParams {
            container: container.clone(),
            tail_lines: Some(lines),
            previous,
            ..LogParams::default()
        };
        let text = api.logs(pod, &params).await.unwrap_or_default();
        if !text.is_empty() {
            return text.lines().map(str::to_owned).collect();
        }
    }
    Vec::new()
}

/// The last `lines` of the run of a pod before this one; empty if there are none to be had.
pub async fn last_words(network: &Network, pod: &str, lines: i64) -> Vec<String> {
    let api: Api<Pod> = network.api();
    let Ok(found) = api.get(pod).await else {
        return Vec::new();
    };
    let params = LogParams {
        container: speaking_container(&found),
        tail_lines: Some(lines),
        previous: true,
        ..LogParams::default()
    };
    let text = api.logs(pod, &params).await.unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

async fn fitting(network: &Network, which: &Which) -> Result<Vec<Pod>, LogError> {
    let api: Api<Pod> = network.api();
    let all = api
        .list(&ListParams::default().labels(NETWORK_PODS))
        .await
        .map_err(|source| network.failed("list pods", source))?;
    let names = all.iter().map(ResourceExt::name_any).collect();
    let mut pods: Vec<Pod> = all.into_iter().filter(|pod| which.fits(pod)).collect();
    pods.sort_by_key(ResourceExt::name_any);
    if !pods.is_empty() {
        return Ok(pods);
    }
    let wanted = match which {
        Which::All => "any".into(),
        Which::Role(role) => role.to_string(),
        Which::Named(name) => name.clone(),
    };
    Err(LogError::NoPods {
        network: network.name().to_owned(),
        wanted,
        pods: names,
    })
}

async fn once(api: &Api<Pod>, pods: &[Pod], options: Options, lines: &Lines) {
    for pod in pods {
        read(api, pod, options, None, lines).await;
    }
}

/// Reads every pod's log for as long as it runs, and again where it went on when it comes back.
async fn follow(network: &Network, which: Which, options: Options, lines: Lines) {
    let api: Api<Pod> = network.api();
    let mut failing = false;
    let mut readers: JoinSet<(String, Option<Timestamp>)> = JoinSet::new();
    let mut reading: HashSet<String> = HashSet::new();
    let mut reached: HashMap<String, Option<Timestamp>> = HashMap::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !lines.is_closed() {
        tokio::select! {
            _ = ticks.tick() => {
                let pods = match listed(network, &api).await {
                    Ok(Some(pods)) => pods,
                    Ok(None) => return,
                    Err((error, hopeless)) => {
                        // A failure that lasts is told once.
                        if !std::mem::replace(&mut failing, true) || hopeless {
                            let _reader_gone = lines.send(Err(error)).await;
                        }
                        if hopeless {
                            return;
                        }
                        continue;
                    }
                };
                failing = false;
                for pod in pods.into_iter().filter(|pod| which.fits(pod) && has_started(pod)) {
                    let Some(uid) = pod.uid().filter(|uid| !reading.contains(uid)) else { continue };
                    let from = reached.get(&uid).copied().flatten();
                    reading.insert(uid.clone());
                    let (api, lines) = (api.clone(), lines.clone());
                    readers.spawn(async move { (uid, read(&api, &pod, options, from, &lines).await) });
                }
            }
            Some(Ok((uid, last))) = readers.join_next() => {
                reading.remove(&uid);
                let before = reached.entry(uid).or_default();
                *before = last.or(*before);
            }
        }
    }
}

/// The network's pods; `None` if the network is gone. An error says whether trying again is of no use.
async fn listed(network: &Network, api: &Api<Pod>) -> Result<Option<Vec<Pod>>, (LogError, bool)> {
    let pods = api.list(&ListParams::default().labels(NETWORK_PODS)).await;
    let pods = pods.map_err(|source| {
        let hopeless =
            matches!(&source, kube::Error::Api(status) if matches!(status.code, 401 | 403));
        (network.failed("list pods", source).into(), hopeless)
    })?;
    // A namespace that is gone lists nothing, as an empty one does.
    if pods.items.is_empty() && matches!(network.is_leaving().await, Ok(true)) {
        return Ok(None);
    }
    Ok(Some(pods.items))
}

fn has_started(pod: &Pod) -> bool {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_deref())
        .unwrap_or_default();
    statuses.iter().any(|status| {
        status
            .state
            .as_ref()
            .is_some_and(|state| state.running.is_some())
    })
}

/// Reads a pod's log from after `from`; the time of the last line read.
async fn read(
    api: &Api<Pod>,
    pod: &Pod,
    options: Options,
    from: Option<Timestamp>,
    lines: &Lines,
) -> Option<Timestamp> {
    let mut last = from;
    if let Err(error) = pump(api, pod, &params(pod, options, from), &mut last, lines).await {
        let text = format!("(no log: {error})");
        // A reader that is gone needs no answer.
        let _ = lines
            .send(Ok(LogLine {
                pod: pod.name_any(),
                at: None,
                text,
            }))
            .await;
    }
    last
}

/// Passes on what is younger than `last`, which moves along.
async fn pump(
    api: &Api<Pod>,
    pod: &Pod,
    params: &LogParams,
    last: &mut Option<Timestamp>,
    lines: &Lines,
) -> Result<(), String> {
    let (name, from) = (pod.name_any(), *last);
    let log = api.log_stream(&name, params).await;
    let mut log = log
        .map_err(|error| ApiError::from(error).to_string())?
        .lines();
    while let Some(line) = log.try_next().await.map_err(|error| error.to_string())? {
        let (at, text) = split(&line);
        // The API cuts at whole seconds.
        if at.is_some() && at <= from {
            continue;
        }
        *last = at.or(*last);
        let line = LogLine {
            pod: name.clone(),
            at,
            text: text.to_owned(),
        };
        if lines.send(Ok(line)).await.is_err() {
            break;
        }
    }
    Ok(())
}

fn params(pod: &Pod, options: Options, from: Option<Timestamp>) -> LogParams {
    let mut params = LogParams {
        container: speaking_container(pod),
        follow: options.follow,
        timestamps: true,
        since_time: from,
        ..LogParams::default()
    };
    if from.is_none() {
        params.tail_lines = options.tail;
        params.since_seconds = options
            .since
            .map(|since| i64::try_from(since.as_secs().max(1)).unwrap_or(i64::MAX));
    }
    params
}

/// The time that the kubelet puts before each line, and the line.
fn split(line: &str) -> (Option<Timestamp>, &str) {
    match line.split_once(' ') {
        Some((time, text)) => time.parse().map_or((None, line), |at| (Some(at), text)),
        None => line.parse().map_or((None, line), |at| (Some(at), "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_a_group_or_a_pod() {
        let pod = |name: &str, group: &str| -> Pod {
            serde_json::from_value(serde_json::json!({"metadata": {"name": name, "labels": {
                COMPONENT: "validator", "aznet.dev/group": group}}}))
            .unwrap()
        };
        let pods = [
            pod("validator-0", "default"),
            pod("validator-1", "default"),
            pod("validator-slow-0", "slow"),
        ];
        for (asked, expected) in [
            ("validator", vec![true, true, true]),
            ("validator-slow", vec![false, false, true]),
            ("validator-slow-0", vec![false, false, true]),
            ("validator-1", vec![false, true, false]),
            ("pxe", vec![false, false, false]),
        ] {
            let which = Which::from(asked);
            let seen: Vec<bool> = pods.iter().map(|pod| which.fits(pod)).collect();
            assert_eq!(seen, expected, "{asked}");
        }
    }

    #[test]
    fn times_are_split_off() {
        let (at, text) = split("2026-01-01T00:00:00.123456789Z aznet-node: hello");
        assert_eq!(
            (at.unwrap().to_string().as_str(), text),
            ("2026-01-01T00:00:00.123456789Z", "aznet-node: hello")
        );
        assert_eq!(split("2026-01-01T00:00:00Z").1, "");
        assert_eq!(split("no time here"), (None, "no time here"));
    }

    #[test]
    fn a_log_is_taken_up_where_it_was_left() {
        let pod: Pod = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "p"}, "spec": {"containers": [{"name": "aztec"}, {"name": "side"}]}
        }))
        .unwrap();
        let options = Options {
            follow: true,
            since: Some(Duration::from_millis(300)),
            tail: Some(5),
        };
        let first = params(&pod, options, None);
        assert_eq!(
            (
                first.tail_lines,
                first.since_seconds,
                first.container.as_deref()
            ),
            (Some(5), Some(1), Some("aztec"))
        );
        let again = params(&pod, options, Some(Timestamp::UNIX_EPOCH));
        assert_eq!(
            (again.tail_lines, again.since_seconds, again.since_time),
            (None, None, Some(Timestamp::UNIX_EPOCH))
        );
    }
}
