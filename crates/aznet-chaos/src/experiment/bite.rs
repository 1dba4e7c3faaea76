//! Experiments seen to be done, to bite, and to go on biting until their time is over.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aznet_kit::error::chain;
use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_model::chaos::Experiment;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Doer, Stage, Under};
use crate::effect::Effect;
use crate::error::ChaosError;
use crate::objects::{self, Status};
use crate::observe::{self, Moment};
use crate::target::Hit;
use crate::verdict::Measurement;

/// Chaos Mesh is told by a watch and asks one daemon per pod.
const INJECTION: Duration = Duration::from_secs(30);
/// The controller counts the time itself, and tells of it late.
const LATENESS: Duration = Duration::from_secs(15);
/// At the end of its time a fault is lifted before that is told.
const END: Duration = Duration::from_secs(3);

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
                    Ok(emulated.hit.clone())
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

    /// Waits until every pod that was hit shows it.
    async fn biting(
        &self,
        name: &str,
        effect: &Effect,
        hit: &Hit,
        cancel: &CancellationToken,
    ) -> Result<Vec<Measurement>, ChaosError> {
        let deadline = Deadline::after(effect.limit()).every(Duration::from_millis(250));
        let what = format!("{} to be seen on {}", effect.asked(), hit.pods.join(", "));
        let found = wait::until(what, deadline, cancel, |_| async {
            match self.look(name, hit).await {
                Ok(Ok(measured)) => Ok(Look::Done(measured)),
                Ok(Err(seen)) => Ok(Look::Pending(seen)),
                Err(error) if error.is_of_asking() => Ok(Look::pending(chain(&error))),
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
                Ok(Ok(measured)) => {
                    // A pod that was started again has it again.
                    if matches!(&self.doers[name], Doer::Called(called) if called.was_done_again())
                    {
                        self.tell(name, Stage::Biting, measured);
                    }
                    *unseen.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    return Ok(Look::Pending("it bites".to_owned()));
                }
                Ok(Err(seen)) => seen,
                // A pod that is started again can't be asked meanwhile.
                Err(error) if error.is_of_asking() => return Ok(Look::pending(chain(&error))),
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
        if let Doer::Called(called) = &self.doers[name] {
            return called.look(effect).await;
        }
        let moment = Moment::During(before);
        let now = observe::observe(self.run.network, effect, &hit.pods, moment).await?;
        Ok(observe::bites(effect, hit, before, &now))
    }

    /// Whether the fault says that it has ended.
    async fn is_over(&self, name: &str, experiment: &Experiment) -> Result<bool, ChaosError> {
        match &self.doers[name] {
            Doer::Called(called) => Ok(called.is_over()),
            Doer::Emulated(emulated) => {
                let progress = emulated.look(self.run.network.client()).await?;
                Ok(!progress.runs)
            }
            Doer::Mesh => Ok(self.status(name, experiment).await?.is_recovered()),
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
