//! Metrics of every node, and those that the alerts are made of.

use std::time::Duration;

use aznet_kit::wait::{Deadline, Look};
use aznet_network::observe::telemetry::{self, Prometheus, TelemetryError};
use aznet_runner::Failure;

use crate::look::{self, Blind};
use crate::world::World;

/// What nodes and collector may take to push, and Prometheus to scrape.
const WITHIN: Duration = Duration::from_mins(3);
/// What alerts and dashboards are made of and every network that is well has.
const METRICS: [&str; 3] = [
    "aztec_archiver_checkpoint_height",
    "aztec_mempool_tx_count",
    "aztec_validator_attestation_success_count",
];

/// Waits until metrics of every node have arrived, those of [`METRICS`] among them.
pub(super) async fn arrived(world: &World) -> Result<String, Failure> {
    let context = &world.context;
    let what = "metrics of every node";
    let report = |last: &str| context.waiting(what, last);
    let all = telemetry::arrived(&world.network, false, WITHIN, report, &context.cancel).await;
    let all = all.map_err(|error| match error {
        TelemetryError::Silent(_) => Failure::assertion(error),
        other => Failure::infrastructure(other),
    })?;
    for metric in METRICS {
        exists(world, metric).await?;
    }
    Ok(format!(
        "of {} pods, with {}",
        all.len(),
        METRICS.join(", ")
    ))
}

async fn exists(world: &World, metric: &str) -> Result<(), Failure> {
    let what = format!("the metric {metric}");
    let prometheus = Prometheus::of(&world.network).await;
    let prometheus = prometheus.map_err(Failure::infrastructure)?;
    let deadline = Deadline::after(WITHIN);
    look::until(&world.context, &what, deadline, || async {
        match prometheus.query(metric).await {
            Ok(samples) if !samples.is_empty() => Ok(Look::Done(())),
            Ok(_) => Ok(Look::pending("nobody pushes it")),
            Err(error) => Err(Blind::no_answer(&error)),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_the_alerts_are_made_of() {
        let templates =
            crate::topology::tests::source().join("helm-charts/aztec-network/templates/prometheus");
        let read = |name: &str| std::fs::read_to_string(templates.join(name)).expect("a template");
        let rules = read("_rules.tpl") + &read("_alerts.tpl");
        for metric in METRICS {
            assert!(rules.contains(metric), "{metric}");
        }
    }
}
