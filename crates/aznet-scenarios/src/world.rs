//! What a scenario works with: a running network, its protocol time, and the run's context.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_model::role::Role;
use aznet_model::timing::ProtocolTime;
use aznet_network::{
    clients::l1::Prune,
    clients::l2::Node,
    clients::rpc::RpcError,
    namespace::Network,
    observe::{
        instances::{self, Instance},
        pods,
        status::{self, Stall},
        timing,
    },
};
use aznet_runner::{Context, Failure, Observation};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{bounded::Bounded, look, pxe::Pxe};

/// What the chain may do that it does not where nothing goes wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Course {
    /// How much longer each step may take.
    pub(crate) slack: Duration,
    /// Whether a transaction whose block is on L1 may come again in another block.
    pub(crate) may_move: bool,
    /// Whether something goes wrong on purpose: that the chain stands still is then what was found, and pods may be away.
    pub(crate) disturbed: bool,
    /// Whether an attack has begun: that the chain stands still is then what came of it. Pods may not be away for that. Clones
    /// share it.
    pub(crate) attacked: Arc<AtomicBool>,
}

impl Course {
    /// What did not come true, on a chain that stands still for the reason `stall`, if it does.
    fn blamed(&self, missed: Failure, stall: Option<String>) -> Failure {
        let Some(why) = stall else {
            return missed;
        };
        let seen = format!("{missed}; {why}");
        if self.disturbed || self.attacked.load(Ordering::Relaxed) {
            Failure::Assertion(seen)
        } else {
            // It says nothing of what was tested.
            Failure::Infrastructure(seen)
        }
    }
}

/// A running network and a test on it.
#[derive(Clone)]
pub(crate) struct World {
    /// The network.
    pub(crate) network: Network,
    /// How long things take in it.
    pub(crate) time: ProtocolTime,
    /// Where to tell how it goes.
    pub(crate) context: Context,
    /// What the chain may do.
    pub(crate) course: Course,
    /// The pods whose memory must stay bounded.
    pub(crate) bounded: Bounded,
}

/// A ready node.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Its pod.
    pub(crate) pod: String,
    /// What it is.
    pub(crate) role: Role,
    /// Its RPC.
    pub(crate) rpc: Node,
}

impl World {
    pub(crate) async fn enter(network: Network, context: Context) -> Result<Self, Failure> {
        let time = timing::read(&network)
            .await
            .map_err(Failure::infrastructure)?;
        if let Some(why) = stalled(&network).await? {
            return Err(Failure::Infrastructure(why));
        }
        Ok(Self {
            network,
            time,
            context,
            course: Course::default(),
            bounded: Bounded::default(),
        })
    }

    /// Sees that what was made of a token is with its holders, all of it and no more; else that is told as broken, with the
    /// first place where it shows.
    pub(crate) fn conserved(&self, token: &str, made: u128, held: u128) {
        conserved(&self.context, token, made, held);
    }

    /// The ready nodes, boot node first; there is at least one.
    pub(crate) async fn nodes(&self) -> Result<Vec<Peer>, Failure> {
        let pods = instances::list(&self.network)
            .await
            .map_err(Failure::infrastructure)?;
        let nodes = ready(&self.network, &pods).await;
        if nodes.is_empty() {
            return Err(Failure::Infrastructure(format!(
                "no node of network {} is ready",
                self.network.name()
            )));
        }
        Ok(nodes)
    }

    /// The first PXE; without one the scenario is skipped.
    pub(crate) async fn pxe(&self) -> Result<Pxe, Failure> {
        let pxes = self.pxes().await?;
        let first = pxes.into_iter().next();
        first.ok_or_else(|| Failure::skipped(format!("network {} has no pxe", self.network.name())))
    }

    /// Every PXE.
    pub(crate) async fn pxes(&self) -> Result<Vec<Pxe>, Failure> {
        let pods = pods::list(&self.network)
            .await
            .map_err(Failure::infrastructure)?;
        let pxes = pods.iter().filter(|pod| pod.role == Role::Pxe);
        Ok(pxes
            .map(|pxe| Pxe::new(&self.network, &pxe.name, self.time))
            .collect())
    }

