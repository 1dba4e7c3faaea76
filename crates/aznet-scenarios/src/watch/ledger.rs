//! What the L1 says of the chain, where it is one of the network's own pods.

use aznet_model::chain::CheckpointNumber;
use aznet_model::role::Role;
use aznet_network::clients::l1::{L1, L1Checkpoint, Rollup};
use aznet_network::clients::l2::Node;
use aznet_network::namespace::Network;
use aznet_network::observe::instances::Instance;

use super::invariant::{Claim, Look, Proofs, Proven};

/// How the L1 is called in what is told.
pub(crate) const L1_NAME: &str = "the L1";
/// Checkpoints that are read at once when several are new.
const AT_ONCE: u64 = 8;

/// The rollup contract, and how far it was read.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The pod of the L1.
    pub(crate) pod: String,
    /// The contract.
    pub(crate) rollup: Rollup,
    read: u64,
    proven: u64,
}

impl Ledger {
    /// The rollup on the L1 among `pods`, at the address that `node` follows; `None` where either is not to be had.
    pub(crate) async fn open(network: &Network, pods: &[Instance], node: &Node) -> Option<Self> {
        let anvil = pods
            .iter()
            .find(|pod| pod.role == Role::Anvil && pod.running)?;
        let info = node.info().await.ok()?;
        let l1 = L1::in_pod(network, &anvil.pod);
        Some(Self {
            pod: anvil.pod.clone(),
            rollup: Rollup::new(l1, info.contract("rollup")?).ok()?,
            read: 0,
            proven: 0,
        })
    }

    /// What is new on the L1, as a look and as the checkpoints that were not read before; `None` if it does not answer or
    /// has no checkpoint.
    pub(crate) async fn read(&mut self, slot: u64) -> Option<(Look, Vec<L1Checkpoint>)> {
        let (tips, finalized) = futures::join!(self.rollup.tips(), self.rollup.finalized());
        let tips = tips.ok()?;
        let (pending, proven) = (tips.pending.0, tips.proven.0);
        let newest = self.checkpoint(pending).await?;
        let mut fresh = Vec::new();
        // Of what was there before the first look nothing is asked.
        let from = if self.read == 0 {
            pending
        } else {
            self.read + 1
        };
        for number in from.max(pending.saturating_sub(AT_ONCE))..pending {
            fresh.extend(self.checkpoint(number).await);
        }
        let mut settled = Vec::new();
        if proven != self.proven {
            settled.extend(self.checkpoint(proven).await.as_ref().map(claim));
        }
        let look = Look {
            who: L1_NAME.to_owned(),
            run: String::new(),
            slot,
            newest: claim(&newest),
            settled,
            heights: None,
            proofs: Some(Proofs::OnL1(Proven {
                proven,
                finalized: finalized.ok().map(|number| number.0),
            })),
        };
        fresh.push(newest);
        (self.read, self.proven) = (pending, proven);
        Some((look, fresh))
    }

    /// The attester whose turn it is at this time, as `0x…`.
    pub(crate) async fn proposer(&self, unix_seconds: u64) -> Option<String> {
        let proposer = self.rollup.proposer_at(unix_seconds).await.ok()?;
        Some(proposer.to_string())
    }

    /// Whether the contract has this very checkpoint.
    pub(crate) async fn has(&self, known: &Claim) -> bool {
        let now = self.checkpoint(known.checkpoint).await;
        now.is_some_and(|now| claim(&now) == *known)
    }

    /// A checkpoint, if there is one of this number that the contract still knows.
    async fn checkpoint(&self, number: u64) -> Option<L1Checkpoint> {
        if number == 0 {
            return None;
        }
        self.rollup.checkpoint(CheckpointNumber(number)).await.ok()
    }
}

fn claim(checkpoint: &L1Checkpoint) -> Claim {
    Claim {
        checkpoint: checkpoint.number.0,
        hash: checkpoint.hash.clone(),
        block: None,
    }
}
