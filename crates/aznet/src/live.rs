//! A deployment as it goes on: the libraries' events as steps, with a line for every pod and what it waits for.

use std::sync::{Arc, Mutex, PoisonError};

use aznet_network::deploy::{Progress, Reporter};
use aznet_network::observe::pods::{Phase, PodState};
use jiff::Timestamp;
use owo_colors::OwoColorize;

use crate::interrupt::Interrupt;
use crate::steps::{Row, Step, Steps};
use crate::upgrading::unfit_secret;
use aznet_model::units::count;

/// Pods that have a line of their own, at most: more than that is on no screen.
const SHOWN: usize = 40;

/// Turns events of a deployment into steps.
#[derive(Debug, Clone)]
pub(crate) struct Live(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    steps: Steps,
    interrupt: Interrupt,
    network: String,
    stages: Vec<Stage>,
}

/// A step under way, and what to say when it is over.
#[derive(Debug)]
struct Stage {
    kind: Kind,
    step: Step,
    outcome: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Secrets,
    Chart,
    Pods,
    Chain,
}

impl Live {
    /// Nothing has happened yet.
    pub(crate) fn new(steps: &Steps, interrupt: &Interrupt, network: &str) -> Self {
        let state = State {
            steps: steps.clone(),
            interrupt: interrupt.clone(),
            network: network.to_owned(),
            stages: Vec::new(),
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Takes the events.
    pub(crate) fn reporter(&self) -> Reporter {
        let this = self.clone();
        Arc::new(move |progress| this.with(|state| state.take(&progress)))
    }

    /// The deployment ended, well or not.
    pub(crate) fn close(&self, well: bool) {
        self.with(|state| {
            for stage in state.stages.drain(..) {
                if well {
                    state.steps.end(&stage.step, stage.outcome);
                } else {
                    stage.step.abandon();
                }
            }
        });
    }

    fn with(&self, act: impl FnOnce(&mut State)) {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl State {
    fn take(&mut self, progress: &Progress) {
        match progress {
            Progress::Namespace { .. } | Progress::Removing { .. } => {}
            Progress::Lacks { unfit } => {
                self.enter(Kind::Secrets, "waiting for Secrets", "there");
                self.note(unfit.iter().map(unfit_secret));
            }
            Progress::Odd { warnings } => {
                let mark = "note:".yellow().bold().to_string();
                self.note(warnings.iter().map(|warning| format!("{mark} {warning}")));
            }
            Progress::Applying { release } => {
                self.end(Kind::Secrets);
                self.enter(
                    Kind::Chart,
                    &format!("applying the chart as {release}"),
                    "applied",
                );
            }
            Progress::Job { job, doing } => {
                let step = self.enter(Kind::Chart, "applying the chart", "applied");
                step.say(&format!("Job {job}: {doing}"));
            }
            Progress::Pods {
                wanted,
                pods,
                rolled_out,
                ..
            } => {
                self.end(Kind::Chart);
                self.pods(*wanted, pods);
                if *rolled_out {
                    self.end(Kind::Pods);
                }
            }
            Progress::Chain { seen, moving, .. } => {
                let step = self.enter(Kind::Chain, "asking for checkpoints", seen);
                if *moving {
                    self.end(Kind::Chain);
                } else {
                    step.say(&format!("waiting for a checkpoint: {seen}"));
                }
            }
        }
    }

    fn note(&self, lines: impl Iterator<Item = String>) {
        lines.for_each(|line| self.steps.note(line));
    }

    fn pods(&mut self, wanted: u32, pods: &[PodState]) {
        self.interrupt.leaves(
            format!(
                "network {} keeps running, and is not ready yet",
                self.network
            ),
            format!(
                "`aznet status {0}` shows its progress, `aznet down {0}` removes it",
                self.network
            ),
        );
        let ready = pods.iter().filter(|pod| pod.phase.is_ready()).count();
        let text = format!("{ready} of {wanted} ready");
        let outcome = format!("{} ready", count(pods.len(), "pod"));
        let step = self.enter(Kind::Pods, &text, &outcome);
        step.say(&text);
        step.show(&rows(pods, Timestamp::now()));
    }

    /// The step of this kind, begun now if it is not under way.
    fn enter(&mut self, kind: Kind, doing: &str, outcome: &str) -> Step {
        if let Some(stage) = self.stages.iter_mut().find(|stage| stage.kind == kind) {
            outcome.clone_into(&mut stage.outcome);
            return stage.step.clone();
        }
        let name = match kind {
            Kind::Secrets => "secrets",
            Kind::Chart => "chart",
            Kind::Pods => "pods",
            Kind::Chain => "chain",
        };
        let step = self.steps.begin(name, doing);
        self.stages.push(Stage {
            kind,
            step: step.clone(),
            outcome: outcome.to_owned(),
        });
        step
    }

    /// The step of this kind went well, if it is under way.
    fn end(&mut self, kind: Kind) {
        if let Some(at) = self.stages.iter().position(|stage| stage.kind == kind) {
            let stage = self.stages.remove(at);
            self.steps.end(&stage.step, stage.outcome);
        }
    }
}

/// A line for each pod; of many only for the first that do not serve yet.
fn rows(pods: &[PodState], now: Timestamp) -> Vec<Row> {
    let few = pods.len() <= SHOWN;
    let told = pods.iter().filter(|pod| few || !pod.phase.is_ready());
    let told: Vec<&PodState> = told.take(SHOWN).collect();
    let width = told.iter().map(|pod| pod.name.len()).max();
    let width = width.unwrap_or_default();
    told.into_iter().map(|pod| row(pod, width, now)).collect()
}

/// A pod and what it does, in a line.
fn row(pod: &PodState, width: usize, now: Timestamp) -> Row {
    let words = pod.phase.words(now);
    let name = format!("{:width$}", pod.name);
    let restarts = match pod.restarts {
        0 => String::new(),
        n => format!(
            " ({} so far)",
            count(usize::try_from(n).unwrap_or(usize::MAX), "restart")
        )
        .yellow()
        .to_string(),
    };
    let trouble = matches!(
        pod.phase,
        Phase::Crashed { .. } | Phase::ImageMissing { .. }
    );
    let text = match pod.phase {
        Phase::Ready => format!("{} {name} {}{restarts}", "✓".green(), words.green()),
        _ if trouble => {
            format!("{} {name} {}{restarts}", "✗".red(), words.red())
        }
        _ => format!("{} {name} {}{restarts}", "·".dimmed(), words.dimmed()),
    };
    Row {
        key: pod.name.clone(),
        text,
        trouble,
    }
}

#[cfg(test)]
mod tests {
    use aznet_model::role::Role;

    use super::*;

    fn pods(count: usize, ready: usize) -> Vec<PodState> {
        let pod = |n| PodState {
            name: format!("validator-{n}"),
            role: Role::Validator,
            group: None,
            phase: if n < ready {
                Phase::Ready
            } else {
                Phase::Creating { trouble: None }
            },
            restarts: 0,
            created: None,
        };
        (0..count).map(pod).collect()
    }

    #[test]
    fn of_many_pods_only_those_that_do_not_serve_have_a_line() {
        let shown = |count, ready| {
            let rows = rows(&pods(count, ready), Timestamp::UNIX_EPOCH);
            let first = rows.first().map(|row| row.key.clone());
            (rows.len(), first.unwrap_or_default())
        };
        assert_eq!(shown(SHOWN, 5), (SHOWN, "validator-0".to_owned()));
        assert_eq!(shown(1_000, 300), (SHOWN, "validator-300".to_owned()));
        assert_eq!(shown(1_000, 999), (1, "validator-999".to_owned()));
        assert_eq!(shown(1_000, 1_000).0, 0);
    }
}
