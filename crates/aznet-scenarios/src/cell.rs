//! A cell of the matrix: tokens that move under a condition.

mod resend;
mod standstill;

use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use aznet_model::chain::CheckpointNumber;
use aznet_network::clients::l1::Prune;
use aznet_runner::Failure;
use futures::FutureExt;
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::beside::{Beside, Ready};
use crate::chain::{Tx, Until};
use crate::condition::{Begins, Expects, Trouble};
use crate::errors::rpc;
use crate::faults::{Faults, Tools};
use crate::pxe::{self, Visibility};
use crate::topology::Facts;
use crate::transfer::Tokens;
use crate::world::{Course, World};

/// Slots in which nodes that were away are back, and the chain with them.
const SLOTS_TO_RECOVER: u32 = 10;
/// Undoing faults has deadlines of its own; this is beyond all of them.
const UNDONE_WITHIN: Duration = Duration::from_mins(10);

/// What a test works with under a condition.
struct Under<'a> {
    world: World,
    trouble: Trouble<'a>,
    tokens: &'a Tokens,
    faults: &'a Faults,
    beside: Ready<'a>,
}

/// What there is before anything goes wrong.
struct Prepared<'a> {
    tokens: Tokens,
    beside: Ready<'a>,
    sent: Sent,
}

/// What was sent before anything goes wrong.
enum Sent {
    Nothing,
    Public(Tx),
    Both(Moving),
}

/// The public and the private transfer.
struct Moving {
    public: Tx,
    private: Tx,
}

/// Tokens move, and nothing goes wrong.
pub(crate) async fn calm(world: World) -> Result<(), Failure> {
    warmed_up(&world).await?;
    let (tokens, _) = Tokens::minted(&world).await?;
    let mut moving = Moving::sent(&tokens, &world).await?;
    moving.follow(&world, Until::Checkpointed).await?;
    tokens.moved(&world).await?;
    moving.follow(&world, Until::Finalized).await?;
    // Nothing of it was rolled back on the way.
    tokens.moved(&world).await
}

/// Tokens move while faults are done to the network, and what else there is beside them.
pub(crate) async fn disturbed(
    mut world: World,
    trouble: Trouble<'_>,
    (facts, tools): (&Facts, Option<&Tools>),
    beside: &Beside,
) -> Result<(), Failure> {
    // Whatever fails first ends everything else.
    world.context.cancel = world.context.cancel.child_token();
    let entered = Instant::now();
    let Prepared {
        tokens,
        beside,
        sent,
    } = match prepared(&world, trouble, beside).await {
        Ok(prepared) => prepared,
        // What the chain loses before anything is done to it says nothing of what was to be done.
        Err(failure) => {
            let means = Failure::Infrastructure;
            return Err(world.after_prune(entered, failure, means).await);
        }
    };
    let (place, context) = ((&world.network, world.time), &world.context);
    let faults = match tools {
        Some(tools) => Faults::start(trouble.waves, facts, place, tools, context),
        None => Faults::none(context),
    };
    world.course = course(trouble, &world);
    let under = Under {
        world,
        trouble,
        tokens: &tokens,
        faults: &faults,
        beside,
    };
    under.over(sent).await
}

/// Makes ready while nothing goes wrong.
async fn prepared<'a>(
    world: &World,
    trouble: Trouble<'_>,
    beside: &'a Beside,
) -> Result<Prepared<'a>, Failure> {
    warmed_up(world).await?;
    let (tokens, minted) = Tokens::minted(world).await?;
    if trouble.expects == Expects::Prunes {
        proven(world, minted).await?;
    }
    let beside = beside.ready(world).await?;
    let sent = match trouble.begins {
        Begins::BeforeSending => Sent::Nothing,
        Begins::BetweenTransfers | Begins::UnderWay => {
            Sent::Public(tokens.send(world, Visibility::Public).await?)
        }
        Begins::AfterTransfers => {
            young_epoch(world).await?;
            let mut moving = Moving::sent(&tokens, world).await?;
            moving.follow(world, Until::Checkpointed).await?;
            Sent::Both(moving)
        }
    };
    Ok(Prepared {
        tokens,
        beside,
        sent,
    })
}

/// What the chain may do under a condition.
fn course(trouble: Trouble<'_>, world: &World) -> Course {
    let time = world.time;
    let slack = match trouble.expects {
        Expects::GoesOn { slack } => time.slots(slack),
        Expects::Recovers | Expects::Loses | Expects::Stalls | Expects::Prunes => {
            trouble.span(time) + time.slots(SLOTS_TO_RECOVER)
        }
    };
    Course {
        slack,
        may_move: trouble.expects == Expects::Prunes,
        disturbed: !trouble.waves.is_empty(),
        ..Course::default()
    }
}

