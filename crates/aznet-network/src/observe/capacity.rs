//! What a cluster's machines have to give, as its scheduler counts.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::str::FromStr;

use aznet_model::units::{Bytes, MilliCpu};
use futures::future::join_all;
use k8s_openapi::api::core::v1::{Container, Node, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::{Api, Client, ResourceExt, api::ListParams};
use serde::Deserialize;

use crate::api::ApiError;
use crate::clients::rpc::PATIENCE;

/// Processor time for pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpu {
    /// All that the machines give to pods.
    pub in_all: MilliCpu,
    /// What no pod has asked for.
    pub free: MilliCpu,
}

impl Cpu {
    /// Asks the cluster. Machines that take no pods count as none; whether one pod finds room on one machine is not
    /// looked at.
    ///
    /// # Errors
    /// [`ApiError`] when the API can't be reached.
    pub async fn of(client: &Client) -> Result<Self, ApiError> {
        let nodes: Api<Node> = Api::all(client.clone());
        let nodes = nodes.list(&ListParams::default()).await?;
        let pods: Api<Pod> = Api::all(client.clone());
        let pods = pods.list(&ListParams::default()).await?;
        let in_all: MilliCpu = nodes.iter().map(allocatable).sum();
        let asked: MilliCpu = pods.iter().map(|pod| asked(pod, "cpu")).sum();
        Ok(Self {
            in_all,
            free: in_all.saturating_sub(asked),
        })
    }
}

/// What the pods of one network have of their cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Processor time that they ask for.
    pub cpu: MilliCpu,
    /// Memory that they use, as the kubelets measure it (their working set).
    pub memory: Bytes,
}

impl Held {
    /// Asks the cluster about the pods of this namespace. What the kubelet of a machine does not tell counts as unused.
    ///
    /// # Errors
    /// [`ApiError`] when the API can't be reached.
    pub async fn by(client: &Client, namespace: &str) -> Result<Self, ApiError> {
        let nodes: Api<Node> = Api::all(client.clone());
        let nodes = nodes.list(&ListParams::default()).await?;
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let pods = pods.list(&ListParams::default()).await?;
        let used = nodes
            .iter()
            .map(|node| used(client, node.name_any(), namespace));
        Ok(Self {
            cpu: pods.iter().map(|pod| asked(pod, "cpu")).sum(),
            memory: join_all(used).await.into_iter().sum(),
        })
    }
}

/// What the pods of a namespace use of a machine's memory.
async fn used(client: &Client, node: String, namespace: &str) -> Bytes {
    let path = format!("/api/v1/nodes/{node}/proxy/stats/summary?only_cpu_and_memory=true");
    let Ok(request) = http::Request::get(path).body(Vec::new()) else {
        return Bytes(0);
    };
    let asked = client.request::<Summary>(request);
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(summary)) => summary.memory_of(namespace),
        Ok(Err(error)) => {
            tracing::debug!(%error, node, "the kubelet does not say what pods use");
            Bytes(0)
        }
        Err(_) => {
            tracing::debug!(node, "the kubelet does not answer");
            Bytes(0)
        }
    }
}

/// What the kubelet measures, as far as it is of use here.
#[derive(Deserialize)]
struct Summary {
    pods: Vec<PodStats>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodStats {
    pod_ref: PodRef,
    #[serde(default)]
    memory: MemoryStats,
}

#[derive(Deserialize)]
struct PodRef {
    namespace: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct MemoryStats {
    #[serde(default)]
    working_set_bytes: u64,
}

impl Summary {
    fn memory_of(&self, namespace: &str) -> Bytes {
        let pods = self.pods.iter();
        let ours = pods.filter(|pod| pod.pod_ref.namespace == namespace);
        ours.map(|pod| Bytes(pod.memory.working_set_bytes)).sum()
    }
}

fn allocatable(node: &Node) -> MilliCpu {
    let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable);
    if cordoned == Some(true) {
        return MilliCpu(0);
    }
    let status = node.status.as_ref();
    let quantity = status.and_then(|status| status.allocatable.as_ref()?.get("cpu"));
    quantity
        .and_then(|quantity| quantity.0.parse().ok())
        .unwrap_or_default()
}

/// What a pod asks for of a resource, as the scheduler counts: its containers and sidecars together, or an init container
/// beside the sidecars before it if that is more, and what its runtime needs. One that has ended asks for nothing.
pub(crate) fn asked<T>(pod: &Pod, resource: &str) -> T
where
    T: FromStr + Sum + Ord + Default + Copy,
{
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    let Some(spec) = pod
        .spec
        .as_ref()
        .filter(|_| !matches!(phase, Some("Succeeded" | "Failed")))
    else {
        return T::default();
    };
    let amount = |quantities: Option<&BTreeMap<String, Quantity>>| -> T {
        let quantity = quantities.and_then(|quantities| quantities.get(resource));
        quantity
            .and_then(|quantity| quantity.0.parse().ok())
            .unwrap_or_default()
    };
    let of = |container: &Container| -> T {
        let resources = container.resources.as_ref();
        amount(resources.and_then(|resources| resources.requests.as_ref()))
    };
    let (mut sidecars, mut most) = (T::default(), T::default());
    for container in spec.init_containers.iter().flatten() {
        let with_sidecars = [sidecars, of(container)].into_iter().sum();
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars = with_sidecars;
        }
        most = most.max(with_sidecars);
    }
    let containers = spec.containers.iter().map(of).sum();
    let running = [sidecars, containers].into_iter().sum();
    [most.max(running), amount(spec.overhead.as_ref())]
        .into_iter()
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::client::Body;
    use serde_json::json;

