//! Following a transaction's block through the chain.

use std::time::Duration;

use aznet_kit::wait::Look;
use aznet_model::chain::{BlockNumber, CheckpointNumber};
use aznet_network::{
    clients::l1::{L1Error, Prune, Rollup},
    clients::l2::{L2Tips, TxReceipt, TxStatus},
    clients::rpc::RpcError,
};
use aznet_runner::{Failure, Observation, observation::Stage};
use futures::future::join_all;
use tokio::time::Instant;

use crate::{
    pxe::Visibility,
    world::{Peer, World},
};

/// Slots in which a transaction must be in a block.
const SLOTS_TO_INCLUSION: u32 = 8;
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

/// A transaction that was sent, and how far it was seen to be.
#[derive(Debug, Clone)]
pub(crate) struct Tx {
    /// What it is, in words.
    pub(crate) what: String,
    /// Its hash.
    pub(crate) hash: String,
    kind: Visibility,
    /// What it pays beyond the base fee.
    priority_fee: u64,
    sent: Instant,
    /// Its block, once that is on L1.
    block: Option<Included>,
}

impl Tx {
    /// A transaction that was sent just now.
    pub(crate) fn sent(kind: Visibility, hash: String) -> Self {
        Self::called(format!("the {} transfer", kind.name()), kind, hash)
    }

    /// A transaction that is called so.
    pub(crate) fn called(what: String, kind: Visibility, hash: String) -> Self {
        Self {
            what,
            hash,
            kind,
            priority_fee: 0,
            sent: Instant::now(),
            block: None,
        }
    }

    /// The same, paying so much beyond the base fee.
    pub(crate) const fn with_priority_fee(mut self, priority_fee: u64) -> Self {
        self.priority_fee = priority_fee;
        self
    }

    /// What one must pay beyond the base fee to be taken in place of this.
    pub(crate) const fn outbid(&self) -> u64 {
        self.priority_fee + 1
    }

    /// Its block, if that was seen on L1.
    pub(crate) const fn block(&self) -> Option<&Included> {
        self.block.as_ref()
    }

    /// Whether it is the public or the private one.
    pub(crate) const fn kind(&self) -> Visibility {
        self.kind
    }

    fn observed(&self, stage: Stage) -> Observation {
        let took = if stage == Stage::Sent {
            Duration::ZERO
        } else {
            self.sent.elapsed()
        };
        Observation::Transfer {
            id: self.hash.clone(),
            kind: self.kind.name().to_owned(),
            stage,
            took,
        }
    }

    /// Takes in which block it is in; what is to be said of that.
    fn settles(&mut self, block: &Included, may_move: bool) -> Result<Option<String>, Failure> {
        let Some(before) = self.block.replace(block.clone()) else {
            return Ok(None);
        };
        if before == *block {
            return Ok(None);
        }
        let words = format!(
            "{}: {} {} was on L1, and now it is in {} {}",
            self.what,
            before.number,
            short(&before.hash),
            block.number,
            short(&block.hash)
        );
        if may_move {
            return Ok(Some(words));
        }
        Err(Failure::Assertion(format!(
            "{words}; expected that nothing on L1 is taken back"
        )))
    }
}

/// How far a transaction is to be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    Checkpointed,
    Finalized,
}

impl World {
    /// Tells that a transaction was sent.
    pub(crate) fn has_sent(&self, tx: &Tx) {
        self.context.observed(tx.observed(Stage::Sent));
    }

    /// Sees the transaction proposed, checkpointed, its block known to all nodes, and up to [`Until::Finalized`] proven and
    /// finalized. What was seen before is not waited for again.
    pub(crate) async fn follow(&self, tx: &mut Tx, until: Until) -> Result<(), Failure> {
        let on_l1 = [
            (TxStatus::Proposed, self.time.slots(SLOTS_TO_INCLUSION)),
            (TxStatus::Checkpointed, self.time.slots(SLOTS_TO_CHECKPOINT)),
        ];
        let settled = [
            (TxStatus::Proven, self.time.proven_within()),
            (TxStatus::Finalized, self.time.finalized_within()),
        ];
        let is_on_l1 = tx.block.is_some();
        let first = on_l1.into_iter().filter(|_| !is_on_l1);
        let then = settled.into_iter().filter(|_| until == Until::Finalized);
        for (status, within) in first.chain(then) {
            self.stage(tx, &status, within + self.course.slack).await?;
        }
        Ok(())
    }

