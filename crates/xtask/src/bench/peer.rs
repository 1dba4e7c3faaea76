//! What a user has today: `aztec start --local-network`, from the same image tree.

use super::machine::{self, Busy};
use super::table::{Figure, What};
use crate::image::Mounted;
use crate::local_network;
use anyhow::Result;
use std::process::Command;

/// How soon it has its first block, what the machine computed until then, and its memory.
pub(super) fn measure(image: &Mounted) -> Result<Vec<Figure>> {
    let busy = Busy::watch();
    let [seconds, memory] = local_network::on(image, |network| {
        let seconds = network.first_block()?.as_secs_f64();
        Ok([seconds, resident(network.session())? / 1e9])
    })?;
    let computed = busy.until(seconds)?;
    let start = "today: `aztec start --local-network`, one process: start → first block";
    Ok(vec![
        What::new(start, "s").is(seconds),
        machine::COMPUTED.is(computed),
        What::new("today: its memory (with its anvil)", "GB").is(memory),
    ])
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
