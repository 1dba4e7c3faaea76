//! What every kind of fault does, is seen by and needs: what the reference is made of.

use aznet_model::chaos::{Experiment, Fault, L1Action, ProtocolAction};
use serde_json::{Value, json};

use crate::capability::{self, Capability};
use crate::effect::Effect;
use crate::settings;

/// A kind of fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// As values write it, such as `network: delay`.
    pub name: String,
    /// A fault of the kind, as values write it.
    pub example: Value,
    /// What it does.
    pub does: String,
    /// What shows it, and by which measure; `None`: nothing measures it, so that `aznet` refuses it.
    pub shown: Option<String>,
    /// What each node of its pods must have.
    pub needs: Vec<Capability>,
    /// Whether `aznet-netem` does it where the node lacks that.
    pub emulated: bool,
}

/// What faults of Chaos Mesh do, and what shows them.
const OF_MESH: [(&str, &str, &str); 18] = [
    (
        r#"{"pod": {"action": "kill"}}"#,
        "The pod is deleted; its workload makes another.",
        "It is gone, or another pod has its name.",
    ),
    (
        r#"{"pod": {"action": "failure"}}"#,
        "Its containers are replaced by one that does nothing.",
        "It is not ready, and each of its containers runs another image, until the time is over.",
    ),
    (
        r#"{"pod": {"action": "container-kill", "containers": ["x"]}}"#,
        "Containers of it are killed; they are started again.",
        "They are other ones, and have restarted once more.",
    ),
    (
        r#"{"network": {"action": "partition"}}"#,
        "Packets to, from, or to and from the target are dropped.",
        "No TCP connection with the target is possible that was, and all others between the network's pods are. By the direction, the first packet of a connection arrives or does not.",
    ),
    (
        r#"{"network": {"action": "bandwidth", "rate": "1mbps"}}"#,
        "So many bytes a second get out.",
        "At most `rate` and a fifth leaves its interfaces while it tries to send four times as much; before and after, at least twice `rate` does.",
    ),
    (
        r#"{"network": {"action": "delay", "latency": "100ms"}}"#,
        "Packets are late.",
        "The median time until its connections are answered, or that of the earliest tenth, grows by at least four fifths of `latency`, and not by far more; with `jitter`, the times spread by at least half of it.",
    ),
    (
        r#"{"network": {"action": "loss", "percent": 10}}"#,
        "Packets are lost.",
        "Of the connections that it tries – 60, or up to 400 where less is lost –, the first packet is lost for at least a quarter of the share asked for. A loss of less than 1 % is refused: it would show too rarely.",
    ),
    (
        r#"{"network": {"action": "corrupt", "percent": 10}}"#,
        "Packets are damaged, and so lost.",
        "As with loss.",
    ),
    (
        r#"{"network": {"action": "duplicate", "percent": 10}}"#,
        "Packets come twice.",
        "Of 100 connections that it begins and ends, kernels notice a packet twice for at least a quarter of the share asked for: those of other pods tell it so (D-SACK), or its own is asked again to begin.",
    ),
    (
        r#"{"stress": {"cpu": {"workers": 1}}}"#,
        "Processes of its use the processor.",
        "Its container uses more: at least a third of what was asked for, or of what the machine has, since others compete for it.",
    ),
    (
        r#"{"stress": {"memory": {"workers": 1, "size": "64MB"}}}"#,
        "Processes of its hold memory.",
        "Its container holds more, page cache not counted: at least nine tenths of what was asked for.",
    ),
    (
        r#"{"clock": {"offset": "-10m"}}"#,
        "Its processes see another time.",
        "What serves HTTP in it dates its answers so much earlier or later, give or take two and a half seconds. An offset of less than five seconds is refused: it could not be told from none.",
    ),
    (
        r#"{"io": {"action": "latency", "volume": "/data", "delay": "100ms"}}"#,
        "Calls of the file system take longer.",
        "",
    ),
    (
        r#"{"io": {"action": "fault", "volume": "/data", "errno": 5}}"#,
        "Calls of the file system fail.",
        "",
    ),
    (
        r#"{"dns": {"action": "error"}}"#,
        "Names do not resolve.",
        "",
    ),
    (
        r#"{"dns": {"action": "random"}}"#,
        "Names resolve to some address.",
        "",
    ),
    (
        r#"{"http": {"action": "abort", "port": 8080}}"#,
        "Connections of requests are cut off.",
        "",
    ),
    (
        r#"{"http": {"action": "delay", "port": 8080, "delay": "1s"}}"#,
        "Requests arrive later.",
        "",
    ),
];

