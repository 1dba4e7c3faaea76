//! Whether every node of a network pushes what it should.

use std::time::Duration;

use anyhow::Context as _;
use aznet_model::values::Telemetry;
use aznet_network::namespace::Network;
use aznet_network::observe::telemetry::{self, Arrival};

use crate::context::Context;
use crate::steps::Steps;
use aznet_model::units::count;

/// Time for the last node to start pushing once it serves, besides four collections.
const COLLECTED_WITHIN: Duration = Duration::from_mins(1);

/// Waits until something of every node has arrived, where there is a Prometheus to ask.
pub(crate) async fn observe(
    wanted: &Telemetry,
    network: &Network,
    steps: &Steps,
    context: &Context,
) -> anyhow::Result<Vec<Arrival>> {
    if !wanted.stores() {
        return Ok(Vec::new());
    }
    let step = steps.begin("telemetry", "checking that data of every node arrives");
    let collections = Duration::from_secs(4 * u64::from(wanted.collect_interval));
    let (patience, say) = (COLLECTED_WITHIN + collections, |text: &str| step.say(text));
    let cancel = context.interrupt.token();
    let all = telemetry::arrived(network, wanted.logs, patience, say, cancel)
        .await
        .with_context(|| format!("network {} is up, but not observed", network.name()))
        .inspect_err(|_| step.abandon())?;
    let lines: u64 = all.iter().filter_map(|one| one.logs).sum();
    let what = if wanted.logs {
        format!("metrics and {lines} log lines")
    } else {
        "metrics".to_owned()
    };
    let nodes = count(all.len(), "node");
    steps.end(&step, format!("{what} of {nodes} arrived"));
    Ok(all)
}
