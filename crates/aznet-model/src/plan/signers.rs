//! Keys that are not derived: key stores and remote signers.

use std::collections::BTreeMap;

use crate::role::Role;
use crate::values::{Problem, Values};

const PODS: &str = "keys.remoteSigner.pods";

pub(super) fn problems(values: &Values) -> Vec<Problem> {
    let signer = &values.keys.remote_signer;
    if signer.url.is_empty() {
        return Vec::new();
    }
    let mut problems = missing(values);
    problems.extend(twice(values));
    if !values.keys.keystore_secret.is_empty() {
        problems.push(Problem::new(
            "keys.keystoreSecret",
            &values.keys.keystore_secret,
            "nothing beside keys.remoteSigner.url: a pod has its keys from one place",
            "remove one of them; a key store may name a remote signer itself",
        ));
    }
    problems
}

/// Validators that the signer isn't said to sign for.
fn missing(values: &Values) -> Vec<Problem> {
    let pods = &values.keys.remote_signer.pods;
    let complete = |pod: &String| {
        pods.get(pod)
            .is_some_and(|held| !held.attesters.is_empty() && !held.publishers.is_empty())
    };
    let workloads = values.workloads();
    let validators = workloads
        .iter()
        .filter(|workload| workload.role() == Role::Validator);
    validators
        .flat_map(|workload| {
            let name = workload.name();
            (0..values.replicas_of(workload)).map(move |ordinal| format!("{name}-{ordinal}"))
        })
        .filter(|pod| !complete(pod))
        .map(|pod| {
            Problem::new(
                format!("{PODS}.{pod}"),
                "no attesters or no publishers",
                "the addresses of both: the signer holds this pod's keys",
                "list them",
            )
        })
        .collect()
}

/// Addresses that two pods would sign with.
fn twice(values: &Values) -> Vec<Problem> {
    let mut holders: BTreeMap<String, &String> = BTreeMap::new();
    let mut problems = Vec::new();
    for (pod, held) in &values.keys.remote_signer.pods {
        for address in held.attesters.iter().chain(&held.publishers) {
            let holder = holders.insert(address.to_lowercase(), pod);
            if let Some(other) = holder.filter(|other| *other != pod) {
                problems.push(Problem::new(
                    format!("{PODS}.{pod}"),
                    address,
                    format!("an address that {other} doesn't have: one key in two hands gets a validator slashed and its transactions stuck"),
                    "give it to one of them",
                ));
            }
        }
    }
    problems
}
