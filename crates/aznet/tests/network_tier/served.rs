//! The bundles that the boot node's pod serves to those who join.

use super::checks::expect;
use super::join::tells_no_secret;
use super::machine::{CLUSTER, Checked, Machine, NETWORK, json, kubectl, succeeds};
use super::policies::fetched_by_stranger;
use super::rollout::{namespace, wait_for};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What the network is given besides.
pub(crate) const SET: &str = "bootNode.joinBundles.enabled=true";

/// A stranger's pod, which reaches nothing else of the network, gets what `aznet join` would write.
pub(crate) fn to_strangers(_: &Machine) -> Checked {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (served, written) = (folder.path().join("served"), folder.path().join("written"));
    to_stranger("validator", &served)?;
    let place = written.to_string_lossy();
    let args = ["join", NETWORK, "--cluster", CLUSTER, "--role", "validator"];
    succeeds(&[&args[..], &["--output", &*place]].concat())?;
    tells_no_secret(&served)?;
    let mut diff = Command::new("diff");
    diff.arg("-r").args([&served, &written]);
    let output = diff.output().map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stdout);
    expect(output.status.success(), "what `aznet join` writes", &told)
}

/// The bundle for a role, unpacked to a folder, as a stranger's pod is served it.
pub(crate) fn to_stranger(role: &str, bundle: &Path) -> Checked {
    let published = json(&["join", NETWORK, "--cluster", CLUSTER, "--publish"])?;
    let all = published["bundles"].as_array().into_iter().flatten();
    let mut of_role = all.filter(|one| one["role"] == role);
    let one = of_role
        .next()
        .ok_or_else(|| format!("no {role} in {published}"))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (url, sum) = (
        text(&published["url"]) + &text(&one["file"]),
        text(&one["sha256"]),
    );
    let namespace = namespace()?;
    let path = "jsonpath={.spec.containers[0].image}";
    let image = kubectl(&["get", "pod", "boot-node-0", "-n", &namespace, "-o", path])?;
    // The kubelet hands a changed ConfigMap to its pods within a period of its own.
    let archive = wait_for("the bundle of now", Duration::from_mins(3), || {
        let answers = fetched_by_stranger(&image, &[text(&published["url"]), url.clone()])?;
        let [index, archive] = &answers[..] else {
            return Err(format!("{} answers", answers.len()));
        };
        let index = String::from_utf8_lossy(index);
        expect(
            index.contains(&format!("{role}.tgz")),
            "the list at /",
            &index,
        )?;
        let seen = hex::encode(Sha256::digest(archive));
        (seen == sum)
            .then(|| archive.clone())
            .ok_or_else(|| format!("{url} has the SHA-256 {seen}, not {sum}"))
    })?;
    unpack(&archive, role, bundle)
}

fn unpack(archive: &[u8], role: &str, bundle: &Path) -> Checked {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let unpacked = tar::Archive::new(flate2::read::GzDecoder::new(archive)).unpack(&place);
    unpacked.map_err(|error| format!("the bundle can't be unpacked: {error}"))?;
    let root = place.path().join(format!("join-{NETWORK}-{role}"));
    let mut copy = Command::new("cp");
    copy.arg("-r").args([root.as_path(), bundle]);
    let output = copy.output().map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stderr);
    expect(output.status.success(), "a bundle in its folder", &told)
}
