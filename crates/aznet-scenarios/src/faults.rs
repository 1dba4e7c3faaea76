//! The faults of a condition, done beside a test: told as they go, and undone whatever becomes of it.

mod change;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aznet_chaos::experiment::{self, Reporter, Run, Stage, Transition};
use aznet_chaos::load::{self, Request};
use aznet_chaos::{ChaosError, Measurement};
use aznet_kit::error::chain;
use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_model::chaos::Loaded;
use aznet_model::timing::ProtocolTime;
use aznet_model::values::Layer;
use aznet_network::deploy::helm::Helm;
use aznet_network::namespace::Network;
use aznet_runner::observation::FaultState;
use aznet_runner::{Context, Failure, Observation};
use futures::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::condition::{Cast, Does, Wave};
use crate::topology::Facts;

/// Looks before a fault, its injection and its measurement each have their own deadlines; this is beyond all of them.
const UNTIL_IT_BITES: Duration = Duration::from_mins(6);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What faults are done with on a cluster that has Chaos Mesh.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Helm, set to the cluster.
    pub helm: Helm,
    /// Folder of the chart `aztec-chaos`.
    pub chart: PathBuf,
    /// What is being done or undone.
    pub under_way: UnderWay,
    /// Changes networks.
    pub upgrade: Upgrade,
    /// The values that are rolled out, e.g. another image; `None`: another environment.
    pub roll_out: Option<PathBuf>,
}

pub use self::change::{Laid, Upgrade};

