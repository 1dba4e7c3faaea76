//! What an upgrade would do, told from real renders.

use crate::common::render;
use crate::render::sets;
use aznet_model::plan::plan;
use aznet_model::upgrade::{Effect, Manifest, Upgrade, Wanted, compare, fixed, span};
use aznet_model::values::Loaded;
use serde_json::Value;

async fn manifest(loaded: &Loaded) -> Manifest {
    // What is made by chance is kept over upgrades: Helm looks it up on the server.
    let made = |object: &serde_json::Value| {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        object["kind"] == "Secret" && ["admin-api", "blob-store", "grafana"].contains(&name)
    };
    let objects = render(loaded).await;
    objects.into_iter().filter(|object| !made(object)).collect()
}

async fn between(before: &[&str], after: &[&str]) -> Upgrade {
    let [before, after] = [before, after].map(|list| Box::new(sets(list)));
    let committee = plan(&after.values).expect("these values work").committee;
    let retires = after.values.validator_set.retire;
    compare(
        &Box::pin(manifest(&before)).await,
        &Box::pin(manifest(&after)).await,
        &Wanted {
            committee: &committee,
            retires,
        },
    )
}

const SLOW: &str = "validatorGroups.slow.replicas=2,validatorGroups.slow.keyOffset=500";

/// A line for each consequence.
fn lines(upgrade: &Upgrade) -> String {
    let consequences = upgrade.consequences.iter().map(|one| {
        let pods = if one.pods.is_empty() {
            String::new()
        } else {
            format!(" [{}]", span(&one.pods))
        };
        format!(
            "{} {}{pods}: {}",
            one.effect,
            one.subject,
            one.reasons.join("; ")
        )
    });
    let notes = upgrade.notes.iter().map(|note| format!("note: {note}"));
    consequences.chain(notes).collect::<Vec<_>>().join("\n    ")
}

#[tokio::test]
async fn each_change_has_its_consequences() {
    let mut told = Vec::new();
    for (before, after) in [
        (vec![], vec![]),
        (vec![], vec!["validator.replicas=5", "fullNode.replicas=2"]),
        (vec!["validator.replicas=5"], vec![]),
        (
            vec!["validator.replicas=5"],
            vec!["validatorSet.retire=false"],
        ),
        (vec!["telemetry.enabled=true"], vec![]),
        (
            vec!["pxe.replicas=2"],
            vec!["pxe.replicas=1", "fullNode.replicas=0"],
        ),
        (vec![], vec!["validator.env.SEQ_MAX_TX_PER_BLOCK=32"]),
        (vec![], vec!["images.aztec.image=aztecprotocol/aztec:4.1.3"]),
        (
            vec![SLOW],
            vec![SLOW, "validator.image=aztecprotocol/aztec:4.1.3"],
        ),
        (
            vec![],
            vec!["validator.env.A=b", "validator.updateStrategy.partition=3"],
        ),
        (vec![], vec!["network.sentinel.enabled=false"]),
        (vec![], vec!["l1.blockTime=2", "network.skipWarmUp=false"]),
        (
            vec![],
            vec!["l1.anvil.enabled=false", "l1.executionUrls={http://l1}"],
        ),
        (
            vec!["telemetry.enabled=true,telemetry.grafana.enabled=false"],
            vec![],
        ),
        (
            vec!["defaults.storage.retentionPolicy.whenDeleted=Retain,telemetry.enabled=true"],
            vec!["fullNode.replicas=0"],
        ),
        (
            vec!["pxe.replicas=3"],
            vec!["pxe.storage.retentionPolicy.whenScaled=Delete"],
        ),
        (
            vec![],
            vec![
                "network.slotDuration=24",
                "network.committeeSize=3",
                "network.slashing.flavor=none",
            ],
        ),
        (
            vec![],
            vec!["validator.storage.size=10Gi", "l1.anvil.storage.size=4Gi"],
        ),
        (vec![], vec!["validator.storage.enabled=false"]),
        (vec![], vec!["keys.attesterIndexStart=2000"]),
        (vec![], vec!["validator.keysPerReplica=2"]),
        (
            vec![],
            vec![
                "keys.mnemonic=legal winner thank year wave sausage worth useful legal winner thank yellow",
            ],
        ),
        (vec![], vec![SLOW]),
        (vec![SLOW], vec![]),
        (
            vec!["l1.anvil.storage.enabled=false"],
            vec![
                "l1.anvil.storage.enabled=false",
                "l1.anvil.resources.limits.memory=3Gi",
            ],
        ),
        (
            vec![],
            vec!["validator.p2p.exposure=NodePort,validator.p2p.nodePortBase=30400"],
        ),
        (vec![], vec!["validator.resources.requests.cpu=0.1"]),
        (
            vec![],
            vec!["proverAgent.replicas=3", "proverAgent.env.A=b"],
        ),
    ] {
        let upgrade = between(&before, &after).await;
        let head = format!("{} -> {}", before.join(" "), after.join(" "));
        told.push(format!("{head}\n    {}", lines(&upgrade)));
    }
    insta::assert_snapshot!(told.join("\n"));
}

