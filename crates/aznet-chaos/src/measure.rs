//! Measurements from inside pods, by the program aznet-node that each of them carries.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aznet_model::probe::{Attempt, HalfOpen, Sent, Usage};
use aznet_network::clients::exec::{self, ExecError};
use aznet_network::namespace::Network;
use futures::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;

use crate::links::Round;
use crate::pods::{Pods, Seen};

const PROGRAM: &str = "/aznet/bin/aznet-node";
/// A busy machine takes seconds to start a program in a container.
const WITHIN: Duration = Duration::from_secs(30);
/// A lost first packet is sent again after a second.
const ANSWER: Duration = Duration::from_millis(1500);
/// How many pods measure at once: each takes processors that the network needs.
const AT_ONCE: usize = 8;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The program gave no answer.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// The program of the pod's image gave another answer.
    #[error("pod {pod}: not what `aznet-node probe` of this version says")]
    Answer {
        /// The pod.
        pod: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The pod has no program to measure with.
    #[error("pod {0} has no aznet-node to measure with")]
    NoProgram(String),
    /// There is nobody to send to.
    #[error("pod {0} has nobody to send to")]
    Alone(String),
}

/// Measures in the pods of a network.
#[derive(Clone, Copy)]
pub(crate) struct Probes<'a> {
    pub(crate) network: &'a Network,
    pub(crate) pods: &'a Pods,
}

impl Probes<'_> {
    /// Tries every connection between the pods.
    pub(crate) async fn links(self) -> Result<Round, MeasureError> {
        let able =
            |(_, pod): &(&String, &Seen)| pod.place.ip.is_some() && pod.place.prober.is_some();
        let able: Vec<(String, IpAddr)> = (self.pods.iter().filter(able))
            .filter_map(|(name, pod)| Some((name.clone(), pod.place.ip?)))
            .collect();
        let attempts = stream::iter(able).map(|(name, ip)| async move {
            let attempts = self.attempts(&name).await?;
            Ok::<_, MeasureError>((name, (ip, attempts)))
        });
        let attempts: BTreeMap<String, (IpAddr, Vec<Attempt>)> =
            attempts.buffer_unordered(AT_ONCE).try_collect().await?;
        let half_open = self.half_open(&attempts).await?;
        Ok(Round::of(&attempts, &half_open, |ip| self.name(ip)))
    }

    async fn attempts(self, from: &str) -> Result<Vec<Attempt>, MeasureError> {
        let others = self.pods.iter().filter(|(name, _)| *name != from);
        let addresses = others.flat_map(|(_, pod)| {
            let ports = pod.place.ports.iter();
            ports.filter_map(|port| Some(SocketAddr::new(pod.place.ip?, *port)))
        });
        let addresses: Vec<String> = addresses.map(|address| address.to_string()).collect();
        if addresses.is_empty() {
            return Ok(Vec::new());
        }
        let within = ANSWER.as_millis().to_string();
        let mut words = vec!["connect".to_owned(), "--within".to_owned(), within];
        words.extend(addresses);
        self.ask(from, words).await
    }

    /// Of the pods that somebody did not reach: whose first packets came in.
    async fn half_open(
        self,
        attempts: &BTreeMap<String, (IpAddr, Vec<Attempt>)>,
    ) -> Result<BTreeMap<String, Vec<HalfOpen>>, MeasureError> {
        let all = attempts.values().flat_map(|(_, attempts)| attempts);
        let silent = all.filter(|attempt| attempt.micros.is_none());
        let mut pods: Vec<String> = silent
            .filter_map(|attempt| self.name(attempt.to.ip()))
            .filter(|pod| self.pods[pod].place.prober.is_some())
            .collect();
        pods.sort_unstable();
        pods.dedup();
        let asked = stream::iter(pods).map(|pod| async move {
            let seen = self.ask(&pod, vec!["half-open".to_owned()]).await?;
            Ok::<_, MeasureError>((pod, seen))
        });
        asked.buffer_unordered(AT_ONCE).try_collect().await
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

    /// What each pod uses.
    pub(crate) async fn usages(
        self,
        pods: &[String],
    ) -> Result<BTreeMap<String, Usage>, MeasureError> {
        let asked = stream::iter(pods).map(|pod| async move {
            let used = self.ask(pod, vec!["usage".to_owned()]).await?;
            Ok((pod.clone(), used))
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