/// Faults that are being done or undone: a test that is cut off does not wait for that. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct UnderWay(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl UnderWay {
    /// Waits until nothing is under way, at most so long; whether that is so.
    pub async fn settled(&self, within: Duration) -> bool {
        let all = std::mem::take(&mut *self.lock());
        tokio::time::timeout(within, join_all(all)).await.is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The faults of a condition, under way.
pub(crate) struct Faults {
    seen: Arc<Seen>,
    context: Context,
    /// Ends those that last.
    lift: CancellationToken,
    /// Until one of them must have been seen to bite.
    bites_within: Duration,
}

/// What was seen of them.
#[derive(Debug, Default)]
struct Seen(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many waves were seen to bite.
    bitten: usize,
    /// When the first began, as far as it lasts.
    begun: Option<Instant>,
    /// Whether all are over and undone.
    ended: bool,
    /// Why the first of them failed that did.
    failure: Option<Failure>,
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the waves work with.
struct Work {
    network: Network,
    tools: Tools,
    facts: Facts,
    time: ProtocolTime,
    context: Context,
    seen: Arc<Seen>,
    lift: CancellationToken,
}

impl Faults {
    /// Nothing is done.
    pub(crate) fn none(context: &Context) -> Self {
        let seen = Arc::new(Seen::default());
        seen.lock().ended = true;
        Self {
            seen,
            context: context.clone(),
            lift: context.cancel.child_token(),
            bites_within: UNTIL_IT_BITES,
        }
    }

    /// Begins with these faults. When `context.cancel` fires, they are undone; when one of them fails, it is
    /// fired.
    pub(crate) fn start(
        waves: &[Wave],
        facts: &Facts,
        (network, time): (&Network, ProtocolTime),
        tools: &Tools,
        context: &Context,
    ) -> Self {
        let seen = Arc::new(Seen::default());
        let lift = context.cancel.child_token();
        let work = Work {
            lift: lift.clone(),
            network: network.clone(),
            tools: tools.clone(),
            facts: facts.clone(),
            time,
            context: context.clone(),
            seen: seen.clone(),
        };
        let ahead = waves.iter().map(|wave| ahead(wave, time)).max();
        let bites_within = UNTIL_IT_BITES + ahead.unwrap_or_default();
        let waves = waves.to_vec();
        let task = tokio::spawn(async move {
            let begin = Instant::now();
            let each = waves.iter().map(|wave| work.wave(wave, begin));
            join_all(each).await;
            work.seen.lock().ended = true;
        });
        tools.under_way.lock().push(task);
        Self {
            seen,
            context: context.clone(),
            lift,
            bites_within,
        }
    }

    /// Waits until so many of them were seen to bite.
    pub(crate) async fn bite(&self, wanted: usize) -> Result<(), Failure> {
        let cancel = &self.context.cancel;
        let what = "the fault to bite";
        let done = |state: &State| match state.bitten {
            bitten if bitten >= wanted => Look::Done(()),
            0 => Look::Pending("it is not seen yet".to_owned()),
            bitten => Look::Pending(format!("{bitten} of {wanted} are seen")),
        };
        self.until(what, self.bites_within, cancel, done).await
    }

    /// Ends those that last before their time is over.
    pub(crate) fn lift(&self) {
        self.lift.cancel();
    }

    /// Waits until all are over and undone, at most so long, also when the test is over; how they went.
    pub(crate) async fn over(&self, within: Duration) -> Result<(), Failure> {
        let (what, never) = ("the faults to be undone", CancellationToken::new());
        let lasts = |_: &State| Look::Pending("they last, or are being undone".to_owned());
        self.until(what, within, &never, lasts).await
    }

    /// Why one of them failed.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.seen.lock().failure.clone()
    }

    /// When the first that lasts began.
    pub(crate) fn begun(&self) -> Option<Instant> {
        self.seen.lock().begun
    }

    async fn until(
        &self,
        what: &str,
        within: Duration,
        cancel: &CancellationToken,
        done: impl Fn(&State) -> Look<()>,
    ) -> Result<(), Failure> {
        let deadline = Deadline::after(within).every(LOOK_EVERY);
        let waited = wait::until(what, deadline, cancel, |_| async {
            let state = self.seen.lock();
            let look = if state.ended {
                Look::Done(())
            } else {
                done(&state)
            };
            if let Look::Pending(last) = &look {
                self.context.waiting(what, last);
            }
            Ok::<_, WaitError>(look)
        });
        // That one failed is why a wait is cancelled.
        let waited = waited.await.map_err(Failure::infrastructure);
        match self.failure() {
            Some(failure) => Err(failure),
            None => waited,
        }
    }
}

impl Work {
    /// Does one wave, from its time until it is undone.
    async fn wave(&self, wave: &Wave, begin: Instant) {
        if let Err(failure) = self.done(wave, begin).await {
            let mut state = self.seen.lock();
            state.failure.get_or_insert(failure);
            drop(state);
            // Nothing that is seen without it says anything.
            self.context.cancel.cancel();
        }
    }

    async fn done(&self, wave: &Wave, begin: Instant) -> Result<(), Failure> {
        if !self.reached(begin + self.time.slots(wave.after)).await {
            return Ok(());
        }
        if let Does::Change(change) = wave.does {
            return self.changed(wave, change).await;
        }
        let loaded = self.loaded(wave)?;
        let clean_up = self.context.must_clean_up(format!("fault {}", wave.name));
        let run = Run {
            network: &self.network,
            helm: &self.tools.helm,
            chart: &self.tools.chart,
            loaded: &loaded,
            name: wave.name,
            seed: self.context.seed,
            decided: &|_| {},
        };
        let cancel = &self.lift;
        let done = experiment::run(&run, &self.reporter(wave), cancel).await;
        if done.as_ref().err().is_none_or(ChaosError::left_nothing) {
            clean_up.proved();
        }
        match done {
            Err(error) if error.did_not_bite() => {
                self.tell(wave, FaultState::DoesNotBite, None, Some(chain(&error)));
                Err(failure(error))
            }
            // It was undone because something else failed, or the test is over.
            Err(error) if cancel.is_cancelled() && !error.is_of_undoing() => Ok(()),
            done => done.map_err(failure),
        }
    }

    /// Waits for a time; whether it came before the test was over.
    async fn reached(&self, at: Instant) -> bool {
        let cancel = &self.context.cancel;
        let left = at.saturating_duration_since(Instant::now());
        let deadline = Deadline::after(left + LOOK_EVERY * 8).every(LOOK_EVERY);
        let waited = wait::until("the fault's turn", deadline, cancel, |_| async {
            Ok::<_, WaitError>(if Instant::now() >= at {
                Look::Done(())
            } else {
                Look::Pending("not yet".to_owned())
            })
        });
        waited.await.is_ok()
    }

    fn loaded(&self, wave: &Wave) -> Result<Loaded, Failure> {
        let cast = Cast {
            facts: &self.facts,
            time: self.time,
            seed: self.context.seed,
        };
        let values = wave.values(&cast);
        let values = values.ok_or_else(|| {
            Failure::Infrastructure(format!(
                "{} is no fault of the chart aztec-chaos",
                wave.name
            ))
        })?;
        let inline = [Layer {
            origin: format!("fault {}", wave.name),
            values: values.overlay,
        }];
        let request = Request {
            chart: &self.tools.chart,
            preset: values.preset,
            inline: &inline,
            files: &[],
            sets: &[],
        };
        load::load(&request).map_err(Failure::infrastructure)
    }

    fn reporter(&self, wave: &Wave) -> Reporter {
        let (context, seen, wave) = (self.context.clone(), self.seen.clone(), *wave);
        Arc::new(move |transition| {
            let mut state = seen.lock();
            match transition.stage {
                // Its time counts from here, however late it is injected.
                Stage::Requested if !wave.is_over_at_once() => {
                    state.begun.get_or_insert_with(Instant::now);
                }
                Stage::Biting => state.bitten += 1,
                _ => {}
            }
            drop(state);
            context.step(transition.to_string());
            if let Some(seen) = observation(&wave, transition) {
                context.observed(seen);
            }
        })
    }

    fn tell(
        &self,
        wave: &Wave,
        state: FaultState,
        asked: Option<String>,
        measured: Option<String>,
    ) {
        self.context.observed(told(wave, state, asked, measured));
    }
}

/// What is done, at most, before a wave does what it is seen by.
fn ahead(wave: &Wave, time: ProtocolTime) -> Duration {
    match wave.does {
        Does::Change(change) => change.ahead(time),
        Does::Preset(..) | Does::To(..) => Duration::ZERO,
    }
}

fn told(
    wave: &Wave,
    state: FaultState,
    asked: Option<String>,
    measured: Option<String>,
) -> Observation {
    Observation::Fault {
        name: wave.experiment().to_owned(),
        about: wave.words(),
        state,
        asked: asked.unwrap_or_else(|| wave.words()),
        measured,
    }
}

/// What is to be told of a transition, if it changes the fault's state.
fn observation(wave: &Wave, transition: &Transition) -> Option<Observation> {
    let state = match transition.stage {
        Stage::Requested => FaultState::Injected,
        Stage::Biting => FaultState::Bites,
        Stage::Healed => FaultState::Healed,
        Stage::Injected | Stage::Clean => return None,
    };
    let pods = &transition.pods;
    let asked = pods.first().map(|first| first.asked.clone());
    let words = |one: &Measurement| format!("{}: {}", one.pod, one.measured);
    let measured: Vec<String> = pods.iter().map(words).collect();
    let measured = (!measured.is_empty()).then(|| measured.join("; "));
    Some(told(wave, state, asked, measured))
}

/// What a fault that was not done, or not undone, means for the test.
fn failure(error: ChaosError) -> Failure {
    if error.is_inability() {
        return Failure::skipped(error);
    }
    let why = if error.did_not_bite() {
        "fault did not bite"
    } else if error.is_of_undoing() {
        "fault was not undone"
    } else {
        "fault was not done"
    };
    Failure::Fault(format!("{why}: {}", chain(&error)))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::condition::CONDITIONS;

    fn wait() -> WaitError {
        WaitError::TimedOut {
            what: "x".to_owned(),
            waited: Duration::from_secs(20),
            last: "reachable".to_owned(),
        }
    }

    /// The worst way to be fooled: a network that passes because nothing was done to it.
    #[test]
    fn a_fault_that_does_not_bite_is_never_the_networks_failure() {
        let experiment = "cut".to_owned();
        let never = failure(ChaosError::NeverBit {
            experiment: experiment.clone(),
            wait: wait(),
        });
        assert!(
            matches!(&never, Failure::Fault(words) if words.starts_with("fault did not bite: cut") && words.contains("last seen: reachable")),
            "{never}"
        );
        let left = failure(ChaosError::NotHealed {
            experiment: experiment.clone(),
            wait: wait(),
        });
        assert!(
            matches!(&left, Failure::Fault(words) if words.starts_with("fault was not undone"))
        );
        let unable = failure(ChaosError::Unmeasured {
            experiment,
            fault: "corrupt".to_owned(),
        });
        assert!(matches!(unable, Failure::Skipped(_)), "{unable}");
    }

    #[test]
    fn what_is_measured_is_told_with_what_was_asked() {
        let wave = &CONDITIONS
            .iter()
            .find(|condition| condition.name == "lossy-links")
            .expect("a condition")
            .waves[0];
        let transition = |stage| Transition {
            at: Timestamp::UNIX_EPOCH,
            slot: None,
            epoch: None,
            experiment: "lossy-links".to_owned(),
            stage,
            pods: vec![Measurement {
                pod: "validator-0".to_owned(),
                asked: "5 % lost".to_owned(),
                measured: "4 % lost".to_owned(),
            }],
        };
        let bites = observation(wave, &transition(Stage::Biting));
        let expected = Observation::Fault {
            name: "lossy-links".to_owned(),
            about: wave.words(),
            state: FaultState::Bites,
            asked: "5 % lost".to_owned(),
            measured: Some("validator-0: 4 % lost".to_owned()),
        };
        assert_eq!(bites, Some(expected));
        assert_eq!(observation(wave, &transition(Stage::Clean)), None);
    }
}
