//! Combinations of values that can't work.

use super::{demand, groups, keys, p2p, release, rollout, signers, slashing, wiring};
use crate::role::Role;
use crate::values::{Ports, Problem, Validators, Values};
use crate::workload::Workload;
use alloy_signer_local::coins_bip39::{English, Mnemonic};

pub(super) fn problems(values: &Values) -> Vec<Problem> {
    let mut problems = timing(values);
    problems.extend(committee(values));
    problems.extend(prover(values));
    problems.extend(release::problems(values));
    problems.extend(wiring::problems(values));
    problems.extend(slashing::problems(values));
    problems.extend(mnemonic(values));
    problems.extend(keys::problems(values));
    problems.extend(signers::problems(values));
    problems.extend(groups::problems(values));
    for workload in values
        .workloads()
        .iter()
        .filter(|workload| values.replicas_of(workload) > 0)
    {
        problems.extend(demand::problems(values, workload));
        problems.extend(ports(values, workload));
        problems.extend(rollout::problems(values, workload));
    }
    problems.extend(p2p::problems(values));
    problems.sort_by(|a, b| a.key.cmp(&b.key));
    problems.dedup();
    problems
}

fn timing(values: &Values) -> Vec<Problem> {
    let (network, l1) = (&values.network, &values.l1);
    let mut problems = Vec::new();
    if l1.block_time > 0 && !network.slot_duration.is_multiple_of(l1.block_time) {
        let near = network.slot_duration.next_multiple_of(l1.block_time);
        problems.push(Problem::new(
            "network.slotDuration",
            format!("{} s", network.slot_duration),
            format!("a multiple of l1.blockTime ({} s)", l1.block_time),
            format!("make it {near}, or change l1.blockTime"),
        ));
    }
    if network.lag_in_epochs_for_validator_set < network.lag_in_epochs_for_randao {
        problems.push(Problem::new(
            "network.lagInEpochsForValidatorSet",
            network.lag_in_epochs_for_validator_set,
            format!(
                "at least network.lagInEpochsForRandao ({})",
                network.lag_in_epochs_for_randao
            ),
            "raise it: the rollup contract refuses a validator set younger than its random value",
        ));
    }
    problems
}

fn committee(values: &Values) -> Vec<Problem> {
    if !values.network.registry_address.is_empty() {
        return Vec::new();
    }
    let (size, groups) = (values.network.committee_size, values.validators());
    let validators: u64 = groups.iter().map(Validators::attesters).sum();
    if values.replicas(Role::Validator) == 0 {
        return vec![Problem::new(
            "validator.replicas",
            0,
            "1 or more: a new network without validators makes no block",
            "raise it, or give network.registryAddress of a network that has validators",
        )];
    }
    if size <= validators {
        return Vec::new();
    }
    let keys = u64::from(values.validator.keys_per_replica).max(1);
    let of_groups = validators - groups[0].attesters();
    let pods = (size - of_groups).div_ceil(keys);
    vec![Problem::new(
        "network.committeeSize",
        format!("{size} with {validators} validators"),
        "at most validator.replicas * validator.keysPerReplica, and those of validatorGroups: a committee that can't be drawn halts the chain",
        format!("set validator.replicas to {pods}, or lower network.committeeSize to {validators}"),
    )]
}

fn prover(values: &Values) -> Vec<Problem> {
    let (nodes, brokers, agents) = (
        values.prover_node.replicas,
        values.prover_broker.replicas,
        values.prover_agent.replicas,
    );
    let mut problems = Vec::new();
    // With neither broker nor agents a prover node proves by itself.
    if nodes > 0 && brokers > 0 && agents == 0 {
        problems.push(Problem::new(
            "proverAgent.replicas",
            0,
            "1 or more while there is a prover broker: nothing else proves its jobs, and every epoch would be pruned",
            "raise it; or set proverBroker.replicas to 0 as well, then the prover node proves by itself",
        ));
    }
    if brokers == 0 && agents > 0 {
        problems.push(Problem::new(
            "proverBroker.replicas",
            brokers,
            "1: all prover nodes and agents share one queue of jobs",
            "set it to 1",
        ));
    }
    problems
}

/// The mnemonic's words and checksum; the words themselves are never shown.
fn mnemonic(values: &Values) -> Option<Problem> {
    let keys = &values.keys;
    if !keys.existing_secret.is_empty()
        || Mnemonic::<English>::new_from_phrase(&keys.mnemonic).is_ok()
    {
        return None;
    }
    let words = keys.mnemonic.split_whitespace().count();
    Some(Problem::new(
        "keys.mnemonic",
        format!("{words} words that are not a valid BIP-39 mnemonic"),
        "12 to 24 English words with a valid checksum",
        "copy it again, or name a Secret in keys.existingSecret",
    ))
}

fn ports(values: &Values, workload: &Workload) -> Vec<Problem> {
    if !workload.role().pushes() {
        return Vec::new();
    }
    let service = values.pod_of(workload).service.unwrap_or_default();
    if workload.role() == Role::Pxe {
        return Vec::new();
    }
    let mut problems = of_the_pxe(workload.role(), &service);
    let mut named = vec![
        ("service.p2pPort", service.p2p_port),
        ("service.nodePort", service.node_port),
        ("service.adminPort", service.admin_port),
    ];
    let bundles = &values.boot_node.join_bundles;
    if workload.role() == Role::BootNode && bundles.enabled {
        named.push(("joinBundles.port", Some(bundles.port)));
    }
    let key = |name| format!("{}.{name}", workload.values_key());
    for (n, (name, port)) in named.iter().enumerate() {
        let Some(port) = port else {
            problems.push(Problem::new(
                key(name),
                "missing",
                "a port",
                "do not set it to null",
            ));
            continue;
        };
        if let Some((other, _)) = named[..n]
            .iter()
            .find(|(_, earlier)| *earlier == Some(*port))
        {
            problems.push(Problem::new(
                key(name),
                port,
                format!("another port than {}", key(other)),
                "change one of them",
            ));
        }
    }
    problems
}

/// What only the pxe's service has.
fn of_the_pxe(role: Role, service: &Ports) -> Vec<Problem> {
    let given = [
        ("type", service.kind.is_some()),
        ("port", service.port.is_some()),
        ("targetPort", service.target_port.is_some()),
    ];
    let given = given.into_iter().filter(|(_, given)| *given);
    given
        .map(|(name, _)| {
            Problem::new(
                format!("{}.service.{name}", role.values_key()),
                "given",
                "nothing: only each pxe has a service of its own",
                "remove it; ports of a node are p2pPort, nodePort and adminPort",
            )
        })
        .collect()
}
