//! Tells early that a deployment can't succeed, and why.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    time::{Duration, Instant},
};

use aznet_model::role::Role;
use jiff::Timestamp;

use crate::observe::watch::{Snapshot, Workload};

use crate::observe::pods::{Phase, PodState};

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

impl Cause {
    fn is_no_machine(&self) -> bool {
        matches!(
            self,
            Self::Pod {
                phase: Phase::Unscheduled { .. },
                ..
            }
        )
    }
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

/// Remembers how long each thing has been stuck, and how often pods had been restarted when they were first seen.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    begun: Option<Timestamp>,
    since: HashMap<String, Instant>,
    restarts: HashMap<(String, Option<Timestamp>), u32>,
    /// Pods that had a machine.
    placed: usize,
}

/// How long a controller may fail to make pods.
const PATIENCE_WITHOUT_PODS: Duration = Duration::from_secs(20);
/// How long a pod that crashed before the change may stay as it is: the kubelet tries again after 5 minutes at most.
const PATIENCE_WITH_THE_PAST: Duration = Duration::from_mins(6);

impl Watchdog {
    /// One that watches a change begun at `begun`: what crashed before is not its fault.
    pub(super) fn since(begun: Timestamp) -> Self {
        Self {
            begun: Some(begun),
            ..Self::default()
        }
    }

    /// The first thing that has been stuck for longer than it may be.
    pub(super) fn look(&mut self, snapshot: &Snapshot, now: Instant) -> Option<Cause> {
        for pod in &snapshot.pods {
            let first = (pod.name.clone(), pod.created);
            self.restarts.entry(first).or_insert(pod.restarts);
        }
        let placed = snapshot.pods.iter().filter(|pod| has_machine(pod)).count();
        // The scheduler is at it, one pod after the other; it tries again those that it found no place for.
        let placing = placed > std::mem::replace(&mut self.placed, placed);
        let mut stuck = self.stuck(snapshot);
        stuck.retain(|(.., cause)| !(placing && cause.is_no_machine()));
        let names: HashSet<&str> = stuck.iter().map(|(name, ..)| name.as_str()).collect();
        self.since.retain(|name, _| names.contains(name.as_str()));
        stuck.into_iter().find_map(|(name, patience, cause)| {
            let since = *self.since.entry(name).or_insert(now);
            (now.duration_since(since) >= patience).then_some(cause)
        })
    }

    /// How often a pod was restarted since it was first seen.
    fn crashes(&self, pod: &PodState) -> u32 {
        let first = self.restarts.get(&(pod.name.clone(), pod.created));
        pod.restarts.saturating_sub(first.copied().unwrap_or(0))
    }

    fn patience(&self, pod: &PodState) -> Option<Duration> {
        if let (Phase::Crashed { at: Some(at), .. }, Some(begun)) = (&pod.phase, self.begun)
            && *at < begun
        {
            return Some(PATIENCE_WITH_THE_PAST);
        }
        pod.phase.patience(self.crashes(pod))
    }

    /// What is stuck now: a name for it, how long it may be so, and the cause.
    fn stuck(&self, snapshot: &Snapshot) -> Vec<(String, Duration, Cause)> {
        let pods = snapshot
            .pods
            .iter()
            .filter_map(|pod| Some(stuck_pod(pod, self.patience(pod)?)));
        let workloads = snapshot.workloads.iter().filter_map(without_pods);
        pods.chain(workloads).collect()
    }
}

fn has_machine(pod: &PodState) -> bool {
    !matches!(
        pod.phase,
        Phase::Unscheduled { .. } | Phase::VolumePending { .. }
    )
}

fn stuck_pod(pod: &PodState, patience: Duration) -> (String, Duration, Cause) {
    let name = format!("{} {:?}", pod.name, std::mem::discriminant(&pod.phase));
    let cause = Cause::Pod {
        pod: pod.name.clone(),
        role: pod.role,
        phase: pod.phase.clone(),
        restarts: pod.restarts,
        detail: None,
    };
    (name, patience, cause)
}

