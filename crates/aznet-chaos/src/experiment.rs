//! Experiments from being asked for to being gone without a trace: requested → injected → biting → healed → clean.

mod bite;
mod clear;
mod course;
mod follow;
mod guard;
mod last;
mod list;
mod undo;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use aznet_kit::wait::{self, Deadline, Look};
use aznet_model::chain::{Epoch, Slot};
use aznet_model::chaos::{Experiment, Loaded};
use aznet_model::timing::Timing;
use aznet_network::deploy::helm::{Helm, Release};
use aznet_network::namespace::Network;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

pub use self::clear::{Cleared, clear};
pub use self::course::course;
pub use self::list::{Listed, list};
pub use crate::decided::Decided;

use crate::called::Called;
use crate::chain::{self, Chain};
use crate::choice::Choice;
use crate::conflict;
use crate::daemon::Daemons;
use crate::effect::Effect;
use crate::emulate::Emulated;
use crate::error::ChaosError;
use crate::journal;
use crate::observe::{self, Moment, Observation};
use crate::pods::{self, Pods};
use crate::target;
use crate::trace::{self, Traces};
use crate::verdict::Measurement;

/// A look at all connections and at each pod's link.
const FIRST_LOOK: Duration = Duration::from_mins(2);

/// Faults to be done to a network.
#[derive(Clone, Copy)]
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
    /// What pods are chosen by, where some of several are hit: the same seed chooses the same ones.
    pub seed: u64,
    /// Is told what was decided before anything is applied.
    pub decided: &'a (dyn Fn(&Decided) + Sync),
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("network", self.network)
            .field("name", &self.name)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
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
    /// The slot under way; `None` where the network's L1 is not its own.
    pub slot: Option<Slot>,
    /// The slot's epoch.
    pub epoch: Option<Epoch>,
    /// Which experiment.
    pub experiment: String,
    /// The stage.
    pub stage: Stage,
    /// What shows it, pod by pod.
    pub pods: Vec<Measurement>,
}

/// Is told of each transition.
pub type Reporter = Arc<dyn Fn(&Transition) + Send + Sync>;

/// Who does a fault.
enum Doer {
    /// Chaos Mesh.
    Mesh,
    /// `aznet-netem`, where Chaos Mesh can't.
    Emulated(Box<Emulated>),
    /// Calls from here.
    Called(Called),
}

/// What a run works with.
struct Under<'a> {
    run: &'a Run<'a>,
    before: Pods,
    effects: BTreeMap<String, Effect>,
    doers: BTreeMap<String, Doer>,
    /// What was seen before, by experiment.
    baselines: BTreeMap<String, Observation>,
    traces: Traces,
    timing: Option<Timing>,
    /// When the experiments were asked for. Chaos Mesh counts their time from then, however late it does them.
    asked: OnceLock<Instant>,
    /// The experiments that were seen to bite.
    bitten: Mutex<BTreeSet<String>>,
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
    let found = Chain::find(run.network, &before).await;
    let mut each = run.loaded.experiments.values();
    // Where it is only to be told of, a chain that does not answer is none.
    let chain = if each.any(Experiment::needs_chain) {
        found?
    } else {
        found.ok().flatten()
    };
    let choice = Choice {
        network: run.network,
        pods: &before,
        chain: chain.as_ref(),
        seed: run.seed,
    };
    let settled = choice.settle(run.loaded, cancel).await?;
    (run.decided)(&settled.decided(chain.as_ref()));
    let run = &Run {
        loaded: &settled.loaded,
        ..*run
    };
    let timing = chain.as_ref().map(|chain| chain.timing);
    let mut under = Under::prepare(run, (before, timing), report).await?;
    under.is_free(cancel).await?;
    under.look_before(cancel).await?;
    let begins = under.may_begin(settled.begin.as_ref(), chain.as_ref(), cancel);
    if let Err(refused) = begins.await {
        return under.unguard().await.and(Err(refused));
    }
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

