//! The check before a cluster is called ready: a pod that writes a dynamic volume, resolves a name through the DNS
//! service, and reaches a service and another pod; if policies are enforced, not where one forbids it to.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{Api, DeleteParams};
use tokio_util::sync::CancellationToken;

use super::addons;
use super::error::Error;
use super::layout::Layout;
use super::spec::Spec;
use aznet_kit::wait::{self, Deadline, Look};

const NAME: &str = "aznet-verify";
const NAMESPACE: &str = "kube-system";

/// Runs the check.
///
/// # Errors
/// [`Error::Unsound`] with what does not work.
pub(crate) async fn verify(
    client: &kube::Client,
    layout: &Layout,
    spec: &Spec,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    // An interrupted check may have left its own.
    clear(client, cancel).await?;
    pods_are_admitted(client, cancel).await?;
    let image = spec.images.base.as_str();
    for object in addons::verification(NAME, image, spec.network_policy)? {
        addons::apply_one(client, &object).await?;
    }
    let outcome = outcome(client, layout, cancel).await;
    delete(client).await?;
    outcome
}

/// Kubernetes refuses pods in a namespace that has no service account yet.
async fn pods_are_admitted(client: &kube::Client, cancel: &CancellationToken) -> Result<(), Error> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
    let what = "the default service account of kube-system";
    wait::until(what, Deadline::seconds(60), cancel, |_| async {
        let account = accounts
            .get_opt("default")
            .await
            .map_err(Error::api("get the default service account"))?;
        Ok(account.map_or_else(|| Look::Pending("not made yet".into()), |_| Look::Done(())))
    })
    .await
}

async fn outcome(
    client: &kube::Client,
    layout: &Layout,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    wait::until(
        "the check pod's result",
        // Longer than all that the script waits for.
        Deadline::seconds(240),
        cancel,
        |_| async {
            let pod = pods
                .get(NAME)
                .await
                .map_err(Error::api("get the check pod"))?;
            match phase(&pod) {
                "Succeeded" => Ok(Look::Done(())),
                "Failed" => Err(Error::Unsound {
                    name: layout.name().to_owned(),
                    problem: said(&pod)
                        .unwrap_or_else(|| "the check pod failed without a word".into()),
                }),
                phase => Ok(Look::Pending(format!("{phase}; {}", waits_for(&pod)))),
            }
        },
    )
    .await
}

fn phase(pod: &Pod) -> &str {
    let status = pod.status.as_ref();
    status
        .and_then(|status| status.phase.as_deref())
        .unwrap_or("Unknown")
}

/// What the script said at its end.
fn said(pod: &Pod) -> Option<String> {
    let container = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    let terminated = container.state.as_ref()?.terminated.as_ref()?;
    let message = terminated.message.as_ref()?.trim();
    (!message.is_empty()).then(|| message.to_owned())
}

/// Why it does not run yet, in the words of the scheduler or the kubelet.
pub(crate) fn waits_for(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    let waiting = status
        .and_then(|status| status.container_statuses.as_ref()?.first())
        .and_then(|container| container.state.as_ref()?.waiting.as_ref())
        .and_then(|waiting| waiting.message.clone().or(waiting.reason.clone()));
    let condition = status
        .and_then(|status| status.conditions.as_ref())
        .and_then(|conditions| {
            conditions
                .iter()
                .find_map(|condition| condition.message.clone())
        });
    waiting
        .or(condition)
        .unwrap_or_else(|| "no reason given".into())
}

async fn delete(client: &kube::Client) -> Result<(), Error> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), NAMESPACE);
    let policies: Api<NetworkPolicy> = Api::namespaced(client.clone(), NAMESPACE);
    let now = DeleteParams::default().grace_period(0);
    found(
        pods.delete(NAME, &now).await.map(drop),
        "delete the check pod",
    )?;
    found(
        policies.delete(NAME, &now).await.map(drop),
        "delete the check's policy",
    )?;
    found(
        claims.delete(NAME, &now).await.map(drop),
        "delete the check's volume",
    )
}

/// Deletes what is there, and waits until it is gone.
async fn clear(client: &kube::Client, cancel: &CancellationToken) -> Result<(), Error> {
    delete(client).await?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), NAMESPACE);
    let what = "the end of an earlier check";
    wait::until(what, Deadline::seconds(60), cancel, |_| async {
        let pod = pods
            .get_opt(NAME)
            .await
            .map_err(Error::api("get the check pod"))?;
        let claim = claims
            .get_opt(NAME)
            .await
            .map_err(Error::api("get the check's volume"))?;
        Ok(match (pod, claim) {
            (None, None) => Look::Done(()),
            (pod, _) => Look::Pending(
                if pod.is_some() {
                    "its pod"
                } else {
                    "its volume"
                }
                .into(),
            ),
        })
    })
    .await
}

/// Not being there is fine.
fn found(outcome: Result<(), kube::Error>, action: &str) -> Result<(), Error> {
    match outcome {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        outcome => outcome.map_err(Error::api(action)),
    }
}
