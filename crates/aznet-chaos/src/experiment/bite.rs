//! Experiments seen to be done and to bite.

use std::sync::Mutex;
use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_model::chaos::Experiment;
use tokio_util::sync::CancellationToken;

use super::follow::Followed;
use super::last::Lasting;
use super::{Doer, Stage, Under};
use crate::error::ChaosError;
use crate::objects::{self, Status};
use crate::observe::{self, Moment};
use crate::pods;
use crate::target::Hit;
use crate::verdict::Measurement;

/// Chaos Mesh is told by a watch and asks one daemon per pod.
const INJECTION: Duration = Duration::from_secs(30);

impl Under<'_> {
    /// Sees every experiment bite, until its time is over.
    pub(super) async fn bite(&self, cancel: &CancellationToken) -> Result<(), ChaosError> {
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
        let told = hit
            .pods
            .iter()
            .map(|pod| observe::measurement(effect, pod, "told".to_owned()));
        self.tell(name, Stage::Injected, told.collect());
        let there = pods::list(self.run.network).await?;
        Lasting::new(self, (name, experiment), &hit, &there)
            .seen_to_bite(cancel)
            .await
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
            let words = match self.done_to(name, experiment).await? {
                Ok(hit) => return Ok(Look::Done(hit)),
                Err(words) => words,
            };
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

    /// Whom whoever does it has done it to; else what was said last.
    async fn done_to(
        &self,
        name: &str,
        experiment: &Experiment,
    ) -> Result<Result<Hit, Option<String>>, ChaosError> {
        match &self.doers[name] {
            Doer::Called(called) => Ok(Ok(called.hit.clone())),
            Doer::Emulated(emulated) => {
                let progress = emulated.look(self.run.network.client()).await?;
                let all = progress.begun.is_superset(&emulated.sending());
                Ok(if all {
                    Ok(emulated.hit())
                } else {
                    Err(progress.said)
                })
            }
            Doer::Mesh => {
                let status = self.status(name, experiment).await?;
                let (pods, targets) = (status.pods(), status.targets());
                Ok(if status.is_injected() {
                    Ok(Hit { pods, targets })
                } else {
                    Err(status.said())
                })
            }
        }
    }

    /// Whether every pod that has the fault shows it.
    pub(super) async fn look(
        &self,
        name: &str,
        followed: &Followed,
    ) -> Result<Result<Vec<Measurement>, String>, ChaosError> {
        let effect = &self.effects[name];
        if let Doer::Called(called) = &self.doers[name] {
            return called.look(effect).await;
        }
        let before = &self.baselines[name];
        let before = if effect.lasts() {
            followed.before(before)
        } else {
            // Nobody is given it again, and that others come is what shows it.
            before.clone()
        };
        let mut hit = followed.hit().clone();
        // What nothing like it was there of can't be compared.
        hit.pods.retain(|pod| before.pods.contains_key(pod));
        if hit.pods.is_empty() {
            return Ok(Err("no pod that has it is there".to_owned()));
        }
        let moment = Moment::During(&before);
        let now = observe::observe(self.run.network, effect, &hit.pods, moment).await?;
        Ok(observe::bites(effect, &hit, &before, &now))
    }

    /// Whether the fault says that it has ended.
    pub(super) async fn is_over(
        &self,
        name: &str,
        experiment: &Experiment,
    ) -> Result<bool, ChaosError> {
        match &self.doers[name] {
            Doer::Called(called) => Ok(called.is_over()),
            Doer::Emulated(emulated) if !emulated.is_due() => Ok(false),
            Doer::Emulated(emulated) => {
                let progress = emulated.look(self.run.network.client()).await?;
                Ok(progress.runs.is_empty())
            }
            Doer::Mesh => Ok(self.status(name, experiment).await?.is_recovered()),
        }
    }

    /// Whether it is being lifted at the end of its time, as far as whoever does it tells.
    pub(super) async fn is_lifted(
        &self,
        name: &str,
        experiment: &Experiment,
    ) -> Result<bool, ChaosError> {
        match &self.doers[name] {
            Doer::Called(_) | Doer::Emulated(_) => Ok(true),
            Doer::Mesh => Ok(self.status(name, experiment).await?.is_stopping()),
        }
    }

    async fn status(&self, name: &str, experiment: &Experiment) -> Result<Status, ChaosError> {
        let network = self.run.network;
        let kind = experiment.fault().and_then(|fault| fault.kind());
        let kind = kind.unwrap_or_default();
        let api = objects::of(network.client(), network.namespace(), kind);
        let object = api.get_opt(name).await;
        let object = object.map_err(ChaosError::api(format!("look at {kind} {name}")))?;
        Ok(object.as_ref().map(Status::of).unwrap_or_default())
    }
}
