//! `helm test` of a network without a quorum: it fails, and says why where people look.

use super::alerts::scale;
use super::checks::expect;
use super::machine::{Checked, Machine, NETWORK, helm, kubectl, tail, until};
use super::rollout::namespace;
use serde_json::Value;
use std::time::Duration;

const VALIDATORS: &str = "statefulset/validator";
/// Those that go: two of four are no quorum.
const AWAY: [&str; 2] = ["pod/validator-2", "pod/validator-3"];
/// The first transaction of the test, and what never becomes of it.
const REASON: [&str; 2] = ["token_deploy", "to be checkpointed"];
/// What the test says last but one on a network that is well.
const ARRIVED: &str = "tokens were sent and arrived";
/// Time for validators to start, to sync and to find each other.
const BACK: Duration = Duration::from_mins(10);

/// Without a quorum it fails with its reason in the log and in the termination message; with all validators back it passes.
pub(crate) fn fails_and_says_why(_: &Machine) -> Checked {
    let namespace = namespace()?;
    let told = without_quorum().and_then(|()| told(&namespace));
    let seen = told.as_ref().err().map(|_| evidence(&namespace));
    // Whatever was seen, the network gets back what it had.
    scale(VALIDATORS, 4)?;
    until("every node ready", BACK, |status| status["ready"] == true)?;
    told.map_err(|error| format!("{error}\n{}", seen.unwrap_or_default()))?;
    let passes = passes(&namespace).map_err(|error| format!("{error}\n{}", evidence(&namespace)));
    kubectl(&["delete", "pod", "smoke", "--namespace", &namespace])?;
    passes
}

fn without_quorum() -> Checked {
    scale(VALIDATORS, 2)?;
    let namespace = namespace()?;
    let gone = ["wait", "--for=delete", "--timeout=3m", "--namespace"];
    kubectl(&[&gone[..], &[namespace.as_str()], &AWAY].concat()).map(drop)
}

fn test(namespace: &str) -> Result<String, String> {
    let test = ["test", NETWORK, "--timeout", "12m", "--logs"];
    helm(&[&test[..], &["--namespace", namespace]].concat())
}

/// The test fails, its log ends with the reason, and so does its container.
fn told(namespace: &str) -> Checked {
    let said = match test(namespace) {
        Ok(said) => return Err(format!("`helm test` passed without a quorum:\n{said}")),
        Err(said) => said,
    };
    expect(said.contains("smoke"), "the pod that failed", &said)?;
    let ended = ended(namespace)?;
    let code = ended["exitCode"].as_i64();
    expect(
        code.is_some_and(|code| code != 0),
        "an exit code of a failure",
        &ended,
    )?;
    let reason = ended["message"].as_str().unwrap_or_default().trim();
    for words in REASON {
        let what = format!("`{words}` in the termination message");
        expect(reason.contains(words), &what, &ended)?;
    }
    let log = kubectl(&["logs", "smoke", "--namespace", namespace])?;
    let last = log.lines().last().unwrap_or_default();
    expect(
        last.contains(reason),
        "the same in the log's last line",
        &log,
    )?;
    expect(!log.contains(ARRIVED), "no token that arrived", &log)
}

/// How the container ended.
fn ended(namespace: &str) -> Result<Value, String> {
    let pod = [
        "get",
        "pod",
        "smoke",
        "--namespace",
        namespace,
        "--output",
        "json",
    ];
    let pod: Value = serde_json::from_str(&kubectl(&pod)?).map_err(|error| error.to_string())?;
    Ok(pod["status"]["containerStatuses"][0]["state"]["terminated"].clone())
}

fn passes(namespace: &str) -> Checked {
    let said = test(namespace)?;
    expect(said.contains(ARRIVED), ARRIVED, &said)?;
    let ended = ended(namespace)?;
    expect(ended["exitCode"] == 0, "exit code 0", &ended)
}

/// What the pod said and how it is, for the case that something failed.
fn evidence(namespace: &str) -> String {
    let log = kubectl(&["logs", "smoke", "--namespace", namespace]);
    let pod = kubectl(&["describe", "pod", "smoke", "--namespace", namespace]);
    [log, pod]
        .map(|text| text.map_or_else(|error| error, |text| tail(&text, 60)))
        .join("\n")
}
