//! An experiment from when it was injected until its time is over: it must be seen to bite, and to go on biting, also on pods
//! that are replaced and on those that come.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aznet_kit::error::chain;
use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_model::chaos::Experiment;
use tokio_util::sync::CancellationToken;

use super::follow::{Followed, Lack, joined};
use super::{Doer, Stage, Under};
use crate::effect::Effect;
use crate::error::ChaosError;
use crate::pods::{self, Pods};
use crate::target::Hit;
use crate::verdict::Measurement;

/// The controller counts the time itself, and tells of it late: on a busy machine by many seconds.
const LATENESS: Duration = Duration::from_mins(1);
/// At the end of its time a fault is lifted before that is told.
const END: Duration = Duration::from_secs(3);
/// A node starts in half a minute, and what can be seen on it needs it.
const RESTART: Duration = Duration::from_secs(90);
/// Looks while it lasts, about: the paces make them fewer for a short fault, and more for a long one.
const LOOKS: u32 = 10;
const MIN_PACE: Duration = Duration::from_secs(1);
const MAX_PACE: Duration = Duration::from_secs(5);
/// How often it is looked whether all pods that are to have it have it.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// An experiment under way.
pub(super) struct Lasting<'a> {
    under: &'a Under<'a>,
    name: &'a str,
    experiment: &'a Experiment,
    /// Since when its time counts.
    asked: Instant,
    /// Held while it is done again: nobody is to be given it twice.
    following: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

/// How it was at the last look.
#[derive(Debug)]
struct State {
    followed: Followed,
    /// Since when it is not seen.
    unseen: Option<Instant>,
    /// When it was done again, until that is seen.
    again: Option<Instant>,
}

impl<'a> Lasting<'a> {
    pub(super) fn new(
        under: &'a Under<'a>,
        (name, experiment): (&'a str, &'a Experiment),
        hit: &Hit,
        there: &Pods,
    ) -> Self {
        Self {
            under,
            name,
            experiment,
            asked: under.counted_from(name),
            following: tokio::sync::Mutex::default(),
            state: Mutex::new(State {
                followed: Followed::new(experiment, hit, there),
                unseen: None,
                again: None,
            }),
        }
    }

    /// Sees it bite, for as long as it is to last. Looks take long: the pods are followed meanwhile.
    pub(super) async fn seen_to_bite(&self, cancel: &CancellationToken) -> Result<(), ChaosError> {
        let seen = async {
            let measured = self.first_bite(cancel).await?;
            self.under.tell(self.name, Stage::Biting, measured);
            self.until_over(cancel).await
        };
        if !self.effect().lasts() {
            return seen.await;
        }
        tokio::select! {
            seen = seen => seen,
            Err(failed) = self.keep_following(cancel) => Err(failed),
        }
    }

    /// Waits until every pod that was hit shows it; for longer, where one has to start first.
    async fn first_bite(&self, cancel: &CancellationToken) -> Result<Vec<Measurement>, ChaosError> {
        loop {
            let bitten = self.bite_in_time(cancel).await;
            let Err(ChaosError::Wait(wait @ WaitError::TimedOut { .. })) = bitten else {
                return bitten;
            };
            let is_awaited = self.is_starting() || self.follow().await?.is_some();
            if !is_awaited || self.time_left() <= END {
                return Err(ChaosError::NeverBit {
                    experiment: self.name.to_owned(),
                    wait,
                });
            }
        }
    }

    async fn bite_in_time(
        &self,
        cancel: &CancellationToken,
    ) -> Result<Vec<Measurement>, ChaosError> {
        let effect = self.effect();
        let pods = self.state().followed.hit().pods.join(", ");
        let deadline = Deadline::after(effect.limit()).every(Duration::from_millis(250));
        let what = format!("{} to be seen on {pods}", effect.asked());
        wait::until(what, deadline, cancel, |_| async {
            let followed = self.state().followed.clone();
            match self.under.look(self.name, &followed).await {
                Ok(Ok(measured)) => Ok(Look::Done(measured)),
                Ok(Err(seen)) => Ok(Look::Pending(seen)),
                Err(error) if error.is_of_asking() => Ok(Look::pending(chain(&error))),
                Err(other) => Err(other),
            }
        })
        .await
    }