/// All kinds, in the order of the reference.
pub fn kinds() -> Vec<Kind> {
    let of_mesh = OF_MESH.iter().filter_map(|(fault, does, shown)| {
        let fault = serde_json::from_str(fault).ok()?;
        kind(&fault, does, shown)
    });
    let of_protocol = ProtocolAction::ALL.iter().filter_map(|action| {
        let fault = json!({"protocol": {"action": action}});
        let settings = settings::words(&action.settings());
        kind(
            &fault,
            of_protocol(*action),
            &format!("Its node, asked by the admin API, says `{settings}`."),
        )
    });
    let of_l1 = L1Action::ALL.iter().filter_map(|action| {
        let fault = json!({"l1": {"action": action}});
        let (does, shown) = of_l1(*action);
        kind(&fault, does, shown)
    });
    of_mesh.chain(of_protocol).chain(of_l1).collect()
}

fn kind(fault: &Value, does: &str, shown: &str) -> Option<Kind> {
    let mut experiment = json!({"pods": {}, "duration": "30s"});
    let example = fault.clone();
    experiment
        .as_object_mut()?
        .extend(fault.as_object()?.clone());
    let experiment: Experiment = serde_json::from_value(experiment).ok()?;
    let fault = experiment.fault()?;
    let part = match fault {
        Fault::Stress(fault) if fault.cpu.is_some() => "cpu",
        Fault::Stress(_) => "memory",
        other => other.action(),
    };
    Some(Kind {
        name: format!("{}: {part}", fault.key()),
        example,
        does: does.to_owned(),
        shown: Effect::of(&experiment).map(|_| shown.to_owned()),
        needs: capability::needed(fault),
        emulated: matches!(fault, Fault::Network(fault) if fault.is_of_packets()),
    })
}

const fn of_protocol(action: ProtocolAction) -> &'static str {
    match action {
        ProtocolAction::WithholdProposals => "It builds no block.",
        ProtocolAction::WithholdCheckpoints => "It publishes nothing to the L1.",
        ProtocolAction::InvalidProposals => "It proposes blocks with a wrong state.",
        ProtocolAction::MissingAttestations => "It publishes without the attestations of a quorum.",
        ProtocolAction::FakeAttestations => {
            "It publishes an attestation by nobody of the committee."
        }
        ProtocolAction::MalleableAttestations => "It publishes a signature whose s is too high.",
        ProtocolAction::UnrecoverableAttestations => {
            "It publishes a signature that nobody can have made."
        }
        ProtocolAction::ShuffledAttestations => "It publishes attestations in another order.",
        ProtocolAction::SpareInvalidCheckpoints => {
            "It leaves an invalid checkpoint before its own as it is."
        }
    }
}

const fn of_l1(action: L1Action) -> (&'static str, &'static str) {
    match action {
        L1Action::Paused => (
            "It makes no blocks, and answers.",
            "No block comes for one and a half times the time that one takes.",
        ),
        L1Action::Slow => (
            "Its blocks come every `blockTime`.",
            "Two new blocks are as far apart, less a fifth.",
        ),
        L1Action::Reorg => (
            "Its last `depth` blocks are replaced by empty ones.",
            "The oldest of them has another hash.",
        ),
        L1Action::BaseFee => (
            "Gas costs `gwei`.",
            "The newest block has that base fee, less a quarter.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_can_be_measured_says_by_what() {
        let all = kinds();
        assert_eq!(
            all.len(),
            OF_MESH.len() + ProtocolAction::ALL.len() + L1Action::ALL.len()
        );
        for kind in all {
            assert!(
                kind.shown.is_none_or(|shown| !shown.is_empty()),
                "{}",
                kind.name
            );
        }
    }
}
