//! The chart's NetworkPolicies, evaluated for every pair of pods and every port against a table of who may talk to whom.

use crate::common::{chart, load, object, pod_template, render};
use crate::reach::{End, Port, connects};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

const NAMESPACE: &str = "aznet-test";
/// A port that nothing listens on.
const UNUSED: Port = Port {
    protocol: "TCP",
    number: 22,
};

/// The default network. What is not in the table must not be possible.
const DEFAULT: &str = include_str!("reachable.txt");

type Edges = BTreeSet<(String, String, Port)>;

/// A rendered release, in a cluster with other things in it.
struct World {
    policies: Vec<NetworkPolicy>,
    /// The release's pods, by component.
    pods: Vec<End>,
    /// What else there is.
    others: Vec<End>,
    /// Ports that something listens on, by name of the end.
    ports: BTreeMap<String, BTreeSet<Port>>,
}

impl World {
    async fn of(sets: &[&str]) -> Self {
        let objects = render(&load(&[], sets).expect("well-typed values")).await;
        let of_kind = |kind: &'static str| objects.iter().filter(move |one| one["kind"] == kind);
        let policies = of_kind("NetworkPolicy")
            .map(|one| serde_json::from_value(one.clone()).expect("a NetworkPolicy"))
            .collect();
        let mut world = Self {
            policies,
            pods: Vec::new(),
            others: others(),
            ports: BTreeMap::new(),
        };
        for workload in objects
            .iter()
            .filter(|one| !one["spec"]["template"].is_null())
        {
            world.add(workload);
        }
        for (name, numbers) in [
            ("name-server", [53, 8080]),
            ("node-local", [53, 8080]),
            ("internet", [443, 40400]),
        ] {
            let both = |number| ["TCP", "UDP"].map(|protocol| Port { protocol, number });
            world.ports.insert(
                name.to_owned(),
                numbers.into_iter().flat_map(both).collect(),
            );
        }
        world
    }

    fn add(&mut self, workload: &Value) {
        let template = &workload["spec"]["template"];
        let labels: BTreeMap<String, String> =
            serde_json::from_value(template["metadata"]["labels"].clone()).expect("labels");
        let name = labels["app.kubernetes.io/component"].clone();
        let last = u8::try_from(self.pods.len()).expect("few pods");
        let containers = ["containers", "initContainers"].map(|kind| &template["spec"][kind]);
        let containers = containers.into_iter().filter_map(Value::as_array).flatten();
        let ports: Vec<&Value> = containers
            .filter_map(|container| container["ports"].as_array())
            .flatten()
            .collect();
        let port = |port: &Value| Port {
            protocol: if port["protocol"] == "UDP" {
                "UDP"
            } else {
                "TCP"
            },
            number: port["containerPort"]
                .as_i64()
                .and_then(|n| i32::try_from(n).ok())
                .expect("a port"),
        };
        self.ports
            .insert(name.clone(), ports.into_iter().map(port).collect());
        self.pods.push(End {
            name,
            address: Ipv4Addr::new(10, 244, 0, last).into(),
            pod: Some((NAMESPACE.to_owned(), namespace_labels(NAMESPACE), labels)),
        });
    }

    /// Every connection that is possible, of those that have an end in the release.
    fn possible(&self) -> Edges {
        let all = || self.pods.iter().chain(&self.others);
        let mut edges = Edges::new();
        for (from, to) in all().flat_map(|from| all().map(move |to| (from, to))) {
            let own = |end: &End| self.pods.iter().any(|pod| pod.name == end.name);
            if !own(from) && !own(to) {
                continue;
            }
            let ports = self.ports.get(&to.name).into_iter().flatten().copied();
            for port in ports.chain([UNUSED]) {
                if connects(&self.policies, NAMESPACE, from, to, port) {
                    edges.insert((from.name.clone(), to.name.clone(), port));
                }
            }
        }
        edges
    }
}

fn namespace_labels(name: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), name.to_owned())])
}

/// A stranger in another namespace that calls itself a validator, one of a friendly namespace, name servers, the world.
fn others() -> Vec<End> {
    let pod = |name: &str, namespace: &str, component: &str, last| End {
        name: name.to_owned(),
        address: Ipv4Addr::new(10, 244, 1, last).into(),
        pod: Some((
            namespace.to_owned(),
            namespace_labels(namespace),
            BTreeMap::from(
                [
                    ("app.kubernetes.io/name", "aztec-network"),
                    ("app.kubernetes.io/instance", "test"),
                    ("app.kubernetes.io/component", component),
                ]
                .map(|(key, value)| (key.to_owned(), value.to_owned())),
            ),
        )),
    };
    vec![
        pod("stranger", "elsewhere", "validator", 1),
        pod("friend", "friends", "x", 2),
        pod("name-server", "kube-system", "dns", 3),
        End::outside("node-local", Ipv4Addr::new(169, 254, 20, 10)),
        End::outside("metadata", Ipv4Addr::new(169, 254, 169, 254)),
        End::outside("internet", Ipv4Addr::new(203, 0, 113, 7)),
    ]
}

