//! Helm: the only module that starts it.
//!
//! Values go in by standard input, so that a mnemonic is never in a file or a process list. Every call is bounded.

mod process;

use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest time that a call may take: none waits for pods.
const DEADLINE: Duration = Duration::from_mins(3);

/// The Helm program and the cluster that it talks to.
#[derive(Debug, Clone)]
pub struct Helm {
    program: PathBuf,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
}

/// A chart with values, to be rendered or installed.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// Name of the release.
    pub name: &'a str,
    /// Namespace, which must exist.
    pub namespace: &'a str,
    /// Folder of the chart.
    pub chart: &'a Path,
    /// Values laid over the chart's defaults, see [`aznet_model::values::Loaded::overlay`].
    pub overlay: &'a Map<String, Value>,
}

/// A release as `helm list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReleaseInfo {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Revision, from 1.
    pub revision: String,
    /// `deployed`, `failed`, `pending-install`, ….
    pub status: String,
    /// Chart and version, e.g. `aztec-network-0.1.0`.
    pub chart: String,
}

/// Why Helm did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum HelmError {
    /// The program could not be run.
    #[error("running {}", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Helm refused.
    #[error("helm {action} failed: {stderr}")]
    Failed {
        /// What was asked, e.g. `install small`.
        action: String,
        /// What Helm said.
        stderr: String,
    },
    /// There is a release of this name already.
    #[error(
        "there is a release `{}` in the namespace {} already (revision {}, {}): choose another name, or upgrade it",
        .0.name, .0.namespace, .0.revision, .0.status
    )]
    NameTaken(ReleaseInfo),
    /// Helm took too long.
    #[error("helm {action} did not end within {} s; is the cluster's API server well?", after.as_secs())]
    TimedOut {
        /// What was asked.
        action: String,
        /// The limit.
        after: Duration,
    },
    /// The caller gave up.
    #[error("helm {action} was interrupted")]
    Cancelled {
        /// What was asked.
        action: String,
    },
    /// Helm's answer was not understood.
    #[error("helm {action} gave an answer that is not understood")]
    Answer {
        /// What was asked.
        action: String,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A failed install or upgrade could not be undone.
    #[error("{failure}; undoing it failed too: {undo}")]
    NotUndone {
        /// The first failure.
        failure: Box<Self>,
        /// The failure to undo it.
        undo: Box<Self>,
    },
}

impl HelmError {
    /// `true` where Helm could not reach the cluster at all.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Failed { stderr, .. } => stderr.contains("cluster unreachable"),
            Self::NotUndone { failure, .. } => failure.is_unreachable(),
            _ => false,
        }
    }

    fn is_absent(&self) -> bool {
        matches!(self, Self::Failed { stderr, .. } if stderr.contains("release: not found"))
    }
}

