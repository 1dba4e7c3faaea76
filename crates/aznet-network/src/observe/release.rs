//! What Helm itself keeps of a release: a Secret per revision, readable without Helm.

use std::io::Read;

use aznet_model::upgrade::Manifest;
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt, api::ListParams};
use serde::{Deserialize, de::Error as _};
use serde_json::{Map, Value};

use crate::namespace::{NamespaceError, Network};

/// Selects the Secrets in which Helm keeps releases.
pub const HELM_RELEASES: &str = "owner=helm";
/// Name of the network's chart.
pub const CHART: &str = "aztec-network";

/// How many pods a StatefulSet or Deployment is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replicas {
    /// Whether it is a StatefulSet, whose pods have names that are known.
    pub stateful: bool,
    /// Its name.
    pub name: String,
    /// Its pods.
    pub pods: u32,
}

/// A revision of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// The release's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its newest revision, from 1.
    pub revision: u32,
    /// `deployed`, `failed`, `pending-install`, ….
    pub status: String,
    /// Name of its chart.
    pub chart: String,
    /// What was laid over the chart's defaults.
    pub values: Map<String, Value>,
    /// What it consists of, in YAML.
    manifest: String,
}

#[derive(Deserialize)]
struct Stored {
    name: String,
    namespace: String,
    version: u32,
    info: Info,
    chart: Chart,
    /// `null` where nothing was.
    #[serde(default)]
    config: Option<Map<String, Value>>,
    #[serde(default)]
    manifest: String,
}

#[derive(Deserialize)]
struct Info {
    status: String,
}

#[derive(Deserialize)]
struct Chart {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

impl Release {
    /// Reads one of Helm's Secrets: JSON, compressed, in base64; `None` if it is none, or of another version of Helm.
    pub fn read(secret: &Secret) -> Option<Self> {
        let text = &secret.data.as_ref()?.get("release")?.0;
        let compressed = STANDARD.decode(text).ok()?;
        let mut json = Vec::new();
        GzDecoder::new(compressed.as_slice())
            .read_to_end(&mut json)
            .ok()?;
        let stored: Stored = serde_json::from_slice(&json).ok()?;
        Some(Self {
            name: stored.name,
            namespace: stored.namespace,
            revision: stored.version,
            status: stored.info.status,
            chart: stored.chart.metadata.name,
            values: stored.config.unwrap_or_default(),
            manifest: stored.manifest,
        })
    }

    /// The network's release, in its newest revision; `None` where Helm keeps none.
    ///
    /// # Errors
    /// If the Kubernetes API fails, or what Helm keeps can't be read: a release like that is not none.
    pub async fn of(network: &Network) -> Result<Option<Self>, NamespaceError> {
        let secrets: Api<Secret> = network.api();
        let labels = format!("{HELM_RELEASES},name={}", network.name());
        let found = secrets
            .list(&ListParams::default().labels(&labels))
            .await
            .map_err(|source| network.failed("read Helm's release", source))?;
        current(&found.items).map_err(|strange| {
            network.failed("read Helm's release", kube::Error::SerdeError(strange))
        })
    }

    /// What it consists of, as Kubernetes objects in YAML.
    pub fn manifest(&self) -> &str {
        &self.manifest
    }

