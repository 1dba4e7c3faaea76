//! Staging, scaled to this machine: deployed, changed, broken, and deployed by two at once.

use super::checks::expect;
use super::machine::{
    CLUSTER, Checked, Machine, aznet, kubectl, kubectl_with_input, status_of, succeeds,
};
use super::rollout::wait_for;
use super::secrets::MNEMONIC;
use serde_json::{Value, json};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const NETWORK: &str = "staging-small";
const NAMESPACE: &str = "staging";
/// Node.js does not start with it.
const BROKEN: &str = "fullNode.env.NODE_OPTIONS=--no-such-option";
/// Values that make the full node restart and change nothing that it does.
const ROLLED: [&str; 3] = ["one", "two", "three"];

pub(crate) fn staging(_: &Machine) -> Checked {
    let cluster = CLUSTER.trim_start_matches("embedded:");
    succeeds(&["cluster", "up", cluster])?;
    let outcome = deployed();
    // Whatever came of it.
    let down = succeeds(&["cluster", "down", cluster]);
    outcome.and(down.map(drop))
}

fn deployed() -> Checked {
    secrets()?;
    first()?;
    upgraded()?;
    broken()?;
    missing_image()?;
    two_at_once()?;
    killed()
}

/// What the network's file asks for.
fn secrets() -> Checked {
    kubectl(&["create", "namespace", NAMESPACE])?;
    for (name, data) in [
        ("staging-keys", json!({"mnemonic": *MNEMONIC})),
        (
            "staging-grafana",
            json!({"username": "admin", "password": "not-shown-here"}),
        ),
    ] {
        let metadata = json!({"name": name, "namespace": NAMESPACE});
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data});
        kubectl_with_input(&["create", "-f", "-"], &secret.to_string())?;
    }
    Ok(())
}

fn first() -> Checked {
    let report = document(&deploy(&[])?)?;
    expect(report["outcome"] == "created", "a new network", &report)?;
    stands(&report, "1")
}

/// The full node restarts, and what was set is dropped by the next deployment, which does not say it.
fn upgraded() -> Checked {
    let report = document(&deploy(&["--set", &rolled(0)])?)?;
    expect(report["outcome"] == "upgraded", "an upgrade", &report)?;
    stands(&report, "2")
}

/// Revision 3 never gets ready; revision 4 is revision 2.
fn broken() -> Checked {
    let before = registry()?;
    let output = deploy(&["--set", &rolled(0), "--set", BROKEN])?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    expect(output.status.code() == Some(21), "exit code 21", &said)?;
    for words in ["was taken back to revision 2", "full-node-0"] {
        expect(said.contains(words), words, &said)?;
    }
    let status = status_of(NETWORK)?;
    expect(
        status["ready"] == true,
        "a network that is ready",
        &status["problems"],
    )?;
    let environment = ["get", "pod", "full-node-0", "-n", NAMESPACE, "-o", "json"];
    let pod = kubectl(&environment)?;
    expect(
        pod.contains(ROLLED[0]) && !pod.contains("no-such-option"),
        "the full node of revision 2",
        &pod,
    )?;
    expect(
        note("good-revision")? == "4",
        "revision 4 noted",
        &note("good-revision"),
    )?;
    expect(registry()? == before, "the same contracts", &registry())
}

/// A cluster that pulls no images is asked first.
fn missing_image() -> Checked {
    let image = "images.blobStore.image=versity/versitygw:v0-no-such-tag";
    let output = deploy(&["--set", image])?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    expect(output.status.code() == Some(3), "exit code 3", &said)?;
    expect(said.contains("no-such-tag"), "the image's name", &said)
}

fn two_at_once() -> Checked {
    let mut first = begun(&["--set", &rolled(1)])?;
    let second = under_way("5").and_then(|()| deploy(&["--set", &rolled(2)]));
    let first = first.wait().map_err(|error| error.to_string())?;
    let second = second?;
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    expect(second.status.code() == Some(21), "exit code 21", &said)?;
    expect(said.contains("is at it"), "who is at it", &said)?;
    expect(first.success(), "the first to go on undisturbed", &first)
}

/// Nothing is left to be cleaned up by hand.
fn killed() -> Checked {
    let mut first = begun(&["--set", &rolled(2)])?;
    let under_way = under_way("6");
    first.kill().map_err(|error| error.to_string())?;
    first.wait().map_err(|error| error.to_string())?;
    under_way?;
    let report = document(&deploy(&["--set", &rolled(1)])?)?;
    expect(report["outcome"] == "upgraded", "an upgrade", &report)?;
    // Where Helm itself was killed, its revision was undone by another.
    let revision = report["proof"]["revision"].as_str().unwrap_or_default();
    stands(&report, revision)
}

fn rolled(which: usize) -> String {
    format!("fullNode.env.AZNET_TIER={}", ROLLED[which])
}

fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["deploy", NETWORK, "--cluster", CLUSTER];
    args.extend(["--namespace", NAMESPACE, "--yes", "-o", "json"]);
    // A transfer's time goes to its proofs; what is tested here is what becomes of a deployment.
    args.extend(["--smoke", "test(=chain)"]);
    args.extend(more);
    args
}

fn deploy(more: &[&str]) -> Result<Output, String> {
    aznet(&arguments(more))
}

fn begun(more: &[&str]) -> Result<Child, String> {
    Command::new(env!("CARGO_BIN_EXE_aznet"))
        .args(arguments(more))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("aznet could not be started: {error}"))
}

fn document(output: &Output) -> Result<Value, String> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "exit code 0 expected, seen {}: {said}",
            output.status
        ));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("no document: {error}"))
}

/// The report of a deployment that stands.
fn stands(report: &Value, revision: &str) -> Checked {
    let proof = &report["proof"];
    expect(proof["revision"] == revision, revision, proof)?;
    let passed = &proof["smoke"][0]["verdict"];
    expect(passed == "passed", "a passed test", proof)?;
    expect(
        proof["registry"] == registry()?.as_str() && note("good-revision")? == revision,
        "revision and registry noted",
        proof,
    )
}

/// Waits until the release has this revision.
fn under_way(revision: &str) -> Checked {
    let secret = format!("sh.helm.release.v1.{NETWORK}.v{revision}");
    let what = format!("revision {revision} of the release");
    wait_for(&what, Duration::from_mins(3), || {
        kubectl(&["get", "secret", &secret, "-n", NAMESPACE]).map(drop)
    })
}

fn registry() -> Result<String, String> {
    note("registry")
}

/// An annotation of the namespace.
fn note(name: &str) -> Result<String, String> {
    let path = format!("jsonpath={{.metadata.annotations.aznet\\.dev/{name}}}");
    kubectl(&["get", "namespace", NAMESPACE, "-o", &path])
}
