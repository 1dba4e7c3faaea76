//! Load: public transfers at a rate that is doubled until the network no longer takes each of them into a block in time, and
//! then halved between what it takes and what it does not.

use std::time::Duration;

use aznet_kit::wait::Look;
use aznet_model::role::Role;
use aznet_network::clients::{admin, l2::TxStatus};
use aznet_network::observe::instances;
use aznet_runner::{Failure, Observation, observation::Stage, stats::quantile};
use futures::future::try_join_all;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{
    errors::rpc,
    pxe::Visibility,
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

/// What is known of rates, in transfers a slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Search {
    /// The highest that the network took.
    taken: u32,
    /// The lowest that was too much.
    too_much: Option<u32>,
}

/// Of a validator's settings.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    /// Transactions in a checkpoint, of which a slot has one.
    max_txs_per_checkpoint: Option<u64>,
}

/// Looks for the highest rate that the network takes; says it.
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
    if let Some(limit) = limit(&world).await {
        world.context.step(limit);
    }
    let mut sent = vec![0_u32; wallets.len()];
    let (mut search, mut highest) = (Search::default(), None);
    while let Some(rate) = search.to_try()
        && affordable(&sent, rate, wallets.len())
    {
        let outcome = round(&world, &wallets, &mut sent, rate).await?;
        world.context.step(outcome.words());
        if let Some(why) = outcome.too_much() {
            let words = format!("{rate} a slot is too much: {why}");
            world.context.step(words);
            search.too_much = Some(rate);
        } else {
            search.taken = rate;
            highest = Some(outcome);
        }
    }
    for (wallet, sent) in wallets.iter().zip(sent) {
        wallet.moved_one_by_one(&world, sent.into()).await?;
    }
    let highest = highest.ok_or_else(|| {
        Failure::assertion(format!(
            "not even one transfer a slot: expected each in a block within {IN_TIME} slots"
        ))
    })?;
    world
        .context
        .step(format!("{}, {}", search.words(), highest.said()));
    Ok(())
}

/// How many transactions a validator takes into a slot at most, where its settings say so.
async fn limit(world: &World) -> Option<String> {
    let pods = instances::list(&world.network).await.ok()?;
    let mut validators = pods.iter().filter(|pod| pod.role == Role::Validator);
    let pod = &validators.find(|pod| pod.ready)?.pod;
    let rpc = admin::rpc(&world.network, pod).await.ok()?;
    let methods = &world.network.release().await.methods;
    let limits: Limits = rpc.call(methods.get_config, json!([])).await.ok()?;
    let most = limits.max_txs_per_checkpoint?;
    Some(format!(
        "{pod} takes at most {most} transactions into a slot (maxTxsPerCheckpoint)"
    ))
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
        world
            .context
            .observed(told(&hash, Stage::Sent, Duration::ZERO));
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
                let took = one.at.elapsed();
                world
                    .context
                    .observed(told(&one.hash, Stage::Proposed, took));
                latencies.push(took);
            } else {
                still.push(one);
            }
        }
        waiting = still;
    }
}

fn told(hash: &str, stage: Stage, took: Duration) -> Observation {
    Observation::Transfer {
        id: hash.to_owned(),
        kind: Visibility::Public.name().to_owned(),
        stage,
        took,
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

impl Search {
    /// What to try next: twice as much as long as nothing was too much, and then halfway between.
    fn to_try(self) -> Option<u32> {
        let next = match self.too_much {
            None => (self.taken * 2).max(1),
            Some(too_much) => self.taken.midpoint(too_much),
        };
        (self.taken < next && next <= MOST).then_some(next)
    }

    fn words(self) -> String {
        let taken = self.taken;
        match self.too_much {
            Some(too_much) if too_much == taken + 1 => {
                format!("the highest rate is {taken} a slot")
            }
            Some(too_much) => {
                format!("the highest rate is at least {taken} a slot and less than {too_much}")
            }
            None => format!("the highest rate is at least {taken} a slot, and no more was tried"),
        }
    }
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
            "{} a slot are {second:.2} a second: the last is in a block {:.1} s after a node took it",
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
    fn a_rate_is_the_highest_only_if_the_next_was_too_much() {
        let found = |most: u32, tries: usize| {
            let mut search = Search::default();
            let mut tried = Vec::new();
            while let Some(rate) = search.to_try().filter(|_| tried.len() < tries) {
                tried.push(rate);
                if rate > most {
                    search.too_much = Some(rate);
                } else {
                    search.taken = rate;
                }
            }
            (tried, search.words())
        };
        let (tried, words) = found(11, usize::MAX);
        assert_eq!(tried, [1, 2, 4, 8, 16, 12, 10, 11]);
        assert_eq!(words, "the highest rate is 11 a slot");
        let (_, words) = found(11, 6);
        assert_eq!(
            words,
            "the highest rate is at least 8 a slot and less than 12"
        );
        let (tried, words) = found(u32::MAX, usize::MAX);
        assert_eq!(tried.last(), Some(&MOST));
        assert!(words.starts_with("the highest rate is at least 64 a slot, and no more"));
        assert_eq!(found(0, usize::MAX).0, [1]);
    }

    #[test]
    fn no_wallet_sends_more_than_it_has() {
        assert!(affordable(&[900], 33, 1));
        assert!(!affordable(&[902], 33, 1));
        assert!(affordable(&[902, 0], 33, 2));
    }
}
