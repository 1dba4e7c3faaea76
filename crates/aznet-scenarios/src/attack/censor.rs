//! An L1 whose builders leave out checkpoints.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use aznet_kit::wait::{Deadline, Look};
use aznet_model::{
    abi::publishing::{Publishing, call_in},
    chain::{BlockNumber, Slot},
    timing::{Moment, Timing},
    values::Values,
};
use aznet_network::clients::{
    anvil::{Anvil, pool::Waiting},
    l2::TxStatus,
    rpc::RpcError,
};
use aznet_runner::Failure;
use futures::lock::Mutex;
use jiff::Timestamp;

use super::{SLOTS_TO_GO_ON, dud};
use crate::errors::rpc;
use crate::look;
use crate::transfer::{self, Tokens};
use crate::world::{Peer, World};

/// Slots in a row that must go by without a checkpoint.
const CENSORED: usize = 2;
/// Slots in which that must be so: a transaction may slip into a block before it is dropped.
const SLOTS_TO_CENSOR: u32 = 10;
/// Slots in which there must be a moment without a block that is not on L1.
const SLOTS_TO_SETTLE: u32 = 10;
/// How often what waits is looked at; a block comes after some seconds.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often a transfer is sent: a checkpoint that slipped in may have it.
const TRIES: u128 = 3;

/// What censorship needs of a network.
pub(crate) fn lacks(values: &Values) -> Option<&'static str> {
    super::lacks_l1(values).or_else(|| transfer::lacks(values))
}

/// The L1 drops every checkpoint that is sent to it for some slots, in which a transfer is sent. None comes, and then the transfer
/// comes with one, and the chain goes on.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let timing = rollup.timing().await.map_err(Failure::infrastructure)?;
    let censorship = Censorship {
        world: &world,
        node: &nodes[0],
        anvil: Anvil::in_pod(&world.network, l1.0.pod()),
        timing,
        wallet: Tokens::in_public(&world, world.pxe().await?).await?,
    };
    for sent in 1..=TRIES {
        if censorship.outlasts().await? {
            let wallet = &censorship.wallet;
            wallet.moved_one_by_one(&world, sent).await?;
            return world.goes_on(&nodes).await;
        }
    }
    let words = "each time a checkpoint slipped in with the transfer".to_owned();
    Err(Failure::Infrastructure(words))
}

/// What a transfer is sent under.
struct Censorship<'a> {
    world: &'a World,
    node: &'a Peer,
    anvil: Anvil,
    timing: Timing,
    wallet: Tokens,
}

