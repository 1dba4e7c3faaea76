//! Programs that are run to their end: output kept, a mandatory deadline, stopped as a group.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::files::last_lines;
use crate::time::Seconds;

/// Programs get this long to clean up after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);
/// A program that has ended gets this long until its output ends: what it started may hold the pipe for ever.
const DRAIN: Duration = Duration::from_secs(2);
/// How much of a stream is kept; the beginning goes first.
const KEPT: usize = 64 << 20;
/// How many lines an error shows.
const SHOWN_LINES: usize = 20;

/// A program did not run, or failed.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// There is no such program.
    #[error("program `{program}` not found on the PATH; `aznet doctor` says which package has it")]
    NotFound {
        /// Its name.
        program: String,
    },
    /// It could not be started or watched.
    #[error("could not run `{program}`")]
    Spawn {
        /// Its name.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ended with a failure.
    #[error("`{command}` failed ({status}); its last lines:\n{}", last_lines(&format!("{stdout}\n{stderr}"), SHOWN_LINES))]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it printed.
        stdout: String,
        /// Its errors.
        stderr: String,
    },
    /// It took too long and was stopped.
    #[error("`{command}` did not end within {} and was stopped; its last lines:\n{}", Seconds(*after), last_lines(output, SHOWN_LINES))]
    TimedOut {
        /// The command line.
        command: String,
        /// How long it was given.
        after: Duration,
        /// What it had printed.
        output: String,
    },
    /// The caller gave up; the program was stopped.
    #[error("interrupted while running `{program}`")]
    Cancelled {
        /// Its name.
        program: String,
    },
}

impl ProcessError {
    /// Whether the program failed for want of disk space.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Failed { stdout, stderr, .. } => [stdout, stderr]
                .iter()
                .any(|text| text.to_lowercase().contains("no space left")),
            _ => false,
        }
    }
}

/// A program with its arguments. It runs without a terminal and in a process group of its own, so that Ctrl-C reaches
/// the caller alone, who decides.
#[derive(Debug, Clone)]
pub struct Tool {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    dir: Option<PathBuf>,
    input: Option<Vec<u8>>,
    shares: bool,
}

impl Tool {
    /// A program by its name on the PATH or by its path.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
            input: None,
            shares: false,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let value = Some(value.as_ref().to_owned());
        self.env.push((name.as_ref().to_owned(), value));
        self
    }

    /// Keeps a variable of ours from it.
    #[must_use]
    pub fn without_env(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), None));
        self
    }

    /// Runs it in a folder.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// Makes what it creates readable for everybody, whatever our own umask: for programs whose files end up where other
    /// users read or run them.
    #[must_use]
    pub fn shares_files(mut self) -> Self {
        self.shares = true;
        self
    }

    /// What it reads on its standard input; nothing by default.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// Runs it to its end and returns what it printed on stdout. At the deadline and on cancellation the whole group is
    /// stopped.
    ///
    /// # Errors
    /// [`ProcessError`].
    pub async fn output(
        self,
        deadline: Duration,
        cancel: &CancellationToken,
    ) -> Result<String, ProcessError> {
        self.run(Stdio::piped(), |_| (), deadline, cancel).await
    }

    /// Like [`Tool::output`], and what it prints is handed to `heard` as it comes; its errors go where ours go.
    ///
    /// # Errors
    /// [`ProcessError`].
    pub async fn stream(
        self,
        heard: impl FnMut(&[u8]),
        deadline: Duration,
        cancel: &CancellationToken,
    ) -> Result<String, ProcessError> {
        self.run(Stdio::inherit(), heard, deadline, cancel).await
    }

    async fn run(
        mut self,
        errors: Stdio,
        heard: impl FnMut(&[u8]),
        deadline: Duration,
        cancel: &CancellationToken,
    ) -> Result<String, ProcessError> {
        let input = self.input.take();
        let stdin = input.as_ref().map_or_else(Stdio::null, |_| Stdio::piped());
        let mut child = self.spawn(stdin, Stdio::piped(), errors)?;
        let (mut stdout, mut stderr) = (Kept::new(heard), Kept::new(|_: &[u8]| ()));
        let end = follow(
            &mut child,
            input.unwrap_or_default(),
            (&mut stdout, &mut stderr),
            deadline,
            cancel,
        )
        .await;
        if !matches!(end, End::Exited(_)) {
            stop(&mut child).await;
        }
        self.verdict(end, deadline, &stdout.text(), &stderr.text())
    }

    fn verdict(
        &self,
        end: End,
        after: Duration,
        stdout: &str,
        stderr: &str,
    ) -> Result<String, ProcessError> {
        match end {
            End::Exited(Ok(status)) if status.success() => Ok(stdout.to_owned()),
            End::Exited(Ok(status)) => Err(ProcessError::Failed {
                command: self.to_string(),
                status,
                stdout: stdout.to_owned(),
                stderr: stderr.to_owned(),
            }),
            End::Exited(Err(source)) => Err(self.spawn_error(source)),
            End::Late => Err(ProcessError::TimedOut {
                command: self.to_string(),
                after,
                output: format!("{stdout}\n{stderr}"),
            }),
            End::Cancelled => Err(ProcessError::Cancelled {
                program: self.name(),
            }),
        }
    }

    /// Starts it with its errors going to a file; to be ended by [`stop`].
    ///
    /// # Errors
    /// [`ProcessError::NotFound`] and [`ProcessError::Spawn`].
    pub fn start(&self, log: File) -> Result<Child, ProcessError> {
        self.spawn(Stdio::null(), Stdio::null(), log.into())
    }

    /// Starts it in a process group of its own.
    fn spawn(&self, stdin: Stdio, stdout: Stdio, stderr: Stdio) -> Result<Child, ProcessError> {
        let mut command = self.command()?;
        command
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0)
            .kill_on_drop(true);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command.spawn().map_err(|source| match source.kind() {
            // A missing working directory looks the same to the system.
            io::ErrorKind::NotFound if self.dir.as_ref().is_none_or(|dir| dir.is_dir()) => {
                ProcessError::NotFound {
                    program: self.name(),
                }
            }
            _ => self.spawn_error(source),
        })
    }

    /// Only a shell sets the umask of one program: this process has one for all its threads.
    fn command(&self) -> Result<Command, ProcessError> {
        if !self.shares {
            let mut command = Command::new(&self.program);
            command.args(&self.args);
            return Ok(command);
        }
        let program = on_path(&self.program).ok_or_else(|| ProcessError::NotFound {
            program: self.name(),
        })?;
        let mut command = Command::new("sh");
        command
            .args(["-c", "umask 022 && exec \"$0\" \"$@\""])
            .arg(program)
            .args(&self.args);
        Ok(command)
    }

    fn name(&self) -> String {
        Path::new(&self.program)
            .file_name()
            .unwrap_or(&self.program)
            .to_string_lossy()
            .into_owned()
    }

    fn spawn_error(&self, source: io::Error) -> ProcessError {
        ProcessError::Spawn {
            program: self.name(),
            source,
        }
    }
}

