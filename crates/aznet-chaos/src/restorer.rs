//! A Job in the network's namespace that takes back, when their time is over, the faults that are done by calls: whoever did
//! them may have died. It runs `aznet-node restore`, from the image that the pods have it from.

mod objects;
mod server;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_model::restoration::{Call, Restoration};
use aznet_network::namespace::Network;
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::core::{Selector, SelectorExt};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use self::objects::{ENDS, Objects};
use self::server::Server;
use crate::error::ChaosError;
use crate::journal::Before;

/// Marks the Jobs, beside what marks all objects of faults.
const RESTORERS: &str = "app.kubernetes.io/component=restore";
/// Whose release of the chart an object belongs to.
const INSTANCE: &str = "app.kubernetes.io/instance";
/// A pod from an image that the node has, on a busy machine.
const READY: Duration = Duration::from_mins(1);
/// From then until a fault is done.
const DOING: Duration = Duration::from_secs(30);
/// The pods of a Job go after it.
const GOING: Duration = Duration::from_secs(30);

/// Kinds of objects that are made here.
trait Kind:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned
{
}

impl Kind for Job {}
impl Kind for NetworkPolicy {}
impl Kind for Pod {}

/// What is to be taken back.
pub(crate) struct Due {
    /// The experiment.
    pub(crate) experiment: String,
    /// When, in seconds since 1970.
    pub(crate) at: u64,
    /// How its pods were.
    pub(crate) before: BTreeMap<String, Before>,
}

/// When the faults of a release end by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    /// By experiment.
    pub(crate) at: BTreeMap<String, Timestamp>,
    /// All have been taken back.
    pub(crate) done: bool,
}

/// Seconds that a Job waits beyond a fault's time: no sooner is it surely begun.
pub(crate) const fn spare() -> u64 {
    READY.as_secs() + DOING.as_secs()
}

/// Makes the Job, and waits until it is there and reaches all that it is to call. `part`: how many this release has had.
///
/// # Errors
/// [`ChaosError::Unguarded`] where it does not; [`ChaosError::Api`].
pub(crate) async fn post(
    network: &Network,
    (release, part): (&str, u32),
    due: &[Due],
    cancel: &CancellationToken,
) -> Result<(), ChaosError> {
    let (servers, restoration) = calls(network, due).await?;
    let ends = due.iter().map(|due| (due.experiment.as_str(), due.at));
    let objects = Objects {
        release,
        part,
        servers: &servers,
        ends: ends.collect(),
        restoration: &restoration,
    };
    let isolated = isolated(network, &servers).await?;
    apply::<NetworkPolicy>(network, &objects.egress()).await?;
    for policy in objects.ingress(&isolated) {
        apply::<NetworkPolicy>(network, &policy).await?;
    }
    apply::<Job>(network, &objects.job()).await?;
    ready(network, &objects.name(), cancel).await
}

/// What is called, and whom.
async fn calls(network: &Network, due: &[Due]) -> Result<(Vec<Server>, Restoration), ChaosError> {
    let methods = &network.release().await.methods;
    let mut servers: BTreeMap<&str, Server> = BTreeMap::new();
    let mut restoration = Restoration::default();
    for due in due {
        for (pod, before) in &due.before {
            if !servers.contains_key(pod.as_str()) {
                servers.insert(pod, Server::find(network, pod, before).await?);
            }
            let calls = before.calls(methods).into_iter();
            restoration.calls.extend(calls.map(|(method, params)| Call {
                at: due.at,
                url: servers[pod.as_str()].url(),
                method: method.to_owned(),
                params,
                with_key: matches!(before, Before::Settings(_)),
            }));
        }
    }
    Ok((servers.into_values().collect(), restoration))
}

