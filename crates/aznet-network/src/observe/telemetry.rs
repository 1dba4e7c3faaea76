//! What a network tells about itself: its Prometheus, asked over the Kubernetes API's pod proxy, and whether every
//! node pushes.

mod answer;

use std::{collections::HashMap, time::Duration};

use aznet_model::role::Role;
use http_body_util::BodyExt;
use jiff::Timestamp;
use kube::{Client, client::Body};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{
    api::ApiError,
    namespace::{NamespaceError, Network},
    observe::pods::{self, PodState},
};
use aznet_kit::wait::{self, Deadline, Look, WaitError};

pub use answer::{Sample, Series};

/// Port of the collector for OTLP over HTTP.
pub const OTLP_PORT: u16 = 4318;
/// Port of Prometheus.
pub const PROMETHEUS_PORT: u16 = 9090;
/// Port of Grafana.
pub const GRAFANA_PORT: u16 = 3000;

/// What a question to Prometheus may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// A metric that every Node.js process that pushes has, once.
const METRIC: &str = "count by (pod) (process_memory_usage)";
/// Log lines that arrived. The collector forgets a count that does not change; a pod that has nothing to say for a while has arrived all the same.
const LOGS: &str = "sum by (pod) (last_over_time(aznet_log_records_total[15d]))";

/// The Prometheus of a network.
#[derive(Clone)]
pub struct Prometheus {
    client: Client,
    namespace: String,
    pod: String,
}

/// What has arrived of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arrival {
    /// The pod's name.
    pub pod: String,
    /// Its role.
    pub role: Role,
    /// Whether metrics of it arrive.
    pub metrics: bool,
    /// Log lines of it that Prometheus knows of; `None` where log lines are not pushed.
    pub logs: Option<u64>,
}

impl Arrival {
    /// `true`: all that it should push arrives.
    pub const fn is_complete(&self) -> bool {
        self.metrics && !matches!(self.logs, Some(0))
    }
}

/// Why nothing is known of what nodes push, or that some push nothing.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Prometheus isn't there or doesn't serve.
    #[error("network `{network}` has no Prometheus that serves")]
    NoPrometheus {
        /// The network.
        network: String,
    },
    /// The Kubernetes API failed.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The question didn't reach Prometheus.
    #[error("{pod} could not be queried")]
    Api {
        /// Its pod.
        pod: String,
        /// Why.
        #[source]
        source: ApiError,
    },
    /// No answer came in time.
    #[error("{pod} did not answer within {}", aznet_kit::time::Seconds(*after))]
    Slow {
        /// Its pod.
        pod: String,
        /// How long was waited.
        after: Duration,
    },
    /// The answer is no result.
    #[error("{pod} refused the query `{query}`: {answer}")]
    Refused {
        /// Its pod.
        pod: String,
        /// The question.
        query: String,
        /// The beginning of the answer.
        answer: String,
    },
    /// Some pods push nothing, or not everything.
    #[error("no telemetry received from some pods: {0}")]
    Silent(#[from] WaitError),
}

impl TelemetryError {
    /// Whether the same question may be answered a little later.
    const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::NoPrometheus { .. } | Self::Api { .. } | Self::Slow { .. } | Self::Refused { .. }
        )
    }
}

impl Prometheus {
    /// The one of this network.
    ///
    /// # Errors
    /// [`TelemetryError::NoPrometheus`] if none serves.
    pub async fn of(network: &Network) -> Result<Self, TelemetryError> {
        let pods = pods::list(network).await?;
        Self::among(network, &pods)
    }

    fn among(network: &Network, pods: &[PodState]) -> Result<Self, TelemetryError> {
        let serves = |pod: &&PodState| pod.role == Role::Prometheus && pod.phase.is_ready();
        let pod = pods
            .iter()
            .find(serves)
            .ok_or_else(|| TelemetryError::NoPrometheus {
                network: network.name().to_owned(),
            })?;
        Ok(Self {
            client: network.client().clone(),
            namespace: network.namespace().to_owned(),
            pod: pod.name.clone(),
        })
    }

