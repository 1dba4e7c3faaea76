//! Secrets that the values name: they must be in the namespace before the pods that read them can start.

use std::fmt;

use crate::pod::PodName;
use crate::role::Role;
use crate::values::Values;
use serde::Serialize;

/// A Secret that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretPlan {
    /// Its name.
    pub name: String,
    /// The values that name it, e.g. `keys.existingSecret`.
    pub key: String,
    /// What must be in it.
    pub holds: Vec<String>,
    /// What may be in it as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub may_hold: Vec<String>,
}

impl SecretPlan {
    fn new(key: &str, name: &str, holds: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            key: key.to_owned(),
            holds: holds.iter().map(ToString::to_string).collect(),
            may_hold: Vec::new(),
        }
    }

    fn may_hold(self, keys: &[&str]) -> Self {
        Self {
            may_hold: keys.iter().map(ToString::to_string).collect(),
            ..self
        }
    }
}

impl fmt::Display for SecretPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// So many of its keys are named.
        const SHOWN: usize = 4;
        let Self {
            name, key, holds, ..
        } = self;
        let shown: Vec<&str> = holds.iter().take(SHOWN).map(String::as_str).collect();
        f.write_str(name)?;
        if !shown.is_empty() {
            write!(f, " with {}", shown.join(", "))?;
        }
        if holds.len() > SHOWN {
            write!(f, ", … ({} in all)", holds.len())?;
        }
        write!(f, ", named by {key}: must be in the namespace")
    }
}

pub(super) fn of(values: &Values) -> Vec<SecretPlan> {
    let mut secrets = pull_secrets(values);
    secrets.extend(of_keys(values));
    secrets.extend(of_services(values));
    secrets.extend(of_telemetry(values));
    secrets.extend(environments(values));
    secrets.retain(|secret| !secret.name.is_empty());
    secrets
}

fn pull_secrets(values: &Values) -> Vec<SecretPlan> {
    let named = values.image_pull_secrets.iter();
    named
        .map(|secret| SecretPlan::new("imagePullSecrets", &secret.0, &[".dockerconfigjson"]))
        .collect()
}

fn of_keys(values: &Values) -> Vec<SecretPlan> {
    let keys = &values.keys;
    let holders = values
        .workloads()
        .into_iter()
        .filter(|workload| matches!(workload.role(), Role::Validator | Role::ProverNode));
    let stores = holders.flat_map(|workload| {
        let pods = 0..values.replicas_of(&workload);
        pods.map(move |ordinal| format!("{}.json", PodName::new(workload.name(), ordinal)))
    });
    let stores: Vec<String> = stores.collect();
    vec![
        SecretPlan::new("keys.existingSecret", &keys.existing_secret, &["mnemonic"]),
        SecretPlan {
            holds: stores,
            ..SecretPlan::new("keys.keystoreSecret", &keys.keystore_secret, &[])
        },
        SecretPlan::new(
            "validatorSet.withdrawerSecret",
            &values.validator_set.withdrawer_secret,
            &["privateKey"],
        ),
    ]
}

fn of_services(values: &Values) -> Vec<SecretPlan> {
    let l1 = SecretPlan::new(
        "l1.existingSecret",
        &values.l1.existing_secret,
        &["executionUrls"],
    )
    .may_hold(&[
        "consensusUrls",
        "traceUrls",
        "consensusApiKeys",
        "consensusApiKeyHeaders",
    ]);
    let admin = &values.admin_api.existing_secret;
    let mut secrets = vec![
        l1,
        SecretPlan::new("adminApi.existingSecret", admin, &["apiKeyHash"]).may_hold(&["apiKey"]),
    ];
    if values.blob_store.enabled {
        let name = &values.blob_store.existing_secret;
        let holds = ["accessKeyId", "secretAccessKey"];
        secrets.push(SecretPlan::new("blobStore.existingSecret", name, &holds));
    }
    if values.bot.replicas > 0 {
        let keys = (0..values.bot.replicas).map(|ordinal| format!("privateKey-{ordinal}"));
        secrets.push(SecretPlan {
            holds: keys.collect(),
            ..SecretPlan::new("bot.existingSecret", &values.bot.existing_secret, &[])
        });
    }
    secrets
}

fn of_telemetry(values: &Values) -> Vec<SecretPlan> {
    let telemetry = &values.telemetry;
    let (collector, grafana) = (&telemetry.collector, &telemetry.grafana);
    let named = [
        (
            telemetry.enabled,
            SecretPlan::new(
                "telemetry.collector.existingSecret",
                &collector.existing_secret,
                &["headers"],
            ),
        ),
        (
            telemetry.collects(),
            SecretPlan::new(
                "telemetry.collector.forward.existingSecret",
                &collector.forward.existing_secret,
                &["authorization"],
            ),
        ),
        (
            telemetry.shows(),
            SecretPlan::new(
                "telemetry.grafana.existingSecret",
                &grafana.existing_secret,
                &["username", "password"],
            ),
        ),
    ];
    let used = named.into_iter().filter(|(used, _)| *used);
    used.map(|(_, secret)| secret).collect()
}

/// Secrets that become environment variables.
fn environments(values: &Values) -> Vec<SecretPlan> {
    let workloads = values.workloads().into_iter();
    let mut secrets: Vec<SecretPlan> = Vec::new();
    for workload in workloads.filter(|workload| values.replicas_of(workload) > 0) {
        let key = format!("{}.envFrom", workload.values_key());
        let sources = values.pod_of(&workload).env_from.unwrap_or_default();
        let named = sources.into_iter().filter_map(|source| source.secret_ref);
        let wanted = named.filter(|secret| secret.optional != Some(true));
        for secret in wanted {
            if !secrets.iter().any(|known| known.name == secret.name) {
                secrets.push(SecretPlan::new(&key, &secret.name, &[]));
            }
        }
    }
    secrets
}
