//! A stranger joins the network: somebody in another namespace who has a bundle of `aznet join`, what the operator gives by hand,
//! and does what the bundle's page says.

use super::checks::{expect, number, post, wallet_tests_on};
use super::machine::{
    CLUSTER, Checked, Machine, NETWORK, json, kubeconfig, kubectl, pinned, status,
};
use super::{alerts, rollout, secrets, served};
use crate::shown::shown;
use alloy_signer_local::coins_bip39::{English, Mnemonic};
use serde_json::{Value, json as object};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Credentials of the blob store, which the operator tells those who join.
const CREDENTIALS: [&str; 2] = ["accessKeyId", "secretAccessKey"];
/// The network's own prover.
const PROVER: &str = "statefulset/prover-node";
/// What the rollup tells of a proof.
const PROVEN: &str = "L2ProofVerified(uint256,address)";
/// A call of the node's own RPC, from within its pod.
pub(crate) const CALL: &str = r#"
const [method, params] = process.argv.slice(1);
const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: JSON.parse(params) });
const headers = { "content-type": "application/json" };
fetch("http://127.0.0.1:8080", { method: "POST", headers, body }).then(answer => answer.text()).then(console.log);
"#;

/// By a bundle that the network itself serves: syncs to the network's own blocks, and goes on with them.
pub(crate) fn full_node(_: &Machine) -> Checked {
    let before = number(&status()?["tips"]["checkpointed"]);
    let ask = |method: &str, params: &Value| call("full-node", "full-node-0", method, params);
    let bundle = |bundle: &Path| {
        served::to_stranger("full-node", bundle)?;
        beside(bundle)
    };
    let joined = joined_by(&bundle)
        .and_then(|()| follows(&ask, before))
        .and_then(|()| tried("full-node", "full-node-0"));
    let gone = gone("full-node");
    joined.and(gone)
}

/// The pod has tried the record that it joined by.
fn tried(namespace: &str, pod: &str) -> Checked {
    let log = kubectl(&["logs", "-n", namespace, pod])?;
    let mut lines = log.lines().filter(|line| line.contains("node record"));
    let line = lines.next().unwrap_or_default();
    let well = line.contains("node record 1 of 1: ") && line.ends_with(":40400 answers");
    expect(well, "a node record that leads to a node", &line)
}

/// Registers, is drawn and attests; leaves the set again.
pub(crate) fn validator(_: &Machine) -> Checked {
    let attests = joined("validator").and_then(|()| attests("validator", "validator-0"));
    let gone = gone("validator");
    attests.and(gone)
}

/// Proves an epoch while the network's own prover is away: the L1 names who did.
pub(crate) fn prover(_: &Machine) -> Checked {
    let proves = joined("prover").and_then(|()| proves("prover", "prover-node-0"));
    let gone = gone("prover");
    proves.and(gone)
}

/// Tests of wallets run on the stranger's own wallet server.
pub(crate) fn wallet(_: &Machine) -> Checked {
    let moves = joined("wallet").and_then(|()| moves_tokens("wallet", "pod/pxe-0"));
    let gone = gone("wallet");
    moves.and(gone)
}

/// Does what the page says, in a folder with nothing but the bundle and what people give each other.
fn joined(role: &str) -> Checked {
    joined_by(&|bundle| given(role, bundle))
}

fn joined_by(given: &dyn Fn(&Path) -> Checked) -> Checked {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let bundle = folder.path().join("bundle");
    given(&bundle)?;
    let script = commands(&bundle.join("README.md"), "helm install")?;
    stranger(&script, &bundle)
}

/// A bundle, and what people give each other by hand.
pub(crate) fn given(role: &str, bundle: &Path) -> Checked {
    let place = bundle.to_string_lossy();
    json(&[
        "join",
        NETWORK,
        "--cluster",
        CLUSTER,
        "--role",
        role,
        "--output",
        &*place,
    ])?;
    beside(bundle)
}

/// What people give each other by hand, put beside what is in a bundle, which has nothing of it.
fn beside(bundle: &Path) -> Checked {
    tells_no_secret(bundle)?;
    for key in CREDENTIALS {
        put(bundle, key, &credential(key)?)?;
    }
    let mnemonic = Mnemonic::<English>::new(&mut rand::rngs::OsRng);
    put(bundle, "mnemonic", &mnemonic.to_phrase())
}

/// Puts a file into a bundle.
pub(crate) fn put(bundle: &Path, name: &str, text: &str) -> Checked {
    std::fs::write(bundle.join(name), text).map_err(|error| format!("{name}: {error}"))
}

