//! One bounded run of a program.

use super::HelmError;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

/// What a call does, in words for errors: the verb and what it is done to.
pub(super) fn action(args: &[&str]) -> String {
    args.iter()
        .take_while(|arg| !arg.starts_with('-'))
        .take(2)
        .copied()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a program to its end, feeds it `input`, and gives its standard output.
///
/// # Errors
/// [`HelmError`]; at the deadline and on cancellation the program is killed.
pub(super) async fn run(
    mut command: Command,
    action: &str,
    input: Option<&str>,
    deadline: Duration,
    cancel: &CancellationToken,
) -> Result<String, HelmError> {
    let program = PathBuf::from(command.as_std().get_program());
    let failed = |source| HelmError::Run {
        program: program.clone(),
        source,
    };
    command
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Out of the terminal's group: Ctrl-C is the caller's to handle, by `cancel`.
        .process_group(0)
        .kill_on_drop(true);
    let child = command.spawn().map_err(failed)?;
    let output = tokio::select! {
        output = tokio::time::timeout(deadline, finish(child, input)) => output
            .map_err(|_| HelmError::TimedOut { action: action.to_owned(), after: deadline })?
            .map_err(failed)?,
        () = cancel.cancelled() => return Err(HelmError::Cancelled { action: action.to_owned() }),
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(HelmError::Failed {
        action: action.to_owned(),
        stderr: message(&stderr),
    })
}

/// Feeds and drains at the same time, so that neither side waits for the other.
async fn finish(mut child: Child, input: Option<&str>) -> std::io::Result<Output> {
    let stdin = child.stdin.take();
    let feed = async {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // A program that ends early closes its input; its own message says more than a broken pipe.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let ((), output) = tokio::join!(feed, child.wait_with_output());
    output
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
    use super::*;

    async fn shell(
        script: &str,
        input: Option<&str>,
        deadline: Duration,
    ) -> Result<String, HelmError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(
            command,
            "install small",
            input,
            deadline,
            &CancellationToken::new(),
        )
        .await
    }

    #[tokio::test]
    async fn output_comes_back_and_input_goes_in() {
        let long = "x".repeat(1 << 20);
        let answer = shell("cat", Some(&long), Duration::from_secs(20))
            .await
            .expect("cat works");
        assert_eq!(answer, long);
    }

    #[tokio::test]
    async fn a_failure_carries_what_the_program_said() {
        let error = shell(
            "echo 'Error: no such chart' >&2; exit 1",
            None,
            Duration::from_secs(20),
        )
        .await;
        let error = error.expect_err("it fails").to_string();
        assert_eq!(error, "helm install small failed: no such chart");
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_ended() {
        let error = shell("exec sleep 60", None, Duration::from_millis(50))
            .await
            .expect_err("it hangs");
        assert!(matches!(error, HelmError::TimedOut { .. }), "{error}");
        let cancel = CancellationToken::new();
        cancel.cancel();
        let mut command = Command::new("sleep");
        command.arg("60");
        let error = run(command, "list", None, Duration::from_mins(1), &cancel)
            .await
            .expect_err("cancelled");
        assert!(matches!(error, HelmError::Cancelled { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let command = Command::new("/nonexistent/helm");
        let error = run(
            command,
            "list",
            None,
            Duration::from_secs(1),
            &CancellationToken::new(),
        )
        .await;
        assert_eq!(
            error.expect_err("missing").to_string(),
            "running /nonexistent/helm"
        );
    }
}
