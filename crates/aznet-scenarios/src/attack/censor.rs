//! An L1 whose builders leave out checkpoints.

use std::collections::BTreeSet;
use std::time::Duration;

use aznet_kit::wait::{Deadline, Look};
use aznet_model::{
    abi::publishing::{Publishing, call_in},
    chain::{BlockNumber, Slot},
    timing::Timing,
};
use aznet_network::clients::{
    anvil::{Anvil, pool::Waiting},
    rpc::RpcError,
};
use aznet_runner::Failure;
use futures::lock::Mutex;
use jiff::Timestamp;

use super::dud;
use crate::look;
use crate::world::{Peer, World};

/// Slots in a row that must go by without a checkpoint.
const CENSORED: usize = 2;
/// Slots in which that must be so: a transaction may slip into a block before it is dropped.
const SLOTS_TO_CENSOR: u32 = 10;
/// How often what waits is looked at; a block comes after some seconds.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The L1 drops every checkpoint that is sent to it for some slots. None comes, and then the chain goes on.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let timing = rollup.timing().await.map_err(Failure::infrastructure)?;
    let censor = Censor {
        anvil: Anvil::in_pod(&world.network, l1.0.pod()),
        timing,
        dropped: BTreeSet::new(),
    };
    let slots = censor.censors(&world, &nodes[0]).await?;
    let words: Vec<String> = slots.iter().map(Slot::to_string).collect();
    world.context.step(format!(
        "the L1 dropped the checkpoints of {}, which have none",
        words.join(" and ")
    ));
    world.goes_on(&nodes).await
}

/// Drops checkpoints.
struct Censor {
    anvil: Anvil,
    timing: Timing,
    /// Slots whose checkpoint it has dropped.
    dropped: BTreeSet<Slot>,
}

impl Censor {
    /// Drops checkpoints until slots in a row have none.
    async fn censors(self, world: &World, node: &Peer) -> Result<Vec<Slot>, Failure> {
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
            let Some(oldest) = over.first().filter(|_| over.len() >= CENSORED) else {
                return Ok::<_, RpcError>(Look::Pending(format!("{} dropped", over.len())));
            };
            let there = slots(node, *oldest).await?;
            Ok(in_a_row(&over, &there).map_or_else(
                || Look::Pending(format!("{} have one", there.len())),
                Look::Done,
            ))
        })
        .await
    }

    /// Drops a transaction if it has a checkpoint.
    async fn judges(&mut self, one: &Waiting) -> Result<(), RpcError> {
        let Some(call) = call_in::<Publishing::proposeCall>(&one.input) else {
            return Ok(());
        };
        if dud() || self.anvil.forget(one.hash).await? {
            let slot = u64::try_from(call.args.header.slotNumber);
            self.dropped.extend(slot.map(Slot));
        }
        Ok(())
    }

    /// The slots whose time is over among those whose checkpoint was dropped, and the next, too: what came to L1 at the end of a
    /// slot, nodes have read by then.
    fn over(&self) -> Vec<Slot> {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let now = self.timing.at(now).slot;
        let over = self.dropped.iter().filter(|slot| slot.0 + 1 < now.0);
        over.copied().collect()
    }
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

/// Slots that follow each other and have no checkpoint.
fn in_a_row(dropped: &[Slot], there: &BTreeSet<Slot>) -> Option<Vec<Slot>> {
    let rows = dropped.windows(CENSORED);
    let mut rows = rows.filter(|row| row.windows(2).all(|two| two[0].0 + 1 == two[1].0));
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
        assert_eq!(
            in_a_row(&dropped, &there(&[])),
            Some(vec![Slot(7), Slot(8)])
        );
        assert_eq!(
            in_a_row(&dropped, &there(&[7])),
            Some(vec![Slot(8), Slot(9)])
        );
        assert_eq!(in_a_row(&dropped, &there(&[8])), None);
    }
}
