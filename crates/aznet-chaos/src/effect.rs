//! What a fault must be seen by. Pure: pods before and now in, a verdict with the words for it out.

mod figures;
mod lateness;
mod skew;
mod twice;

use std::time::Duration;

use aznet_model::chaos::{
    Direction, Experiment, Fault, L1Action, L1Fault, NetworkAction, PodAction,
};

pub(crate) use self::figures::{Load, Narrow};
pub(crate) use self::lateness::{Answers, Lateness};
pub(crate) use self::skew::Skew;
pub(crate) use self::twice::Twice;
use crate::pods::{Pods, Seen};
use crate::settings;
use crate::verdict::Verdict;

/// A container has half a minute to end before it is killed.
const BITE: Duration = Duration::from_mins(1);
/// Rules are in force at once; a look at all connections takes seconds.
const BITE_OF_NETWORK: Duration = Duration::from_secs(20);

/// What a fault must be seen by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// The pod of this name is another one, or gone.
    Replaced,
    /// The pod does not serve, and what runs in it is something else.
    Idle,
    /// Containers of the pod are other ones.
    Restarted,
    /// Connections of the pod are impossible.
    Cut {
        /// Which packets are dropped.
        direction: Direction,
        /// Whether only those from and to some pods are.
        targeted: bool,
    },
    /// Less gets out of the pod.
    Narrow(Narrow),
    /// Others answer the pod later, or not at once.
    Late(Lateness),
    /// Packets come twice.
    Twice(Twice),
    /// The pod uses more.
    Load(Load),
    /// Its clock is wrong.
    Skewed(Skew),
    /// The pod was told so, and says that it is so.
    Called {
        /// What it is told, in words.
        asked: String,
        /// Whether it lasts.
        lasts: bool,
        /// In how much time it shows, beside the usual.
        shows_in: Duration,
    },
}

impl Effect {
    /// What the experiment's fault must be seen by; none of what nothing can be seen of yet.
    pub(crate) fn of(experiment: &Experiment) -> Option<Self> {
        match experiment.fault()? {
            Fault::Pod(fault) => Some(match fault.action {
                PodAction::Kill => Self::Replaced,
                PodAction::Failure => Self::Idle,
                PodAction::ContainerKill => Self::Restarted,
            }),
            Fault::Network(fault) => match fault.action {
                NetworkAction::Partition => Some(Self::Cut {
                    direction: fault.direction.unwrap_or(Direction::To),
                    targeted: fault.target.is_some(),
                }),
                NetworkAction::Bandwidth => fault
                    .bytes_per_second()
                    .map(|rate| Self::Narrow(Narrow(rate))),
                NetworkAction::Duplicate => Some(Self::Twice(Twice::of(fault))),
                NetworkAction::Delay | NetworkAction::Loss | NetworkAction::Corrupt => {
                    Lateness::of(fault).map(Self::Late)
                }
            },
            Fault::Stress(fault) => Some(Self::Load(Load::of(fault))),
            Fault::Clock(fault) => Skew::of(fault).map(Self::Skewed),
            Fault::Io(_) | Fault::Dns(_) | Fault::Http(_) => None,
            Fault::Protocol(fault) => Some(Self::Called {
                asked: settings::words(&fault.action.settings()),
                lasts: true,
                shows_in: Duration::ZERO,
            }),
            Fault::L1(fault) => Some(Self::Called {
                asked: of_l1(fault),
                lasts: fault.action != L1Action::Reorg,
                shows_in: Duration::from_secs(fault.seconds().unwrap_or_default()) * 3,
            }),
        }
    }

    /// In how much time it must be seen.
    pub(crate) fn limit(&self) -> Duration {
        match self {
            Self::Cut { .. } | Self::Narrow(_) | Self::Late(_) | Self::Twice(_) => BITE_OF_NETWORK,
            Self::Called { shows_in, .. } => BITE + *shows_in,
            _ => BITE,
        }
    }

    /// Whether it lasts, or is over as soon as it is done.
    pub(crate) const fn lasts(&self) -> bool {
        match self {
            Self::Called { lasts, .. } => *lasts,
            _ => !matches!(self, Self::Replaced | Self::Restarted),
        }
    }

