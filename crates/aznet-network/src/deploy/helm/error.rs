//! Why Helm did not do what it was asked for.

use std::time::Duration;

use aznet_kit::process::ProcessError;
use aznet_kit::wait::WaitError;

use super::release::ReleaseInfo;

/// Why Helm did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum HelmError {
    /// The program could not be run.
    #[error("can't run helm")]
    Run(#[source] ProcessError),
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
    /// Someone else changes the release.
    #[error(transparent)]
    Busy(#[from] WaitError),
    /// Helm took too long.
    #[error("helm {action} timed out after {} s; check that the cluster's API server responds", after.as_secs())]
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
    #[error("could not parse the output of helm {action}")]
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

    pub(super) fn of(error: ProcessError, action: String) -> Self {
        match error {
            ProcessError::Failed { stderr, .. } => Self::Failed {
                action,
                stderr: message(&stderr),
            },
            ProcessError::TimedOut { after, .. } => Self::TimedOut { action, after },
            ProcessError::Cancelled { .. } => Self::Cancelled { action },
            error => Self::Run(error),
        }
    }

    /// Whether there was a release of this name, which is not the caller's.
    pub(super) fn is_taken(&self) -> bool {
        // The second is said where both began at the same moment.
        let words = ["name that is still in use", "release: already exists"];
        matches!(self, Self::Failed { stderr, .. } if words.iter().any(|word| stderr.contains(word)))
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Failed { stderr, .. } if stderr.contains("release: not found"))
    }
}

/// What Helm said, without its prefix and its advice about flags.
fn message(stderr: &str) -> String {
    let lines = stderr
        .lines()
        .filter(|line| !line.starts_with("Use --debug flag"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.trim().trim_start_matches("Error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use aznet_kit::process::Tool;
    use tokio_util::sync::CancellationToken;

    use super::*;

    async fn ended(script: &str, cancel: &CancellationToken) -> HelmError {
        let tool = Tool::new("sh").args(["-c", script]);
        let output = tool.output(Duration::from_millis(200), cancel).await;
        HelmError::of(output.expect_err("it fails"), "install small".to_owned())
    }

    #[tokio::test]
    async fn a_failure_carries_what_helm_said_and_what_it_was_asked() {
        let going_on = CancellationToken::new();
        let refused = ended("echo 'Error: no such chart' >&2; exit 1", &going_on).await;
        assert_eq!(
            refused.to_string(),
            "helm install small failed: no such chart"
        );
        let late = ended("exec sleep 60", &going_on).await;
        assert!(matches!(late, HelmError::TimedOut { .. }), "{late}");
        let given_up = CancellationToken::new();
        given_up.cancel();
        let cancelled = ended("exec sleep 60", &given_up).await;
        assert!(
            matches!(cancelled, HelmError::Cancelled { .. }),
            "{cancelled}"
        );
    }
}
