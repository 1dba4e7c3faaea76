//! Groups of validators, ways in for peers, and how many pods may be away: as rendered.

use crate::common::{object, render};
use crate::render::{config, sets, templates};
use serde_json::{Value, json};

const SLOW: &str = "validatorGroups.slow.replicas=2,validatorGroups.slow.keyOffset=500,\
                    validatorGroups.slow.keysPerReplica=3,validatorGroups.slow.env.SLOW=yes,\
                    validatorGroups.slow.image=aztecprotocol/aztec:4.1.3";

#[tokio::test]
async fn a_group_is_apart_from_the_others() {
    let objects = render(&sets(&[SLOW, "validator.env.ALL=yes"])).await;
    let labels = |name: &str| {
        object(&objects, "StatefulSet", name)["spec"]["template"]["metadata"]["labels"].clone()
    };
    for (kind, path) in [
        ("StatefulSet", "/spec/selector/matchLabels"),
        ("Service", "/spec/selector"),
    ] {
        for (one, other) in [
            ("validator", "validator-slow"),
            ("validator-slow", "validator"),
        ] {
            let selector = object(&objects, kind, one)
                .pointer(path)
                .expect("a selector");
            assert!(selects(selector, &labels(one)), "{kind} {one}");
            assert!(
                !selects(selector, &labels(other)),
                "{kind} {one} selects {other}"
            );
        }
    }
    let container = |name: &str| {
        object(&objects, "StatefulSet", name)["spec"]["template"]["spec"]["containers"][0].clone()
    };
    let (slow, first) = (container("validator-slow"), container("validator"));
    assert_eq!(slow["image"], "aztecprotocol/aztec:4.1.3");
    let has = |container: &Value, name: &str| {
        let environment = container["env"].as_array().expect("an environment");
        environment.iter().any(|entry| entry["name"] == name)
    };
    assert!(has(&slow, "SLOW") && has(&slow, "ALL"));
    assert!(!has(&first, "SLOW") && first["image"] != slow["image"]);
    let keys = config(&objects).keys.validators;
    assert_eq!(keys["validator-slow"].attester.start, 1500);
    assert_eq!(keys["validator-slow"].publisher.start, 1_000_500);
    assert_eq!(keys["validator-slow"].attester.per_replica, 3);
}

fn selects(selector: &Value, labels: &Value) -> bool {
    let wanted = selector.as_object().expect("a map");
    wanted.iter().all(|(name, value)| labels[name] == *value)
}

#[tokio::test]
async fn a_group_that_comes_or_changes_restarts_no_other() {
    let without = templates(&render(&sets(&[])).await);
    let with = templates(&render(&sets(&[SLOW])).await);
    assert!(
        without.iter().all(|one| with.contains(one)),
        "adding a group"
    );
    let moved = [
        SLOW,
        "validatorGroups.slow.keyOffset=600,validatorGroups.slow.replicas=5",
    ];
    let changed = templates(&render(&sets(&moved)).await);
    let restarted: Vec<&str> = with
        .iter()
        .filter(|one| !changed.contains(one))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(restarted, ["\"validator-slow\""], "other keys for it alone");
}

#[tokio::test]
async fn one_budget_keeps_the_quorum_of_all_groups() {
    for (values, spare) in [
        (vec![], 1),
        (vec![SLOW, "network.committeeSize=10"], 1),
        (vec!["validator.replicas=7", "network.committeeSize=7"], 2),
        (
            vec!["validator.keysPerReplica=8", "network.committeeSize=24"],
            0,
        ),
        (vec!["network.committeeSize=3"], 0),
        (vec!["validator.podDisruptionBudget.maxUnavailable=3"], 3),
    ] {
        let objects = render(&sets(&values)).await;
        let budget = object(&objects, "PodDisruptionBudget", "validator");
        assert_eq!(budget["spec"]["maxUnavailable"], spare, "{values:?}");
        let selector = &budget["spec"]["selector"]["matchLabels"];
        assert!(selector.get("aznet.dev/group").is_none(), "{values:?}");
    }
    let share = ["validator.podDisruptionBudget.minAvailable=80%"];
    let objects = render(&sets(&share)).await;
    let budget = object(&objects, "PodDisruptionBudget", "validator");
    assert_eq!(budget["spec"]["minAvailable"], "80%");
    let off = render(&sets(&["defaults.podDisruptionBudget.enabled=false"])).await;
    assert!(off.iter().all(|one| one["kind"] != "PodDisruptionBudget"));
}