impl Censorship<'_> {
    /// Censors, and sends a transfer meanwhile; whether it came to L1 only afterwards.
    async fn outlasts(&self) -> Result<bool, Failure> {
        self.settles().await?;
        let taken = OnceLock::new();
        let censor = Censor {
            anvil: self.anvil.clone(),
            timing: self.timing,
            dropped: BTreeSet::new(),
        };
        let censored = censor.censors(self.world, self.node, &taken);
        let (hash, slots) = futures::try_join!(self.sent(&taken), censored)?;
        let words: Vec<String> = slots.iter().map(Slot::to_string).collect();
        self.world.context.step(format!(
            "the L1 dropped the checkpoints of {}, which have none",
            words.join(" and ")
        ));
        let came = self.comes(&hash).await?;
        let outlasts = slots.last().is_some_and(|last| came > *last);
        let how = if outlasts {
            "after that"
        } else {
            "before that"
        };
        self.world.context.step(format!(
            "the transfer is in the checkpoint of {came}, {how}"
        ));
        Ok(outlasts)
    }

    /// Waits until every block is on L1, and the next one does not come at once: what is sent upon a block that never comes to
    /// L1 is lost with that, and nothing else may be.
    async fn settles(&self) -> Result<(), Failure> {
        let goal = "the newest block on L1, early in its slot";
        let within = self.world.time.slots(SLOTS_TO_SETTLE);
        let looked = self.world.until(goal, within, || async {
            let tips = self.node.rpc.tips().await?;
            let (newest, on_l1) = (tips.proposed.number, tips.checkpointed.block.number);
            let block = self.node.rpc.block(newest).await?;
            let Some(block) = block.filter(|_| newest == on_l1) else {
                return Ok(Look::Pending(format!("{newest}, and {on_l1} on L1")));
            };
            Ok(if is_early(block.slot, now(&self.timing)) {
                Look::Done(())
            } else {
                Look::Pending(format!("{newest} is of {}", block.slot))
            })
        });
        looked.await
    }

    /// Sends a transfer; its hash. `taken` has the slot in which a node has taken it.
    async fn sent(&self, taken: &OnceLock<Slot>) -> Result<String, Failure> {
        let hash = self.wallet.send_one().await.map_err(rpc)?;
        let slot = now(&self.timing).slot;
        self.world
            .context
            .step(format!("a node took a transfer in {slot}"));
        // Nobody else sets it.
        let _ = taken.set(slot);
        Ok(hash)
    }

    /// Waits until the transfer is on L1; in which slot it came.
    async fn comes(&self, hash: &str) -> Result<Slot, Failure> {
        let goal = "the transfer that was sent meanwhile in a checkpoint";
        let within = self.world.time.slots(SLOTS_TO_GO_ON);
        let looked = self.world.until(goal, within, || async {
            let receipt = self.node.rpc.tx_receipt(hash).await?;
            let on_l1 = receipt.status.has_reached(&TxStatus::Checkpointed);
            let Some(number) = receipt.block_number.filter(|_| on_l1) else {
                return Ok(Look::Pending(format!("it is {}", receipt.status)));
            };
            let block = self.node.rpc.block(number).await?;
            Ok(block.map_or_else(
                || Look::Pending(format!("{number} is gone")),
                |block| Look::Done(block.slot),
            ))
        });
        looked.await
    }
}

/// Where the chain is now.
pub(super) fn now(timing: &Timing) -> Moment {
    let seconds = u64::try_from(Timestamp::now().as_second());
    timing.at(seconds.unwrap_or_default())
}

/// Whether this is the slot of a block, with a third of it left.
const fn is_early(block: Slot, now: Moment) -> bool {
    now.slot.0 == block.0 && now.seconds_into_slot * 3 <= now.slot_seconds * 2
}

/// Drops checkpoints.
struct Censor {
    anvil: Anvil,
    timing: Timing,
    /// Slots whose checkpoint it has dropped.
    dropped: BTreeSet<Slot>,
}

impl Censor {
    /// Drops checkpoints until slots in a row have none, the last of which began after a transfer was taken.
    async fn censors(
        self,
        world: &World,
        node: &Peer,
        taken: &OnceLock<Slot>,
    ) -> Result<Vec<Slot>, Failure> {
        let goal =
            format!("{CENSORED} slots in a row whose checkpoint was dropped and that have none");
        let deadline = Deadline::after(world.time.slots(SLOTS_TO_CENSOR)).every(LOOK_EVERY);
        let censor = Mutex::new(self);
        look::until(&world.context, &goal, deadline, || async {
            let mut censor = censor.lock().await;
            for one in censor.anvil.waiting().await? {
                censor.judges(&one).await?;
            }
            let over = censor.over();
            let (Some(oldest), Some(taken)) = (over.first(), taken.get()) else {
                let words = format!("{} dropped, and no transfer to be in one", over.len());
                return Ok::<_, RpcError>(Look::Pending(words));
            };
            if rows(&over, *taken).next().is_none() {
                return Ok(Look::Pending(format!("{} dropped", over.len())));
            }
            let there = slots(node, *oldest).await?;
            Ok(in_a_row(&over, *taken, &there).map_or_else(
                || Look::Pending(format!("{} have one", there.len())),
                Look::Done,
            ))
        })
        .await
    }

    /// Drops a transaction if it has a checkpoint.
    async fn judges(&mut self, one: &Waiting) -> Result<(), RpcError> {
        if let Some(Brings::Checkpoint(slot)) = brings(one)
            && drops(&self.anvil, one).await?
        {
            self.dropped.insert(slot);
        }
        Ok(())
    }