    async fn stage(&self, tx: &mut Tx, status: &TxStatus, within: Duration) -> Result<(), Failure> {
        let block = self.reached(tx, status, within).await?;
        if status.has_reached(&TxStatus::Checkpointed) {
            let first = tx.block.is_none();
            let moved = tx.settles(&block, self.course.may_move)?;
            if let Some(words) = &moved {
                self.context.step(words);
            }
            if first || moved.is_some() {
                self.agreed(&block, &self.nodes().await?).await?;
            }
        }
        if let Some(stage) = stage_of(status) {
            self.context.observed(tx.observed(stage));
        }
        let (what, number, took) = (&tx.what, block.number, tx.sent.elapsed());
        self.context.step(format!(
            "{what}: {number} is {status}, {:.1}s after it was sent",
            took.as_secs_f64()
        ));
        Ok(())
    }

    /// Waits until `tx` is at least `status`; its block.
    async fn reached(
        &self,
        tx: &Tx,
        status: &TxStatus,
        within: Duration,
    ) -> Result<Included, Failure> {
        let (what, hash) = (&tx.what, &tx.hash);
        let goal = format!("the block of {what} {status} ({})", short(hash));
        let nodes = self.nodes().await?;
        let receipt = self
            .until(&goal, within, || async {
                Ok(match asked(&nodes, hash).await? {
                    Look::Done((receipt, _)) if receipt.status.has_reached(status) => {
                        Look::Done(receipt)
                    }
                    Look::Done((receipt, tips)) => Look::Pending(seen(&receipt, &tips)),
                    Look::Pending(unanswered) => Look::Pending(unanswered),
                })
            })
            .await?;
        included(what, receipt)
    }

    /// Waits until every node has this very block; where pods may be away, every node that is ready.
    pub(crate) async fn agreed(&self, block: &Included, nodes: &[Peer]) -> Result<(), Failure> {
        let within = self.time.slots(SLOTS_TO_AGREE) + self.course.slack;
        let goal = format!(
            "{} nodes agree on {} {}",
            nodes.len(),
            block.number,
            short(&block.hash)
        );
        self.until(&goal, within, || async {
            let without = if self.course.disturbed {
                match self.nodes().await {
                    Ok(ready) => without(&ready, block).await?,
                    Err(failure) => vec![failure.to_string()],
                }
            } else {
                without(nodes, block).await?
            };
            Ok(if without.is_empty() {
                Look::Done(())
            } else {
                Look::Pending(without.join(", "))
            })
        })
        .await?;
        self.context.step(goal);
        Ok(())
    }

    /// Waits until the L1 has taken something back since then.
    pub(crate) async fn taken_back(
        &self,
        rollup: &Rollup,
        since: Instant,
        within: Duration,
    ) -> Result<Prune, Failure> {
        let goal = "the L1 to take back what was not proven";
        let looked = self.until(goal, within, || async {
            let prune = on_l1(rollup.last_prune(since.elapsed()).await)?;
            Ok(match prune {
                Look::Done(None) => Look::pending("it has taken nothing back"),
                Look::Done(Some(prune)) => Look::Done(prune),
                Look::Pending(why) => Look::Pending(why),
            })
        });
        looked.await
    }

    /// The heads of the chain, as the first node that answers sees them.
    pub(crate) async fn tips(&self) -> Result<L2Tips, Failure> {
        let nodes = self.nodes().await?;
        let within = self.time.slots(SLOTS_TO_AGREE);
        self.until("the heads of the chain", within, || heads(&nodes))
            .await
    }

    /// Waits until a transaction is proven, without telling of it.
    pub(crate) async fn proven(&self, tx: &Tx) -> Result<(), Failure> {
        let within = self.time.proven_within() + self.course.slack;
        self.reached(tx, &TxStatus::Proven, within).await.map(drop)
    }

    /// Waits until more is proven than this checkpoint.
    pub(crate) async fn proven_beyond(&self, checkpoint: CheckpointNumber) -> Result<(), Failure> {
        let within = self.time.proven_within() + self.course.slack;
        let goal = format!("a proof beyond {checkpoint}");
        let nodes = self.nodes().await?;
        self.until(&goal, within, || async {
            let Look::Done(tips) = heads(&nodes).await? else {
                return Ok(Look::Pending("no node answers".to_owned()));
            };
            let proven = tips.proven.checkpoint.number;
            Ok(if proven > checkpoint {
                Look::Done(())
            } else {
                Look::Pending(format!("proven is {proven}"))
            })
        })
        .await?;
        self.context.step(goal);
        Ok(())
    }
}