    /// The value of each series of a PromQL expression, now.
    ///
    /// # Errors
    /// [`TelemetryError`] if there is no answer, or it is no result.
    pub async fn query(&self, query: &str) -> Result<Vec<Sample>, TelemetryError> {
        let bytes = self.answer(query, PATIENCE).await?;
        answer::samples(&bytes).ok_or_else(|| self.refused(query, &bytes))
    }

    /// The values of each series of a PromQL expression from one moment to another, one every `step` seconds.
    ///
    /// # Errors
    /// [`TelemetryError`] if there is no answer, or it is no result.
    pub async fn range(
        &self,
        query: &str,
        from: Timestamp,
        to: Timestamp,
        step: u32,
    ) -> Result<Vec<Series>, TelemetryError> {
        let form = [
            ("query", query),
            ("start", &from.as_second().to_string()),
            ("end", &to.as_second().to_string()),
            ("step", &step.to_string()),
        ];
        let bytes = self
            .within(PATIENCE, self.post("query_range", &form))
            .await?;
        answer::series(&bytes).ok_or_else(|| self.refused(query, &bytes))
    }

    /// How far apart the samples of the nodes' metrics are.
    ///
    /// # Errors
    /// [`TelemetryError`] if there is no answer, or none of what is collected.
    pub async fn interval(&self) -> Result<Duration, TelemetryError> {
        let request = http::Request::get(self.uri("targets?state=active")).body(Body::empty());
        let bytes = self.within(PATIENCE, self.send(request)).await?;
        answer::interval(&bytes).ok_or_else(|| self.refused("targets", &bytes))
    }

    fn refused(&self, query: &str, answer: &[u8]) -> TelemetryError {
        TelemetryError::Refused {
            pod: self.pod.clone(),
            query: query.to_owned(),
            answer: answer::reason(answer),
        }
    }

    /// Prometheus' own answer to a PromQL expression, in JSON.
    ///
    /// # Errors
    /// [`TelemetryError`] if there is none within `patience`.
    pub async fn answer(&self, query: &str, patience: Duration) -> Result<Vec<u8>, TelemetryError> {
        let form = [("query", query)];
        self.within(patience, self.post("query", &form)).await
    }

    async fn within(
        &self,
        patience: Duration,
        asking: impl Future<Output = Result<Vec<u8>, TelemetryError>>,
    ) -> Result<Vec<u8>, TelemetryError> {
        let answer = tokio::time::timeout(patience, asking);
        answer.await.map_err(|_| TelemetryError::Slow {
            pod: self.pod.clone(),
            after: patience,
        })?
    }

    fn uri(&self, path: &str) -> String {
        format!(
            "/api/v1/namespaces/{}/pods/{}:{PROMETHEUS_PORT}/proxy/api/v1/{path}",
            self.namespace, self.pod
        )
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Vec<u8>, TelemetryError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = http::Request::post(self.uri(path))
            .header(
                http::header::CONTENT_TYPE,
                "application/x-www-form-urlencoded",
            )
            .body(Body::from(form.into_bytes()));
        self.send(request).await
    }

    async fn send(
        &self,
        request: http::Result<http::Request<Body>>,
    ) -> Result<Vec<u8>, TelemetryError> {
        let failed = |source| TelemetryError::Api {
            pod: self.pod.clone(),
            source: ApiError::from(source),
        };
        let request = request.map_err(|source| failed(kube::Error::HttpError(source)))?;
        let response = self.client.send(request).await.map_err(failed)?;
        let body = response.into_body().collect().await.map_err(failed)?;
        Ok(body.to_bytes().to_vec())
    }
}

/// What has arrived of each pod that should push. `logs`: whether log lines are pushed.
///
/// # Errors
/// [`TelemetryError`] if Prometheus could not be queried.
pub async fn arrivals(network: &Network, logs: bool) -> Result<Vec<Arrival>, TelemetryError> {
    let pods = pods::list(network).await?;
    let (metrics, lines) = ask(network, &pods).await?;
    Ok(compare(&pods, &metrics, logs.then_some(&lines)))
}

/// The same of pods that are known, where there is a Prometheus among them that answers.
pub(crate) async fn of_pods(network: &Network, pods: &[PodState]) -> Vec<Arrival> {
    match ask(network, pods).await {
        // A network whose log lines are not pushed has none at all.
        Ok((metrics, lines)) => compare(pods, &metrics, Some(&lines).filter(|all| !all.is_empty())),
        Err(error) => {
            tracing::debug!(%error, "nothing known of what arrives");
            Vec::new()
        }
    }
}

