//! The same pods for Docker Compose: what the chart renders for a joiner, in the words of the Compose specification.
//!
//! Nothing is decided here that the chart decides. What it may render and Compose can't say is an error, never left out.

mod error;
mod file;
mod known;
mod page;
mod service;

pub use self::error::ComposeError;
pub use self::page::page;

use std::collections::BTreeMap;

use aznet_model::yaml;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::ConfigMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::file::{Credential, File, Source};
use self::service::Pod;
use super::{Facts, Joiner};

/// What Docker Compose needs, beside what the joiner puts into files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compose {
    /// `compose.yaml`.
    pub file: String,
    /// The files that it mounts, by name: those of the chart's ConfigMap.
    pub configs: BTreeMap<String, String>,
    /// Variables whose values are secret, by the file that holds them.
    credentials: BTreeMap<String, Vec<Credential>>,
    /// Files that hold secrets, as containers see them.
    secrets: Vec<String>,
}

/// The file for what Helm renders of a joiner's values.
///
/// # Errors
/// [`ComposeError`].
pub fn compose(facts: &Facts, joiner: Joiner, manifests: &str) -> Result<Compose, ComposeError> {
    let objects = yaml::read_all(manifests)?;
    let configs = configs(&objects)?;
    let mut file = File::named(format!("{}-{joiner}", facts.network));
    let mut credentials: BTreeMap<String, Vec<Credential>> = BTreeMap::new();
    let pods = pods(&objects, joiner)?;
    for pod in &pods {
        pod.add_to(&mut file, &configs, &mut credentials)?;
    }
    // They share what comes before them.
    if let Some(pod) = pods.first() {
        pod.prepare(&mut file)?;
    }
    for config in configs.keys() {
        file.configs.insert(config.clone(), Source::beside(config));
    }
    for all in credentials.values_mut() {
        all.sort();
        all.dedup();
    }
    let head = format!(
        "# Joins {} as {}; see COMPOSE.md. What the chart renders of values.yaml, for Docker Compose.\n",
        facts.network,
        joiner.words()
    );
    let text = serde_norway::to_string(&file).map_err(ComposeError::Write)?;
    Ok(Compose {
        file: head + &text,
        configs,
        credentials,
        secrets: file.secrets.into_keys().collect(),
    })
}

fn read<T: DeserializeOwned>(kind: &'static str, object: &Value) -> Result<T, ComposeError> {
    serde_json::from_value(object.clone()).map_err(|source| ComposeError::Shape { kind, source })
}

fn of_kind<'a>(objects: &'a [Value], kind: &'static str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

/// Files of the ConfigMap that pods read.
fn configs(objects: &[Value]) -> Result<BTreeMap<String, String>, ComposeError> {
    let mut configs = BTreeMap::new();
    for object in of_kind(objects, "ConfigMap") {
        let map: ConfigMap = read("ConfigMap", object)?;
        configs.extend(map.data.unwrap_or_default());
    }
    Ok(configs)
}

/// The pods, each with the name that others reach it by.
fn pods(objects: &[Value], joiner: Joiner) -> Result<Vec<Pod>, ComposeError> {
    let mut pods = Vec::new();
    for object in of_kind(objects, "StatefulSet") {
        let set: StatefulSet = read("StatefulSet", object)?;
        let (workload, spec) = (set.metadata.name, set.spec.unwrap_or_default());
        let claims = spec.volume_claim_templates.unwrap_or_default();
        let claims = claims.into_iter().filter_map(|claim| claim.metadata.name);
        let pod = Pod::new(workload, spec.replicas, spec.template, joiner)?;
        pods.push(pod.numbered().claiming(claims));
    }
    for object in of_kind(objects, "Deployment") {
        let set: Deployment = read("Deployment", object)?;
        let spec = set.spec.unwrap_or_default();
        pods.push(Pod::new(
            set.metadata.name,
            spec.replicas,
            spec.template,
            joiner,
        )?);
    }
    Ok(pods)
}
