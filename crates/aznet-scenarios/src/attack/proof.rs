//! Proofs that are not of what is on L1.

use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::SolCall;
use aznet_kit::wait::Look;
use aznet_model::{
    abi::publishing::{CommitteeAttestations, Publishing, SubmitEpochRootProofArgs},
    chain::{CheckpointNumber, L1Block},
};
use aznet_network::clients::l1::{L1, L1Error, Rollup, published::Proof};
use aznet_runner::Failure;

use super::forger::{Forger, Forgery, judge};
use crate::world::World;

/// L1 blocks in which there is a proof to imitate.
const LOOK_BACK: u64 = 60;
/// Checkpoints after the newest one.
const BEYOND: u64 = 100;
/// Bytes of the inputs about blobs that are changed: the opening's value.
const OPENING: std::ops::Range<usize> = 64..96;

/// Sends proofs that L1 must revert; then a later epoch is proven all the same.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let proof = fresh(&world, &l1, &rollup).await?;
    let tips = rollup.tips().await.map_err(Failure::infrastructure)?;
    let forgeries = forgeries(&proof.call.args, tips.pending);
    let forger = Forger::enter(&world, &l1, &rollup).await?;
    let mined = forger.send(&forgeries).await;
    let seen = mined.and_then(|mined| judge(&forgeries, &mined));
    // Whatever was seen: nobody sends from the account after the test.
    let left = forger.leave().await;
    world.context.step(seen?);
    left?;
    let after = rollup.tips().await.map_err(Failure::infrastructure)?;
    world.proven_beyond(after.proven).await?;
    world.goes_on(&nodes).await
}

/// Waits for a proof of several checkpoints whose epoch may still be proven by others.
async fn fresh(world: &World, l1: &L1, rollup: &Rollup) -> Result<Proof, Failure> {
    let timing = rollup.timing().await.map_err(Failure::infrastructure)?;
    let look = async || -> Result<Look<Proof>, L1Error> {
        let heads = l1.heads().await?;
        let from = L1Block(heads.block.0.saturating_sub(LOOK_BACK));
        let Some(proof) = rollup.last_proof(from).await? else {
            return Ok(Look::pending("no proof on L1"));
        };
        let age = heads.timestamp.saturating_sub(proof.timestamp);
        let args = &proof.call.args;
        Ok(if age > timing.epochs(1).as_secs() {
            Look::Pending(format!("the newest proof came {age} s ago"))
        } else if args.end == args.start {
            Look::pending("the newest proof is of one checkpoint")
        } else {
            Look::Done(proof)
        })
    };
    world
        .until("a new proof", world.time.proven_within(), || async {
            Ok(Look::or_pending(look().await))
        })
        .await
}

/// What is wrong with a proof, what it must revert with, and how it is made so.
type Wrong = (
    &'static str,
    &'static str,
    fn(&mut SubmitEpochRootProofArgs),
);

/// The archive and the messages of no chain.
const OTHER: B256 = B256::with_last_byte(0xa7);

const WRONG: [Wrong; 7] = [
    (
        "another archive at its end",
        "Rollup__InvalidArchive",
        |proof| proof.args.endArchive = OTHER,
    ),
    (
        "another archive at its begin",
        "Rollup__InvalidPreviousArchive",
        |proof| proof.args.previousArchive = OTHER,
    ),
    ("other messages to L1", "Rollup__InvalidOutHash", |proof| {
        proof.args.outHash = OTHER;
    }),
    ("other blobs", "Rollup__InvalidBlobProof", |proof| {
        proof.blobInputs = changed(&proof.blobInputs);
    }),
    ("no attestations", "Rollup__InvalidAttestations", |proof| {
        proof.attestations = CommitteeAttestations::of(&[], None);
    }),
    (
        "its first checkpoint left out",
        "Rollup__StartIsNotFirstCheckpointOfEpoch",
        |proof| proof.start += U256::ONE,
    ),
    ("sent twice", "Rollup__ProverHaveAlreadySubmitted", |_| {}),
];

/// The same proof, each time with one thing that is wrong.
fn forgeries(proof: &SubmitEpochRootProofArgs, tip: CheckpointNumber) -> Vec<Forgery> {
    let forgery = |what, refused_with, args| Forgery {
        what,
        data: Publishing::submitEpochRootProofCall { args }.abi_encode(),
        blobs: Vec::new(),
        refused_with,
    };
    let beyond = SubmitEpochRootProofArgs {
        end: U256::from(tip.0 + BEYOND),
        ..proof.clone()
    };
    let beyond = forgery(
        "checkpoints that are not there",
        "Rollup__InvalidCheckpointNumber",
        beyond,
    );
    let wrong = WRONG.iter().map(|(what, refused_with, change)| {
        let mut args = proof.clone();
        change(&mut args);
        forgery(what, refused_with, args)
    });
    std::iter::once(beyond).chain(wrong).collect()
}

fn changed(inputs: &Bytes) -> Bytes {
    let mut inputs = inputs.to_vec();
    for byte in inputs.get_mut(OPENING).unwrap_or_default() {
        *byte = byte.wrapping_add(1);
    }
    inputs.into()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;
    use aznet_model::abi::publishing::PublicInputArgs;

    use super::*;

    /// Only then is it that thing which L1 refuses them for.
    #[test]
    fn each_forgery_but_the_last_differs_from_the_proof() {
        let zero = B256::ZERO;
        let proof = SubmitEpochRootProofArgs {
            start: U256::from(5),
            end: U256::from(8),
            args: PublicInputArgs {
                previousArchive: zero,
                endArchive: zero,
                outHash: zero,
                proverId: Address::ZERO,
            },
            fees: Vec::new(),
            attestations: CommitteeAttestations::of(&[Address::ZERO], None),
            blobInputs: vec![0; 192].into(),
            proof: Bytes::new(),
        };
        let all = forgeries(&proof, CheckpointNumber(9));
        let call = |args| Publishing::submitEpochRootProofCall { args }.abi_encode();
        let (last, others) = all.split_last().expect("some");
        assert_eq!(last.data, call(proof.clone()));
        for (n, one) in others.iter().enumerate() {
            assert_ne!(one.data, last.data, "{}", one.what);
            let same = others.iter().filter(|other| other.data == one.data);
            assert_eq!(same.count(), 1, "{}", others[n].what);
        }
    }
}
