//! What a pod is doing, from its status, its events, its volume claims and aznet-node's last message. Pure.

use aznet_model::role::Role;
use aznet_model::workload::Workload;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Event, Pod, PodCondition};
use kube::ResourceExt;
use serde::Serialize;

use super::around::Around;
use super::message::Message;
use super::phase::Phase;

/// Label of the role.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// Selects the pods of networks.
pub const NETWORK_PODS: &str = "app.kubernetes.io/name=aztec-network";

/// A pod and what it is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PodState {
    /// The pod's name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its group of validators, if that is a further one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What it is doing.
    #[serde(flatten)]
    pub phase: Phase,
    /// How often its containers were restarted.
    pub restarts: u32,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// All that is known of a pod.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// What else its namespace holds.
    pub around: &'a Around<'a>,
    /// aznet-node's last message.
    pub message: Option<&'a Message>,
}

/// Describes a pod; `None` if it has none of the network's roles.
pub fn describe(seen: Observed<'_>) -> Option<PodState> {
    let workload = workload(seen.pod)?;
    let restarts = containers(seen.pod)
        .map(|status| status.restart_count)
        .sum::<i32>();
    Some(PodState {
        name: seen.pod.name_any(),
        role: workload.role(),
        group: workload.group().map(str::to_owned),
        phase: phase(seen),
        restarts: u32::try_from(restarts).unwrap_or(0),
        created: seen
            .pod
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0),
    })
}

/// The workload that a pod is of, by its labels; `None` if it has none of the network's roles.
pub(crate) fn workload(pod: &Pod) -> Option<Workload> {
    let labels = pod.labels();
    Workload::from_labels(labels.get(COMPONENT)?, labels)
}

fn phase(seen: Observed<'_>) -> Phase {
    let status = seen.pod.status.as_ref();
    if seen.pod.metadata.deletion_timestamp.is_some() {
        return Phase::Leaving;
    }
    if status.and_then(|status| status.phase.as_deref()) == Some("Succeeded") {
        return Phase::Finished;
    }
    if condition(seen.pod, "Ready").is_some_and(|(holds, _)| holds) {
        return Phase::Ready;
    }
    if !condition(seen.pod, "PodScheduled").is_some_and(|(holds, _)| holds) {
        return unscheduled(seen);
    }
    let init = status
        .and_then(|status| status.init_container_statuses.as_deref())
        .unwrap_or_default();
    let main = status
        .and_then(|status| status.container_statuses.as_deref())
        .unwrap_or_default();
    let unfinished = init
        .iter()
        .find(|container| !finished(container) && !runs_beside(seen.pod, container));
    match unfinished.or_else(|| main.iter().find(|container| !container.ready)) {
        Some(container) => container_phase(seen, container, unfinished.is_some()),
        None => Phase::Creating {
            trouble: trouble(seen),
        },
    }
}

fn unscheduled(seen: Observed<'_>) -> Phase {
    // A plugin that failed is tried again at once; it is no reason yet.
    let reason = condition(seen.pod, "PodScheduled")
        .and_then(|(_, message)| message)
        .filter(|words| !words.starts_with("running "))
        .map(|words| first_sentence(&words).to_owned());
    let about_volumes = reason
        .as_deref()
        .is_none_or(|words| words.to_lowercase().contains("persistentvolumeclaim"));
    match pending_claim(seen) {
        Some(claim) if about_volumes => {
            let complaint = newest(seen.around, "PersistentVolumeClaim", &claim, is_trouble);
            Phase::VolumePending {
                claim,
                reason: complaint.and_then(|event| event.message.clone()),
            }
        }
        _ => Phase::Unscheduled { reason },
    }
}