/// A page's commands, each told before it runs; `one` is among them.
pub(crate) fn commands(page: &Path, one: &str) -> Result<String, String> {
    let page = std::fs::read_to_string(page).map_err(|error| error.to_string())?;
    let mut script = String::new();
    for command in shown(&page) {
        let quoted = command.text.replace('\'', r"'\''");
        let _ = writeln!(
            script,
            "echo 'line {}: {quoted}' >&2\n{}",
            command.line, command.text
        );
    }
    expect(script.contains(one), "commands on the page", &page)?;
    Ok(script)
}

/// Nothing in the bundle is a key, a password or derived from one.
pub(crate) fn tells_no_secret(bundle: &Path) -> Checked {
    let network = status()?;
    let namespace = rollout::namespace()?;
    let needles = secrets::needles(&namespace, &network, &secrets::MNEMONIC)?;
    for name in [
        "README.md",
        "values.yaml",
        "COMPOSE.md",
        "compose.yaml",
        "network.json",
    ] {
        let text = std::fs::read_to_string(bundle.join(name)).map_err(|error| error.to_string())?;
        let text = text.to_lowercase();
        let found = needles
            .iter()
            .find(|(_, secret)| text.contains(secret.as_str()));
        // Never the secret itself: this is a log as well.
        if let Some((what, _)) = found {
            return Err(format!("{what} is in {name} of the bundle"));
        }
    }
    Ok(())
}

fn credential(key: &str) -> Result<String, String> {
    let template = format!("go-template={{{{.data.{key} | base64decode}}}}");
    let namespace = rollout::namespace()?;
    kubectl(&[
        "get",
        "secret",
        "blob-store",
        "-n",
        &namespace,
        "-o",
        &template,
    ])
}

/// Runs commands as somebody who has kubectl and helm and no aznet.
fn stranger(script: &str, folder: &Path) -> Checked {
    let mut path = String::new();
    for program in ["kubectl", "helm"] {
        let program = pinned(program)?;
        let _ = write!(path, "{}:", program.parent().unwrap_or(&program).display());
    }
    let mut bash = Command::new("bash");
    bash.args(["-eu", "-c", script])
        .current_dir(folder)
        .env("PATH", path + "/usr/bin:/bin")
        .env("KUBECONFIG", kubeconfig()?);
    done(&mut bash)
}

