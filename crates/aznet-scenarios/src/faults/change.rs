//! Changes of the network that are made while tokens move, by the same way as an operator's.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aznet_model::chain::CheckpointNumber;
use aznet_model::role::Role;
use aznet_model::timing::ProtocolTime;
use aznet_network::namespace::Network;
use aznet_network::observe::instances::{self, Instance};
use aznet_runner::Failure;
use aznet_runner::observation::FaultState;
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{LOOK_EVERY, Work};
use crate::bounded::Bounded;
use crate::condition::{Change, Wave};
use crate::joining::{self, Joining};
use crate::topology::AZTEC;
use crate::world::{Course, World};

type Apply = dyn Fn(Network, Laid, CancellationToken) -> BoxFuture<'static, Result<(), String>>
    + Send
    + Sync;

/// What is laid over a network's values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Laid {
    /// Files of values.
    pub files: Vec<PathBuf>,
    /// `--set` expressions, over the files.
    pub sets: Vec<String>,
}

/// Lays something over a network's values and waits until its pods are ready, as `aznet up` does.
#[derive(Clone)]
pub struct Upgrade(Arc<Apply>);

impl Upgrade {
    /// Upgrades by this.
    pub fn new(
        apply: impl Fn(Network, Laid, CancellationToken) -> BoxFuture<'static, Result<(), String>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self(Arc::new(apply))
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upgrade")
    }
}

/// What was seen while a change was made.
struct Watched<'a> {
    before: Vec<Instance>,
    /// The fewest validators that were ready at a time.
    fewest: usize,
    /// What was told of those that left the set.
    left: &'a OnceLock<String>,
    /// Whether the change was seen.
    seen: bool,
}

impl Work {
    /// Makes a change, and sees that the network has it.
    pub(super) async fn changed(&self, wave: &Wave, change: Change) -> Result<(), Failure> {
        let left = OnceLock::new();
        let mut watched = Watched {
            before: self.instances().await?,
            fewest: usize::MAX,
            left: &left,
            seen: false,
        };
        self.seen.lock().begun.get_or_insert_with(Instant::now);
        self.context
            .step(format!("{}: {}", wave.name, wave.words()));
        self.tell(wave, FaultState::Injected, None, None);
        let mut under_way = self.make(change, &left);
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let made = loop {
            tokio::select! {
                made = &mut under_way => break made,
                _ = looks.tick() => self.watch(wave, change, &mut watched).await?,
            }
        };
        match made {
            Err(_) if self.context.cancel.is_cancelled() => return Ok(()),
            made => made?,
        }
        self.watch(wave, change, &mut watched).await?;
        let measured = self.has(change, &watched).await?;
        self.context.step(format!("{}: {measured}", wave.name));
        self.tell(wave, FaultState::Healed, None, Some(measured));
        Ok(())
    }

