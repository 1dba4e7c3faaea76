//! What is planned and rendered, without a cluster.

use super::programs::{pinned, program};
use crate::run;
use anyhow::{Result, bail};
use std::process::Command;
use std::time::Instant;

/// Plan and rendered manifests for 1,000 validators.
pub(super) fn thousand_validators() -> Result<f64> {
    let began = Instant::now();
    let set = [
        "--set",
        "validator.replicas=1000",
        "--set",
        "network.committeeSize=48",
        // Else the plan ends with what this machine lacks.
        "--set",
        "validator.resources.requests.cpu=1m",
    ];
    let planned = Command::new(program()?)
        .args([&["plan", "small", "-o", "json"], set.as_slice()].concat())
        .env("AZNET_MEMORY", "4096GiB")
        .output()?;
    let chart = run::root().join("helm-charts/aztec-network");
    let rendered = Command::new(pinned("helm")?)
        .args(["template", "bench"])
        .arg(chart)
        .args(set)
        .output()?;
    let seconds = began.elapsed().as_secs_f64();
    if !planned.status.success() || !rendered.status.success() {
        bail!(
            "planning or rendering failed: {}{}",
            String::from_utf8_lossy(&planned.stderr),
            String::from_utf8_lossy(&rendered.stderr)
        );
    }
    Ok(seconds)
}