/// Waits until something is proven. Provers start last: what they missed meanwhile is taken back, and with it whatever was sent.
async fn warmed_up(world: &World) -> Result<(), Failure> {
    let nothing = CheckpointNumber(0);
    let proven = world.proven_beyond(nothing).await;
    // Nothing has been done to the network.
    proven.map_err(|failure| match failure {
        Failure::Assertion(missed) => Failure::Infrastructure(missed),
        other => other,
    })
}

/// Waits until an epoch begins: what comes to L1 early in one can't be proven before something is done about it.
async fn young_epoch(world: &World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (_, rollup) = world.rollup(&nodes[0]).await?;
    let timing = rollup.timing().await.map_err(Failure::infrastructure)?;
    let seconds = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
    let left = timing.at(seconds).seconds_left_of_epoch();
    let begins = Instant::now() + Duration::from_secs(left);
    world.until_time("the next epoch", begins).await
}

/// Waits until what minted the tokens is proven: it can't be taken back any more.
async fn proven(world: &World, minted: [pxe::Sent; 2]) -> Result<(), Failure> {
    let kinds = [Visibility::Public, Visibility::Private];
    for (kind, sent) in kinds.into_iter().zip(minted) {
        let what = format!("the {} mint", kind.name());
        world.proven(&Tx::called(what, kind, sent.tx_hash)).await?;
    }
    world.context.step("what minted the tokens is proven");
    Ok(())
}

/// Does both; the first that fails says why, and ends the other.
async fn both(
    cancel: &CancellationToken,
    one: impl Future<Output = Result<(), Failure>>,
    other: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let first = OnceLock::new();
    let heard = |done: Result<(), Failure>| {
        if let Err(failure) = done {
            // Only the first is kept.
            let _ = first.set(failure);
            cancel.cancel();
        }
    };
    futures::join!(one.map(heard), other.map(heard));
    first.into_inner().map_or(Ok(()), Err)
}

impl Moving {
    async fn sent(tokens: &Tokens, world: &World) -> Result<Self, Failure> {
        Ok(Self {
            public: tokens.send(world, Visibility::Public).await?,
            private: tokens.send(world, Visibility::Private).await?,
        })
    }

    async fn follow(&mut self, world: &World, until: Until) -> Result<(), Failure> {
        let (public, private) = futures::join!(
            world.follow(&mut self.public, until),
            world.follow(&mut self.private, until),
        );
        public.and(private)
    }
}

