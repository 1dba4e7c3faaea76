//! Processes by identity: a pid alone may have been given to someone else.

use std::fs;
use std::io;
use std::path::PathBuf;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// A process, told from any later one with the same pid by its start time and the boot it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The process id.
    pub pid: i32,
    /// Clock ticks from boot to its start (`/proc/PID/stat`, field 22).
    start: u64,
    /// The kernel's `boot_id`.
    boot: String,
}

impl Process {
    /// The process that has this pid now; `None` if there is none or it is a zombie.
    pub fn of(pid: i32) -> Option<Self> {
        let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (state, start) = parse_stat(&line)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let boot = boot.trim().to_owned();
        (state != 'Z' && state != 'X').then_some(Self { pid, start, boot })
    }

    /// This process.
    ///
    /// # Errors
    /// When `/proc` does not tell.
    pub fn this() -> io::Result<Self> {
        let pid = nix::unistd::getpid().as_raw();
        Self::of(pid).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Whether it still runs.
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Ends it at once, if it still is the same process.
    pub fn kill(&self) -> io::Result<()> {
        kill_if(self.pid, || self.is_alive())
    }
}

/// Ends the process `pid` at once if `is_it` holds. What it looks at can't become another process between the look and
/// the signal: a descriptor of the process is held meanwhile.
pub(crate) fn kill_if(pid: i32, is_it: impl FnOnce() -> bool) -> io::Result<()> {
    let Some(pid) = Pid::from_raw(pid) else {
        return Ok(());
    };
    let gone = |error: rustix::io::Errno| {
        if error == rustix::io::Errno::SRCH {
            Ok(())
        } else {
            Err(error.into())
        }
    };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(descriptor) if is_it() => pidfd_send_signal(&descriptor, Signal::KILL).or_else(gone),
        Ok(_) => Ok(()),
        Err(error) => gone(error),
    }
}

/// A process's cgroups, one per hierarchy, such as `/aznet/ci/system`.
pub(crate) fn cgroups(pid: i32) -> Vec<PathBuf> {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/cgroup")) else {
        return Vec::new();
    };
    text.lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .map(PathBuf::from)
        .collect()
}

/// State and start time of `/proc/PID/stat`; the command in it may hold spaces and parentheses.
fn parse_stat(line: &str) -> Option<(char, u64)> {
    let rest = &line[line.rfind(')')? + 1..];
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let start = fields.nth(18)?.parse().ok()?;
    Some((state, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_past_any_command_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 5 3 0 0 20 0 1 0 123456 1 2";
        assert_eq!(parse_stat(stat), Some(('S', 123_456)));
        assert_eq!(parse_stat("42 nonsense"), None);
    }

    #[test]
    fn this_process_is_alive_and_another_start_time_is_another_process() {
        let this = Process::this().unwrap();
        assert!(this.is_alive());
        let other = Process {
            start: this.start + 1,
            ..this
        };
        assert!(!other.is_alive());
        other.kill().unwrap();
    }
}
