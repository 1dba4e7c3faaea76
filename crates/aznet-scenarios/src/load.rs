//! Load: public transfers at a rate that is doubled until the network no longer takes each of them into a block in time.

use std::time::Duration;

use aznet_kit::wait::Look;
use aznet_network::clients::l2::TxStatus;
use aznet_runner::{Failure, stats::quantile};
use futures::future::try_join_all;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{
    errors::rpc,
    transfer::{MINTED, Tokens},
    world::World,
};

/// How many slots a rate is held for.
const SLOTS: u32 = 3;
/// Slots in which a transfer must be in a block for its rate to count.
const IN_TIME: u32 = 2;
/// Slots after which a transfer that is in no block is lost.
const LOST_AFTER: u32 = 10;
/// How exactly it is known when a transfer was in a block; each look asks for every one that isn't.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Transfers a slot; beyond it the test's own wallets are what is measured.
const MOST: u32 = 64;

/// A transfer that a node has taken.
struct Taken {
    hash: String,
    at: Instant,
}

/// What came of a rate.
struct Outcome {
    /// Transfers a slot.
    rate: u32,
    slot: Duration,
    /// From the first transfer's turn until a node had taken the last.
    sending: Duration,
    /// From when a node took it until it was in a block, for each, sorted.
    latencies: Vec<Duration>,
}

/// Doubles the rate until it is too high; says the highest that the network takes.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let mut wallets = Vec::new();
    for pxe in world.pxes().await? {
        wallets.push(Tokens::in_public(&world, pxe).await?);
    }
    if wallets.is_empty() {
        return Err(Failure::skipped(format!(
            "network {} has no pxe",
            world.network.name()
        )));
    }
    let mut sent = vec![0_u32; wallets.len()];
    let (mut rate, mut highest) = (1, None);
    while rate <= MOST && affordable(&sent, rate, wallets.len()) {
        let outcome = round(&world, &wallets, &mut sent, rate).await?;
        world.context.step(outcome.words());
        if let Some(why) = outcome.too_much() {
            world
                .context
                .step(format!("{rate} a slot is too much: {why}"));
            break;
        }
        (highest, rate) = (Some(outcome), rate * 2);
    }
    for (wallet, sent) in wallets.iter().zip(sent) {
        wallet.moved_one_by_one(&world, sent.into()).await?;
    }
    let highest = highest.ok_or_else(|| {
        Failure::assertion(format!(
            "not even one transfer a slot: expected each in a block within {IN_TIME} slots"
        ))
    })?;
    world.context.step(highest.said());
    Ok(())
}

/// Holds a rate beside what is tested, and sees each transfer into a block and paid.
pub(crate) async fn steady(world: &World, wallet: &Tokens, rate: u32) -> Result<(), Failure> {
    let mut sent = [0];
    let outcome = round(world, std::slice::from_ref(wallet), &mut sent, rate).await?;
    world.context.step(outcome.words());
    wallet.moved_one_by_one(world, sent[0].into()).await
}

/// Whether every wallet has tokens for another round.
fn affordable(sent: &[u32], rate: u32, wallets: usize) -> bool {
    let share = (rate * SLOTS).div_ceil(u32::try_from(wallets).unwrap_or(u32::MAX));
    sent.iter().all(|sent| u128::from(sent + share) <= MINTED)
}

/// Sends at a rate for some slots, evenly and from all wallets in turn, and sees each transfer into a block.
async fn round(
    world: &World,
    wallets: &[Tokens],
    sent: &mut [u32],
    rate: u32,
) -> Result<Outcome, Failure> {
    let begin = Instant::now();
    let (tell, taken) = unbounded_channel();
    let senders = wallets
        .iter()
        .zip(sent)
        .enumerate()
        .map(|(first, (wallet, sent))| {
            let turns = (0..rate * SLOTS).skip(first).step_by(wallets.len());
            send(world, (wallet, sent), turns, (begin, rate), tell.clone())
        });
    let senders = try_join_all(senders);
    let sending = async move {
        senders.await?;
        drop(tell);
        Ok(begin.elapsed())
    };
    let (sending, mut latencies) = futures::try_join!(sending, included(world, taken))?;
    latencies.sort();
    Ok(Outcome {
        rate,
        slot: world.time.slot,
        sending,
        latencies,
    })
}

/// Sends the transfers of one wallet, each at its turn or, when the wallet is late, at once.
async fn send(
    world: &World,
    (wallet, sent): (&Tokens, &mut u32),
    turns: impl Iterator<Item = u32>,
    (begin, rate): (Instant, u32),
    tell: UnboundedSender<Taken>,
) -> Result<(), Failure> {
    for turn in turns {
        let at = begin + world.time.slot * turn / rate;
        world.until_time("the next transfer's turn", at).await?;
        let hash = wallet.send_one().await.map_err(rpc)?;
        *sent += 1;
        let at = Instant::now();
        // Nobody hears it when the round has failed.
        let _unheard = tell.send(Taken { hash, at });
    }
    Ok(())
}

