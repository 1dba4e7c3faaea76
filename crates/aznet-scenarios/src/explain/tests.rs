use aznet_network::bundle::{Manifest, Reproduction};
use aznet_runner::observation::Tip;
use serde_json::json;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).unwrap()
}

fn bundle(members: &[(&str, String)]) -> Bundle {
    let manifest = Manifest {
        aznet: "0.1.0".to_owned(),
        made: at(100),
        network: "small".to_owned(),
        namespace: "aznet-small-x".to_owned(),
        cluster: "embedded".to_owned(),
        test: Some(Reproduction {
            test: "small::transfer".to_owned(),
            began: at(0),
            seed: 7,
            command: "aznet test transfer".to_owned(),
        }),
        members: Vec::new(),
        missing: Vec::new(),
        redacted: 0,
    };
    let members = members
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.clone()));
    Bundle {
        manifest,
        members: members.collect(),
    }
}

fn observed(seconds: i64, seen: Observation) -> String {
    let event = Event {
        at: at(seconds),
        kind: Kind::Observed {
            network: "small".to_owned(),
            seen,
        },
    };
    serde_json::to_string(&event).unwrap() + "\n"
}

fn slot(slot: u64, outcome: SlotOutcome) -> Observation {
    Observation::Slot {
        slot,
        epoch: slot / 4,
        proposer: Some("0xabc".to_owned()),
        pod: Some("validator-1".to_owned()),
        outcome,
    }
}

