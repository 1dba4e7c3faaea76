//! Who signs and pays for what, in the pods' own words; no key leaves its pod.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alloy_primitives::Address;
use aznet_model::role::Role;
use futures::future::join_all;

use super::{health::Publisher, node::NodeStatus};
use crate::{
    clients::l1::L1,
    namespace::Network,
    validators::{self, Validators},
};

/// How long pods may take to answer; a large set takes longer, and nothing is known of it then.
const PATIENCE: Duration = Duration::from_secs(8);

/// What pods say of the accounts that they hold.
#[derive(Debug, Default)]
pub(super) struct Signers {
    /// Attesters whose pods don't serve; `None` if it isn't known.
    pub(super) absent: Option<BTreeSet<Address>>,
    /// Pods none of whose attesters will ever attest again.
    pub(super) retired: BTreeSet<String>,
    /// Accounts that pay for transactions, and the pods that use them.
    payers: BTreeMap<Address, Vec<String>>,
}

/// Asks the validators and the prover nodes among `nodes`.
pub(super) async fn collect(network: &Network, nodes: &[NodeStatus]) -> Signers {
    let (validators, provers) =
        futures::join!(of_validators(network, nodes), of_provers(network, nodes));
    let mut signers = validators
        .map(|seen| from(&seen, nodes))
        .unwrap_or_default();
    for (pod, publishers) in provers {
        signers.pays(&pod, &publishers);
    }
    signers
}

async fn of_validators(network: &Network, nodes: &[NodeStatus]) -> Option<Validators> {
    let validators = || nodes.iter().filter(|node| node.role == Role::Validator);
    if !validators().any(|node| node.ready) {
        return None;
    }
    let away = validators().filter(|node| !node.ready);
    let away: Vec<String> = away.map(|node| node.name.clone()).collect();
    let asked = tokio::time::timeout(PATIENCE, validators::collect(network, &away)).await;
    asked
        .inspect_err(|_| tracing::debug!("validators take too long to say what they hold"))
        .ok()?
        .inspect_err(|error| tracing::debug!(%error, "validators don't say what they hold"))
        .ok()
}

async fn of_provers(network: &Network, nodes: &[NodeStatus]) -> Vec<(String, Vec<Address>)> {
    let provers = nodes
        .iter()
        .filter(|node| node.role == Role::ProverNode && node.ready);
    let asked = provers.map(|node| async {
        let held = validators::held(network, &node.name, Role::ProverNode);
        let held = tokio::time::timeout(PATIENCE, held).await.ok()?.ok()?;
        Some((node.name.clone(), held.publishers))
    });
    join_all(asked).await.into_iter().flatten().collect()
}

fn from(seen: &Validators, nodes: &[NodeStatus]) -> Signers {
    let mut signers = Signers::default();
    let mut absent = BTreeSet::new();
    let (attesters, retired) = (seen.by_pod(), validators::retired(seen));
    for node in nodes.iter().filter(|node| node.role == Role::Validator) {
        let name = node.name.as_str();
        if !node.ready {
            absent.extend(attesters.get(name).into_iter().copied().flatten());
        } else if retired.contains(name) {
            signers.retired.insert(node.name.clone());
        }
    }
    signers.absent = Some(absent);
    for pod in &seen.pods {
        if let Some(held) = &pod.held {
            signers.pays(&pod.name, &held.publishers);
        }
    }
    signers
}

impl Signers {
    fn pays(&mut self, pod: &str, accounts: &[Address]) {
        for account in accounts {
            self.payers
                .entry(*account)
                .or_default()
                .push(pod.to_owned());
        }
    }

    /// What the accounts that pay have on L1; those that the L1 doesn't tell of are left out.
    pub(super) async fn balances(&self, l1: Option<&L1>) -> Vec<Publisher> {
        let Some(l1) = l1 else {
            return Vec::new();
        };
        let asked = self.payers.iter().map(|(address, pods)| async {
            let balance = l1.balance(*address).await;
            let balance = balance.inspect_err(|error| tracing::debug!(%error, "no balance"));
            Some(Publisher {
                pods: pods.clone(),
                address: *address,
                balance: balance.ok()?,
            })
        });
        join_all(asked).await.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use alloy_primitives::U256;
    use aznet_model::{
        report::{Attester, Held, Standing, ValidatorSet},
        workload::Workload,
    };

    use super::*;
    use crate::validators::ValidatorPod;

    fn who(n: u8) -> Address {
        Address::repeat_byte(n)
    }

    fn attester(n: u8, standing: Standing) -> Attester {
        Attester {
            address: who(n),
            standing,
            stake: U256::ZERO,
            withdrawer: None,
            exit: None,
        }
    }

    fn seen() -> Validators {
        let pod = |name: &str, n| ValidatorPod {
            name: name.to_owned(),
            ready: true,
            held: Some(Held {
                attesters: vec![who(n)],
                publishers: vec![who(99)],
                ..Held::default()
            }),
        };
        Validators {
            groups: Vec::new(),
            pods: vec![pod("validator-0", 1), pod("validator-1", 2)],
            set: ValidatorSet {
                rollup: who(0),
                l1_time: 0,
                genesis: 0,
                slot_duration: 12,
                epoch_duration: 4,
                lag_in_epochs: 1,
                committee_size: 4,
                exit_delay: 0,
                active: 4,
                attesters: vec![
                    attester(1, Standing::Validating),
                    attester(2, Standing::Ejected),
                ],
                queue: Vec::new(),
                draws: Vec::new(),
            },
            others: BTreeMap::from([("validator-2".to_owned(), vec![who(3)])]),
        }
    }

    #[test]
    fn absent_and_retired_attesters_are_told_apart_by_their_pods() {
        let there = |name: &str| {
            let mut node =
                NodeStatus::missing(name.into(), &Workload::from(Role::Validator), "ready");
            (node.ready, node.missing) = (true, false);
            node
        };
        let away = NodeStatus::missing("validator-2".into(), &Role::Validator.into(), "missing");
        let nodes = [there("validator-0"), there("validator-1"), away];
        let signers = from(&seen(), &nodes);
        assert_eq!(signers.absent, Some(BTreeSet::from([who(3)])));
        assert_eq!(signers.retired, BTreeSet::from(["validator-1".to_owned()]));
        assert_eq!(signers.payers[&who(99)], ["validator-0", "validator-1"]);
    }
}