/// Takes the Jobs of the releases with `labels` away, with all that is theirs.
pub(crate) async fn remove(
    network: &Network,
    labels: &str,
    cancel: &CancellationToken,
) -> Result<(), ChaosError> {
    delete_all::<Job>(network, labels).await?;
    delete_all::<NetworkPolicy>(network, labels).await?;
    let deadline = Deadline::after(GOING).every(Duration::from_millis(250));
    let what = "what would have taken the faults back to be gone";
    wait::until(what, deadline, cancel, |_| async {
        let left = there(network, labels).await?;
        Ok(if left.is_empty() {
            Look::Done(())
        } else {
            Look::Pending(left.join(", "))
        })
    })
    .await
}

/// What there is of Jobs of the releases with `labels`, as `kind/name`.
pub(crate) async fn there(network: &Network, labels: &str) -> Result<Vec<String>, ChaosError> {
    let mut all = names::<Job>(network, labels).await?;
    all.extend(names::<Pod>(network, labels).await?);
    all.extend(names::<NetworkPolicy>(network, labels).await?);
    Ok(all)
}

/// When the faults of each release end by themselves.
pub(crate) async fn ends(
    network: &Network,
    labels: &str,
) -> Result<BTreeMap<String, Ends>, ChaosError> {
    let mut ends: BTreeMap<String, Ends> = BTreeMap::new();
    for job in list::<Job>(network, labels).await? {
        if let Some((release, of_job)) = ends_of(&job) {
            let of_release = ends.entry(release).or_insert_with(|| Ends {
                at: BTreeMap::new(),
                done: true,
            });
            of_release.at.extend(of_job.at);
            of_release.done &= of_job.done;
        }
    }
    Ok(ends)
}

fn ends_of(job: &Job) -> Option<(String, Ends)> {
    let release = job.labels().get(INSTANCE)?.clone();
    let told = job.annotations().get(ENDS)?;
    let told: BTreeMap<String, i64> = serde_json::from_str(told).ok()?;
    let at = told.into_iter();
    let at = at.filter_map(|(name, at)| Some((name, Timestamp::from_second(at).ok()?)));
    let succeeded = job.status.as_ref().and_then(|status| status.succeeded);
    let ends = Ends {
        at: at.collect(),
        done: succeeded.unwrap_or_default() > 0,
    };
    Some((release, ends))
}

async fn ready(network: &Network, job: &str, cancel: &CancellationToken) -> Result<(), ChaosError> {
    let labels = format!("batch.kubernetes.io/job-name={job}");
    let labels = labels.as_str();
    let deadline = Deadline::after(READY).every(Duration::from_millis(250));
    let what = "the Job that takes the faults back if aznet dies";
    wait::until(what, deadline, cancel, |_| async move {
        let pods = list::<Pod>(network, labels).await?;
        Ok(match pods.first() {
            Some(pod) => readiness(pod),
            None => Look::pending("it has no pod yet"),
        })
    })
    .await
    .map_err(|error| match error {
        ChaosError::Wait(wait @ WaitError::TimedOut { .. }) => ChaosError::Unguarded { wait },
        other => other,
    })
}

/// Its container is ready once it has reached all that it is to call.
fn readiness(pod: &Pod) -> Look<()> {
    let status = pod.status.as_ref();
    let mut containers = status
        .iter()
        .flat_map(|one| one.container_statuses.iter().flatten());
    let Some(container) = containers.next() else {
        let phase = status.and_then(|one| one.phase.as_deref());
        return Look::pending(phase.unwrap_or("Pending"));
    };
    if container.ready {
        return Look::Done(());
    }
    let state = container.state.as_ref();
    let last = container.last_state.as_ref();
    let ended = [state, last].into_iter().flatten();
    let mut ended = ended.filter_map(|one| one.terminated.as_ref());
    let ended = ended.next().map(|end| {
        let code = format!("its program ended with {}", end.exit_code);
        let message = end.message.as_ref();
        message.map_or(code.clone(), |message| format!("{code}: {message}"))
    });
    let waiting = state.and_then(|one| one.waiting.as_ref()?.reason.clone());
    Look::Pending(
        ended
            .or(waiting)
            .unwrap_or_else(|| "it runs, and does not reach all that it is to call".to_owned()),
    )
}