fn table(text: &str) -> Edges {
    let mut edges = Edges::new();
    let rows = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    for line in rows {
        let mut words = line.split_whitespace();
        let (to, port) = words
            .next()
            .and_then(|word| word.split_once(':'))
            .expect("to:port");
        let (number, protocol) = port.split_once('/').expect("port/protocol");
        let port = Port {
            protocol: if protocol == "UDP" { "UDP" } else { "TCP" },
            number: number.parse().expect("a number"),
        };
        edges.extend(words.map(|from| (from.to_owned(), to.to_owned(), port)));
    }
    edges
}

/// Fails with what is possible but must not be, and the other way round.
fn same(seen: &Edges, expected: &Edges) {
    let extra: Vec<_> = seen.difference(expected).collect();
    let missing: Vec<_> = expected.difference(seen).collect();
    assert!(
        extra.is_empty() && missing.is_empty(),
        "must not be: {extra:#?}\nmust be: {missing:#?}"
    );
}

#[tokio::test]
async fn pods_reach_those_that_they_need_and_nobody_else() {
    let world = World::of(&[]).await;
    assert_eq!(world.pods.len(), 9, "the table is for the default network");
    same(&world.possible(), &table(DEFAULT));
}

#[tokio::test]
async fn without_policies_everything_is_possible() {
    let world = World::of(&["networkPolicy.enabled=false"]).await;
    assert!(world.policies.is_empty());
    let possible = world.possible();
    let admin = Port {
        protocol: "TCP",
        number: 8880,
    };
    assert!(possible.contains(&("stranger".to_owned(), "validator".to_owned(), admin)));
}

#[tokio::test]
async fn whom_the_operator_names_is_let_in() {
    let world = World::of(&[
        "networkPolicy.ingress.rpc.cidrs.office=203.0.113.0/24",
        "networkPolicy.ingress.admin.namespaces.friends.kubernetes\\.io/metadata\\.name=friends",
        "networkPolicy.ingress.l1.namespaces.friends.kubernetes\\.io/metadata\\.name=friends",
        "networkPolicy.ingress.blobs.namespaces.friends.kubernetes\\.io/metadata\\.name=friends",
        "networkPolicy.ingress.p2p.cidrs.office=203.0.113.0/24",
    ])
    .await;
    let more = table(
        "
        anvil:8545/TCP         friend
        blob-store:7070/TCP    friend
        boot-node:8080/TCP     internet
        full-node:8080/TCP     internet
        pxe:8080/TCP           internet
        boot-node:8880/TCP     friend
        full-node:8880/TCP     friend
        validator:8880/TCP     friend
        prover-node:8880/TCP   friend
        boot-node:40400/TCP    internet
        boot-node:40400/UDP    internet
        full-node:40400/TCP    internet
        full-node:40400/UDP    internet
        validator:40400/TCP    internet
        validator:40400/UDP    internet
        prover-node:40400/TCP  internet
        prover-node:40400/UDP  internet
        ",
    );
    same(
        &world.possible(),
        &table(DEFAULT).union(&more).cloned().collect(),
    );
}

#[tokio::test]
async fn telemetry_has_its_own_ways() {
    let world = World::of(&["telemetry.enabled=true"]).await;
    let more = table(include_str!("reachable-telemetry.txt"));
    let expected = table(DEFAULT).union(&more).cloned().collect();
    same(&world.possible(), &expected);
}

#[tokio::test]
async fn what_is_exposed_is_open_to_everyone() {
    let world = World::of(&[
        "telemetry.enabled=true",
        "telemetry.grafana.expose.type=LoadBalancer",
    ])
    .await;
    let dashboards = Port {
        protocol: "TCP",
        number: 3000,
    };
    let possible = world.possible();
    for from in ["internet", "stranger"] {
        assert!(possible.contains(&(from.to_owned(), "grafana".to_owned(), dashboards)));
    }
}

#[tokio::test]
async fn bundles_for_those_who_join_are_open_to_everyone() {
    let world = World::of(&["bootNode.joinBundles.enabled=true"]).await;
    let more: Edges = world
        .possible()
        .difference(&table(DEFAULT))
        .cloned()
        .collect();
    let from: BTreeSet<&str> = more.iter().map(|(from, ..)| from.as_str()).collect();
    for (_, to, port) in &more {
        assert_eq!((to.as_str(), port.number), ("boot-node", 8090));
    }
    for stranger in ["stranger", "friend", "internet"] {
        assert!(from.contains(stranger), "{stranger} is not let in");
    }
    // Where they come from must let them out: the release's own pods stay within what they need.
    assert!(!from.contains("validator"), "{from:?}");
}

