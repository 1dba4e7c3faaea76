//! What a joiner gets for Docker Compose, held against the chart's own pods and the Compose specification.

use aznet_model::plan::plan;
use aznet_model::yaml;
use aznet_network::join::compose::{self, Compose, ComposeError};
use aznet_network::join::{Facts, Joiner};
use serde_json::Value;
use std::process::Command;
use tempfile::TempDir;

use crate::common::{documents, source};
use crate::join::{joined, manifests, of, secretive};

/// Prints what Docker Compose makes of a file, by its own module.
const READER: &str = ".ci/compose-go";
/// What the joiner's `.env` says.
const ADDRESS: (&str, &str) = ("P2P_IP", "192.0.2.1");

/// That program, built by Go, in a folder for files to read.
struct Reader(TempDir);

impl Reader {
    fn build() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let build = Command::new("go")
            .args(["build", "-trimpath", "-o"])
            .arg(folder.path().join("reader"))
            .current_dir(source().join(READER))
            .env("CGO_ENABLED", "0")
            .output()
            .expect("Go, which `aznet doctor --fix` installs");
        assert!(build.status.success(), "{}", text(&build.stderr));
        Self(folder)
    }

    /// What it makes of a file, or says against it.
    fn read(&self, compose: &str, variable: Option<(&str, &str)>) -> Result<Value, String> {
        let path = self.0.path().join("compose.yaml");
        std::fs::write(&path, compose).expect("a file");
        let read = Command::new(self.0.path().join("reader"))
            .arg(path)
            .env_remove(ADDRESS.0)
            .envs(variable)
            .output()
            .expect("the reader runs");
        if read.status.success() {
            Ok(serde_json::from_slice(&read.stdout).expect("JSON"))
        } else {
            Err(text(&read.stderr))
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn composed(facts: &Facts, joiner: Joiner) -> Compose {
    let rendered = manifests(facts, joiner).await;
    compose::compose(facts, joiner, &rendered).unwrap_or_else(|error| panic!("{joiner}: {error}"))
}

fn read(compose: &Compose) -> Value {
    yaml::read(&compose.file).expect("YAML")
}

#[tokio::test]
async fn files_for_compose_are_as_before() {
    for (network, joiner) in [
        ("small", Joiner::FullNode),
        ("small", Joiner::Validator),
        ("small", Joiner::Prover),
        ("small", Joiner::Wallet),
        ("spartan", Joiner::Validator),
    ] {
        let facts = of(network);
        let compose = composed(&facts, joiner).await;
        let name = format!("compose-{network}-{joiner}");
        insta::assert_snapshot!(name.clone(), compose.file);
        insta::assert_snapshot!(
            format!("{name}-page"),
            compose::page(&facts, joiner, &compose)
        );
    }
}

#[tokio::test]
async fn every_role_has_a_service_for_each_pod_that_follows_the_specification() {
    let reader = Reader::build();
    for network in ["small", "staging", "spartan"] {
        let facts = of(network);
        for joiner in Joiner::ALL {
            let compose = composed(&facts, joiner).await;
            let file = reader
                .read(&compose.file, Some(ADDRESS))
                .unwrap_or_else(|wrong| panic!("{network}, {joiner}: {wrong}"));
            let services = file["services"].as_object().expect("services");
            let plan = plan(&joined(&facts, joiner).values).expect("a plan");
            for pod in &plan.pods {
                let has = |service: &&Value| service["environment"]["POD_NAME"] == *pod.name;
                assert!(
                    services.values().any(|one| has(&one)),
                    "{joiner}: {}",
                    pod.name
                );
            }
            // And what prepares them.
            assert_eq!(services.len(), plan.pods.len() + 2, "{network}, {joiner}");
        }
    }
}

#[tokio::test]
async fn what_does_not_follow_the_specification_is_refused() {
    let reader = Reader::build();
    let file = composed(&of("small"), Joiner::FullNode).await.file;
    for (from, to, what) in [
        ("mem_limit:", "memory_limit:", "memory_limit"),
        ("mem_limit: 2g", "mem_limit: 2x", "mem_limit"),
        ("source: bin\n", "source: bim\n", "bim"),
        ("      install:\n", "      other:\n", "undefined service"),
    ] {
        let changed = file.replace(from, to);
        assert_ne!(changed, file, "{from}");
        let wrong = reader.read(&changed, Some(ADDRESS)).expect_err(what);
        assert!(wrong.contains(what), "{wrong}");
    }
    let wrong = reader.read(&file, None).expect_err("no address");
    assert!(wrong.contains("see COMPOSE.md"), "{wrong}");
}

#[tokio::test]
async fn a_service_is_as_the_chart_makes_the_pod() {
    let facts = of("small");
    let rendered = documents(&manifests(&facts, Joiner::Validator).await);
    let spec =
        &crate::common::object(&rendered, "StatefulSet", "validator")["spec"]["template"]["spec"];
    let container = &spec["containers"][0];
    let service = &read(&composed(&facts, Joiner::Validator).await)["services"]["validator"];
    assert_eq!(service["image"], container["image"]);
    assert_eq!(service["entrypoint"], container["command"]);
    assert_eq!(
        service["cap_drop"],
        container["securityContext"]["capabilities"]["drop"]
    );
    assert_eq!(
        service["stop_grace_period"],
        format!("{}s", spec["terminationGracePeriodSeconds"])
    );
    for variable in container["env"].as_array().expect("variables") {
        let name = variable["name"].as_str().expect("a name");
        let seen = &service["environment"][name];
        match &variable["value"] {
            // By a file, or the pod's own.
            Value::Null if variable["valueFrom"]["secretKeyRef"].is_object() => {
                assert!(seen.is_null(), "{name} is in the file");
            }
            Value::Null => assert!(seen.is_string(), "{name}"),
            value => assert_eq!(seen, value, "{name}"),
        }
    }
}

#[tokio::test]
async fn only_p2p_is_open_to_the_world() {
    for joiner in Joiner::ALL {
        let file = read(&composed(&of("small"), joiner).await);
        let services = file["services"].as_object().expect("services");
        let published: Vec<&str> = services
            .values()
            .filter_map(|service| service["ports"].as_array())
            .flatten()
            .filter_map(Value::as_str)
            .filter(|port| !port.starts_with("127.0.0.1:"))
            .collect();
        assert_eq!(
            published,
            ["40400:40400/tcp", "40400:40400/udp"],
            "{joiner}"
        );
    }
}

#[tokio::test]
async fn root_only_hands_volumes_over() {
    for joiner in Joiner::ALL {
        let file = read(&composed(&of("small"), joiner).await);
        for (name, service) in file["services"].as_object().expect("services") {
            let root = service["user"].as_str().expect("a user").starts_with("0:");
            assert_eq!(root, name == "volumes", "{joiner}: {name}");
            assert_eq!(
                service["cap_drop"],
                serde_json::json!(["ALL"]),
                "{joiner}: {name}"
            );
        }
        let adds = &file["services"]["volumes"]["cap_add"];
        assert_eq!(*adds, serde_json::json!(["CHOWN"]), "{joiner}");
    }
}

#[tokio::test]
async fn no_secret_is_in_it() {
    let facts = secretive();
    for joiner in Joiner::ALL {
        let rendered = manifests(&facts, joiner).await;
        let compose = compose::compose(&facts, joiner, &rendered).expect("a file");
        let page = compose::page(&facts, joiner, &compose);
        let configs: String = compose.configs.values().map(String::as_str).collect();
        let all = format!("{}{page}{configs}", compose.file);
        assert!(!all.contains("SECRET"), "{all}");
        // Those that the chart makes up for an installation of its own.
        for object in documents(&rendered)
            .iter()
            .filter(|one| one["kind"] == "Secret")
        {
            for made_up in object["data"].as_object().into_iter().flatten() {
                let value = made_up.1.as_str().expect("base64");
                assert!(!all.contains(value), "{}", made_up.0);
            }
        }
    }
}

#[tokio::test]
async fn what_compose_can_not_say_is_refused() {
    let facts = of("small");
    let rendered = manifests(&facts, Joiner::FullNode).await;
    for (from, to, what) in [
        ("replicas: 1", "replicas: 2", "replicas"),
        (
            "fieldPath: metadata.name\n",
            "fieldPath: spec.nodeName\n",
            "the variable POD_NAME",
        ),
        ("name: install\n", "name: other\n", "its installation"),
        (
            "enableServiceLinks: false\n",
            "hostNetwork: true\n",
            "hostNetwork",
        ),
        (
            "mountPath: /tmp}",
            "mountPath: /tmp, subPath: tmp}",
            "subPath",
        ),
        ("emptyDir: {}\n", "emptyDir: {medium: Memory}\n", "medium"),
    ] {
        let changed = rendered.replace(from, to);
        assert_ne!(changed, rendered, "{from}");
        let error = compose::compose(&facts, Joiner::FullNode, &changed).expect_err("refused");
        assert!(matches!(error, ComposeError::Unsaid { .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
}
