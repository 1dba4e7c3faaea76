//! What is seen of validators while they are sent what nobody should send.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aznet_kit::time::Seconds;
use aznet_network::observe::{instances::Instance, usage::Usage};
use aznet_runner::Failure;
use futures::future::join_all;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::told::Stranger;
use crate::{
    watch::meter::Meter,
    world::{Peer, World},
};

/// How often it looks. Whoever is shut out stays connected for longer.
const EVERY: Duration = Duration::from_secs(2);
/// For how long a validator may give no answer.
const SILENT: Duration = Duration::from_secs(20);
/// What a validator may take more than before, in bytes.
const MORE: u64 = 300 << 20;

/// Looks at validators from outside.
pub(super) struct Witness<'a> {
    world: &'a World,
    nodes: Vec<&'a Peer>,
    machines: BTreeSet<String>,
    meter: Meter,
    seen: BTreeMap<String, Seen>,
}

/// What was seen of a validator.
#[derive(Debug, Clone)]
struct Seen {
    /// Bytes that it took at first, and at most, if that is known.
    memory: Option<(u64, u64)>,
    /// The lowest score that it gave each of its peers.
    scores: BTreeMap<String, f64>,
    answered: Instant,
    /// The longest time without an answer.
    silent: Duration,
}

impl<'a> Witness<'a> {
    /// Of these validators, as they are before anything is sent.
    pub(super) async fn new(world: &'a World, validators: &[Instance], nodes: &'a [Peer]) -> Self {
        let named = |pod: &str| validators.iter().any(|one| one.pod == pod);
        let nodes: Vec<&Peer> = nodes.iter().filter(|node| named(&node.pod)).collect();
        let now = Instant::now();
        let seen = nodes.iter().map(|node| (node.pod.clone(), Seen::from(now)));
        let machines = validators.iter().filter_map(|one| one.machine.clone());
        let mut witness = Self {
            world,
            seen: seen.collect(),
            nodes,
            machines: machines.collect(),
            meter: Meter::default(),
        };
        witness.weigh().await;
        witness
    }

    /// Looks on until it is over, and once more.
    pub(super) async fn look_on(&mut self, over: &CancellationToken) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while over.run_until_cancelled(ticks.tick()).await.is_some() {
            self.look().await;
        }
        self.look().await;
    }

    async fn look(&mut self) {
        let asked = self.nodes.iter().map(|node| node.rpc.peers());
        let answers = join_all(asked).await;
        for (node, peers) in self.nodes.iter().zip(answers) {
            let Some(seen) = self.seen.get_mut(&node.pod) else {
                continue;
            };
            let now = Instant::now();
            seen.silent = seen.silent.max(now - seen.answered);
            let Ok(peers) = peers else { continue };
            seen.answered = now;
            for peer in peers {
                let lowest = seen.scores.entry(peer.id).or_default();
                *lowest = lowest.min(peer.score.unwrap_or(0.0));
            }
        }
        self.weigh().await;
    }

    async fn weigh(&mut self) {
        let network = &self.world.network;
        let reading = self.meter.read(network, self.machines.clone()).await;
        for Usage { pod, memory, .. } in reading.used {
            if let Some(seen) = self.seen.get_mut(&pod) {
                let (first, most) = seen.memory.unwrap_or((memory, memory));
                seen.memory = Some((first, most.max(memory)));
            }
        }
    }

    /// Sees that all of them punished `stranger`, by the score that they gave it.
    pub(super) fn saw_punished(&self, stranger: &Stranger) -> Result<(), Failure> {
        let Stranger { what, peer, .. } = stranger;
        let mut scores = Vec::new();
        for (pod, seen) in &self.seen {
            let score = seen.scores.get(peer).copied().unwrap_or(0.0);
            if score >= 0.0 {
                return Err(Failure::Assertion(format!(
                    "{what}: {pod} scores the sender {peer} {score}; expected less than 0"
                )));
            }
            scores.push(format!("{pod} {score:.0}"));
        }
        let scores = scores.join(", ");
        self.world
            .context
            .step(format!("{what}: scores of the sender: {scores}"));
        Ok(())
    }

    /// Sees that all of them answered meanwhile, and took no more memory than they may.
    pub(super) fn saw_well(&self) -> Result<(), Failure> {
        for (pod, seen) in &self.seen {
            let words = seen
                .judge()
                .map_err(|seen| Failure::Assertion(format!("{pod} meanwhile: {seen}")))?;
            self.world.context.step(format!("{pod} meanwhile: {words}"));
        }
        Ok(())
    }
}

impl Seen {
    fn from(now: Instant) -> Self {
        Self {
            memory: None,
            scores: BTreeMap::new(),
            answered: now,
            silent: Duration::ZERO,
        }
    }

    /// Whether it was well, in words.
    fn judge(&self) -> Result<String, String> {
        let silent = Seconds(self.silent);
        if self.silent > SILENT {
            let most = Seconds(SILENT);
            return Err(format!(
                "no answer for {silent}, expected one within {most}"
            ));
        }
        let Some((first, most)) = self.memory else {
            return Ok(format!(
                "an answer at least every {silent}; its memory is not known"
            ));
        };
        let (took, more) = (first >> 20, most.saturating_sub(first) >> 20);
        let seen = format!(
            "an answer at least every {silent}; {took} MiB of memory, at most {more} MiB more"
        );
        if most.saturating_sub(first) > MORE {
            return Err(format!(
                "{seen}; expected no more than {} MiB more",
                MORE >> 20
            ));
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_silence_are_bounded() {
        let seen = |first: u64, most: u64, silent: u64| Seen {
            memory: Some((first << 20, most << 20)),
            silent: Duration::from_secs(silent),
            ..Seen::from(Instant::now())
        };
        assert!(seen(500, 800, 20).judge().is_ok());
        assert!(seen(500, 801, 1).judge().is_err());
        assert!(seen(500, 500, 21).judge().is_err());
        assert!(Seen::from(Instant::now()).judge().is_ok());
    }
}
