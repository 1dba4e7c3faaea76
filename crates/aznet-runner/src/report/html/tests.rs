use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Html,
    data::data,
    model::Model,
    page::page,
    statistics::{Latency, latencies, turns},
};
use crate::{
    event::{Event, Kind},
    observation::{FaultState, Observation, SlotOutcome, Stage, Tip},
    report::{Reporter, tests::recorded},
    test::TestId,
    verdict::Verdict,
};

fn event(second: u64, kind: Kind) -> Event {
    let since = SignedDuration::from_secs(i64::try_from(second).unwrap());
    let at = Timestamp::UNIX_EPOCH + since;
    Event { at, kind }
}

/// A run of which only this was seen.
fn model(seen: impl IntoIterator<Item = (u64, Observation)>) -> Model {
    let mut model = Model::default();
    for (second, seen) in seen {
        let network = "small".into();
        model.event(&event(second, Kind::Observed { network, seen }));
    }
    model
}

/// Its network as the page's script reads it.
fn network(model: &Model) -> Value {
    serde_json::to_value(data(model)).unwrap()["networks"][0].clone()
}

fn slot(slot: u64, outcome: SlotOutcome) -> Observation {
    let proposer = Some(format!("0x{}", slot % 2));
    let (epoch, pod) = (slot / 8, None);
    Observation::Slot {
        slot,
        epoch,
        proposer,
        pod,
        outcome,
    }
}

fn tips(number: u64) -> Observation {
    let tip = || Tip {
        number,
        hash: String::new(),
    };
    Observation::Tips {
        node: "validator-0".into(),
        slot: 1,
        proposed: tip(),
        checkpointed: tip(),
        proven: tip(),
        finalized: tip(),
    }
}

fn fault(state: FaultState, measured: Option<&str>) -> Observation {
    Observation::Fault {
        name: "slow".into(),
        about: "delay on validator-0".into(),
        state,
        asked: "200ms".into(),
        measured: measured.map(str::to_owned),
    }
}

fn transfer(id: u64, stage: Stage, took: u64) -> Observation {
    Observation::Transfer {
        id: id.to_string(),
        kind: "private".into(),
        stage,
        took: Duration::from_secs(took),
    }
}

#[test]
fn a_slot_lasts_from_the_one_before_to_when_it_was_seen_to_have_passed() {
    let outcome = SlotOutcome::Checkpointed;
    // Slot 4 was not seen.
    let seen = [(24, 1), (48, 2), (73, 3), (121, 5)];
    let model = model(seen.map(|(second, number)| (second, slot(number, outcome))));
    let slots = &network(&model)["slots"];
    // Milliseconds since the first event, each as the difference from the one before.
    assert_eq!(slots["to"], json!([0, 24_000, 25_000, 48_000]));
    assert_eq!(slots["from"], json!([-25_000, 25_000, 24_000, 48_000]));
}

