//! What a user has today: `aztec start --local-network`, the single process with its own anvil, from the same image tree.

use super::machine::{self, Busy};
use super::table::{Figure, What};
use super::wait::{POLL, pause};
use crate::image::Mounted;
use anyhow::{Result, bail};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const NETNS: &str = "aznet-bench-peer";
/// As Aztec's own `aztec` script starts it.
const START: &str = "anvil --silent & exec node --no-warnings /usr/src/yarn-project/aztec/dest/bin/index.js start --local-network";
const DEADLINE: Duration = Duration::from_mins(5);

/// How soon it has its first block, what the machine computed until then, and its memory.
pub(super) fn measure(image: &Mounted) -> Result<Vec<Figure>> {
    sh(&["ip", "netns", "add", NETNS])?;
    let outcome =
        sh(&["ip", "-n", NETNS, "link", "set", "lo", "up"]).and_then(|()| in_namespace(image));
    sh(&["ip", "netns", "del", NETNS])?;
    let [seconds, computed, memory] = outcome?;
    let start = "today: `aztec start --local-network`, one process: start → first block";
    Ok(vec![
        What::new(start, "s").is(seconds),
        machine::COMPUTED.is(computed),
        What::new("today: its memory (with its anvil)", "GB").is(memory),
    ])
}

/// `[seconds to the first block, CPU seconds of the machine until then, GB of memory]`.
fn in_namespace(image: &Mounted) -> Result<[f64; 3]> {
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
    let mut command = inside("setsid");
    command.arg(entered.get_program()).args(entered.get_args());
    let busy = Busy::watch();
    let began = Instant::now();
    let mut process = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let block = first_block(&mut process, began);
    if process.try_wait()?.is_none() {
        let group = format!("-{}", process.id());
        sh(&["kill", "-TERM", "--", &group])?;
        process.wait()?;
    }
    let [seconds, memory] = block?;
    Ok([seconds, busy.until(seconds)?, memory])
}

fn first_block(process: &mut Child, began: Instant) -> Result<[f64; 2]> {
    let question = r#"{"jsonrpc":"2.0","id":1,"method":"node_getBlockNumber","params":[]}"#;
    loop {
        let answer = inside("curl")
            .args([
                "-s",
                "-m",
                "2",
                "-H",
                "content-type: application/json",
                "-d",
                question,
                "http://127.0.0.1:8080",
            ])
            .output()?;
        let block = serde_json::from_slice::<serde_json::Value>(&answer.stdout).ok();
        if block
            .and_then(|b| b["result"].as_u64())
            .is_some_and(|n| n > 0)
        {
            return Ok([began.elapsed().as_secs_f64(), resident(process.id())? / 1e9]);
        }
        if let Some(status) = process.try_wait()? {
            bail!("`aztec start --local-network` ended with {status}");
        }
        if began.elapsed() > DEADLINE {
            bail!(
                "`aztec start --local-network`: no block within {} s",
                DEADLINE.as_secs()
            );
        }
        pause(POLL);
    }
}

/// Resident bytes of all processes of the session: the node, its anvil and its bb.
fn resident(session: u32) -> Result<f64> {
    let listed = Command::new("ps")
        .args(["-o", "rss=", "-s", &session.to_string()])
        .output()?;
    let kib: f64 = String::from_utf8_lossy(&listed.stdout)
        .split_whitespace()
        .filter_map(|n| n.parse::<f64>().ok())
        .sum();
    Ok(kib * 1024.0)
}

fn inside(program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net=/run/netns/{NETNS}"))
        .arg(program);
    command
}

fn sh(words: &[&str]) -> Result<()> {
    let status = Command::new(words[0]).args(&words[1..]).status()?;
    if !status.success() {
        bail!("`{}`: {status}", words.join(" "));
    }
    Ok(())
}
