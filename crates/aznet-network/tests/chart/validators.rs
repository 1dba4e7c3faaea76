//! Validators in the chart: where their keys are, and the Job that takes them out of the set before their pods go.

use crate::apiserver::ApiServer;
use crate::common::{chart, load, object, render};
use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_model::plan::plan;
use aznet_network::deploy::helm::Release;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const SIGNED: [&str; 9] = [
    "validator.replicas=2",
    "network.committeeSize=2",
    "keys.remoteSigner.url=http://web3signer:9000",
    "keys.remoteSigner.pods.validator-0.attesters={0x1000000000000000000000000000000000000001}",
    "keys.remoteSigner.pods.validator-0.publishers={0x2000000000000000000000000000000000000001}",
    "keys.remoteSigner.pods.validator-1.attesters={0x1000000000000000000000000000000000000002}",
    "keys.remoteSigner.pods.validator-1.publishers={0x2000000000000000000000000000000000000002}",
    "pxe.replicas=0",
    "fullNode.replicas=0",
];

async fn pod(sets: &[&str], workload: &str) -> Value {
    let objects = render(&load(&[], sets).expect("well-typed values")).await;
    object(&objects, "StatefulSet", workload)["spec"]["template"]["spec"].clone()
}

/// Names of what a container mounts.
fn mounts(container: &Value) -> Vec<&str> {
    let mounts = container["volumeMounts"].as_array().expect("mounts");
    mounts
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect()
}

fn named<'a>(containers: &'a Value, name: &str) -> &'a Value {
    let all = containers.as_array().expect("containers");
    let found = all.iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no container {name} in {containers}"))
}

#[tokio::test]
async fn only_the_container_beside_sees_the_keystore_secret() {
    let sets = ["keys.keystoreSecret=mine"];
    for workload in ["validator", "prover-node", "boot-node"] {
        let pod = pod(&sets, workload).await;
        let main = &pod["containers"][0];
        assert!(!mounts(main).contains(&"keystores"), "{workload}: {main}");
        assert!(mounts(main).contains(&"keystore"), "{workload}: {main}");
        let beside = named(&pod["initContainers"], "keystore");
        assert!(mounts(beside).contains(&"keystores"), "{workload}");
        let volumes = pod["volumes"].as_array().expect("volumes");
        let secret = volumes.iter().find(|one| one["name"] == "keystores");
        assert_eq!(secret.expect("the Secret")["secret"]["defaultMode"], 0o440);
        let handed = volumes.iter().find(|one| one["name"] == "keystore");
        assert_eq!(handed.expect("memory")["emptyDir"]["medium"], "Memory");
        let runs_on = beside["restartPolicy"] == "Always";
        assert_eq!(runs_on, workload != "boot-node", "{workload}");
    }
    let validator = pod(&sets, "validator").await;
    assert!(
        !mounts(&validator["containers"][0]).contains(&"keys"),
        "no mnemonic beside a key store"
    );
    let words = named(&validator["initContainers"], "keystore")["args"].to_string();
    assert!(words.contains("http://127.0.0.1:8880"), "{words}");
}

#[tokio::test]
async fn with_a_remote_signer_no_validator_holds_a_key() {
    let validator = pod(&SIGNED, "validator").await.to_string();
    assert!(!validator.contains("secretName"), "{validator}");
    assert!(!validator.contains("/aznet/secrets"), "{validator}");
    let prover = pod(&SIGNED, "prover-node").await;
    assert!(
        mounts(&prover["containers"][0]).contains(&"keys"),
        "the signer doesn't know the prover"
    );
}

#[tokio::test]
async fn naming_another_pods_accounts_restarts_nobody() {
    let before = pod_template(&SIGNED).await;
    let mut more = SIGNED.to_vec();
    more.push(
        "keys.remoteSigner.pods.validator-2.attesters={0x1000000000000000000000000000000000000003}",
    );
    assert_eq!(before, pod_template(&more).await);
    more.push("keys.remoteSigner.url=http://other:9000");
    assert_ne!(before, pod_template(&more).await);
}

async fn pod_template(sets: &[&str]) -> Value {
    let objects = render(&load(&[], sets).expect("well-typed values")).await;
    object(&objects, "StatefulSet", "validator")["spec"]["template"].clone()
}