#[test]
fn missed_slots_are_told_by_proposer() {
    use SlotOutcome::{Checkpointed, Missed, Proposed};
    let outcomes = [Checkpointed, Missed, Proposed, Missed, Checkpointed];
    let seen = (2..)
        .zip(outcomes)
        .map(|(number, outcome)| (number * 24, slot(number, outcome)));
    let model = model(seen);
    let turns = turns(&model.networks["small"]);
    let told: Vec<_> = turns
        .iter()
        .map(|(who, of)| {
            (
                who.unwrap(),
                of.all(),
                of.missed.as_slice(),
                of.proposed.as_slice(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("0x1", 2, [3, 5].as_slice(), [].as_slice()),
            ("0x0", 3, &[], &[4])
        ]
    );
}

#[test]
fn a_node_is_silent_until_it_answers() {
    let silent = || Observation::Silent {
        node: "validator-0".into(),
        why: "connection refused".into(),
    };
    let seen = [
        (0, tips(1)),
        (10, silent()),
        (20, silent()),
        (30, tips(2)),
        (40, silent()),
        (50, tips(2)),
    ];
    let pod = &network(&model(seen))["pods"][0];
    let why = "connection refused";
    assert_eq!(
        pod["silent"],
        json!([[10_000, 30_000, why], [40_000, 50_000, why]])
    );
}

#[test]
fn a_fault_that_is_asked_for_again_is_another() {
    use FaultState::{Bites, DoesNotBite, Healed, Injected};
    let seen = [
        (0, fault(Injected, None)),
        (5, fault(Bites, Some("195 ms"))),
        (30, fault(Healed, None)),
        (60, fault(Injected, None)),
        (80, fault(DoesNotBite, Some("0 ms"))),
        (90, slot(3, SlotOutcome::Missed)),
    ];
    let model = model(seen);
    let faults = &model.networks["small"].faults;
    let told: Vec<_> = faults
        .iter()
        .map(|one| (one.bit(), one.measured.as_deref()))
        .collect();
    assert_eq!(
        told,
        [(Some(true), Some("195 ms")), (Some(false), Some("0 ms"))]
    );
    let faults = &network(&model)["faults"];
    assert_eq!(
        (&faults[0]["to"], &faults[1]["to"]),
        (&json!(30_000), &json!(90_000))
    );
    assert_eq!(
        faults[1]["states"],
        json!([[60_000, "injected"], [80_000, "does-not-bite"]])
    );
}

#[test]
fn latencies_are_of_those_that_reached_a_stage() {
    let mut seen = Vec::new();
    for id in 0..10_u64 {
        seen.push((id, transfer(id, Stage::Sent, 0)));
        if id > 0 {
            seen.push((id + 9, transfer(id, Stage::Proposed, id)));
        }
    }
    let rows = latencies(&model(seen).networks["small"]);
    let expected = Latency {
        kind: "private".into(),
        stage: 0,
        reached: 9,
        of: 10,
        seconds: [5000, 8200, 8920, 9000].map(Duration::from_millis),
    };
    assert_eq!(rows, [expected]);
}

#[test]
fn thinning_loses_no_missed_slot_and_no_lost_transfer() {
    let mut seen = Vec::new();
    for id in 0..20_000_u64 {
        seen.push((id, transfer(id, Stage::Sent, 0)));
        if id % 1000 != 1 {
            seen.push((id, transfer(id, Stage::Checkpointed, 20)));
        }
        let outcome = if id % 1000 == 1 {
            SlotOutcome::Missed
        } else {
            SlotOutcome::Checkpointed
        };
        seen.push((id, slot(id, outcome)));
        seen.push((id, tips(id)));
    }
    let seen = network(&model(seen));
    let length = |value: &Value| value.as_array().unwrap().len();
    let transfers = &seen["transfers"];
    let lost = transfers["took"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|took| took[1].is_null());
    assert_eq!((lost.count(), &transfers["of"]), (20, &json!(20_000)));
    assert!(length(&transfers["id"]) < 4000);
    let missed = seen["slots"]["outcome"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|outcome| **outcome == 2);
    assert_eq!(missed.count(), 20);
    let tips = &seen["pods"][0]["tips"];
    assert!(length(&tips["at"]) <= 2501);
    let newest: i64 = tips["blocks"][0]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_i64)
        .sum();
    assert_eq!(newest, 19_999);
}

#[test]
fn pods_are_in_the_order_of_their_numbers() {
    let restarted = |pod: &str| Observation::Restarted {
        pod: pod.into(),
        restarts: 1,
        why: "Error".into(),
    };
    let seen = ["validator-10", "validator-9", "boot-0"].map(|pod| (0, restarted(pod)));
    let pods = network(&model(seen))["pods"].clone();
    let names: Vec<_> = pods
        .as_array()
        .unwrap()
        .iter()
        .map(|pod| pod["name"].clone())
        .collect();
    assert_eq!(names, ["boot-0", "validator-9", "validator-10"]);
}

#[test]
fn the_page_says_how_the_run_ended() {
    let mut last = Vec::new();
    let mut html = Html::new(|page: &[u8]| {
        last = page.to_vec();
        Ok(())
    });
    for event in recorded() {
        html.event(&event).unwrap();
    }
    drop(html);
    let page = String::from_utf8(last).unwrap();
    for words in [
        "<h1>1 of 5 tests failed</h1>",
        "balance of 0x1: expected 750, seen 1000",
        "kernel without netem",
        "<code>42</code>",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // Nothing to load.
    let links = page
        .split("href=\"")
        .skip(1)
        .chain(page.split(" src=\"").skip(1));
    for link in links {
        assert!(
            link.starts_with('#') || link.starts_with("data:"),
            "{}",
            &link[..40]
        );
    }
}

#[test]
fn an_interrupted_run_says_what_it_waited_for() {
    let test = || TestId {
        network: "small".into(),
        name: "transfer".into(),
    };
    let mut model = Model::default();
    let kinds = [
        Kind::RunStarted {
            seed: 1,
            selected: vec![test()],
            left_out: 0,
            partition: None,
            repeat: 1,
            commit: None,
            dud_attacks: false,
        },
        Kind::TestStarted {
            test: test(),
            repetition: 1,
            attempt: 1,
        },
        Kind::Waits {
            test: test(),
            waiting: crate::test::Waiting {
                what: "block 12 proven".into(),
                last: "block 8".into(),
            },
        },
        Kind::Interrupted,
    ];
    for (second, kind) in (0..).zip(kinds) {
        model.event(&event(second, kind));
    }
    let page = page(&model).unwrap();
    for words in [
        "Interrupted after 0 of 1 test",
        "not ended",
        "waited for block 12 proven (last seen: block 8)",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn an_outage_is_told_with_since_when_how_long_and_why() {
    let mut model = Model::default();
    model.event(&event(5, Kind::Interrupted));
    let outage = crate::event::Outage {
        network: "small".into(),
        since: event(65, Kind::Interrupted).at,
        took: Duration::from_hours(2),
        why: "no node is ready".into(),
        healed: false,
    };
    model.event(&event(7_265, Kind::OutageEnded(outage)));
    let page = page(&model).unwrap();
    for words in [
        "<b>1</b> outage",
        "+1:00",
        "2 h 0 min, until the end",
        "no node is ready",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn each_run_of_a_test_is_told_apart() {
    let test = TestId {
        network: "small".into(),
        name: "transfer".into(),
    };
    let mut model = Model::default();
    let selected = vec![test.clone()];
    let begins = Kind::RunStarted {
        seed: 1,
        selected,
        left_out: 0,
        partition: None,
        repeat: 3,
        commit: None,
        dud_attacks: false,
    };
    model.event(&event(0, begins));
    for (repetition, leaks) in [(1, Vec::new()), (2, vec!["namespace x".to_owned()])] {
        let started = Kind::TestStarted {
            test: test.clone(),
            repetition,
            attempt: 1,
        };
        let finished = Kind::TestFinished {
            test: test.clone(),
            repetition,
            attempts: 1,
            took: Duration::from_secs(1),
            verdict: Verdict::Passed,
            leaks,
        };
        model.event(&event(1, started));
        model.event(&event(2, finished));
    }
    let page = page(&model).unwrap();
    for words in [
        "small::transfer (run 2 of 3)",
        "Not proved to be cleaned up: namespace x",
        "leaky",
        "not run",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn data_cannot_end_its_element() {
    let message = "</script><!--".to_owned();
    let test = TestId {
        network: "small".into(),
        name: message.clone(),
    };
    let mut model = Model::default();
    let (attempt, repetition) = (1, 1);
    let started = Kind::TestStarted {
        test: test.clone(),
        repetition,
        attempt,
    };
    let ended = Kind::AttemptFinished {
        test,
        repetition,
        attempt,
        took: Duration::ZERO,
        verdict: Verdict::Failed { message },
        steps: Vec::new(),
        again: false,
        not_retried: None,
        leaks: Vec::new(),
    };
    model.event(&event(0, started));
    model.event(&event(1, ended));
    let page = page(&model).unwrap();
    let (_, data) = page.split_once("id=\"data\">").unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["tests"][0]["name"], "small::</script><!--");
}
