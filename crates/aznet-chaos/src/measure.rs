//! Measurements from inside pods, by the program aznet-node that each of them carries.

pub(crate) mod error;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aznet_model::probe::{Attempt, Clock, HalfOpen, Repeats, Sent, Usage};
use aznet_network::clients::exec;
use aznet_network::namespace::Network;
use futures::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;

use self::error::MeasureError;
use crate::effect::{Answers, Lateness, Twice};
use crate::links::Round;
use crate::pods::{Pods, Seen};

const PROGRAM: &str = "/aznet/bin/aznet-node";
/// A busy machine takes seconds to start a program in a container.
const WITHIN: Duration = Duration::from_secs(30);
/// A lost first packet is sent again after a second.
const ANSWER: Duration = Duration::from_millis(1500);
/// Long enough for a first packet and two that repeat it.
const AGAIN: Duration = Duration::from_millis(3500);
/// A program in one pod starts so much later than that in another.
const LATER: Duration = Duration::from_millis(1500);
/// How many pods measure at once: each takes processors that the network needs.
const AT_ONCE: usize = 8;

/// Connections whose packets may come twice: of one in ten, ten do.
const TWICE_TRIES: usize = 100;

/// Measures in the pods of a network.
#[derive(Clone, Copy)]
pub(crate) struct Probes<'a> {
    pub(crate) network: &'a Network,
    pub(crate) pods: &'a Pods,
}

