//! An experiment that goes on biting until its time is over.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aznet_kit::error::chain;
use aznet_kit::wait::{self, Deadline, Look};
use aznet_model::chaos::Experiment;
use tokio_util::sync::CancellationToken;

use super::follow::Followed;
use super::{Doer, Stage, Under};
use crate::error::ChaosError;
use crate::pods;
use crate::target::Hit;
use crate::verdict::Measurement;

/// The controller counts the time itself, and tells of it late.
const LATENESS: Duration = Duration::from_secs(15);
/// At the end of its time a fault is lifted before that is told.
const END: Duration = Duration::from_secs(3);
/// A node starts in half a minute, and what can be seen on it needs it.
const RESTART: Duration = Duration::from_secs(90);

/// An experiment under way.
pub(super) struct Lasting<'a> {
    under: &'a Under<'a>,
    name: &'a str,
    experiment: &'a Experiment,
    hit: &'a Hit,
    left: Duration,
    begun: Instant,
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
        (hit, followed): (&'a Hit, Followed),
        left: Duration,
    ) -> Self {
        Self {
            under,
            name,
            experiment,
            hit,
            left,
            begun: Instant::now(),
            state: Mutex::new(State {
                followed,
                unseen: None,
                again: None,
            }),
        }
    }

    /// Looks on while the fault lasts: it must go on biting.
    pub(super) async fn until_over(&self, cancel: &CancellationToken) -> Result<(), ChaosError> {
        let what = format!("experiment {} to be over", self.name);
        let deadline = Deadline::after(self.left + LATENESS);
        wait::until(what, deadline, cancel, |_| self.step()).await
    }

    async fn step(&self) -> Result<Look<()>, ChaosError> {
        let (under, name) = (self.under, self.name);
        if under.is_over(name, self.experiment).await? {
            return Ok(Look::Done(()));
        }
        if let Some(coming) = self.follow().await? {
            return Ok(Look::Pending(coming));
        }
        let known = self.state().followed.known().clone();
        let seen = match under.look(name, self.hit, &known).await {
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
        if over || self.time_left() <= END {
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

    /// Has Chaos Mesh do it again to who has lost it; what is waited for, where somebody is still starting.
    async fn follow(&self) -> Result<Option<String>, ChaosError> {
        if !matches!(self.under.doers[self.name], Doer::Mesh) || self.time_left() <= END {
            return Ok(None);
        }
        let pods = pods::list(self.under.run.network).await?;
        let mut followed = self.state().followed.clone();
        let lack = followed.lack(self.experiment, &pods);
        if lack.is_none() {
            return Ok(None);
        }
        if !lack.now.pods.is_empty() || !lack.now.targets.is_empty() {
            let which = (self.name, self.experiment);
            let when = (&pods, self.time_left());
            self.under
                .again(which, (&mut followed, &lack), when)
                .await?;
            let mut state = self.state();
            state.followed = followed;
            state.again = Some(Instant::now());
        }
        let coming = lack.coming.join(", ");
        Ok((!lack.coming.is_empty()).then(|| format!("{coming} to start")))
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
        let effect = &self.under.effects[self.name];
        let mut state = self.state();
        if state
            .again
            .is_some_and(|at| at.elapsed() < RESTART + effect.limit())
        {
            return true;
        }
        let since = state.unseen.get_or_insert_with(Instant::now);
        since.elapsed() < effect.patience()
    }

    fn time_left(&self) -> Duration {
        self.left.saturating_sub(self.begun.elapsed())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
