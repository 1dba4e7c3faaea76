//! Helm: the only module that starts it.
//!
//! Values go in by standard input, so that a mnemonic is never in a file or a process list. Every call is bounded.

mod change;
mod error;
mod read;
mod release;

use aznet_kit::process::Tool;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub use self::error::HelmError;
pub use self::release::{Release, ReleaseInfo};

/// Longest time that a call may take: none waits for pods.
const DEADLINE: Duration = Duration::from_mins(3);

/// The oldest major version of Helm that applies charts on the server (`--server-side`).
const OLDEST_MAJOR: u64 = 4;

/// The Helm program and the cluster that it talks to.
#[derive(Debug, Clone)]
pub struct Helm {
    program: PathBuf,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
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

    /// Whether this program can do all that is asked of it here: Helm 3 knows no `--server-side`. One that does not
    /// answer can't.
    pub async fn suffices(&self, cancel: &CancellationToken) -> bool {
        let version = self.run(&["version", "--short"], None, cancel).await;
        version.is_ok_and(|version| major(&version).is_some_and(|major| major >= OLDEST_MAJOR))
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
            action: action(args),
            source,
        })
    }

    async fn run(
        &self,
        args: &[&str],
        input: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<String, HelmError> {
        let mut tool = Tool::new(&self.program).args(args);
        if let Some(path) = &self.kubeconfig {
            tool = tool.arg("--kubeconfig").arg(path);
        }
        if let Some(context) = &self.context {
            tool = tool.arg("--kube-context").arg(context);
        }
        if let Some(input) = input {
            tool = tool.input(input);
        }
        let output = tool.output(DEADLINE, cancel).await;
        output.map_err(|error| HelmError::of(error, action(args)))
    }
}

/// What a call does, in words for errors: the verb and what it is done to.
fn action(args: &[&str]) -> String {
    args.iter()
        .take_while(|arg| !arg.starts_with('-'))
        .take(2)
        .copied()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The major version in what `helm version --short` says: `v3.17.0+g301108e`.
fn major(version: &str) -> Option<u64> {
    let digits = version.trim().strip_prefix('v')?.split('.').next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C02: `unknown flag: --server-side`.
    #[tokio::test]
    async fn c02_helm_3_and_what_is_no_helm_do_not_suffice() {
        let cancel = CancellationToken::new();
        for (answer, suffices) in [
            ("echo v4.0.1+g12500dd", true),
            ("echo v3.17.0+g301108e", false),
            ("echo none", false),
            ("exit 1", false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let helm = dir.path().join("helm");
            let script = format!("#!/bin/sh\n{answer}\n");
            aznet_kit::files::write(&helm, script, aznet_kit::files::Access::Program).unwrap();
            assert_eq!(
                Helm::new(&helm).suffices(&cancel).await,
                suffices,
                "{answer}"
            );
        }
    }

    #[test]
    fn an_action_is_the_verb_and_its_object() {
        assert_eq!(action(&["list", "--output", "json"]), "list");
        assert_eq!(action(&["get", "values", "small"]), "get values");
    }
}
