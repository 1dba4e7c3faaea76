//! Clusters of kind, for real: in a Docker of their own, in a network namespace of its own. Opt in with AZNET_TEST_KIND=1. Needs
//! root, `dockerd` and `docker` (Debian's docker.io); says so if it can't run.
//! AZNET_TEST_CGROUP names the cgroup that its containers go to.

#![expect(clippy::print_stderr, reason = "a skipped test says why")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod kind_support;

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;

use kind_support::Machine;
use serde_json::Value;

/// libtest knows no skip at run time: `cargo xtask test` counts the lines of this file.
fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
    if let Some(file) = std::env::var_os("AZNET_TEST_SKIPS") {
        let file = OpenOptions::new().append(true).create(true).open(file);
        writeln!(file.unwrap(), "clusters of kind: {reason}").unwrap();
    }
}

/// One test: what comes later stands on the cluster that was made before.
#[test]
fn clusters_of_kind_live_and_go_as_embedded_ones_do() {
    let machine = match Machine::start() {
        Ok(machine) => machine,
        Err(reason) => return skip(&reason),
    };
    others_are_left_alone(&machine);
    interrupted_it_leaves_nothing(&machine);
    made_with_three_nodes(&machine);
    an_archive_is_loaded_once(&machine);
    pods_run_on_several_nodes(&machine);
    a_network_runs_on_it(&machine);
    a_node_that_stops_is_brought_back(&machine);
    removed_without_a_trace(&machine);
}

const TIER: &str = "kind:tier";

fn others_are_left_alone(machine: &Machine) {
    let theirs = machine.docker(&[
        "create",
        "--label=io.x-k8s.kind.cluster=theirs",
        "--label=io.x-k8s.kind.role=control-plane",
        "--name=theirs",
        machine.image(),
        "true",
    ]);
    for verb in ["up", "down"] {
        let (code, said) = machine.aznet(&["cluster", verb, "--cluster", "kind:theirs"]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("that aznet did not make"), "{said}");
    }
    assert_eq!(machine.containers(), [theirs.trim()]);
    machine.docker(&["rm", "theirs"]);
}

fn interrupted_it_leaves_nothing(machine: &Machine) {
    let said = machine.interrupted(&["cluster", "up", "--cluster", "kind:half"]);
    assert!(said.contains("interrupted"), "{said}");
    assert!(machine.containers().is_empty(), "{said}");
    assert!(!machine.state().join("kind").exists(), "{said}");
}

