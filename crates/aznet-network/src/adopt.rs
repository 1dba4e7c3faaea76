//! Networks that plain Helm installed: found by Helm's own record, and labelled so that they are known from then on.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    namespace::{
        CREATED_BY, MANAGED_BY, MANAGER, NETWORK, NamespaceError, NetworkInfo, Scope, check_name,
        failed,
    },
    observe::release::{CHART, HELM_RELEASES, Release, newest},
};

/// Why a namespace can't be taken for a network.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The Kubernetes API failed, or the release's name can't be a network's.
    #[error(transparent)]
    Api(#[from] NamespaceError),
    /// There is no release of the chart.
    #[error(
        "namespace {namespace} has no release of the chart {CHART}{}",
        others(known)
    )]
    NoRelease {
        /// The namespace.
        namespace: String,
        /// Charts of the releases there are.
        known: BTreeSet<String>,
    },
    /// There are more.
    #[error("namespace {namespace} has more than one network: {}; a network needs a namespace of its own", releases.join(", "))]
    Several {
        /// The namespace.
        namespace: String,
        /// The releases.
        releases: Vec<String>,
    },
}

fn others(known: &BTreeSet<String>) -> String {
    if known.is_empty() {
        return "; no release of any chart is there".to_owned();
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    format!("; there are releases of {}", known.join(", "))
}

/// The networks that plain Helm installed and nobody adopted: releases of the chart in the scope, outside the namespaces
/// of the networks that are `known`. By name.
///
/// # Errors
/// If the Kubernetes API fails, e.g. because Secrets may not be listed.
pub async fn by_helm(
    client: &Client,
    cluster: &str,
    scope: &Scope,
    known: &[NetworkInfo],
) -> Result<Vec<NetworkInfo>, NamespaceError> {
    let secrets: Api<Secret> = match scope {
        Scope::Cluster => Api::all(client.clone()),
        Scope::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
    };
    let deployed = format!("{HELM_RELEASES},status=deployed");
    let deployed = secrets.list(&ListParams::default().labels(&deployed)).await;
    let deployed = deployed
        .map_err(|source| failed("look for releases of plain Helm", cluster, source))?
        .items;
    let is_known = |secret: &Secret| {
        let namespace = secret.namespace().unwrap_or_default();
        known.iter().any(|network| network.namespace == namespace)
    };
    let unknown = deployed.iter().filter(|secret| !is_known(secret));
    let mut networks: Vec<NetworkInfo> = unknown
        .filter_map(|secret| installed(secret, cluster))
        .collect();
    networks.sort_by(|a, b| (&a.name, &a.namespace).cmp(&(&b.name, &b.namespace)));
    Ok(networks)
}

/// A release of our chart as a network. Helm keeps one deployed revision of each.
fn installed(secret: &Secret, cluster: &str) -> Option<NetworkInfo> {
    let release = Release::read(secret).filter(|release| release.chart == CHART)?;
    Some(NetworkInfo {
        name: release.name,
        namespace: release.namespace,
        cluster: cluster.to_owned(),
        created: secret.metadata.creation_timestamp.as_ref().map(|at| at.0),
        expires: None,
        created_by: Some("helm".to_owned()),
        values_from: None,
        port_base: None,
        good_revision: None,
        registry: None,
        leaving: false,
        keeps_namespace: true,
        by_helm: true,
    })
}

/// Labels the namespace of a release that plain Helm installed as a network's, called as the release. `by` is named as its
/// maker. One that is labelled so stays as it is.
///
/// # Errors
/// [`AdoptError`]; nothing was changed then.
pub async fn adopt(
    client: &Client,
    cluster: &str,
    namespace: &str,
    by: &str,
) -> Result<NetworkInfo, AdoptError> {
    let api_failed = |doing: &str, source| failed(&format!("{doing} {namespace}"), cluster, source);
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let found = namespaces.get(namespace).await;
    let found = found.map_err(|source| api_failed("read namespace", source))?;
    if let Some(known) = NetworkInfo::read(&found, cluster) {
        return Ok(known);
    }
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let kept = secrets
        .list(&ListParams::default().labels(HELM_RELEASES))
        .await
        .map_err(|source| api_failed("read Helm's releases in namespace", source))?;
    let name = the_network(namespace, kept.items)?;
    check_name(&name)?;
    let patch = Patch::Merge(labels(&name, by));
    let adopted = namespaces
        .patch(namespace, &PatchParams::default(), &patch)
        .await
        .map_err(|source| api_failed("label namespace", source))?;
    NetworkInfo::read(&adopted, cluster).ok_or_else(|| {
        NamespaceError::NotFound {
            name,
            cluster: cluster.to_owned(),
            known: Vec::new(),
        }
        .into()
    })
}

fn labels(name: &str, by: &str) -> Value {
    json!({"metadata": {
        "labels": {MANAGED_BY: MANAGER, NETWORK: name},
        "annotations": {CREATED_BY: by},
    }})
}

/// The name of the one release of our chart.
fn the_network(namespace: &str, secrets: Vec<Secret>) -> Result<String, AdoptError> {
    let mut by_release: BTreeMap<String, Vec<Secret>> = BTreeMap::new();
    for secret in secrets {
        let release = secret.labels().get("name").cloned().unwrap_or_default();
        by_release.entry(release).or_default().push(secret);
    }
    let releases: Vec<_> = by_release.values().filter_map(|all| newest(all)).collect();
    let ours = releases.iter().filter(|release| release.chart == CHART);
    let mut ours: Vec<String> = ours.map(|release| release.name.clone()).collect();
    match (ours.pop(), ours.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            ours.push(last);
            Err(AdoptError::Several {
                namespace: namespace.to_owned(),
                releases: ours,
            })
        }
        (None, _) => Err(AdoptError::NoRelease {
            namespace: namespace.to_owned(),
            known: releases.into_iter().map(|release| release.chart).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::release::tests::stored;

    #[test]
    fn the_one_release_of_our_chart_is_the_network() {
        let all = vec![
            stored("mine", CHART, 1),
            stored("mine", CHART, 2),
            stored("db", "postgresql", 1),
        ];
        assert_eq!(the_network("ns", all).unwrap(), "mine");
    }

    #[test]
    fn releases_of_our_chart_are_networks_that_helm_made() {
        let found = installed(&stored("mine", CHART, 3), "embedded").unwrap();
        assert_eq!(
            (found.name.as_str(), found.namespace.as_str()),
            ("mine", "ns")
        );
        assert!(found.by_helm);
        assert_eq!(installed(&stored("db", "postgresql", 1), "embedded"), None);
    }

    #[test]
    fn none_or_two_are_refused_with_what_there_is() {
        let none = the_network("ns", vec![stored("db", "postgresql", 1)]).unwrap_err();
        assert_eq!(
            none.to_string(),
            "namespace ns has no release of the chart aztec-network; there are releases of postgresql"
        );
        let two = vec![stored("a", CHART, 1), stored("b", CHART, 1)];
        assert_eq!(
            the_network("ns", two).unwrap_err().to_string(),
            "namespace ns has more than one network: a, b; a network needs a namespace of its own"
        );
    }
}