    /// For how long it may not be seen while it lasts: a machine that is busy with something else leaves load nothing.
    pub(crate) const fn patience(&self) -> Duration {
        match self {
            Self::Load(_) | Self::Late(_) | Self::Twice(_) => Duration::from_secs(15),
            // Blocks come late now and then.
            Self::Called { .. } => Duration::from_secs(5),
            _ => Duration::ZERO,
        }
    }

    /// Whether it shows without a measurement in a pod, and leaves nothing in its network namespace.
    pub(crate) const fn is_of_pods(&self) -> bool {
        matches!(
            self,
            Self::Replaced | Self::Idle | Self::Restarted | Self::Called { .. }
        )
    }

    /// What is asked for, in words.
    pub(crate) fn asked(&self) -> String {
        match self {
            Self::Replaced => "another pod".to_owned(),
            Self::Idle => "not ready, with another image".to_owned(),
            Self::Restarted => "other containers".to_owned(),
            Self::Cut {
                direction,
                targeted,
            } => {
                let whom = if *targeted { "the target" } else { "anyone" };
                let packets = match direction {
                    Direction::To => "no packet to",
                    Direction::From => "no packet from",
                    Direction::Both => "no packet from or to",
                };
                format!("{packets} {whom}")
            }
            Self::Narrow(narrow) => narrow.asked(),
            Self::Late(lateness) => lateness.asked(),
            Self::Twice(twice) => twice.asked(),
            Self::Load(load) => load.asked(),
            Self::Skewed(skew) => skew.asked(),
            Self::Called { asked, .. } => asked.clone(),
        }
    }

    /// Whether the fault bites a pod.
    pub(crate) fn bites(&self, before: &Seen, now: Option<&Seen>) -> Verdict {
        let Some(now) = now else {
            return match self {
                Self::Replaced => Ok("gone".to_owned()),
                _ => Err("gone".to_owned()),
            };
        };
        match self {
            Self::Replaced if now.uid != before.uid => Ok("replaced".to_owned()),
            Self::Replaced => Err("still the same pod".to_owned()),
            _ if now.uid != before.uid => Err("another pod by now".to_owned()),
            Self::Restarted => restarted(before, now),
            _ => idle(before, now),
        }
    }
}

/// Whether a pod that was hit is as it was before, or another does its work.
pub(crate) fn healed(name: &str, before: &Pods, now: &Pods) -> Verdict {
    let Some(was) = before.get(name) else {
        return Err("it was never there".to_owned());
    };
    match now.get(name) {
        Some(pod) if !pod.ready => Err("not ready".to_owned()),
        Some(pod) => same_images(was, pod),
        None => {
            let peers = |pods: &Pods| {
                let peers = pods.values().filter(|pod| pod.is_peer_of(was));
                peers.filter(|pod| pod.ready).count()
            };
            let (wanted, there) = (peers(before), peers(now));
            let words = format!("{there} of {wanted} pods that do its work are ready");
            if there >= wanted {
                Ok(words)
            } else {
                Err(words)
            }
        }
    }
}

/// What is asked of the L1, in words.
fn of_l1(fault: &L1Fault) -> String {
    match fault.action {
        L1Action::Paused => "no blocks".to_owned(),
        L1Action::Slow => format!(
            "{} s between two blocks",
            fault.seconds().unwrap_or_default()
        ),
        L1Action::Reorg => format!(
            "other blocks for the last {}",
            fault.depth.unwrap_or_default()
        ),
        L1Action::BaseFee => format!("{} gwei", fault.gwei.unwrap_or_default()),
    }
}

/// Its containers run something else, and it does not serve.
fn idle(before: &Seen, now: &Seen) -> Verdict {
    let containers = before.containers.iter();
    let same: Vec<&str> = containers
        .filter(|(name, was)| {
            let runs = now.containers.get(*name);
            runs.is_some_and(|runs| runs.image == was.image)
        })
        .map(|(name, _)| name.as_str())
        .collect();
    if !same.is_empty() {
        return Err(format!("{} as before", same.join(", ")));
    }
    if now.ready {
        return Err("ready".to_owned());
    }
    let images = now.containers.values().map(|runs| runs.image.as_str());
    Ok(format!(
        "not ready, runs {}",
        images.collect::<Vec<_>>().join(", ")
    ))
}

