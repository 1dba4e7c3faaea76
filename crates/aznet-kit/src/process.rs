//! Programs that are run to their end: output kept, a mandatory deadline, stopped as a group.

mod error;
mod path;
mod running;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

pub use self::error::ProcessError;
pub use self::path::{find_in, on_path};
pub use self::running::stop;

use self::running::{End, Kept, follow};

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

#[cfg(test)]
mod tests;
