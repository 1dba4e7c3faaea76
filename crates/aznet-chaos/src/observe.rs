//! Looking at pods before a fault, while it lasts and after it, and what the looks say when they are compared.

use std::collections::BTreeMap;
use std::time::Duration;

use aznet_model::chaos::Direction;
use aznet_model::probe::{Clock, Repeats, Sent, Usage};
use aznet_network::namespace::Network;

use crate::effect::{self, Answers, Effect, Skew};
use crate::error::ChaosError;
use crate::links::{self, Cut, Round};
use crate::measure::Probes;
use crate::measure::error::MeasureError;
use crate::pods::{self, Pods};
use crate::target::Hit;
use crate::verdict::{Measurement, Verdict};

/// What was measured beside the pods themselves.
#[derive(Debug, Clone)]
enum Figures {
    None,
    Links(Round),
    Rates(BTreeMap<String, Sent>),
    Usages(BTreeMap<String, Usage>),
    Clocks(BTreeMap<String, Clock>),
    /// With the connections that were possible before.
    Answers(Round, BTreeMap<String, Answers>),
    Repeats(Round, BTreeMap<String, Repeats>),
}

/// One look.
#[derive(Debug, Clone)]
pub(crate) struct Observation {
    pub(crate) pods: Pods,
    figures: Figures,
}

impl Observation {
    /// Has a later pod be as `like` was.
    pub(crate) fn add_like(&mut self, name: &str, like: &str) {
        fn copy<T: Clone>(all: &mut BTreeMap<String, T>, name: &str, like: &str) {
            if let Some(one) = all.get(like).cloned() {
                all.insert(name.to_owned(), one);
            }
        }
        copy(&mut self.pods, name, like);
        match &mut self.figures {
            Figures::None => {}
            Figures::Links(links) => links.add_like(name, like),
            Figures::Rates(each) => copy(each, name, like),
            Figures::Usages(each) => copy(each, name, like),
            Figures::Clocks(each) => copy(each, name, like),
            Figures::Answers(links, each) => {
                links.add_like(name, like);
                copy(each, name, like);
            }
            Figures::Repeats(links, each) => {
                links.add_like(name, like);
                copy(each, name, like);
            }
        }
    }

    /// Has pods be known by this, by name: others have taken their places.
    pub(crate) fn known_as(&mut self, known: &BTreeMap<String, String>) {
        for (name, uid) in known {
            if let Some(pod) = self.pods.get_mut(name) {
                pod.uid.clone_from(uid);
            }
        }
    }
}

/// When a look is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment<'a> {
    /// Before anything is done.
    Before,
    /// While the fault lasts.
    During(&'a Observation),
    /// After it was lifted.
    After(&'a Observation),
}

impl Moment<'_> {
    /// Over how long load is averaged: a node works for seconds and rests for seconds.
    const fn average(self) -> Duration {
        Duration::from_secs(match self {
            Self::Before => 5,
            Self::During(_) | Self::After(_) => 2,
        })
    }
}

/// Looks at everything that an effect must show in, on `concerned` and, for connections, on everyone.
pub(crate) async fn observe(
    network: &Network,
    effect: &Effect,
    concerned: &[String],
    moment: Moment<'_>,
) -> Result<Observation, ChaosError> {
    let pods = pods::list(network).await?;
    let probes = Probes {
        network,
        pods: &pods,
    };
    let figures = match effect {
        Effect::Cut { .. } => Figures::Links(links(probes, moment).await?),
        Effect::Narrow(narrow) => Figures::Rates(probes.rates(concerned, narrow.tried()).await?),
        Effect::Late(lateness) => {
            let target = lateness.target.as_ref();
            let possible = possible(probes, (concerned, target), moment).await?;
            let answers = probes.answers(concerned, lateness, &possible).await?;
            Figures::Answers(possible, answers)
        }
        Effect::Twice(twice) => {
            let target = twice.target.as_ref();
            let possible = possible(probes, (concerned, target), moment).await?;
            let repeats = probes.repeats(concerned, twice, &possible).await?;
            Figures::Repeats(possible, repeats)
        }
        Effect::Load(_) => Figures::Usages(probes.usages(concerned, moment.average()).await?),
        Effect::Skewed(_) => Figures::Clocks(probes.clocks(concerned).await?),
        Effect::Replaced | Effect::Idle | Effect::Restarted | Effect::Called { .. } => {
            Figures::None
        }
    };
    Ok(Observation { pods, figures })
}

