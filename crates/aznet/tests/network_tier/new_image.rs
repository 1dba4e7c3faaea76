//! Other images are rolled out while tokens move.

use std::fs;

use serde_json::{Map, Value, json};

use super::checks::expect;
use super::machine::{CLUSTER, Checked, Machine, NETWORK, aznet, kubectl, tail};
use super::registry::{Registry, containerd, free_port};
use super::rollout::namespace;

/// What runs Aztec, the L1 left out, which has the same image.
const ROLES: [&str; 6] = [
    "bootNode",
    "fullNode",
    "validator",
    "proverNode",
    "proverBroker",
    "proverAgent",
];

/// Every Aztec pod comes to run an image that a registry has, and both transfers arrive.
pub(crate) fn tokens_move_meanwhile(_: &Machine) -> Checked {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let port = free_port()?;
    let registry = Registry::open(folder.path(), port, None)?;
    let auth = folder.path().join("auth.json");
    fs::write(&auth, r#"{"auths": {}}"#).map_err(|error| error.to_string())?;
    let pushed = registry.pushed(&auth, "aztec,pxe")?;
    registry.stop();
    let image = pushed["images"]["aztec"]["image"].as_str();
    let image = image.ok_or_else(|| format!("no image in the values: {pushed}"))?;
    let file = folder.path().join("new.json");
    let values = values(image, &pushed["images"]["pxe"]);
    fs::write(&file, values.to_string()).map_err(|error| error.to_string())?;
    // The cluster has no way to this machine's loopback: the registry goes where the cluster is.
    let _inside = Registry::open(folder.path(), port, Some(containerd()?))?;
    rolled_out(&file.to_string_lossy())?;
    let runs = kubectl(&[
        "get",
        "pods",
        "-n",
        &namespace()?,
        "-l",
        "app.kubernetes.io/component=validator",
        "-o",
        "jsonpath={range .items[*]}{.spec.containers[0].image}{\"\\n\"}{end}",
    ])?;
    let all = runs.lines().count() > 0 && runs.lines().all(|one| one == image);
    expect(all, &format!("validators that run {image}"), &runs)
}

fn values(image: &str, pxe: &Value) -> Value {
    let role = |role: &str| (role.to_owned(), json!({"image": image}));
    let mut values: Map<String, Value> = ROLES.into_iter().map(role).collect();
    values.insert("images".to_owned(), json!({"pxe": pxe}));
    Value::Object(values)
}

fn rolled_out(file: &str) -> Checked {
    let what = ["test", "--matrix", "--condition", "roll-out"];
    let network = ["--attach", NETWORK, "--disruptive", "--cluster", CLUSTER];
    let output = aznet(&[what.as_slice(), &["--roll-out", file], &network].concat())?;
    let said = tail(&String::from_utf8_lossy(&output.stderr), 60)
        + &tail(&String::from_utf8_lossy(&output.stdout), 40);
    expect(
        output.status.success() && said.contains("1 test run: 1 passed"),
        "the roll-out to be survived",
        &said,
    )
}
