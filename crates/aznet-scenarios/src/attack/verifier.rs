//! Invalid proofs, before the verifier of real networks.

use alloy_primitives::{Bytes, U256};
use alloy_sol_types::SolCall;
use aznet_kit::wait::Look;
use aznet_model::{
    abi::publishing::{self, Publishing, SubmitEpochRootProofArgs},
    chain::CheckpointNumber,
    role::Role,
};
use aznet_network::{
    clients::l1::{Prune, Rollup},
    observe::instances,
};
use aznet_runner::Failure;
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    adversary::REFUSED_PROOF,
    forger::{Forger, Forgery, judge},
};
use crate::world::World;

/// Epochs beyond the proof window in which the prover must have proven what comes first.
const EPOCHS_TO_PROVE: u32 = 4;
/// Slots after the end of the proof window in which somebody must have proposed.
const SLOTS_TO_PRUNE: u32 = 6;
/// Bytes of a number in a proof.
const WORD: usize = 32;

/// What the prover sends, as `adversaries/refused-proof.mjs` tells it.
#[derive(Deserialize)]
struct Sent {
    data: Bytes,
}

/// Sends proofs that the real verifier must refuse. Nothing is proven, the epoch is taken back, and the chain goes on.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let proof = overheard(&world).await?;
    let since = Instant::now();
    let before = rollup.tips().await.map_err(Failure::infrastructure)?;
    let forger = Forger::enter(&world, &l1, &rollup).await?;
    let seen = refused(&forger, &proof).await;
    // Whatever was seen: nobody sends from the account after the test.
    let left = forger.leave().await;
    world.context.step(seen?);
    left?;
    let after = rollup.tips().await.map_err(Failure::infrastructure)?;
    if after.proven != before.proven {
        let seen = format!(
            "{} was proven before, {} is afterwards",
            before.proven, after.proven
        );
        return Err(Failure::Assertion(seen));
    }
    world
        .context
        .step(format!("{} is what is proven, as before", after.proven));
    let last = u64::try_from(proof.end).unwrap_or(u64::MAX);
    is_taken_back(&world, &rollup, CheckpointNumber(last), since).await?;
    world.goes_on(&nodes).await
}

/// What a prover would have the L1 take.
async fn overheard(world: &World) -> Result<SubmitEpochRootProofArgs, Failure> {
    let pods = instances::list(&world.network)
        .await
        .map_err(Failure::infrastructure)?;
    let prover = pods
        .iter()
        .find(|pod| pod.role == Role::ProverNode && pod.ready);
    let prover = prover.ok_or_else(|| Failure::skipped("a prover node that is ready"))?;
    let place = (prover.pod.as_str(), prover.role);
    let within = world.time.proven_within() + world.time.epochs(EPOCHS_TO_PROVE);
    let sent: Sent = REFUSED_PROOF.misbehave(world, place, None, within).await?;
    let call = Publishing::submitEpochRootProofCall::abi_decode(&sent.data);
    let args = call.map_err(Failure::infrastructure)?.args;
    world.context.step(format!(
        "{} has a proof of checkpoint {} to {}, {} bytes long",
        prover.pod,
        args.start,
        args.end,
        args.proof.len()
    ));
    Ok(args)
}

/// First the prover's own, which says how long a proof is; then two of that length.
async fn refused(forger: &Forger<'_>, proof: &SubmitEpochRootProofArgs) -> Result<String, Failure> {
    let short = [forgery(
        "the prover's own",
        "ProofLengthWrongWithLogN",
        proof.clone(),
    )];
    let mined = forger.send(&short).await?;
    let first = judge(&short, &mined)?;
    let length = mined
        .first()
        .and_then(|mined| publishing::proof_length(&mined.output));
    let length = length.ok_or_else(|| Failure::assertion("the verifier says no length"))?;
    let long = [
        ("nothing but ones", "ValueGeLimbMax", vec![0xff; length]),
        (
            "a curve's point again and again",
            "SumcheckFailed",
            points(length),
        ),
    ];
    let long = long.map(|(what, refused_with, bytes)| {
        let args = SubmitEpochRootProofArgs {
            proof: bytes.into(),
            ..proof.clone()
        };
        forgery(what, refused_with, args)
    });
    let mined = forger.send(&long).await?;
    Ok(format!("{first}; {}", judge(&long, &mined)?))
}

fn forgery(
    what: &'static str,
    refused_with: &'static str,
    args: SubmitEpochRootProofArgs,
) -> Forgery {
    Forgery {
        what,
        data: Publishing::submitEpochRootProofCall { args }.abi_encode(),
        blobs: Vec::new(),
        refused_with,
    }
}

/// Every pair of numbers is the point (1, 2), which is on the curve BN254; as field elements they are small enough.
fn points(length: usize) -> Vec<u8> {
    let coordinates = [U256::from(1), U256::from(2)];
    let words = coordinates.iter().cycle().take(length / WORD);
    words.flat_map(U256::to_be_bytes::<WORD>).collect()
}

/// Waits until the L1 has taken back what was not proven.
async fn is_taken_back(
    world: &World,
    rollup: &Rollup,
    checkpoint: CheckpointNumber,
    since: Instant,
) -> Result<(), Failure> {
    let goal = format!("{checkpoint} taken back for want of a proof");
    let within = world.time.proven_within() + world.time.slots(SLOTS_TO_PRUNE);
    let prune = world
        .until(&goal, within, || async {
            let prune = rollup.last_prune(since.elapsed()).await;
            let prune = prune.map(|prune| match prune {
                Some(prune) if prune.first <= checkpoint && checkpoint <= prune.last => {
                    Look::Done(prune)
                }
                Some(prune) => Look::Pending(format!("{} to {}", prune.first, prune.last)),
                None => Look::pending("no PrunedPending yet"),
            });
            Ok(Look::or_pending(prune))
        })
        .await?;
    let Prune { first, last, .. } = prune;
    world.context.step(format!(
        "{first} to {last} were taken back for want of a proof"
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_of_points_is_as_long_as_it_must_be() {
        let proof = points(5 * WORD);
        assert_eq!(proof.len(), 5 * WORD);
        let last = |word: usize| proof[word * WORD + WORD - 1];
        assert_eq!([last(0), last(1), last(4)], [1, 2, 1]);
    }
}
