//! Experiments from being asked for to being gone without a trace: requested → injected → biting → healed → clean.

mod list;
mod undo;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aznet_kit::error::chain;
use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_model::chaos::{Experiment, Fault, Loaded};
use aznet_network::deploy::helm::{Helm, Release};
use aznet_network::namespace::Network;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

pub use self::list::{Listed, list};
pub use self::undo::{Cleared, clear};

use crate::daemon::Daemons;
use crate::effect::Effect;
use crate::emulate::Emulated;
use crate::error::ChaosError;
use crate::objects::{self, Status};
use crate::observe::{self, Moment, Observation};
use crate::pods::{self, Pods};
use crate::target;
use crate::target::Hit;
use crate::trace::{self, Traces};
use crate::verdict::Measurement;

/// Chaos Mesh is told by a watch and asks one daemon per pod.
const INJECTION: Duration = Duration::from_secs(30);
/// A container has half a minute to end before it is killed.
const BITE: Duration = Duration::from_mins(1);
/// Rules are in force at once; a look at all connections takes seconds.
const BITE_OF_NETWORK: Duration = Duration::from_secs(20);
/// A look at all connections and at each pod's link.
const FIRST_LOOK: Duration = Duration::from_mins(2);
/// The controller counts the time itself, and tells of it late.
const LATENESS: Duration = Duration::from_secs(15);
/// At the end of its time a fault is lifted before that is told.
const END: Duration = Duration::from_secs(3);

/// Faults to be done to a network.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The network.
    pub network: &'a Network,
    /// Helm, set to its cluster.
    pub helm: &'a Helm,
    /// Folder of the chart `aztec-chaos`.
    pub chart: &'a Path,
    /// The experiments.
    pub loaded: &'a Loaded,
    /// A name for all of them.
    pub name: &'a str,
}

/// How far an experiment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Its object is there.
    Requested,
    /// Chaos Mesh says that it is done.
    Injected,
    /// It is seen.
    Biting,
    /// It is lifted, and the pods are seen to be as before.
    Healed,
    /// No object of it is left, and no annotation on the pods.
    Clean,
}

/// An experiment has come to a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// When.
    pub at: Timestamp,
    /// Which experiment.
    pub experiment: String,
    /// The stage.
    pub stage: Stage,
    /// What shows it, pod by pod.
    pub pods: Vec<Measurement>,
}

/// Is told of each transition.
pub type Reporter = Arc<dyn Fn(&Transition) + Send + Sync>;

/// What a run works with.
struct Under<'a> {
    run: &'a Run<'a>,
    before: Pods,
    effects: BTreeMap<String, Effect>,
    /// The experiments that Chaos Mesh can't do here, and `aznet-netem` does.
    emulated: BTreeMap<String, Emulated>,
    /// What was seen before, by experiment.
    baselines: BTreeMap<String, Observation>,
    traces: Traces,
    report: &'a Reporter,
}

/// Does all experiments at once, sees each bite, waits until its time is over, lifts it, sees it heal, and looks for what
/// is left. Whatever fails or is interrupted in between, what was applied is lifted first.
///
/// # Errors
/// [`ChaosError`]: nothing was applied, or something did not bite, did not heal, or left a trace.
pub async fn run(
    run: &Run<'_>,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), ChaosError> {
    let before = pods::list(run.network).await?;
    target::check(&run.loaded.experiments, &before)?;
    let emulated =
        target::check_nodes(&run.loaded.experiments, &before, run.network.client()).await?;
    let effects = target::effects(&run.loaded.experiments)?;
    let mut under = Under {
        run,
        emulated: emulations(run, &emulated, &before),
        before,
        effects,
        baselines: BTreeMap::new(),
        traces: Traces::new(),
        report,
    };
    under.is_free(cancel).await?;
    under.look_before(cancel).await?;
    // An install that fails or is interrupted may have applied some of it.
    let bitten = match under.apply(cancel).await {
        Ok(()) => under.bite(cancel).await,
        failed => failed,
    };
    // Not the caller's token: a fault is lifted even when the caller has given up.
    let healed = under.undo(&CancellationToken::new()).await;
    // A fault that is still there outweighs why it was to be lifted.
    healed.and(bitten)
}

/// Those of the experiments that are emulated.
fn emulations(run: &Run<'_>, names: &BTreeSet<String>, pods: &Pods) -> BTreeMap<String, Emulated> {
    let namespace = run.network.namespace();
    let emulated = run.loaded.experiments.iter();
    let emulated = emulated
        .filter(|(name, _)| names.contains(*name))
        .enumerate()
        .filter_map(|(beside, (name, experiment))| {
            let fault = experiment.network.as_ref()?;
            let emulated = Emulated::of(namespace, (name, experiment), fault, pods, beside);
            Some((name.clone(), emulated))
        });
    emulated.collect()
}

