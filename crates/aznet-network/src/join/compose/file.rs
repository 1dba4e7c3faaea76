//! The part of the Compose specification that joiners' pods need.

use std::collections::BTreeMap;

use serde::Serialize;

/// `compose.yaml`.
#[derive(Debug, Serialize)]
pub(super) struct File {
    name: String,
    pub(super) services: BTreeMap<String, Service>,
    /// The project's own, with their options.
    pub(super) volumes: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) configs: BTreeMap<String, Source>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) secrets: BTreeMap<String, Source>,
}

impl File {
    pub(super) const fn named(name: String) -> Self {
        Self {
            name,
            services: BTreeMap::new(),
            volumes: BTreeMap::new(),
            configs: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }
}

/// Where a config or a secret is from.
#[derive(Debug, Serialize)]
pub(super) struct Source {
    file: String,
}

impl Source {
    /// A file beside `compose.yaml`.
    pub(super) fn beside(name: &str) -> Self {
        Self {
            file: format!("./{name}"),
        }
    }
}

/// A container.
#[derive(Debug, Default, Serialize)]
pub(super) struct Service {
    pub(super) image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pull_policy: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) depends_on: BTreeMap<String, DependsOn>,
    pub(super) entrypoint: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) command: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) env_file: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) ports: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) networks: BTreeMap<&'static str, Reached>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) network_mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) volumes: Vec<Volume>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) configs: Vec<Mount>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) secrets: Vec<Mount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) healthcheck: Option<HealthCheck>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restart: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_grace_period: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mem_limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpus: Option<String>,
    pub(super) user: String,
    pub(super) read_only: bool,
    pub(super) cap_drop: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) cap_add: Vec<String>,
    pub(super) security_opt: Vec<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) sysctls: BTreeMap<String, String>,
}

/// What another container must have come to.
#[derive(Debug, Serialize)]
pub(super) struct DependsOn {
    condition: &'static str,
}

impl DependsOn {
    /// It has ended well.
    pub(super) const COMPLETED: Self = Self {
        condition: "service_completed_successfully",
    };
}

/// Further names of a container.
#[derive(Debug, Serialize)]
pub(super) struct Reached {
    pub(super) aliases: Vec<String>,
}

/// A named volume in a container.
#[derive(Debug, Serialize)]
pub(super) struct Volume {
    r#type: &'static str,
    source: String,
    target: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    read_only: bool,
    #[serde(rename = "volume")]
    options: Options,
}

#[derive(Debug, Serialize)]
struct Options {
    nocopy: bool,
}

impl Volume {
    /// Nothing of the image is copied to it, nor is its owner changed.
    pub(super) const fn new(source: String, target: String, read_only: bool) -> Self {
        Self {
            r#type: "volume",
            source,
            target,
            read_only,
            options: Options { nocopy: true },
        }
    }
}

/// A config or a secret in a container.
#[derive(Debug, Serialize)]
pub(super) struct Mount {
    pub(super) source: String,
    pub(super) target: String,
}

/// Whether a container serves.
#[derive(Debug, Serialize)]
pub(super) struct HealthCheck {
    pub(super) test: Vec<String>,
    pub(super) interval: String,
    pub(super) timeout: String,
    pub(super) retries: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_period: Option<String>,
}

/// A variable that the chart takes from a Secret, and an `env_file` has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Credential {
    pub(super) variable: String,
    pub(super) key: String,
}