impl Run<'_> {
    /// What the chart is to make: nothing of what is emulated.
    fn overlay(&self, doers: &BTreeMap<String, Doer>) -> Map<String, Value> {
        let mut overlay = self.loaded.overlay.clone();
        let experiments = overlay
            .get_mut("experiments")
            .and_then(Value::as_object_mut);
        let emulated = doers
            .iter()
            .filter(|(_, doer)| matches!(doer, Doer::Emulated(_)));
        if let Some(experiments) = experiments {
            for (name, _) in emulated {
                experiments.insert(name.clone(), Value::Null);
            }
        }
        overlay
    }

    /// Who does each experiment; nothing is done yet.
    async fn doers(
        &self,
        emulated: &BTreeSet<String>,
        pods: &Pods,
    ) -> Result<BTreeMap<String, Doer>, ChaosError> {
        let mut doers = BTreeMap::new();
        let mut beside = 0;
        for (name, experiment) in &self.loaded.experiments {
            let (named, chosen) = ((name.as_str(), experiment), (pods, self.seed));
            let called = Called::prepare(self.network, named, chosen).await?;
            let doer = match (called, &experiment.network) {
                (Some(called), _) => Doer::Called(called),
                (None, Some(fault)) if emulated.contains(name) => {
                    let namespace = self.network.namespace();
                    beside += 1;
                    let emulated = Emulated::of(namespace, named, fault, chosen, beside - 1);
                    Doer::Emulated(Box::new(emulated))
                }
                _ => Doer::Mesh,
            };
            doers.insert(name.clone(), doer);
        }
        Ok(doers)
    }

    fn release(&self) -> String {
        format!("chaos-{}", self.name)
    }
}

impl<'a> Under<'a> {
    /// Checks everything that can be checked before anything is applied.
    async fn prepare(
        run: &'a Run<'a>,
        (before, timing): (Pods, Option<Timing>),
        report: &'a Reporter,
    ) -> Result<Self, ChaosError> {
        let experiments = &run.loaded.experiments;
        target::check(experiments, &before)?;
        conflict::check(experiments, &before)?;
        let emulated = target::check_nodes(experiments, &before, run.network.client()).await?;
        Ok(Self {
            effects: target::effects(experiments)?,
            doers: run.doers(&emulated, &before).await?,
            run,
            before,
            baselines: BTreeMap::new(),
            traces: Traces::new(),
            timing,
            asked: OnceLock::new(),
            bitten: Mutex::default(),
            report,
        })
    }

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
            overlay: &self.run.overlay(&self.doers),
        };
        self.asked.get_or_init(Instant::now);
        helm.install(&release, cancel).await?;
        self.note().await?;
        for doer in self.doers.values() {
            match doer {
                Doer::Mesh => {}
                Doer::Emulated(emulated) => emulated.start(network.client()).await?,
                Doer::Called(called) => called.start().await?,
            }
        }
        for experiment in self.effects.keys() {
            self.tell(experiment, Stage::Requested, Vec::new());
        }
        Ok(())
    }

    /// Since when the time of a fault counts that was just injected.
    fn counted_from(&self, name: &str) -> Instant {
        match &self.doers[name] {
            Doer::Mesh => *self.asked.get_or_init(Instant::now),
            Doer::Emulated(_) | Doer::Called(_) => Instant::now(),
        }
    }

    /// Notes on the cluster how things are that are changed from here.
    async fn note(&self) -> Result<(), ChaosError> {
        let mut notes = journal::Notes::new();
        for (name, doer) in &self.doers {
            if let Doer::Called(called) = doer {
                notes.insert(name.clone(), called.before().await);
            }
        }
        if notes.is_empty() {
            return Ok(());
        }
        journal::note(self.run.network, &self.run.release(), &notes).await
    }

    fn has_bitten(&self, experiment: &str) -> bool {
        let bitten = self.bitten.lock();
        let bitten = bitten.unwrap_or_else(PoisonError::into_inner);
        bitten.contains(experiment)
    }

    fn tell(&self, experiment: &str, stage: Stage, pods: Vec<Measurement>) {
        if stage == Stage::Biting {
            let bitten = self.bitten.lock();
            let mut bitten = bitten.unwrap_or_else(PoisonError::into_inner);
            bitten.insert(experiment.to_owned());
        }
        let at = Timestamp::now();
        let moment = self.timing.map(|timing| chain::moment(&timing, at));
        (self.report)(&Transition {
            at,
            slot: moment.map(|moment| moment.slot),
            epoch: moment.map(|moment| moment.epoch),
            experiment: experiment.to_owned(),
            stage,
            pods,
        });
    }
}