/// What the L1 answers; what it answers that can't be read is a reason to look again.
pub(crate) fn on_l1<T>(answer: Result<T, L1Error>) -> Result<Look<T>, RpcError> {
    match answer {
        Ok(answer) => Ok(Look::Done(answer)),
        Err(L1Error::Rpc(error)) => Err(error),
        Err(unread) => Ok(Look::pending(unread)),
    }
}

/// What has become of a transaction, as each of these nodes says that answers.
pub(crate) async fn statuses(nodes: &[Peer], tx: &Tx) -> Vec<TxStatus> {
    let answers = join_all(nodes.iter().map(|node| node.rpc.tx_receipt(&tx.hash))).await;
    let receipts = answers.into_iter().filter_map(Result::ok);
    receipts.map(|receipt| receipt.status).collect()
}

/// What the first node that answers says of a transaction, and of the chain.
async fn asked(nodes: &[Peer], hash: &str) -> Result<Look<(TxReceipt, L2Tips)>, RpcError> {
    let mut unanswered = "no node".to_owned();
    for node in nodes {
        let answer = futures::try_join!(node.rpc.tx_receipt(hash), node.rpc.tips());
        match answer {
            Err(error) if error.is_retryable() => unanswered = error.to_string(),
            answer => return answer.map(Look::Done),
        }
    }
    Ok(Look::Pending(unanswered))
}

/// The heads of the chain, as the first node that answers sees them.
pub(crate) async fn heads(nodes: &[Peer]) -> Result<Look<L2Tips>, RpcError> {
    let mut unanswered = "no node".to_owned();
    for node in nodes {
        match node.rpc.tips().await {
            Err(error) if error.is_retryable() => unanswered = error.to_string(),
            answer => return answer.map(Look::Done),
        }
    }
    Ok(Look::Pending(unanswered))
}

/// Who has not this very block, in words.
async fn without(nodes: &[Peer], block: &Included) -> Result<Vec<String>, RpcError> {
    let answers = join_all(nodes.iter().map(|node| node.rpc.block_by_hash(&block.hash))).await;
    let mut without = Vec::new();
    for (node, answer) in nodes.iter().zip(answers) {
        match answer {
            Ok(Some(place)) if place.number == block.number => {}
            Ok(Some(place)) => without.push(format!("{} has it as {}", node.pod, place.number)),
            Ok(None) => without.push(format!("{} has it not", node.pod)),
            Err(error) if error.is_retryable() => without.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    Ok(without)
}

fn seen(receipt: &TxReceipt, tips: &L2Tips) -> String {
    format!(
        "transaction {}; {} proposed, {} on L1, {} proven, {} finalized",
        receipt.status,
        tips.proposed.number,
        tips.checkpointed.block.number,
        tips.proven.block.number,
        tips.finalized.block.number,
    )
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
            receipt.status
        ))),
    }
}

const fn stage_of(status: &TxStatus) -> Option<Stage> {
    match status {
        TxStatus::Dropped | TxStatus::Pending | TxStatus::Other(_) => None,
        TxStatus::Proposed => Some(Stage::Proposed),
        TxStatus::Checkpointed => Some(Stage::Checkpointed),
        TxStatus::Proven => Some(Stage::Proven),
        TxStatus::Finalized => Some(Stage::Finalized),
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

    fn block(number: u64, hash: &str) -> Included {
        Included {
            number: BlockNumber(number),
            hash: hash.to_owned(),
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
        assert_eq!(good, Ok(block(7, "0x7")));
    }

    /// Also where the number is the same: another block took its place.
    #[tokio::test]
    async fn another_block_is_accepted_only_where_blocks_are_taken_back() {
        let sent = || {
            let mut tx = Tx::sent(Visibility::Public, "0xt".to_owned());
            assert_eq!(tx.settles(&block(7, "0xa"), false), Ok(None));
            tx
        };
        assert_eq!(sent().settles(&block(7, "0xa"), false), Ok(None));
        for other in [block(7, "0xb"), block(9, "0xa")] {
            let refused = sent().settles(&other, false).expect_err("it moved");
            assert!(matches!(&refused, Failure::Assertion(words) if words.contains("was on L1")));
            let moved = sent().settles(&other, true).expect("it may");
            assert!(moved.is_some_and(|words| words.contains("now it is in")));
        }
    }
}