async fn links(probes: Probes<'_>, moment: Moment<'_>) -> Result<Round, MeasureError> {
    let (Moment::During(before) | Moment::After(before)) = moment else {
        return probes.links(None).await;
    };
    match (&before.figures, moment) {
        (Figures::Links(before), Moment::During(_)) => probes.links_from_both_ends(before).await,
        (Figures::Links(before), _) => probes.links(Some(before)).await,
        _ => probes.links(None).await,
    }
}

/// The connections that were possible before: others are lost without any fault, such as those that a NetworkPolicy forbids.
async fn possible(
    probes: Probes<'_>,
    (concerned, target): (&[String], Option<&aznet_model::chaos::Pods>),
    moment: Moment<'_>,
) -> Result<Round, MeasureError> {
    if let Moment::During(before) | Moment::After(before) = moment
        && let Figures::Answers(links, _) | Figures::Repeats(links, _) = &before.figures
    {
        return Ok(links.clone());
    }
    probes.possible(concerned, target).await
}

/// Whether a fault of any of `hit` could be told from how things are without it; if not, what is seen.
pub(crate) fn could_be_seen(
    effect: &Effect,
    hit: &Hit,
    before: &Observation,
) -> Result<(), String> {
    for pod in &hit.pods {
        match (effect, &before.figures) {
            (
                Effect::Cut {
                    direction,
                    targeted,
                },
                Figures::Links(round),
            ) => {
                let cut = cut(*direction, *targeted, hit);
                if !cut.may_cut(round, pod) {
                    return Err(format!(
                        "{pod}: nobody it is to be cut off from can be reached anyway"
                    ));
                }
            }
            (Effect::Narrow(narrow), Figures::Rates(rates)) => {
                let seen = rates.get(pod).map(|sent| narrow.can_be_seen(*sent));
                if let Some(Err(seen)) = seen {
                    return Err(format!(
                        "{pod}: it {seen}, which the limit would hardly change"
                    ));
                }
            }
            (Effect::Late(_), Figures::Answers(_, answers)) if !answers.contains_key(pod) => {
                return Err(alone(pod));
            }
            (Effect::Twice(_), Figures::Repeats(_, repeats)) if !repeats.contains_key(pod) => {
                return Err(alone(pod));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether every pod that was hit shows it.
pub(crate) fn bites(
    effect: &Effect,
    hit: &Hit,
    before: &Observation,
    now: &Observation,
) -> Result<Vec<Measurement>, String> {
    if let (
        Effect::Cut {
            direction,
            targeted,
        },
        Figures::Links(was),
        Figures::Links(is),
    ) = (effect, &before.figures, &now.figures)
    {
        let is_away = |pod: &str| is_away(pod, &before.pods, &now.pods);
        let measured = cut(*direction, *targeted, hit).bites(was, is, is_away)?;
        let each = measured.into_iter();
        return Ok(each
            .map(|(pod, measured)| measurement(effect, &pod, measured))
            .collect());
    }
    let each = hit.pods.iter().map(|pod| {
        let measured = one_bites(effect, pod, before, now);
        let measured = measured.map_err(|seen| format!("{pod}: {seen}"))?;
        Ok(measurement(effect, pod, measured))
    });
    each.collect()
}

fn one_bites(effect: &Effect, pod: &str, before: &Observation, now: &Observation) -> Verdict {
    let gone = || "not looked at".to_owned();
    match (effect, &before.figures, &now.figures) {
        (Effect::Narrow(narrow), _, Figures::Rates(is)) => {
            narrow.bites(*is.get(pod).ok_or_else(gone)?)
        }
        (Effect::Late(late), Figures::Answers(_, was), Figures::Answers(_, is)) => late.bites(
            *was.get(pod).ok_or_else(gone)?,
            *is.get(pod).ok_or_else(gone)?,
        ),
        (Effect::Twice(twice), Figures::Repeats(_, was), Figures::Repeats(_, is)) => twice.bites(
            *was.get(pod).ok_or_else(gone)?,
            *is.get(pod).ok_or_else(gone)?,
        ),
        (Effect::Load(load), Figures::Usages(was), Figures::Usages(is)) => load.bites(
            *was.get(pod).ok_or_else(gone)?,
            *is.get(pod).ok_or_else(gone)?,
        ),
        (Effect::Skewed(skew), Figures::Clocks(was), Figures::Clocks(is)) => skew.bites(
            *was.get(pod).ok_or_else(gone)?,
            *is.get(pod).ok_or_else(gone)?,
        ),
        _ => {
            let was = before.pods.get(pod);
            let was = was.ok_or_else(|| "it was not there before".to_owned())?;
            effect.bites(was, now.pods.get(pod))
        }
    }
}

/// Whether a pod that may have been hit is as before.
pub(crate) fn healed(
    effect: &Effect,
    pod: &str,
    before: &Observation,
    now: &Observation,
) -> Verdict {
    let serves = effect::healed(pod, &before.pods, &now.pods)?;
    if !now.pods.contains_key(pod) {
        return Ok(serves);
    }
    let measured = match (effect, &before.figures, &now.figures) {
        (Effect::Cut { .. }, Figures::Links(was), Figures::Links(is)) => {
            links::healed(pod, was, is)?
        }
        (Effect::Narrow(narrow), _, Figures::Rates(is)) => match is.get(pod) {
            Some(sent) => narrow.healed(*sent)?,
            None => return Err("not looked at".to_owned()),
        },
        (Effect::Late(late), Figures::Answers(_, was), Figures::Answers(_, is)) => {
            match (was.get(pod), is.get(pod)) {
                (Some(was), Some(is)) => late.healed(*was, *is)?,
                _ => return Err("not looked at".to_owned()),
            }
        }
        (Effect::Twice(twice), Figures::Repeats(_, was), Figures::Repeats(_, is)) => {
            match (was.get(pod), is.get(pod)) {
                (Some(was), Some(is)) => twice.healed(*was, *is)?,
                _ => return Err("not looked at".to_owned()),
            }
        }
        (Effect::Load(load), Figures::Usages(was), Figures::Usages(is)) => {
            match (was.get(pod), is.get(pod)) {
                (Some(was), Some(is)) => load.healed(*was, *is)?,
                _ => return Err("not looked at".to_owned()),
            }
        }
        (Effect::Skewed(_), Figures::Clocks(was), Figures::Clocks(is)) => {
            match (was.get(pod), is.get(pod)) {
                (Some(was), Some(is)) => Skew::healed(*was, *is)?,
                _ => return Err("not looked at".to_owned()),
            }
        }
        _ => return Ok(serves),
    };
    Ok(format!("{serves}, {measured}"))
}

/// Whether a pod is gone, or has been started since and does not serve yet.
fn is_away(pod: &str, before: &Pods, now: &Pods) -> bool {
    let Some(is) = now.get(pod) else { return true };
    let is_same = before
        .get(pod)
        .is_some_and(|was| was.uid == is.uid && was.containers == is.containers);
    !is.ready && !is_same
}

fn alone(pod: &str) -> String {
    format!("{pod}: there is nobody without the fault to answer it")
}

fn cut(direction: Direction, targeted: bool, hit: &Hit) -> Cut<'_> {
    Cut {
        direction,
        pods: &hit.pods,
        targets: targeted.then_some(hit.targets.as_slice()),
    }
}

pub(crate) fn measurement(effect: &Effect, pod: &str, measured: String) -> Measurement {
    Measurement {
        pod: pod.to_owned(),
        asked: effect.asked(),
        measured,
    }
}