    /// Looks on while the fault lasts: it must go on biting. A look at many pods may take longer than the fault.
    async fn until_over(&self, cancel: &CancellationToken) -> Result<(), ChaosError> {
        if !self.effect().lasts() {
            return Ok(());
        }
        let over = wait::until(self.over(), self.deadline(), cancel, |_| async {
            let over = self.under.is_over(self.name, self.experiment).await?;
            Ok(if over {
                Look::Done(())
            } else {
                Look::pending("it lasts")
            })
        });
        tokio::select! {
            over = over => over,
            Err(failed) = self.keep_looking(cancel) => Err(failed),
        }
    }

    /// Looks whether it bites until somebody drops this, or it does not.
    async fn keep_looking(&self, cancel: &CancellationToken) -> Result<(), ChaosError> {
        // Looks at many connections cost what nodes and provers need, too.
        let pace = (self.time_left() / LOOKS).clamp(MIN_PACE, MAX_PACE);
        let deadline = self.deadline().every(pace);
        let looked = wait::until(self.over(), deadline, cancel, |_| self.step()).await;
        self.unless_waited(looked)
    }

    async fn step(&self) -> Result<Look<()>, ChaosError> {
        let (under, name) = (self.under, self.name);
        if let Some(coming) = self.follow().await? {
            return Ok(Look::Pending(coming));
        }
        let followed = self.state().followed.clone();
        let seen = match under.look(name, &followed).await {
            // Meanwhile it may have been done to others.
            Ok(Ok(_)) if self.state().followed != followed => {
                return Ok(Look::pending("its pods have changed"));
            }
            Ok(Ok(measured)) => {
                self.seen(measured);
                return Ok(Look::pending("it bites"));
            }
            Ok(Err(seen)) => seen,
            // A pod that is started again can't be asked meanwhile.
            Err(error) if error.is_of_asking() => return Ok(Look::pending(chain(&error))),
            Err(other) => return Err(other),
        };
        // A look takes a while: the fault may have ended in the middle of it.
        let over = under.is_over(name, self.experiment).await?;
        let is_due = self.time_left() <= END;
        if over || is_due && under.is_lifted(name, self.experiment).await? {
            return Ok(Look::pending("it is being lifted"));
        }
        // So may a pod.
        if let Some(coming) = self.follow().await? {
            return Ok(Look::Pending(coming));
        }
        if self.is_patient() {
            return Ok(Look::Pending(seen));
        }
        Err(ChaosError::Stopped {
            experiment: name.to_owned(),
            seen,
        })
    }

    /// Follows the pods until somebody drops this, or it fails.
    async fn keep_following(&self, cancel: &CancellationToken) -> Result<(), ChaosError> {
        let deadline = self.deadline().every(FOLLOW_EVERY);
        let followed = wait::until(self.over(), deadline, cancel, |_| async {
            let coming = self.follow().await?;
            Ok(Look::Pending(coming.unwrap_or_default()))
        })
        .await;
        self.unless_waited(followed)
    }

    /// What is waited for while it lasts.
    fn over(&self) -> String {
        format!("experiment {} to be over", self.name)
    }

    /// Whoever waits for the end tells that it does not come, or that this was cancelled.
    fn unless_waited(&self, ended: Result<(), ChaosError>) -> Result<(), ChaosError> {
        match ended {
            Err(ChaosError::Wait(
                WaitError::TimedOut { what, .. } | WaitError::Cancelled { what, .. },
            )) if what == self.over() => Ok(()),
            other => other,
        }
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(self.time_left() + LATENESS)
    }

