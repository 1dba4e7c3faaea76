//! Runs the programs that build things: output kept for the error, stopped as a group when interrupted.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

use crate::progress::Task;

/// Programs get this long to clean up after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);
/// How much of what a program printed is kept.
const KEPT_OUTPUT: usize = 1 << 20;
/// How much of it an error shows.
const SHOWN_LINES: usize = 20;

/// A program that was to run did not, or failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such program.
    #[error("program `{program}` not found on the PATH; `aznet doctor` says which package has it")]
    NotFound {
        /// Its name.
        program: String,
    },
    /// It could not be started or watched.
    #[error("cannot run `{program}`")]
    Spawn {
        /// Its name.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ended with a failure.
    #[error("`{command}` failed ({status}); it said:\n{output}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines it printed, indented.
        output: String,
    },
    /// The caller gave up; the program was stopped.
    #[error("interrupted while running `{program}`")]
    Cancelled {
        /// Its name.
        program: String,
    },
}

impl CommandError {
    /// Whether the program failed for want of disk space.
    pub(crate) fn is_disk_full(&self) -> bool {
        match self {
            Self::Failed { output, .. } => output.to_lowercase().contains("no space left"),
            _ => false,
        }
    }
}

/// A program with its arguments.
#[derive(Debug)]
pub(crate) struct Tool {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    dir: Option<PathBuf>,
}

impl Tool {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
        }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// Runs it to its end, saying `message` on `task` meanwhile; returns what it printed on stdout.
    pub(crate) async fn run(
        self,
        task: &Task,
        message: &str,
        cancel: &CancellationToken,
    ) -> Result<String, CommandError> {
        task.during(message, self.output(cancel)).await
    }

    /// Runs it to its end and returns what it printed on stdout.
    pub(crate) async fn output(self, cancel: &CancellationToken) -> Result<String, CommandError> {
        let mut child = self.spawn(Stdio::piped(), Stdio::piped())?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let both = async { tokio::join!(collect(stdout), collect(stderr), child.wait()) };
        let outcome = tokio::select! {
            outcome = both => Some(outcome),
            () = cancel.cancelled() => None,
        };
        let Some((stdout, stderr, status)) = outcome else {
            stop(&mut child).await;
            return Err(CommandError::Cancelled {
                program: self.name(),
            });
        };
        let status = status.map_err(|source| self.spawn_error(source))?;
        if status.success() {
            return Ok(stdout);
        }
        Err(CommandError::Failed {
            command: self.to_string(),
            status,
            output: last_lines(&format!("{stdout}\n{stderr}")),
        })
    }

    /// Starts it with its errors going to a file; to be ended by [`stop`].
    pub(crate) fn start(&self, log: File) -> Result<Child, CommandError> {
        self.spawn(Stdio::null(), log.into())
    }

    /// Starts it in a process group of its own.
    fn spawn(&self, stdout: Stdio, stderr: Stdio) -> Result<Child, CommandError> {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0)
            .kill_on_drop(true);
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command.spawn().map_err(|source| match source.kind() {
            // A missing working directory looks the same to the system.
            io::ErrorKind::NotFound if self.dir.as_ref().is_none_or(|dir| dir.is_dir()) => {
                CommandError::NotFound {
                    program: self.name(),
                }
            }
            _ => self.spawn_error(source),
        })
    }

    fn name(&self) -> String {
        Path::new(&self.program)
            .file_name()
            .unwrap_or(&self.program)
            .to_string_lossy()
            .into_owned()
    }

    fn spawn_error(&self, source: io::Error) -> CommandError {
        CommandError::Spawn {
            program: self.name(),
            source,
        }
    }
}

impl std::fmt::Display for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())?;
        self.args
            .iter()
            .try_for_each(|arg| write!(f, " {}", arg.to_string_lossy()))
    }
}

/// Stops a program started by [`Tool::start`] with all that it started: politely, then by force.
pub(crate) async fn stop(child: &mut Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    let Some(group) = group.map(Pid::from_raw) else {
        return;
    };
    // An error means that the group is gone already.
    let _gone = killpg(group, Signal::SIGTERM);
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        let _gone = killpg(group, Signal::SIGKILL);
        let _reaped = child.wait().await;
    }
}

/// Reads to the end and keeps the last part.
async fn collect(from: Option<impl AsyncRead + Unpin>) -> String {
    let mut kept = Vec::new();
    let Some(mut from) = from else {
        return String::new();
    };
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..count]);
        if kept.len() > 2 * KEPT_OUTPUT {
            kept.drain(..kept.len() - KEPT_OUTPUT);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..]
        .iter()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn output_is_returned_and_a_failure_shows_the_last_lines() {
        let cancel = CancellationToken::new();
        let said = Tool::new("sh").args(["-c", "echo hello"]).output(&cancel);
        assert_eq!(said.await.unwrap(), "hello\n");
        let failed = Tool::new("sh").args(["-c", "echo no good >&2; exit 3"]);
        let text = failed.output(&cancel).await.unwrap_err().to_string();
        assert!(text.contains("exit status: 3"), "{text}");
        assert!(text.ends_with("  no good"), "{text}");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let cancel = CancellationToken::new();
        let error = Tool::new("no-such-program")
            .output(&cancel)
            .await
            .unwrap_err();
        assert!(
            matches!(error, CommandError::NotFound { program } if program == "no-such-program")
        );
    }

    #[tokio::test]
    async fn interrupting_stops_the_whole_group() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", mark.display());
        let cancel = CancellationToken::new();
        let tool = Tool::new("sh").args(["-c", &script]);
        let watch = async {
            while std::fs::read_to_string(&mark)
                .unwrap_or_default()
                .is_empty()
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            cancel.cancel();
        };
        let (outcome, ()) = tokio::join!(tool.output(&cancel), watch);
        assert!(matches!(outcome, Err(CommandError::Cancelled { .. })));
        let pid: i32 = std::fs::read_to_string(&mark)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        // It was sent the signal; the kernel may take a moment to end it.
        let ended = async {
            let gone = |stat: &str| stat.is_empty() || stat.contains(") Z ");
            while !gone(&std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), ended)
            .await
            .expect("the whole group ends");
    }

    #[test]
    fn a_full_disk_is_recognised() {
        let error = CommandError::Failed {
            command: "x".into(),
            status: ExitStatus::default(),
            output: "write /a: No space left on device".into(),
        };
        assert!(error.is_disk_full());
    }
}
