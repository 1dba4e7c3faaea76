use std::sync::{Arc, Mutex};
use std::time::Duration;

use kube::client::Body;
use serde_json::{Value, json};
use tower_test::mock;

use super::*;

fn namespace(name: &str, network: &str, created: &str) -> Value {
    json!({"metadata": {
        "name": name, "creationTimestamp": created,
        "labels": {MANAGED_BY: MANAGER, NETWORK: network},
        "annotations": {EXPIRES_AT: "2026-01-01T02:00:00Z", CREATED_BY: "ada@host"},
    }})
}

/// A client that answers its requests in order: (method, answer).
fn api(answers: Vec<(&'static str, Value)>) -> Client {
    recorded(answers).0
}

/// The same with the paths that were asked for.
fn recorded(answers: Vec<(&'static str, Value)>) -> (Client, Arc<Mutex<Vec<String>>>) {
    let (service, mut handle) = mock::pair::<http::Request<Body>, http::Response<Body>>();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let paths = Arc::clone(&seen);
    tokio::spawn(async move {
        for (method, answer) in answers {
            let (request, send) = handle.next_request().await.expect("a request");
            assert_eq!(request.method().as_str(), method, "{}", request.uri());
            paths.lock().unwrap().push(request.uri().path().to_owned());
            send.send_response(http::Response::new(Body::from(
                serde_json::to_vec(&answer).unwrap(),
            )));
        }
    });
    (Client::new(service, "default"), seen)
}

fn list_of(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "NamespaceList", "metadata": {}, "items": items})
}

fn small() -> NewNetwork {
    NewNetwork {
        name: "small".into(),
        cluster: "embedded".into(),
        scope: Scope::Cluster,
        ttl: Some(Duration::from_hours(2)),
        created_by: "ada@host".into(),
        values_from: "small".into(),
    }
}

#[tokio::test]
async fn a_taken_name_is_refused_with_its_owner() {
    let taken = namespace("aznet-small-aaaaa", "small", "2026-01-01T00:00:00Z");
    let client = api(vec![("GET", list_of(&[taken]))]);
    let error = Network::create(client, &small(), Timestamp::UNIX_EPOCH)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "a network `small` runs on cluster embedded already (namespace aznet-small-aaaaa, made by ada@host); \
         choose another --name, remove it with `aznet down small`, or make it yours with --take-over"
    );
}

/// A namespace that people already have.
fn team(labels: &Value) -> Value {
    json!({"metadata": {"name": "team", "labels": labels}})
}

fn in_team() -> NewNetwork {
    NewNetwork {
        scope: Scope::Namespace("team".into()),
        ..small()
    }
}

/// N06: networks were listed over the whole cluster, which a Role does not allow.
#[tokio::test]
async fn in_a_namespace_given_nothing_is_listed_over_the_cluster() {
    let labels = json!({MANAGED_BY: "terraform", NETWORK: "small"});
    let mut marked = team(&labels);
    marked["metadata"]["annotations"] = json!({KEEP_NAMESPACE: "true"});
    let (client, seen) = recorded(vec![
        ("GET", team(&json!({}))),
        ("PATCH", marked.clone()),
        ("GET", marked),
    ]);
    let made = Network::create(client.clone(), &in_team(), Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    assert!(made.info().keeps_namespace);
    let listed = Network::list(&client, "embedded", &in_team().scope).await;
    assert_eq!(listed.unwrap(), [made.info().clone()]);
    let seen = seen.lock().unwrap().clone();
    assert!(
        seen.iter().all(|path| path == "/api/v1/namespaces/team"),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_namespace_given_holds_one_network() {
    let other = team(&json!({NETWORK: "tiny"}));
    let error = Network::create(api(vec![("GET", other)]), &in_team(), Timestamp::UNIX_EPOCH)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "namespace team on cluster embedded has the network `tiny` already, and a namespace holds one; \
         `aznet up --name tiny` changes that one"
    );
}

#[test]
fn whose_a_namespace_was_stays_written_on_it() {
    let patch = in_team().patch(Timestamp::UNIX_EPOCH);
    assert_eq!(patch["metadata"]["labels"], json!({NETWORK: "small"}));
    let mut after = patch.clone();
    let taken_back = create::unmark();
    for part in ["labels", "annotations"] {
        for (key, value) in taken_back["metadata"][part].as_object().unwrap() {
            assert!(value.is_null());
            after["metadata"][part].as_object_mut().unwrap().remove(key);
        }
        assert_eq!(after["metadata"][part], json!({}), "nothing of it is left");
    }
}

#[tokio::test]
async fn without_a_name_there_must_be_exactly_one() {
    let a = namespace("aznet-a-aaaaa", "a", "2026-01-01T00:00:00Z");
    let b = namespace("aznet-b-bbbbb", "b", "2026-01-01T00:00:00Z");
    let only = Network::find(
        api(vec![("GET", list_of(std::slice::from_ref(&a)))]),
        "embedded",
        &Scope::Cluster,
        None,
    )
    .await
    .unwrap();
    assert_eq!(only.name(), "a");
    let error = Network::find(
        api(vec![("GET", list_of(&[a, b]))]),
        "embedded",
        &Scope::Cluster,
        None,
    )
    .await
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "which network on cluster embedded? running: a, b"
    );
    let error = Network::find(
        api(vec![("GET", list_of(&[]))]),
        "embedded",
        &Scope::Cluster,
        Some("x"),
    )
    .await
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "no network `x` on cluster embedded; none runs there"
    );
}

#[test]
fn a_network_expires_at_its_time() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let made = small().namespace(now);
    assert_eq!(made.annotations()[EXPIRES_AT], "2026-01-01T02:00:00Z");
    let info = NetworkInfo::read(&made, "embedded").unwrap();
    assert!(!info.expired(now));
    assert!(info.expired("2026-01-01T02:00:00Z".parse().unwrap()));
}

#[test]
fn names_must_be_dns_labels() {
    for good in ["a", "small", "net-2", &"x".repeat(51)] {
        assert!(check_name(good).is_ok(), "{good}");
    }
    for bad in ["", "Small", "a_b", "-a", "a-", "ü", &"x".repeat(52)] {
        assert!(check_name(bad).is_err(), "{bad}");
    }
}