#[tokio::test]
async fn a_validator_attests_for_a_slot_before_the_next_is_replaced() {
    let objects = render(&sets(&["network.slotDuration=24", "fullNode.replicas=2"])).await;
    let set = |name| object(&objects, "StatefulSet", name)["spec"].clone();
    assert_eq!(set("validator")["minReadySeconds"], 24);
    assert_eq!(set("full-node").get("minReadySeconds"), None);
    let objects = render(&sets(&[
        "validator.updateStrategy.minReadySeconds=0",
        "validator.updateStrategy.partition=3",
    ]))
    .await;
    let set = &object(&objects, "StatefulSet", "validator")["spec"];
    assert_eq!(set.get("minReadySeconds"), None);
    assert_eq!(set["updateStrategy"]["rollingUpdate"]["partition"], 3);
}

#[tokio::test]
async fn each_way_in_is_announced() {
    let objects = render(&sets(&[
        "bootNode.p2p.exposure=LoadBalancer,bootNode.p2p.announceIp=203.0.113.1",
        "fullNode.p2p.exposure=HostPort",
        "validator.p2p.exposure=NodePort,validator.p2p.nodePortBase=30400",
        "validator.p2p.pods.2.announceIp=203.0.113.7",
    ]))
    .await;
    let service = |name: &str| object(&objects, "Service", name)["spec"].clone();
    let boot = service("boot-node-0-p2p");
    assert_eq!(
        (&boot["type"], &boot["loadBalancerIP"]),
        (&json!("LoadBalancer"), &json!("203.0.113.1"))
    );
    let third = service("validator-2-p2p");
    assert_eq!(
        third["selector"]["statefulset.kubernetes.io/pod-name"],
        "validator-2"
    );
    for port in third["ports"].as_array().expect("ports") {
        assert_eq!(port["nodePort"], 30402, "{port}");
    }
    let full = &object(&objects, "StatefulSet", "full-node")["spec"]["template"]["spec"];
    let host_ports: Vec<&Value> = full["containers"][0]["ports"]
        .as_array()
        .expect("ports")
        .iter()
        .filter_map(|port| port.get("hostPort"))
        .collect();
    assert_eq!(host_ports, [40400, 40400]);
    let announce = config(&objects).announce;
    assert_eq!(announce.len(), 3);
    assert_eq!(announce["boot-node"].ip.as_deref(), Some("203.0.113.1"));
    assert_eq!(
        (
            announce["validator"].port,
            announce["validator"].port_per_pod
        ),
        (30400, true)
    );
    assert_eq!(announce["validator"].ips[&2], "203.0.113.7");
    for one in &objects {
        let spec = &one["spec"]["template"]["spec"];
        assert!(
            spec.get("hostNetwork").is_none(),
            "{}",
            one["metadata"]["name"]
        );
    }
}

#[tokio::test]
async fn pods_are_spread_by_their_own_labels() {
    let loaded = sets(&[
        "defaults.topologySpreadConstraints[0].maxSkew=1",
        "defaults.topologySpreadConstraints[0].topologyKey=kubernetes.io/hostname",
        "defaults.topologySpreadConstraints[0].whenUnsatisfiable=ScheduleAnyway",
        "defaults.priorityClassName=high",
        "defaults.envFrom[0].secretRef.name=mine",
        SLOW,
    ]);
    let objects = render(&loaded).await;
    for (name, template) in templates(&objects) {
        let spread = &template["spec"]["topologySpreadConstraints"][0];
        assert_eq!(template["spec"]["priorityClassName"], "high", "{name}");
        let selector = &spread["labelSelector"]["matchLabels"];
        assert!(selects(selector, &template["metadata"]["labels"]), "{name}");
        let from = &template["spec"]["containers"][0]["envFrom"][0];
        assert_eq!(from["secretRef"]["name"], "mine", "{name}");
    }
}
