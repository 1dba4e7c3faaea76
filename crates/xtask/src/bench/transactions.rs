//! What a contract developer waits for: transfers by Aztec.js, one after the other, with a wallet of its own.

use super::median::median;
use crate::image::Mounted;
use crate::run;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::process::{Command, Stdio};

/// Where the image shows the program: below the folder of Aztec's packages.
const PLACE: &str = "/usr/src/bench";

/// What transactions.ts prints: seconds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Seconds {
    account_deployed: f64,
    token_deployed: f64,
    minted: f64,
    transfers: Vec<Transfer>,
}

/// Since the transfer was asked for.
#[derive(Debug, Deserialize)]
struct Transfer {
    /// Simulated, proven and taken by the node.
    sent: f64,
    proposed: f64,
    checkpointed: f64,
}

impl Seconds {
    /// `[taken by the node, proposed, checkpointed]`, each the median of all transfers.
    pub(super) fn medians(&self) -> [f64; 3] {
        let of = |seconds: fn(&Transfer) -> f64| {
            median(&self.transfers.iter().map(seconds).collect::<Vec<_>>())
        };
        [of(|t| t.sent), of(|t| t.proposed), of(|t| t.checkpointed)]
    }
}

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "account deployed {:.1} s", self.account_deployed)?;
        writeln!(f, "token deployed {:.1} s", self.token_deployed)?;
        writeln!(f, "minted {:.1} s", self.minted)?;
        for Transfer {
            sent,
            proposed,
            checkpointed,
        } in &self.transfers
        {
            writeln!(
                f,
                "transfer: sent {sent:.1} s, proposed {proposed:.1} s, checkpointed {checkpointed:.1} s"
            )?;
        }
        let [sent, proposed, checkpointed] = self.medians();
        write!(
            f,
            "median: sent {sent:.1} s, proposed {proposed:.1} s, checkpointed {checkpointed:.1} s"
        )
    }
}

/// Measures so many transfers on the network of a node.
pub(crate) fn measure(image: &Mounted, node_url: &str, transfers: u32) -> Result<Seconds> {
    let folder = run::root().join("crates/xtask/src/bench");
    let url = format!("AZTEC_NODE_URL={node_url}");
    let count = format!("TRANSFERS={transfers}");
    let words = [
        "/usr/bin/env",
        "-C",
        PLACE,
        &url,
        &count,
        "LOG_LEVEL=warn",
        "node",
        "--no-warnings",
        "transactions.ts",
    ];
    let command: Command = image.command(Some((&folder, PLACE)), &words);
    said(command)
}

fn said(mut command: Command) -> Result<Seconds> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("transactions.ts could not be started")?;
    if !output.status.success() {
        bail!("transactions.ts: {}", output.status);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with('{'));
    let line = line.with_context(|| format!("transactions.ts printed no seconds: {text}"))?;
    serde_json::from_str(line).with_context(|| format!("the output of transactions.ts: {line}"))
}
