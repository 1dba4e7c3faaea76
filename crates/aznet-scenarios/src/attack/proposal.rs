//! Checkpoints that somebody sends to the L1 whose turn it is not.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use aznet_kit::wait::Look;
use aznet_model::{
    abi::publishing::{CommitteeAttestations, Publishing::proposeCall},
    chain::{CheckpointNumber, L1Block, Slot},
    timing::Timing,
};
use aznet_network::clients::{
    anvil::{Anvil, impostor::Mined},
    l1::{L1, L1Error, Rollup, published::Proposal},
};
use aznet_runner::Failure;

use super::forger::{ACCOUNT, Forger, Forgery, judge};
use crate::{errors::rpc, world::World};

/// Slots in which one has its checkpoint before it ends.
const SLOTS_TO_FRONT: u32 = 8;
/// How often the proposer may be faster.
const ATTEMPTS: u32 = 4;
/// L1 blocks in which there is a checkpoint to imitate.
const LOOK_BACK: u64 = 120;

/// The begin of a slot, before anything of it is on L1.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Front {
    slot: Slot,
    /// Unix seconds.
    begins: u64,
    /// The newest checkpoint.
    tip: CheckpointNumber,
    archive: B256,
    fee: u128,
    committee: Vec<Address>,
    proposer: Address,
    /// The L1's newest block.
    block: L1Block,
}

/// Sends checkpoints ahead of the proposer's own, all of which L1 must revert; the proposer's own comes nevertheless.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let forger = Forger::enter(&world, &l1, &rollup).await?;
    let outcome = attack(&world, &forger, (&l1, &rollup)).await;
    // Whatever was seen: nobody sends from the account after the test.
    let left = forger.leave().await;
    world.context.step(outcome?);
    left?;
    world.goes_on(&nodes).await
}

async fn attack(
    world: &World,
    forger: &Forger<'_>,
    (l1, rollup): (&L1, &Rollup),
) -> Result<String, Failure> {
    let timing = rollup.timing().await.map_err(Failure::infrastructure)?;
    let anvil = Anvil::in_pod(&world.network, l1.0.pod());
    for _ in 0..ATTEMPTS {
        let front = front(world, (l1, rollup), timing).await?;
        let from = L1Block(front.block.0.saturating_sub(LOOK_BACK));
        let last = rollup.last_proposal(from).await;
        let last = last.map_err(Failure::infrastructure)?;
        let last =
            last.ok_or_else(|| Failure::Infrastructure("no checkpoint to imitate".into()))?;
        let forgeries = forgeries(&last, &front).ok_or_else(|| {
            Failure::Infrastructure("the proposer is not of the committee".into())
        })?;
        let mined = forger.send(&forgeries).await?;
        let Some(late) = late(&front, &mined, (&anvil, rollup), timing).await? else {
            return Ok(format!("{}: {}", front.slot, judge(&forgeries, &mined)?));
        };
        world
            .context
            .step(format!("{}: too late, {late}", front.slot));
    }
    Err(Failure::Infrastructure(format!(
        "the proposer was faster in each of {ATTEMPTS} slots"
    )))
}

/// Waits until a slot has its checkpoint, and the next L1 block is the first of the next slot.
async fn front(
    world: &World,
    (l1, rollup): (&L1, &Rollup),
    timing: Timing,
) -> Result<Front, Failure> {
    let goal = "the last L1 block of a slot that has its checkpoint";
    let within = world.time.slots(SLOTS_TO_FRONT);
    let block_time = world.time.l1_block.as_secs();
    world
        .until(goal, within, || async {
            Ok(Look::or_pending(look(l1, rollup, timing, block_time).await))
        })
        .await
}

async fn look(
    l1: &L1,
    rollup: &Rollup,
    timing: Timing,
    block_time: u64,
) -> Result<Look<Front>, L1Error> {
    let heads = l1.heads().await?;
    let now = timing.at(heads.timestamp);
    let next = timing.at(heads.timestamp + block_time);
    if next.slot == now.slot {
        return Ok(Look::Pending(format!("{} has more blocks", now.slot)));
    }
    let tip = rollup.tips().await?.pending;
    let of = rollup.checkpoint(tip).await?.slot;
    if of != now.slot {
        return Ok(Look::Pending(format!("{tip} is of {of}")));
    }
    let begins = timing.genesis + next.slot.0 * timing.slot.as_secs();
    let (archive, fee, committee, proposer) = futures::try_join!(
        rollup.archive_at(tip),
        rollup.mana_min_fee_at(begins),
        rollup.committee(next.epoch),
        rollup.proposer_at(begins),
    )?;
    Ok(Look::Done(Front {
        slot: next.slot,
        begins,
        tip,
        archive,
        fee,
        committee,
        proposer,
        block: heads.block,
    }))
}

/// The last checkpoint as one of the slot that comes would be.
fn next(last: &Proposal, front: &Front) -> proposeCall {
    let mut call = last.call.clone();
    let header = &mut call.args.header;
    header.lastArchiveRoot = front.archive;
    header.slotNumber = U256::from(front.slot.0);
    header.timestamp = U256::from(front.begins);
    header.gasFees.feePerL2Gas = front.fee;
    call
}