impl Under<'_> {
    /// Until the tokens have moved, and the faults are undone.
    async fn over(&self, sent: Sent) -> Result<(), Failure> {
        let (faults, cancel) = (self.faults, &self.world.context.cancel);
        let moved = self.moved(sent).await;
        // What the fault was to show is seen: the rest of its time would show no more.
        if moved.is_ok() && self.trouble.is_sent_under() {
            faults.lift();
        }
        let interrupted = cancel.is_cancelled();
        if moved.is_err() {
            cancel.cancel();
        }
        let done = faults.over(UNDONE_WITHIN).await;
        match (moved, done) {
            // A fault that failed is why the tokens were not followed to the end.
            (Err(_), Err(fault)) if interrupted => Err(fault),
            (Err(Failure::Assertion(found)), Err(fault)) => {
                Err(Failure::Assertion(format!("{found}; {fault}")))
            }
            (moved, done) => moved.and(done),
        }
    }

    async fn moved(&self, sent: Sent) -> Result<(), Failure> {
        self.faults.bite(self.trouble.seen).await?;
        let world = &self.world;
        let (followed, beside) = (pin!(self.followed(sent)), pin!(self.beside.run(world)));
        both(&world.context.cancel, followed, beside).await
    }

    async fn followed(&self, sent: Sent) -> Result<(), Failure> {
        let still = async {
            match self.trouble.expects {
                Expects::Stalls => self.stands_still().await,
                _ => Ok(()),
            }
        };
        let (mut moving, ()) = futures::try_join!(self.sent(sent), still)?;
        match self.trouble.expects {
            Expects::GoesOn { .. } => {
                moving.follow(&self.world, Until::Checkpointed).await?;
                self.is_in_force()?;
            }
            Expects::Recovers | Expects::Stalls | Expects::Loses => {
                self.arrive(&mut moving).await?;
            }
            Expects::Prunes => self.pruned(&mut moving).await?,
        }
        moving.follow(&self.world, Until::Checkpointed).await?;
        self.tokens.moved(&self.world).await?;
        moving.follow(&self.world, Until::Finalized).await?;
        // Nothing of it was rolled back on the way.
        self.tokens.moved(&self.world).await
    }

    /// Sends what was not sent before.
    async fn sent(&self, sent: Sent) -> Result<Moving, Failure> {
        let (tokens, world) = (self.tokens, &self.world);
        match sent {
            Sent::Nothing => Ok(Moving {
                public: self.send(Visibility::Public).await?,
                private: self.send(Visibility::Private).await?,
            }),
            Sent::Public(mut public) => {
                if self.trouble.begins == Begins::UnderWay {
                    self.arrives(&mut public).await?;
                }
                tokens.served(world).await?;
                let private = self.send(Visibility::Private).await?;
                Ok(Moving { public, private })
            }
            Sent::Both(moving) => Ok(moving),
        }
    }

    /// That the chain went on says something only while the fault was there.
    fn is_in_force(&self) -> Result<(), Failure> {
        if !self.trouble.is_sent_under() {
            return Ok(());
        }
        let span = self.trouble.span(self.world.time);
        let begun = self.faults.begun().map(|begun| begun.elapsed());
        match begun {
            Some(since) if since < span => {
                self.world
                    .context
                    .step("the transfers are on L1 while the fault is in force");
                Ok(())
            }
            _ => Err(Failure::assertion(
                "the transfers were on L1 only after the fault was over: expected that the chain goes on meanwhile",
            )),
        }
    }

    /// Sees that what was not proven is taken back, and that the transfers come again.
    async fn pruned(&self, moving: &mut Moving) -> Result<(), Failure> {
        let since = Instant::now();
        moving.follow(&self.world, Until::Checkpointed).await?;
        let on_l1 = self.checkpoints(moving).await?;
        self.tokens.moved(&self.world).await?;
        let prune = self.prune(since).await?;
        let words = had_been_on_l1(&prune, on_l1)?;
        self.world.context.step(words);
        self.faults.over(UNDONE_WITHIN).await?;
        let before = CheckpointNumber(prune.first.0.saturating_sub(1));
        self.world.proven_beyond(before).await?;
        for tx in [&mut moving.public, &mut moving.private] {
            self.again_if_gone(tx).await?;
        }
        Ok(())
    }

    /// Waits until the L1 has taken something back since then.
    async fn prune(&self, since: Instant) -> Result<Prune, Failure> {
        let world = &self.world;
        let nodes = world.nodes().await?;
        let (_, rollup) = world.rollup(&nodes[0]).await?;
        let (time, waves) = (world.time, self.trouble.waves);
        // An attack has no span of its own, and may begin anew.
        let span = if waves.is_empty() {
            time.proven_within() * 3
        } else {
            self.trouble.span(time)
        };
        let within = span + time.epochs(1);
        world.taken_back(&rollup, since, within).await
    }

    /// The checkpoints that have both transfers.
    async fn checkpoints(&self, moving: &Moving) -> Result<[CheckpointNumber; 2], Failure> {
        let (public, private) = (&moving.public, &moving.private);
        let (one, other) =
            futures::try_join!(self.checkpoint_of(public), self.checkpoint_of(private))?;
        Ok([one, other])
    }

    async fn checkpoint_of(&self, tx: &Tx) -> Result<CheckpointNumber, Failure> {
        let nodes = self.world.nodes().await?;
        let hash = tx.block().map_or("", |block| &block.hash);
        let place = nodes[0].rpc.block_by_hash(hash).await.map_err(rpc)?;
        let gone = || Failure::Infrastructure(format!("{}: its block is gone again", tx.what));
        Ok(place.ok_or_else(gone)?.checkpoint)
    }
}

/// Sees that what was taken back had the transfers: that they stay says nothing otherwise.
fn had_been_on_l1(prune: &Prune, transfers: [CheckpointNumber; 2]) -> Result<String, Failure> {
    let Prune { first, last, .. } = prune;
    let seen = format!("{first} to {last} are taken back");
    match transfers.iter().find(|one| *one < first || *one > last) {
        None => Ok(seen),
        Some(kept) => Err(Failure::Infrastructure(format!(
            "{seen}, and a transfer is in {kept}, which is not among them: it was proven before anything was done"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prune_that_spares_a_transfer_says_nothing_of_it() {
        let prune = Prune {
            first: CheckpointNumber(5),
            last: CheckpointNumber(8),
            timestamp: 0,
        };
        let judged = |numbers: [u64; 2]| had_been_on_l1(&prune, numbers.map(CheckpointNumber));
        let seen = "checkpoint 5 to checkpoint 8 are taken back".to_owned();
        assert_eq!(judged([5, 8]), Ok(seen));
        for spared in [[4, 5], [8, 9]] {
            assert!(matches!(judged(spared), Err(Failure::Infrastructure(_))));
        }
    }
}
