use http_body_util::BodyExt;
use kube::{Client, client::Body};
use serde_json::{Value, json};
use tower_test::mock;

use super::*;

const ROOT: &str = "/api/v1/namespaces/aznet-small-abcde";

/// A Kubernetes API with one network; a call through the pod proxy is answered with its own header and port.
fn api(pod: Value, secret: Value) -> Client {
    let (service, mut handle) = mock::pair::<http::Request<Body>, http::Response<Body>>();
    tokio::spawn(async move {
        while let Some((request, send)) = handle.next_request().await {
            let (parts, body) = request.into_parts();
            let path = parts.uri.path().to_owned();
            let answer = match path.strip_prefix(ROOT) {
                None => {
                    json!({"kind": "NamespaceList", "apiVersion": "v1", "metadata": {}, "items": [
                    {"metadata": {"name": "aznet-small-abcde", "labels": {
                        "app.kubernetes.io/managed-by": "aznet", "aznet.dev/network": "small"}}}]})
                }
                Some("/pods/validator-0") => pod.clone(),
                Some("/secrets/admin-api") => secret.clone(),
                Some(other) => {
                    body.collect().await.unwrap();
                    let key = parts.headers.get("x-api-key");
                    let key = key.map(|key| key.to_str().unwrap().to_owned());
                    json!({"jsonrpc": "2.0", "id": 1, "result": {"path": other, "key": key}})
                }
            };
            let body = Body::from(serde_json::to_vec(&answer).unwrap());
            send.send_response(http::Response::new(body));
        }
    });
    Client::new(service, "default")
}

async fn network(pod: Value, secret: Value) -> Network {
    Network::find(
        api(pod, secret),
        "embedded",
        &crate::namespace::Scope::Cluster,
        Some("small"),
    )
    .await
    .expect("the network")
}

fn pod(environment: &Value) -> Value {
    json!({
        "metadata": {"name": "validator-0"},
        "spec": {"containers": [{
            "name": "validator",
            "ports": [{"name": "http", "containerPort": 8080}, {"name": "admin", "containerPort": 8890}],
            "env": environment,
        }]},
    })
}

fn keyed() -> Value {
    pod(&json!([{"name": "AZTEC_ADMIN_API_KEY_HASH",
        "valueFrom": {"secretKeyRef": {"name": "admin-api", "key": "apiKeyHash"}}}]))
}

fn secret(data: &Value) -> Value {
    json!({"metadata": {"name": "admin-api"}, "data": data})
}

#[tokio::test]
async fn a_call_carries_the_networks_key_to_the_pods_admin_port() {
    // Base64 of `s3cret`.
    let network = network(keyed(), secret(&json!({"apiKey": "czNjcmV0"}))).await;
    let rpc = rpc(&network, "validator-0").await.expect("found");
    let seen: Value = rpc
        .call("nodeAdmin_getConfig", json!([]))
        .await
        .expect("an answer");
    assert_eq!(seen["path"], "/pods/validator-0:8890/proxy/");
    assert_eq!(seen["key"], "s3cret");
    assert!(!format!("{rpc:?}").contains("s3cret"));
    let key = key(&network, "validator-0")
        .await
        .expect("found")
        .expect("a key");
    assert_eq!(key.reveal(), "s3cret");
    assert_eq!(format!("{key:?}"), "AdminKey(..)");
}

#[tokio::test]
async fn without_the_charts_secret_no_key_is_sent() {
    let network = network(pod(&json!([])), Value::Null).await;
    let rpc = rpc(&network, "validator-0").await.expect("found");
    let seen: Value = rpc
        .call("nodeAdmin_getConfig", json!([]))
        .await
        .expect("an answer");
    assert_eq!(seen["key"], Value::Null);
    assert!(key(&network, "validator-0").await.expect("found").is_none());
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let hash_only = network(keyed(), secret(&json!({"apiKeyHash": "YQ=="}))).await;
    let error = rpc(&hash_only, "validator-0").await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Secret admin-api has no usable key `apiKey`"),
        "{error}"
    );
    let wallet =
        json!({"metadata": {"name": "validator-0"}, "spec": {"containers": [{"name": "pxe"}]}});
    let wallet = network(wallet, Value::Null).await;
    let error = rpc(&wallet, "validator-0").await.unwrap_err();
    assert!(matches!(error, AdminError::NotANode { .. }), "{error}");
}
