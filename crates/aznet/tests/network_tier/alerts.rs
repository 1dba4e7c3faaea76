//! Alerts of the network's own Prometheus: silent while it is healthy, each there for its cause and gone after it.
//!
//! What takes hours or cannot be made without breaking the network for the checks after these is tested by promtool, in
//! the chart tier: `AztecVolumeFillsUp`, `AztecNodeOverloaded`, `AztecNoCheckpointSinceStart`,
//! `AztecValidatorMissesAttestations`, `AztecAttestationsFail`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::checks::{expect, number, post};
use super::machine::{self, CLUSTER, Checked, Machine, NETWORK, kubectl, status, until};
use super::rollout::{namespace, wait_for};
use super::telemetry::Prometheus;

/// Slots of three epochs of the network `small`.
const THREE_EPOCHS: u64 = 12;
/// Time for an alert: the longest, `AztecNodeSilent`, waits three minutes after the collector has forgotten a pod.
const FIRES: Duration = Duration::from_mins(7);
/// Time for a pod to start, push, and be seen; and for the ten minutes in which a prune is told of.
const BACK: Duration = Duration::from_mins(15);
/// 10,000 ETH, in wei: what anvil's accounts begin with.
const PLENTY: &str = "0x21e19e0c9bab2400000";

/// What makes an alert fire.
enum Cause {
    /// So many pods of a workload; and how many there are to be.
    Scaled(&'static str, u32, u32),
    /// An account that publishes has no ETH.
    Broke,
}

/// Alerts, each with the role that it names (empty where it is about all), and their cause. Others may fire with them.
const CAUSES: [(&[&str], Cause); 6] = [
    (
        &["AztecNodeSilent validator"],
        Cause::Scaled("statefulset/validator", 3, 4),
    ),
    (
        &["AztecNoNewCheckpoint "],
        Cause::Scaled("statefulset/validator", 2, 4),
    ),
    (
        &["AztecNoProverAgents prover-agent"],
        Cause::Scaled("deployment/prover-agent", 0, 1),
    ),
    (
        &["AztecTelemetryDown "],
        Cause::Scaled("deployment/otel-collector", 0, 1),
    ),
    (&["AztecL1BalanceLow validator-3"], Cause::Broke),
    // Proofs that are missed for so long come too late for some epoch.
    (
        &["AztecNoProof ", "AztecPruned "],
        Cause::Scaled("statefulset/prover-node", 0, 1),
    ),
];

/// No alert fires while a healthy network makes the checkpoints of three epochs.
pub(super) fn healthy_is_quiet(_: &Machine) -> Checked {
    let prometheus = Prometheus::of_network()?;
    let first = number(&status()?["tips"]["checkpointed"]);
    let mut fired = Ok(());
    until(
        "three epochs of checkpoints",
        Duration::from_mins(6),
        |status| {
            fired = quiet(&prometheus);
            fired.is_err() || number(&status["tips"]["checkpointed"]) >= first + THREE_EPOCHS
        },
    )?;
    fired
}

/// Each alert fires when its cause is made, and all are silent again when it is gone.
pub(super) fn fire_and_resolve(_: &Machine) -> Checked {
    let prometheus = Prometheus::of_network()?;
    wait_for("alerts of earlier checks resolve", BACK, || {
        quiet(&prometheus)
    })?;
    for (alerts, cause) in &CAUSES {
        let fired = cause.make().and_then(|()| fire(&prometheus, alerts));
        let status = status()?;
        // Whatever was seen, the network gets back what it had.
        cause.mend()?;
        let fired = fired?;
        // Three of four are a quorum: nothing else is wrong.
        if matches!(cause, Cause::Scaled(_, 3, 4)) {
            expect(fired.len() == 1, "this alert alone", &fired)?;
        }
        if alerts.contains(&"AztecPruned ") {
            expect(status["pruned"]["last"].is_u64(), "a prune", &status)?;
        }
        until("every node ready", BACK, |status| status["ready"] == true)?;
        wait_for(&format!("{alerts:?} resolve"), BACK, || quiet(&prometheus))?;
    }
    Ok(())
}

fn quiet(prometheus: &Prometheus) -> Checked {
    let alerts = prometheus.firing()?;
    expect(alerts.is_empty(), "no alert", &alerts)
}

/// Waits until all of these have fired; those that fire with the last.
fn fire(prometheus: &Prometheus, alerts: &[&str]) -> Result<BTreeSet<String>, String> {
    let mut firing = BTreeSet::new();
    for alert in alerts {
        firing = wait_for(&format!("{alert} fires"), FIRES, || {
            let firing = prometheus.firing()?;
            if firing.iter().any(|one| one.starts_with(alert)) {
                Ok(firing)
            } else {
                Err(format!("firing: {firing:?}"))
            }
        })?;
    }
    Ok(firing)
}

impl Cause {
    fn make(&self) -> Checked {
        match self {
            Self::Scaled(workload, fewer, _) => scale(workload, *fewer),
            Self::Broke => balance("0x0"),
        }
    }

    fn mend(&self) -> Checked {
        match self {
            Self::Scaled(workload, _, all) => scale(workload, *all),
            Self::Broke => balance(PLENTY),
        }
    }
}

pub(super) fn scale(workload: &str, replicas: u32) -> Checked {
    let (namespace, replicas) = (namespace()?, format!("--replicas={replicas}"));
    kubectl(&["scale", workload, "-n", &namespace, &replicas]).map(drop)
}

/// Gives the publisher of one validator this balance: the others propose, and the prover proves.
fn balance(wei: &str) -> Checked {
    let query = "aztec_l1_balance_eth{pod=\"validator-3\"}";
    let series = Prometheus::of_network()?.ask("query", query)?;
    let sender = series["result"][0]["metric"]["aztec_l1_sender"].clone();
    expect(sender.is_string(), "the account of validator-3", &series)?;
    let urls = machine::json(&["env", NETWORK, "--cluster", CLUSTER])?;
    let l1 = urls["ETHEREUM_HOSTS"].as_str().ok_or("no URL of the L1")?;
    let body =
        json!({"jsonrpc": "2.0", "id": 1, "method": "anvil_setBalance", "params": [sender, wei]});
    let answer = post(l1, &body.to_string())?;
    expect(answer["error"].is_null(), "a balance", &answer)
}
