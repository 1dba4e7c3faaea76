//! What the others note of a validator that misbehaves, to vote on.
//!
//! Aztec 4.1 looks for most offences only where they have a penalty. That proposals or attestations contradict each other
//! is noted in any case.

use std::ops::RangeInclusive;

use aznet_kit::wait::Look;
use aznet_model::{
    chain::{Epoch, Slot},
    chaos::ProtocolAction,
    role::Role,
    slashing::{SlasherFlavor, Slashing},
};
use aznet_network::{
    clients::{
        admin::{
            self,
            offences::{self, Kind, Noted},
        },
        rpc::PodRpc,
    },
    observe::{instances, timing},
    validators::Address,
};
use aznet_runner::Failure;
use jiff::Timestamp;

use super::turn::Turn;
use crate::world::World;

/// Slots in which what everybody could see must be noted.
const SLOTS_TO_NOTE: u32 = 3;
/// The release of which it is known what is noted.
const KNOWN: &str = "4.1";

/// What somebody did that validators vote on.
#[derive(Debug)]
pub(super) struct Offence<'a> {
    kind: Kind,
    pod: &'a str,
    attesters: &'a [Address],
    /// Slots in which it was, or epochs, as the kind has it.
    at: RangeInclusive<u64>,
}

/// Sees what the proposer did in its turn noted, if that is an offence.
pub(super) async fn of_turn(
    world: &World,
    turn: &Turn,
    action: ProtocolAction,
) -> Result<(), Failure> {
    let Some(kind) = kind(action) else {
        return Ok(());
    };
    // Told early, it may have had another turn before.
    let slot = |time: Timestamp| {
        let seconds = u64::try_from(time.as_second()).unwrap_or_default();
        turn.timing.at(seconds).slot.0
    };
    let at = slot(turn.since)..=slot(Timestamp::now());
    Offence {
        kind,
        pod: &turn.pod,
        attesters: &turn.attesters,
        at,
    }
    .noted(world)
    .await
}

/// Sees noted that it signed twice what it may sign once in a slot.
pub(super) async fn equivocation(
    world: &World,
    turn: &Turn,
    (kind, slot): (Kind, Slot),
) -> Result<(), Failure> {
    Offence {
        kind,
        pod: &turn.pod,
        attesters: &turn.attesters,
        at: slot.0..=slot.0,
    }
    .noted(world)
    .await
}

/// Sees noted that somebody did nothing until this epoch was over.
pub(super) async fn inactivity(
    world: &World,
    (pod, attesters): (&str, &[Address]),
    epoch: Epoch,
) -> Result<(), Failure> {
    Offence {
        kind: Kind::Inactivity,
        pod,
        attesters,
        at: epoch.0..=epoch.0,
    }
    .noted(world)
    .await
}

