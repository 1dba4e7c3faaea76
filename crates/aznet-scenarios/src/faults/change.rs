//! Changes of the network that are made while tokens move, by the same way as an operator's.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use aznet_kit::wait::{Deadline, Look};
use aznet_model::report::Standing;
use aznet_model::role::Role;
use aznet_network::namespace::Network;
use aznet_network::observe::instances::{self, Instance};
use aznet_network::validators;
use aznet_runner::Failure;
use aznet_runner::observation::FaultState;
use futures::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{LOOK_EVERY, Work};
use crate::condition::{Change, Wave};
use crate::look::{self, Blind};
use crate::topology::AZTEC;

type Apply = dyn Fn(Network, Vec<String>, CancellationToken) -> BoxFuture<'static, Result<(), String>>
    + Send
    + Sync;

/// Lays `--set` expressions over a network's values and waits until its pods are ready, as `aznet up` does.
#[derive(Clone)]
pub struct Upgrade(Arc<Apply>);

impl Upgrade {
    /// Upgrades by this.
    pub fn new(
        apply: impl Fn(
            Network,
            Vec<String>,
            CancellationToken,
        ) -> BoxFuture<'static, Result<(), String>>
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
struct Watched {
    before: Vec<Instance>,
    /// The fewest validators that were ready at a time.
    fewest: usize,
    /// Whether the change was seen.
    seen: bool,
}

impl Work {
    /// Makes a change, and sees that the network has it.
    pub(super) async fn changed(&self, wave: &Wave, change: Change) -> Result<(), Failure> {
        let mut watched = Watched {
            before: self.instances().await?,
            fewest: usize::MAX,
            seen: false,
        };
        self.seen.lock().begun.get_or_insert_with(Instant::now);
        self.context
            .step(format!("{}: {}", wave.name, wave.words()));
        self.tell(wave, FaultState::Injected, None, None);
        let sets = change.sets(&self.facts);
        let cancel = &self.context.cancel;
        let mut upgrade = (self.tools.upgrade.0)(self.network.clone(), sets, cancel.clone());
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let upgraded = loop {
            tokio::select! {
                upgraded = &mut upgrade => break upgraded,
                _ = looks.tick() => self.watch(wave, change, &mut watched).await?,
            }
        };
        match upgraded {
            Err(_) if cancel.is_cancelled() => return Ok(()),
            upgraded => upgraded.map_err(Failure::Infrastructure)?,
        }
        self.watch(wave, change, &mut watched).await?;
        let measured = self.has(change, &watched).await?;
        self.context.step(format!("{}: {measured}", wave.name));
        self.tell(wave, FaultState::Healed, None, Some(measured));
        Ok(())
    }

    async fn instances(&self) -> Result<Vec<Instance>, Failure> {
        let list = instances::list(&self.network).await;
        list.map_err(Failure::infrastructure)
    }

    async fn watch(
        &self,
        wave: &Wave,
        change: Change,
        watched: &mut Watched,
    ) -> Result<(), Failure> {
        let now = self.instances().await?;
        let ready = now
            .iter()
            .filter(|pod| pod.role == Role::Validator && pod.ready);
        watched.fewest = watched.fewest.min(ready.count());
        if watched.seen {
            return Ok(());
        }
        let Some(measured) = change.shows(&watched.before, &now) else {
            return Ok(());
        };
        watched.seen = true;
        self.seen.lock().bitten += 1;
        self.context.step(format!("{}: {measured}", wave.name));
        self.tell(wave, FaultState::Bites, None, Some(measured));
        Ok(())
    }

    /// Sees that the network has what was asked for.
    async fn has(&self, change: Change, watched: &Watched) -> Result<String, Failure> {
        let now = self.instances().await?;
        match change {
            Change::AddValidators(_) => self.are_in_the_set(&added(&watched.before, &now)).await,
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
        let what = format!("{} in the validator set", pods.join(", "));
        let deadline = Deadline::after(self.time.epochs(8)).every(self.time.slot / 4);
        look::until(&self.context, &what, deadline, || async {
            match validators::collect(&self.network, &[]).await {
                Ok(seen) => Ok(look_for(&seen, pods)),
                Err(error) => Err(Blind::no_answer(&error)),
            }
        })
        .await?;
        Ok(what)
    }
}

impl Change {
    /// What shows that it is under way.
    fn shows(self, before: &[Instance], now: &[Instance]) -> Option<String> {
        match self {
            Self::AddValidators(_) => {
                let added = added(before, now);
                (!added.is_empty()).then(|| format!("{} is there", added.join(", ")))
            }
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

/// Whether the attesters of all these pods validate.
fn look_for(seen: &validators::Validators, pods: &[String]) -> Look<()> {
    for pod in pods {
        let Some(attesters) = seen.attesters_of(pod) else {
            return Look::Pending(format!("{pod} doesn't say yet whom it signs for"));
        };
        let standing = |one| seen.attester(one).map(|known| known.standing);
        let missing = attesters
            .iter()
            .find(|one| standing(**one) != Some(Standing::Validating));
        if let Some(missing) = missing {
            return Look::Pending(format!("{missing} is not in the set"));
        }
    }
    Look::Done(())
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
