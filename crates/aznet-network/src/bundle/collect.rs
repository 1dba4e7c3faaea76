//! Collecting: each part by itself, within a time of its own.

use aznet_model::role::Role;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::LogParams};
use serde_json::{Value, json};

use super::archive::{Archive, BundleError, EVENTS, LOGS, Manifest, Reproduction};
use super::known::{Known, PATIENCE, pretty, within, words};
use super::redact::Redactor;
use crate::{
    api::ApiError,
    namespace::Network,
    observe::{
        pods::{containers, workload},
        status,
        telemetry::Prometheus,
    },
};

/// Lines that are kept of a log.
const LINES: i64 = 20_000;
/// Logs that are read at once.
const AT_ONCE: usize = 4;
/// Metrics that are kept, with all that was collected of them in this time.
const METRICS: &str = r#"{__name__=~"(aztec|nodejs|process|aznet)_.+"}[30m]"#;
/// What a bundle is made for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The version of aznet.
    pub aznet: String,
    /// Now.
    pub now: Timestamp,
    /// The test that failed, and the events of its run until now, a JSON object a line.
    pub test: Option<(Reproduction, String)>,
}

/// Collects all that is known of a network; the archive and what is in it. What can't be had is listed in it.
///
/// # Errors
/// [`BundleError`] only if the archive can't be made.
pub async fn collect(
    network: &Network,
    request: Request,
) -> Result<(Vec<u8>, Manifest), BundleError> {
    let known = Known::of(network).await;
    let info = network.info();
    let manifest = Manifest {
        aznet: request.aznet.clone(),
        made: request.now,
        network: info.name.clone(),
        namespace: info.namespace.clone(),
        cluster: info.cluster.clone(),
        test: request.test.as_ref().map(|(test, _)| test.clone()),
        members: Vec::new(),
        missing: Vec::new(),
        redacted: 0,
    };
    let secrets = known.secrets();
    let root = format!("bundle-{}", info.name);
    let mut archive = Archive::new(&root, Redactor::new(&secrets), manifest);
    known.add(&secrets, &mut archive)?;
    if let Some((test, events)) = &request.test {
        let command = format!("{}\n# seed {}\n", test.command, test.seed);
        archive.add(
            "test/reproduce.sh",
            "the command that runs the test again",
            &command,
        )?;
        archive.add(
            EVENTS,
            "what happened in the run until the test failed",
            events,
        )?;
    }
    add_status(network, request.now, &mut archive).await?;
    add_versions(network, &known, &request.aznet, &mut archive).await?;
    add_logs(
        network,
        known.pods.as_deref().unwrap_or_default(),
        &mut archive,
    )
    .await?;
    add_metrics(network, &known, &mut archive).await?;
    archive.finish()
}

async fn add_status(
    network: &Network,
    now: Timestamp,
    archive: &mut Archive,
) -> Result<(), BundleError> {
    let status = within(async {
        let status = status::collect(network, now).await.map_err(words)?;
        pretty(&status)
    });
    archive.add_or_miss("status.json", "what `aznet status` shows", status.await)
}

async fn add_versions(
    network: &Network,
    known: &Known,
    aznet: &str,
    archive: &mut Archive,
) -> Result<(), BundleError> {
    let server = within(async {
        let version = network.client().apiserver_version().await;
        version.map_err(|error| words(ApiError::from(error)))
    });
    let kubernetes = match server.await {
        Ok(version) => Some(version.git_version),
        Err(why) => {
            archive.miss("the version of Kubernetes", why);
            None
        }
    };
    let pods = known.pods.as_deref().unwrap_or_default();
    let image = |pod: &Pod| {
        let images = containers(pod).map(|one| json!({"image": one.image, "id": one.image_id}));
        (pod.name_any(), images.collect::<Value>())
    };
    let versions = json!({
        "aznet": aznet,
        "kubernetes": kubernetes,
        "aztec": network.release().await.name,
        "chart": known.releases().last().map(|release| release.chart.clone()),
        "revision": known.releases().last().map(|release| release.revision),
        "images": pods.iter().map(image).collect::<serde_json::Map<_, _>>(),
    });
    archive.add_or_miss("versions.json", "versions and images", pretty(&versions))
}

/// Where the network has a Prometheus.
async fn add_metrics(
    network: &Network,
    known: &Known,
    archive: &mut Archive,
) -> Result<(), BundleError> {
    let pods = known.pods.as_deref().unwrap_or_default();
    let is_prometheus =
        |pod: &Pod| workload(pod).is_some_and(|workload| workload.role() == Role::Prometheus);
    if !pods.iter().any(is_prometheus) {
        return Ok(());
    }
    let metrics = within(async {
        let prometheus = Prometheus::of(network).await.map_err(words)?;
        let answer = prometheus.answer(METRICS, PATIENCE).await.map_err(words)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    });
    let about = "what Prometheus collected in 30 minutes";
    archive.add_or_miss("metrics.json", about, metrics.await)
}

/// A log that is to be read.
struct Log {
    pod: String,
    container: String,
    previous: bool,
}

impl Log {
    /// Those of a pod's containers that have begun, and of the run before of those that were restarted.
    fn of(pod: &Pod) -> Vec<Self> {
        let log = |container: &str, previous| Self {
            pod: pod.name_any(),
            container: container.to_owned(),
            previous,
        };
        containers(pod)
            .flat_map(|one| {
                let again = (one.restart_count > 0).then(|| log(&one.name, true));
                let state = one.state.as_ref();
                let begun = state.is_some_and(|now| now.waiting.is_none());
                again
                    .into_iter()
                    .chain(begun.then(|| log(&one.name, false)))
            })
            .collect()
    }

    fn path(&self) -> String {
        let run = if self.previous { ".previous" } else { "" };
        format!("{LOGS}{}/{}{run}.log", self.pod, self.container)
    }

    async fn read(&self, network: &Network) -> Result<String, String> {
        let api: Api<Pod> = network.api();
        let params = LogParams {
            container: Some(self.container.clone()),
            previous: self.previous,
            tail_lines: Some(LINES),
            timestamps: true,
            ..LogParams::default()
        };
        let text = api.logs(&self.pod, &params).await;
        text.map_err(|error| words(ApiError::from(error)))
    }
}

async fn add_logs(
    network: &Network,
    pods: &[Pod],
    archive: &mut Archive,
) -> Result<(), BundleError> {
    let logs: Vec<Log> = pods.iter().flat_map(Log::of).collect();
    let reading = logs.into_iter().map(|log| async move {
        let text = within(log.read(network)).await;
        (log, text)
    });
    let reading: Vec<_> = reading.collect();
    let mut read = stream::iter(reading).buffered(AT_ONCE);
    while let Some((log, text)) = read.next().await {
        let about = format!("the last {LINES} lines of a container");
        archive.add_or_miss(&log.path(), &about, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::known::tests::pod;
    use super::*;

    #[test]
    fn logs_of_each_run_of_each_container_that_began() {
        let paths: Vec<String> = Log::of(&pod()).iter().map(Log::path).collect();
        assert_eq!(
            paths,
            [
                "logs/validator-0/aztec.previous.log",
                "logs/validator-0/aztec.log"
            ]
        );
    }
}