impl fmt::Display for Tool {
    /// The command as a person would type it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        self.args
            .iter()
            .try_for_each(|arg| write!(f, " {}", arg.to_string_lossy()))
    }
}

/// Where a program is, by its name on the PATH or by its path.
pub fn on_path(program: impl AsRef<Path>) -> Option<PathBuf> {
    let program = program.as_ref();
    let folders = env::var_os("PATH").unwrap_or_default();
    find_in(program, env::split_paths(&folders))
}

/// Where a program is: at its path, or in the first of `folders` that has it.
pub fn find_in(program: &Path, folders: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_owned());
    }
    folders
        .into_iter()
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// How following a program ended.
enum End {
    Exited(io::Result<ExitStatus>),
    Late,
    Cancelled,
}

/// Feeds and drains the program until it ends, so that neither side waits for the other.
async fn follow(
    child: &mut Child,
    input: Vec<u8>,
    (stdout, stderr): (&mut Kept<impl FnMut(&[u8])>, &mut Kept<impl FnMut(&[u8])>),
    deadline: Duration,
    cancel: &CancellationToken,
) -> End {
    let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program that ends early closes its input; its own message says more than a broken pipe.
            let _closed = stdin.write_all(&input).await;
        }
    };
    let streams = async { tokio::join!(feed, stdout.collect(out), stderr.collect(err)) };
    tokio::pin!(streams);
    let late = tokio::time::sleep(deadline);
    tokio::pin!(late);
    let mut drained = false;
    loop {
        tokio::select! {
            status = child.wait() => {
                if !drained {
                    let _held_open = tokio::time::timeout(DRAIN, &mut streams).await;
                }
                return End::Exited(status);
            }
            _ = &mut streams, if !drained => drained = true,
            () = &mut late => return End::Late,
            () = cancel.cancelled() => return End::Cancelled,
        }
    }
}

/// Stops a program started by [`Tool::start`] with all that it started: politely, then by force.
pub async fn stop(child: &mut Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    let Some(group) = group.map(Pid::from_raw) else {
        return;
    };
    // An error means that the group is gone already.
    let _gone = killpg(group, Signal::SIGTERM);
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        let _gone = killpg(group, Signal::SIGKILL);
        let _reaped = tokio::time::timeout(GRACE, child.wait()).await;
    }
}

/// The last part of a stream, all of which `heard` is handed as it comes.
struct Kept<F> {
    bytes: Vec<u8>,
    heard: F,
}

impl<F: FnMut(&[u8])> Kept<F> {
    fn new(heard: F) -> Self {
        let bytes = Vec::new();
        Self { bytes, heard }
    }

