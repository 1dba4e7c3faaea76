use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::{Client, client::Body};
use serde_json::json;
use tower_test::mock;

use super::*;
use crate::namespace::NetworkInfo;

const BEGUN: &str = "2026-01-01T00:00:10.7Z";

/// A network with the pod of a Job, made then, in this phase.
fn network(made: &str, phase: &str) -> Network {
    let pod = json!({
        "metadata": {"name": "validator-set-x", "creationTimestamp": made, "labels": {OF_JOBS: "validator-set"}},
        "status": {"phase": phase},
    });
    let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
    tokio::spawn(async move {
        while let Some((request, send)) = handle.next_request().await {
            let answer = if request.uri().path().ends_with("/log") {
                b"2026-01-01T00:00:12Z aznet-node: waiting for epoch 5 (0s): epoch 4, 20 s to go\n\
                  2026-01-01T00:00:13Z something else\n"
                    .to_vec()
            } else {
                let query = request.uri().query().unwrap_or_default();
                assert!(query.contains("job-name"), "{query}");
                serde_json::to_vec(&json!({"metadata": {}, "items": [pod]})).expect("JSON")
            };
            send.send_response(Response::new(Body::from(answer)));
        }
    });
    let info = NetworkInfo {
        name: "small".into(),
        namespace: "aznet-small-x".into(),
        cluster: "embedded".into(),
        created: None,
        expires: None,
        created_by: None,
        values_from: None,
        port_base: None,
        good_revision: None,
        registry: None,
        leaving: false,
        keeps_namespace: false,
        by_helm: false,
    };
    Network::known(Client::new(service, "default"), info)
}

async fn looked(made: &str, phase: &str) -> Option<(String, String)> {
    look(&network(made, phase), BEGUN.parse().expect("a time")).await
}

/// C4: `applying the chart` for 77 s, while the Job waited for an epoch.
#[tokio::test]
async fn c4_what_the_job_waits_for_is_told() {
    let (job, doing) = looked("2026-01-01T00:00:10Z", "Running")
        .await
        .expect("told");
    assert_eq!(job, "validator-set");
    assert!(doing.starts_with("waiting for epoch 5 ("), "{doing}");
    assert!(doing.ends_with("): epoch 4, 20 s to go"), "{doing}");
    let pending = looked("2026-01-01T00:00:11Z", "Pending").await;
    let pending = pending.map(|(_, doing)| doing);
    assert_eq!(pending.as_deref(), Some("its pod is not running yet"));
}

#[tokio::test]
async fn a_job_of_an_earlier_upgrade_is_not_told_of() {
    assert_eq!(looked("2026-01-01T00:00:09Z", "Running").await, None);
    assert_eq!(looked("2026-01-01T00:00:11Z", "Succeeded").await, None);
}

#[tokio::test(start_paused = true)]
async fn it_is_told_of_until_helm_has_ended() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let report: Reporter = {
        let heard = Arc::clone(&heard);
        Arc::new(move |progress| heard.lock().expect("no panic").push(progress))
    };
    let network = network("2026-01-01T00:00:11Z", "Pending");
    let begun = BEGUN.parse().expect("a time");
    let telling = tell(&network, begun, &report);
    let ended = tokio::time::timeout(2 * EVERY + EVERY / 2, telling).await;
    assert!(ended.is_err());
    assert_eq!(heard.lock().expect("no panic").len(), 3);
}
