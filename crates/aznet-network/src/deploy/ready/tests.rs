use std::sync::{Arc, Mutex};

use kube::{Client, client::Body};
use serde_json::{Value, json};
use tower_test::mock;

use super::*;
use crate::observe::pods::COMPONENT;

/// A Kubernetes API that answers by path; watches and what has no answer stay open.
fn api(answer: impl Fn(&str, &str) -> Option<Value> + Send + 'static) -> Client {
    let (service, mut handle) = mock::pair::<http::Request<Body>, http::Response<Body>>();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Some((request, send)) = handle.next_request().await {
            let watch = request
                .uri()
                .query()
                .is_some_and(|query| query.contains("watch=true"));
            match answer(request.method().as_str(), request.uri().path()).filter(|_| !watch) {
                Some(Value::String(text)) => {
                    send.send_response(http::Response::new(Body::from(text.into_bytes())));
                }
                Some(value) => {
                    let body = Body::from(serde_json::to_vec(&value).unwrap());
                    send.send_response(http::Response::new(body));
                }
                None => open.push(send),
            }
        }
    });
    Client::new(service, "default")
}

async fn network(client: Client) -> Network {
    Network::find(
        client,
        "embedded",
        &crate::namespace::Scope::Cluster,
        Some("small"),
    )
    .await
    .expect("the network")
}

fn list(kind: &str, version: &str, items: &[Value]) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"resourceVersion": "1"}, "items": items})
}

fn namespaces() -> Value {
    let namespace = json!({"metadata": {"name": "aznet-small-abcde", "labels": {
        "app.kubernetes.io/managed-by": "aznet", "aznet.dev/network": "small"}}});
    list("NamespaceList", "v1", &[namespace])
}

fn pod(status: &Value) -> Value {
    json!({
        "metadata": {"name": "boot-node-0", "uid": "u", "labels": {COMPONENT: "boot-node"}},
        "spec": {"containers": [{"name": "aztec"}]},
        "status": status,
    })
}

fn stateful_set(ready: u32) -> Value {
    json!({
        "metadata": {"name": "boot-node", "generation": 1},
        "spec": {"replicas": 1, "serviceName": "boot-node", "selector": {}, "template": {}},
        "status": {"replicas": 1, "readyReplicas": ready, "updatedReplicas": 1, "observedGeneration": 1},
    })
}

/// What lists of a namespace with this pod answer.
fn lists(path: &str, pod: &Value, ready: u32) -> Option<Value> {
    match path.rsplit('/').next()? {
        "namespaces" => Some(namespaces()),
        "pods" => Some(list("PodList", "v1", std::slice::from_ref(pod))),
        "statefulsets" => Some(list("StatefulSetList", "apps/v1", &[stateful_set(ready)])),
        "deployments" => Some(list("DeploymentList", "apps/v1", &[])),
        "events" => Some(list("EventList", "v1", &[])),
        "persistentvolumeclaims" => Some(list("PersistentVolumeClaimList", "v1", &[])),
        "secrets" => Some(list("SecretList", "v1", &[])),
        "network-config" => Some(json!({"metadata": {"name": "network-config"}})),
        _ => None,
    }
}

fn listening() -> (Reporter, Arc<Mutex<Vec<Progress>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = heard.clone();
    (
        Arc::new(move |progress| sink.lock().unwrap().push(progress)),
        heard,
    )
}

#[tokio::test(start_paused = true)]
async fn a_crash_that_no_restart_mends_ends_the_wait_with_message_and_log() {
    let crashed = json!({"containerStatuses": [{
        "name": "aztec", "image": "i", "imageID": "", "ready": false, "restartCount": 1,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 78, "message": "the rollup has slotDuration 12, the configuration says 24"}},
    }], "conditions": [{"type": "PodScheduled", "status": "True"}]});
    let client = api(move |_, path| match path.rsplit('/').next() {
        Some("log") => Some("aznet-node: giving up\n".into()),
        Some("boot-node-0") => Some(pod(&crashed)),
        _ => lists(path, &pod(&crashed), 0),
    });
    let network = network(client).await;
    let (report, heard) = listening();
    let result = until_ready(
        &network,
        Duration::from_mins(5),
        &report,
        &CancellationToken::new(),
    )
    .await;
    let Err(DeployError::Failed {
        cause, evidence, ..
    }) = result
    else {
        panic!("{result:?}")
    };
    assert_eq!(
        cause.to_string(),
        "boot-node-0: ended with exit code 78: the rollup has slotDuration 12, the configuration says 24 (restarted 1 times)"
    );
    assert_eq!(
        evidence.logs,
        [(
            "boot-node-0".to_owned(),
            vec!["aznet-node: giving up".to_owned()]
        )]
    );
    assert!(
        matches!(&heard.lock().unwrap()[0], Progress::Pods { wanted: 1, pods, .. } if pods.len() == 1)
    );
}