impl Run<'_> {
    /// What the chart is to make: nothing of what is emulated.
    fn overlay(&self, emulated: &BTreeMap<String, Emulated>) -> Map<String, Value> {
        let mut overlay = self.loaded.overlay.clone();
        let experiments = overlay
            .get_mut("experiments")
            .and_then(Value::as_object_mut);
        if let Some(experiments) = experiments {
            for name in emulated.keys() {
                experiments.insert(name.clone(), Value::Null);
            }
        }
        overlay
    }

    fn release(&self) -> String {
        format!("chaos-{}", self.name)
    }
}

impl Under<'_> {
    /// Nobody else's faults have this name.
    async fn is_free(&self, cancel: &CancellationToken) -> Result<(), ChaosError> {
        let (network, name) = (self.run.network, self.run.release());
        let found = self.run.helm.status(&name, network.namespace(), cancel);
        match found.await? {
            None => Ok(()),
            Some(_) => Err(ChaosError::Taken {
                name: self.run.name.to_owned(),
                network: network.name().to_owned(),
            }),
        }
    }

    /// How everything is before anything is done.
    async fn look_before(&mut self, cancel: &CancellationToken) -> Result<(), ChaosError> {
        let network = self.run.network;
        if self.leaves_traces() {
            let daemons = Daemons::find(network.client()).await?;
            self.traces = trace::look(&daemons, &self.before).await?;
        }
        for (name, experiment) in &self.run.loaded.experiments {
            let (effect, hit) = (
                &self.effects[name],
                target::may_hit(experiment, &self.before),
            );
            let what = format!("a look at the pods before experiment {name}");
            let pods = &hit.pods;
            let seen = wait::until(what, Deadline::after(FIRST_LOOK), cancel, |_| async move {
                observe::observe(network, effect, pods, Moment::Before)
                    .await
                    .map(Look::Done)
            })
            .await?;
            observe::could_be_seen(effect, &hit, &seen).map_err(|seen| ChaosError::Unseen {
                experiment: name.clone(),
                seen,
            })?;
            self.baselines.insert(name.clone(), seen);
        }
        Ok(())
    }

    /// Whether anything is done to the network namespaces of pods, or among their processes.
    fn leaves_traces(&self) -> bool {
        self.effects.values().any(|effect| !effect.is_of_pods())
    }

    async fn apply(&self, cancel: &CancellationToken) -> Result<(), ChaosError> {
        let (network, helm) = (self.run.network, self.run.helm);
        let name = self.run.release();
        let release = Release {
            name: &name,
            namespace: network.namespace(),
            chart: self.run.chart,
            overlay: &self.run.overlay(&self.emulated),
        };
        helm.install(&release, cancel).await?;
        for emulated in self.emulated.values() {
            emulated.start(network.client()).await?;
        }
        for experiment in self.effects.keys() {
            self.tell(experiment, Stage::Requested, Vec::new());
        }
        Ok(())
    }

    /// Sees every experiment bite, until its time is over.
    async fn bite(&self, cancel: &CancellationToken) -> Result<(), ChaosError> {
        let each = self.run.loaded.experiments.iter();
        let each = each.map(|(name, experiment)| self.bite_one(name, experiment, cancel));
        futures::future::try_join_all(each).await.map(drop)
    }

    async fn bite_one(
        &self,
        name: &str,
        experiment: &Experiment,
        cancel: &CancellationToken,
    ) -> Result<(), ChaosError> {
        let effect = &self.effects[name];
        let hit = self.injected(name, experiment, cancel).await?;
        let begun = Timestamp::now();
        let told = hit
            .pods
            .iter()
            .map(|pod| observe::measurement(effect, pod, "told".to_owned()));
        self.tell(name, Stage::Injected, told.collect());
        let measured = self.biting(name, effect, &hit, cancel).await?;
        self.tell(name, Stage::Biting, measured);
        if effect.lasts() {
            let passed = Timestamp::now().duration_since(begun).unsigned_abs();
            let left = experiment.duration.duration().saturating_sub(passed);
            self.last(name, experiment, &hit, left, cancel).await?;
        }
        Ok(())
    }

    /// Waits until Chaos Mesh says that it is done; to which pods.
    async fn injected(
        &self,
        name: &str,
        experiment: &Experiment,
        cancel: &CancellationToken,
    ) -> Result<Hit, ChaosError> {
        let said = Mutex::new(None);
        let deadline = Deadline::after(INJECTION).every(Duration::from_millis(250));
        let what = format!("experiment {name} to be injected");
        let found = wait::until(what, deadline, cancel, |_| async {
            if let Some(emulated) = self.emulated.get(name) {
                let progress = emulated.look(self.run.network.client()).await?;
                if progress.begun.is_superset(&emulated.sending()) {
                    return Ok(Look::Done(emulated.hit.clone()));
                }
                if let Ok(mut said) = said.lock() {
                    said.clone_from(&progress.said);
                }
                return Ok(Look::Pending(
                    progress.said.unwrap_or_else(|| "not yet".to_owned()),
                ));
            }
            let status = self.status(name, experiment).await?;
            if status.is_injected() {
                let (pods, targets) = (status.pods(), status.targets());
                return Ok(Look::Done(Hit { pods, targets }));
            }
            let words = status.said();
            if let Ok(mut said) = said.lock() {
                said.clone_from(&words);
            }
            Ok(Look::Pending(words.unwrap_or_else(|| "not yet".to_owned())))
        })
        .await;
        found.map_err(|error| match error {
            ChaosError::Wait(wait @ WaitError::TimedOut { .. }) => ChaosError::NotInjected {
                experiment: name.to_owned(),
                said: said.into_inner().unwrap_or_default(),
                wait,
            },
            other => other,
        })
    }

    /// Waits until every pod that was hit shows it.
    async fn biting(
        &self,
        name: &str,
        effect: &Effect,
        hit: &Hit,
        cancel: &CancellationToken,
    ) -> Result<Vec<Measurement>, ChaosError> {
        let limit = match effect {
            Effect::Cut { .. } | Effect::Narrow(_) | Effect::Late(_) => BITE_OF_NETWORK,
            _ => BITE,
        };
        let deadline = Deadline::after(limit).every(Duration::from_millis(250));
        let what = format!("{} to be seen on {}", effect.asked(), hit.pods.join(", "));
        let found = wait::until(what, deadline, cancel, |_| async {
            match self.look(name, hit).await {
                Ok(Ok(measured)) => Ok(Look::Done(measured)),
                Ok(Err(seen)) => Ok(Look::Pending(seen)),
                Err(ChaosError::Measure(error)) => Ok(Look::pending(chain(&error))),
                Err(other) => Err(other),
            }
        })
        .await;
        found.map_err(|error| match error {
            ChaosError::Wait(wait @ WaitError::TimedOut { .. }) => ChaosError::NeverBit {
                experiment: name.to_owned(),
                wait,
            },
            other => other,
        })
    }

    /// Looks on while the fault lasts: it must go on biting.
    async fn last(
        &self,
        name: &str,
        experiment: &Experiment,
        hit: &Hit,
        left: Duration,
        cancel: &CancellationToken,
    ) -> Result<(), ChaosError> {
        let what = format!("experiment {name} to be over");
        let deadline = Deadline::after(left + LATENESS);
        let begun = Instant::now();
        let patience = self.effects[name].patience();
        let unseen = &Mutex::new(None);
        wait::until(what, deadline, cancel, |_| async move {
            if self.is_over(name, experiment).await? {
                return Ok(Look::Done(()));
            }
            let seen = match self.look(name, hit).await {
                Ok(Ok(_)) => {
                    *unseen.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    return Ok(Look::Pending("it bites".to_owned()));
                }
                Ok(Err(seen)) => seen,
                // A pod that is started again can't be asked meanwhile.
                Err(ChaosError::Measure(error)) => return Ok(Look::pending(chain(&error))),
                Err(other) => return Err(other),
            };
            // A look takes a while: the fault may have ended in the middle of it.
            let over = self.is_over(name, experiment).await?;
            if over || begun.elapsed() + END >= left {
                return Ok(Look::Pending("it is being lifted".to_owned()));
            }
            let mut since = unseen.lock().unwrap_or_else(PoisonError::into_inner);
            if since.get_or_insert_with(Instant::now).elapsed() < patience {
                return Ok(Look::Pending(seen));
            }
            Err(ChaosError::Stopped {
                experiment: name.to_owned(),
                seen,
            })
        })
        .await
    }

    async fn look(
        &self,
        name: &str,
        hit: &Hit,
    ) -> Result<Result<Vec<Measurement>, String>, ChaosError> {
        let (effect, before) = (&self.effects[name], &self.baselines[name]);
        let moment = Moment::During(before);
        let now = observe::observe(self.run.network, effect, &hit.pods, moment).await?;
        Ok(observe::bites(effect, hit, before, &now))
    }

    /// Whether the fault says that it has ended.
    async fn is_over(&self, name: &str, experiment: &Experiment) -> Result<bool, ChaosError> {
        if let Some(emulated) = self.emulated.get(name) {
            let progress = emulated.look(self.run.network.client()).await?;
            return Ok(!progress.runs);
        }
        Ok(self.status(name, experiment).await?.is_recovered())
    }

    async fn status(&self, name: &str, experiment: &Experiment) -> Result<Status, ChaosError> {
        let network = self.run.network;
        let kind = experiment
            .fault()
            .map_or("", |fault: Fault<'_>| fault.kind());
        let api = objects::of(network.client(), network.namespace(), kind);
        let object = api.get_opt(name).await;
        let object = object.map_err(ChaosError::api(format!("look at {kind} {name}")))?;
        Ok(object.as_ref().map(Status::of).unwrap_or_default())
    }

    fn tell(&self, experiment: &str, stage: Stage, pods: Vec<Measurement>) {
        (self.report)(&Transition {
            at: Timestamp::now(),
            experiment: experiment.to_owned(),
            stage,
            pods,
        });
    }
}