#[test]
fn keys_in_two_hands_or_in_none_are_refused() {
    let refused = |change: &[&str]| {
        let sets = [SIGNED.as_slice(), change].concat();
        let values = load(&[], &sets).expect("well-typed values").values;
        let problems = plan(&values).expect_err("refused");
        let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
        words.join("\n")
    };
    let both = refused(&["keys.keystoreSecret=mine"]);
    assert!(both.contains("keys.keystoreSecret"), "{both}");
    let missing = refused(&["validator.replicas=3"]);
    assert!(
        missing.contains("keys.remoteSigner.pods.validator-2"),
        "{missing}"
    );
    let twice = refused(&[
        "keys.remoteSigner.pods.validator-1.attesters={0x1000000000000000000000000000000000000001}",
    ]);
    assert!(twice.contains("one key in two hands"), "{twice}");
}

/// Without a kubelet no Job ends by itself: the test plays its part.
#[tokio::test]
async fn fewer_validators_wait_for_the_job_that_takes_them_out_of_the_set() {
    let server = ApiServer::start().await;
    server.namespace("retire").await;
    let upgrade = |sets: &'static [&'static str], install: bool| {
        let (helm, chart) = (server.helm(), chart());
        async move {
            let loaded = load(&[], sets).expect("well-typed values");
            let release = Release {
                name: "small",
                namespace: "retire",
                chart: &chart,
                overlay: &loaded.overlay,
            };
            let cancel = CancellationToken::new();
            if install {
                helm.install(&release, &cancel).await
            } else {
                helm.upgrade(&release, &cancel).await
            }
        }
    };
    upgrade(&["validator.replicas=6"], true)
        .await
        .expect("it installs");
    let fewer = tokio::spawn(upgrade(&["validator.replicas=4"], false));
    let job = job(&server.client).await;
    let spec = &job.spec.as_ref().expect("a spec").template.spec;
    let container = &spec.as_ref().expect("a pod").containers[0];
    assert_eq!(
        container.args.as_deref(),
        Some(
            [
                "--pod=validator-4".to_owned(),
                "--pod=validator-5".to_owned()
            ]
            .as_slice()
        )
    );
    assert_eq!(
        replicas(&server.client).await,
        6,
        "pods stay until the Job is done"
    );
    complete(&server.client).await;
    fewer.await.expect("runs").expect("it upgrades");
    assert_eq!(replicas(&server.client).await, 4);
    upgrade(&["validator.replicas=5"], false)
        .await
        .expect("more need no Job");
    upgrade(
        &["validator.replicas=4", "validatorSet.retire=false"],
        false,
    )
    .await
    .expect("nor do fewer where the set is left alone");
}

async fn job(client: &Client) -> Job {
    let jobs: Api<Job> = Api::namespaced(client.clone(), "retire");
    let deadline = Deadline::after(Duration::from_mins(1)).every(Duration::from_millis(200));
    let look = |_| async {
        Ok::<_, WaitError>(match jobs.get_opt("validator-set").await {
            Ok(Some(job)) => Look::Done(job),
            Ok(None) => Look::Pending("no Job".to_owned()),
            Err(error) => Look::Pending(error.to_string()),
        })
    };
    wait::until("the Job", deadline, &CancellationToken::new(), look)
        .await
        .expect("Helm makes it")
}

async fn complete(client: &Client) {
    let jobs: Api<Job> = Api::namespaced(client.clone(), "retire");
    let now = "2026-01-01T00:00:00Z";
    let condition = |kind| json!({"type": kind, "status": "True", "lastTransitionTime": now});
    let status = json!({"status": {
        "startTime": now, "completionTime": now, "succeeded": 1, "active": 0, "ready": 0,
        "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
    }});
    jobs.patch_status(
        "validator-set",
        &PatchParams::default(),
        &Patch::Merge(&status),
    )
    .await
    .expect("the Job is complete");
}

async fn replicas(client: &Client) -> i32 {
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), "retire");
    let set = sets.get("validator").await.expect("the validators");
    set.spec.and_then(|spec| spec.replicas).unwrap_or_default()
}
