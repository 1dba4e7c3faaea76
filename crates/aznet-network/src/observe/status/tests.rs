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
        state: if ready {
            "ready".into()
        } else {
            "starting (3s)".into()
        },
        tips: Some(tips),
        peers: Some(5),
        error: None,
    }
}

#[test]
fn a_network_is_ready_when_all_pods_are_and_the_chain_moves() {
    let tips = |nodes: &[NodeStatus]| {
        nodes
            .iter()
            .filter_map(|node| node.tips)
            .max_by_key(|tips| tips.checkpointed)
    };
    let good = [node("a", true, 3), node("b", true, 3)];
    assert!(is_ready(&good, tips(&good)));
    assert!(problems(&good, tips(&good)).is_empty());
    let still = [node("a", true, 0)];
    assert!(!is_ready(&still, tips(&still)));
    assert_eq!(problems(&still, tips(&still)), ["no checkpoint yet"]);
    assert_eq!(problems(&[], None), ["no node answers"]);
}

#[test]
fn problems_name_the_pod_and_what_is_wrong() {
    let mut slow = node("c", true, 9);
    slow.error = Some("node_getL2Tips on c:8080: no answer within 4s".into());
    let nodes = [node("a", false, 9), node("b", true, 2), slow];
    assert_eq!(
        problems(&nodes, nodes[0].tips),
        [
            "a isn't ready: starting (3s)",
            "c doesn't answer: node_getL2Tips on c:8080: no answer within 4s",
            "b is behind the others",
        ]
    );
}

#[test]
fn the_document_has_the_fields_that_scripts_rely_on() {
    let status = NetworkStatus {
        name: "small".into(),
        namespace: "aznet-small-abcde".into(),
        cluster: "embedded".into(),
        ready: true,
        created: None,
        expires: None,
        tips: node("a", true, 3).tips,
        nodes: vec![node("a", true, 3)],
        committee: Some(Committee {
            size: 4,
            quorum: 3,
            present: Some(4),
            may_fail: 1,
            validators: Some(4),
        }),
        now: None,
        endpoints: BTreeMap::from([(
            "node".into(),
            "http://full-node.aznet-small-abcde.svc:8080".into(),
        )]),
        l1: None,
        telemetry: Vec::new(),
        problems: Vec::new(),
    };
    insta::assert_json_snapshot!(status);
}
