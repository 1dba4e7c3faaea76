use super::*;

fn node(name: &str, ready: bool, checkpointed: u64) -> NodeStatus {
    let tips = Tips {
        proposed: BlockNumber(checkpointed),
        checkpointed: BlockNumber(checkpointed),
        proven: BlockNumber(0),
        finalized: BlockNumber(0),
    };
    NodeStatus {
        name: name.into(),
        role: Role::Validator,
        group: None,
        ready,
        restarts: 0,
        age: 60,
        state: if ready { "ready" } else { "starting (3s)" }.into(),
        tips: Some(tips),
        peers: Some(5),
        error: None,
        missing: false,
    }
}

fn gone(name: &str) -> NodeStatus {
    NodeStatus {
        state: "missing".into(),
        missing: true,
        tips: None,
        ..node(name, false, 0)
    }
}

/// Slots of 12 s, epochs of 4; in slot `now`.
fn pace(checkpointed: u64, now: u64) -> Pace {
    Pace {
        timing: Timing {
            genesis: 1_000,
            slot: Duration::from_secs(12),
            epoch_slots: 4,
            proof_submission_epochs: 2,
        },
        now: 1_000 + now * 12 + 3,
        checkpointed: Slot(checkpointed),
        unproven: None,
    }
}

fn committee(present: u64) -> Committee {
    Committee {
        size: 4,
        quorum: 3,
        present: Some(present),
        may_fail: present.saturating_sub(3),
        validators: Some(4),
    }
}

fn facts(nodes: &[NodeStatus], pace: Pace) -> Facts<'_> {
    Facts {
        nodes,
        tips: nodes.iter().find_map(|node| node.tips),
        pace: Some(pace),
        ..Facts::default()
    }
}

#[test]
fn a_network_is_ready_when_all_pods_are_and_the_chain_moves() {
    let good = [node("a", true, 3), node("b", true, 3)];
    let verdict = judge(&facts(&good, pace(40, 41)));
    assert_eq!((verdict.state, verdict.problems.len()), (State::Ready, 0));
    let still = [node("a", true, 0)];
    let verdict = judge(&Facts {
        pace: None,
        ..facts(&still, pace(0, 0))
    });
    assert_eq!(verdict.state, State::Starting);
    assert_eq!(verdict.problems, ["no checkpoint yet"]);
    let verdict = judge(&Facts::default());
    assert_eq!(verdict.state, State::Starting);
    assert_eq!(verdict.problems, ["no node answers"]);
}

#[test]
fn problems_name_the_pod_and_what_is_wrong() {
    let mut slow = node("c", true, 9);
    slow.error = Some("node_getL2Tips on c:8080: timed out after 4s".into());
    let nodes = [node("a", false, 9), node("b", true, 2), slow];
    let verdict = judge(&facts(&nodes, pace(40, 41)));
    assert_eq!(verdict.state, State::Degraded);
    assert_eq!(
        verdict.problems,
        [
            "a isn't ready: starting (3s)",
            "c doesn't answer: node_getL2Tips on c:8080: timed out after 4s",
            "b is behind the others",
        ]
    );
}

/// C08: `kubectl scale statefulset validator --replicas=1`.
#[test]
fn c08_a_chain_without_a_quorum_is_stalled_and_the_missing_are_named() {
    let nodes = [
        node("validator-0", true, 9),
        gone("validator-1"),
        gone("validator-2"),
        gone("validator-3"),
    ];
    let committee = committee(1);
    let verdict = judge(&Facts {
        committee: Some(&committee),
        ..facts(&nodes, pace(40, 49))
    });
    assert_eq!(verdict.state, State::Stalled);
    let stall = verdict.stalled.expect("stalled");
    assert_eq!((stall.since, stall.slots, stall.seconds), (Slot(40), 8, 96));
    assert_eq!(
        verdict.problems[..2],
        [
            "no checkpoint since slot 40: 8 slots, 1m 36s",
            "1 of 4 members of the committee are there and 3 are needed: 2 too few; \
             away: validator-1 (missing), validator-2 (missing), validator-3 (missing)",
        ]
    );
}

/// C08, the variant with `anvil_setBalance`.
#[test]
fn an_empty_publisher_is_named_with_what_it_has() {
    let nodes = [node("validator-0", true, 9)];
    let publishers = [7_000_000_000_000_000_u64, 2_000_000_000_000_000_000].map(|wei| Publisher {
        pods: vec!["validator-0".into()],
        address: Address::repeat_byte(9),
        balance: U256::from(wei),
    });
    let verdict = judge(&Facts {
        publishers: &publishers,
        ..facts(&nodes, pace(40, 44))
    });
    let causes = verdict.stalled.expect("stalled").causes;
    assert_eq!(
        causes,
        [
            "publisher 0x0909090909090909090909090909090909090909 of validator-0 has 0.0070 ETH left \
          and can't pay for its transactions"
        ]
    );
}

#[test]
fn a_few_slots_without_a_checkpoint_are_no_stall_unless_there_is_a_cause() {
    let nodes = [node("validator-0", true, 9)];
    let stalled = |now, short| {
        let committee = committee(if short { 2 } else { 4 });
        let facts = facts(&nodes, pace(40, now));
        let verdict = judge(&Facts {
            committee: Some(&committee),
            ..facts
        });
        verdict.state == State::Stalled
    };
    assert!(!stalled(45, false) && stalled(46, false));
    assert!(!stalled(42, true) && stalled(43, true));
}

#[test]
fn a_silent_l1_and_a_set_too_small_are_causes() {
    let nodes = [node("validator-0", true, 9)];
    let causes = |age, set| {
        let l1 = L1Pulse {
            age,
            block_time: Duration::from_secs(4),
        };
        let verdict = judge(&Facts {
            l1: Some(l1),
            set: Some(set),
            ..facts(&nodes, pace(40, 60))
        });
        verdict.stalled.expect("stalled").causes
    };
    assert_eq!(
        causes(Some(Duration::from_secs(40)), (4, 4)),
        ["the L1 is silent: its newest block is 40s old, and one is due every 4s"]
    );
    assert_eq!(causes(None, (4, 4)), ["the L1 does not answer"]);
    assert_eq!(
        causes(Some(Duration::from_secs(3)), (3, 4)),
        ["the L1 has 3 validators, and a committee has 4 members: none can be drawn"]
    );
    let unexplained = judge(&facts(&nodes, pace(40, 60)));
    assert!(
        unexplained.problems[1].contains("explain why"),
        "{:?}",
        unexplained.problems
    );
}

/// An unproven epoch E is pruned by the first checkpoint of E + 3 where two epochs are given for its proof.
#[test]
fn a_late_proof_says_by_how_much_and_when_the_chain_is_pruned() {
    let nodes = [node("validator-0", true, 9)];
    let problems = |now| {
        let pace = Pace {
            unproven: Some(Slot(41)),
            ..pace(now - 1, now)
        };
        judge(&facts(&nodes, pace)).problems
    };
    assert_eq!(problems(47), Vec::<String>::new());
    assert_eq!(
        problems(48),
        [
            "the proof of epoch 10 is late by 1 epoch; in 45s the chain is pruned to the last proven block unless the proof arrives"
        ]
    );
    let now = &problems(52)[0];
    assert!(
        now.contains("; with the next checkpoint the chain is pruned"),
        "{now}"
    );
}
