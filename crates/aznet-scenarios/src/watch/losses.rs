//! Tells which containers ended and which pods were taken away, and whose failure that is.

use std::collections::BTreeMap;
use std::time::Duration;

use aznet_network::namespace::Network;
use aznet_network::observe::instances::Instance;
use aznet_network::observe::{disruption, logs};
use aznet_runner::Observation;
use tokio::time::timeout;

use super::hub::Hub;
use super::invariant::Violation;
use super::restarts::{self, Blame, Meaning, Restart};

/// Longest time for a question to the Kubernetes API.
const PATIENCE: Duration = Duration::from_secs(4);
/// Lines of a container's last words: an error with its stack.
const LAST_WORDS: i64 = 50;

/// Looks at what a network has lost.
pub(super) struct Losses<'a> {
    network: &'a Network,
    hub: &'a Hub,
}

impl<'a> Losses<'a> {
    pub(super) const fn new(network: &'a Network, hub: &'a Hub) -> Self {
        Self { network, hub }
    }

    /// Tells what happened to pods between two looks at them.
    pub(super) async fn tell(&self, before: &[Instance], now: &[Instance], slot: Option<u64>) {
        let taken = self.taken(before, now).await;
        for restart in restarts::between(before, now) {
            let why = taken.get(&restart.was).map(String::as_str);
            self.restarted(restart, why, slot).await;
        }
    }

    /// Which pods the cluster took away, by name, and why: no test can be judged that had them. Most are not there again yet
    /// when that is seen.
    async fn taken(&self, before: &[Instance], now: &[Instance]) -> BTreeMap<String, String> {
        let mut taken = BTreeMap::new();
        for pod in restarts::gone(before, now) {
            let why = timeout(PATIENCE, disruption::ended(self.network, pod)).await;
            if let Some(why) = why.ok().flatten() {
                self.hub
                    .failed(&format!("{} was taken away: {why}", pod.pod));
                taken.insert(pod.pod.clone(), why);
            }
        }
        taken
    }

    /// Tells a restart, of a pod that the cluster took away where that is known.
    async fn restarted(&self, restart: Restart, taken: Option<&str>, slot: Option<u64>) {
        let words = logs::last_words(self.network, &restart.pod, LAST_WORDS);
        let words = timeout(PATIENCE, words).await.unwrap_or_default();
        let restart = restart.with_last_words(&words);
        let restart = match taken {
            Some(why) => restart.of_machine(why),
            None => self.explained(restart).await,
        };
        let meant = self.hub.restarts(restart.role);
        let meaning = restart.meaning(meant, self.hub.bounds(&restart.pod));
        let Restart {
            pod, restarts, why, ..
        } = restart;
        let seen = format!("{pod} restarted: {why}");
        match meaning {
            Meaning::Meant => {}
            Meaning::NotTestable => self.hub.failed(&seen),
            Meaning::Broken(rule) => self.hub.violated(&Violation {
                rule,
                seen,
                slot,
                if_still: None,
            }),
        }
        self.hub
            .observed(Observation::Restarted { pod, restarts, why });
    }

    /// With what its machine suffers from, where nothing else explains it.
    async fn explained(&self, restart: Restart) -> Restart {
        if restart.blame != Blame::Network || self.hub.restarts(restart.role) {
            return restart;
        }
        let Some(machine) = restart.machine.clone() else {
            return restart;
        };
        let ailment = timeout(PATIENCE, disruption::ailment(self.network, &machine)).await;
        match ailment.ok().flatten() {
            Some(why) => restart.of_machine(&why),
            None => restart,
        }
    }
}
