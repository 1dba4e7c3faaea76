use std::sync::Arc;

use kube::{Client, client::Body};
use serde_json::{Value, json};
use tower_test::mock;

use super::*;

/// A Kubernetes API with a namespace that is leaving and a ConfigMap in it that a finalizer holds.
fn held_by_a_finalizer() -> Client {
    let (service, mut handle) = mock::pair::<http::Request<Body>, http::Response<Body>>();
    tokio::spawn(async move {
        while let Some((request, send)) = handle.next_request().await {
            let answer = serde_json::to_vec(&answer(request.uri().path())).unwrap();
            send.send_response(http::Response::new(Body::from(answer)));
        }
    });
    Client::new(service, "default")
}

fn answer(path: &str) -> Value {
    let list = |items: Value| json!({"metadata": {}, "items": items});
    let leaving = "2026-01-01T00:00:00Z";
    let namespace = json!({
        "metadata": {
            "name": "aznet-small-abcde", "deletionTimestamp": leaving,
            "labels": {"app.kubernetes.io/managed-by": "aznet", "aznet.dev/network": "small"},
        },
        "status": {"conditions": [
            {"type": "NamespaceContentRemaining", "status": "True", "message": "configmaps. has 1 resource instances"},
            {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "example.com/hold in 1 resource instances"},
        ]},
    });
    match path {
        "/api/v1/namespaces" => list(json!([namespace])),
        "/api/v1/namespaces/aznet-small-abcde" => namespace,
        "/api" => json!({"versions": ["v1"], "serverAddressByClientCIDRs": []}),
        "/apis" => json!({"groups": []}),
        "/api/v1" => json!({"groupVersion": "v1", "resources": [{
            "name": "configmaps", "singularName": "configmap", "kind": "ConfigMap",
            "namespaced": true, "verbs": ["list", "get"]}]}),
        path if path.ends_with("/configmaps") => list(json!([
            {"metadata": {"name": "kube-root-ca.crt"}},
            {"metadata": {"name": "mine", "deletionTimestamp": leaving, "finalizers": ["example.com/hold"]}},
        ])),
        _ => list(json!([])),
    }
}

/// C09: neither the object nor the finalizer was named.
#[tokio::test(start_paused = true)]
async fn c09_what_a_finalizer_holds_is_named() {
    let client = held_by_a_finalizer();
    let network = Network::find(
        client,
        "embedded",
        &crate::namespace::Scope::Cluster,
        Some("aznet-small-abcde"),
    )
    .await
    .unwrap();
    let quiet: Reporter = Arc::new(|_| {});
    let cancel = CancellationToken::new();
    let error = down(&network, Duration::from_secs(5), &quiet, &cancel)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "namespace aznet-small-abcde can't be removed: configmaps/mine has the finalizer example.com/hold"
    );
    let DownError::Held { wait, .. } = error else {
        panic!("{error}");
    };
    assert!(
        wait.to_string()
            .ends_with("last seen: example.com/hold in 1 resource instances"),
        "{wait}"
    );
}

#[test]
fn many_pods_have_longer_and_are_looked_at_less_often() {
    let usual = Duration::from_mins(2);
    assert_eq!(
        for_so_many(10, usual),
        Deadline::after(usual + FOR_EACH * 10).every(LOOK_EVERY)
    );
    let many = for_so_many(1_000, usual);
    assert_eq!(many.after, usual + Duration::from_secs(250));
    assert_eq!(many.every, LOOK_EVERY * 5);
}