#[tokio::test]
async fn an_l1_elsewhere_opens_the_way_out_for_those_who_use_it() {
    let world = World::of(&[
        "l1.anvil.enabled=false",
        "l1.executionUrls[0]=https://execution.example",
        "networkPolicy.egress.outside.except.pods=10.244.0.0/16",
    ])
    .await;
    let inside: Edges = table(DEFAULT)
        .into_iter()
        .filter(|(from, to, _)| from != "anvil" && to != "anvil")
        .collect();
    let users = [
        "boot-node",
        "full-node",
        "validator",
        "prover-node",
        "prover-broker",
    ];
    let outside = ["TCP", "UDP"]
        .into_iter()
        .flat_map(|protocol| [443, 40400].map(|number| Port { protocol, number }));
    let internet = outside.chain([UNUSED]).map(|port| ("internet", port));
    let cache = ["TCP", "UDP"].map(|protocol| {
        (
            "node-local",
            Port {
                protocol,
                number: 8080,
            },
        )
    });
    let ways: Vec<_> = internet
        .chain(cache)
        .chain([("node-local", UNUSED)])
        .collect();
    let out = users.into_iter().flat_map(|from| {
        ways.iter()
            .map(move |(to, port)| (from.to_owned(), (*to).to_owned(), *port))
    });
    same(&world.possible(), &inside.into_iter().chain(out).collect());
}

#[tokio::test]
async fn no_pod_of_any_feature_is_without_a_policy() {
    for entry in std::fs::read_dir(chart().join("ci")).expect("ci/ can be read") {
        let path = entry.expect("ci/ can be read").path();
        let objects =
            render(&load(std::slice::from_ref(&path), &[]).expect("ci values load")).await;
        let policies: BTreeSet<&str> = objects
            .iter()
            .filter(|one| one["kind"] == "NetworkPolicy")
            .filter_map(|one| one["metadata"]["name"].as_str())
            .collect();
        for template in objects.iter().filter_map(pod_template) {
            let labels = &template["metadata"]["labels"];
            let component = labels["app.kubernetes.io/component"]
                .as_str()
                .expect("a component");
            assert!(
                policies.contains(component),
                "{}: {component} has no policy",
                path.display()
            );
            assert_eq!(
                labels["app.kubernetes.io/instance"], "test",
                "the default policy selects it"
            );
        }
    }
}

/// A pod of the release that is there only for a while.
fn passing(name: &str, labels: &Value) -> End {
    let labels = serde_json::from_value(labels.clone()).expect("labels");
    End {
        name: name.to_owned(),
        address: Ipv4Addr::new(10, 244, 0, 200).into(),
        pod: Some((NAMESPACE.to_owned(), namespace_labels(NAMESPACE), labels)),
    }
}

/// What such a pod reaches of the release's own; none of them reaches it.
fn reached<'a>(world: &'a World, passing: &End) -> BTreeSet<(&'a str, i32)> {
    let mut reached = BTreeSet::new();
    for pod in &world.pods {
        for port in world.ports[&pod.name].iter().chain([&UNUSED]) {
            if connects(&world.policies, NAMESPACE, passing, pod, *port) {
                reached.insert((pod.name.as_str(), port.number));
            }
            let back = connects(&world.policies, NAMESPACE, pod, passing, *port);
            assert!(!back, "{} reaches it", pod.name);
        }
    }
    reached
}

#[tokio::test]
async fn the_pod_of_helm_test_reaches_nodes_and_wallets_and_nothing_else() {
    let world = World::of(&[]).await;
    let objects = render(&load(&[], &[]).expect("well-typed values")).await;
    let labels = &object(&objects, "Pod", "smoke")["metadata"]["labels"];
    let expected = [("boot-node", 8080), ("full-node", 8080), ("pxe", 8080)];
    assert_eq!(reached(&world, &passing("smoke", labels)), expected.into());
}

#[tokio::test]
async fn the_pod_of_soak_reaches_the_kubernetes_api_and_no_pod() {
    let sets = [
        "soak.enabled=true",
        "networkPolicy.egress.apiServer.cidrs.ipv4=203.0.113.0/24",
    ];
    let world = World::of(&sets).await;
    let objects = render(&load(&[], &sets).expect("well-typed values")).await;
    let template = pod_template(object(&objects, "CronJob", "soak")).expect("a template");
    let soak = passing("soak", &template["metadata"]["labels"]);
    assert_eq!(reached(&world, &soak), BTreeSet::new());
    let mut out = BTreeSet::new();
    for other in &world.others {
        for number in [53, 80, 443, 6443] {
            let protocol = "TCP";
            if connects(
                &world.policies,
                NAMESPACE,
                &soak,
                other,
                Port { protocol, number },
            ) {
                out.insert((other.name.as_str(), number));
            }
        }
    }
    let expected = [
        ("internet", 443),
        ("internet", 6443),
        ("name-server", 53),
        ("node-local", 53),
    ];
    assert_eq!(out, expected.into());
}