fn container_phase(seen: Observed<'_>, container: &ContainerStatus, init: bool) -> Phase {
    let state = container.state.clone().unwrap_or_default();
    if let Some(waiting) = &state.waiting {
        let message = waiting.message.clone().unwrap_or_default();
        return waiting_phase(
            seen,
            container,
            waiting.reason.as_deref().unwrap_or_default(),
            message,
        );
    }
    if let Some(ended) = ended(&state) {
        return ended;
    }
    match state.running {
        Some(_) if init => Phase::Preparing {
            container: container.name.clone(),
        },
        Some(running) => running_phase(seen, running.started_at.map(|time| time.0)),
        None => Phase::Creating { trouble: None },
    }
}

/// What a process that runs since `started` and isn't ready does.
fn running_phase(seen: Observed<'_>, started: Option<Timestamp>) -> Phase {
    // A pod is not ready from its beginning; when that began later, it was ready in between.
    let unready = changed(seen.pod, "Ready");
    if let Some(since) = unready.filter(|&since| started.is_some_and(|started| since > started)) {
        return Phase::Unready { since };
    }
    match seen.message {
        Some(message) => Phase::Waiting {
            what: message.words.clone(),
            since: message.since,
        },
        None => Phase::Starting { since: started },
    }
}

fn waiting_phase(
    seen: Observed<'_>,
    container: &ContainerStatus,
    reason: &str,
    message: String,
) -> Phase {
    let image = container.image.clone();
    match reason {
        "ErrImageNeverPull" | "InvalidImageName" => Phase::ImageMissing {
            image,
            reason: or(message, reason),
            hopeless: true,
        },
        "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" => Phase::ImageMissing {
            image,
            reason: pull_error(seen).unwrap_or_else(|| or(message, reason)),
            hopeless: false,
        },
        "CrashLoopBackOff" => {
            container
                .last_state
                .as_ref()
                .and_then(ended)
                .unwrap_or(Phase::Crashed {
                    exit_code: -1,
                    message: or(message, reason),
                    at: None,
                })
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Phase::Creating {
                trouble: Some(plain(&or(message, reason))),
            }
        }
        _ if pulling(seen) => Phase::Pulling { image },
        _ => Phase::Creating {
            trouble: trouble(seen),
        },
    }
}

fn ended(state: &ContainerState) -> Option<Phase> {
    let end = state.terminated.as_ref()?;
    let reason = end.reason.clone().unwrap_or_else(|| "ended".into());
    let message = plain(&or(end.message.clone().unwrap_or_default(), &reason));
    Some(Phase::Crashed {
        exit_code: end.exit_code,
        message,
        at: end.finished_at.as_ref().map(|time| time.0),
    })
}

/// The scheduler's reason without what it says of preemption.
fn first_sentence(words: &str) -> &str {
    words
        .split_once(". ")
        .map_or(words, |(first, _)| first)
        .trim_end_matches('.')
}

/// A message without the layers that passed it on: of the container runtime's only what went wrong.
fn plain(message: &str) -> String {
    let inner = message
        .rsplit("runc create failed: ")
        .next()
        .unwrap_or(message);
    inner.trim().trim_end_matches(": unknown").to_owned()
}

fn or(text: String, otherwise: &str) -> String {
    if text.trim().is_empty() {
        otherwise.to_owned()
    } else {
        text
    }
}

fn finished(container: &ContainerStatus) -> bool {
    let end = container
        .state
        .as_ref()
        .and_then(|state| state.terminated.as_ref());
    end.is_some_and(|end| end.exit_code == 0)
}

/// An init container that is meant to run for as long as the main one, and does.
fn runs_beside(pod: &Pod, container: &ContainerStatus) -> bool {
    let spec = pod.spec.as_ref();
    let init = spec.and_then(|spec| spec.init_containers.as_deref());
    let stays = init
        .into_iter()
        .flatten()
        .any(|one| one.name == container.name && one.restart_policy.as_deref() == Some("Always"));
    let state = container.state.as_ref();
    stays && state.is_some_and(|state| state.running.is_some())
}

pub(crate) fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let init = status.and_then(|status| status.init_container_statuses.as_deref());
    let main = status.and_then(|status| status.container_statuses.as_deref());
    init.into_iter().chain(main).flatten()
}

