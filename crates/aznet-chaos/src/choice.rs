//! Whom a fault hits and when it begins, where only the protocol or chance tells: both are decided before anything is
//! applied, and written into the experiments, which say no more than what Chaos Mesh understands then.

use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look};
use aznet_model::chain::{Epoch, Slot};
use aznet_model::chaos::{EpochAt, Experiment, Loaded, Pods as Wanted, Share, When};
use aznet_model::timing::Moment;
use aznet_network::namespace::Network;
use aznet_network::validators::{self, Address, Validators};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::begin::{Begin, Turning};
use crate::chain::Chain;
use crate::decided::Decided;
use crate::error::ChaosError;
use crate::pods::Pods;
use crate::proving;
use crate::target;

/// Slots from the choice until the fault begins: so long the pods are looked at first.
const AHEAD: u64 = 3;
/// Epochs in which a validator of a small set has its turn.
const TURNS: u32 = 6;
/// How often it is looked whose turn it is.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The label that names a pod of a StatefulSet.
const NAMED: &str = "statefulset.kubernetes.io/pod-name";

/// What is decided.
#[derive(Debug)]
pub(crate) struct Settled {
    /// The experiments, with the pods by name.
    pub(crate) loaded: Loaded,
    /// When they begin; at once where nothing was said.
    pub(crate) begin: Option<Begin>,
}

impl Settled {
    pub(crate) fn decided(&self, chain: Option<&Chain>) -> Decided {
        let place = chain.map(|chain| {
            let now = chain.now();
            let slot = match &self.begin {
                Some(Begin::Slot(turning)) => turning.slot,
                _ => now.slot,
            };
            slot.0 % now.epoch_slots
        });
        Decided {
            experiments: self.loaded.experiments.clone(),
            place,
            proving: matches!(self.begin, Some(Begin::Proving { .. })),
        }
    }
}

/// What is decided with.
pub(crate) struct Choice<'a> {
    pub(crate) network: &'a Network,
    pub(crate) pods: &'a Pods,
    pub(crate) chain: Option<&'a Chain>,
    pub(crate) seed: u64,
}

/// What the protocol says of the time that was chosen.
#[derive(Default)]
struct Turn {
    validators: Option<Validators>,
    proposer: Option<Address>,
    committee: Vec<Address>,
}

