//! No secret of a running network is to be found where it does not belong: not in what the Kubernetes API shows to
//! whoever may not read Secrets, not in a process list, not in a log.

use super::compose;
use super::machine::{CLUSTER, Checked, Machine, kubectl, names, status};
use alloy_signer_local::MnemonicBuilder;
use alloy_signer_local::coins_bip39::{English, Mnemonic};
use aznet_cluster::paths::Paths;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

/// What the chart's default keys are made of; public, but no log should get used to it.
pub(crate) const PUBLIC_MNEMONIC: &str =
    "test test test test test test test test test test test junk";
/// Everything that a reader of a namespace sees without a right to its Secrets.
const KINDS: &str = "pods,configmaps,services,endpointslices,statefulsets,deployments,replicasets,\
controllerrevisions,jobs,persistentvolumeclaims,networkpolicies,serviceaccounts,events";
/// Keys of Secrets that are no secrets: a hash, and names.
const NO_SECRETS: [&str; 2] = ["apiKeyHash", "username"];

/// The mnemonic of the tier's network: new in every run, so that no finding is an accident.
pub(crate) static MNEMONIC: LazyLock<String> =
    LazyLock::new(|| Mnemonic::<English>::new(&mut rand::rngs::OsRng).to_phrase());

/// What must not be found, by a name that may be told.
pub(crate) type Needles = BTreeMap<String, String>;

/// The tier's own network.
pub(crate) fn none_is_told(_: &Machine) -> Checked {
    nothing_leaks(&status()?, &MNEMONIC)
}

/// A network as its status describes it.
pub(crate) fn nothing_leaks(status: &Value, mnemonic: &str) -> Checked {
    let namespace = status["namespace"]
        .as_str()
        .ok_or("no namespace in the status")?;
    let needles = needles(namespace, status, mnemonic)?;
    let mut found = Vec::new();
    for (place, text) in haystacks(namespace)? {
        let text = text.to_lowercase();
        let here = needles
            .iter()
            .filter(|(_, secret)| text.contains(secret.as_str()));
        // Never the secret itself: this is a log as well.
        found.extend(here.map(|(name, _)| format!("{name} in {place}")));
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(format!(
        "secrets where they don't belong:\n{}",
        found.join("\n")
    ))
}

/// The mnemonic, the private keys derived from it, and whatever else the network's Secrets hold.
pub(crate) fn needles(namespace: &str, status: &Value, mnemonic: &str) -> Result<Needles, String> {
    let mut needles = derived(mnemonic)?;
    let stored = stored(namespace)?;
    for (name, plain) in &stored {
        let encoded = base64(plain.as_bytes());
        needles.insert(format!("{name} in base64"), encoded.to_lowercase());
        needles.insert(name.clone(), plain.to_lowercase());
    }
    // Proof that what is looked for is what is in use.
    let has = |part: &str| stored.keys().any(|name| name.contains(part));
    for part in [
        "keys/mnemonic",
        "blob-store/secretAccessKey",
        "admin-api/apiKey",
    ] {
        if !has(part) {
            return Err(format!(
                "no Secret {part} in {namespace}: {:?}",
                stored.keys()
            ));
        }
    }
    let pods = status["nodes"].as_array().into_iter().flatten();
    let holder = |pod: &&Value| pod["role"] == "validator" || pod["role"] == "prover-node";
    for pod in pods.filter(holder).filter_map(|pod| pod["name"].as_str()) {
        let file = kubectl(&[
            "exec",
            "-n",
            namespace,
            pod,
            "--",
            "cat",
            "/dev/shm/aznet-keystore/keys.json",
        ])?;
        let in_use = private_keys(&file);
        let known = in_use
            .iter()
            .any(|key| needles.values().any(|needle| needle == key));
        if !known {
            return Err(format!(
                "{pod} holds no key of those derived here: the search would be for nothing"
            ));
        }
        for (index, key) in in_use.into_iter().enumerate() {
            needles.insert(format!("key {index} of {pod}"), key);
        }
    }
    Ok(needles)
}

/// Keys of the indices that the tier's networks use, without `0x`.
fn derived(mnemonic: &str) -> Result<Needles, String> {
    let mut needles = Needles::from([("the mnemonic".to_owned(), mnemonic.to_lowercase())]);
    // The group of validators begins at 100.
    let validators = [
        1000..1008,
        1100..1104,
        1_000_000..1_000_008,
        1_000_100..1_000_104,
    ];
    for index in [0..1, 2_000_000..2_000_002]
        .into_iter()
        .chain(validators)
        .flatten()
    {
        let key = MnemonicBuilder::try_from_phrase_nth(mnemonic, index)
            .map_err(|error| format!("key {index}: {error}"))?;
        needles.insert(
            format!("private key {index}"),
            hex(key.to_bytes().as_slice()),
        );
    }
    Ok(needles)
}

/// The values of the release's Secrets, by `name/key`.
fn stored(namespace: &str) -> Result<BTreeMap<String, String>, String> {
    let selector = "app.kubernetes.io/name=aztec-network";
    let list = kubectl(&[
        "get", "secrets", "-n", namespace, "-l", selector, "-o", "json",
    ])?;
    let list: Value = serde_json::from_str(&list).map_err(|error| error.to_string())?;
    let mut stored = BTreeMap::new();
    for secret in list["items"].as_array().into_iter().flatten() {
        let name = secret["metadata"]["name"].as_str().unwrap_or_default();
        for key in secret["data"]
            .as_object()
            .into_iter()
            .flat_map(|data| data.keys())
        {
            if NO_SECRETS.contains(&key.as_str()) {
                continue;
            }
            let template = format!("go-template={{{{index .data \"{key}\" | base64decode}}}}");
            let value = kubectl(&["get", "secret", "-n", namespace, name, "-o", &template])?;
            stored.insert(format!("{name}/{key}"), value.trim().to_owned());
        }
    }
    Ok(stored)
}

/// The places to search, each with its text. None of them may be empty, or the search would pass for that.
fn haystacks(namespace: &str) -> Result<Vec<(String, String)>, String> {
    let mut texts = vec![(
        "the Kubernetes API".to_owned(),
        kubectl(&["get", KINDS, "-n", namespace, "-o", "yaml"])?,
    )];
    let cluster = CLUSTER.trim_start_matches("embedded:");
    let paths = Paths::from_env().map_err(|error| error.to_string())?;
    files(&paths.cluster(cluster).join("logs"), &mut texts)?;
    let logs = texts.len() - 1;
    for pid in names("/proc").filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) {
        // Gone by now, perhaps.
        if let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) {
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            texts.push((format!("the arguments of process {pid}"), line));
        }
    }
    let seen = |part: &str| texts.iter().any(|(_, text)| text.contains(part));
    for part in ["kind: Pod", "aznet-node: ", "kube-apiserver --"] {
        if !seen(part) {
            return Err(format!(
                "`{part}` is nowhere among {logs} logs and {} texts: not all was searched",
                texts.len()
            ));
        }
    }
    Ok(texts)
}

