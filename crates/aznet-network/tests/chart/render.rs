//! The rendered chart: golden files for each of `ci/`, what must hold for all of them, and what an upgrade touches.

use crate::common::{chart, helm, load, object, pod_template, render, try_render};
use crate::differential::rendered;
use aznet_model::config::NetworkConfig;
use aznet_model::plan::plan;
use aznet_model::values::Loaded;
use aznet_network::deploy::helm::Release;
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

fn ci_files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(chart().join("ci")).expect("ci/ can be read");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("ci/ can be read").path())
        .collect();
    files.sort();
    files
}

fn from(file: &PathBuf) -> Loaded {
    load(std::slice::from_ref(file), &[])
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

pub(crate) fn sets(sets: &[&str]) -> Loaded {
    load(&[], sets).expect("well-typed values")
}

#[tokio::test]
async fn each_feature_renders_as_before() {
    for file in ci_files() {
        let name = file.file_stem().expect("a file name").to_string_lossy();
        golden(&name, &from(&file)).await;
    }
}

/// Holds what the chart renders against the golden file of this name.
pub(crate) async fn golden(name: &str, loaded: &Loaded) {
    let chart = chart();
    let release = Release {
        name: "test",
        namespace: "aznet-test",
        chart: &chart,
        overlay: &loaded.overlay,
    };
    let text = helm()
        .render(&release, &CancellationToken::new())
        .await
        .expect("the chart renders");
    let filters = vec![
        (
            r"((?:accessKeyId|secretAccessKey|password|apiKey|apiKeyHash): )[A-Za-z0-9+/=]{20,}",
            "$1[RANDOM]",
        ),
        // Dashboards are files of their own.
        (
            r#"(  \w+\.json: \|-?\n)    \{\n      "uid"[^\n]*\n(?:    [^\n]*\n)+"#,
            "$1    [DASHBOARD]\n",
        ),
    ];
    insta::with_settings!({ filters => filters }, {
        insta::assert_snapshot!(name, text);
    });
}

#[tokio::test]
async fn lint_is_content_with_each_feature() {
    for file in ci_files() {
        let report = helm()
            .lint(&chart(), &from(&file).overlay, &CancellationToken::new())
            .await;
        report.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

#[tokio::test]
async fn every_render_keeps_the_rules() {
    for file in ci_files() {
        let loaded = from(&file);
        let objects = render(&loaded).await;
        for one in &objects {
            let name = format!(
                "{}: {} {}",
                file.display(),
                one["kind"],
                one["metadata"]["name"]
            );
            assert!(
                one["metadata"].get("namespace").is_none(),
                "{name}: the namespace is the installer's to choose"
            );
            let pod = (one["kind"] == "Pod").then_some(&one["spec"]);
            let made = || Some(&pod_template(one)?["spec"]);
            if let Some(spec) = pod.or_else(made) {
                // The only pod that asks the Kubernetes API.
                let asks = one["kind"] == "CronJob" && one["metadata"]["name"] == "soak";
                assert_eq!(spec["automountServiceAccountToken"], asks, "{name}");
                restricted(spec, &name);
                no_shell(spec, &name);
            }
        }
        let plan = plan(&loaded.values).expect("ci values work");
        let found = rendered::disagreements(&loaded.values, &plan, &objects);
        assert_eq!(found, Vec::<String>::new(), "{}", file.display());
    }
}

/// The restricted Pod Security standard, and what else a pod must not have.
fn restricted(spec: &Value, name: &str) {
    let security = &spec["securityContext"];
    assert_eq!(security["runAsNonRoot"], true, "{name}");
    assert_eq!(
        security["seccompProfile"]["type"], "RuntimeDefault",
        "{name}"
    );
    assert_eq!(spec["enableServiceLinks"], false, "{name}");
    for container in containers(spec) {
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false, "{name}");
        assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
        assert_eq!(security["capabilities"]["drop"][0], "ALL", "{name}");
        let environment = container["env"].to_string();
        assert!(
            !environment.contains("test test test"),
            "{name}: the mnemonic is in the environment"
        );
    }
}

fn no_shell(spec: &Value, name: &str) {
    for container in containers(spec) {
        let words = [&container["command"], &container["args"]]
            .map(ToString::to_string)
            .concat();
        assert!(
            !words.contains("\"-c\"") && !words.contains("/sh\""),
            "{name}: {words}"
        );
    }
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers"]
        .into_iter()
        .filter_map(|kind| spec[kind].as_array())
        .flatten()
}

/// `network.json` as the pods read it.
pub(crate) fn config(objects: &[Value]) -> NetworkConfig {
    rendered::config(objects).expect("aznet-node can read what the chart renders")
}

/// `(name, pod template)` of every workload.
pub(crate) fn templates(objects: &[Value]) -> Vec<(String, Value)> {
    let with_pods = objects
        .iter()
        .filter(|one| one["spec"].get("template").is_some());
    with_pods
        .map(|one| {
            (
                one["metadata"]["name"].to_string(),
                one["spec"]["template"].clone(),
            )
        })
        .collect()
}

#[tokio::test]
async fn adding_replicas_restarts_no_pod() {
    let before = templates(&render(&sets(&[])).await);
    let more = [
        "validator.replicas=9",
        "fullNode.replicas=3",
        "proverAgent.replicas=4",
        "pxe.replicas=2",
    ];
    assert_eq!(before, templates(&render(&sets(&more)).await));
    let changed = templates(&render(&sets(&["network.sentinel.enabled=false"])).await);
    assert!(
        before.iter().zip(&changed).any(|(old, new)| old != new),
        "a change of configuration must restart pods"
    );
}

#[tokio::test]
async fn only_wallets_restart_when_the_first_full_node_comes() {
    let without = templates(&render(&sets(&["fullNode.replicas=0"])).await);
    let with = templates(&render(&sets(&[])).await);
    let restarted: Vec<&str> = without
        .iter()
        .filter(|one| !with.contains(one))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(restarted, ["\"pxe\""]);
}

#[tokio::test]
async fn a_users_environment_has_the_last_word() {
    let objects = render(&sets(&[
        "validator.env.P2P_PORT=1234",
        "validator.env.OFF=false",
        "validator.env.AWS_ACCESS_KEY_ID=mine",
    ]))
    .await;
    let pod = &object(&objects, "StatefulSet", "validator")["spec"]["template"]["spec"];
    let environment = pod["containers"][0]["env"]
        .as_array()
        .expect("an environment");
    for (name, value) in [
        ("P2P_PORT", "1234"),
        ("AWS_ACCESS_KEY_ID", "mine"),
        ("OFF", "false"),
    ] {
        let entries: Vec<&Value> = environment
            .iter()
            .filter(|entry| entry["name"] == name)
            .collect();
        assert_eq!(entries.len(), 1, "{name}");
        assert_eq!(entries[0]["value"], value);
    }
}

#[tokio::test]
async fn a_plain_helm_install_is_guarded_too() {
    let (chart, cancel) = (chart(), CancellationToken::new());
    for (expression, part) in [
        (
            "network.committeeSize=5",
            "network.committeeSize is 5 with 4 validators",
        ),
        ("network.slotDuration=10", "multiple of l1.blockTime"),
        ("bootNode.replicas=0", "bootNode.replicas is 0"),
        ("bot.replicas=4", "at most 3"),
        ("l1.existingSecret=mine", "choose one L1"),
        (
            "l1.anvil.external=true",
            "l1.anvil.enabled and l1.anvil.external are both true",
        ),
        ("l1.traceUrls={http://traces}", "choose one L1"),
        (
            "images.aztec.image=azteclabs/aztec:6.0.0",
            "pxe.replicas is set with Aztec 6.0, for which there is no image of the wallet server",
        ),
        (
            "images.aztec.image=azteclabs/aztec:7.1.0",
            "its tag names no known release",
        ),
        ("network.slashing.roundSizeInEpochs=0", "multiple of 4"),
        ("proverAgent.replicas=0", "nobody would prove"),
        (
            "keys.publisherIndexStart=1003",
            "keys.publisherIndexStart (1003, 4 keys) overlaps",
        ),
        ("l1.anvil.enabled=false", "l1.executionUrls is empty"),
        ("validator.replicas=0", "a new network needs validators"),
        (
            "validatorGroups.slow.replicas=1,validatorGroups.slow.keyOffset=2",
            "validatorGroups.slow.keyOffset (1002, 1 keys) overlaps keys.attesterIndexStart",
        ),
        (
            "validator.p2p.exposure=LoadBalancer",
            "validator-0 has no p2p.announceIp",
        ),
        (
            "defaults.p2p.exposure=NodePort,defaults.p2p.nodePortBase=30400",
            "have the same p2p port 30400",
        ),
        (
            "validator.p2p.exposure=NodePort,validator.p2p.nodePortBase=32765",
            "validator-3 has the p2p port 32768",
        ),
    ] {
        let loaded = sets(&[expression]);
        let release = Release {
            name: "test",
            namespace: "aznet-test",
            chart: &chart,
            overlay: &loaded.overlay,
        };
        let error = helm()
            .render(&release, &cancel)
            .await
            .expect_err("refused")
            .to_string();
        assert!(error.contains(part), "{expression}: {error}");
        assert!(
            plan(&loaded.values).is_err(),
            "{expression}: the planner must refuse what the chart refuses"
        );
    }
}

#[tokio::test]
async fn the_schema_guards_a_plain_helm_install() {
    let (chart, cancel) = (chart(), CancellationToken::new());
    for values in [
        r#"{"validtor":{}}"#,
        r#"{"validator":{"replicas":"x"}}"#,
        r#"{"pxe":{"storage":{"siz":"1Gi"}}}"#,
    ] {
        let overlay = serde_json::from_str(values).expect("JSON");
        let release = Release {
            name: "test",
            namespace: "aznet-test",
            chart: &chart,
            overlay: &overlay,
        };
        let error = helm()
            .render(&release, &cancel)
            .await
            .expect_err("refused")
            .to_string();
        assert!(
            error.contains("values don't meet the specifications of the schema"),
            "{values}: {error}"
        );
    }
    let overlay =
        serde_json::from_str(r#"{"global":{"x":1},"validator":{"env":{"A":null},"probes":null}}"#)
            .expect("JSON");
    let release = Release {
        name: "test",
        namespace: "aznet-test",
        chart: &chart,
        overlay: &overlay,
    };
    let text = helm()
        .render(&release, &cancel)
        .await
        .expect("an umbrella chart's globals, and nulls, are let through");
    assert!(!text.contains("<nil>"), "a null was rendered");
}

#[tokio::test]
async fn a_thousand_validators_are_planned_and_rendered() {
    let loaded = sets(&["validator.replicas=1000", "network.committeeSize=48"]);
    let plan = plan(&loaded.values).expect("these values work");
    assert_eq!(plan.committee.validators, 1000);
    serde_json::to_string(&plan).expect("a plan is serialisable");
    let rendered = render(&loaded).await;
    let validators = rendered
        .iter()
        .find(|object| object["kind"] == "StatefulSet" && object["metadata"]["name"] == "validator")
        .expect("the validators are in the render");
    assert_eq!(validators["spec"]["replicas"], 1000);
}

#[tokio::test]
async fn one_switch_decides_about_proofs() {
    for (said, real) in [
        (vec![], false),
        (vec!["network.realProofs=true"], true),
        (vec!["validator.fakeProofs=false"], true),
        (
            vec!["network.realProofs=true", "pxe.fakeProofs=true"],
            false,
        ),
    ] {
        let objects = render(&sets(&said)).await;
        assert_eq!(config(&objects).real_proofs, real, "{said:?}");
    }
    let loaded = sets(&["pxe.fakeProofs=true", "bootNode.fakeProofs=false"]);
    let error = refused(&loaded).await;
    assert!(
        error.contains("fakeProofs differs between roles"),
        "{error}"
    );
}

/// What a plain `helm install` says to values that it refuses.
async fn refused(loaded: &Loaded) -> String {
    try_render(loaded).await.expect_err("refused").to_string()
}

#[tokio::test]
async fn an_l1_secret_is_mounted_where_the_l1_is_read_and_nowhere_else() {
    let file = chart().join("ci/06-no-boot-node-values.yaml");
    let objects = render(&from(&file)).await;
    let config = config(&objects);
    assert_eq!(config.l1.execution_urls, Vec::<String>::new());
    assert_eq!(config.endpoints.boot_node, None);
    for (kind, name, mounted) in [
        ("StatefulSet", "prover-node", true),
        ("StatefulSet", "prover-broker", true),
        ("Deployment", "prover-agent", false),
    ] {
        let pod = &object(&objects, kind, name)["spec"]["template"]["spec"];
        let volumes = pod["volumes"].as_array().expect("volumes");
        let secret = volumes
            .iter()
            .find(|volume| volume["secret"]["secretName"] == "my-l1");
        assert_eq!(secret.is_some(), mounted, "{name}");
        let mounts = pod["containers"][0]["volumeMounts"].to_string();
        assert_eq!(mounts.contains("/aznet/l1"), mounted, "{name}");
    }
}

#[tokio::test]
async fn each_pxe_has_a_service_and_each_bot_its_orders() {
    let objects = render(&from(&chart().join("ci/07-bots-values.yaml"))).await;
    let service = object(&objects, "Service", "pxe-0");
    assert_eq!(service["spec"]["type"], "LoadBalancer");
    assert_eq!(service["spec"]["ports"][0]["port"], 80);
    assert_eq!(
        service["spec"]["selector"]["statefulset.kubernetes.io/pod-name"],
        "pxe-0"
    );
    let variables = |name: &str| {
        let pod = &object(&objects, "StatefulSet", name)["spec"]["template"]["spec"];
        let list = pod["containers"][0]["env"].as_array().expect("variables");
        list.iter()
            .filter_map(|one| {
                Some((
                    one["name"].as_str()?.to_owned(),
                    one["value"].as_str()?.to_owned(),
                ))
            })
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    let bot = variables("bot");
    assert_eq!(bot["BOT_TX_INTERVAL_SECONDS"], "30");
    assert_eq!(bot["BOT_FOLLOW_CHAIN"], "CHECKPOINTED");
    assert!(
        !bot.contains_key("BOT_ACCOUNT_SALT"),
        "nothing said: Aztec's own"
    );
    let validator = variables("validator");
    assert_eq!(validator["SEQ_MAX_TX_PER_BLOCK"], "32");
    assert_eq!(validator["SEQ_BUILD_CHECKPOINT_IF_EMPTY"], "false");
    assert!(!validator.contains_key("SEQ_MAX_TX_PER_CHECKPOINT"));
}

#[tokio::test]
async fn the_startup_probe_outlasts_a_deployment_that_is_paid_for() {
    let probe_seconds = |objects: &[Value]| {
        let pod = &object(objects, "StatefulSet", "boot-node")["spec"]["template"]["spec"];
        let node = pod["containers"][0].clone();
        let probe = &node["startupProbe"];
        let seconds = probe["periodSeconds"]
            .as_u64()
            .zip(probe["failureThreshold"].as_u64());
        (seconds.map(|(period, count)| period * count), node)
    };
    let (usual, node) = probe_seconds(&render(&sets(&[])).await);
    assert!(!node["env"].to_string().contains("AZNET_DEPLOY_DEADLINE"));
    let paid = from(&chart().join("ci/01-external-l1-values.yaml"));
    let (patient, node) = probe_seconds(&render(&paid).await);
    let env = node["env"].as_array().expect("variables");
    let deadline = env
        .iter()
        .find(|one| one["name"] == "AZNET_DEPLOY_DEADLINE");
    let deadline = deadline.and_then(|one| one["value"].as_str()?.strip_suffix('s'));
    let deadline: u64 = deadline.expect("a deadline").parse().expect("seconds");
    let (usual, patient) = (usual.expect("a probe"), patient.expect("a probe"));
    assert!(patient >= usual + deadline, "{patient} s for {deadline} s");
}

#[tokio::test]
async fn volumes_of_real_networks_outlive_their_release() {
    let policy = |objects: &[Value], name: &str| {
        let spec = &object(objects, "StatefulSet", name)["spec"];
        let policy = &spec["persistentVolumeClaimRetentionPolicy"];
        let text = |key: &str| policy[key].as_str().unwrap_or_default().to_owned();
        [text("whenDeleted"), text("whenScaled")]
    };
    let kept = |objects: &[Value], name: &str| {
        let claim = object(objects, "PersistentVolumeClaim", name);
        claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    };
    let telemetry = "telemetry.enabled=true";
    let test = render(&sets(&[telemetry])).await;
    for name in ["validator", "blob-store"] {
        assert_eq!(policy(&test, name), ["Delete", "Retain"], "{name}");
    }
    assert!(!kept(&test, "anvil") && !kept(&test, "prometheus"));
    let real = render(&sets(&[telemetry, "network.testAccounts=false"])).await;
    for name in ["validator", "blob-store"] {
        assert_eq!(policy(&real, name), ["Retain", "Retain"], "{name}");
    }
    assert!(kept(&real, "anvil") && kept(&real, "prometheus"));
    let chosen = render(&sets(&[
        "network.testAccounts=false",
        "defaults.storage.retentionPolicy.whenDeleted=Delete",
        "l1.anvil.storage.retentionPolicy.whenDeleted=Retain",
        "pxe.storage.retentionPolicy.whenScaled=Delete",
    ]))
    .await;
    assert_eq!(policy(&chosen, "validator"), ["Delete", "Retain"]);
    assert_eq!(policy(&chosen, "pxe"), ["Delete", "Delete"]);
    assert!(kept(&chosen, "anvil"));
}

/// Data that goes with its pod has a room of the volume's size in memory, and on disk what there is.
#[tokio::test]
async fn data_without_a_volume_is_where_its_medium_says() {
    let data = |objects: &[Value], name: &str| {
        let pod = &object(objects, "StatefulSet", name)["spec"]["template"]["spec"];
        let volumes = pod["volumes"].as_array().expect("volumes");
        let data = volumes.iter().find(|one| one["name"] == "data");
        data.map(|data| data["emptyDir"].clone())
    };
    let chosen = render(&sets(&[
        "fullNode.storage.enabled=false",
        "fullNode.storage.medium=Memory",
        "fullNode.storage.size=64Mi",
        "bootNode.storage.enabled=false",
        "validator.storage.medium=Memory",
    ]))
    .await;
    let memory = json!({"medium": "Memory", "sizeLimit": "64Mi"});
    assert_eq!(data(&chosen, "full-node"), Some(memory));
    assert_eq!(data(&chosen, "boot-node"), Some(json!({})));
    assert_eq!(data(&chosen, "validator"), None, "it has a volume");
}