impl Choice<'_> {
    /// Decides.
    pub(crate) async fn settle(
        &self,
        loaded: &Loaded,
        cancel: &CancellationToken,
    ) -> Result<Settled, ChaosError> {
        let (begin, turn) = self.turn(loaded, cancel).await?;
        let mut settled = loaded.clone();
        for (name, experiment) in &loaded.experiments {
            let mut decided = experiment.clone();
            decided.when = None;
            if decided.duration.is_of_protocol() {
                let chain = self.chain(name)?;
                decided.duration = decided.duration.by_the_clock(&chain.timing);
            }
            decided.pods = self.named(name, &experiment.pods, &turn)?;
            if let Some(fault) = &mut decided.network {
                let target = fault.target.take();
                let target = target.map(|target| self.named(name, &target, &turn));
                fault.target = target.transpose()?;
            }
            if decided != *experiment {
                write(&mut settled, name, decided);
            }
        }
        Ok(Settled {
            loaded: settled,
            begin,
        })
    }

    /// When it begins, and what the protocol says of then.
    async fn turn(
        &self,
        loaded: &Loaded,
        cancel: &CancellationToken,
    ) -> Result<(Option<Begin>, Turn), ChaosError> {
        let all = || loaded.experiments.values();
        let chosen = |wanted: fn(&Wanted) -> bool| {
            all().any(|one| wanted(&one.pods) || one.target().is_some_and(wanted))
        };
        let when = all().find_map(|one| one.when.as_ref());
        let (proposer, committee) = (
            chosen(|pods| pods.proposer),
            chosen(|pods| pods.committee.is_some()),
        );
        if when.is_none() && !proposer && !committee {
            return Ok((None, Turn::default()));
        }
        let first = loaded.experiments.keys().next();
        let chain = self.chain(first.map_or("", String::as_str))?;
        let mut turn = Turn::default();
        let proposing = when.and_then(|when| when.proposing.as_deref());
        if proposer || committee || proposing.is_some() {
            turn.validators = Some(validators::collect(self.network, &[]).await?);
        }
        let proving = when.is_some_and(|when| when.proving);
        let slot = if proving {
            None
        } else {
            Self::slot(chain, (when, proposer), &turn, cancel).await?
        };
        let at = slot.unwrap_or(chain.now().slot);
        if proposer || proposing.is_some() {
            turn.proposer = Some(chain.proposer(at).await?);
        }
        if committee {
            let epoch = Epoch(at.0 / chain.timing.epoch_slots.max(1));
            turn.committee = chain.committee(epoch).await?;
        }
        let begin = self.begin(chain, slot, (proving, &turn))?;
        Ok((begin, turn))
    }

    /// What is waited for before it begins.
    fn begin(
        &self,
        chain: &Chain,
        slot: Option<Slot>,
        (proving, turn): (bool, &Turn),
    ) -> Result<Option<Begin>, ChaosError> {
        if proving {
            return Ok(Some(Begin::Proving {
                provers: proving::provers(self.pods)?,
                within: chain.timing.epochs(TURNS),
            }));
        }
        Ok(slot.map(|slot| {
            Begin::Slot(Turning {
                slot,
                at: chain.begin(slot),
                proposer: turn.proposer,
            })
        }))
    }

    /// What protocol time is asked of.
    fn chain(&self, experiment: &str) -> Result<&Chain, ChaosError> {
        self.chain.ok_or_else(|| ChaosError::NoChain {
            experiment: experiment.to_owned(),
        })
    }

    /// The slot in which it begins; none where it begins at once.
    async fn slot(
        chain: &Chain,
        (when, proposer): (Option<&When>, bool),
        turn: &Turn,
        cancel: &CancellationToken,
    ) -> Result<Option<Slot>, ChaosError> {
        let Some(when) = when else {
            return Ok(proposer.then(|| Slot(chain.now().slot.0 + AHEAD)));
        };
        let slot = match &when.proposing {
            Some(pod) => Self::turn_of(chain, pod, turn, cancel).await?,
            None => slot_of(when, chain.now())?,
        };
        Ok(Some(slot))
    }

    /// The next slot in which a pod proposes.
    async fn turn_of(
        chain: &Chain,
        pod: &str,
        turn: &Turn,
        cancel: &CancellationToken,
    ) -> Result<Slot, ChaosError> {
        let validators = turn.validators.as_ref();
        let held = validators.and_then(|all| all.attesters_of(pod));
        let held = held.ok_or_else(|| ChaosError::NoPods {
            experiment: "when".to_owned(),
            asked: format!("name {pod}, which is to propose"),
            there: validators
                .iter()
                .flat_map(|all| all.pods.iter().map(|pod| pod.name.clone()))
                .collect(),
        })?;
        let what = format!("a slot in which {pod} proposes");
        let deadline = Deadline::after(chain.timing.epochs(TURNS)).every(LOOK_EVERY);
        wait::until(what, deadline, cancel, |_| async {
            let now = chain.now();
            // The committee of the next epoch is known, that of the one after it may not be.
            let last = (now.epoch.0 + 2) * chain.timing.epoch_slots;
            for slot in now.slot.0 + AHEAD..last {
                if held.contains(&chain.proposer(Slot(slot)).await?) {
                    return Ok(Look::Done(Slot(slot)));
                }
            }
            Ok(Look::Pending(format!("none until slot {last}")))
        })
        .await
    }

    /// The same pods by name, where that can be told now.
    fn named(&self, name: &str, wanted: &Wanted, turn: &Turn) -> Result<Wanted, ChaosError> {
        let names = if wanted.proposer {
            vec![turn.holder(name)?]
        } else if let Some(share) = wanted.committee {
            self.share(name, (wanted, share), turn)?
        } else {
            return Ok(self.counted(name, wanted));
        };
        Ok(Wanted {
            names,
            proposer: false,
            committee: None,
            ..wanted.clone()
        })
    }

    fn share(
        &self,
        name: &str,
        (wanted, share): (&Wanted, Share),
        turn: &Turn,
    ) -> Result<Vec<String>, ChaosError> {
        let fit = target::fitting(wanted, self.pods);
        let holds = |pod: &String| {
            let held = turn
                .validators
                .as_ref()
                .and_then(|all| all.attesters_of(pod));
            let members = held.unwrap_or_default().iter();
            members.filter(|one| turn.committee.contains(one)).count() as u64
        };
        let mut members: Vec<(String, u64)> = Vec::new();
        let mut order = fit.clone();
        target::shuffle((name, self.seed), &mut order);
        members.extend(order.into_iter().map(|pod| (pod.clone(), holds(&pod))));
        let size = turn.committee.len() as u64;
        part(&members, share.of(size)).ok_or_else(|| ChaosError::NoShare {
            experiment: name.to_owned(),
            asked: share.of(size).0,
            size,
            pods: members.into_iter().filter(|(_, held)| *held > 0).collect(),
        })
    }

    /// Chance decides here and not in Chaos Mesh, so that it can decide the same again; only pods that keep their names can
    /// be named.
    fn counted(&self, name: &str, wanted: &Wanted) -> Wanted {
        let mut fit = target::fitting(wanted, self.pods);
        let named = |pod: &String| self.pods[pod].labels.contains_key(NAMED);
        let enough = wanted.count.is_none_or(|count| fit.len() >= count as usize);
        let counted = wanted.count.is_some() || wanted.percent.is_some();
        if !counted || !enough || fit.is_empty() || !fit.iter().all(named) {
            return wanted.clone();
        }
        target::narrow((name, self.seed), wanted, &mut fit);
        Wanted {
            names: fit,
            count: None,
            percent: None,
            ..wanted.clone()
        }
    }
}