    /// Makes it; `left` is told of those that left the set.
    fn make<'a>(
        &'a self,
        change: Change,
        left: &'a OnceLock<String>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        let laid = match (change, &self.tools.roll_out) {
            (Change::JoinAndLeave, _) => return self.joins_and_leaves(left).boxed(),
            (Change::RollOut, Some(file)) => {
                self.context
                    .step(format!("{} is laid over the network", file.display()));
                Laid {
                    files: vec![file.clone()],
                    ..Laid::default()
                }
            }
            (Change::RollOut | Change::AddValidators(_), _) => Laid {
                sets: change.sets(&self.facts),
                ..Laid::default()
            },
        };
        let cancel = self.context.cancel.clone();
        let upgrade = (self.tools.upgrade.0)(self.network.clone(), laid, cancel);
        upgrade.map_err(Failure::Infrastructure).boxed()
    }

    async fn joins_and_leaves(&self, left: &OnceLock<String>) -> Result<(), Failure> {
        let tell = |words| {
            // It is told once.
            let _ = left.set(words);
        };
        let done = self.joining().joins_and_leaves(tell).await?;
        self.context.step(done);
        Ok(())
    }

    const fn joining(&self) -> Joining<'_> {
        Joining {
            network: &self.network,
            time: self.time,
            context: &self.context,
        }
    }

    async fn instances(&self) -> Result<Vec<Instance>, Failure> {
        let list = instances::list(&self.network).await;
        list.map_err(Failure::infrastructure)
    }

    /// Looks, and tells of the change when it is seen.
    async fn watch(
        &self,
        wave: &Wave,
        change: Change,
        watched: &mut Watched<'_>,
    ) -> Result<(), Failure> {
        let shown = match change {
            // Pods don't show it, and no look may end it half-way: the pod must be taken away.
            Change::JoinAndLeave => watched.left.get().cloned(),
            Change::AddValidators(_) | Change::RollOut => {
                let now = self.instances().await?;
                let ready = now
                    .iter()
                    .filter(|pod| pod.role == Role::Validator && pod.ready);
                watched.fewest = watched.fewest.min(ready.count());
                change.shows(&watched.before, &now)
            }
        };
        if let Some(measured) = shown.filter(|_| !watched.seen) {
            watched.seen = true;
            self.seen.lock().bitten += 1;
            self.context.step(format!("{}: {measured}", wave.name));
            self.tell(wave, FaultState::Bites, None, Some(measured));
        }
        Ok(())
    }

    /// Sees that the network has what was asked for.
    async fn has(&self, change: Change, watched: &Watched<'_>) -> Result<String, Failure> {
        let now = self.instances().await?;
        match change {
            Change::AddValidators(_) => self.are_in_the_set(&added(&watched.before, &now)).await,
            Change::JoinAndLeave => self.goes_on().await,
            Change::RollOut => {
                let stayed = stayed(&watched.before, &now);
                if !stayed.is_empty() {
                    let stayed = stayed.join(", ");
                    return Err(Failure::Fault(format!(
                        "fault did not bite: not replaced: {stayed}"
                    )));
                }
                self.kept_the_quorum(watched.fewest)
            }
        }
    }

    /// Whether attesters enough for a quorum were there all the time.
    fn kept_the_quorum(&self, fewest: usize) -> Result<String, Failure> {
        let quorum = self.facts.committee().quorum;
        let attesters = u64::try_from(fewest).unwrap_or(u64::MAX) * self.facts.keys_per_pod();
        let seen =
            format!("every Aztec pod is another one; at least {fewest} validators were ready");
        if attesters < quorum {
            return Err(Failure::Assertion(format!(
                "{seen}: expected attesters for the quorum of {quorum} all the time"
            )));
        }
        Ok(seen)
    }

    async fn are_in_the_set(&self, pods: &[String]) -> Result<String, Failure> {
        self.joining().entered(pods).await?;
        Ok(format!("{} in the validator set", pods.join(", ")))
    }

    /// That the chain goes on when the pods that joined are gone.
    async fn goes_on(&self) -> Result<String, Failure> {
        let world = World {
            network: self.network.clone(),
            time: self.time,
            context: self.context.clone(),
            course: Course {
                disturbed: true,
                ..Course::default()
            },
            bounded: Bounded::default(),
        };
        let CheckpointNumber(last) = world.tips().await?.checkpointed.checkpoint.number;
        // The first may have been begun before.
        for number in [last, last + 1] {
            world.checkpointed_beyond(CheckpointNumber(number)).await?;
        }
        Ok(format!(
            "the validators are those of before, and the chain is beyond checkpoint {}",
            last + 1
        ))
    }
}

impl Change {
    /// What is done, at most, before it shows that it is under way, beyond what any fault takes.
    pub(super) fn ahead(self, time: ProtocolTime) -> Duration {
        match self {
            Self::JoinAndLeave => joining::leaves_within(time),
            Self::AddValidators(_) | Self::RollOut => Duration::ZERO,
        }
    }