fn files(folder: &Path, texts: &mut Vec<(String, String)>) -> Checked {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(failed)?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, texts)?;
        } else if let Ok(text) = std::fs::read(&path) {
            texts.push((
                path.display().to_string(),
                String::from_utf8_lossy(&text).into_owned(),
            ));
        }
    }
    Ok(())
}

/// The private keys of a key store: 32 bytes each, unlike addresses, and not the recipient of fees.
fn private_keys(keystore: &str) -> Vec<String> {
    let mut keys = Vec::new();
    if let Ok(value) = serde_json::from_str(keystore) {
        collect(&value, &mut keys);
    }
    keys
}

fn collect(value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            if let Some(key) = text.strip_prefix("0x").filter(|key| key.len() == 64) {
                keys.push(key.to_lowercase());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, keys)),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "feeRecipient")
            .for_each(|(_, field)| collect(field, keys)),
        _ => {}
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Base64 without padding, whose last characters depend on what follows.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let whole = bytes.chunks_exact(3).flat_map(|group| {
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift) as usize & 63]))
    });
    whole.collect()
}

/// Lets the namespaces, and the Docker, in that join the network, by what the page of a bundle asks the operator for.
fn admitted() -> serde_json::Value {
    let roles = ["full-node", "validator", "prover", "wallet"];
    let all = roles.map(|role| {
        (
            role.to_owned(),
            json!({"kubernetes.io/metadata.name": role}),
        )
    });
    let namespaces: serde_json::Map<_, _> = all.into_iter().collect();
    let admitted = json!({ "namespaces": namespaces, "cidrs": {"compose": compose::ADDRESSES} });
    json!({"ingress": {"l1": admitted, "blobs": admitted, "p2p": admitted}})
}

/// `aznet up` with the tier's own mnemonic, in a file: arguments are seen by everyone on the machine.
pub(crate) fn values_file() -> Result<&'static str, String> {
    static FILE: LazyLock<Result<(tempfile::TempDir, String), String>> = LazyLock::new(|| {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = folder.path().join("keys.yaml");
        let values = json!({"keys": {"mnemonic": *MNEMONIC}, "networkPolicy": admitted()});
        std::fs::write(&path, values.to_string()).map_err(|error| error.to_string())?;
        let name = path.to_string_lossy().into_owned();
        Ok((folder, name))
    });
    FILE.as_ref()
        .map(|(_, name)| name.as_str())
        .map_err(Clone::clone)
}