    /// The slots whose time is over among those whose checkpoint was dropped, and the next, too: what came to L1 at the end of a
    /// slot, nodes have read by then.
    fn over(&self) -> Vec<Slot> {
        let now = now(&self.timing).slot;
        let over = self.dropped.iter().filter(|slot| slot.0 + 1 < now.0);
        over.copied().collect()
    }
}

/// What a transaction brings that may be dropped.
pub(super) enum Brings {
    /// The checkpoint of a slot.
    Checkpoint(Slot),
    /// A proof.
    Proof,
}

pub(super) fn brings(one: &Waiting) -> Option<Brings> {
    if let Some(call) = call_in::<Publishing::proposeCall>(&one.input) {
        let slot = u64::try_from(call.args.header.slotNumber).ok()?;
        return Some(Brings::Checkpoint(Slot(slot)));
    }
    call_in::<Publishing::submitEpochRootProofCall>(&one.input).map(|_| Brings::Proof)
}

/// Drops a transaction; whether it was in no block yet.
pub(super) async fn drops(anvil: &Anvil, one: &Waiting) -> Result<bool, RpcError> {
    Ok(dud() || anvil.forget(one.hash).await?)
}

/// The slots since `oldest` that have a checkpoint, as a node sees it.
async fn slots(node: &Peer, oldest: Slot) -> Result<BTreeSet<Slot>, RpcError> {
    let mut number = node.rpc.tips().await?.checkpointed.block.number;
    let mut slots = BTreeSet::new();
    while let Some(block) = node.rpc.block(number).await? {
        if block.slot < oldest || number.0 == 0 {
            break;
        }
        slots.insert(block.slot);
        number = BlockNumber(number.0 - 1);
    }
    Ok(slots)
}

/// Slots that follow each other, the last of which began after a transfer was taken.
fn rows(dropped: &[Slot], taken: Slot) -> impl Iterator<Item = &[Slot]> {
    let rows = dropped.windows(CENSORED);
    rows.filter(move |row| {
        let follow = row.windows(2).all(|two| two[0].0 + 1 == two[1].0);
        follow && row.last().is_some_and(|last| *last > taken)
    })
}

/// Such slots that have no checkpoint.
pub(super) fn in_a_row(dropped: &[Slot], taken: Slot, there: &BTreeSet<Slot>) -> Option<Vec<Slot>> {
    let mut rows = rows(dropped, taken);
    let row = rows.find(|row| row.iter().all(|slot| !there.contains(slot)));
    row.map(<[Slot]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_that_are_apart_or_have_a_checkpoint_are_no_row() {
        let dropped = [5, 7, 8, 9].map(Slot);
        let there = |all: &[u64]| all.iter().copied().map(Slot).collect::<BTreeSet<_>>();
        let row = |taken, all: &[u64]| in_a_row(&dropped, Slot(taken), &there(all));
        assert_eq!(row(6, &[]), Some(vec![Slot(7), Slot(8)]));
        assert_eq!(row(6, &[7]), Some(vec![Slot(8), Slot(9)]));
        assert_eq!(row(6, &[8]), None);
    }

    /// No proposer could have had the transfer in a checkpoint that was dropped.
    #[test]
    fn slots_before_a_transfer_was_taken_say_nothing_of_it() {
        let dropped = [7, 8, 9].map(Slot);
        let row = |taken| in_a_row(&dropped, Slot(taken), &BTreeSet::new());
        assert_eq!(row(7), Some(vec![Slot(7), Slot(8)]));
        assert_eq!(row(8), Some(vec![Slot(8), Slot(9)]));
        assert_eq!(row(9), None);
    }

    #[test]
    fn a_transfer_is_begun_early_in_the_slot_of_the_newest_block() {
        let timing = Timing {
            genesis: 0,
            slot: Duration::from_secs(12),
            epoch_slots: 4,
            proof_submission_epochs: 2,
        };
        let at = |seconds| is_early(Slot(7), timing.at(seconds));
        assert!(at(84) && at(92));
        assert!(!at(93) && !at(83), "too late, and of another slot");
        assert!(!at(96), "the next slot's block is not there yet");
    }
}
