//! What Helm tells of releases; nothing is changed.

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::Helm;
use super::error::HelmError;
use super::release::{Release, ReleaseInfo};

impl Helm {
    /// Releases in a namespace, in any state; `None`: in all namespaces.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn list(
        &self,
        namespace: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<Vec<ReleaseInfo>, HelmError> {
        let place = namespace.map_or(vec!["--all-namespaces"], |namespace| {
            vec!["--namespace", namespace]
        });
        let args = [
            vec!["list", "--max", "100000", "--output", "json"],
            // Helm 3 leaves out those under way unless it is told.
            vec!["--deployed", "--failed", "--pending", "--uninstalling"],
            place,
        ]
        .concat();
        self.json(&args, cancel).await
    }

    /// A release; `None` where there is none of this name.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn status(
        &self,
        name: &str,
        namespace: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<ReleaseInfo>, HelmError> {
        let releases = self.list(Some(namespace), cancel).await?;
        Ok(releases.into_iter().find(|release| release.name == name))
    }

    /// The values that were laid over the chart's defaults; `None` where there is no such release.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn values(
        &self,
        name: &str,
        namespace: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<Map<String, Value>>, HelmError> {
        let args = [
            "get",
            "values",
            name,
            "--namespace",
            namespace,
            "--output",
            "json",
        ];
        // A release without values of its own answers `null`.
        match self.json::<Option<Map<String, Value>>>(&args, cancel).await {
            Ok(values) => Ok(Some(values.unwrap_or_default())),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a release consists of, as Kubernetes objects in YAML; `None` where there is no such release.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn manifest(
        &self,
        name: &str,
        namespace: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<String>, HelmError> {
        let args = ["get", "manifest", name, "--namespace", namespace];
        match self.run(&args, None, cancel).await {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a release would consist of after an upgrade, as [`Helm::manifest`] tells it; nothing is changed.
    ///
    /// # Errors
    /// [`HelmError`]; values that the schema or the chart's rules refuse are [`HelmError::Failed`].
    pub async fn upgraded_manifest(
        &self,
        release: &Release<'_>,
        cancel: &CancellationToken,
    ) -> Result<String, HelmError> {
        #[derive(Deserialize)]
        struct Answer {
            manifest: String,
        }
        // On the server: what the chart looks up there, such as Secrets that it made, must be found.
        let args = [
            "--reset-values",
            "--dry-run=server",
            "--output",
            "json",
            // What is refused is told together with everything else that the upgrade would do.
            "--set",
            "network.refuseFixedChanges=false",
        ];
        let answer = self.with_values("upgrade", release, &args, cancel).await?;
        serde_json::from_str::<Answer>(&answer)
            .map(|answer| answer.manifest)
            .map_err(|source| HelmError::Answer {
                action: format!("upgrade {} --dry-run", release.name),
                source,
            })
    }
}