    /// Reads to the end.
    async fn collect(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else {
            return;
        };
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            (self.heard)(&buffer[..count]);
            self.bytes.extend_from_slice(&buffer[..count]);
            if self.bytes.len() > 2 * KEPT {
                self.bytes.drain(..self.bytes.len() - KEPT);
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    fn shell(script: &str) -> Tool {
        Tool::new("sh").args(["-c", script])
    }

    fn never() -> CancellationToken {
        CancellationToken::new()
    }

    async fn run(tool: Tool) -> Result<String, ProcessError> {
        tool.output(LONG, &never()).await
    }

    #[tokio::test]
    async fn output_is_returned_and_a_failure_shows_the_last_lines() {
        assert_eq!(run(shell("echo hello")).await.unwrap(), "hello\n");
        let failed = run(shell("echo no good >&2; exit 3"));
        let text = failed.await.unwrap_err().to_string();
        assert!(text.contains("exit status: 3"), "{text}");
        assert!(text.ends_with("  no good"), "{text}");
    }

    #[tokio::test]
    async fn much_input_goes_in_and_comes_back() {
        let long = "x".repeat(1 << 20);
        let answer = run(Tool::new("cat").input(long.clone()));
        assert_eq!(answer.await.unwrap(), long);
        let deaf = run(shell("exit 0").input(long));
        assert_eq!(deaf.await.unwrap(), "");
    }

    #[tokio::test]
    async fn what_is_streamed_is_heard_before_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let go_on = dir.path().join("go-on");
        let script = format!(
            "echo begun; while [ ! -e {} ]; do sleep 0.05; done; echo done",
            go_on.display()
        );
        let never = never();
        let answer = shell(&script).stream(
            |bytes| {
                if bytes.starts_with(b"begun") {
                    std::fs::write(&go_on, "").unwrap();
                }
            },
            LONG,
            &never,
        );
        assert_eq!(answer.await.unwrap(), "begun\ndone\n");
    }

    #[tokio::test]
    async fn variables_are_set_and_kept_away() {
        let tool = shell("echo ${GIVEN-none} ${HOME-none}")
            .env("GIVEN", "yes")
            .without_env("HOME");
        assert_eq!(run(tool).await.unwrap(), "yes none\n");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let tool = Tool::new("no-such-program");
        for tool in [tool.clone(), tool.shares_files()] {
            let error = run(tool).await.unwrap_err();
            assert!(
                matches!(error, ProcessError::NotFound { program } if program == "no-such-program")
            );
        }
    }

    #[tokio::test]
    async fn r02_files_of_a_program_that_shares_them_are_readable_whatever_the_umask() {
        let dir = tempfile::tempdir().unwrap();
        let inner = shell("echo \"$1\" > \"$1\"").shares_files();
        let file = dir.path().join("a file");
        let tool = inner.args(["sh"]).arg(&file);
        let before = nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
        let outcome = run(tool).await;
        nix::sys::stat::umask(before);
        outcome.unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(&file).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o644);
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_stopped_at_the_deadline() {
        let short = Duration::from_millis(200);
        let hangs = shell("echo begun; exec sleep 600");
        let error = hangs.output(short, &never()).await.unwrap_err();
        assert!(matches!(error, ProcessError::TimedOut { .. }), "{error}");
        assert!(error.to_string().ends_with("  begun"), "{error}");
    }

    #[tokio::test]
    async fn a_grandchild_that_keeps_the_pipe_open_holds_nobody_up() {
        let script = "setsid sleep 60 & echo $!";
        let pid = tokio::time::timeout(Duration::from_secs(20), run(shell(script)));
        let pid = pid.await.expect("it returns").unwrap();
        let pid = Pid::from_raw(pid.trim().parse().unwrap());
        nix::sys::signal::kill(pid, Signal::SIGKILL).expect("the grandchild still runs");
    }

    #[tokio::test]
    async fn interrupting_stops_the_whole_group() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", mark.display());
        let cancel = CancellationToken::new();
        let read = || std::fs::read_to_string(&mark).unwrap_or_default();
        let watch = async {
            while read().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            cancel.cancel();
        };
        let (outcome, ()) = tokio::join!(shell(&script).output(LONG, &cancel), watch);
        assert!(matches!(outcome, Err(ProcessError::Cancelled { .. })));
        let stat = format!("/proc/{}/stat", read().trim());
        // It was sent the signal; the kernel may take a moment to end it.
        let ended = async {
            let gone = |stat: &str| stat.is_empty() || stat.contains(") Z ");
            while !gone(&std::fs::read_to_string(&stat).unwrap_or_default()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), ended)
            .await
            .expect("the whole group ends");
    }

    #[tokio::test]
    async fn a_full_disk_is_recognised() {
        let full = run(shell(
            "echo 'write /a: No space left on device' >&2; exit 1",
        ));
        assert!(full.await.unwrap_err().is_disk_full());
    }
}
