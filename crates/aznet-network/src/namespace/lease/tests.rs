use std::sync::Arc;

use kube::client::Body;
use serde_json::{Value, json};
use tower_test::mock;

use super::*;

/// A Kubernetes API with one Lease and optimistic locking.
#[derive(Clone, Default)]
struct Server {
    lease: Arc<Mutex<Option<Value>>>,
    version: Arc<Mutex<u64>>,
}

impl Server {
    fn client(&self) -> Client {
        let (service, mut handle) = mock::pair::<http::Request<Body>, http::Response<Body>>();
        let this = self.clone();
        tokio::spawn(async move {
            while let Some((request, send)) = handle.next_request().await {
                let (head, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap_or_default();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                assert!(
                    head.uri
                        .path()
                        .starts_with("/apis/coordination.k8s.io/v1/namespaces/default/leases"),
                    "{}",
                    head.uri
                );
                let (code, answer) = this.answer(head.method.as_str(), body);
                let text = serde_json::to_vec(&answer).expect("JSON");
                let answer = http::Response::builder()
                    .status(code)
                    .body(Body::from(text));
                send.send_response(answer.expect("a response"));
            }
        });
        Client::new(service, "default")
    }

    fn answer(&self, method: &str, body: Value) -> (u16, Value) {
        let mut lease = self.lease.lock().expect("no panic");
        let version = |of: &Value| of["metadata"]["resourceVersion"].clone();
        let there = lease.as_ref().map(version);
        let is_there = |expected: &Value| there.as_ref() == Some(expected);
        match method {
            "POST" if lease.is_some() => refused(409),
            "PUT" if !is_there(&version(&body)) => refused(409),
            "DELETE" if !is_there(&body["preconditions"]["resourceVersion"]) => refused(409),
            "GET" => lease
                .clone()
                .map_or_else(|| refused(404), |lease| (200, lease)),
            "DELETE" => (200, lease.take().expect("just looked at")),
            _ => {
                let mut next = self.version.lock().expect("no panic");
                *next += 1;
                let mut made = body;
                made["metadata"]["resourceVersion"] = json!(next.to_string());
                *lease = Some(made.clone());
                (200, made)
            }
        }
    }

    fn holder(&self) -> Option<String> {
        let lease = self.lease.lock().expect("no panic").clone()?;
        lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
    }

    async fn take(&self, who: &str, within: u64) -> Result<Turn, TurnError> {
        let patience = Patience::Lasts(Duration::from_secs(within));
        self.take_by(who, patience).await
    }

    async fn take_by(&self, who: &str, patience: Patience) -> Result<Turn, TurnError> {
        let claim = Claim {
            network: "small",
            cluster: "embedded",
            scope: &Scope::Cluster,
            who,
        };
        let never = CancellationToken::new();
        Turn::take(self.client(), claim, patience, &never, |_| {}).await
    }
}

fn refused(code: u16) -> (u16, Value) {
    let reason = if code == 404 { "NotFound" } else { "Conflict" };
    (
        code,
        json!({"status": "Failure", "reason": reason, "message": reason, "code": code}),
    )
}

#[tokio::test(start_paused = true)]
async fn r04_the_second_waits_and_is_told_for_whom() {
    let server = Server::default();
    let first = server.take("ada@host", 1).await.expect("it is free");
    let error = server
        .take("bob@host", 60)
        .await
        .expect_err("ada renews it");
    assert_eq!(
        error.to_string(),
        "timed out after 1m 00s waiting for its turn at network small; last seen: ada@host is at it"
    );
    let (second, ()) = tokio::join!(server.take("bob@host", 60), first.give_back());
    let second = second.expect("it was given back");
    assert_eq!(server.holder().as_deref(), Some("bob@host"));
    second.give_back().await;
    assert_eq!(server.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn the_turn_of_one_that_was_killed_runs_out() {
    let server = Server::default();
    drop(server.take("ada@host", 1).await.expect("it is free"));
    let begun = Instant::now();
    let taken = server.take("bob@host", 60).await.expect("nobody renews it");
    assert!(begun.elapsed() >= LASTS, "{:?}", begun.elapsed());
    assert_eq!(server.holder().as_deref(), Some("bob@host"));
    drop(taken);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_waited_for_is_told_from_one_that_was_killed() {
    let server = Server::default();
    let first = server.take("ada@host", 1).await.expect("it is free");
    let begun = Instant::now();
    let error = server.take_by("bob@host", Patience::UntilSeenAlive).await;
    assert_eq!(
        error.expect_err("ada renews it").to_string(),
        "ada@host is at it: network small is changed by one at a time"
    );
    assert!(begun.elapsed() < LASTS, "{:?}", begun.elapsed());
    drop(first);
    let taken = server.take_by("bob@host", Patience::UntilSeenAlive).await;
    drop(taken.expect("nobody renews it any more"));
    assert_eq!(server.holder().as_deref(), Some("bob@host"));
}

#[tokio::test(start_paused = true)]
async fn one_that_lost_its_turn_takes_nothing_away() {
    let server = Server::default();
    let first = server.take("ada@host", 1).await.expect("it is free");
    let theirs = json!({"metadata": {"name": "aznet-small", "resourceVersion": "99"},
        "spec": {"holderIdentity": "bob@host"}});
    *server.lease.lock().expect("no panic") = Some(theirs);
    first.give_back().await;
    assert_eq!(server.holder().as_deref(), Some("bob@host"));
}