    /// The workloads and how many pods each is to have; empty where the manifest isn't understood.
    pub fn replicas(&self) -> Vec<Replicas> {
        let manifest = Manifest::parse(&self.manifest)
            .inspect_err(|error| tracing::debug!(%error, "no counts of pods"))
            .unwrap_or_default();
        let replicas = |(kind, name, pods): (&str, &str, u32)| Replicas {
            stateful: kind == "StatefulSet",
            name: name.to_owned(),
            pods,
        };
        manifest.replicas().map(replicas).collect()
    }
}

/// The newest revision among Helm's Secrets of one release.
pub fn newest(secrets: &[Secret]) -> Option<Release> {
    let revision = |secret: &&Secret| -> u32 {
        let version = secret.labels().get("version");
        version
            .and_then(|version| version.parse().ok())
            .unwrap_or(0)
    };
    Release::read(secrets.iter().max_by_key(revision)?)
}

/// The same; only where there are no Secrets there is no release.
fn current(secrets: &[Secret]) -> Result<Option<Release>, serde_json::Error> {
    match newest(secrets) {
        None if !secrets.is_empty() => Err(serde_json::Error::custom(
            "not written as Helm 3 and 4 do it",
        )),
        release => Ok(release),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use k8s_openapi::ByteString;
    use serde_json::json;

    use super::*;

    /// A release with validators alone.
    pub(in crate::observe) fn release(revision: u32, status: &str, replicas: u32) -> Release {
        let mut release = Release::read(&secret(revision, replicas)).unwrap();
        status.clone_into(&mut release.status);
        release
    }

    /// What Helm keeps of a release without objects.
    pub(crate) fn stored(name: &str, chart: &str, revision: u32) -> Secret {
        of(name, chart, revision, "")
    }

    /// What Helm keeps of a release that consists of this.
    pub(crate) fn with_manifest(manifest: &str) -> Secret {
        let mut secret = of("small", CHART, 1, manifest);
        secret.type_ = Some("helm.sh/release.v1".to_owned());
        let labels = secret.metadata.labels.get_or_insert_default();
        labels.insert("owner".to_owned(), "helm".to_owned());
        secret
    }

    fn secret(revision: u32, replicas: u32) -> Secret {
        let manifest = format!(
            "---\nkind: StatefulSet\nmetadata: {{name: validator}}\nspec: {{replicas: {replicas}}}\n\
             ---\nkind: Service\nmetadata: {{name: validator}}\n"
        );
        of("small", CHART, revision, &manifest)
    }

    fn of(name: &str, chart: &str, revision: u32, manifest: &str) -> Secret {
        let stored = json!({"name": name, "namespace": "ns", "version": revision, "manifest": manifest,
            "info": {"status": "deployed"}, "chart": {"metadata": {"name": chart}}});
        kept(&stored)
    }

    /// A release as Helm writes it down.
    fn kept(stored: &Value) -> Secret {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(stored.to_string().as_bytes()).unwrap();
        let text = STANDARD.encode(gzip.finish().unwrap());
        let mut secret: Secret = serde_json::from_value(
            json!({"metadata": {"labels": {"name": stored["name"], "version": stored["version"].to_string()}}}),
        )
        .unwrap();
        secret.data = Some([("release".to_owned(), ByteString(text.into_bytes()))].into());
        secret
    }

    #[test]
    fn the_newest_revision_says_how_many_pods_there_are_to_be() {
        let release = newest(&[secret(9, 4), secret(10, 5), secret(2, 1)]).unwrap();
        assert_eq!((release.revision, release.chart.as_str()), (10, CHART));
        let validators = Replicas {
            stateful: true,
            name: "validator".to_owned(),
            pods: 5,
        };
        assert_eq!(release.replicas(), [validators]);
        assert_eq!(newest(&[Secret::default()]), None);
    }

    #[test]
    fn a_release_that_cannot_be_read_is_not_none() {
        assert_eq!(current(&[]).unwrap(), None);
        assert_eq!(current(&[secret(3, 4)]).unwrap().unwrap().revision, 3);
        let mut strange = secret(4, 4);
        strange.data = Some([("release".to_owned(), ByteString(b"{}".to_vec()))].into());
        let error = current(&[secret(3, 4), strange]).unwrap_err();
        assert!(error.to_string().contains("not written as Helm"), "{error}");
    }

    #[test]
    fn values_are_what_was_laid_over_the_chart() {
        let values = |config: Value| {
            let stored = json!({"name": "small", "namespace": "ns", "version": 1, "config": config,
                "info": {"status": "failed"}, "chart": {"metadata": {"name": CHART}}});
            Release::read(&kept(&stored)).unwrap().values
        };
        let laid = json!({"validator": {"replicas": 4}});
        assert_eq!(Value::from(values(laid.clone())), laid);
        assert!(values(Value::Null).is_empty());
    }
}
