//! Networks on the stacks of `infra/`, and what a cloud's load balancers are told.

use crate::common::{object, render, source};
use crate::join::facts;
use crate::releases::with_files;
use crate::render::{config, sets, templates};
use aznet_model::plan::plan;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What `infra/stacks values` prints.
const OF_STACKS: [&str; 3] = [
    "bootNode.p2p.announceIp=198.51.100.7",
    "blobStore.enabled=true",
    "blobStore.url=s3://aznet-blobs/aztec",
];

async fn on_stacks(network: &str) -> Vec<Value> {
    let values = source().join(format!("infra/values/{network}.yaml"));
    render(&with_files(network, &[values], &OF_STACKS)).await
}

#[tokio::test]
async fn the_boot_node_is_behind_the_load_balancer_of_the_stacks() {
    for network in ["staging", "spartan"] {
        let objects = on_stacks(network).await;
        let spec = &object(&objects, "Service", "boot-node-0-p2p")["spec"];
        assert_eq!(spec["type"], "NodePort", "{network}");
        // Peers keep their addresses: the load balancer finds the machine of the pod.
        assert_eq!(spec["externalTrafficPolicy"], "Local", "{network}");
        let ports = spec["ports"].as_array().expect("ports");
        let ways = ports.iter().map(|port| {
            let protocol = port.get("protocol").cloned();
            (protocol.unwrap_or(json!("TCP")), port["nodePort"].clone())
        });
        let both = ["TCP", "UDP"].map(|protocol| (json!(protocol), json!(30400)));
        assert_eq!(ways.collect::<Vec<_>>(), both, "{network}");
        let announced = &config(&objects).announce["boot-node"];
        assert_eq!(announced.ip.as_deref(), Some("198.51.100.7"), "{network}");
        assert_eq!(announced.port, 30400, "{network}");
        // Those that a controller makes would outlive the release, and keep the VPC from being deleted.
        let made = objects
            .iter()
            .find(|one| one["spec"]["type"] == "LoadBalancer");
        assert_eq!(made, None, "{network}");
    }
}

/// Where the stack has a listener for them, which ends TLS.
#[tokio::test]
async fn the_bundles_are_behind_the_load_balancer_of_the_stacks() {
    for network in ["staging", "spartan"] {
        for served in [false, true] {
            let mut all = OF_STACKS.to_vec();
            if served {
                all.push("bootNode.joinBundles.nodePort=30890");
                all.push("bootNode.joinBundles.url=https://join.example.org:8443/");
            }
            let values = source().join(format!("infra/values/{network}.yaml"));
            let loaded = with_files(network, &[values], &all);
            plan(&loaded.values).expect("a plan");
            let objects = render(&loaded).await;
            let ports = &object(&objects, "Service", "boot-node-0-p2p")["spec"]["ports"];
            let ports = ports.as_array().expect("ports").iter();
            let of_bundles: Vec<&Value> = ports
                .filter(|port| port["targetPort"] == "join-bundles")
                .collect();
            let wanted = json!({"name": "join-bundles", "port": 8090, "targetPort": "join-bundles", "nodePort": 30890});
            assert_eq!(
                of_bundles,
                Vec::from_iter(served.then_some(&wanted)),
                "{network}"
            );
            let url = facts(loaded.values).bundles_url();
            assert_eq!(
                url == "https://join.example.org:8443/",
                served,
                "{network}: {url}"
            );
        }
    }
}

/// The stack gives the bucket to ServiceAccounts by name.
#[tokio::test]
async fn nodes_run_as_those_who_reach_the_bucket_and_nobody_else_does() {
    let stack = std::fs::read_to_string(source().join("infra/blobs.yaml")).expect("the stack");
    let accounts = stack
        .lines()
        .filter_map(|line| line.trim().strip_prefix("ServiceAccount: "));
    let accounts: BTreeSet<String> = accounts.map(str::to_owned).collect();
    for network in ["staging", "spartan"] {
        let all = [&OF_STACKS[..], &["fullNode.replicas=1"]].concat();
        let values = source().join(format!("infra/values/{network}.yaml"));
        let objects = render(&with_files(network, &[values], &all)).await;
        let reaches = |(_, pod): (String, Value)| {
            let node = pod["spec"]["containers"][0]["env"]
                .as_array()
                .is_some_and(|env| env.iter().any(|one| one["name"] == "AWS_REGION"));
            let account = pod["spec"]["serviceAccountName"]
                .as_str()
                .map(str::to_owned);
            account.filter(|_| node)
        };
        let reaching: BTreeSet<String> = templates(&objects)
            .into_iter()
            .filter_map(reaches)
            .collect();
        assert_eq!(reaching, accounts, "{network}");
    }
}

