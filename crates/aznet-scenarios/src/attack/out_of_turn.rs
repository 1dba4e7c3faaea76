//! Validators that sign proposals for slots whose proposer they are not.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aznet_model::{
    report::{Standing, ValidatorSet},
    role::Role,
};
use aznet_network::validators::{self, Address, Validators};
use aznet_runner::Failure;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::adversary::OUT_OF_TURN;
use crate::world::World;

/// Slots that come for which they sign, so that one is among them in which strangers are connected to all nodes.
const SLOTS: u64 = 16;
/// What it takes until a validator is asked for whom it signs, and has signed.
const TO_SIGN: Duration = Duration::from_secs(40);
/// Members of a committee, of which one at most proposes in a slot.
const MEMBERS: usize = 2;

/// What somebody is in a slot whose proposer is somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Signer {
    /// Of the committee.
    Member,
    /// A validator, but not of the committee.
    Outsider,
}

/// Proposals that are signed out of turn.
#[derive(Debug)]
pub(super) struct OutOfTurn {
    /// By whom there is one in each slot.
    pub(super) kinds: Vec<Signer>,
    /// Signatures, as `adversaries/out-of-turn.mjs` tells them.
    pub(super) signed: Vec<Value>,
}

impl World {
    /// Has some validators sign proposals of the slots that come, each in its own node.
    pub(super) async fn out_of_turn(&self) -> Result<OutOfTurn, Failure> {
        let all = validators::collect(&self.network, &[])
            .await
            .map_err(Failure::infrastructure)?;
        let (kinds, signers) = choose(&all);
        for kind in [Signer::Member, Signer::Outsider] {
            if !kinds.contains(&kind) {
                self.context.step(missing(kind, &all.set));
            }
        }
        let mut signed = Vec::new();
        for (pod, attesters) in signers {
            let options = json!({"slots": SLOTS, "attesters": attesters});
            let place = (pod, Role::Validator);
            let told: Vec<Value> = OUT_OF_TURN
                .misbehave_with(self, place, options, TO_SIGN)
                .await?;
            signed.extend(told);
        }
        Ok(OutOfTurn { kinds, signed })
    }
}

/// Why nothing is sent that such a one signed, in words.
fn missing(kind: Signer, set: &ValidatorSet) -> String {
    let who = match kind {
        Signer::Member => "two members of the committee that are ready",
        Signer::Outsider => "a validator outside the committee that is ready",
    };
    let (active, seats) = (set.active, set.committee_size);
    format!("nothing is signed by {who}: there is none, of {active} validators for {seats} seats")
}

/// Who signs, by pod, and what for: of each committee that is known, two members and one that is none.
fn choose(all: &Validators) -> (Vec<Signer>, BTreeMap<&str, BTreeSet<Address>>) {
    let set = all.set.attesters.iter();
    let set = set.filter(|one| one.standing == Standing::Validating);
    let set: BTreeSet<Address> = set.map(|one| one.address).collect();
    let ready = all.pods.iter().filter(|pod| pod.ready);
    let held: Vec<(&str, Address)> = ready
        .flat_map(|pod| {
            let attesters = all.attesters_of(&pod.name).unwrap_or_default().iter();
            attesters.map(|attester| (pod.name.as_str(), *attester))
        })
        .filter(|(_, attester)| set.contains(attester))
        .collect();
    let committees = all
        .set
        .draws
        .iter()
        .filter_map(|draw| draw.committee.as_ref());
    let committees: Vec<&Vec<Address>> = committees.collect();
    let (mut kinds, mut signers) = (Vec::new(), BTreeMap::new());
    for (kind, wanted) in [(Signer::Member, MEMBERS), (Signer::Outsider, 1)] {
        let some = committees.iter().map(|committee| {
            let fits = |attester| committee.contains(attester) == (kind == Signer::Member);
            let some = held.iter().filter(|(_, attester)| fits(attester));
            some.take(wanted).copied().collect::<Vec<_>>()
        });
        let some: Vec<_> = some.collect();
        if some.is_empty() || some.iter().any(|some| some.len() < wanted) {
            continue;
        }
        kinds.push(kind);
        for (pod, attester) in some.into_iter().flatten() {
            let of: &mut BTreeSet<Address> = signers.entry(pod).or_default();
            of.insert(attester);
        }
    }
    (kinds, signers)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;
    use aznet_model::report::{Attester, Draw, Held};
    use aznet_network::validators::ValidatorPod;

    use super::*;
    use crate::attack::turn::tests::committee_of;

    fn address(n: u8) -> Address {
        Address::repeat_byte(n)
    }

    /// Pods of one attester each, the last of which is not ready.
    fn validators(count: u8, committees: &[&[u8]]) -> Validators {
        let pod = |n: u8| ValidatorPod {
            name: format!("validator-{n}"),
            ready: n + 1 < count,
            held: Some(Held {
                attesters: vec![address(n)],
                ..Held::default()
            }),
        };
        let attester = |n| Attester {
            address: address(n),
            standing: Standing::Validating,
            stake: U256::from(100),
            withdrawer: None,
            exit: None,
        };
        let draw = |(epoch, committee): (u64, &&[u8])| Draw {
            epoch,
            from: Vec::new(),
            committee: Some(committee.iter().map(|n| address(*n)).collect()),
        };
        Validators {
            groups: Vec::new(),
            pods: (0..count).map(pod).collect(),
            set: ValidatorSet {
                active: count.into(),
                attesters: (0..count).map(attester).collect(),
                draws: (7..).zip(committees).map(draw).collect(),
                ..committee_of(4)
            },
            others: [].into(),
        }
    }

    #[test]
    fn in_each_slot_somebody_of_each_kind_has_signed_who_does_not_propose() {
        let all = validators(5, &[&[0, 1, 2, 4], &[1, 2, 3, 4]]);
        let (kinds, signers) = choose(&all);
        assert_eq!(kinds, [Signer::Member, Signer::Outsider]);
        let one = |n| BTreeSet::from([address(n)]);
        let pods = ["validator-0", "validator-1", "validator-2", "validator-3"];
        assert_eq!(signers, pods.into_iter().zip((0..).map(one)).collect());
    }

    #[test]
    fn who_is_not_there_is_left_out() {
        let all = validators(5, &[&[0, 1, 2, 3]]);
        let (kinds, signers) = choose(&all);
        assert_eq!(kinds, [Signer::Member], "the outsider is not ready");
        assert_eq!(signers.len(), 2);
        let all = validators(2, &[&[0, 1]]);
        let (kinds, signers) = choose(&all);
        assert!(
            kinds.is_empty() && signers.is_empty(),
            "who if it proposes?"
        );
        assert!(choose(&validators(5, &[])).0.is_empty(), "no committee");
    }
}
