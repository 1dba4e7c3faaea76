//! The design document's `NETWORK_TEST`: plain Helm installs a network and faults, tests the network, and takes all of it down.

use super::checks::expect;
use super::machine::{Checked, Machine, NETWORK, helm, kubectl};
use super::rollout;
use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const NAMESPACE: &str = "plain-helm";
/// The network's values, and what is set besides: with a wallet server tokens are sent.
const NETWORK_VALUES: &str = "networks/tiny.yaml";
const WALLET_SERVER: &str = "pxe.replicas=1";
/// The node that the test asks does nothing for a minute.
const CHAOS_VALUES: &str = "helm-charts/aztec-chaos/presets/boot-node-failure.yaml";

/// What the test says while the fault lasts: else it has seen a network without one.
const WAITED: &str = "waiting for a node to tell its newest block (30s)";

/// Beside the tier's network, whose Chaos Mesh does the faults. No more of `aznet` than the names of images.
pub(crate) fn network_test(_: &Machine) -> Checked {
    kubectl(&["create", "namespace", NAMESPACE])?;
    let tested = tested();
    let seen = tested.as_ref().err().map(|_| evidence());
    let removed = torn_down();
    tested.map_err(|error| format!("{error}\n{}", seen.unwrap_or_default()))?;
    removed
}

fn tested() -> Checked {
    let images = images()?;
    let images = images.path().to_string_lossy();
    let install = |release: &str, values: &str, more: &[&str]| {
        let chart = there(&format!("helm-charts/{release}"));
        let values = there(values);
        let args = [
            "install",
            release,
            &chart,
            "--namespace",
            NAMESPACE,
            "--values",
            &values,
        ];
        helm(&[&args, more].concat())
    };
    let network = [
        "--values",
        &*images,
        "--set",
        WALLET_SERVER,
        "--wait",
        "--timeout",
        "10m",
    ];
    install("aztec-network", NETWORK_VALUES, &network)?;
    install("aztec-chaos", CHAOS_VALUES, &[])?;
    // Else the test would say nothing of a network with faults.
    kubectl(&[
        "wait",
        "--namespace",
        NAMESPACE,
        "--for=condition=AllInjected",
        "podchaos",
        "--all",
        "--timeout=60s",
    ])?;
    let said = helm(&[
        "test",
        "aztec-network",
        "--namespace",
        NAMESPACE,
        "--timeout",
        "10m",
        "--logs",
    ])?;
    for step in [
        WAITED,
        "the chain moves: from block",
        "tokens were sent and arrived",
    ] {
        expect(said.contains(step), step, &said)?;
    }
    expect(said.contains("Succeeded"), "a test that succeeded", &said)
}

/// The values by which the tier's network names the images that are on the cluster.
fn images() -> Result<tempfile::NamedTempFile, String> {
    let namespace = rollout::namespace()?;
    let values = helm(&[
        "get",
        "values",
        NETWORK,
        "--namespace",
        &namespace,
        "--output",
        "json",
    ])?;
    let values: Value = serde_json::from_str(&values).map_err(|error| error.to_string())?;
    let images = serde_json::json!({"images": values["images"]});
    let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    file.write_all(images.to_string().as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(file)
}

/// Removes what was installed, the last first; nothing of it may stay in the namespace.
fn torn_down() -> Checked {
    for release in ["aztec-chaos", "aztec-network"] {
        helm(&[
            "uninstall",
            release,
            "--namespace",
            NAMESPACE,
            "--ignore-not-found",
            "--wait",
        ])?;
    }
    kubectl(&[
        "delete",
        "pod",
        "smoke",
        "--namespace",
        NAMESPACE,
        "--ignore-not-found",
    ])?;
    let began = Instant::now();
    let left = [
        "get",
        "pods,services,statefulsets,podchaos",
        "--namespace",
        NAMESPACE,
        "--output",
        "name",
    ];
    while !kubectl(&left)?.trim().is_empty() {
        if began.elapsed() > Duration::from_mins(2) {
            return Err(format!(
                "left in the namespace after `helm uninstall`: {}",
                kubectl(&left)?
            ));
        }
        super::machine::pause();
    }
    kubectl(&["delete", "namespace", NAMESPACE, "--timeout=2m"]).map(drop)
}

/// What the namespace has, for the case that something failed in it.
fn evidence() -> String {
    let args: [&[&str]; 3] = [
        &["get", "pods", "--namespace", NAMESPACE, "--output", "wide"],
        &["describe", "podchaos", "--namespace", NAMESPACE],
        &["logs", "smoke", "--namespace", NAMESPACE],
    ];
    args.map(|args| kubectl(args).unwrap_or_else(|error| error))
        .join("\n")
}

/// A file of this repository.
fn there(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let root = root.map_or_else(PathBuf::new, Path::to_path_buf);
    root.join(path).to_string_lossy().into_owned()
}
