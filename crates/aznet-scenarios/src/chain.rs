//! Following a transaction's block through the chain.

use aznet_kit::wait::Look;
use aznet_model::chain::BlockNumber;
use aznet_network::{
    clients::l2::{TxReceipt, TxStatus},
    clients::rpc::RpcError,
};
use aznet_runner::Failure;
use futures::future::join_all;

use crate::world::{Peer, World};

/// Slots in which a proposed block must be on L1.
const SLOTS_TO_CHECKPOINT: u32 = 4;
/// Slots in which every node must have a block that one has.
const SLOTS_TO_AGREE: u32 = 3;

/// A block by number and hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Included {
    pub(crate) number: BlockNumber,
    pub(crate) hash: String,
}

impl World {
    /// Sees the transaction `tx` checkpointed, its block known to all nodes, proven and finalized.
    pub(crate) async fn follow(&self, what: &str, tx: &str) -> Result<(), Failure> {
        let nodes = self.nodes().await?;
        let stages = [
            (TxStatus::Proposed, self.time.slots(SLOTS_TO_CHECKPOINT)),
            (TxStatus::Checkpointed, self.time.slots(SLOTS_TO_CHECKPOINT)),
            (TxStatus::Proven, self.time.proven_within()),
            (TxStatus::Finalized, self.time.finalized_within()),
        ];
        for (status, within) in stages {
            let block = self.reached(what, tx, &nodes[0], status, within).await?;
            if status == TxStatus::Checkpointed {
                self.agreed(&block, &nodes).await?;
            }
            self.context
                .step(format!("{what}: {} is {}", block.number, word(status)));
        }
        Ok(())
    }

    /// Waits until `tx` is at least `status`; its block.
    async fn reached(
        &self,
        what: &str,
        tx: &str,
        node: &Peer,
        status: TxStatus,
        within: std::time::Duration,
    ) -> Result<Included, Failure> {
        let goal = format!(
            "the block of {what} {} ({} of {})",
            word(status),
            node.pod,
            short(tx)
        );
        let receipt = self
            .until(&goal, within, || async {
                let receipt = node.rpc.tx_receipt(tx).await?;
                let tips = node.rpc.tips().await?;
                let done = receipt.status >= status;
                let seen = format!(
                    "transaction {}; {} proposed, {} on L1, {} proven, {} finalized",
                    word(receipt.status),
                    tips.proposed.number,
                    tips.checkpointed.block.number,
                    tips.proven.block.number,
                    tips.finalized.block.number,
                );
                Ok(if done {
                    Look::Done(receipt)
                } else {
                    Look::Pending(seen)
                })
            })
            .await?;
        included(what, receipt)
    }

    /// Waits until every node has this very block.
    pub(crate) async fn agreed(&self, block: &Included, nodes: &[Peer]) -> Result<(), Failure> {
        let goal = format!(
            "{} nodes agree on {} {}",
            nodes.len(),
            block.number,
            short(&block.hash)
        );
        self.until(&goal, self.time.slots(SLOTS_TO_AGREE), || async {
            let answers =
                join_all(nodes.iter().map(|node| node.rpc.block_by_hash(&block.hash))).await;
            let mut without = Vec::new();
            for (node, answer) in nodes.iter().zip(answers) {
                match answer {
                    Ok(Some(place)) if place.number == block.number => {}
                    Ok(Some(place)) => {
                        without.push(format!("{} has it as {}", node.pod, place.number));
                    }
                    Ok(None) => without.push(format!("{} has it not", node.pod)),
                    Err(error) if error.is_retryable() => without.push(error.to_string()),
                    Err(error) => return Err(error),
                }
            }
            Ok::<_, RpcError>(if without.is_empty() {
                Look::Done(())
            } else {
                Look::Pending(without.join(", "))
            })
        })
        .await?;
        self.context.step(goal);
        Ok(())
    }
}

fn included(what: &str, receipt: TxReceipt) -> Result<Included, Failure> {
    if receipt.execution_result.as_deref() != Some("success") {
        let (result, error) = (receipt.execution_result, receipt.error);
        let seen = result.or(error).unwrap_or_else(|| "no result".into());
        return Err(Failure::Assertion(format!(
            "{what}: expected success, seen {seen}"
        )));
    }
    match (receipt.block_number, receipt.block_hash) {
        (Some(number), Some(hash)) => Ok(Included { number, hash }),
        _ => Err(Failure::Assertion(format!(
            "{what}: it is {} but in no block",
            word(receipt.status)
        ))),
    }
}

const fn word(status: TxStatus) -> &'static str {
    match status {
        TxStatus::Dropped => "dropped",
        TxStatus::Pending => "pending",
        TxStatus::Proposed => "proposed",
        TxStatus::Checkpointed => "checkpointed",
        TxStatus::Proven => "proven",
        TxStatus::Finalized => "finalized",
    }
}

fn short(hash: &str) -> &str {
    hash.get(..10).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(result: Option<&str>, block: Option<u64>) -> TxReceipt {
        TxReceipt {
            status: TxStatus::Proven,
            execution_result: result.map(str::to_owned),
            error: None,
            block_hash: block.map(|number| format!("0x{number}")),
            block_number: block.map(BlockNumber),
        }
    }

    #[test]
    fn a_reverted_transaction_is_a_finding() {
        let reverted = included("transfer", receipt(Some("app_logic_reverted"), Some(7)));
        assert_eq!(
            reverted,
            Err(Failure::Assertion(
                "transfer: expected success, seen app_logic_reverted".into()
            ))
        );
        let good = included("transfer", receipt(Some("success"), Some(7)));
        assert_eq!(
            good,
            Ok(Included {
                number: BlockNumber(7),
                hash: "0x7".into()
            })
        );
    }
}
