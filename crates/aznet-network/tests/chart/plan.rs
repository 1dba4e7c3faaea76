//! The planner: arithmetic that must hold for any values, and problems in words.

use crate::common::load;
use aznet_model::keys::KeyRange;
use aznet_model::plan::{Capacity, InstanceType, Machines, plan};
use aznet_model::role::Role;
use aznet_model::slashing::SlasherFlavor;
use aznet_model::units::{Bytes, MilliCpu};
use aznet_model::values::Values;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;

static DEFAULTS: LazyLock<Values> =
    LazyLock::new(|| load(&[], &[]).expect("the chart's values load").values);

fn problems(sets: &[&str]) -> String {
    let values = match load(&[], sets) {
        Ok(loaded) => loaded.values,
        Err(refused) => return refused.to_string(),
    };
    let problems = plan(&values).expect_err("these values can't work");
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn notes(sets: &[&str]) -> String {
    plan(&load(&[], sets).expect("well-typed values").values)
        .expect("these values work")
        .notes
        .join("\n")
}

#[test]
fn the_default_network_is_planned() {
    let plan = plan(&DEFAULTS).expect("the defaults work");
    insta::assert_json_snapshot!(plan);
}

/// Each of these values with what is wrong with them.
fn named(all: &[Vec<&str>]) -> String {
    let of = |sets: &Vec<&str>| {
        let problems = problems(sets).replace('\n', "\n    ");
        format!("{}\n    {problems}", sets.join(" "))
    };
    all.iter().map(of).collect::<Vec<_>>().join("\n")
}

#[test]
fn combinations_that_cannot_work_are_named() {
    insta::assert_snapshot!(named(&[
        vec!["network.committeeSize=5"],
        vec!["validator.replicas=0"],
        vec!["network.slotDuration=10"],
        vec!["network.slotDuration=0"],
        vec!["l1.blockTime=0"],
        vec!["network.epochDuration=0"],
        vec!["network.proofSubmissionEpochs=0"],
        vec!["network.lagInEpochsForRandao=3"],
        vec!["bootNode.replicas=2"],
        vec!["bootNode.replicas=0"],
        vec![
            "bootNode.replicas=0",
            "fullNode.replicas=0",
            "validator.replicas=0",
            "l1.anvil.enabled=false",
            "l1.executionUrls={http://l1}",
            "network.registryAddress=0x0123456789012345678901234567890123456789",
        ],
        vec!["l1.existingSecret=mine"],
        vec![
            "l1.anvil.enabled=false",
            "l1.existingSecret=mine",
            "l1.executionUrls={http://l1}",
            "l1.traceUrls={http://traces}",
        ],
        vec!["validator.fakeProofs=true", "pxe.fakeProofs=false"],
        vec![
            "l1.anvil.enabled=false",
            "l1.executionUrls={http://l1}",
            "network.realVerifier=true",
        ],
        vec!["fullNode.service.type=LoadBalancer"],
        vec!["bot.replicas=4"],
        vec!["bot.replicas=1", "pxe.replicas=0"],
        vec![
            "bot.replicas=1",
            "bot.privateTransfersPerTx=0",
            "bot.publicTransfersPerTx=0",
        ],
        vec!["network.committeeSize=0"],
        vec![
            "network.slashing.roundSizeInEpochs=1",
            "network.slashing.quorum=2",
            "network.committeeSize=3",
        ],
        vec!["network.slashing.roundSizeInEpochs=0"],
        vec!["network.slashing.lifetimeInRounds=0"],
        vec!["network.slashing.offsetInRounds=0"],
        vec!["network.slashing.localEjectionThreshold=200000000000000000000"],
        vec!["proverAgent.replicas=0"],
        vec!["proverBroker.replicas=0"],
        vec!["proverBroker.replicas=2"],
        vec!["keys.attesterIndexStart=0"],
        vec!["keys.publisherIndexStart=1003"],
        vec![
            "keys.proverIndexStart=2147483647",
            "proverNode.publishersPerReplica=2"
        ],
        vec!["keys.mnemonic=test test junk"],
        vec!["l1.executionUrls={http://l1}"],
        vec!["l1.traceUrls={http://traces}"],
        vec!["l1.anvil.external=true"],
        vec![
            "l1.anvil.enabled=false",
            "l1.anvil.external=true",
            "l1.executionUrls={http://l1}",
        ],
        vec!["blobStore.enabled=false"],
        vec!["l1.anvil.slotsInAnEpoch=0"],
        vec!["l1.anvil.enabled=false"],
        vec![
            "l1.anvil.enabled=false",
            "l1.executionUrls={http://l1}",
            "blobStore.enabled=false"
        ],
        vec!["network.registryAddress=0x0123456789012345678901234567890123456789"],
        vec!["fullNode.resources.requests.memory=4Gi"],
        vec!["fullNode.maxOldSpaceSize=4096"],
        vec!["fullNode.storage.medium=Memory"],
        vec![
            "fullNode.storage.enabled=false",
            "fullNode.storage.medium=Memory"
        ],
        vec!["fullNode.service.adminPort=8080"],
        vec!["fullNode.replicas=1000000"],
        vec!["defaults.p2p.exposure=NodePort"],
        vec![
            "defaults.p2p.exposure=NodePort",
            "defaults.p2p.nodePortBase=30400",
            "defaults.p2p.announceIp=198.51.100.1"
        ],
        vec!["validator.p2p.exposure=LoadBalancer"],
    ]));
}

#[test]
fn bundles_that_cannot_be_served_are_named() {
    insta::assert_snapshot!(named(&[
        vec![
            "bootNode.joinBundles.enabled=true",
            "bootNode.joinBundles.port=8080"
        ],
        vec![
            "bootNode.joinBundles.enabled=true",
            "bootNode.replicas=0",
            "network.registryAddress=0x0123456789012345678901234567890123456789",
            "network.bootstrapNodes={enr:-a}",
            "l1.anvil.enabled=false",
            "l1.executionUrls={http://l1}",
        ],
        vec![
            "bootNode.joinBundles.enabled=true",
            "bootNode.joinBundles.nodePort=30890"
        ],
        vec![
            "bootNode.joinBundles.enabled=true",
            "bootNode.joinBundles.nodePort=8090",
            "bootNode.p2p.exposure=NodePort",
            "bootNode.p2p.nodePortBase=30400"
        ],
        vec![
            "bootNode.joinBundles.enabled=true",
            "bootNode.joinBundles.nodePort=30502",
            "bootNode.p2p.exposure=NodePort",
            "bootNode.p2p.nodePortBase=30400",
            "validator.p2p.exposure=NodePort",
            "validator.p2p.nodePortBase=30500"
        ],
        vec!["bootNode.joinBundles.url=join.example.org"],
    ]));
}

#[test]
fn a_mnemonic_is_never_shown() {
    assert!(!problems(&["keys.mnemonic=secret words here"]).contains("secret"));
}

#[test]
fn consequences_are_said() {
    for (sets, note) in [
        (
            vec!["validator.replicas=3", "network.committeeSize=3"],
            "the chain stops while a single validator is offline",
        ),
        (
            vec!["validator.replicas=1", "validator.keysPerReplica=4"],
            "may stop while a single validator pod is offline",
        ),
        (
            vec!["network.slashing.disablePenalties=false"],
            "halts the network for good",
        ),
        (
            vec!["network.skipWarmUp=false"],
            "drawn 2m 24s after deployment",
        ),
        (
            vec!["network.lagInEpochsForRandao=1"],
            "may draw different committees",
        ),
        (vec!["proverNode.replicas=0"], "no epoch is ever proven"),
        (
            vec!["l1.anvil.storage.enabled=false"],
            "the chain and the network are lost",
        ),
        (
            vec!["network.committeeSize=0", "network.slashing.flavor=none"],
            "There is no committee",
        ),
        (
            vec!["pxe.fakeProofs=false"],
            "pxe.fakeProofs is false: all proofs are real",
        ),
        (vec!["pxe.fakeProofs=false"], "128 GiB for each process"),
        (
            vec![
                "network.slashing.disablePenalties=false",
                "network.slashing.localEjectionThreshold=50",
            ],
            "the smallest ejects no one",
        ),
        (
            vec![
                "bootNode.replicas=0",
                "pxe.replicas=0",
                "fullNode.replicas=0",
                "l1.anvil.enabled=false",
                "l1.existingSecret=my-l1",
                "network.bootstrapNodes={enr:-x}",
                "network.registryAddress=0x0123456789012345678901234567890123456789",
            ],
            "peers are found by the 1 ENR of network.bootstrapNodes",
        ),
    ] {
        let said = notes(&sets);
        assert!(said.contains(note), "{sets:?}: {said}");
    }
    assert!(
        !notes(&[
            "network.slashing.disablePenalties=false",
            "validator.replicas=6"
        ])
        .contains("for good")
    );
}

#[test]
fn what_does_not_fit_says_how_much_is_missing() {
    let plan = plan(&DEFAULTS).expect("the defaults work");
    let (memory, cpu) = (plan.demand.memory, plan.demand.cpu_requested);
    let machine = |memory, cpu| Capacity {
        memory,
        cpu,
        cpu_in_all: MilliCpu(1700),
    };
    assert_eq!(plan.check_machine(&machine(memory, cpu)), Ok(()));
    let error = plan
        .check_machine(&machine(Bytes(memory.0 - (512 << 20)), cpu))
        .expect_err("too small");
    assert!(error.to_string().contains("512 MiB too little"), "{error}");
    let error = plan
        .check_machine(&machine(memory, MilliCpu(700)))
        .expect_err("too small");
    let words = format!("{}m of CPU and 700m of 1700m are left", cpu.0);
    assert!(error.to_string().contains(&words), "{error}");
}

#[test]
fn the_small_network_fits_its_budget() {
    let demand = plan(&DEFAULTS).expect("the defaults work").demand;
    assert!(
        demand.memory < Bytes::mebibytes(12 * 1024),
        "{}",
        demand.memory
    );
    assert!(
        demand.cpu_requested.0 <= 1000,
        "{} must be scheduled on two cores beside the cluster",
        demand.cpu_requested
    );
}

proptest! {
    #[test]
    fn no_two_pods_hold_the_same_key(
        replicas in 1_u32..40, keys in 1_u32..20, publishers in 1_u32..5, provers in 0_u32..4, prover_keys in 1_u32..4,
    ) {
        let mut values = DEFAULTS.clone();
        (values.validator.replicas, values.validator.keys_per_replica) = (replicas, keys);
        values.validator.publishers_per_replica = publishers;
        (values.prover_node.replicas, values.prover_node.publishers_per_replica) = (provers, prover_keys);
        values.network.committee_size = 1;
        let plan = plan(&values).expect("these values work");
        let ranges: Vec<KeyRange> = plan.pods.iter().flat_map(|pod| [pod.attesters, pod.publishers]).flatten().collect();
        let indices: Vec<u64> = ranges.iter().flat_map(|range| range.start..range.end()).collect();
        prop_assert_eq!(indices.iter().collect::<BTreeSet<_>>().len(), indices.len());
        prop_assert!(!indices.contains(&u64::from(values.keys.deployer_index)));
        let attesters: u64 = plan.pods.iter().filter_map(|pod| pod.attesters).map(|range| range.count).sum();
        prop_assert_eq!(attesters, plan.committee.validators);
        let paid: u64 = plan.prefund.iter().map(|prefund| prefund.keys.count).sum();
        prop_assert_eq!(paid, 1 + u64::from(replicas * publishers) + u64::from(provers * prover_keys));
    }

    #[test]
    fn ranges_that_share_a_key_are_always_a_problem(attester in 0_u32..60, publisher in 0_u32..60, prover in 0_u32..60) {
        let mut values = DEFAULTS.clone();
        values.keys.attester_index_start = attester;
        values.keys.publisher_index_start = publisher;
        values.keys.prover_index_start = prover;
        let run = |start: u32, count: u32| (start..start + count).collect::<Vec<_>>();
        let all = [run(0, 1), run(attester, 4), run(publisher, 4), run(prover, 1)].concat();
        let disjoint = all.iter().collect::<BTreeSet<_>>().len() == all.len();
        prop_assert_eq!(plan(&values).is_ok(), disjoint);
    }

    #[test]
    fn a_quorum_outlives_as_many_as_may_fail(replicas in 1_u32..50, keys in 1_u32..10, size in 0_u64..500) {
        let mut values = DEFAULTS.clone();
        (values.validator.replicas, values.validator.keys_per_replica) = (replicas, keys);
        values.network.committee_size = size.min(u64::from(replicas * keys));
        values.network.slashing.flavor = SlasherFlavor::None;
        let committee = plan(&values).expect("these values work").committee;
        prop_assert!(3 * committee.quorum > 2 * committee.size || committee.size == 0);
        prop_assert_eq!(committee.size - committee.may_fail, committee.quorum);
        prop_assert!(committee.pods_may_fail * committee.keys_per_pod <= committee.may_fail);
        prop_assert!((committee.pods_may_fail + 1) * committee.keys_per_pod > committee.may_fail);
    }
}

#[test]
fn pods_have_the_names_that_the_cluster_gives_them() {
    let plan = plan(&DEFAULTS).expect("the defaults work");
    let dns = |role| {
        plan.pods
            .iter()
            .filter(|pod| pod.role == role)
            .map(|pod| pod.dns.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(dns(Role::BootNode), ["boot-node-0.boot-node"]);
    assert_eq!(
        dns(Role::Validator),
        [
            "validator-0.validator",
            "validator-1.validator",
            "validator-2.validator",
            "validator-3.validator"
        ]
    );
    assert_eq!(dns(Role::Anvil), ["anvil"]);
    assert_eq!(dns(Role::BlobStore), ["blob-store"]);
}

/// Where the pods go of the chart's defaults with `sets` over them.
fn on_machines(types: &[&str], sets: &[&str]) -> Machines {
    let values = load(&[], sets).expect("well-typed values").values;
    let types: Vec<InstanceType> = types
        .iter()
        .map(|name| name.parse().expect("known"))
        .collect();
    plan(&values)
        .expect("these values work")
        .on_machines(&values, &types)
}

/// `(type, machines, validators on them)`.
fn groups(machines: &Machines) -> Vec<(&str, usize, u32)> {
    let groups = machines.groups.iter();
    groups
        .map(|one| {
            let validators = one.pods.get("validator").copied();
            (one.instance_type, one.count, validators.unwrap_or_default())
        })
        .collect()
}

#[test]
fn pods_go_to_the_first_type_on_which_they_fit() {
    let large = "validator.resources.requests.memory=20Gi,validator.resources.limits.memory=24Gi";
    // Of 16, 32 and 64 GiB some is Kubernetes'.
    let types = ["m7i.xlarge", "r7a.xlarge", "r7a.2xlarge"];
    let machines = on_machines(&types, &[large, "validator.replicas=5"]);
    assert_eq!(
        groups(&machines),
        [("m7i.xlarge", 1, 0), ("r7a.xlarge", 5, 5)]
    );
    let [large] = machines.too_large.as_slice() else {
        panic!("{machines:?}");
    };
    assert_eq!(
        (large.name.as_str(), large.instance_type),
        ("validator", "m7i.xlarge")
    );
    assert!(!large.nowhere && machines.check().is_ok());

    let both = on_machines(&["r7a.2xlarge"], &[]);
    assert_eq!(groups(&both), [("r7a.2xlarge", 1, 4)]);
}

#[test]
fn pods_that_fit_nowhere_are_named() {
    let machines = on_machines(
        &["m7i.large"],
        &[
            "validator.resources.requests.cpu=2",
            "pxe.resources.requests.cpu=2",
        ],
    );
    assert_eq!(groups(&machines), [("m7i.large", 1, 0)]);
    let said = machines
        .check()
        .expect_err("a core is Kubernetes'")
        .to_string();
    assert_eq!(
        said,
        "validator, pxe fit on no machine of the types asked about: lower their resources.requests, or name a larger type"
    );
}

#[test]
fn pods_for_other_machines_share_none() {
    let elsewhere = "validator.nodeSelector.disk=fast";
    let machines = on_machines(&["r7a.2xlarge"], &[elsewhere]);
    assert_eq!(
        groups(&machines),
        [("r7a.2xlarge", 1, 0), ("r7a.2xlarge", 1, 4)]
    );
    assert_eq!(machines.groups[1].node_selector["disk"], "fast");
}

#[test]
fn a_machine_has_addresses_for_so_many_pods() {
    // 29 of a large machine, of which its own and the cluster's take some; they ask for next to nothing.
    let small = "defaults.resources.requests.cpu=1m,defaults.resources.requests.memory=1Mi";
    let machines = on_machines(
        &["r7a.large"],
        &[
            small,
            "fullNode.replicas=60",
            "validator.resources.requests.cpu=1m",
        ],
    );
    assert_eq!(groups(&machines), [("r7a.large", 3, 4)]);
}