fn killed(seconds: i64) -> String {
    json!({"metadata": {"name": "validator-1"}, "status": {"containerStatuses": [{"name": "aztec", "image": "", "imageID": "",
        "ready": true, "restartCount": 1, "state": {"running": {}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": at(seconds)}}}]}})
    .to_string()
}

fn lines(bundle: &Bundle) -> Vec<String> {
    let explanation = Explanation::of(bundle);
    let line = |entry: &Entry| {
        let after = entry.at.duration_since(at(0)).as_secs();
        format!("{after} {} {}", entry.about, entry.what)
    };
    explanation.timeline.iter().map(line).collect()
}

#[test]
fn causes_come_before_what_follows_from_them() {
    let events = [
        observed(10, slot(6, SlotOutcome::Checkpointed)),
        observed(22, slot(7, SlotOutcome::Missed)),
        observed(34, slot(8, SlotOutcome::Proposed)),
        observed(46, slot(9, SlotOutcome::Checkpointed)),
        observed(
            24,
            Observation::Restarted {
                pod: "validator-1".to_owned(),
                restarts: 1,
                why: "the same, told later".to_owned(),
            },
        ),
        observed(
            60,
            Observation::Violated {
                invariant: "one chain".to_owned(),
                seen: "a has x, b has y".to_owned(),
                slot: Some(9),
            },
        ),
        "{half a li".to_owned(),
    ];
    let warning = json!([{"metadata": {}, "type": "Warning", "reason": "BackOff", "message": "back-off 10s",
        "involvedObject": {"kind": "Pod", "name": "validator-1"}, "firstTimestamp": at(12), "lastTimestamp": at(90)}]);
    let log = format!(
        "{} ERROR: before the test\n{} INFO: ok\n{} ERROR: archiver lost the L1\n",
        at(-5),
        at(1),
        at(30)
    );
    let bundle = bundle(&[
        (EVENTS, events.concat()),
        ("pods/validator-1.json", killed(8)),
        (CLUSTER_EVENTS, warning.to_string()),
        ("logs/full-node-0/aztec.log", log),
    ]);
    assert_eq!(
        lines(&bundle),
        [
            "8 validator-1 restarted: aztec ended with exit code 137 (OOMKilled)",
            "10 slots 7-8 have no checkpoint; it was the turn of validator-1",
            "12 validator-1 has a warning of Kubernetes, BackOff: back-off 10s",
            "30 full-node-0 logs its first error: ERROR: archiver lost the L1",
            "60 slot 9 broke a rule: a has x, b has y (rule: one chain)",
        ]
    );
    assert_eq!(
        Explanation::of(&bundle).first(),
        "first: validator-1 restarted: aztec ended with exit code 137 (OOMKilled) at 1970-01-12T13:46:48Z"
    );
}

#[test]
fn what_was_looked_at_is_said_if_nothing_is_known() {
    let bundle = bundle(&[(
        "logs/validator-0/aztec.log",
        format!("{} INFO: ok\n", at(1)),
    )]);
    assert_eq!(lines(&bundle), Vec::<String>::new());
    assert_eq!(
        Explanation::of(&bundle).first(),
        "first: nothing is known to be wrong; looked at 0 pods, 1 log"
    );
}

#[test]
fn a_pod_that_is_gone_is_known_by_what_the_run_saw() {
    let restart = Observation::Restarted {
        pod: "anvil-b".to_owned(),
        restarts: 0,
        why: "it replaces anvil-a".to_owned(),
    };
    let bundle = bundle(&[(EVENTS, observed(3, restart))]);
    assert_eq!(lines(&bundle), ["3 anvil-b restarted: it replaces anvil-a"]);
}

/// A test that a network was not fit for has seen nothing of why.
#[test]
fn what_was_before_the_test_is_told_if_nothing_happened_since() {
    let log = format!("{} ERROR: no quorum\n{} INFO: ok\n", at(-5), at(1));
    let bundle = bundle(&[("logs/validator-0/aztec.log", log)]);
    let expected = ["-5 validator-0 logs its first error: ERROR: no quorum"];
    assert_eq!(lines(&bundle), expected);
    let first = Explanation::of(&bundle).first();
    assert!(first.ends_with(", before the test"), "{first}");
}

/// What Kubernetes tries again by itself has kept nobody from anything.
#[test]
fn a_warning_that_passed_is_not_what_happened_first() {
    let warning = |second: i64, reason: &str, message: &str| {
        json!({"metadata": {}, "type": "Warning", "reason": reason, "message": message,
            "involvedObject": {"kind": "Pod", "name": "pxe-0"}, "firstTimestamp": at(second), "lastTimestamp": at(second)})
    };
    let conflict = "Operation cannot be fulfilled on persistentvolumeclaims \"data-pxe-0\": the object has been modified; please apply your changes to the latest version and try again";
    let refused = "probe failed: connection refused";
    let warnings = json!([
        warning(1, "FailedScheduling", conflict),
        warning(2, "Unhealthy", &format!("Startup {refused}")),
        warning(9, "Unhealthy", &format!("Readiness {refused}")),
    ]);
    let pod = |started: bool| {
        let status = json!({"name": "pxe", "image": "", "imageID": "", "ready": false, "restartCount": 0, "started": started});
        json!({"metadata": {"name": "pxe-0"}, "status": {"containerStatuses": [status]}})
            .to_string()
    };
    let seen = |started| {
        let members = [
            (CLUSTER_EVENTS, warnings.to_string()),
            ("pods/pxe-0.json", pod(started)),
        ];
        lines(&bundle(&members))
    };
    let told = |second: i64, probe: &str| {
        format!("{second} pxe-0 has a warning of Kubernetes, Unhealthy: {probe} {refused}")
    };
    assert_eq!(seen(true), [told(9, "Readiness")]);
    assert_eq!(seen(false), [told(2, "Startup")]);
}

#[test]
fn nodes_that_lose_what_was_on_l1_are_told_together() {
    let tips = |seconds, node: &str, number| {
        let tip = |number| Tip {
            number,
            hash: format!("0x{number}"),
        };
        observed(
            seconds,
            Observation::Tips {
                node: node.to_owned(),
                slot: 40,
                proposed: tip(number),
                checkpointed: tip(number),
                proven: tip(0),
                finalized: tip(0),
            },
        )
    };
    let events = [
        tips(1, "a", 11),
        tips(2, "b", 12),
        tips(3, "a", 0),
        tips(4, "b", 0),
        tips(5, "b", 1),
    ];
    let bundle = bundle(&[(EVENTS, events.concat())]);
    assert_eq!(
        lines(&bundle),
        ["3 a, b went back from block 12 on L1 to block 0"]
    );
}
