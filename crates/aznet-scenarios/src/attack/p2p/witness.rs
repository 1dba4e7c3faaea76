//! What is seen of validators while they are sent what nobody should send.

use std::{collections::BTreeMap, time::Duration};

use aznet_kit::time::Seconds;
use aznet_network::observe::instances::Instance;
use aznet_runner::Failure;
use futures::future::join_all;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::told::Stranger;
use crate::{
    attack::memory::Scales,
    world::{Peer, World},
};

/// How often it looks. Whoever is shut out stays connected for longer.
const EVERY: Duration = Duration::from_secs(2);
/// For how long a validator may give no answer.
const SILENT: Duration = Duration::from_secs(20);

/// Looks at validators from outside.
pub(super) struct Witness<'a> {
    world: &'a World,
    nodes: Vec<&'a Peer>,
    scales: Scales<'a>,
    seen: BTreeMap<String, Seen>,
}

/// What was seen of a validator.
#[derive(Debug, Clone)]
struct Seen {
    /// The lowest score that it gave each of its peers.
    scores: BTreeMap<String, f64>,
    answered: Instant,
    /// The longest time without an answer.
    silent: Duration,
}

impl<'a> Witness<'a> {
    /// Of these validators, as they are before anything is sent.
    pub(super) async fn new(
        world: &'a World,
        validators: &[Instance],
        nodes: &'a [Peer],
    ) -> Result<Self, Failure> {
        let named = |pod: &str| validators.iter().any(|one| one.pod == pod);
        let nodes: Vec<&Peer> = nodes.iter().filter(|node| named(&node.pod)).collect();
        let scales = Scales::before(world, nodes.iter().map(|node| node.pod.as_str())).await?;
        let now = Instant::now();
        let seen = nodes.iter().map(|node| (node.pod.clone(), Seen::from(now)));
        Ok(Self {
            world,
            seen: seen.collect(),
            nodes,
            scales,
        })
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
        self.scales.weigh().await;
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

    /// Sees that all of them answered meanwhile; what their memory is measured with.
    pub(super) fn saw_answers(self) -> Result<Scales<'a>, Failure> {
        for (pod, seen) in &self.seen {
            let words = seen
                .judge()
                .map_err(|seen| Failure::Assertion(format!("{pod} meanwhile: {seen}")))?;
            self.world.context.step(format!("{pod} meanwhile: {words}"));
        }
        Ok(self.scales)
    }
}

impl Seen {
    fn from(now: Instant) -> Self {
        Self {
            scores: BTreeMap::new(),
            answered: now,
            silent: Duration::ZERO,
        }
    }

    /// Whether it answered, in words.
    fn judge(&self) -> Result<String, String> {
        let silent = Seconds(self.silent);
        if self.silent > SILENT {
            let most = Seconds(SILENT);
            return Err(format!(
                "no answer for {silent}, expected one within {most}"
            ));
        }
        Ok(format!("an answer at least every {silent}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_bounded() {
        let seen = |silent: u64| Seen {
            silent: Duration::from_secs(silent),
            ..Seen::from(Instant::now())
        };
        assert!(seen(20).judge().is_ok());
        assert!(seen(21).judge().is_err());
    }
}
