//! What `aznet join` hands on: values by which the chart joins a network, and the page.

use crate::common::{chart, documents, helm, load, object, render, source};
use crate::releases::with_files;
use aznet_model::plan::plan;
use aznet_model::release::Release;
use aznet_model::values::{Loaded, Values};
use aznet_network::deploy::helm::Release as HelmRelease;
use aznet_network::join::{Facts, Joiner, page, values};
use aznet_network::load::{self, Base, Request};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// What a running network would say of itself.
pub(crate) fn facts(values: Values) -> Facts {
    let release = Release::of_image(&values.images.aztec.image, None).expect("a known release");
    Facts {
        network: "small".to_owned(),
        namespace: "aznet-small-x7k2p".to_owned(),
        release,
        node_version: release.version.to_owned(),
        chain_id: values.l1.chain_id,
        rollup_version: 2_934_756_905,
        registry: "0x5FbDB2315678afecb367f032d93F642f64180aa3".to_owned(),
        enrs: vec!["enr:-LK4QBoot".to_owned()],
        l1_urls: Vec::new(),
        values,
    }
}

pub(crate) fn of(network: &str) -> Facts {
    facts(with_files(network, &[], &[]).values)
}

/// The chart's values with what a joiner is given over them.
pub(crate) fn joined(facts: &Facts, joiner: Joiner) -> Loaded {
    let overlay = values(facts, joiner);
    let source = source();
    load::load(&Request {
        source: &source,
        base: Base::Release(&overlay),
        implied: None,
        files: &[],
        sets: &[],
    })
    .unwrap_or_else(|error| panic!("{joiner}: {error}"))
}

/// What plain Helm makes of a bundle's own values.
async fn installed(facts: &Facts, joiner: Joiner) -> Vec<Value> {
    documents(&manifests(facts, joiner).await)
}

/// The same as Helm writes it.
pub(crate) async fn manifests(facts: &Facts, joiner: Joiner) -> String {
    let (chart, overlay) = (chart(), values(facts, joiner));
    let release = HelmRelease {
        name: joiner.name(),
        namespace: joiner.name(),
        chart: &chart,
        overlay: &overlay,
    };
    let rendered = helm().render(&release, &CancellationToken::new()).await;
    rendered.unwrap_or_else(|error| panic!("{joiner}: {error}"))
}

#[tokio::test]
async fn what_a_joiner_is_given_makes_its_pods_and_no_others() {
    for network in ["small", "staging", "spartan"] {
        let facts = of(network);
        for joiner in Joiner::ALL {
            let loaded = joined(&facts, joiner);
            let plan = plan(&loaded.values).unwrap_or_else(|wrong| panic!("{network}: {wrong:?}"));
            let pods: Vec<&str> = plan.pods.iter().map(|pod| pod.name.as_str()).collect();
            let expected: &[&str] = match joiner {
                Joiner::Wallet if facts.release.wallet => &["full-node-0", "pxe-0"],
                Joiner::FullNode | Joiner::Wallet => &["full-node-0"],
                Joiner::Validator => &["validator-0"],
                Joiner::Prover => &["prover-broker-0", "prover-node-0", "prover-agent"],
            };
            assert_eq!(pods, expected, "{network}, {joiner}");
            let objects = installed(&facts, joiner).await;
            let config = crate::render::config(&objects);
            let own = &facts.values.network;
            assert_eq!(config.slot_duration, own.slot_duration, "{network}");
            assert_eq!(config.slashing, own.slashing, "{network}");
            assert_eq!(config.bootstrap_nodes, facts.enrs, "{network}");
            assert_eq!(config.l1.anvil, network != "spartan", "{network}");
        }
    }
}

/// A network whose operator has secrets in all values that could tell them.
pub(crate) fn secretive() -> Facts {
    let secrets = [
        "l1.anvil.enabled=false",
        "l1.executionUrls={https://l1.example/v2/SECRET}",
        "l1.consensusUrls={https://user:SECRET@l1.example}",
        "keys.mnemonic=SECRET words",
        "defaults.env.SYNC_SNAPSHOTS_URL=https://me:SECRET@snapshots.example",
        "defaults.env.API_KEY=SECRET",
        "blobStore.enabled=true,blobStore.url=s3://blobs/SECRET",
        "pxe.replicas=0",
    ];
    facts(load(&[], &secrets).expect("well-typed values").values)
}

#[test]
fn nothing_that_is_secret_is_handed_on() {
    let facts = secretive();
    for joiner in Joiner::ALL {
        let given = serde_json::to_string(&values(&facts, joiner)).expect("JSON");
        let page = page(&facts, joiner);
        assert!(
            !given.contains("SECRET") && !page.contains("SECRET"),
            "{given}\n{page}"
        );
    }
}

#[test]
fn the_page_has_what_the_joiner_must_do() {
    let within = of("small");
    insta::assert_snapshot!("join-small-full-node", page(&within, Joiner::FullNode));
    insta::assert_snapshot!("join-small-validator", page(&within, Joiner::Validator));
    let public = of("spartan");
    insta::assert_snapshot!("join-spartan-validator", page(&public, Joiner::Validator));
    insta::assert_snapshot!("join-spartan-wallet", page(&public, Joiner::Wallet));
}

#[tokio::test]
async fn bundles_are_served_beside_the_boot_node_where_it_is_exposed() {
    let served = "bootNode.joinBundles.enabled=true";
    let exposed = ["ClusterIP", "HostPort", "LoadBalancer"].map(|exposure| {
        [
            served.to_owned(),
            format!("bootNode.p2p.exposure={exposure}"),
            "bootNode.p2p.announceIp=203.0.113.1".to_owned(),
        ]
    });
    let url = |sets: &[&str]| facts(load(&[], sets).expect("values").values).bundles_url();
    for sets in &exposed {
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let objects = render(&load(&[], &sets).expect("well-typed values")).await;
        let pod = &object(&objects, "StatefulSet", "boot-node")["spec"]["template"]["spec"];
        let beside = pod["initContainers"].as_array().expect("containers");
        let beside = beside.iter().find(|one| one["name"] == "join-bundles");
        let beside = beside.expect("a container that serves");
        let mounts = beside["volumeMounts"].as_array().expect("mounts");
        // No keys, no data.
        assert_eq!(mounts.len(), 1, "{beside}");
        let on_machine = beside["ports"][0].get("hostPort");
        assert_eq!(
            on_machine.is_some(),
            sets[1].ends_with("HostPort"),
            "{beside}"
        );
        let outside = objects.iter().filter(|one| one["kind"] == "Service");
        let mut outside = outside.filter(|one| one["spec"]["type"] == "LoadBalancer");
        let ports = outside.next().map(|one| one["spec"]["ports"].to_string());
        let is_balanced = sets[1].ends_with("LoadBalancer");
        assert_eq!(
            ports.is_some_and(|ports| ports.contains("8090")),
            is_balanced
        );
        let expected = if sets[1].ends_with("ClusterIP") {
            "http://boot-node.aznet-small-x7k2p.svc:8090/"
        } else {
            "http://203.0.113.1:8090/"
        };
        assert_eq!(url(&sets), expected);
        for outside in [
            "https://join.example.org:8443",
            "https://join.example.org:8443/",
        ] {
            let named = format!("bootNode.joinBundles.url={outside}");
            let sets: Vec<&str> = sets.iter().copied().chain([&*named]).collect();
            assert_eq!(url(&sets), "https://join.example.org:8443/");
        }
    }
}