    /// Waits until it is so late.
    pub(crate) async fn until_time(&self, what: &str, at: Instant) -> Result<(), Failure> {
        let left = at.saturating_duration_since(Instant::now());
        let deadline = Deadline::after(left + self.time.slot);
        let context = &self.context;
        let waited = wait::until(what, deadline, &context.cancel, |_| async {
            let left = at.saturating_duration_since(Instant::now());
            let last = format!("{} s to go", left.as_secs());
            context.waiting(what, &last);
            Ok::<_, WaitError>(if left.is_zero() {
                Look::Done(())
            } else {
                Look::Pending(last)
            })
        });
        waited.await.map_err(Failure::infrastructure)
    }

    /// Looks until `poll` is done; a server that doesn't answer just now is looked for again.
    pub(crate) async fn until<T, Fut>(
        &self,
        what: &str,
        within: Duration,
        poll: impl FnMut() -> Fut,
    ) -> Result<T, Failure>
    where
        Fut: Future<Output = Result<Look<T>, RpcError>>,
    {
        // On the heap: with what a status takes, this is most of what a test's future is made of, and whoever follows several
        // transactions has it several times. Without optimization a worker's stack does not hold the copies.
        let looked = Box::pin(async {
            match look::until(&self.context, what, Deadline::after(within), poll).await {
                Err(missed @ Failure::Assertion(_)) if !self.context.cancel.is_cancelled() => {
                    Err(self.blamed(missed).await)
                }
                found => found,
            }
        });
        looked.await
    }

    /// A failure on a chain that has lost checkpoints since then: these come first, since what was in them is gone. `means` is
    /// whose failure that is.
    pub(crate) async fn after_prune(
        &self,
        since: Instant,
        failure: Failure,
        means: fn(String) -> Failure,
    ) -> Failure {
        if !matches!(failure, Failure::Assertion(_)) {
            return failure;
        }
        let prune = async {
            let nodes = self.nodes().await?;
            let (_, rollup) = self.rollup(&nodes[0]).await?;
            let prune = rollup.last_prune(since.elapsed()).await;
            prune.map_err(Failure::infrastructure)
        };
        // An L1 that can't be asked explains nothing.
        let prune = prune.await.ok().flatten();
        explained(failure, prune.as_ref(), means)
    }

    /// What did not come true, and that the chain stands still, if it does.
    async fn blamed(&self, missed: Failure) -> Failure {
        // A status that can't be had explains nothing.
        let stall = stalled(&self.network).await.ok().flatten();
        self.course.blamed(missed, stall)
    }
}

/// What did not come true, and the prune that it came of, if there was one.
fn explained(failure: Failure, prune: Option<&Prune>, means: fn(String) -> Failure) -> Failure {
    match (failure, prune) {
        (Failure::Assertion(seen), Some(prune)) => means(pruned(prune, &seen)),
        (failure, _) => failure,
    }
}

fn pruned(Prune { first, last, .. }: &Prune, seen: &str) -> String {
    format!(
        "the L1 took back {first} to {last}, since no proof of theirs came in time; then: {seen}"
    )
}

/// The ready nodes among `pods`, boot node first.
pub(crate) async fn ready(network: &Network, pods: &[Instance]) -> Vec<Peer> {
    let release = network.release().await;
    let ready = pods.iter().filter(|pod| pod.role.is_node() && pod.ready);
    let mut ready: Vec<&Instance> = ready.collect();
    ready.sort_by_key(|pod| pod.role);
    let peer = |pod: &Instance| Peer {
        rpc: Node::in_pod(network, &pod.pod, release),
        pod: pod.pod.clone(),
        role: pod.role,
    };
    ready.into_iter().map(peer).collect()
}

fn conserved(context: &Context, token: &str, made: u128, held: u128) {
    if made != held {
        context.observed(Observation::Violated {
            invariant: "no token is lost or made unseen".to_owned(),
            seen: format!("of token {token} {made} were made, and its holders have {held}"),
            slot: None,
        });
    }
}