    /// Has it done again to who has lost it; what is waited for, where somebody is still starting.
    async fn follow(&self) -> Result<Option<String>, ChaosError> {
        let _alone = self.following.lock().await;
        if self.time_left() <= END {
            return Ok(None);
        }
        let pods = pods::list(self.under.run.network).await?;
        let mut followed = self.state().followed.clone();
        let lack = followed.lack(self.experiment, &pods);
        if lack.is_none() {
            return match self.revived().await {
                Ok(false) => Ok(None),
                Ok(true) => {
                    self.state().again = Some(Instant::now());
                    Ok(None)
                }
                // Its daemon is not there yet.
                Err(error) if error.is_of_asking() => Ok(Some(chain(&error))),
                Err(other) => Err(other),
            };
        }
        let is_again = match self.again((&mut followed, &lack), &pods).await {
            Ok(is_again) => is_again,
            // Its program is not there yet.
            Err(error) if error.is_of_asking() => return Ok(Some(chain(&error))),
            Err(other) => return Err(other),
        };
        let mut state = self.state();
        followed.given(self.experiment, &lack, &pods);
        state.followed = followed;
        if is_again {
            state.again = Some(Instant::now());
        }
        let coming = lack.coming.join(", ");
        Ok((!lack.coming.is_empty()).then(|| format!("{coming} to start")))
    }

    /// Has a program that was killed begin anew. Whether one was.
    async fn revived(&self) -> Result<bool, ChaosError> {
        match &self.under.doers[self.name] {
            Doer::Emulated(emulated) => emulated.revive(self.under.run.network.client()).await,
            Doer::Mesh | Doer::Called(_) => Ok(false),
        }
    }

    /// Has whoever does it do it again to who lacks it. Whether it was.
    async fn again(
        &self,
        (followed, lack): (&mut Followed, &Lack),
        pods: &Pods,
    ) -> Result<bool, ChaosError> {
        let which = (self.name, self.experiment);
        let had = followed.without(lack);
        match &self.under.doers[self.name] {
            Doer::Mesh | Doer::Emulated(_) if lack.now == Hit::default() => Ok(false),
            Doer::Mesh => {
                let whom = (&had, &lack.now, &mut followed.rounds);
                self.under.inject_again(which, whom, self.time_left()).await
            }
            Doer::Emulated(emulated) => {
                let client = self.under.run.network.client();
                let hit = joined(&had, &lack.now);
                emulated.start_again(client, hit, pods).await
            }
            Doer::Called(called) => {
                let gone = lack.replaced();
                let whom = (lack.now.pods.as_slice(), gone, &mut followed.rounds);
                self.under
                    .call_again(which, called, whom, self.time_left())
                    .await
            }
        }
    }

    /// It is seen: told again where it was done again.
    fn seen(&self, mut measured: Vec<Measurement>) {
        let again = {
            let mut state = self.state();
            state.unseen = None;
            state.again.take().is_some()
        };
        for one in measured.iter_mut().filter(|_| again) {
            one.measured
                .push_str(", done again to pods that had lost it");
        }
        // Calls look themselves whether it was lost.
        let called =
            matches!(&self.under.doers[self.name], Doer::Called(called) if called.was_done_again());
        if again || called {
            self.under.tell(self.name, Stage::Biting, measured);
        }
    }

    /// Whether it may be unseen for now.
    fn is_patient(&self) -> bool {
        if self.is_starting() {
            return true;
        }
        let mut state = self.state();
        let since = state.unseen.get_or_insert_with(Instant::now);
        since.elapsed() < self.effect().patience()
    }

    /// Whether a pod that it was done again to may not show it yet.
    fn is_starting(&self) -> bool {
        let again = self.state().again;
        again.is_some_and(|at| at.elapsed() < RESTART + self.effect().limit())
    }

    fn effect(&self) -> &'a Effect {
        &self.under.effects[self.name]
    }

    fn time_left(&self) -> Duration {
        let lasts = self.experiment.duration.duration();
        lasts.saturating_sub(self.asked.elapsed())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