/// At least as many machines of each type as the plan takes; more where zones or upgrades want them.
#[test]
fn the_stacks_have_the_machines_that_the_plan_takes() {
    for network in ["staging", "spartan"] {
        let stacks = std::fs::read_to_string(source().join(format!("infra/{network}.json")));
        let stacks: Value = serde_json::from_str(&stacks.expect("parameters")).expect("JSON");
        let text = |name: &str| {
            stacks["Parameters"][name]
                .as_str()
                .expect("a text")
                .to_owned()
        };
        let number = |name: &str| text(name).parse::<usize>().expect("a number");
        let provers = text("ProverInstanceTypes");
        let provers = provers.split(',').next().expect("a type");
        let types =
            [&text("InstanceType"), provers].map(|name| name.parse().expect("a known type"));

        let values = source().join(format!("infra/values/{network}.yaml"));
        let values = with_files(network, &[values], &OF_STACKS).values;
        let machines = plan(&values).expect("a plan").on_machines(&values, &types);
        machines.check().expect("every pod fits");
        let there = [
            number("MachinesInZoneA") + number("MachinesInZoneB"),
            number("ProverMachines"),
        ];
        for (group, there) in machines.groups.iter().zip(there) {
            assert!(group.count <= there, "{network}: {group:?}, {there} there");
        }
        let groups = there.iter().filter(|count| **count > 0).count();
        assert_eq!(machines.groups.len(), groups, "{network}");
    }
}

#[tokio::test]
async fn prover_agents_are_on_machines_of_their_own_and_fit_there() {
    let objects = on_stacks("spartan").await;
    let agent = &object(&objects, "Deployment", "prover-agent")["spec"]["template"]["spec"];
    assert_eq!(
        agent["nodeSelector"],
        json!({"aznet.dev/purpose": "provers"})
    );
    assert_eq!(agent["tolerations"][0]["key"], "aznet.dev/purpose");
    // Of 16 and 128 GiB, EKS leaves 15.9 and 121 GiB.
    let requests = &agent["containers"][0]["resources"]["requests"];
    assert_eq!(requests, &json!({"cpu": "15", "memory": "112Gi"}));
}

#[tokio::test]
async fn a_load_balancer_is_told_whose_it_is_and_for_whom() {
    let ways = |exposure: &str| {
        let (boot, grafana) = ("bootNode.p2p", "telemetry.grafana.expose");
        let mut wanted = vec![
            "telemetry.enabled=true".to_owned(),
            format!("{grafana}.type={exposure}"),
            format!(
                "{boot}.exposure={exposure},{boot}.nodePortBase=30400,{boot}.announceIp=203.0.113.1"
            ),
        ];
        for way in [boot, grafana] {
            wanted.push(format!("{way}.loadBalancerClass=service.k8s.aws/nlb"));
            wanted.push(format!("{way}.loadBalancerSourceRanges[0]=192.0.2.0/24"));
        }
        wanted.push(format!("{grafana}.nodePort=30300"));
        wanted
    };
    for exposure in ["LoadBalancer", "NodePort"] {
        let wanted = ways(exposure);
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let objects = render(&sets(&wanted)).await;
        for name in ["boot-node-0-p2p", "grafana"] {
            let spec = &object(&objects, "Service", name)["spec"];
            let told = (
                spec.get("loadBalancerClass"),
                spec.get("loadBalancerSourceRanges"),
            );
            // Kubernetes refuses both for other types.
            let right = if exposure == "LoadBalancer" {
                (
                    Some(&json!("service.k8s.aws/nlb")),
                    Some(&json!(["192.0.2.0/24"])),
                )
            } else {
                (None, None)
            };
            assert_eq!(told, right, "{name}");
        }
        let grafana = &object(&objects, "Service", "grafana")["spec"]["ports"][0];
        let port = (exposure == "NodePort").then(|| json!(30300));
        assert_eq!(grafana.get("nodePort"), port.as_ref());
    }
}