#[tokio::test(start_paused = true)]
async fn pods_that_serve_and_a_checkpoint_are_enough() {
    let ready = json!({"conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]});
    let tip = |number: u64| json!({"block": {"number": number, "hash": "0x"}, "checkpoint": {"number": number, "hash": "0x"}});
    let asked = Mutex::new(0_u64);
    let client = api(move |method, path| match method {
        "POST" => {
            let mut asked = asked.lock().unwrap();
            *asked += 1;
            let tips = json!({"proposed": {"number": 1, "hash": "0x"}, "checkpointed": tip(*asked - 1),
                "proven": tip(0), "finalized": tip(0)});
            Some(json!({"jsonrpc": "2.0", "id": 1, "result": tips}))
        }
        _ => lists(path, &pod(&ready), 1),
    });
    let network = network(client).await;
    let (report, heard) = listening();
    until_ready(
        &network,
        Duration::from_mins(5),
        &report,
        &CancellationToken::new(),
    )
    .await
    .expect("up");
    let chain: Vec<String> = heard
        .lock()
        .unwrap()
        .iter()
        .filter_map(|progress| match progress {
            Progress::Chain { seen, .. } => Some(seen.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(
        chain,
        ["block 1 proposed, nothing on L1", "checkpoint 1 is on L1"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_checkpoint_is_seen_while_other_pods_still_start() {
    let ready = json!({"conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]});
    let tip =
        json!({"block": {"number": 1, "hash": "0x"}, "checkpoint": {"number": 1, "hash": "0x"}});
    let client = api(move |method, path| match method {
        "POST" => Some(
            json!({"jsonrpc": "2.0", "id": 1, "result": {"proposed": {"number": 1, "hash": "0x"},
            "checkpointed": tip, "proven": tip, "finalized": tip}}),
        ),
        _ => lists(path, &pod(&ready), 0),
    });
    let network = network(client).await;
    let (report, heard) = listening();
    let patience = Duration::from_secs(30);
    let result = until_ready(&network, patience, &report, &CancellationToken::new()).await;
    assert!(
        matches!(result, Err(DeployError::TooLate { .. })),
        "{result:?}"
    );
    let heard = heard.lock().unwrap();
    let moving = |progress: &&Progress| matches!(progress, Progress::Chain { moving: true, .. });
    assert_eq!(heard.iter().filter(moving).count(), 1);
    assert!(!heard.iter().any(|progress| matches!(
        progress,
        Progress::Pods {
            rolled_out: true,
            ..
        }
    )));
}

/// R06: `aznet down` while `aznet up` waits.
#[tokio::test(start_paused = true)]
async fn r06_a_network_that_is_removed_meanwhile_ends_the_wait() {
    let starting = json!({"conditions": [{"type": "PodScheduled", "status": "True"}]});
    let client = api(move |_, path| match path.rsplit('/').next() {
        Some("aznet-small-abcde") => Some(json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "aznet-small-abcde", "deletionTimestamp": "2026-01-01T00:00:00Z"}})),
        _ => lists(path, &pod(&starting), 0),
    });
    let network = network(client).await;
    let (report, _) = listening();
    let patience = Duration::from_mins(5);
    let result = until_ready(&network, patience, &report, &CancellationToken::new()).await;
    assert!(
        matches!(result, Err(DeployError::Removed { .. })),
        "{result:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deadline_says_what_each_pod_waits_for() {
    let starting = json!({"conditions": [{"type": "PodScheduled", "status": "True"}]});
    let client = api(move |_, path| lists(path, &pod(&starting), 0));
    let network = network(client).await;
    let (report, _) = listening();
    let result = until_ready(
        &network,
        Duration::from_secs(30),
        &report,
        &CancellationToken::new(),
    )
    .await;
    let Err(DeployError::TooLate { wait, .. }) = result else {
        panic!("{result:?}")
    };
    assert_eq!(
        wait.to_string(),
        "timed out after 30s waiting for all pods of network small to be ready; \
         last seen: 0 of 1 pods ready; boot-node-0: container being created"
    );
}