/// That the network stands still, as `aznet status` judges it; `None` if it goes on.
async fn stalled(network: &Network) -> Result<Option<String>, Failure> {
    let status = status::collect(network, Timestamp::now())
        .await
        .map_err(Failure::infrastructure)?;
    let stall = status.stalled.as_ref();
    Ok(stall.map(|stall| standstill(network.name(), stall)))
}

fn standstill(network: &str, stall: &Stall) -> String {
    let causes = stall.causes.iter().map(|cause| format!("; {cause}"));
    format!(
        "network {network} is stalled: {stall}{}",
        causes.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use aznet_model::chain::{CheckpointNumber, Slot};
    use aznet_runner::Verdict;

    use super::*;
    use crate::rehearsal::verdict_of;

    #[tokio::test]
    async fn a_token_too_many_or_too_few_fails_a_test_that_passes() {
        for held in [1_999, 2_001] {
            let verdict = verdict_of(move |context: Context| async move {
                conserved(&context, "0x2a", 2_000, held);
                Ok(())
            });
            let verdict = verdict.await;
            let told = format!("of token 0x2a 2000 were made, and its holders have {held}");
            let failed = matches!(&verdict, Verdict::Failed { message } if message.contains(&told));
            assert!(failed, "{verdict:?}");
        }
        let exact = verdict_of(|context: Context| async move {
            conserved(&context, "0x2a", 2_000, 2_000);
            Ok(())
        });
        assert_eq!(exact.await, Verdict::Passed);
    }

    #[test]
    fn a_prune_is_told_before_what_came_of_it() {
        let prune = Prune {
            first: CheckpointNumber(7),
            last: CheckpointNumber(9),
            timestamp: 0,
        };
        let reverted = || Failure::assertion("the mint reverted");
        let told = "the L1 took back checkpoint 7 to checkpoint 9, since no proof of theirs came in time; then: the mint reverted";
        let found = explained(reverted(), Some(&prune), Failure::Assertion);
        assert!(matches!(found, Failure::Assertion(words) if words == told));
        // Before anything is done to a network, a prune says nothing of what was to be done.
        let found = explained(reverted(), Some(&prune), Failure::Infrastructure);
        assert!(matches!(found, Failure::Infrastructure(words) if words == told));
        let found = explained(reverted(), None, Failure::Infrastructure);
        assert!(matches!(found, Failure::Assertion(words) if words == "the mint reverted"));
    }

    #[test]
    fn a_chain_that_an_attack_halts_is_what_was_found() {
        let course = Course::default();
        let missed = || Failure::assertion("checkpoint 9 after the attack");
        let stall = || Some("network small is stalled".to_owned());
        let seen = "checkpoint 9 after the attack; network small is stalled";
        let before = course.blamed(missed(), stall());
        assert!(matches!(before, Failure::Infrastructure(words) if words == seen));
        // Whoever else follows the chain finds the same.
        let other = course.clone();
        course.attacked.store(true, Ordering::Relaxed);
        let under = other.blamed(missed(), stall());
        assert!(matches!(under, Failure::Assertion(words) if words == seen));
        assert!(!other.disturbed, "no pod may be away for that");
        let alone = other.blamed(missed(), None);
        assert!(
            matches!(alone, Failure::Assertion(words) if words == "checkpoint 9 after the attack")
        );
        let disturbed = Course {
            disturbed: true,
            ..Course::default()
        };
        let disturbed = disturbed.blamed(missed(), stall());
        assert!(matches!(disturbed, Failure::Assertion(words) if words == seen));
    }

    #[test]
    fn a_standstill_is_told_with_its_causes() {
        let stall = Stall {
            since: Slot(7),
            slots: 5,
            seconds: 60,
            causes: vec!["2 of 4 validators are there, 3 are needed".to_owned()],
        };
        assert_eq!(
            standstill("small", &stall),
            "network small is stalled: no checkpoint since slot 7: 5 slots, 1m 00s; \
             2 of 4 validators are there, 3 are needed"
        );
    }
}
