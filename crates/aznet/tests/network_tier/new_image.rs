//! Another image is rolled out while tokens move.

use std::fs;

use serde_json::json;

use super::checks::expect;
use super::machine::{CLUSTER, Checked, Machine, NETWORK, aznet, kubectl, tail};
use super::registry::{PASSWORD, Registry, USER, containerd, free_port};
use super::rollout::namespace;

/// What runs Aztec.
const IMAGES: &str = "aztec,pxe";
const SECRET: &str = "roll-out";

/// Every pod comes to run the image of a registry, and both transfers arrive.
pub(crate) fn tokens_move_meanwhile(_: &Machine) -> Checked {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let port = free_port()?;
    let registry = Registry::start(folder.path(), port, None)?;
    let auth = folder.path().join("auth.json");
    registry.login(&auth)?;
    let mut values = registry.pushed(&auth, IMAGES)?;
    registry.stop();
    values["imagePullSecrets"] = json!([SECRET]);
    let file = folder.path().join("new.json");
    fs::write(&file, values.to_string()).map_err(|error| error.to_string())?;
    let image = values["images"]["aztec"]["image"].as_str();
    let image = image.ok_or_else(|| format!("no image in the values: {values}"))?;
    // The cluster has no way to this machine's loopback: the registry goes where the cluster is.
    let _inside = Registry::start(folder.path(), port, Some(containerd()?))?;
    let namespace = namespace()?;
    let server = format!("--docker-server=127.0.0.1:{port}");
    kubectl(&[
        "create",
        "secret",
        "docker-registry",
        SECRET,
        "-n",
        &namespace,
        &server,
        &format!("--docker-username={USER}"),
        &format!("--docker-password={PASSWORD}"),
    ])?;
    let output = aznet(&[
        "test",
        "--matrix",
        "--attach",
        NETWORK,
        "--disruptive",
        "--condition",
        "roll-out",
        "--roll-out",
        &file.to_string_lossy(),
        "--cluster",
        CLUSTER,
    ])?;
    let said = tail(&String::from_utf8_lossy(&output.stderr), 60)
        + &tail(&String::from_utf8_lossy(&output.stdout), 40);
    expect(output.status.success(), "the roll-out to be survived", &said)?;
    let runs = kubectl(&[
        "get",
        "pods",
        "-n",
        &namespace,
        "-l",
        "app.kubernetes.io/component=validator",
        "-o",
        "jsonpath={range .items[*]}{.spec.containers[0].image}{\"\\n\"}{end}",
    ])?;
    let all = runs.lines().count() > 0 && runs.lines().all(|one| one == image);
    expect(all, &format!("validators that run {image}"), &runs)
}