impl Turn {
    /// The pod of the proposer.
    fn holder(&self, experiment: &str) -> Result<String, ChaosError> {
        let proposer = self.proposer.unwrap_or_default();
        let validators = self.validators.as_ref();
        let holder = validators.and_then(|all| all.holder(proposer));
        holder
            .map(str::to_owned)
            .ok_or_else(|| ChaosError::NotOurs {
                experiment: experiment.to_owned(),
                attester: proposer.to_string(),
            })
    }
}

/// The slot that is meant.
fn slot_of(when: &When, now: Moment) -> Result<Slot, ChaosError> {
    let earliest = now.slot.0 + AHEAD;
    let Some(EpochAt::Next) = when.epoch else {
        let slot = Slot(when.slot.unwrap_or_default());
        return if slot.0 >= earliest {
            Ok(slot)
        } else {
            Err(ChaosError::Past {
                slot,
                now: now.slot,
            })
        };
    };
    let place = when.slot.unwrap_or_default();
    if place >= now.epoch_slots {
        return Err(ChaosError::NoSlot {
            slot: place,
            slots: now.epoch_slots,
        });
    }
    let next = (now.epoch.0 + 1) * now.epoch_slots + place;
    // One that is too near is followed by another.
    let missing = earliest.saturating_sub(next).div_ceil(now.epoch_slots);
    Ok(Slot(next + missing * now.epoch_slots))
}

/// Pods that hold so many members together – at least so many, or at most, but some.
fn part(members: &[(String, u64)], (wanted, more): (u64, bool)) -> Option<Vec<String>> {
    let (mut chosen, mut sum) = (Vec::new(), 0);
    for (pod, held) in members.iter().filter(|(_, held)| *held > 0) {
        if sum >= wanted || (!more && sum + held > wanted) {
            continue;
        }
        sum += held;
        chosen.push(pod.clone());
    }
    chosen.sort();
    (!chosen.is_empty() && (!more || sum >= wanted)).then_some(chosen)
}

/// Puts an experiment in the place of the one of its name.
fn write(loaded: &mut Loaded, name: &str, experiment: Experiment) {
    let all = loaded
        .overlay
        .entry("experiments")
        .or_insert_with(|| Value::Object(serde_json::Map::new()));
    if let (Some(all), Ok(value)) = (all.as_object_mut(), serde_json::to_value(&experiment)) {
        all.insert(name.to_owned(), value);
    }
    loaded.experiments.insert(name.to_owned(), experiment);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(slot: u64) -> Moment {
        Moment {
            slot: Slot(slot),
            epoch: Epoch(slot / 4),
            seconds_into_slot: 3,
            slot_seconds: 12,
            slot_in_epoch: slot % 4,
            epoch_slots: 4,
        }
    }

    #[test]
    fn a_time_is_a_slot_far_enough_ahead() {
        let slot = |slot| When {
            slot: Some(slot),
            ..When::default()
        };
        assert_eq!(slot_of(&slot(13), moment(10)).ok(), Some(Slot(13)));
        assert!(slot_of(&slot(12), moment(10)).is_err());
        let next = |place| When {
            epoch: Some(EpochAt::Next),
            ..slot(place)
        };
        assert_eq!(slot_of(&next(0), moment(8)).ok(), Some(Slot(12)));
        assert_eq!(
            slot_of(&next(0), moment(11)).ok(),
            Some(Slot(16)),
            "too near"
        );
        assert_eq!(slot_of(&next(2), moment(11)).ok(), Some(Slot(14)));
        assert!(slot_of(&next(4), moment(8)).is_err());
    }

    #[test]
    fn a_part_of_a_committee_is_no_more_and_no_less_than_asked_for() {
        let members = [
            ("a".to_owned(), 2),
            ("b".to_owned(), 0),
            ("c".to_owned(), 1),
            ("d".to_owned(), 1),
        ];
        let part = |wanted| part(&members, wanted).map(|pods| pods.join(" "));
        assert_eq!(part((1, false)).as_deref(), Some("c"));
        assert_eq!(part((2, true)).as_deref(), Some("a"));
        assert_eq!(part((3, true)).as_deref(), Some("a c"));
        assert_eq!(part((5, true)), None);
        assert_eq!(part((0, false)), None);
    }
}
