//! The chart's NetworkPolicies in a cluster that enforces them: every connection between components tried for real,
//! against the table of who may talk to whom.

use super::machine::{Checked, Machine, kubectl, kubectl_with_input, status};
use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Who may connect to whom; the chart's own test evaluates the policies against the same.
const TABLE: &str = concat!(
    include_str!("../../../aznet-network/tests/chart/reachable.txt"),
    include_str!("../../../aznet-network/tests/chart/reachable-telemetry.txt"),
);
/// Tries to connect to each address and prints how that ended. A refused connection went through to its end.
const PROBE: &str = r#"
const net = require("net");
const attempt = ([name, host, port]) => new Promise(done => {
  const socket = net.connect({ host, port });
  const end = how => { socket.destroy(); done([name, how]); };
  socket.setTimeout(4000, () => end("silent"));
  socket.on("connect", () => end("open"));
  socket.on("error", error => end(error.code === "ECONNREFUSED" ? "open" : error.code));
});
Promise.all(JSON.parse(process.argv[1]).map(attempt)).then(all => console.log(JSON.stringify(all)));
"#;
/// Prints the body of an answer.
const FETCH: &str = r#"
const answer = await fetch(process.argv[1], { signal: AbortSignal.timeout(10_000) });
if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
console.log(Buffer.from(await answer.arrayBuffer()).toString("base64"));
"#;
/// Where somebody else's pod is.
const ELSEWHERE: &str = "strangers";

/// One pod of a component.
struct Pod {
    name: String,
    component: String,
    address: String,
    image: String,
    /// TCP ports that it listens on.
    ports: BTreeSet<u64>,
}

/// Every pair of components, and a stranger; every TCP port that something listens on.
pub(crate) fn are_enforced(_: &Machine) -> Checked {
    let status = status()?;
    let namespace = status["namespace"]
        .as_str()
        .ok_or("no namespace in the status")?;
    let pods = pods(namespace)?;
    let mut wrong = Vec::new();
    // The others have no Node.js to try with; whether they can be reached is tried from everywhere.
    let silent = ["blob-store", "otel-collector", "prometheus", "grafana"];
    let able = |pod: &&Pod| !silent.contains(&pod.component.as_str());
    for from in pods.iter().filter(able) {
        wrong.extend(differences(namespace, &from.name, &from.component, &pods)?);
    }
    wrong.extend(stranger(&pods)?);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "connections unlike the table:\n{}",
        wrong.join("\n")
    ))
}

/// What of the connections from one pod is not as the table says.
fn differences(
    namespace: &str,
    pod: &str,
    component: &str,
    pods: &[Pod],
) -> Result<Vec<String>, String> {
    let table = table();
    let others = || pods.iter().filter(|other| other.name != pod);
    let targets: Vec<Value> = others()
        .flat_map(|other| other.ports.iter().map(move |port| (other, port)))
        .map(|(other, port)| json!([format!("{}:{port}", other.component), other.address, port]))
        .collect();
    let list = Value::from(targets).to_string();
    let printed = kubectl(&[
        "exec", "-n", namespace, pod, "--", "node", "-e", PROBE, &list,
    ])?;
    let seen: Vec<(String, String)> =
        serde_json::from_str(&printed).map_err(|error| format!("{pod}: {error}: {printed}"))?;
    let wrong = seen.into_iter().filter_map(|(target, how)| {
        let may = table
            .get(&target)
            .is_some_and(|from| from.contains(component));
        let expected = if may { "open" } else { "silent" };
        (how != expected).then(|| format!("{component} to {target}: {how}, expected {expected}"))
    });
    Ok(wrong.collect())
}

/// A pod of another namespace that gives itself a validator's labels.
fn stranger(pods: &[Pod]) -> Result<Vec<String>, String> {
    let mut models = pods.iter().filter(|pod| pod.component == "validator");
    let model = models.next().ok_or("no validator")?;
    as_stranger(&model.image, || {
        differences(ELSEWHERE, "stranger", "stranger", pods)
    })
}

/// Does something while such a pod is there.
fn as_stranger<T>(image: &str, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let labels = json!({"app.kubernetes.io/name": "aztec-network", "app.kubernetes.io/component": "validator"});
    let manifest = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ELSEWHERE}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger", "namespace": ELSEWHERE, "labels": labels},
         "spec": {"terminationGracePeriodSeconds": 0, "containers": [{
            "name": "stranger", "image": image, "imagePullPolicy": "Never",
            "command": ["node", "-e", "setInterval(() => {}, 1e6)"]}]}},
    ]});
    kubectl_with_input(&["apply", "-f", "-"], &manifest.to_string())?;
    let done = kubectl(&[
        "wait",
        "-n",
        ELSEWHERE,
        "pod/stranger",
        "--for=condition=Ready",
        "--timeout=60s",
    ])
    .and_then(|_| work());
    kubectl(&["delete", "namespace", ELSEWHERE, "--timeout=60s"])?;
    done
}

/// What an HTTP server of the network gives to a stranger's pod.
pub(crate) fn fetched_by_stranger(image: &str, urls: &[String]) -> Result<Vec<Vec<u8>>, String> {
    let fetch = |url: &String| {
        let text = kubectl(&[
            "exec",
            "-n",
            ELSEWHERE,
            "stranger",
            "--",
            "node",
            "--input-type=module",
            "-e",
            FETCH,
            url,
        ])?;
        let bytes = BASE64.decode(text.trim());
        bytes.map_err(|error| format!("{url}: {error}: {text}"))
    };
    as_stranger(image, || urls.iter().map(fetch).collect())
}

/// The first pod of each component.
fn pods(namespace: &str) -> Result<Vec<Pod>, String> {
    let list = kubectl(&["get", "pods", "-n", namespace, "-o", "json"])?;
    let list: Value = serde_json::from_str(&list).map_err(|error| error.to_string())?;
    let mut pods: BTreeMap<String, Pod> = BTreeMap::new();
    for item in list["items"].as_array().into_iter().flatten() {
        let text = |pointer: &str| {
            item.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let component = text("/metadata/labels/app.kubernetes.io~1component");
        let listed = item
            .pointer("/spec/containers/0/ports")
            .and_then(Value::as_array);
        let tcp = listed
            .into_iter()
            .flatten()
            .filter(|port| port["protocol"] != "UDP");
        pods.entry(component.clone()).or_insert_with(|| Pod {
            name: text("/metadata/name"),
            component,
            address: text("/status/podIP"),
            image: text("/spec/containers/0/image"),
            ports: tcp
                .filter_map(|port| port["containerPort"].as_u64())
                .collect(),
        });
    }
    Ok(pods.into_values().collect())
}

/// `to:port` of TCP, and the components that may connect there.
fn table() -> BTreeMap<String, BTreeSet<&'static str>> {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| {
        let mut words = line.split_whitespace();
        let target = words.next()?.strip_suffix("/TCP")?;
        Some((target.to_owned(), words.collect()))
    })
    .collect()
}
