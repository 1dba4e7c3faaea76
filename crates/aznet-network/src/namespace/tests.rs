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
    let (service, mut handle) = mock::pair::<http::Request<Body>, http::Response<Body>>();
    tokio::spawn(async move {
        for (method, answer) in answers {
            let (request, send) = handle.next_request().await.expect("a request");
            assert_eq!(request.method().as_str(), method, "{}", request.uri());
            send.send_response(http::Response::new(Body::from(
                serde_json::to_vec(&answer).unwrap(),
            )));
        }
    });
    Client::new(service, "default")
}

fn list_of(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "NamespaceList", "metadata": {}, "items": items})
}

fn small() -> NewNetwork {
    NewNetwork {
        name: "small".into(),
        cluster: "embedded".into(),
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

#[tokio::test]
async fn of_two_made_at_once_the_younger_gives_way() {
    let elder = namespace("aznet-small-bbbbb", "small", "2026-01-01T00:00:00Z");
    let mine = namespace("aznet-small-ccccc", "small", "2026-01-01T00:00:01Z");
    let client = api(vec![
        ("GET", list_of(&[])),
        ("POST", mine.clone()),
        ("GET", list_of(&[elder, mine.clone()])),
        ("DELETE", mine),
    ]);
    let error = Network::create(client, &small(), Timestamp::UNIX_EPOCH)
        .await
        .unwrap_err();
    assert!(
        matches!(error, NamespaceError::NameTaken { namespace, .. } if namespace == "aznet-small-bbbbb")
    );
}

#[tokio::test]
async fn without_a_name_there_must_be_exactly_one() {
    let a = namespace("aznet-a-aaaaa", "a", "2026-01-01T00:00:00Z");
    let b = namespace("aznet-b-bbbbb", "b", "2026-01-01T00:00:00Z");
    let only = Network::find(
        api(vec![("GET", list_of(std::slice::from_ref(&a)))]),
        "embedded",
        None,
    )
    .await
    .unwrap();
    assert_eq!(only.name(), "a");
    let error = Network::find(api(vec![("GET", list_of(&[a, b]))]), "embedded", None)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "which network on cluster embedded? running: a, b"
    );
    let error = Network::find(api(vec![("GET", list_of(&[]))]), "embedded", Some("x"))
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
    let made = namespace_of(&small(), now);
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