/// Samples of the metric that every pod has, and of its log lines.
async fn ask(
    network: &Network,
    pods: &[PodState],
) -> Result<(Vec<Sample>, Vec<Sample>), TelemetryError> {
    let prometheus = Prometheus::among(network, pods)?;
    futures::try_join!(prometheus.query(METRIC), prometheus.query(LOGS))
}

fn compare(pods: &[PodState], metrics: &[Sample], logs: Option<&Vec<Sample>>) -> Vec<Arrival> {
    let (metrics, logs) = (by_pod(metrics), logs.map(|all| by_pod(all)));
    let of = |samples: &HashMap<&str, f64>, pod: &PodState| {
        samples.get(pod.name.as_str()).copied().unwrap_or(0.0)
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of lines, which Prometheus keeps as a float"
    )]
    let lines = |samples: &HashMap<&str, f64>, pod: &PodState| of(samples, pod) as u64;
    pods.iter()
        .filter(|pod| pod.role.pushes())
        .map(|pod| Arrival {
            pod: pod.name.clone(),
            role: pod.role,
            metrics: of(&metrics, pod) > 0.0,
            logs: logs.as_ref().map(|samples| lines(samples, pod)),
        })
        .collect()
}

/// The value of each pod, of which there is one.
fn by_pod(samples: &[Sample]) -> HashMap<&str, f64> {
    let samples = samples.iter();
    samples
        .filter_map(|sample| Some((sample.labels.get("pod")?.as_str(), sample.value)))
        .collect()
}

/// Waits until a metric and, if `logs`, a log line of every pod that should push has arrived.
///
/// # Errors
/// [`TelemetryError::Silent`] names those of which nothing arrived in time.
pub async fn arrived(
    network: &Network,
    logs: bool,
    deadline: Duration,
    report: impl Fn(&str),
    cancel: &CancellationToken,
) -> Result<Vec<Arrival>, TelemetryError> {
    let report = &report;
    let what = "a metric and a log line of every node";
    wait::until(what, Deadline::after(deadline), cancel, |_| async move {
        let step = match arrivals(network, logs).await {
            Ok(all) if all.iter().all(Arrival::is_complete) => return Ok(Look::Done(all)),
            Ok(all) => missing(&all),
            Err(error) if error.is_retryable() => error.to_string(),
            Err(error) => return Err(error),
        };
        report(&step);
        Ok(Look::Pending(step))
    })
    .await
}

/// `no metric of validator-0, no log line of pxe-0`.
fn missing(all: &[Arrival]) -> String {
    let metrics = all.iter().filter(|one| !one.metrics);
    let logs = all.iter().filter(|one| one.logs == Some(0));
    let metrics = metrics.map(|one| format!("no metric of {}", one.pod));
    let logs = logs.map(|one| format!("no log line of {}", one.pod));
    metrics.chain(logs).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::observe::pods::Phase;

    fn pod(name: &str, role: Role) -> PodState {
        PodState {
            name: name.into(),
            role,
            group: None,
            phase: Phase::Ready,
            restarts: 0,
            created: None,
        }
    }

    #[test]
    fn a_pod_that_pushes_nothing_is_named() {
        let pods = [
            pod("anvil-1", Role::Anvil),
            pod("boot-node-0", Role::BootNode),
            pod("pxe-0", Role::Pxe),
            pod("prometheus-1", Role::Prometheus),
        ];
        let sample = |pod: &str, value| Sample {
            labels: BTreeMap::from([("pod".to_owned(), pod.to_owned())]),
            value,
        };
        let metrics = [sample("boot-node-0", 1.0), sample("pxe-0", 1.0)];
        let logs = vec![sample("boot-node-0", 7.0)];
        let all = compare(&pods, &metrics, Some(&logs));
        assert_eq!(all.len(), 2);
        assert!(all[0].is_complete() && !all[1].is_complete());
        assert_eq!(missing(&all), "no log line of pxe-0");
        assert!(
            compare(&pods, &metrics, None)
                .iter()
                .all(Arrival::is_complete)
        );
    }
}
