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
        missing: false,
    }
}

#[test]
fn the_document_has_the_fields_that_scripts_rely_on() {
    let status = NetworkStatus {
        name: "small".into(),
        namespace: "aznet-small-abcde".into(),
        cluster: "embedded".into(),
        state: State::Ready,
        ready: true,
        stalled: None,
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
        pruned: None,
        now: None,
        endpoints: BTreeMap::from([(
            "node".into(),
            "http://full-node.aznet-small-abcde.svc:8080".into(),
        )]),
        l1: None,
        telemetry: Vec::new(),
        publishers: Vec::new(),
        problems: Vec::new(),
    };
    insta::assert_json_snapshot!(status);
}