fn without_pods(workload: &Workload) -> Option<(String, Duration, Cause)> {
    let reason = workload
        .trouble
        .clone()
        .filter(|_| workload.pods < workload.wanted)?;
    let cause = Cause::NoPods {
        workload: workload.name.clone(),
        reason,
    };
    Some((workload.name.clone(), PATIENCE_WITHOUT_PODS, cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(phase: Phase, restarts: u32) -> Snapshot {
        let pod = PodState {
            name: "validator-0".into(),
            role: Role::Validator,
            group: None,
            phase,
            restarts,
            created: None,
        };
        Snapshot {
            pods: vec![pod],
            ..Snapshot::default()
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

    /// Of 1,000 pods that were to be spread evenly, one found no machine for 20 s while others still did.
    #[test]
    fn a_pod_without_a_machine_is_not_stuck_while_others_find_theirs() {
        let mut dog = Watchdog::default();
        let start = Instant::now();
        let waiting = |count: usize| {
            let of = |phase| pod(phase, 0).pods.remove(0);
            let mut pods = vec![of(unschedulable()); count];
            pods.resize(9, of(Phase::Ready));
            Snapshot {
                pods,
                ..Snapshot::default()
            }
        };
        for (seconds, count) in [(0, 9), (15, 8), (30, 3), (45, 1), (46, 1), (65, 1)] {
            let at = start + Duration::from_secs(seconds);
            assert_eq!(dog.look(&waiting(count), at), None, "{seconds}");
        }
        let cause = dog.look(&waiting(1), start + Duration::from_secs(66));
        assert!(cause.is_some(), "nothing moves for 20 s");
    }

    fn crashed(exit_code: i32) -> Phase {
        Phase::Crashed {
            exit_code,
            message: "the L1 did not answer for 120s".into(),
            at: None,
        }
    }

    #[test]
    fn a_crash_loop_fails_with_its_message_after_a_few_restarts() {
        let mut dog = Watchdog::default();
        let now = Instant::now();
        assert_eq!(
            dog.look(&pod(Phase::Starting { since: None }, 0), now),
            None
        );
        for restarts in 1..=3 {
            assert_eq!(
                dog.look(&pod(crashed(1), restarts), now),
                None,
                "{restarts}"
            );
        }
        let cause = dog.look(&pod(crashed(1), 4), now).expect("a loop");
        assert_eq!(
            cause.to_string(),
            "validator-0: ended with exit code 1: the L1 did not answer for 120s (restarted 4 times)"
        );
    }

    #[test]
    fn what_no_restart_mends_fails_at_the_first_crash() {
        let cause = Watchdog::default().look(&pod(crashed(78), 0), Instant::now());
        assert!(cause.is_some());
    }

    #[test]
    fn restarts_of_the_past_do_not_count() {
        let mut dog = Watchdog::default();
        let start = Instant::now();
        assert_eq!(dog.look(&pod(Phase::Ready, 17), start), None);
        assert_eq!(dog.look(&pod(crashed(1), 18), start), None);
        assert_eq!(dog.look(&pod(Phase::Ready, 18), start), None);
        let mut other = Watchdog::default();
        assert_eq!(other.look(&pod(crashed(1), 17), start), None);
        let later = start + Duration::from_secs(90);
        assert!(
            other.look(&pod(crashed(1), 17), later).is_some(),
            "left alone by Kubernetes for minutes"
        );
    }

    /// C17: after the mistake was mended the same `up` failed within 2 s on the crash from before.
    #[test]
    fn only_crashes_newer_than_the_command_count() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let crashed = |at| {
            let message = "one file is no key store".into();
            pod(
                Phase::Crashed {
                    exit_code: 78,
                    message,
                    at,
                },
                3,
            )
        };
        let begun: Timestamp = "2026-01-01T00:10:00Z".parse().unwrap();
        let mut dog = Watchdog::since(begun);
        let start = Instant::now();
        let before = crashed(at("2026-01-01T00:09:00Z"));
        assert_eq!(dog.look(&before, start), None);
        let back_off = start + Duration::from_mins(5);
        assert_eq!(dog.look(&before, back_off), None, "the kubelet's back-off");
        let after = crashed(at("2026-01-01T00:15:00Z"));
        assert!(dog.look(&after, back_off).is_some());
        let mut other = Watchdog::since(begun);
        assert_eq!(other.look(&before, start), None);
        let never = start + PATIENCE_WITH_THE_PAST;
        assert!(
            other.look(&before, never).is_some(),
            "nothing starts it again"
        );
    }

    #[test]
    fn a_new_pod_of_the_same_name_starts_anew() {
        let mut dog = Watchdog::default();
        let now = Instant::now();
        assert_eq!(dog.look(&pod(Phase::Ready, 17), now), None);
        let mut next = pod(Phase::Starting { since: None }, 0);
        next.pods[0].created = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(dog.look(&next, now), None);
        next.pods[0].phase = crashed(1);
        next.pods[0].restarts = 4;
        assert!(dog.look(&next, now).is_some());
    }

    #[test]
    fn pods_that_are_never_made_have_a_cause_too() {
        let workload = Workload {
            name: "StatefulSet/validator".into(),
            wanted: 4,
            current: 0,
            pods: 0,
            trouble: Some("exceeded quota".into()),
        };
        let snapshot = Snapshot {
            workloads: vec![workload],
            ..Snapshot::default()
        };
        let mut dog = Watchdog::default();
        let start = Instant::now();
        assert_eq!(dog.look(&snapshot, start), None);
        let cause = dog
            .look(&snapshot, start + PATIENCE_WITHOUT_PODS)
            .expect("too long");
        assert_eq!(
            cause.to_string(),
            "StatefulSet/validator can't make its pods: exceeded quota"
        );
    }
}
