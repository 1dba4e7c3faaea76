//! Programs run in containers that run already.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{AttachParams, AttachedProcess},
};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{api::ApiError, namespace::Network};

/// What aznet-node puts before the reason of a failure.
const FAILED: &str = "aznet-node: failed: ";

/// Why a program gave no output.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The Kubernetes API did not start it.
    #[error("can't run `{command}` in pod {pod}")]
    Start {
        /// The pod.
        pod: String,
        /// The program and its arguments.
        command: String,
        /// Why.
        #[source]
        source: ApiError,
    },
    /// The connection broke.
    #[error("lost `{command}` in pod {pod}")]
    Lost {
        /// The pod.
        pod: String,
        /// The program and its arguments.
        command: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It ran and failed.
    #[error("pod {pod}: {reason}")]
    Failed {
        /// The pod.
        pod: String,
        /// In its own words, where it has any.
        reason: String,
    },
    /// It did not end in time.
    #[error("`{command}` in pod {pod} did not end within {}", aznet_kit::time::Seconds(*after))]
    TimedOut {
        /// The pod.
        pod: String,
        /// The program and its arguments.
        command: String,
        /// The limit.
        after: Duration,
    },
}

/// Runs `command` in a pod's container and returns what it wrote to its standard output.
///
/// # Errors
/// [`ExecError`]; a program that ends with another exit code than 0 is [`ExecError::Failed`].
pub async fn run(
    network: &Network,
    (pod, container): (&str, &str),
    command: &[String],
    within: Duration,
) -> Result<String, ExecError> {
    run_in(&network.api(), (pod, container), command, within).await
}

/// The same for any pod of `pods`.
///
/// # Errors
/// [`ExecError`], like [`run`].
pub async fn run_in(
    pods: &Api<Pod>,
    (pod, container): (&str, &str),
    command: &[String],
    within: Duration,
) -> Result<String, ExecError> {
    let text = command.join(" ");
    let running = start(pods, (pod, container), command);
    tokio::time::timeout(within, running)
        .await
        .unwrap_or_else(|_| {
            Err(ExecError::TimedOut {
                pod: pod.to_owned(),
                command: text,
                after: within,
            })
        })
}

async fn start(
    pods: &Api<Pod>,
    (pod, container): (&str, &str),
    command: &[String],
) -> Result<String, ExecError> {
    let params = AttachParams::default().container(container).stdin(false);
    let process = pods.exec(pod, command, &params).await;
    let mut process = process.map_err(|source| ExecError::Start {
        pod: pod.to_owned(),
        command: command.join(" "),
        source: source.into(),
    })?;
    let status = process.take_status();
    let (out, err) = streams(&mut process)
        .await
        .map_err(|source| ExecError::Lost {
            pod: pod.to_owned(),
            command: command.join(" "),
            source,
        })?;
    let status = match status {
        Some(status) => status.await,
        None => None,
    };
    if status
        .as_ref()
        .and_then(|status| status.status.as_deref())
        .is_some_and(|status| status == "Success")
    {
        return Ok(out);
    }
    let words = status.and_then(|status| status.message).unwrap_or_default();
    Err(ExecError::Failed {
        pod: pod.to_owned(),
        reason: reason(&out, &err, words),
    })
}

async fn streams(process: &mut AttachedProcess) -> std::io::Result<(String, String)> {
    let (out, err) = (process.stdout(), process.stderr());
    futures::try_join!(text(out), text(err))
}

async fn text(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let mut text = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut text).await?;
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The program's own words, else the last it wrote, else those of the Kubernetes API.
fn reason(out: &str, err: &str, api: String) -> String {
    let own = out.lines().rev().find_map(|line| line.strip_prefix(FAILED));
    let last = err.lines().rev().find(|line| !line.trim().is_empty());
    own.or(last).map_or(api, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_the_programs_words() {
        let out = "aznet-node: waiting for the L1\naznet-node: failed: no key is here\n";
        assert_eq!(
            reason(out, "warning\n", "exit code 1".into()),
            "no key is here"
        );
        assert_eq!(
            reason("", "no such file\n\n", "exit code 127".into()),
            "no such file"
        );
        assert_eq!(reason("", "", "exit code 137".into()), "exit code 137");
    }
}