fn restarted(before: &Seen, now: &Seen) -> Verdict {
    let is_new = |(name, was): &(&String, &crate::pods::Container)| {
        let runs = now.containers.get(*name);
        runs.is_some_and(|runs| runs.id != was.id && runs.restarts > was.restarts)
    };
    let new: Vec<&str> = (before.containers.iter())
        .filter(is_new)
        .map(|(name, _)| name.as_str())
        .collect();
    if new.is_empty() {
        return Err("the same containers".to_owned());
    }
    Ok(format!("{} restarted", new.join(", ")))
}

fn same_images(before: &Seen, now: &Seen) -> Verdict {
    let others = before.containers.iter().find_map(|(name, was)| {
        let runs = &now.containers.get(name)?.image;
        (*runs != was.image).then(|| format!("{name} runs {runs}"))
    });
    others.map_or_else(|| Ok("ready".to_owned()), Err)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::pods::Container;

    fn pod(uid: &str, image: &str, id: &str, ready: bool) -> Seen {
        let container = Container {
            image: image.to_owned(),
            id: id.to_owned(),
            restarts: i32::from(id != "1"),
        };
        Seen {
            uid: uid.to_owned(),
            ready,
            containers: BTreeMap::from([("aztec".to_owned(), container)]),
            ..Seen::default()
        }
    }

    #[test]
    fn a_failure_bites_when_the_pod_neither_serves_nor_runs_what_it_ran() {
        let before = pod("a", "aztec:1", "1", true);
        let bites = |now: &Seen| Effect::Idle.bites(&before, Some(now));
        assert!(bites(&before).is_err());
        // What Chaos Mesh calls injected: the pod is told, and nothing has happened to it.
        assert!(bites(&pod("a", "aztec:1", "1", false)).is_err());
        assert!(bites(&pod("a", "pause", "2", true)).is_err());
        assert!(bites(&pod("b", "pause", "2", false)).is_err());
        assert_eq!(
            bites(&pod("a", "pause", "2", false)).as_deref(),
            Ok("not ready, runs pause")
        );
        assert!(Effect::Idle.bites(&before, None).is_err());
    }

    #[test]
    fn a_kill_bites_when_the_pod_is_another_one() {
        let before = pod("a", "aztec:1", "1", true);
        let bites = |now: Option<&Seen>| Effect::Replaced.bites(&before, now);
        assert!(bites(Some(&before)).is_err());
        assert!(bites(Some(&pod("a", "aztec:1", "2", false))).is_err());
        assert!(bites(Some(&pod("b", "aztec:1", "2", false))).is_ok());
        assert!(bites(None).is_ok());
    }

    #[test]
    fn a_container_kill_bites_when_the_container_was_started_again() {
        let before = pod("a", "aztec:1", "1", true);
        let bites = |now: &Seen| Effect::Restarted.bites(&before, Some(now));
        assert!(bites(&before).is_err());
        assert!(bites(&pod("a", "aztec:1", "2", false)).is_ok());
        assert!(bites(&pod("b", "aztec:1", "2", false)).is_err());
    }

    #[test]
    fn a_pod_is_healed_when_it_serves_as_before_or_others_do() {
        let before = Pods::from([("x-0".to_owned(), pod("a", "aztec:1", "1", true))]);
        let verdict = |name: &str, now: Seen| {
            let now = Pods::from([(name.to_owned(), now)]);
            healed("x-0", &before, &now)
        };
        assert!(verdict("x-0", pod("a", "aztec:1", "3", true)).is_ok());
        assert!(verdict("x-0", pod("a", "aztec:1", "3", false)).is_err());
        assert!(verdict("x-0", pod("a", "pause", "2", true)).is_err());
        assert!(verdict("x-9", pod("b", "aztec:1", "1", true)).is_ok());
        assert!(verdict("x-9", pod("b", "aztec:1", "1", false)).is_err());
    }
}