fn made_with_three_nodes(machine: &Machine) {
    let three = format!("{TIER},workers=2");
    let (code, said) = machine.aznet(&["cluster", "up", "--cluster", &three]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(listed(machine)["state"], "running");
    assert_eq!(listed(machine)["nodes"], 3);
    let (code, said) = machine.aznet(&["cluster", "up", "--cluster", &format!("{TIER},workers=3")]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("has 2 workers, not 3"), "{said}");
}

fn listed(machine: &Machine) -> Value {
    let list = machine.json(&["cluster", "list", "-o", "json"]);
    let mut all = list.as_array().unwrap().iter();
    all.find(|one| one["cluster"] == TIER).unwrap().clone()
}

/// `up` loads what pods run; an archive that it does not know is loaded once.
fn an_archive_is_loaded_once(machine: &Machine) {
    let archive = machine.saved();
    let load = ["images", "load", &archive, "--cluster", TIER, "-o", "json"];
    let loaded = machine.json(&load);
    assert_eq!(loaded, serde_json::json!(["docker.io/library/theirs:1"]));
    let again = machine.json(&load);
    assert_eq!(again, serde_json::json!([]), "it is there already");
}

/// A pod on each, of an image that `up` loaded; one reaches the other by its address.
fn pods_run_on_several_nodes(machine: &Machine) {
    let image = machine.base();
    for node in ["tier-control-plane", "tier-worker"] {
        let overrides =
            format!(r#"{{"spec": {{"nodeName": "{node}", "terminationGracePeriodSeconds": 0}}}}"#);
        machine.kubectl(&[
            "run",
            node,
            &format!("--image={image}"),
            "--image-pull-policy=Never",
            &format!("--overrides={overrides}"),
            "--command",
            "--",
            "sleep",
            "3600",
        ]);
    }
    let both = ["pod/tier-control-plane", "pod/tier-worker"];
    machine.kubectl(&[
        "wait",
        both[0],
        both[1],
        "--for=condition=Ready",
        "--timeout=180s",
    ]);
    let address = machine.kubectl(&["get", both[1], "--output=jsonpath={.status.podIP}"]);
    // Nobody listens there: that the connection is refused comes from the other node.
    let said = machine.kubectl(&[
        "exec",
        "tier-control-plane",
        "--",
        "sh",
        "-c",
        &format!("curl --silent --show-error --max-time 10 http://{address}:9 2>&1; true"),
    ]);
    assert!(
        said.contains("Couldn't connect") || said.contains("Failed to connect"),
        "{said}"
    );
    assert!(!said.contains("timed out"), "{said}");
}

/// Its pods have volumes, its nodes find each other from one machine to the other, and no longer under a partition.
fn a_network_runs_on_it(machine: &Machine) {
    let apart = format!(
        "{}/tests/kind_support/apart.yaml",
        env!("CARGO_MANIFEST_DIR")
    );
    let up = ["up", "tiny", "--values", &apart, "--cluster", TIER];
    let (code, said) = machine.aznet(&up);
    assert_eq!(code, Some(0), "{said}");
    let status = machine.json(&["status", "tiny", "--cluster", TIER, "-o", "json"]);
    assert!(
        status["tips"]["checkpointed"].as_u64() >= Some(1),
        "{status}"
    );
    let nodes = machine.kubectl(&[
        "get",
        "pods",
        "--all-namespaces",
        "--selector=app.kubernetes.io/component in (boot-node, validator)",
        "--output=jsonpath={range .items[*]}{.spec.nodeName} {end}",
    ]);
    let nodes: BTreeSet<&str> = nodes.split_whitespace().collect();
    assert_eq!(nodes.len(), 2, "{nodes:?}");
    let partition = format!(
        "{}/tests/kind_support/partition.yaml",
        env!("CARGO_MANIFEST_DIR")
    );
    let apply = ["chaos", "apply", "tiny", "--values", &partition];
    let (code, said) = machine.aznet(&[&apply[..], &["--cluster", TIER]].concat());
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = machine.aznet(&["down", "tiny", "--cluster", TIER]);
    assert_eq!(code, Some(0), "{said}");
}

fn a_node_that_stops_is_brought_back(machine: &Machine) {
    machine.docker(&["kill", "tier-worker"]);
    assert_eq!(listed(machine)["state"], "stopped");
    let (code, said) = machine.aznet(&["cluster", "up", "--cluster", TIER]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(listed(machine)["state"], "running");
    // The pod that ran on it does so again.
    let pod = [
        "pod/tier-worker",
        "--for=jsonpath={.status.containerStatuses[0].restartCount}=1",
    ];
    machine.kubectl(&["wait", pod[0], pod[1], "--timeout=120s"]);
    machine.kubectl(&["wait", pod[0], "--for=condition=Ready", "--timeout=120s"]);
}

fn removed_without_a_trace(machine: &Machine) {
    let (code, said) = machine.aznet(&["cluster", "down", "--cluster", TIER]);
    assert_eq!(code, Some(0), "{said}");
    assert!(machine.containers().is_empty());
    assert_eq!(machine.docker(&["volume", "ls", "--quiet"]), "");
    assert!(!machine.state().join("kind").exists());
    let (code, said) = machine.aznet(&["cluster", "down", "--cluster", TIER]);
    assert_eq!(code, Some(2), "{said}");
}
