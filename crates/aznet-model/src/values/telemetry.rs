//! Values that describe how a network is observed.

use super::pod::{ServiceType, pod_settings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An HTTP URL, or nothing.
pub(super) const HTTP_URL: &str = r"^(https?://.+)?$";
/// How long something is kept, as Prometheus writes it.
pub(super) const DURATION: &str = r"^([0-9]+(ms|[smhdwy]))+$";

/// Metrics, logs and traces of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Telemetry {
    /// Every node pushes to an OpenTelemetry collector; Prometheus and Grafana run on what it collects.
    pub enabled: bool,
    /// Seconds between two pushes of a node, and between two looks of Prometheus.
    #[schemars(range(min = 1, max = crate::limit::DAY))]
    pub collect_interval: u32,
    /// Prefixes of metrics that nodes keep to themselves.
    pub exclude_metrics: Vec<String>,
    /// Nodes push their log lines.
    pub logs: bool,
    /// Nodes push their traces.
    pub traces: bool,
    /// The OpenTelemetry collector.
    pub collector: Collector,
    /// Prometheus.
    pub prometheus: Prometheus,
    /// Grafana.
    pub grafana: Grafana,
}

impl Telemetry {
    /// `true`: the chart runs the collector itself.
    pub fn collects(&self) -> bool {
        self.enabled && self.collector.endpoint.is_empty()
    }

    /// `true`: the chart runs Prometheus.
    pub fn stores(&self) -> bool {
        self.collects() && self.prometheus.enabled
    }

    /// `true`: the chart runs Grafana.
    pub fn shows(&self) -> bool {
        self.stores() && self.grafana.enabled
    }
}

pod_settings! {
    /// The OpenTelemetry collector.
    pub struct Collector {
        /// OTLP/HTTP URL of a collector elsewhere, which nodes push to; then the chart runs none, nor Prometheus and Grafana.
        #[schemars(regex(pattern = HTTP_URL))]
        pub endpoint: String,
        /// Name of a Secret with the key `headers` (`name=value,...`), which nodes send to `endpoint`.
        pub existing_secret: String,
        /// Where the chart's collector sends all of it on to.
        pub forward: Forward,
    }
}

/// A store of metrics, logs and traces elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Forward {
    /// Its OTLP/HTTP URL; empty: nothing is sent on.
    #[schemars(regex(pattern = HTTP_URL))]
    pub endpoint: String,
    /// Name of a Secret with the key `authorization`: the value of that header.
    pub existing_secret: String,
}

pod_settings! {
    /// Prometheus.
    pub struct Prometheus {
        /// Run it.
        pub enabled: bool,
        /// How long it keeps samples, if the volume does not fill up before that.
        #[schemars(regex(pattern = DURATION))]
        pub retention: String,
        /// Where it sends alerts, `host:port` of Alertmanagers.
        pub alertmanagers: Vec<String>,
        /// Thresholds of alerts.
        pub alerts: Alerts,
        /// More rule files by name, as Prometheus reads them.
        pub rules: BTreeMap<String, Map<String, Value>>,
    }
}

/// Thresholds of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alerts {
    /// An L1 account of a node with less ETH than this is an alert.
    #[schemars(range(min = 0, max = crate::limit::GWEI))]
    pub l1_balance_eth: f64,
    /// A node's databases that fill more of its volume than this, in percent, are an alert.
    #[schemars(range(min = 1, max = 100))]
    pub disk_percent: u32,
}

pod_settings! {
    /// Grafana.
    pub struct Grafana {
        /// Run it, with the chart's dashboards.
        pub enabled: bool,
        /// Name of a Secret with the keys `username` and `password` of its administrator; empty generates one, kept over upgrades.
        pub existing_secret: String,
        /// How it is reached.
        pub expose: Expose,
    }
}

/// How a Service is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expose {
    /// Type of the Service.
    #[serde(rename = "type")]
    pub kind: ServiceType,
    /// Static IP of the `LoadBalancer`.
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: String,
    /// Controller that makes the `LoadBalancer`; empty: the cluster's default.
    pub load_balancer_class: String,
    /// Networks from which the `LoadBalancer` may be reached; empty: all.
    pub load_balancer_source_ranges: Vec<String>,
    /// Port of every machine, with `NodePort`; 0: one that the cluster chooses.
    pub node_port: u16,
    /// Annotations of the Service, by name.
    pub annotations: BTreeMap<String, String>,
}
