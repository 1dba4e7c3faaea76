//! The ports of a network's URLs on this machine.

use std::net::TcpListener;
use std::time::Duration;

use aznet_cluster::paths::Paths;
use serde_json::Value;

use super::checks::{expect, kill};
use super::machine::{CLUSTER, Checked, Machine, NETWORK, json};
use super::rollout::{namespace, wait_for};

/// A row of ports that was asked for is the network's: whoever opens its URLs anew opens the same.
pub(super) fn kept(_: &Machine) -> Checked {
    let base = free_row()?;
    let given = base.to_string();
    let up = json(&["up", NETWORK, "--cluster", CLUSTER, "--port-base", &given])?;
    let url = up["endpoints"]["PXE_URL"].clone();
    expect(
        url == format!("http://127.0.0.1:{base}"),
        "the first port",
        &url,
    )?;
    kill(forwarder()?)?;
    wait_for("the ports are let go of", Duration::from_secs(10), || {
        TcpListener::bind(("127.0.0.1", base))
            .map(drop)
            .map_err(|error| error.to_string())
    })?;
    let again = json(&["env", NETWORK, "--cluster", CLUSTER])?;
    expect(again["PXE_URL"] == url, "the same URL", &again)?;
    let up = json(&["up", NETWORK, "--cluster", CLUSTER])?;
    expect(up["endpoints"]["PXE_URL"] == url, "the same URL", &up)
}

/// A base whose row nobody has now.
fn free_row() -> Result<u16, String> {
    let free =
        |base: &u16| (*base..base + 7).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    (23_450..23_950)
        .step_by(10)
        .find(free)
        .ok_or_else(|| "no seven free ports in a row".to_owned())
}

/// The process that keeps the network's URLs open.
fn forwarder() -> Result<i32, String> {
    let run = Paths::from_env().map_err(|error| error.to_string())?;
    let record = run
        .run()
        .join("_forward")
        .join(format!("{}.json", namespace()?));
    let text = std::fs::read_to_string(&record)
        .map_err(|error| format!("{}: {error}", record.display()))?;
    let record: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let pid = record["process"]["pid"]
        .as_i64()
        .and_then(|pid| i32::try_from(pid).ok());
    pid.ok_or_else(|| format!("no process in {record}"))
}
