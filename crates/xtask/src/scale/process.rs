//! What a command costs: its time, and of the kernel its CPU time and memory.

use super::figures::Cost;
use crate::bench::programs;
use crate::wait::pause;
use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read, Seek};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How often the kernel is asked for the memory of a process, which it forgets when that ends.
const SAMPLED: Duration = Duration::from_millis(20);
/// The kernel counts time in hundredths of a second (USER_HZ).
const TICKS: f64 = 100.0;

/// A command that has ended.
pub(super) struct Ran {
    pub(super) cost: Cost,
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    /// What it said, for an error.
    pub(super) stderr: String,
}

/// Runs `aznet` to its end; or until it says a line that begins like this, which is what it took, and it is interrupted then.
pub(super) fn aznet(args: &[&str], until: Option<&str>) -> Result<Ran> {
    let mut stdout = tempfile::tempfile()?;
    let mut child = Command::new(programs::program()?)
        .args(args)
        // Nothing of it runs here.
        .envs([("AZNET_MEMORY", "4096GiB"), ("AZNET_CPU", "4096")])
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(stdout.try_clone()?)
        .stderr(Stdio::piped())
        .spawn()
        .context("aznet could not be started")?;
    let (began, said) = (Instant::now(), lines(&mut child)?);
    let (mut done, mut memory, mut stderr) = (None, 0.0, Vec::new());
    let ended = loop {
        memory = peak(child.id()).unwrap_or(memory);
        stderr.extend(said.try_iter());
        let stat = Stat::of(child.id())?;
        if stat.ended {
            break stat;
        }
        let is_said = |until: &str| stderr.iter().any(|line: &String| line.starts_with(until));
        if done.is_none() && until.is_some_and(is_said) {
            done = Some(began.elapsed());
            kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGINT)?;
        }
        pause(SAMPLED);
    };
    let took = done.unwrap_or_else(|| began.elapsed());
    let status = child.wait()?;
    stderr.extend(said.iter());
    if let (Some(until), None) = (until, done) {
        bail!(
            "`aznet {}` never said `{until}`:\n{}",
            args.join(" "),
            stderr.join("\n")
        );
    }
    let mut text = String::new();
    stdout.rewind()?;
    stdout.read_to_string(&mut text)?;
    Ok(Ran {
        cost: Cost {
            took: hundredths(took.as_secs_f64()),
            cpu: hundredths(ended.own / TICKS),
            helm: hundredths(ended.children / TICKS),
            memory: memory.round(),
        },
        status,
        stdout: text,
        stderr: stderr.join("\n"),
    })
}

fn hundredths(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}

/// What it says on stderr, line by line, as long as it lives.
fn lines(child: &mut Child) -> Result<Receiver<String>> {
    let stderr = child.stderr.take().context("stderr is piped")?;
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        while lines.next().is_some_and(|line| send.send(line).is_ok()) {}
    });
    Ok(receive)
}

/// The most memory that a process had, in MB; `None` if it has ended.
fn peak(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

/// What the kernel counts of a process; it still does when the process has ended and nobody has asked how.
#[derive(Debug, PartialEq)]
struct Stat {
    ended: bool,
    /// Ticks of the process itself.
    own: f64,
    /// Ticks of its children that have ended.
    children: f64,
}

impl Stat {
    fn of(pid: u32) -> Result<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        Self::parse(&text).with_context(|| format!("/proc/{pid}/stat is `{text}`"))
    }

    /// See proc_pid_stat(5): the name may hold anything, and ends with the last parenthesis.
    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
        Some(Self {
            ended: *fields.first()? == "Z",
            own: ticks(11)? + ticks(12)?,
            children: ticks(13)? + ticks(14)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let text = "4711 (a (b) c) Z 1 2 3 0 -1 4 5 6 7 8 120 30 400 50 20 0 1 0";
        let expected = Stat {
            ended: true,
            own: 150.0,
            children: 450.0,
        };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse("4711 (a"), None);
    }
}
