//! The experiments of a network as they are.

use aznet_network::namespace::Network;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{DynamicObject, ListParams};
use serde::Serialize;
use serde_json::Value;

use crate::error::ChaosError;
use crate::journal::{self, Page};
use crate::objects::{self, KINDS, OURS, Status};

/// An experiment as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// The kind of Chaos Mesh's object; `aznet` of what is done by `aznet chaos apply` alone.
    pub kind: &'static str,
    /// What it does, in Chaos Mesh's words.
    pub action: Option<String>,
    /// How long it was to last.
    pub duration: Option<String>,
    /// When it was asked for.
    pub since: Option<Timestamp>,
    /// What Chaos Mesh says of it; whether it bites is measured by whoever applied it.
    pub says: &'static str,
    /// Whom it hits.
    pub pods: Vec<String>,
}

/// The experiments of a network, whoever made them.
///
/// # Errors
/// [`ChaosError::Api`].
pub async fn list(network: &Network) -> Result<Vec<Listed>, ChaosError> {
    let mut all = Vec::new();
    for kind in KINDS {
        let api = objects::of(network.client(), network.namespace(), kind);
        match api.list(&ListParams::default()).await {
            // Without Chaos Mesh there is no such kind.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            found => {
                let found = found.map_err(ChaosError::api(format!("list {kind} objects")))?;
                all.extend(found.iter().map(|object| listed(kind, object)));
            }
        }
    }
    for page in journal::read(network, OURS).await? {
        all.extend(page.experiments.iter().map(|one| noted(&page, one)));
    }
    Ok(all)
}

/// An experiment that `aznet` does.
fn noted(page: &Page, (name, experiment): (&String, &Value)) -> Listed {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let kinds = experiment.as_object().into_iter().flatten();
    let mut action = kinds.map(|(_, fault)| &fault["action"]);
    let pods = page.notes.get(name);
    Listed {
        name: name.clone(),
        kind: "aznet",
        action: action.find_map(text),
        duration: text(&experiment["duration"]),
        since: page.since,
        says: match (page.leaving, pods) {
            (true, _) => "leaving",
            (false, Some(_)) => "injected",
            (false, None) => "requested",
        },
        pods: pods.iter().flat_map(|pods| pods.keys().cloned()).collect(),
    }
}

fn listed(kind: &'static str, object: &DynamicObject) -> Listed {
    let status = Status::of(object);
    let spec = |key: &str| Some(object.data.get("spec")?.get(key)?.as_str()?.to_owned());
    Listed {
        name: object.name_any(),
        kind,
        action: spec("action"),
        duration: spec("duration"),
        since: object
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0),
        says: match (
            object.metadata.deletion_timestamp.is_some(),
            status.is_recovered(),
        ) {
            (true, _) => "leaving",
            (false, true) => "recovered",
            (false, false) if status.is_injected() => "injected",
            (false, false) => "requested",
        },
        pods: status.pods(),
    }
}
