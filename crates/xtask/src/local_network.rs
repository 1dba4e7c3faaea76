//! `aztec start --local-network`: the single process with its own anvil that developers have today, of the packages of an image.

use crate::image::Mounted;
use crate::wait::{POLL, pause};
use anyhow::{Result, bail};
use std::ffi::OsStr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A network namespace of its own, which ends with it.
const NETNS: &str = "aznet-local-network";
/// As Aztec's own `aztec` script starts it.
const START: &str = "anvil --silent & exec node --no-warnings /usr/src/yarn-project/aztec/dest/bin/index.js start --local-network";
const QUESTION: &str = r#"{"jsonrpc":"2.0","id":1,"method":"node_getBlockNumber","params":[]}"#;
const DEADLINE: Duration = Duration::from_mins(5);

/// The process, whose node listens on port 8080 of the namespace's loopback.
pub(crate) struct LocalNetwork {
    process: Child,
    began: Instant,
    _home: TempDir,
}

/// Starts one, calls `run`, and stops it whatever came of that.
pub(crate) fn on<T>(
    image: &Mounted,
    run: impl FnOnce(&mut LocalNetwork) -> Result<T>,
) -> Result<T> {
    sh(&["ip", "netns", "add", NETNS])?;
    let outcome = sh(&["ip", "-n", NETNS, "link", "set", "lo", "up"])
        .and_then(|()| LocalNetwork::start(image))
        .and_then(|mut network| {
            let outcome = run(&mut network);
            network.stop().and(outcome)
        });
    sh(&["ip", "netns", "del", NETNS])?;
    outcome
}

impl LocalNetwork {
    fn start(image: &Mounted) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let words = [
            "/usr/bin/env",
            "HOME=/tmp/home",
            "LOG_LEVEL=warn",
            "DATA_DIRECTORY=/tmp/home",
            "ETHEREUM_HOSTS=http://127.0.0.1:8545",
            "sh",
            "-c",
            START,
        ];
        let entered = image.command(Some((home.path(), "/tmp/home")), &words);
        let mut command = Self::inside("setsid");
        command.arg(entered.get_program()).args(entered.get_args());
        let began = Instant::now();
        Ok(Self {
            process: command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?,
            began,
            _home: home,
        })
    }

    /// Waits for the first block; how long it took from the start.
    pub(crate) fn first_block(&mut self) -> Result<Duration> {
        loop {
            if block()?.is_some_and(|number| number > 0) {
                return Ok(self.began.elapsed());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("`aztec start --local-network` ended with {status}");
            }
            if self.began.elapsed() > DEADLINE {
                let seconds = DEADLINE.as_secs();
                bail!("`aztec start --local-network`: no block within {seconds} s");
            }
            pause(POLL);
        }
    }

    /// The session that all its processes are in: the node, its anvil and its bb.
    pub(crate) fn session(&self) -> u32 {
        self.process.id()
    }

    /// A command in its network namespace.
    pub(crate) fn inside(program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/run/netns/{NETNS}"))
            .arg(program);
        command
    }

    fn stop(mut self) -> Result<()> {
        if self.process.try_wait()?.is_none() {
            let group = format!("-{}", self.process.id());
            sh(&["kill", "-TERM", "--", &group])?;
            self.process.wait()?;
        }
        Ok(())
    }
}

/// Its newest block, if it answers.
fn block() -> Result<Option<u64>> {
    let answer = LocalNetwork::inside("curl")
        .args(["-s", "-m", "2", "-H", "content-type: application/json"])
        .args(["-d", QUESTION, "http://127.0.0.1:8080"])
        .output()?;
    let answer = serde_json::from_slice::<serde_json::Value>(&answer.stdout).ok();
    Ok(answer.and_then(|answer| answer["result"].as_u64()))
}

fn sh(words: &[&str]) -> Result<()> {
    let status = Command::new(words[0]).args(&words[1..]).status()?;
    if !status.success() {
        bail!("`{}`: {status}", words.join(" "));
    }
    Ok(())
}