/// The servers that some NetworkPolicy shuts off: only these may be given another one, which shuts off what it selects.
async fn isolated<'a>(
    network: &Network,
    servers: &'a [Server],
) -> Result<Vec<&'a Server>, ChaosError> {
    let policies: Api<NetworkPolicy> = api(network);
    let found = policies.list(&ListParams::default()).await;
    let found = found.map_err(ChaosError::api("list the NetworkPolicies"))?;
    let shuts = found.items.into_iter().filter_map(|policy| {
        let spec = policy.spec?;
        let types = spec.policy_types.unwrap_or_default();
        let of_ingress = types.is_empty() || types.iter().any(|one| one == "Ingress");
        let selector = Selector::try_from(spec.pod_selector.unwrap_or_default());
        selector.ok().filter(|_| of_ingress)
    });
    let shuts: Vec<Selector> = shuts.collect();
    let each = servers.iter();
    Ok(each
        .filter(|server| shuts.iter().any(|one| one.matches(&server.labels)))
        .collect())
}

fn api<K: Kind>(network: &Network) -> Api<K> {
    Api::namespaced(network.client().clone(), network.namespace())
}

async fn apply<K: Kind>(network: &Network, object: &Value) -> Result<(), ChaosError> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let (params, patch) = (PatchParams::apply("aznet"), Patch::Apply(object));
    let applied = api::<K>(network).patch(name, &params, &patch).await;
    let doing = format!("make {} {name}", K::kind(&()));
    applied.map(drop).map_err(ChaosError::api(doing))
}

async fn list<K: Kind>(network: &Network, labels: &str) -> Result<Vec<K>, ChaosError> {
    let params = ListParams::default().labels(&format!("{RESTORERS},{labels}"));
    match api::<K>(network).list(&params).await {
        Ok(found) => Ok(found.items),
        // Who may not see them has made none.
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(Vec::new()),
        Err(error) => Err(ChaosError::api("list what takes faults back")(error)),
    }
}

async fn names<K: Kind>(network: &Network, labels: &str) -> Result<Vec<String>, ChaosError> {
    let kind = K::kind(&()).to_string();
    let all = list::<K>(network, labels).await?;
    let each = all.iter();
    Ok(each
        .map(|one| format!("{kind}/{}", one.name_any()))
        .collect())
}

async fn delete_all<K: Kind>(network: &Network, labels: &str) -> Result<(), ChaosError> {
    for one in list::<K>(network, labels).await? {
        let (name, params) = (one.name_any(), DeleteParams::background());
        match api::<K>(network).delete(&name, &params).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            deleted => {
                let doing = format!("delete {name}");
                drop(deleted.map_err(ChaosError::api(doing))?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(container: &Value) -> Pod {
        let pod = json!({"metadata": {}, "status": {"phase": "Running", "containerStatuses": [container]}});
        serde_json::from_value(pod).expect("a pod")
    }

    fn container(ready: bool, state: &Value) -> Value {
        json!({"name": "restore", "image": "x", "imageID": "x", "restartCount": 0, "ready": ready, "state": state})
    }

    #[test]
    fn a_program_that_ends_at_once_takes_nothing_back() {
        let running = json!({"running": {}});
        assert_eq!(readiness(&pod(&container(true, &running))), Look::Done(()));
        assert!(matches!(
            readiness(&pod(&container(false, &running))),
            Look::Pending(_)
        ));
        let ended = json!({"terminated": {"exitCode": 2, "message": "unrecognized subcommand"}});
        let Look::Pending(seen) = readiness(&pod(&container(false, &ended))) else {
            panic!("it is not ready");
        };
        assert_eq!(seen, "its program ended with 2: unrecognized subcommand");
    }
}
