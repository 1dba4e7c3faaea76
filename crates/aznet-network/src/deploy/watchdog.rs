//! Tells early that a deployment can't succeed, and why.

use std::{
    collections::HashMap,
    fmt,
    time::{Duration, Instant},
};

use super::watch::{Picture, Workload};
use crate::{nodes::Phase, role::Role};

/// What keeps a deployment from succeeding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A pod is stuck.
    Pod {
        /// Its name.
        pod: String,
        /// Its role.
        role: Role,
        /// How it is stuck.
        phase: Phase,
        /// How often it was restarted.
        restarts: u32,
        /// More about it, e.g. how much memory is missing.
        detail: Option<String>,
    },
    /// Pods of a workload aren't even made.
    NoPods {
        /// `StatefulSet/validator`.
        workload: String,
        /// The controller's words.
        reason: String,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod {
                pod,
                phase,
                restarts,
                detail,
                ..
            } => {
                write!(f, "{pod}: {phase}")?;
                if *restarts > 0 {
                    write!(f, " (restarted {restarts} times)")?;
                }
                detail
                    .as_ref()
                    .map_or(Ok(()), |detail| write!(f, "; {detail}"))
            }
            Self::NoPods { workload, reason } => {
                write!(f, "{workload} can't make its pods: {reason}")
            }
        }
    }
}

/// Remembers how long each thing has been stuck.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    since: HashMap<String, Instant>,
}

/// How long a controller may fail to make pods.
const PATIENCE_WITHOUT_PODS: Duration = Duration::from_secs(20);

impl Watchdog {
    /// The first thing that has been stuck for longer than it may be.
    pub(super) fn look(&mut self, picture: &Picture, now: Instant) -> Option<Cause> {
        let stuck = stuck(picture);
        self.since
            .retain(|name, _| stuck.iter().any(|(stuck, ..)| stuck == name));
        stuck.into_iter().find_map(|(name, patience, cause)| {
            let since = *self.since.entry(name).or_insert(now);
            (now.duration_since(since) >= patience).then_some(cause)
        })
    }
}

/// What is stuck now: a name for it, how long it may be so, and the cause.
fn stuck(picture: &Picture) -> Vec<(String, Duration, Cause)> {
    let pods = picture.pods.iter().filter_map(|pod| {
        let patience = pod.phase.patience(pod.restarts)?;
        let cause = Cause::Pod {
            pod: pod.name.clone(),
            role: pod.role,
            phase: pod.phase.clone(),
            restarts: pod.restarts,
            detail: None,
        };
        Some((
            format!("{} {:?}", pod.name, std::mem::discriminant(&pod.phase)),
            patience,
            cause,
        ))
    });
    let workloads = picture.workloads.iter().filter_map(|workload: &Workload| {
        let reason = workload
            .trouble
            .clone()
            .filter(|_| workload.pods < workload.wanted)?;
        let cause = Cause::NoPods {
            workload: workload.name.clone(),
            reason,
        };
        Some((workload.name.clone(), PATIENCE_WITHOUT_PODS, cause))
    });
    pods.chain(workloads).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::PodState;

    fn pod(phase: Phase, restarts: u32) -> Picture {
        let pod = PodState {
            name: "validator-0".into(),
            role: Role::Validator,
            phase,
            restarts,
            created: None,
        };
        Picture {
            pods: vec![pod],
            ..Picture::default()
        }
    }

    fn unschedulable() -> Phase {
        Phase::Unscheduled {
            reason: Some("0/1 nodes are available: 1 Insufficient memory.".into()),
        }
    }

    #[test]
    fn patience_runs_out_and_starts_anew_when_things_move() {
        let mut dog = Watchdog::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(dog.look(&pod(unschedulable(), 0), at(0)), None);
        assert_eq!(
            dog.look(&pod(Phase::Creating { trouble: None }, 0), at(19)),
            None
        );
        assert_eq!(dog.look(&pod(unschedulable(), 0), at(30)), None);
        let cause = dog
            .look(&pod(unschedulable(), 0), at(50))
            .expect("stuck for 20 s");
        assert_eq!(
            cause.to_string(),
            "validator-0: no machine can take it: 0/1 nodes are available: 1 Insufficient memory."
        );
    }

    #[test]
    fn a_crash_loop_fails_at_once_with_its_message() {
        let crashed = Phase::Crashed {
            exit_code: 3,
            message: "the L1 did not answer for 120s".into(),
        };
        let mut dog = Watchdog::default();
        assert_eq!(dog.look(&pod(crashed.clone(), 1), Instant::now()), None);
        let cause = dog.look(&pod(crashed, 2), Instant::now()).expect("a loop");
        assert_eq!(
            cause.to_string(),
            "validator-0: ended with exit code 3: the L1 did not answer for 120s (restarted 2 times)"
        );
    }

    #[test]
    fn pods_that_are_never_made_have_a_cause_too() {
        let workload = Workload {
            name: "StatefulSet/validator".into(),
            wanted: 4,
            settled: 0,
            pods: 0,
            trouble: Some("exceeded quota".into()),
        };
        let picture = Picture {
            workloads: vec![workload],
            ..Picture::default()
        };
        let mut dog = Watchdog::default();
        let start = Instant::now();
        assert_eq!(dog.look(&picture, start), None);
        let cause = dog
            .look(&picture, start + PATIENCE_WITHOUT_PODS)
            .expect("too long");
        assert_eq!(
            cause.to_string(),
            "StatefulSet/validator can't make its pods: exceeded quota"
        );
    }
}