/// The container that has something to say: an init container as long as one has begun and not ended well, unless it is
/// there to run beside the main one, else that.
pub(crate) fn speaking_container(pod: &Pod) -> Option<String> {
    let init = pod
        .status
        .as_ref()
        .and_then(|status| status.init_container_statuses.as_deref());
    let begun = |container: &&ContainerStatus| {
        let state = container.state.clone().unwrap_or_default();
        container.restart_count > 0 || state.running.is_some() || state.terminated.is_some()
    };
    let stuck = init
        .into_iter()
        .flatten()
        .find(|container| !finished(container) && !runs_beside(pod, container));
    stuck
        .filter(begun)
        .map(|container| container.name.clone())
        .or_else(|| Some(pod.spec.as_ref()?.containers.first()?.name.clone()))
}

/// Whether the condition holds, and its message.
pub(crate) fn condition(pod: &Pod, kind: &str) -> Option<(bool, Option<String>)> {
    let found = condition_of(pod, kind)?;
    Some((found.status == "True", found.message.clone()))
}

/// When a condition began to hold, or not to.
fn changed(pod: &Pod, kind: &str) -> Option<Timestamp> {
    let found = condition_of(pod, kind)?;
    found.last_transition_time.as_ref().map(|time| time.0)
}

fn condition_of<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    conditions.iter().find(|condition| condition.type_ == kind)
}

fn pending_claim(seen: Observed<'_>) -> Option<String> {
    let volumes = seen.pod.spec.as_ref()?.volumes.as_deref()?;
    let mut claims = volumes
        .iter()
        .filter_map(|volume| Some(&volume.persistent_volume_claim.as_ref()?.claim_name));
    let bound = |name: &str| {
        seen.around
            .claim(name)
            .and_then(|claim| claim.status.as_ref()?.phase.as_deref())
            .is_some_and(|phase| phase == "Bound")
    };
    claims.find(|name| !bound(name)).cloned()
}

fn pulling(seen: Observed<'_>) -> bool {
    let last = newest(seen.around, "Pod", &seen.pod.name_any(), |event| {
        matches!(event.reason.as_deref(), Some("Pulling" | "Pulled"))
    });
    last.is_some_and(|event| event.reason.as_deref() == Some("Pulling"))
}

fn pull_error(seen: Observed<'_>) -> Option<String> {
    let told = |event: &Event| {
        event.reason.as_deref() == Some("Failed")
            && event
                .message
                .as_deref()
                .is_some_and(|words| words.starts_with("Failed to pull image"))
    };
    newest(seen.around, "Pod", &seen.pod.name_any(), told)?
        .message
        .clone()
}

/// The newest warning that says why the container can't be made.
fn trouble(seen: Observed<'_>) -> Option<String> {
    let event = newest(seen.around, "Pod", &seen.pod.name_any(), |event| {
        let reason = event.reason.as_deref().unwrap_or_default();
        is_trouble(event) && reason.starts_with("Failed") && reason != "FailedScheduling"
    })?;
    Some(plain(event.message.as_deref()?))
}

fn is_trouble(event: &Event) -> bool {
    event.type_.as_deref() == Some("Warning")
}

fn newest<'a>(
    around: &Around<'a>,
    kind: &str,
    name: &str,
    wanted: impl Fn(&Event) -> bool,
) -> Option<&'a Event> {
    around
        .events(name)
        .iter()
        .copied()
        .filter(|event| event.involved_object.kind.as_deref() == Some(kind))
        .filter(|event| wanted(event))
        .max_by_key(|event| event_time(event))
}

/// When an event was last seen.
pub fn event_time(event: &Event) -> Option<Timestamp> {
    let series = event
        .series
        .as_ref()
        .and_then(|series| series.last_observed_time.as_ref())
        .map(|time| time.0);
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    series
        .or(last)
        .or_else(|| event.event_time.as_ref().map(|time| time.0))
}

#[cfg(test)]
mod tests;
