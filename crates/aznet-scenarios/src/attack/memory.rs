//! The memory of nodes that are attacked: what it grows by is bounded.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aznet_kit::time::Seconds;
use aznet_network::observe::{instances, usage::Usage};
use aznet_runner::{Failure, observation::Measure};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{watch::meter::Meter, world::World};

/// What a node may take more than before, in bytes: several times the 44 MiB that were seen under attack, and a fraction of its
/// memory limit.
const MORE: u64 = 300 << 20;
/// How often it is looked.
const EVERY: Duration = Duration::from_secs(2);
/// How often it is asked for what must be known.
const TRIES: u32 = 10;
/// For how long it may be unknown in between: what is taken for a shorter time is not seen.
const UNKNOWN: Duration = Duration::from_secs(30);

/// Measures the memory of pods.
pub(super) struct Scales<'a> {
    world: &'a World,
    machines: BTreeSet<String>,
    meter: Meter,
    pods: BTreeMap<String, Option<Weight>>,
    /// Why the last look did not show all of them.
    why: Option<String>,
}

/// What a pod took.
#[derive(Debug, Clone, Copy)]
struct Weight {
    /// Bytes at first.
    first: u64,
    /// Bytes at most.
    most: u64,
    /// When it was known last.
    at: Instant,
    /// The longest time for which it was not.
    unknown: Duration,
}

impl<'a> Scales<'a> {
    /// Measures these pods before anything is done to them. From now on one of them that runs out of memory is what was found, and
    /// not the machine's failure.
    ///
    /// # Errors
    /// [`Failure::Infrastructure`] if their memory can't be known.
    pub(super) async fn before(
        world: &'a World,
        pods: impl IntoIterator<Item = &str>,
    ) -> Result<Self, Failure> {
        let pods: BTreeMap<String, Option<Weight>> =
            pods.into_iter().map(|pod| (pod.to_owned(), None)).collect();
        for pod in pods.keys() {
            world.bounded.add(pod);
        }
        let all = instances::list(&world.network)
            .await
            .map_err(Failure::infrastructure)?;
        let ours = all.into_iter().filter(|one| pods.contains_key(&one.pod));
        let mut scales = Self {
            world,
            machines: ours.filter_map(|one| one.machine).collect(),
            meter: Meter::default(),
            pods,
            why: None,
        };
        scales.weigh_all().await?;
        Ok(scales)
    }

    /// Measures once.
    pub(super) async fn weigh(&mut self) {
        let network = &self.world.network;
        let reading = self.meter.read(network, self.machines.clone()).await;
        let now = Instant::now();
        for Usage { pod, memory, .. } in reading.used {
            if let Some(weight) = self.pods.get_mut(&pod) {
                let known = weight.get_or_insert(Weight::new(memory, now));
                known.add(memory, now);
            }
        }
        let mut unknown = reading.unknown.into_iter();
        self.why = unknown.find_map(|(what, why)| (what == Measure::Memory).then_some(why));
    }

    /// Measures again and again while something is done.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let over = CancellationToken::new();
        let work = async {
            let done = work.await;
            over.cancel();
            done
        };
        let look_on = async {
            let mut ticks = interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while over.run_until_cancelled(ticks.tick()).await.is_some() {
                self.weigh().await;
            }
        };
        let (done, ()) = futures::join!(work, look_on);
        done
    }

    /// Sees, with a last look, that none of the pods took more than it may.
    ///
    /// # Errors
    /// [`Failure::Assertion`] if one did, [`Failure::Infrastructure`] if that is not known.
    pub(super) async fn judge(mut self) -> Result<(), Failure> {
        let last = self.weigh_all().await;
        for (pod, weight) in &self.pods {
            if let Some(weight) = weight {
                let words = weight.judge(pod)?;
                self.world.context.step(words);
            }
        }
        last
    }

    /// Measures until all are known anew.
    async fn weigh_all(&mut self) -> Result<(), Failure> {
        let since = Instant::now();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..TRIES {
            ticks.tick().await;
            self.weigh().await;
            if self.without(since).next().is_none() {
                return Ok(());
            }
        }
        let pods: Vec<&str> = self.without(since).collect();
        let why = self.why.as_deref().unwrap_or("no answer tells it");
        Err(Failure::Infrastructure(format!(
            "the memory of {} is not known: {why}",
            pods.join(", ")
        )))
    }

    /// The pods of which nothing has been known since then.
    fn without(&self, since: Instant) -> impl Iterator<Item = &str> {
        let pods = self.pods.iter();
        pods.filter(move |(_, weight)| weight.is_none_or(|one| one.at < since))
            .map(|(pod, _)| pod.as_str())
    }
}

impl Weight {
    const fn new(memory: u64, now: Instant) -> Self {
        Self {
            first: memory,
            most: memory,
            at: now,
            unknown: Duration::ZERO,
        }
    }

    fn add(&mut self, memory: u64, now: Instant) {
        self.most = self.most.max(memory);
        self.unknown = self.unknown.max(now - self.at);
        self.at = now;
    }

    /// Whether it was bounded, in words.
    fn judge(&self, pod: &str) -> Result<String, Failure> {
        let grown = self.most.saturating_sub(self.first);
        let (first, more, most) = (self.first >> 20, grown >> 20, MORE >> 20);
        let seen = format!("{pod}: {first} MiB of memory before, at most {more} MiB more since");
        if grown > MORE {
            return Err(Failure::Assertion(format!(
                "{seen}; expected no more than {most} MiB more"
            )));
        }
        if self.unknown > UNKNOWN {
            let unknown = Seconds(self.unknown);
            return Err(Failure::Infrastructure(format!(
                "{seen}, but for {unknown} it was not known"
            )));
        }
        Ok(format!("{seen}, of {most} that it may"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(readings: &[(u64, u64)]) -> Weight {
        let begin = Instant::now();
        let (_, first) = readings[0];
        let mut weight = Weight::new(first << 20, begin);
        for (second, memory) in readings {
            weight.add(memory << 20, begin + Duration::from_secs(*second));
        }
        weight
    }

    #[test]
    fn memory_may_grow_by_so_much_and_no_more() {
        let seen = weight(&[(0, 500), (2, 800), (4, 510)]).judge("full-node-0");
        let words =
            "full-node-0: 500 MiB of memory before, at most 300 MiB more since, of 300 that it may";
        assert!(matches!(seen, Ok(seen) if seen == words));
        // It is more, though it was given back.
        let more = weight(&[(0, 500), (2, 801), (4, 510)]).judge("full-node-0");
        assert!(matches!(more, Err(Failure::Assertion(_))), "{more:?}");
        let less = weight(&[(0, 500), (2, 400)]).judge("full-node-0");
        assert!(less.is_ok(), "{less:?}");
    }

    #[test]
    fn memory_that_was_not_known_is_not_bounded() {
        let gap = weight(&[(0, 500), (31, 500)]).judge("full-node-0");
        assert!(matches!(gap, Err(Failure::Infrastructure(_))), "{gap:?}");
        let known = weight(&[(0, 500), (30, 500)]).judge("full-node-0");
        assert!(known.is_ok(), "{known:?}");
        // What was seen was too much all the same.
        let more = weight(&[(0, 500), (31, 900)]).judge("full-node-0");
        assert!(matches!(more, Err(Failure::Assertion(_))), "{more:?}");
    }
}