impl Helm {
    /// Helm at this path, with the cluster that it finds by itself (`KUBECONFIG`, current context).
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            kubeconfig: None,
            context: None,
        }
    }

    /// The same with the cluster of this kubeconfig.
    #[must_use]
    pub fn kubeconfig(self, path: impl Into<PathBuf>) -> Self {
        Self {
            kubeconfig: Some(path.into()),
            ..self
        }
    }

    /// The same with this context of the kubeconfig.
    #[must_use]
    pub fn context(self, name: impl Into<String>) -> Self {
        Self {
            context: Some(name.into()),
            ..self
        }
    }

    /// The manifests of a release, as YAML; asks no cluster.
    ///
    /// # Errors
    /// [`HelmError`]; values that the schema or the chart's rules refuse are [`HelmError::Failed`].
    pub async fn render(
        &self,
        release: &Release<'_>,
        cancel: &CancellationToken,
    ) -> Result<String, HelmError> {
        self.with_values("template", release, &[], cancel).await
    }

    /// Checks a chart with values; the answer is Helm's report.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn lint(
        &self,
        chart: &Path,
        overlay: &Map<String, Value>,
        cancel: &CancellationToken,
    ) -> Result<String, HelmError> {
        let chart = chart.display().to_string();
        let values = Value::Object(overlay.clone()).to_string();
        self.run(
            &["lint", &chart, "--strict", "--values", "-"],
            Some(&values),
            cancel,
        )
        .await
    }

    /// Installs a release and does not wait for its pods. When it fails or is cancelled, what was made is removed again.
    ///
    /// # Errors
    /// [`HelmError`]; [`HelmError::NameTaken`] where there is a release of this name, which stays as it is.
    pub async fn install(
        &self,
        release: &Release<'_>,
        cancel: &CancellationToken,
    ) -> Result<(), HelmError> {
        let (name, namespace) = (release.name, release.namespace);
        // Asked first: clean-up below must never meet a release that is not ours.
        if let Some(taken) = self.status(name, namespace, cancel).await? {
            return Err(HelmError::NameTaken(taken));
        }
        let args = ["--server-side=true"];
        let Err(failure) = self.with_values("install", release, &args, cancel).await else {
            return Ok(());
        };
        // Not the caller's token: clean-up must happen even when the caller has given up.
        let undone = self
            .uninstall(name, namespace, &CancellationToken::new())
            .await;
        Err(after_undoing(failure, undone))
    }

    /// Upgrades a release and does not wait for its pods. When it fails, it is rolled back to the revision before.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn upgrade(
        &self,
        release: &Release<'_>,
        cancel: &CancellationToken,
    ) -> Result<(), HelmError> {
        let (name, namespace) = (release.name, release.namespace);
        let before = self.status(name, namespace, cancel).await?;
        let args = ["--reset-values", "--server-side=true", "--force-conflicts"];
        let Err(failure) = self.with_values("upgrade", release, &args, cancel).await else {
            return Ok(());
        };
        let undo = CancellationToken::new();
        let undone = match (&before, self.status(name, namespace, &undo).await) {
            (Some(before), Ok(Some(now))) if now.revision != before.revision => {
                let args = [
                    "rollback",
                    name,
                    &before.revision,
                    "--namespace",
                    namespace,
                    "--server-side=true",
                ];
                self.run(&args, None, &undo).await.map(drop)
            }
            (_, status) => status.map(drop),
        };
        Err(after_undoing(failure, undone))
    }

    /// Removes a release and what it made; none is fine.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn uninstall(
        &self,
        name: &str,
        namespace: &str,
        cancel: &CancellationToken,
    ) -> Result<(), HelmError> {
        let args = [
            "uninstall",
            name,
            "--namespace",
            namespace,
            "--ignore-not-found",
        ];
        self.run(&args, None, cancel).await.map(drop)
    }

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
        let args = [vec!["list", "--max", "100000", "--output", "json"], place].concat();
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

    async fn with_values(
        &self,
        verb: &str,
        release: &Release<'_>,
        more: &[&str],
        cancel: &CancellationToken,
    ) -> Result<String, HelmError> {
        let chart = release.chart.display().to_string();
        let values = Value::Object(release.overlay.clone()).to_string();
        let mut args = vec![
            verb,
            release.name,
            &chart,
            "--namespace",
            release.namespace,
            "--values",
            "-",
        ];
        args.extend(more);
        self.run(&args, Some(&values), cancel).await
    }

    async fn json<T: serde::de::DeserializeOwned>(
        &self,
        args: &[&str],
        cancel: &CancellationToken,
    ) -> Result<T, HelmError> {
        let answer = self.run(args, None, cancel).await?;
        serde_json::from_str(&answer).map_err(|source| HelmError::Answer {
            action: process::action(args),
            source,
        })
    }

    async fn run(
        &self,
        args: &[&str],
        input: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<String, HelmError> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(args);
        if let Some(path) = &self.kubeconfig {
            command.arg("--kubeconfig").arg(path);
        }
        if let Some(context) = &self.context {
            command.arg("--kube-context").arg(context);
        }
        process::run(command, &process::action(args), input, DEADLINE, cancel).await
    }
}

fn after_undoing(failure: HelmError, undone: Result<(), HelmError>) -> HelmError {
    match undone {
        Ok(()) => failure,
        // Where the cluster can't be reached nothing was made, and saying so twice helps nobody.
        Err(undo) if undo.is_unreachable() && failure.is_unreachable() => failure,
        Err(undo) => HelmError::NotUndone {
            failure: Box::new(failure),
            undo: Box::new(undo),
        },
    }
}