/// Runs a page's commands; the error has all that they said.
pub(crate) fn done(bash: &mut Command) -> Checked {
    let output = bash
        .output()
        .map_err(|error| format!("bash could not be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "the page's commands ended with {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// What a node answers.
fn call(namespace: &str, pod: &str, method: &str, params: &Value) -> Result<Value, String> {
    let params = params.to_string();
    let text = kubectl(&[
        "exec", "-n", namespace, pod, "--", "node", "-e", CALL, method, &params,
    ])?;
    result(&text).map_err(|error| format!("{method} on {pod} of {namespace}: {error}"))
}

/// The result in an answer.
pub(crate) fn result(text: &str) -> Result<Value, String> {
    let answer: Value = serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))?;
    let result = answer.get("result").cloned();
    result.ok_or_else(|| answer.to_string())
}

/// The stranger's node, by `ask`, has the network's blocks, peers, and goes on.
pub(crate) fn follows(ask: &dyn Fn(&str, &Value) -> Result<Value, String>, before: u64) -> Checked {
    let tip = || {
        let tips = ask("node_getL2Tips", &object!([]))?;
        let checkpointed = &tips["checkpointed"];
        let numbers = [&checkpointed["checkpoint"], &checkpointed["block"]];
        Ok::<_, String>(numbers.map(|one| number(&one["number"])))
    };
    let wanted = format!("checkpoint {before} of the network, or a later one");
    let [checkpoint, block] = rollout::wait_for(&wanted, Duration::from_mins(2), || {
        let numbers = tip()?;
        (numbers[0] >= before)
            .then_some(numbers)
            .ok_or_else(|| format!("{numbers:?}"))
    })?;
    let theirs = rollout::namespace()?;
    for number in [1, block.div_ceil(2), block] {
        let params = object!([number]);
        let told = |block: Value| (block["header"].clone(), block["archive"].clone());
        let network = told(call(&theirs, "full-node-0", "node_getBlock", &params)?);
        let stranger = told(ask("node_getBlock", &params)?);
        expect(
            network == stranger && network.0.is_object(),
            &format!("block {number} of the network, {network:?}"),
            &stranger,
        )?;
    }
    let peers = ask("p2p_getPeers", &object!([]))?;
    let some = peers.as_array().is_some_and(|peers| !peers.is_empty());
    expect(some, "peers of the network", &peers)?;
    rollout::wait_for(
        "a checkpoint after it has joined",
        Duration::from_mins(2),
        || {
            let [now, _] = tip()?;
            (now > checkpoint)
                .then_some(())
                .ok_or_else(|| format!("checkpoint {now}"))
        },
    )
}

/// The first of the addresses of a kind that a pod holds.
fn held(namespace: &str, pod: &str, kind: &str) -> Result<String, String> {
    let program = ["/aznet/bin/aznet-node", "validators", "held"];
    let report = kubectl(&[&["exec", "-n", namespace, pod, "--"], &program[..]].concat())?;
    let last = report.lines().last().unwrap_or_default();
    let report: Value = serde_json::from_str(last).map_err(|error| format!("{error}: {last}"))?;
    let address = report["held"][kind][0].as_str();
    let address = address.ok_or_else(|| format!("no {kind} in {report}"))?;
    Ok(address.to_lowercase())
}

fn proves(namespace: &str, pod: &str) -> Checked {
    let publisher = held(namespace, pod, "publishers")?;
    alerts::scale(PROVER, 0)?;
    let seen = rollout::wait_for("a proof by the stranger", Duration::from_mins(8), || {
        let proofs = proofs_by(&publisher)?;
        (proofs > 0)
            .then_some(())
            .ok_or_else(|| format!("no proof by {publisher}"))
    });
    alerts::scale(PROVER, 1)?;
    seen
}

/// How many proofs the L1 has taken from an account.
fn proofs_by(publisher: &str) -> Result<usize, String> {
    let urls = json(&["env", NETWORK, "--cluster", CLUSTER])?;
    let l1 = urls["ETHEREUM_HOSTS"].as_str().ok_or("no URL of the L1")?;
    let word = format!("0x{:0>64}", publisher.trim_start_matches("0x"));
    let event = alloy_primitives::keccak256(PROVEN).to_string();
    let filter = object!({"fromBlock": "earliest", "topics": [event, null, word]});
    let call = object!({"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [filter]});
    let answer = post(l1, &call.to_string())?;
    let proofs = answer["result"].as_array();
    proofs
        .map(Vec::len)
        .ok_or_else(|| format!("eth_getLogs: {answer}"))
}

fn moves_tokens(namespace: &str, pod: &str) -> Checked {
    let mut forward = Command::new(pinned("kubectl")?);
    forward.args(["--kubeconfig", &kubeconfig()?, "port-forward"]);
    forward.args(["-n", namespace, pod, ":8080"]);
    let mut forward = forward
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("kubectl could not be started: {error}"))?;
    let moved = forwarded(&mut forward).and_then(|url| wallet_tests_on(&url));
    let _ = forward.kill();
    let _ = forward.wait();
    moved
}

/// Where kubectl listens, once it does.
fn forwarded(forward: &mut Child) -> Result<String, String> {
    let out = forward.stdout.take().ok_or("kubectl has no output")?;
    let (first, said) = mpsc::channel();
    // To its end: kubectl writes a line for each connection, and stops where nobody reads.
    thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            let _ = first.send(line);
        }
    });
    let line = said.recv_timeout(Duration::from_mins(1));
    let line = line.map_err(|error| format!("kubectl port-forward said nothing: {error}"))?;
    // Forwarding from 127.0.0.1:PORT -> 8080
    let address = line.split(' ').nth(2);
    let address = address.ok_or_else(|| format!("kubectl port-forward said {line:?}"))?;
    Ok(format!("http://{address}"))
}

fn attests(namespace: &str, pod: &str) -> Checked {
    let attester = held(namespace, pod, "attesters")?;
    let from = number(&status()?["now"]["slot"]);
    // The network's own nodes have seen it. Of so many validators each epoch's committee leaves some out.
    rollout::wait_for("the stranger's attestation", Duration::from_mins(8), || {
        rollout::first_duty(&attester, from)?
            .ok_or_else(|| format!("{attester} has done no duty since slot {from}"))
    })?;
    let leave = ["/aznet/bin/aznet-node", "validators", "leave"];
    kubectl(&[&["exec", "-n", namespace, pod, "--"], &leave[..]].concat()).map(drop)
}

fn gone(namespace: &str) -> Checked {
    let args = [
        "delete",
        "namespace",
        namespace,
        "--ignore-not-found",
        "--timeout=2m",
    ];
    kubectl(&args).map(drop)
}