impl Probes<'_> {
    /// Tries connections between the pods: all of them, or those of `only`.
    pub(crate) async fn links(self, only: Option<&Round>) -> Result<Round, MeasureError> {
        let attempts = self.attempts(self.wanted(only), ANSWER).await?;
        Ok(self.round(&attempts, &BTreeMap::new()))
    }

    /// Tries connections that were possible before. Those that nobody answers are tried again, and looked for at the other
    /// end meanwhile.
    pub(crate) async fn links_from_both_ends(self, before: &Round) -> Result<Round, MeasureError> {
        let mut attempts = self.attempts(self.wanted(Some(before)), ANSWER).await?;
        let silent = |(from, attempts): (&String, &Vec<Attempt>)| {
            let silent = attempts.iter().filter(|attempt| attempt.micros.is_none());
            let silent: Vec<SocketAddr> = silent.map(|attempt| attempt.to).collect();
            (!silent.is_empty()).then(|| (from.clone(), silent))
        };
        let silent: BTreeMap<_, _> = attempts.iter().filter_map(silent).collect();
        let ends = self.ends(&silent);
        let again = self.attempts(silent, AGAIN);
        let (again, half_open) = futures::try_join!(again, self.half_open(ends))?;
        for (from, again) in again {
            if let Some(attempts) = attempts.get_mut(&from) {
                attempts.retain(|attempt| attempt.micros.is_some());
                attempts.extend(again);
            }
        }
        Ok(self.round(&attempts, &half_open))
    }

    fn round(
        self,
        attempts: &BTreeMap<String, Vec<Attempt>>,
        half_open: &BTreeMap<String, Vec<HalfOpen>>,
    ) -> Round {
        let ip = |name: &String| self.pods.get(name)?.place.ip;
        let attempts = attempts
            .iter()
            .filter_map(|(from, attempts)| Some((from.as_str(), (ip(from)?, attempts.as_slice()))));
        Round::of(attempts, half_open, |ip| self.name(ip))
    }

    /// Where each pod that can measure is to connect to.
    fn wanted(self, only: Option<&Round>) -> BTreeMap<String, Vec<SocketAddr>> {
        let able =
            |(_, pod): &(&String, &Seen)| pod.place.ip.is_some() && pod.place.prober.is_some();
        let able = self.pods.iter().filter(able).map(|(name, _)| name);
        let addresses = |from: &String| {
            let others = self.pods.iter().filter(|(name, _)| *name != from);
            let all = others.flat_map(|(to, pod)| {
                let address = |port: &u16| {
                    let asked = only.is_none_or(|only| only.has_answered(from, to, *port));
                    Some(SocketAddr::new(pod.place.ip?, *port)).filter(|_| asked)
                };
                pod.place.ports.iter().filter_map(address)
            });
            all.collect()
        };
        able.map(|from| (from.clone(), addresses(from))).collect()
    }

    async fn attempts(
        self,
        wanted: BTreeMap<String, Vec<SocketAddr>>,
        within: Duration,
    ) -> Result<BTreeMap<String, Vec<Attempt>>, MeasureError> {
        let wanted = wanted.into_iter().filter(|(_, to)| !to.is_empty());
        let asked = stream::iter(wanted).map(|(from, to)| async move {
            let within = within.as_millis().to_string();
            let mut words = vec!["connect".to_owned(), "--within".to_owned(), within];
            words.extend(to.iter().map(ToString::to_string));
            let attempts = self.ask(&from, words).await?;
            Ok::<_, MeasureError>((from, attempts))
        });
        asked.buffer_unordered(AT_ONCE).try_collect().await
    }

    /// The pods at the other end that can be asked.
    fn ends(self, silent: &BTreeMap<String, Vec<SocketAddr>>) -> Vec<String> {
        let all = silent.values().flatten();
        let ends = all.filter_map(|to| self.name(to.ip()));
        let ends: BTreeSet<String> = ends
            .filter(|pod| self.pods[pod].place.prober.is_some())
            .collect();
        ends.into_iter().collect()
    }

    async fn half_open(
        self,
        pods: Vec<String>,
    ) -> Result<BTreeMap<String, Vec<HalfOpen>>, MeasureError> {
        let during = (AGAIN + LATER).as_millis().to_string();
        let asked = stream::iter(pods).map(|pod| {
            let words = [
                "half-open".to_owned(),
                "--during".to_owned(),
                during.clone(),
            ];
            async move {
                let seen = self.ask(&pod, words.to_vec()).await?;
                Ok::<_, MeasureError>((pod, seen))
            }
        });
        // All at once: each looks while the others try.
        asked.buffer_unordered(usize::MAX).try_collect().await
    }

    /// What gets out of each pod that tries to send at `rate`; one after the other, since they share the machine.
    pub(crate) async fn rates(
        self,
        pods: &[String],
        rate: u64,
    ) -> Result<BTreeMap<String, Sent>, MeasureError> {
        let mut measured = BTreeMap::new();
        for pod in pods {
            let others = self.pods.iter().filter(|(name, _)| *name != pod);
            let to = others.into_iter().find_map(|(_, other)| other.place.ip);
            let to = to.ok_or_else(|| MeasureError::Alone(pod.clone()))?;
            let words = [
                "send".to_owned(),
                to.to_string(),
                "--rate".to_owned(),
                rate.to_string(),
            ];
            measured.insert(pod.clone(), self.ask(pod, words.to_vec()).await?);
        }
        Ok(measured)
    }

    /// Which connections are possible from pods to the target or, without one, to those that have none of the fault.
    pub(crate) async fn possible(
        self,
        pods: &[String],
        target: Option<&aznet_model::chaos::Pods>,
    ) -> Result<Round, MeasureError> {
        let each = pods.iter();
        let all = each.map(|from| (from.clone(), self.others(from, pods, target)));
        let all = all.map(|(from, others)| (from, others.map(|(_, to)| to).collect()));
        let attempts = self.attempts(all.collect(), ANSWER).await?;
        Ok(self.round(&attempts, &BTreeMap::new()))
    }

    /// How each pod is answered over the connections that are possible, all at once.
    pub(crate) async fn answers(
        self,
        pods: &[String],
        lateness: &Lateness,
        possible: &Round,
    ) -> Result<BTreeMap<String, Answers>, MeasureError> {
        let wanted = self.answering((pods, lateness.target.as_ref()), possible, lateness.tries());
        let attempts = self.attempts(wanted, lateness.patience()).await?;
        let sum = attempts
            .into_iter()
            .map(|(from, attempts)| (from, lateness.answers(&attempts)));
        Ok(sum.collect())
    }

    /// What comes twice of each pod's packets over the connections that are possible.
    pub(crate) async fn repeats(
        self,
        pods: &[String],
        twice: &Twice,
        possible: &Round,
    ) -> Result<BTreeMap<String, Repeats>, MeasureError> {
        let mut measured = BTreeMap::new();
        let wanted = self.answering((pods, twice.target.as_ref()), possible, TWICE_TRIES);
        for (from, to) in wanted {
            let words = to.iter().map(ToString::to_string);
            let words = ["repeats".to_owned()].into_iter().chain(words).collect();
            measured.insert(from.clone(), self.ask(&from, words).await?);
        }
        Ok(measured)
    }

    /// The addresses of what fits the target or, without one, has none of the fault, each with its pod.
    fn others<'a>(
        self,
        from: &'a str,
        pods: &'a [String],
        target: Option<&'a aznet_model::chaos::Pods>,
    ) -> impl Iterator<Item = (&'a str, SocketAddr)>
    where
        Self: 'a,
    {
        let fits = move |name: &String, pod: &Seen| match target {
            Some(target) => target.may_hit(&pod.facts(name)),
            None => !pods.contains(name),
        };
        let others = self.pods.iter();
        let others = others.filter(move |(name, pod)| *name != from && fits(name, pod));
        others.flat_map(|(name, pod)| pod.addresses().map(|to| (name.as_str(), to)))
    }

    /// Where each pod is to connect to, so often at least.
    fn answering(
        self,
        (pods, target): (&[String], Option<&aznet_model::chaos::Pods>),
        possible: &Round,
        tries: usize,
    ) -> BTreeMap<String, Vec<SocketAddr>> {
        let of = |from: &String| {
            let all = self.others(from, pods, target);
            let all = all.filter(|(name, to)| possible.has_answered(from, name, to.port()));
            let all: Vec<SocketAddr> = all.map(|(_, to)| to).collect();
            let count = if all.is_empty() {
                0
            } else {
                tries.max(all.len())
            };
            all.iter().copied().cycle().take(count).collect::<Vec<_>>()
        };
        let wanted = pods.iter().map(|from| (from.clone(), of(from)));
        wanted.filter(|(_, to)| !to.is_empty()).collect()
    }

    /// What each pod uses, on the average of so long a time.
    pub(crate) async fn usages(
        self,
        pods: &[String],
        during: Duration,
    ) -> Result<BTreeMap<String, Usage>, MeasureError> {
        // Of references such a stream's future can't be sent to another thread.
        let asked = stream::iter(pods.to_vec()).map(|pod| async move {
            let during = during.as_millis().to_string();
            let words = ["usage".to_owned(), "--during".to_owned(), during];
            let used = self.ask(&pod, words.to_vec()).await?;
            Ok((pod, used))
        });
        asked.buffer_unordered(AT_ONCE).try_collect().await
    }

    /// By how much each pod's clock is off.
    pub(crate) async fn clocks(
        self,
        pods: &[String],
    ) -> Result<BTreeMap<String, Clock>, MeasureError> {
        let asked = stream::iter(pods.to_vec()).map(|pod| async move {
            let ports = self.pods.get(&pod).map(|seen| seen.place.ports.as_slice());
            let ports = ports.unwrap_or_default().iter().map(u16::to_string);
            let words = ["clock".to_owned()].into_iter().chain(ports).collect();
            let clock = self.ask(&pod, words).await?;
            Ok((pod, clock))
        });
        asked.buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn ask<T: DeserializeOwned>(
        self,
        pod: &str,
        words: Vec<String>,
    ) -> Result<T, MeasureError> {
        let prober = self
            .pods
            .get(pod)
            .and_then(|seen| seen.place.prober.as_deref());
        let container = prober.ok_or_else(|| MeasureError::NoProgram(pod.to_owned()))?;
        let mut command = vec![PROGRAM.to_owned(), "probe".to_owned()];
        command.extend(words);
        let text = exec::run(self.network, (pod, container), &command, WITHIN).await?;
        serde_json::from_str(text.trim()).map_err(|source| MeasureError::Answer {
            pod: pod.to_owned(),
            source,
        })
    }

    fn name(self, ip: IpAddr) -> Option<String> {
        let mut pods = self.pods.iter();
        pods.find(|(_, pod)| pod.place.ip == Some(ip))
            .map(|(name, _)| name.clone())
    }
}