/// Sees everything that is taken into a block; how long each took.
async fn included(
    world: &World,
    mut taken: UnboundedReceiver<Taken>,
) -> Result<Vec<Duration>, Failure> {
    let mut latencies = Vec::new();
    let mut waiting: Vec<Taken> = Vec::new();
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let open = collect(&mut taken, &mut waiting).await;
        if waiting.is_empty() && !open {
            return Ok(latencies);
        }
        let lost = world.time.slots(LOST_AFTER) + world.course.slack;
        if let Some(lost) = waiting.iter().find(|one| one.at.elapsed() > lost) {
            return Err(Failure::Assertion(format!(
                "transfer {} is in no block {} s after a node took it",
                lost.hash,
                lost.at.elapsed().as_secs()
            )));
        }
        let look = look(world, &waiting).await?;
        let mut still = Vec::new();
        for (one, is_in) in waiting.into_iter().zip(look) {
            if is_in {
                latencies.push(one.at.elapsed());
            } else {
                still.push(one);
            }
        }
        waiting = still;
    }
}

/// Takes in what was told meanwhile; whether there may be more. Waits for it where nothing else is to be looked at.
async fn collect(taken: &mut UnboundedReceiver<Taken>, waiting: &mut Vec<Taken>) -> bool {
    if waiting.is_empty() {
        match taken.recv().await {
            Some(one) => waiting.push(one),
            None => return false,
        }
    }
    while let Ok(one) = taken.try_recv() {
        waiting.push(one);
    }
    true
}

/// Which of these are in a block, as the first ready node says.
async fn look(world: &World, waiting: &[Taken]) -> Result<Vec<bool>, Failure> {
    let nodes = world.nodes().await?;
    let within = world.time.slots(LOST_AFTER);
    let goal = format!("{} transfers in a block", waiting.len());
    world
        .until(&goal, within, || async {
            let asked = waiting.iter().map(|one| nodes[0].rpc.tx_receipt(&one.hash));
            let receipts = try_join_all(asked).await?;
            let are_in = receipts
                .iter()
                .map(|receipt| receipt.status.has_reached(&TxStatus::Proposed));
            Ok(Look::Done(are_in.collect()))
        })
        .await
}

impl Outcome {
    fn at(&self, percent: usize) -> Duration {
        quantile(&self.latencies, percent).unwrap_or_default()
    }

    fn words(&self) -> String {
        let seconds = |percent| self.at(percent).as_secs_f64();
        format!(
            "{} a slot: {} transfers, in a block {:.1} s (median), {:.1} s (90 %), {:.1} s (99 %) after a node took them",
            self.rate,
            self.latencies.len(),
            seconds(50),
            seconds(90),
            seconds(99)
        )
    }

    fn said(&self) -> String {
        let second = f64::from(self.rate) / self.slot.as_secs_f64();
        format!(
            "the highest rate is {} a slot, {second:.2} a second: the last is in a block {:.1} s after a node took it",
            self.rate,
            self.at(100).as_secs_f64()
        )
    }

    /// Why the network, or what sends, does not keep up.
    fn too_much(&self) -> Option<String> {
        let last = self.at(100);
        if last > self.slot * IN_TIME {
            return Some(format!(
                "a transfer was in a block only after {:.1} s, {IN_TIME} slots are {} s",
                last.as_secs_f64(),
                (self.slot * IN_TIME).as_secs()
            ));
        }
        let late = self.slot * (SLOTS + 1);
        (self.sending > late).then(|| {
            format!(
                "the wallet servers took {:.1} s to send what was to go out in {} s",
                self.sending.as_secs_f64(),
                (self.slot * SLOTS).as_secs()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(sending: u64, latencies: &[u64]) -> Outcome {
        Outcome {
            rate: 4,
            slot: Duration::from_secs(12),
            sending: Duration::from_secs(sending),
            latencies: latencies
                .iter()
                .map(|seconds| Duration::from_secs(*seconds))
                .collect(),
        }
    }

    #[test]
    fn a_rate_counts_if_the_last_is_in_time_and_the_wallets_kept_up() {
        assert_eq!(outcome(40, &[3, 5, 24]).too_much(), None);
        let late = outcome(40, &[3, 5, 25]).too_much();
        assert_eq!(
            late.as_deref(),
            Some("a transfer was in a block only after 25.0 s, 2 slots are 24 s")
        );
        let slow = outcome(50, &[3, 5, 6]).too_much();
        assert_eq!(
            slow.as_deref(),
            Some("the wallet servers took 50.0 s to send what was to go out in 36 s")
        );
    }

    #[test]
    fn no_wallet_sends_more_than_it_has() {
        assert!(affordable(&[900], 33, 1));
        assert!(!affordable(&[902], 33, 1));
        assert!(affordable(&[902, 0], 33, 2));
    }
}
