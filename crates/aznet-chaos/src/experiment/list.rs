//! The experiments of a network as they are.

use std::collections::BTreeSet;

use aznet_model::chaos::FaultDuration;
use aznet_model::emulation::Emulation;
use aznet_network::namespace::Network;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{DynamicObject, ListParams};
use serde::Serialize;
use serde_json::Value;

use crate::emulate;
use crate::error::ChaosError;
use crate::journal::{self, Page};
use crate::objects::{self, KINDS, OURS, Status};
use crate::restorer::{self, Ends};

/// An experiment as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// The kind of Chaos Mesh's object; `aznet-netem` or `aznet` of what these do.
    pub kind: &'static str,
    /// What it does, in Chaos Mesh's words.
    pub action: Option<String>,
    /// How long it was to last.
    pub duration: Option<String>,
    /// When it was asked for.
    pub since: Option<Timestamp>,
    /// When it ends by itself at the latest, whatever becomes of whoever did it.
    pub until: Option<Timestamp>,
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
    let emulated = emulate::list(network.client(), network.namespace()).await?;
    all.extend(
        emulated
            .into_iter()
            .map(|(name, one)| emulation(name, &one)),
    );
    let pages = journal::read(network, OURS).await?;
    if pages.is_empty() {
        return Ok(all);
    }
    let ends = restorer::ends(network, OURS).await?;
    for page in pages {
        let ends = ends.get(&page.release).cloned().unwrap_or_default();
        let each = page.experiments.iter();
        all.extend(each.map(|one| noted(&page, &ends, one)));
    }
    Ok(all)
}

/// An experiment that `aznet-netem` does.
fn emulation(name: String, of: &Emulation) -> Listed {
    let until = i64::try_from(of.until).ok();
    let pods: BTreeSet<&String> = of.links.iter().flat_map(|link| &link.pods).collect();
    Listed {
        name,
        kind: "aznet-netem",
        action: of
            .links
            .first()
            .map(|link| link.impairment.action().to_owned()),
        duration: None,
        since: None,
        until: until.and_then(|until| Timestamp::from_second(until).ok()),
        says: "injected",
        pods: pods.into_iter().cloned().collect(),
    }
}

/// An experiment that `aznet` does.
fn noted(page: &Page, ends: &Ends, (name, experiment): (&String, &Value)) -> Listed {
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
        until: ends.at.get(name).copied(),
        says: match (page.leaving, pods) {
            (true, _) => "leaving",
            (false, Some(_)) if ends.done => "recovered",
            (false, Some(_)) => "injected",
            (false, None) => "requested",
        },
        pods: pods.iter().flat_map(|pods| pods.keys().cloned()).collect(),
    }
}

/// When Chaos Mesh ends what it was asked for then.
fn end(since: Option<Timestamp>, duration: Option<&str>) -> Option<Timestamp> {
    let duration: FaultDuration = serde_json::from_value(duration?.into()).ok()?;
    since?.checked_add(duration.duration()).ok()
}

fn listed(kind: &'static str, object: &DynamicObject) -> Listed {
    let status = Status::of(object);
    let spec = |key: &str| Some(object.data.get("spec")?.get(key)?.as_str()?.to_owned());
    let created = object.metadata.creation_timestamp.as_ref();
    let (since, duration) = (created.map(|time| time.0), spec("duration"));
    Listed {
        name: object.name_any(),
        kind,
        action: spec("action"),
        until: end(since, duration.as_deref()),
        duration,
        since,
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_that_was_taken_back_by_itself_is_over() {
        let ends = |done| Ends {
            at: [("x".to_owned(), Timestamp::UNIX_EPOCH)].into(),
            done,
        };
        let page = Page {
            release: "chaos-x".to_owned(),
            experiments: [(
                "x".to_owned(),
                json!({"duration": "30s", "l1": {"action": "paused"}}),
            )]
            .into(),
            notes: [("x".to_owned(), [].into())].into(),
            since: None,
            leaving: false,
        };
        let one = page.experiments.iter().next().expect("one");
        let listed = noted(&page, &ends(false), one);
        assert_eq!(
            (listed.says, listed.until),
            ("injected", Some(Timestamp::UNIX_EPOCH))
        );
        assert_eq!(noted(&page, &ends(true), one).says, "recovered");
    }

    #[test]
    fn chaos_mesh_ends_a_fault_when_its_duration_is_over() {
        let end = end(Some(Timestamp::UNIX_EPOCH), Some("1m30s"));
        assert_eq!(end.map(Timestamp::as_second), Some(90));
    }
}
