//! Faults that are done by calls: settings of nodes, by their admin API, and the L1, by anvil's RPC. They are seen by reading back,
//! done again to a pod that has lost them, and taken back; how things were is noted on the cluster first.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::RwLock;

use aznet_model::chaos::{Experiment, Fault};
use aznet_network::namespace::Network;

use crate::anvil::Disturbed;
use crate::effect::Effect;
use crate::error::ChaosError;
use crate::journal::Before;
use crate::pods::Pods;
use crate::settings::{self, Changed};
use crate::target::{self, Hit};
use crate::verdict::{Measurement, Verdict};

/// A fault that is done by calls.
#[derive(Debug)]
pub(crate) struct Called {
    /// The pods that it is done to.
    pub(crate) hit: Hit,
    lasts: Duration,
    begun: OnceLock<Instant>,
    /// Whether it was done again since that was told.
    again: AtomicBool,
    pods: RwLock<BTreeMap<String, One>>,
}

/// It in one pod.
#[derive(Debug)]
enum One {
    Node(Changed),
    L1(Disturbed),
}

impl Called {
    /// Looks at its pods. Nothing is done yet; `None` where the fault is none of these.
    pub(crate) async fn prepare(
        network: &Network,
        (name, experiment): (&str, &Experiment),
        (pods, seed): (&Pods, u64),
    ) -> Result<Option<Self>, ChaosError> {
        if !matches!(experiment.fault(), Some(Fault::Protocol(_) | Fault::L1(_))) {
            return Ok(None);
        }
        let hit = target::choose((name, seed), experiment, pods);
        let mut each = BTreeMap::new();
        for pod in &hit.pods {
            let one = One::prepare(network, experiment, pod).await?;
            each.extend(one.map(|one| (pod.clone(), one)));
        }
        Ok(Some(Self {
            hit,
            lasts: experiment.duration.duration(),
            begun: OnceLock::new(),
            again: AtomicBool::new(false),
            pods: RwLock::new(each),
        }))
    }

    /// Whether it is done to a pod.
    pub(crate) async fn has(&self, pod: &str) -> bool {
        self.pods.read().await.contains_key(pod)
    }

    /// A pod that has come since, as it is before.
    pub(crate) async fn add(
        &self,
        network: &Network,
        experiment: &Experiment,
        pod: &str,
    ) -> Result<(), ChaosError> {
        if let Some(one) = One::prepare(network, experiment, pod).await? {
            self.pods.write().await.insert(pod.to_owned(), one);
        }
        Ok(())
    }

    /// Does it to a pod that was added.
    pub(crate) async fn start_in(&self, pod: &str) -> Result<(), ChaosError> {
        self.again.store(true, Ordering::Relaxed);
        match self.pods.read().await.get(pod) {
            Some(one) => one.set().await,
            None => Ok(()),
        }
    }

    /// A pod that is gone for good needs it no more.
    pub(crate) async fn drop(&self, pod: &str) {
        self.pods.write().await.remove(pod);
    }

    /// How its pods are before.
    pub(crate) async fn before(&self) -> BTreeMap<String, Before> {
        let pods = self.pods.read().await;
        let each = pods.iter();
        each.map(|(pod, one)| (pod.clone(), one.before())).collect()
    }

    /// How long it lasts.
    pub(crate) const fn lasts(&self) -> Duration {
        self.lasts
    }

    /// Does it.
    pub(crate) async fn start(&self) -> Result<(), ChaosError> {
        self.begun.get_or_init(Instant::now);
        for one in self.pods.read().await.values() {
            one.set().await?;
        }
        Ok(())
    }

    /// Does it again where it was lost, and looks whether every pod shows it.
    pub(crate) async fn look(
        &self,
        effect: &Effect,
    ) -> Result<Result<Vec<Measurement>, String>, ChaosError> {
        let mut measured = Vec::new();
        for (pod, one) in self.pods.read().await.iter() {
            let again = one.again().await?;
            self.again.fetch_or(again, Ordering::Relaxed);
            let words = match one.bites().await? {
                Ok(words) if again => format!("{words}, done again after it was lost"),
                Ok(words) => words,
                Err(seen) => return Ok(Err(format!("{pod}: {seen}"))),
            };
            measured.push(Measurement {
                pod: pod.clone(),
                asked: effect.asked(),
                measured: words,
            });
        }
        Ok(Ok(measured))
    }

    /// Whether it was done again to a pod that had lost it, since this was asked last.
    pub(crate) fn was_done_again(&self) -> bool {
        self.again.swap(false, Ordering::Relaxed)
    }

    /// Whether its time is over.
    pub(crate) fn is_over(&self) -> bool {
        let begun = self.begun.get();
        begun.is_some_and(|begun| begun.elapsed() >= self.lasts)
    }

    /// Takes it back, where it was begun; pods that are gone took it with them.
    pub(crate) async fn stop(&self, there: &Pods) -> Result<(), ChaosError> {
        if self.begun.get().is_none() {
            return Ok(());
        }
        let pods = self.pods.read().await;
        let left = pods.iter().filter(|(pod, _)| there.contains_key(*pod));
        for (_, one) in left {
            one.undo().await?;
        }
        Ok(())
    }

    /// Whether a pod is as it was.
    pub(crate) async fn healed(&self, pod: &str) -> Result<Verdict, ChaosError> {
        match self.pods.read().await.get(pod) {
            Some(one) => one.healed().await,
            None => Ok(Ok("nothing was done to it".to_owned())),
        }
    }
}

impl One {
    /// `None` where the fault is none of these.
    async fn prepare(
        network: &Network,
        experiment: &Experiment,
        pod: &str,
    ) -> Result<Option<Self>, ChaosError> {
        Ok(match experiment.fault() {
            Some(Fault::Protocol(fault)) => {
                let settings = fault.action.settings();
                Some(Self::Node(Changed::prepare(network, pod, settings).await?))
            }
            Some(Fault::L1(fault)) => {
                Some(Self::L1(Disturbed::prepare(network, pod, fault).await?))
            }
            _ => None,
        })
    }

    fn before(&self) -> Before {
        match self {
            Self::Node(node) => Before::Settings(node.before().clone()),
            Self::L1(l1) => Before::L1(l1.before()),
        }
    }

    async fn set(&self) -> Result<(), ChaosError> {
        match self {
            Self::Node(node) => node.set().await,
            Self::L1(l1) => l1.set().await,
        }
    }

    async fn again(&self) -> Result<bool, ChaosError> {
        match self {
            Self::Node(node) if node.lasts().await? => Ok(false),
            Self::Node(node) => node.set().await.map(|()| true),
            Self::L1(l1) => l1.again().await,
        }
    }

    async fn undo(&self) -> Result<(), ChaosError> {
        match self {
            Self::Node(node) => node.undo().await,
            Self::L1(l1) => l1.undo().await,
        }
    }

    async fn bites(&self) -> Result<Verdict, ChaosError> {
        match self {
            Self::Node(node) if node.lasts().await? => Ok(Ok(node.words())),
            Self::Node(_) => Ok(Err("the settings are lost".to_owned())),
            Self::L1(l1) => l1.bites().await,
        }
    }

    async fn healed(&self) -> Result<Verdict, ChaosError> {
        match self {
            Self::Node(node) => Ok(match node.is_undone().await? {
                Ok(()) => Ok(settings::words(node.before())),
                Err(seen) => Err(settings::words(&seen)),
            }),
            Self::L1(l1) => l1.healed().await,
        }
    }
}