/// Checkpoints that are refused for who signed them, and an old one; `None` if the proposer is not of the committee.
fn forgeries(last: &Proposal, front: &Front) -> Option<Vec<Forgery>> {
    let committee = &front.committee;
    let place = committee.iter().position(|one| *one == front.proposer)?;
    let stolen = &last.call.attestationsAndSignersSignature;
    let theft = Some((place, stolen));
    let mut others = committee.clone();
    others[place] = ACCOUNT;
    let signed = |committee: &[Address], signature, signers: &[Address]| proposeCall {
        attestations: CommitteeAttestations::of(committee, signature),
        signers: signers.to_vec(),
        ..next(last, front)
    };
    let forgery = |(what, call, refused_with): (&'static str, proposeCall, &'static str)| Forgery {
        what,
        data: call.abi_encode(),
        blobs: last.blobs.clone(),
        refused_with,
    };
    let all = [
        (
            "a checkpoint without the proposer's signature",
            signed(committee, None, &[]),
            "ValidatorSelection__MissingProposerSignature",
        ),
        (
            "a checkpoint with the signature of the last one",
            signed(committee, theft, &[front.proposer]),
            "SignatureLib__InvalidSignature",
        ),
        (
            "a checkpoint of a stranger who calls itself the proposer",
            signed(&others, theft, &[ACCOUNT]),
            "ValidatorSelection__InvalidCommitteeCommitment",
        ),
        (
            "the last checkpoint once more",
            last.call.clone(),
            "Rollup__InvalidArchive",
        ),
    ];
    Some(all.map(forgery).into())
}

/// Why the transactions came too late to tell anything: another slot, or after the proposer's own.
async fn late(
    front: &Front,
    mined: &[Mined],
    (anvil, rollup): (&Anvil, &Rollup),
    timing: Timing,
) -> Result<Option<String>, Failure> {
    let own = rollup.proposed(front.block).await;
    let own = own.map_err(Failure::infrastructure)?;
    let own = own.iter().find(|(number, _)| *number > front.tip);
    for one in mined {
        let block = anvil.block(Some(one.block.0)).await.map_err(rpc)?;
        let slot = timing.at(block.timestamp).slot;
        if slot != front.slot {
            return Ok(Some(format!("{} is of {slot}", one.block)));
        }
        if let Some((number, at)) = own
            && at.0 < one.block.0
        {
            return Ok(Some(format!("{number} came in {at}, before {}", one.block)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Bytes;
    use aznet_model::abi::publishing::{
        GasFees, OracleInput, ProposeArgs, ProposedHeader, Signature,
    };

    use super::*;

    fn last() -> Proposal {
        let zero = B256::ZERO;
        let header = ProposedHeader {
            lastArchiveRoot: zero,
            blockHeadersHash: zero,
            blobsHash: B256::repeat_byte(8),
            inHash: zero,
            outHash: zero,
            slotNumber: U256::from(6),
            timestamp: U256::from(72),
            coinbase: Address::repeat_byte(5),
            feeRecipient: zero,
            gasFees: GasFees {
                feePerDaGas: 0,
                feePerL2Gas: 3,
            },
            totalManaUsed: U256::ZERO,
        };
        let signature = Signature {
            v: 27,
            r: B256::repeat_byte(1),
            s: B256::repeat_byte(2),
        };
        Proposal {
            call: proposeCall {
                args: ProposeArgs {
                    archive: B256::repeat_byte(9),
                    oracleInput: OracleInput {
                        feeAssetPriceModifier: alloy_primitives::I256::ZERO,
                    },
                    header,
                },
                attestations: CommitteeAttestations::of(&[], None),
                signers: Vec::new(),
                attestationsAndSignersSignature: signature,
                blobInput: Bytes::from_static(&[1]),
            },
            blobs: vec![B256::repeat_byte(7)],
        }
    }

    fn front() -> Front {
        Front {
            slot: Slot(7),
            begins: 84,
            tip: CheckpointNumber(4),
            archive: B256::repeat_byte(9),
            fee: 11,
            committee: vec![Address::repeat_byte(1), Address::repeat_byte(2)],
            proposer: Address::repeat_byte(2),
            block: L1Block(30),
        }
    }

    /// Only then is it the signature that L1 refuses them for.
    #[test]
    fn forgeries_are_sound_but_for_who_signed() {
        let all = forgeries(&last(), &front()).expect("the proposer is of the committee");
        for forgery in &all[..3] {
            let call = proposeCall::abi_decode(&forgery.data).expect("a propose");
            let header = &call.args.header;
            assert_eq!(header.lastArchiveRoot, front().archive);
            assert_eq!(
                (header.slotNumber, header.timestamp),
                (U256::from(7), U256::from(84))
            );
            assert_eq!(
                (header.gasFees.feePerL2Gas, header.blobsHash),
                (11, B256::repeat_byte(8))
            );
            assert_eq!(forgery.blobs, last().blobs);
        }
        let indices = |n: usize| {
            let call = proposeCall::abi_decode(&all[n].data).expect("a propose");
            (call.attestations.signatureIndices.to_vec(), call.signers)
        };
        assert_eq!(indices(0), (vec![0], vec![]));
        assert_eq!(indices(1), (vec![0x40], vec![front().proposer]));
        assert_eq!(indices(2), (vec![0x40], vec![ACCOUNT]));
        assert_eq!(all[3].data, last().call.abi_encode());
    }

    #[test]
    fn a_proposer_of_another_committee_is_no_target() {
        let front = Front {
            proposer: Address::repeat_byte(9),
            ..front()
        };
        assert_eq!(forgeries(&last(), &front), None);
    }
}