/// `validators add` changes nothing else: alerts that count nodes are about the number of validators, too.
#[tokio::test]
async fn whatever_counts_validators_is_part_of_scaling() {
    let all = ["telemetry.enabled=true", SLOW];
    let beyond = async |more: &[&str]| {
        let upgrade = between(&all, &[&all, more].concat()).await;
        let beyond = upgrade.beyond_scaling().map(|one| one.subject.clone());
        beyond.collect::<Vec<_>>()
    };
    assert_eq!(beyond(&["validator.replicas=5"]).await, [""; 0]);
    assert_eq!(beyond(&["validatorGroups.slow.replicas=3"]).await, [""; 0]);
    let both = ["validator.replicas=5", "fullNode.replicas=2"];
    assert!(!beyond(&both).await.is_empty());
}

#[tokio::test]
async fn scripts_get_it_as_a_document() {
    let upgrade = between(&[], &["validator.env.A=b", "pxe.replicas=2"]).await;
    insta::assert_json_snapshot!(upgrade);
    assert_eq!(
        upgrade.restarts(),
        ["validator-0", "validator-1", "validator-2", "validator-3"]
    );
    assert!(between(&[], &[]).await.is_empty());
}

/// An older chart ran the blob store with a policy that a StatefulSet keeps for good.
#[tokio::test]
async fn what_an_older_chart_fixed_is_named_with_the_way_out() {
    let objects = render(&sets(&[])).await;
    let older = objects.iter().cloned().map(|mut object| {
        if object["metadata"]["name"] == "blob-store"
            && let Some(spec) = object["spec"].as_object_mut()
        {
            spec.remove("podManagementPolicy");
        }
        object
    });
    let committee = plan(&sets(&[]).values)
        .expect("these values work")
        .committee;
    let upgrade = compare(
        &older.collect(),
        &objects.iter().cloned().collect(),
        &Wanted {
            committee: &committee,
            retires: true,
        },
    );
    let refused: Vec<_> = upgrade.refused().collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    let why = &refused[0].reasons[0];
    assert!(
        why.contains("kubectl delete statefulset blob-store --cascade=orphan"),
        "{why}"
    );
}

/// Each key that is fixed has a value for pods to read: a rule about anything else would refuse nothing.
#[tokio::test]
async fn what_is_fixed_is_in_the_configuration() {
    let objects = render(&sets(&[])).await;
    let map = crate::common::object(&objects, "ConfigMap", "network-config");
    let text = map["data"]["network.json"].as_str().expect("text");
    let config: Value = serde_json::from_str(text).expect("JSON");
    let rules: Value = serde_json::from_str(&fixed()).expect("JSON");
    let rules = rules.as_array().expect("rules");
    let keys = rules
        .iter()
        .flat_map(|rule| rule["keys"].as_array().expect("keys"));
    for key in keys {
        let path = key["config"].as_str().expect("a path");
        let pointer = format!("/{}", path.replace('.', "/"));
        assert!(config.pointer(&pointer).is_some(), "{path}");
    }
}

#[tokio::test]
async fn what_is_fixed_on_l1_is_refused_only_where_this_release_fixed_it() {
    let joining = [
        "network.registryAddress=0x0123456789012345678901234567890123456789",
        "l1.anvil.enabled=false",
        "l1.executionUrls={https://l1.example}",
    ];
    let other = [&joining[..], &["network.slotDuration=24"]].concat();
    let refused = |upgrade: &Upgrade| upgrade.refused().count();
    assert_eq!(
        refused(&between(&joining, &other).await),
        0,
        "what we believe of others' contracts may be mended"
    );
    let upgrade = between(&[], &["network.slotDuration=24"]).await;
    assert_eq!(refused(&upgrade), 1);
    assert_eq!(
        upgrade.consequences[0].effect,
        Effect::Refused,
        "the gravest comes first"
    );
}