impl Offence<'_> {
    /// Waits until another validator has it on its list; says why not, where none looks for it.
    async fn noted(&self, world: &World) -> Result<(), Failure> {
        let Self { kind, pod, .. } = self;
        let slashing = timing::slashing(&world.network).await;
        let slashing = slashing.map_err(Failure::infrastructure)?;
        let release = world.network.release().await;
        if let Some(why) = self.unseen(&slashing, release.name) {
            world.context.step(format!(
                "whether {kind} of {pod} is noted was not looked at: {why}"
            ));
            return Ok(());
        }
        let others = self.others(world).await?;
        let goal = format!("{kind} of {pod} noted by another validator");
        let within = world.time.slots(SLOTS_TO_NOTE) + world.course.slack;
        let by = world
            .until(&goal, within, || async {
                let mut seen = "no other validator answers".to_owned();
                for rpc in &others {
                    match offences::noted(rpc, &release.methods).await {
                        Ok(all) if all.iter().any(|one| self.is(one)) => {
                            return Ok(Look::Done(rpc.pod().to_owned()));
                        }
                        Ok(all) => seen = format!("{} has noted {} others", rpc.pod(), all.len()),
                        Err(error) if error.is_retryable() => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(Look::Pending(seen))
            })
            .await?;
        world
            .context
            .step(format!("{by} has noted {kind} of {pod}"));
        Ok(())
    }

    /// The admin APIs of the ready validators that are not who did it.
    async fn others(&self, world: &World) -> Result<Vec<PodRpc>, Failure> {
        let pods = instances::list(&world.network)
            .await
            .map_err(Failure::infrastructure)?;
        let mut others = Vec::new();
        for pod in pods {
            if pod.role == Role::Validator && pod.ready && pod.pod != self.pod {
                let rpc = admin::rpc(&world.network, &pod.pod).await;
                others.push(rpc.map_err(Failure::infrastructure)?);
            }
        }
        Ok(others)
    }

    fn is(&self, noted: &Noted) -> bool {
        noted.offense_type == self.kind
            && self.attesters.contains(&noted.validator)
            && self.at.contains(&noted.epoch_or_slot)
    }

    /// Why no node of the release looks for it.
    fn unseen(&self, slashing: &Slashing, release: &str) -> Option<String> {
        if release != KNOWN {
            return Some(format!("what Aztec {release} notes is not known"));
        }
        if slashing.flavor == SlasherFlavor::None {
            return Some("nobody votes (network.slashing.flavor)".to_owned());
        }
        let is_looked_for = matches!(
            self.kind,
            Kind::DuplicateProposal | Kind::DuplicateAttestation
        ) || !slashing.disable_penalties
            && penalties(self.kind, slashing).into_iter().any(is_some);
        if !is_looked_for {
            return Some(format!(
                "it has no penalty, and Aztec {KNOWN} looks for it only if it has"
            ));
        }
        let grace = slashing.grace_period_slots;
        (self.kind != Kind::Inactivity && *self.at.start() < grace)
            .then(|| format!("offences in the first {grace} slots do not count"))
    }
}

/// The penalties one of which makes nodes look for such offences.
fn penalties(kind: Kind, slashing: &Slashing) -> Vec<&str> {
    let all = &slashing.penalties;
    match kind {
        Kind::Inactivity => vec![&all.inactivity],
        Kind::InvalidBlock => vec![&all.invalid_block],
        Kind::InsufficientAttestations | Kind::IncorrectAttestations => vec![
            &all.propose_invalid_attestations,
            &all.attest_descendant_of_invalid,
        ],
        _ => Vec::new(),
    }
}

/// Whether an amount is more than nothing.
fn is_some(amount: &str) -> bool {
    amount.bytes().any(|digit| digit != b'0')
}

/// What the others note of it; `None`: nothing.
const fn kind(action: ProtocolAction) -> Option<Kind> {
    match action {
        ProtocolAction::InvalidProposals => Some(Kind::InvalidBlock),
        ProtocolAction::MissingAttestations => Some(Kind::InsufficientAttestations),
        ProtocolAction::FakeAttestations
        | ProtocolAction::MalleableAttestations
        | ProtocolAction::UnrecoverableAttestations
        | ProtocolAction::ShuffledAttestations => Some(Kind::IncorrectAttestations),
        ProtocolAction::WithholdProposals
        | ProtocolAction::WithholdCheckpoints
        | ProtocolAction::SpareInvalidCheckpoints => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::tests::values;

    const WHO: [Address; 1] = [Address::repeat_byte(1)];

    fn offence(kind: Kind) -> Offence<'static> {
        Offence {
            kind,
            pod: "validator-0",
            attesters: &WHO,
            at: 70..=72,
        }
    }

    #[test]
    fn an_offence_is_somebodys_of_its_kind_and_at_its_time() {
        let sought = offence(Kind::InvalidBlock);
        let noted = |n, offense_type, epoch_or_slot| Noted {
            validator: Address::repeat_byte(n),
            offense_type,
            epoch_or_slot,
        };
        assert!(sought.is(&noted(1, Kind::InvalidBlock, 72)));
        assert!(!sought.is(&noted(2, Kind::InvalidBlock, 72)), "another's");
        assert!(!sought.is(&noted(1, Kind::DuplicateProposal, 72)));
        assert!(!sought.is(&noted(1, Kind::InvalidBlock, 69)), "earlier");
    }

    #[test]
    fn what_has_no_penalty_is_not_looked_for_but_a_duplicate_is() {
        let why = |network, sets: &[&str], kind| {
            let slashing = values(network, sets).network.slashing;
            offence(kind).unseen(&slashing, "4.1")
        };
        let off = why("small", &[], Kind::InvalidBlock);
        assert!(off.is_some_and(|why| why.starts_with("it has no penalty")));
        assert_eq!(why("small", &[], Kind::DuplicateProposal), None);
        assert_eq!(why("guarded", &[], Kind::Inactivity), None);
        let on = "network.slashing.disablePenalties=false";
        for kind in [
            Kind::InvalidBlock,
            Kind::InsufficientAttestations,
            Kind::IncorrectAttestations,
        ] {
            assert!(why("guarded", &[], kind).is_some(), "{kind}");
            assert_eq!(why("small", &[on], kind), None, "{kind}");
        }
        let nobody = "network.slashing.flavor=none";
        assert!(why("small", &[nobody], Kind::DuplicateProposal).is_some());
        let slashing = values("small", &[on]).network.slashing;
        let later = offence(Kind::InvalidBlock).unseen(&slashing, "5.2");
        assert_eq!(later.as_deref(), Some("what Aztec 5.2 notes is not known"));
    }
}
