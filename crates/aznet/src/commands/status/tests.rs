use std::collections::BTreeMap;

use aznet_model::chain::{BlockNumber, CheckpointNumber, Epoch, L1Block, Slot};
use aznet_model::role::Role;
use aznet_network::clients::l1::L1Heads;

use super::*;
use crate::table::at_all_widths;

fn node(name: &str, role: Role, ready: bool, height: Option<u64>) -> NodeStatus {
    let tips = height.map(|n| Tips {
        proposed: BlockNumber(n + 1),
        checkpointed: BlockNumber(n),
        proven: BlockNumber(n.saturating_sub(4)),
        finalized: BlockNumber(0),
    });
    NodeStatus {
        name: name.to_owned(),
        role,
        group: name
            .starts_with("validator-slow")
            .then(|| "slow".to_owned()),
        ready,
        restarts: u32::from(!ready),
        age: 754,
        state: if ready { "ready" } else { "starting (12s)" }.to_owned(),
        tips,
        peers: height.map(|_| 5),
        error: None,
        missing: false,
    }
}

fn missing(name: &str, role: Role) -> NodeStatus {
    NodeStatus {
        restarts: 0,
        age: 0,
        state: "missing".to_owned(),
        missing: true,
        ..node(name, role, false, None)
    }
}

fn status() -> NetworkStatus {
    let nodes = vec![
        node("anvil-7d9c5b-x2k4q", Role::Anvil, true, None),
        node("boot-node-0", Role::BootNode, true, Some(37)),
        node("validator-0", Role::Validator, true, Some(37)),
        node("validator-1", Role::Validator, false, None),
        missing("validator-2", Role::Validator),
        node("validator-slow-0", Role::Validator, true, Some(36)),
    ];
    NetworkStatus {
        name: "small".to_owned(),
        namespace: "aznet-small-x7k2p".to_owned(),
        cluster: "embedded:default".to_owned(),
        state: State::Degraded,
        ready: false,
        stalled: None,
        created: Some(Timestamp::from_second(1_000).unwrap()),
        expires: Some(Timestamp::from_second(9_000).unwrap()),
        tips: nodes[1].tips,
        nodes,
        committee: Some(Committee {
            size: 4,
            quorum: 3,
            present: Some(3),
            may_fail: 0,
            validators: Some(4),
        }),
        pruned: Some(Prune {
            first: CheckpointNumber(26),
            last: CheckpointNumber(29),
            timestamp: 1_700,
        }),
        now: Some(Moment {
            slot: Slot(38),
            epoch: Epoch(9),
            seconds_into_slot: 5,
            slot_seconds: 12,
            slot_in_epoch: 2,
            epoch_slots: 4,
        }),
        endpoints: BTreeMap::new(),
        l1: Some(L1Heads {
            block: L1Block(412),
            finalized: L1Block(348),
            timestamp: 0,
        }),
        telemetry: Vec::new(),
        publishers: Vec::new(),
        problems: vec!["validator-1 isn't ready: starting (12s)".to_owned()],
    }
}

#[test]
fn a_quorum_that_is_not_there_is_called_so() {
    let words = |present: u64| {
        let committee = Committee {
            size: 4,
            quorum: 3,
            present: Some(present),
            may_fail: present.saturating_sub(3),
            validators: None,
        };
        anstream::adapter::strip_str(&quorum(&committee)).to_string()
    };
    assert_eq!(
        words(2),
        "2 of 4 online, quorum 3: below quorum: no checkpoints until 1 more is online"
    );
    assert_eq!(
        words(0),
        "0 of 4 online, quorum 3: below quorum: no checkpoints until 3 more are online"
    );
    assert_eq!(words(3), "3 of 4 online, quorum 3: no more may fail");
    assert_eq!(words(4), "4 of 4 online, quorum 3: 1 more may fail");
}

#[test]
fn a_network_is_shown_at_a_glance() {
    let (status, now) = (status(), Timestamp::from_second(1_754).unwrap());
    let faults = vec![Listed {
        name: "boot-node-failure".to_owned(),
        kind: "PodChaos",
        action: Some("pod-failure".to_owned()),
        duration: None,
        since: Some(Timestamp::from_second(1_742).unwrap()),
        until: None,
        says: "injected",
        pods: vec!["boot-node-0".to_owned()],
    }];
    let seen = Seen {
        status,
        faults: Some(faults),
    };
    insta::assert_snapshot!(at_all_widths(|page| seen.render(now, page)));
}

#[test]
fn restarts_go_first_where_there_were_none() {
    let mut nodes = status().nodes;
    let columns = |nodes: &[NodeStatus]| {
        let text = self::nodes(nodes).render(Page::of_columns(80));
        let text = anstream::adapter::strip_str(&text).to_string();
        text.lines().next().unwrap_or_default().to_owned()
    };
    assert!(columns(&nodes).contains("RESTARTS"));
    for node in &mut nodes {
        node.restarts = 0;
    }
    let shown = columns(&nodes);
    assert!(!shown.contains("RESTARTS"), "{shown}");
    for name in ["CHECKPOINTED", "PROVEN", "FINAL", "PEERS"] {
        assert!(shown.contains(name), "{name}: {shown}");
    }
}