    fn pod(phase: &str) -> Pod {
        let asks = |cpu: &str| json!({"name": "c", "resources": {"requests": {"cpu": cpu}}});
        serde_json::from_value(json!({
            "metadata": {},
            "spec": {"containers": [asks("50m"), asks("1")], "initContainers": [asks("10m")]},
            "status": {"phase": phase},
        }))
        .expect("a pod")
    }

    #[test]
    fn a_pod_asks_for_its_containers_together_until_it_ends() {
        assert_eq!(asked::<MilliCpu>(&pod("Pending"), "cpu"), MilliCpu(1050));
        assert_eq!(asked::<MilliCpu>(&pod("Succeeded"), "cpu"), MilliCpu(0));
    }

    #[test]
    fn sidecars_and_overhead_count_and_init_containers_run_beside_sidecars() {
        let asks = |cpu: &str, restart: Option<&str>| json!({"name": "c", "restartPolicy": restart, "resources": {"requests": {"cpu": cpu}}});
        let pod = |init: &str| -> Pod {
            serde_json::from_value(json!({
                "metadata": {},
                "spec": {
                    "overhead": {"cpu": "5m"},
                    "containers": [asks("50m", None)],
                    "initContainers": [asks("20m", Some("Always")), asks(init, None)],
                },
            }))
            .expect("a pod")
        };
        assert_eq!(asked::<MilliCpu>(&pod("10m"), "cpu"), MilliCpu(75));
        assert_eq!(asked::<MilliCpu>(&pod("90m"), "cpu"), MilliCpu(115));
    }

    /// B5: `plan` counted a running network beside itself.
    #[tokio::test]
    async fn b05_a_network_holds_what_its_pods_ask_for_and_use() {
        let (service, mut handle) =
            tower_test::mock::pair::<http::Request<Body>, http::Response<Body>>();
        tokio::spawn(async move {
            while let Some((request, send)) = handle.next_request().await {
                let answer = match request.uri().path() {
                    "/api/v1/nodes" => {
                        json!({"metadata": {}, "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]})
                    }
                    "/api/v1/namespaces/ours/pods" => {
                        json!({"metadata": {}, "items": [pod("Running"), pod("Succeeded")]})
                    }
                    "/api/v1/nodes/a/proxy/stats/summary" => json!({"node": {}, "pods": [
                        {"podRef": {"name": "p", "namespace": "ours"}, "memory": {"workingSetBytes": 700}},
                        {"podRef": {"name": "new", "namespace": "ours"}},
                        {"podRef": {"name": "p", "namespace": "theirs"}, "memory": {"workingSetBytes": 9000}},
                    ]}),
                    _ => json!({"status": "Failure", "code": 503, "message": "no kubelet"}),
                };
                let code = answer["code"].as_u64().unwrap_or(200).try_into().unwrap();
                let answer = Body::from(serde_json::to_vec(&answer).unwrap());
                let answer = http::Response::builder().status::<u16>(code).body(answer);
                send.send_response(answer.unwrap());
            }
        });
        let held = Held::by(&Client::new(service, "default"), "ours").await;
        let expected = Held {
            cpu: MilliCpu(1050),
            memory: Bytes(700),
        };
        assert_eq!(held.unwrap(), expected);
    }

    #[test]
    fn a_cordoned_machine_gives_nothing() {
        let node = |cordoned: bool| -> Node {
            serde_json::from_value(json!({
                "metadata": {},
                "spec": {"unschedulable": cordoned},
                "status": {"allocatable": {"cpu": "1700m"}},
            }))
            .expect("a node")
        };
        assert_eq!(allocatable(&node(false)), MilliCpu(1700));
        assert_eq!(allocatable(&node(true)), MilliCpu(0));
    }
}
