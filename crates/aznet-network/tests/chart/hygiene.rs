//! What scanners of manifests look for, in every object of every feature.

use crate::common::{chart, load, pod_template, render};
use serde_json::Value;

/// Words in the name of a variable whose value must come from a Secret.
const SECRET_WORDS: [&str; 5] = ["SECRET", "PASSWORD", "MNEMONIC", "PRIVATE_KEY", "API_KEY"];
/// Named like that, but the path of a file, or a switch.
const NO_SECRETS: [&str; 2] = ["PEER_ID_PRIVATE_KEY_PATH", "AZTEC_DISABLE_ADMIN_API_KEY"];

/// `(file, object)` of every feature.
async fn everything() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(chart().join("ci")).expect("ci/ can be read") {
        let path = entry.expect("ci/ can be read").path();
        let loaded = load(std::slice::from_ref(&path), &[]).expect("ci values load");
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let objects = render(&loaded).await.into_iter();
        all.extend(objects.map(|object| (name.clone(), object)));
    }
    all
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers"]
        .into_iter()
        .filter_map(|kind| spec[kind].as_array())
        .flatten()
}

/// A corrected upgrade reaches pods that never got ready: with OrderedReady, a StatefulSet waits for them instead.
#[tokio::test]
async fn an_upgrade_replaces_pods_that_are_stuck() {
    for (file, object) in everything().await {
        let name = format!("{file}: {} {}", object["kind"], object["metadata"]["name"]);
        let spec = &object["spec"];
        if object["kind"] == "StatefulSet" {
            assert_eq!(spec["podManagementPolicy"], "Parallel", "{name}");
            let strategy = spec["updateStrategy"]["type"].as_str();
            assert!(matches!(strategy, None | Some("RollingUpdate")), "{name}");
        }
    }
}

#[tokio::test]
async fn pods_ask_for_what_they_need_and_no_more() {
    for (file, object) in everything().await {
        let Some(spec) = pod_template(&object).map(|template| &template["spec"]) else {
            continue;
        };
        let name = format!("{file}: {} {}", object["kind"], object["metadata"]["name"]);
        for key in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] {
            assert!(spec.get(key).is_none(), "{name}: {key}");
        }
        for volume in spec["volumes"].as_array().into_iter().flatten() {
            assert!(volume.get("hostPath").is_none(), "{name}: {volume}");
            if let Some(secret) = volume.get("secret") {
                assert_eq!(
                    secret["defaultMode"], 0o440,
                    "{name}: others could read {volume}"
                );
            }
        }
        for container in containers(spec) {
            let resources = &container["resources"];
            for wanted in ["/requests/cpu", "/requests/memory", "/limits/memory"] {
                let found = resources.pointer(wanted).is_some();
                assert!(found, "{name}, {}: no {wanted}", container["name"]);
            }
            for port in container["ports"].as_array().into_iter().flatten() {
                let number = port["containerPort"].as_u64().expect("a port is a number");
                assert!(number >= 1024, "{name}: port {number} is privileged");
            }
            credentials_by_reference(container, &name);
        }
    }
}

fn credentials_by_reference(container: &Value, name: &str) {
    for variable in container["env"].as_array().into_iter().flatten() {
        let key = variable["name"].as_str().expect("a variable has a name");
        let secret = SECRET_WORDS.iter().any(|word| key.contains(word));
        // A file's name is no secret; what is in it comes from a volume.
        if secret && !NO_SECRETS.contains(&key) && !key.ends_with("_FILE") {
            let reference = variable.pointer("/valueFrom/secretKeyRef/name");
            assert!(reference.is_some(), "{name}: {key} is not from a Secret");
        }
    }
}

/// A pod that the Kubernetes API lets in looks on: it reads no Secret, opens no shell and changes no object.
#[tokio::test]
async fn roles_show_no_secret_and_change_nothing() {
    let mut rules = 0;
    for (file, object) in everything().await {
        let kind = object["kind"].as_str().unwrap_or_default();
        assert!(!kind.starts_with("Cluster"), "{file}: {kind}");
        if kind != "Role" {
            continue;
        }
        for rule in object["rules"].as_array().expect("rules") {
            let words = |key: &str| -> Vec<&str> {
                let list = rule[key].as_array().into_iter().flatten();
                list.filter_map(Value::as_str).collect()
            };
            let resources = words("resources");
            for forbidden in ["secrets", "pods/exec", "pods/portforward", "*"] {
                assert!(!resources.contains(&forbidden), "{file}: {rule}");
            }
            let calls_ports = resources == ["pods/proxy"];
            for verb in words("verbs") {
                let looks_on = ["get", "list"].contains(&verb);
                assert!(
                    looks_on || (calls_ports && verb == "create"),
                    "{file}: {rule}"
                );
            }
            rules += 1;
        }
    }
    assert!(rules > 0, "some file of ci/ has a Role");
}

#[tokio::test]
async fn no_service_hands_the_admin_api_out() {
    for (file, object) in everything().await {
        let kind = object["spec"]["type"].as_str().unwrap_or("ClusterIP");
        if object["kind"] != "Service" || kind == "ClusterIP" {
            continue;
        }
        for port in object["spec"]["ports"].as_array().into_iter().flatten() {
            let admin = port["name"] == "admin" || port["targetPort"] == "admin";
            assert!(
                !admin,
                "{file}: {} of type {kind} has the admin port",
                object["metadata"]["name"]
            );
        }
    }
}

#[tokio::test]
async fn secrets_are_rendered_into_secrets_only() {
    let mnemonic = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    let loaded = load(&[], &[&format!("keys.mnemonic={mnemonic}")]).expect("well-typed values");
    let objects = render(&loaded).await;
    let (secrets, others): (Vec<&Value>, Vec<&Value>) = objects
        .iter()
        .partition(|object| object["kind"] == "Secret");
    let generated = |name: &str, key: &str| {
        let secret = secrets.iter().find(|one| one["metadata"]["name"] == name);
        let value = secret.and_then(|one| one["data"][key].as_str());
        value
            .unwrap_or_else(|| panic!("Secret {name} has {key}"))
            .to_owned()
    };
    let hidden = [
        mnemonic.to_owned(),
        generated("blob-store", "secretAccessKey"),
        generated("admin-api", "apiKey"),
    ];
    let text = |objects: &[&Value]| objects.iter().map(ToString::to_string).collect::<String>();
    for secret in &hidden {
        assert!(
            text(&secrets).contains(secret.as_str()),
            "it is looked for as it is rendered"
        );
        assert!(
            !text(&others).contains(secret.as_str()),
            "a secret is outside of a Secret"
        );
    }
}
