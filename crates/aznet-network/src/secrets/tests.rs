use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use kube::{Client, client::Body};
use serde_json::{Value, json};
use tower_test::mock;

use super::*;
use crate::namespace::NetworkInfo;

/// A network in whose namespace each look finds the next of these Secrets, and at last no more changes.
fn network(looks: Vec<Option<Value>>) -> Network {
    let (service, mut handle) = mock::pair::<http::Request<Body>, http::Response<Body>>();
    tokio::spawn(async move {
        let at = AtomicUsize::new(0);
        while let Some((request, send)) = handle.next_request().await {
            assert_eq!(request.uri().path(), "/api/v1/namespaces/team/secrets/mine");
            let look = at.fetch_add(1, Ordering::Relaxed).min(looks.len() - 1);
            let (code, answer) = looks[look].clone().map_or_else(
                || (404, json!({"status": "Failure", "code": 404, "reason": "NotFound", "message": "none"})),
                |secret| (200, secret),
            );
            let answer = Body::from(serde_json::to_vec(&answer).expect("JSON"));
            let answer = http::Response::builder().status(code).body(answer);
            send.send_response(answer.expect("a response"));
        }
    });
    let info = NetworkInfo {
        name: "small".into(),
        namespace: "team".into(),
        cluster: "embedded".into(),
        created: Some(Timestamp::UNIX_EPOCH),
        expires: None,
        created_by: None,
        values_from: None,
        port_base: None,
        good_revision: None,
        registry: None,
        leaving: false,
        keeps_namespace: true,
        by_helm: false,
    };
    Network::known(Client::new(service, "default"), info)
}

fn secret(data: &[(&str, &str)]) -> Value {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let data: BTreeMap<_, _> = data
        .iter()
        .map(|(key, text)| (*key, STANDARD.encode(text)))
        .collect();
    json!({"metadata": {"name": "mine"}, "data": data})
}

fn plan(key: &str, holds: &[&str]) -> SecretPlan {
    SecretPlan {
        name: "mine".to_owned(),
        key: key.to_owned(),
        holds: holds.iter().map(ToString::to_string).collect(),
        may_hold: Vec::new(),
    }
}

fn mnemonic() -> SecretPlan {
    plan("keys.existingSecret", &["mnemonic"])
}

/// B13: pods were restarted for a Secret that is not there.
#[tokio::test]
async fn a_secret_that_is_not_there_is_named_with_the_command_that_makes_it() {
    let found = check(&network(vec![None]), &[mnemonic()]).await.unwrap();
    let [unfit] = found.unfit.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(
        unfit.to_string(),
        "Secret mine of keys.existingSecret is not in namespace team"
    );
    assert_eq!(
        unfit.command().as_deref(),
        Some("kubectl create secret generic mine --namespace team --from-file=mnemonic=FILE")
    );
    let other = network(vec![Some(secret(&[("phrase", "test")]))]);
    let found = check(&other, &[mnemonic()]).await.unwrap();
    assert_eq!(
        words(&found.unfit),
        "Secret mine of keys.existingSecret in namespace team: lacks mnemonic"
    );
    let pulled = check(&network(vec![None]), &[plan("imagePullSecrets", &[])])
        .await
        .unwrap();
    assert!(
        pulled.unfit.is_empty(),
        "nodes may have credentials of their own"
    );
    assert_eq!(pulled.warnings.len(), 1);
}

/// C16: it took 45 s until the Secret was named.
#[tokio::test(start_paused = true)]
async fn c16_what_is_waited_for_is_said_at_once_and_once() {
    let network = network(vec![None, None, Some(secret(&[("mnemonic", "test")]))]);
    let told = AtomicUsize::new(0);
    let never = CancellationToken::new();
    let minute = Duration::from_mins(1);
    let wanted = [mnemonic()];
    let fit = until_fit(&network, &wanted, minute, &never, |_| {
        told.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(fit.await.unwrap(), Vec::<String>::new());
    assert_eq!(told.into_inner(), 1);
}

/// C17: boot node, prover and a validator were lost to a file that is no key store; a shared publisher went unnoticed.
#[tokio::test]
async fn c17_every_file_of_the_keystore_secret_is_looked_at() {
    let store = |attester: &str, publisher: &str| {
        json!({"schemaVersion": 1, "validators": [{"attester": attester, "publisher": publisher}]})
            .to_string()
    };
    let files = secret(&[
        ("validator-0.json", &store("0xa0", "0xb0")),
        ("validator-1.json", &store("0xa1", "0xb0")),
        ("validator-2.json", r#"[{"attester": "0xa2"}]"#),
        ("validator-3.json", &store("0xa0", "0xb3")),
        ("staker_output.json", "[]"),
    ]);
    let names = [0, 1, 2, 3].map(|pod| format!("validator-{pod}.json"));
    let names = names.each_ref().map(String::as_str);
    let plan = plan("keys.keystoreSecret", &names);
    let found = check(&network(vec![Some(files)]), &[plan]).await.unwrap();
    let [unfit] = found.unfit.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(unfit.faults.len(), 2, "{unfit}");
    assert!(unfit.faults[0].starts_with("validator-2.json is not a key store"));
    assert!(
        unfit.faults[1]
            .starts_with("validator-0.json and validator-3.json have an attester in common")
    );
    assert_eq!(found.warnings.len(), 1);
    assert!(found.warnings[0].starts_with("validator-0.json and validator-1.json of Secret mine"));
    let told = format!("{found:?}");
    assert!(!told.contains("0xb0"), "no key is told: {told}");
}