    /// What shows that it is under way.
    fn shows(self, before: &[Instance], now: &[Instance]) -> Option<String> {
        match self {
            Self::AddValidators(_) => {
                let added = added(before, now);
                (!added.is_empty()).then(|| format!("{} is there", added.join(", ")))
            }
            // It is told.
            Self::JoinAndLeave => None,
            // Whoever sends comes after it: what it sends would be lost.
            Self::RollOut => {
                let pxes: Vec<&Instance> = now.iter().filter(|pod| pod.role == Role::Pxe).collect();
                let replaced =
                    |pod: &&&Instance| pod.ready && before.iter().all(|old| old.uid != pod.uid);
                let all = !pxes.is_empty() && pxes.iter().all(|pod| replaced(&pod));
                all.then(|| "every pxe is another one".to_owned())
            }
        }
    }
}

/// Validators that were not there before.
fn added(before: &[Instance], now: &[Instance]) -> Vec<String> {
    let names: BTreeSet<&str> = before.iter().map(|pod| pod.pod.as_str()).collect();
    let added = now.iter().filter(|pod| pod.role == Role::Validator);
    let added = added.filter(|pod| !names.contains(pod.pod.as_str()));
    added.map(|pod| pod.pod.clone()).collect()
}

/// Aztec pods that are the ones of before.
fn stayed(before: &[Instance], now: &[Instance]) -> Vec<String> {
    let aztec = now.iter().filter(|pod| AZTEC.contains(&pod.role));
    let stayed = aztec.filter(|pod| before.iter().any(|old| old.uid == pod.uid));
    stayed.map(|pod| pod.pod.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, role: Role, uid: &str, ready: bool) -> Instance {
        Instance {
            pod: name.to_owned(),
            role,
            uid: uid.to_owned(),
            machine: None,
            running: true,
            ready,
            restarts: 0,
            ended: None,
        }
    }

    #[test]
    fn a_roll_out_shows_when_the_pxe_that_is_there_is_ready_and_another_one() {
        let before = [pod("pxe-0", Role::Pxe, "a", true)];
        let shows =
            |uid, ready| Change::RollOut.shows(&before, &[pod("pxe-0", Role::Pxe, uid, ready)]);
        assert_eq!((shows("a", true), shows("b", false)), (None, None));
        assert!(shows("b", true).is_some());
        assert_eq!(Change::RollOut.shows(&before, &[]), None);
    }

    /// Its pod must start before anybody can leave the set.
    #[test]
    fn who_is_to_leave_may_take_the_time_to_join() {
        let text = r#"{"slotDuration": 12, "epochDuration": 4, "proofSubmissionEpochs": 2,
            "l1": {"blockTime": 4, "anvil": true, "slotsInAnEpoch": 4}}"#;
        let time = ProtocolTime::parse(text).expect("a time");
        assert!(Change::JoinAndLeave.ahead(time) > time.epochs(4));
        assert_eq!(Change::AddValidators(1).ahead(time), Duration::ZERO);
    }

    /// Only what runs Aztec is rolled out.
    #[test]
    fn pods_that_stayed_are_named() {
        let before = [
            pod("anvil-0", Role::Anvil, "a", true),
            pod("validator-0", Role::Validator, "b", true),
            pod("validator-1", Role::Validator, "c", true),
        ];
        let mut now = before.clone();
        now[1].uid = "d".to_owned();
        assert_eq!(stayed(&before, &now), ["validator-1"]);
    }

    #[test]
    fn validators_that_came_are_named() {
        let before = [pod("validator-0", Role::Validator, "b", true)];
        let now = [
            before[0].clone(),
            pod("validator-1", Role::Validator, "c", false),
            pod("pxe-1", Role::Pxe, "d", true),
        ];
        assert_eq!(added(&before, &now), ["validator-1"]);
        assert!(Change::AddValidators(1).shows(&before, &now).is_some());
        assert_eq!(Change::AddValidators(1).shows(&before, &before), None);
    }
}
