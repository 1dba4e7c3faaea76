//! More transactions than nodes may hold.

use aznet_chaos::settings::Settings;
use aznet_kit::wait::Look;
use aznet_model::{chaos::ProtocolAction, role::Role, values::Values};
use aznet_network::{
    clients::{l2::TxStatus, rpc::RpcError},
    observe::instances::{self, Instance},
};
use aznet_runner::Failure;
use futures::future::try_join_all;

use super::{Misled, SLOTS_TO_GO_ON, dud, memory::Scales, victim::Victim};
use crate::{
    errors::rpc,
    transfer::{self, Tokens},
    world::{Peer, World},
};

/// How many transactions a node holds meanwhile: few enough to be sent in less than a minute.
const CAP: u64 = 8;
/// Transactions beyond it.
const SURPLUS: u64 = 4;
/// The setting of a node that says how many it holds.
const HOLDS: &str = "maxPendingTxCount";
/// What a node says whose pool is full of transactions that pay as much.
const REFUSAL: &str = "Tx does not meet minimum priority fee";

/// What a flood needs of a network.
pub(crate) fn lacks(values: &Values) -> Option<&'static str> {
    super::lacks_stranger(values).or_else(|| transfer::lacks(values))
}

/// Sends a full node more transactions than it may hold while none comes into a block; then those that it took do. Its memory
/// is bounded all the while.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let victim = Victim::choose(&world, &nodes).await?;
    let wallet = Tokens::in_public(&world, world.pxe().await?).await?;
    let mut scales = Scales::before(&world, [victim.pod()]).await?;
    scales
        .during(flooded(&world, &wallet, (&nodes, &victim)))
        .await?;
    scales.judge().await
}

/// Floods it, and sees what comes of that.
async fn flooded(
    world: &World,
    wallet: &Tokens,
    (nodes, victim): (&[Peer], &Victim),
) -> Result<(), Failure> {
    let mut misled = Misled::default();
    let flood = match misled.hold_back(world, nodes).await {
        Ok(()) => Flood::send(world, wallet, nodes).await,
        Err(failure) => Err(failure),
    };
    // Whatever was seen: nodes hold what they held before, and proposers propose.
    let undone = misled.undo().await;
    let flood = flood?;
    undone?;
    world.context.step(flood.was_bounded(victim)?);
    flood.is_included(world, &nodes[0]).await?;
    let taken = u128::try_from(flood.taken.len()).map_err(Failure::infrastructure)?;
    wallet.moved_one_by_one(world, taken).await?;
    world.goes_on(nodes).await
}

impl Misled {
    /// Nodes hold few transactions, and validators propose nothing that they could be in.
    async fn hold_back(&mut self, world: &World, nodes: &[Peer]) -> Result<(), Failure> {
        let pods = instances::list(&world.network)
            .await
            .map_err(Failure::infrastructure)?;
        for node in nodes {
            let mut settings = Settings::from_iter([(HOLDS.to_owned(), CAP.into())]);
            let proposes = |pod: &Instance| pod.pod == node.pod && pod.role == Role::Validator;
            if pods.iter().any(proposes) {
                settings.extend(ProtocolAction::WithholdProposals.settings());
            }
            self.one(world, &node.pod, settings, "").await?;
        }
        Ok(())
    }
}

/// What became of what was sent.
#[derive(Default)]
struct Flood {
    /// Hashes of transactions that a node took.
    taken: Vec<String>,
    /// How many it refused since it held enough.
    refused: u64,
    /// The most that each node was seen to hold.
    held: Vec<(String, u64)>,
}

impl Flood {
    /// Sends one after the other, and looks each time what every node holds.
    async fn send(world: &World, wallet: &Tokens, nodes: &[Peer]) -> Result<Self, Failure> {
        let mut flood = Self {
            held: nodes.iter().map(|node| (node.pod.clone(), 0)).collect(),
            ..Self::default()
        };
        let surplus = if dud() { 0 } else { SURPLUS };
        for n in 1..=CAP + surplus {
            world.context.waiting(
                "a flood of transactions",
                format!("{n} of {}", CAP + surplus),
            );
            match wallet.send_one().await {
                Ok(hash) => flood.taken.push(hash),
                Err(RpcError::Refused { message, .. }) if message.contains(REFUSAL) => {
                    flood.refused += 1;
                }
                Err(error) => return Err(rpc(error)),
            }
            let held = try_join_all(nodes.iter().map(|node| node.rpc.pending_txs()));
            let held = held.await.map_err(rpc)?;
            for ((_, most), held) in flood.held.iter_mut().zip(held) {
                *most = held.max(*most);
            }
        }
        Ok(flood)
    }

    /// Nobody held more than they may, the node that was flooded as much, and the surplus was refused.
    fn was_bounded(&self, victim: &Victim) -> Result<String, Failure> {
        let held = self.held.iter().map(|(pod, held)| format!("{pod} {held}"));
        let seen = format!(
            "{} transactions were taken and {} refused; at most there were on {}",
            self.taken.len(),
            self.refused,
            held.collect::<Vec<_>>().join(", ")
        );
        let all = self.held.iter().all(|(_, held)| *held <= CAP);
        let full = self
            .held
            .iter()
            .any(|(pod, held)| pod == victim.pod() && *held == CAP);
        if all && full && self.refused > 0 {
            return Ok(seen);
        }
        Err(Failure::Assertion(format!(
            "{seen}; expected that nobody holds more than {CAP}, {} as many, and that it refuses the rest",
            victim.pod()
        )))
    }

    /// What was taken is in blocks.
    async fn is_included(&self, world: &World, node: &Peer) -> Result<(), Failure> {
        let all = self.taken.len();
        let goal = format!("{all} transactions in blocks");
        world
            .until(&goal, world.time.slots(SLOTS_TO_GO_ON), || async {
                let asked = self.taken.iter().map(|hash| node.rpc.tx_receipt(hash));
                let receipts = try_join_all(asked).await?;
                let there = receipts.iter();
                let there = there.filter(|one| one.status.has_reached(&TxStatus::Checkpointed));
                let there = there.count();
                Ok(if there == all {
                    Look::Done(())
                } else {
                    Look::Pending(format!("{there} are"))
                })
            })
            .await?;
        world.context.step(goal);
        Ok(())
    }
}
