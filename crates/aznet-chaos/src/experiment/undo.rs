//! Lifting faults: the objects go, the pods heal, nothing is left.

use std::time::Duration;

use aznet_kit::error::chain;
use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_network::namespace::Network;
use kube::ResourceExt;
use kube::api::{DeleteParams, DynamicObject, ListParams};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Doer, Measurement, Stage, Under};
use crate::called::Called;
use crate::daemon::Daemons;
use crate::error::{ChaosError, Residue};
use crate::objects::{self, KINDS, OURS, POD_NETWORK};
use crate::observe::{self, Moment};
use crate::pods::{self, Pods};
use crate::restorer;
use crate::target;
use crate::trace::{self, Traces};

/// The controller undoes a fault before it lets its object go.
const LETTING_GO: Duration = Duration::from_mins(1);
/// A node that was idle starts again, on a busy machine.
const HEALING: Duration = Duration::from_mins(5);
/// A node that is being started again can't be told anything.
pub(super) const TAKING_BACK: Duration = Duration::from_mins(2);
/// Annotations go with the object, and rules a moment later: on a busy machine the daemon has to be asked again.
const SETTLING: Duration = Duration::from_secs(90);
/// After so long nobody will do what Chaos Mesh has noted: it may be gone.
const ASKING: Duration = Duration::from_secs(45);

impl Under<'_> {
    /// Lifts the faults, and sees everything heal.
    pub(super) async fn undo(&self, cancel: &CancellationToken) -> Result<(), ChaosError> {
        let network = self.run.network;
        let release = self.run.release();
        let helm = self.run.helm;
        self.stop(cancel).await?;
        self.unguard().await?;
        helm.uninstall(&release, network.namespace(), cancel)
            .await?;
        let own = self.own();
        let_go(network, &format!("{OURS},{own}"), cancel).await?;
        let name = self.run.name;
        let measured = self.heal(name, cancel).await?;
        // Nothing heals that was not seen to be ill.
        for experiment in self.effects.keys().filter(|one| self.has_bitten(one)) {
            let of_it = measured.iter().filter(|(one, _)| one == experiment);
            let of_it = of_it.map(|(_, measured)| measured.clone()).collect();
            self.tell(experiment, Stage::Healed, of_it);
        }
        let before = Before {
            pods: &self.before,
            traces: self.leaves_traces().then_some(&self.traces),
            by_force: false,
            labels: &own,
        };
        clean(network, name, &before, cancel).await?;
        for experiment in self.effects.keys() {
            self.tell(experiment, Stage::Clean, Vec::new());
        }
        Ok(())
    }

    /// Takes back what Chaos Mesh has not done.
    async fn stop(&self, cancel: &CancellationToken) -> Result<(), ChaosError> {
        let client = self.run.network.client();
        for (name, doer) in &self.doers {
            match doer {
                Doer::Mesh => {}
                Doer::Emulated(emulated) => emulated.stop(client).await?,
                Doer::Called(called) => self.take_back(name, called, cancel).await?,
            }
        }
        Ok(())
    }

    /// Takes back what was done by calls, from every pod that answers before long.
    async fn take_back(
        &self,
        name: &str,
        called: &Called,
        cancel: &CancellationToken,
    ) -> Result<(), ChaosError> {
        let what = format!("experiment {name} to be taken back");
        let deadline = Deadline::after(TAKING_BACK);
        wait::until(what, deadline, cancel, |_| async {
            let there = pods::list(self.run.network).await?;
            match called.stop(&there).await {
                Ok(()) => Ok(Look::Done(())),
                Err(error) if error.is_of_asking() => Ok(Look::pending(chain(&error))),
                Err(other) => Err(other),
            }
        })
        .await
        .map_err(|error| match error {
            ChaosError::Wait(wait @ WaitError::TimedOut { .. }) => ChaosError::NotHealed {
                experiment: name.to_owned(),
                wait,
            },
            other => other,
        })
    }

    /// Waits until every pod that may have been hit is as it was before.
    async fn heal(
        &self,
        name: &str,
        cancel: &CancellationToken,
    ) -> Result<Vec<(String, Measurement)>, ChaosError> {
        let deadline = Deadline::after(HEALING).every(Duration::from_millis(500));
        let what = "every pod to serve as before".to_owned();
        let found = wait::until(what, deadline, cancel, |_| async {
            Ok(match self.healed().await {
                Ok(Ok(measured)) => Look::Done(measured),
                Ok(Err(seen)) => Look::Pending(seen),
                // A pod that is started again can't be asked meanwhile.
                Err(error) if error.is_of_asking() => Look::pending(chain(&error)),
                Err(other) => return Err(other),
            })
        })
        .await;
        found.map_err(|error| match error {
            ChaosError::Wait(wait @ WaitError::TimedOut { .. }) => ChaosError::NotHealed {
                experiment: name.to_owned(),
                wait,
            },
            other => other,
        })
    }

    async fn healed(&self) -> Result<Result<Vec<(String, Measurement)>, String>, ChaosError> {
        let mut measured = Vec::new();
        for (name, experiment) in &self.run.loaded.experiments {
            let (effect, before) = (&self.effects[name], &self.baselines[name]);
            let hit = target::may_hit(experiment, &self.before).pods;
            let now = pods::list(self.run.network).await?;
            let there: Vec<String> = hit
                .iter()
                .filter(|pod| now.contains_key(*pod))
                .cloned()
                .collect();
            let moment = Moment::After(before);
            let now = observe::observe(self.run.network, effect, &there, moment).await?;
            for pod in &hit {
                let mut seen = observe::healed(effect, pod, before, &now);
                if let (Doer::Called(called), true) = (&self.doers[name], seen.is_ok()) {
                    seen = called.healed(pod).await?;
                }
                let seen = match seen {
                    Ok(seen) => seen,
                    Err(seen) => return Ok(Err(format!("{pod}: {seen}"))),
                };
                let measurement = Measurement {
                    pod: pod.clone(),
                    asked: "ready, as before".to_owned(),
                    measured: seen,
                };
                measured.push((name.clone(), measurement));
            }
        }
        Ok(Ok(measured))
    }
}

/// How everything was before.
pub(super) struct Before<'a> {
    pub(super) pods: &'a Pods,
    /// Nothing where the faults leave no traces.
    pub(super) traces: Option<&'a Traces>,
    /// Whether load that its daemon has lost is ended.
    pub(super) by_force: bool,
    /// What marks the objects that none may be left of.
    pub(super) labels: &'a str,
}

/// The experiments of a network that have these labels, as `kind/name`.
pub(super) async fn there(network: &Network, labels: &str) -> Result<Vec<String>, ChaosError> {
    let mut names = Vec::new();
    for kind in KINDS {
        let api = objects::of(network.client(), network.namespace(), kind);
        let ours = ListParams::default().labels(labels);
        let found = match api.list(&ours).await {
            // Without Chaos Mesh there is no such kind.
            Err(kube::Error::Api(status)) if status.code == 404 => continue,
            found => found.map_err(ChaosError::api(format!("list {kind} objects")))?,
        };
        names.extend(found.iter().map(|one| format!("{kind}/{}", one.name_any())));
    }
    Ok(names)
}

/// Waits until the experiments' objects are gone. The controller holds each until it has undone its fault; what it does not
/// let go in time is taken from it.
pub(super) async fn let_go(
    network: &Network,
    labels: &str,
    cancel: &CancellationToken,
) -> Result<Vec<String>, ChaosError> {
    for one in there(network, labels).await? {
        if let Some((kind, name)) = one.split_once('/') {
            let api = objects::of(network.client(), network.namespace(), kind);
            // What Helm has deleted goes anyway; this is for what no release knows of.
            let deleted = api.delete(name, &DeleteParams::default()).await;
            if let Err(error) = deleted
                && !matches!(&error, kube::Error::Api(status) if status.code == 404)
            {
                return Err(ChaosError::api(format!("delete {one}"))(error));
            }
        }
    }
    let gone = gone(network, labels, cancel).await;
    let Err(ChaosError::Wait(WaitError::TimedOut { .. })) = gone else {
        return gone.map(|()| Vec::new());
    };
    let stuck = there(network, labels).await?;
    for one in &stuck {
        if let Some((kind, name)) = one.split_once('/') {
            let api = objects::of(network.client(), network.namespace(), kind);
            objects::release(&api, name).await?;
        }
    }
    Ok(stuck)
}

async fn gone(
    network: &Network,
    labels: &str,
    cancel: &CancellationToken,
) -> Result<(), ChaosError> {
    let deadline = Deadline::after(LETTING_GO).every(Duration::from_millis(250));
    let what = "Chaos Mesh to undo the faults";
    wait::until(what, deadline, cancel, |_| async {
        let left = there(network, labels).await?;
        Ok(if left.is_empty() {
            Look::Done(())
        } else {
            Look::Pending(format!("{} still there", left.join(", ")))
        })
    })
    .await
}

/// Looks for what is left on the network's pods, and takes away what Chaos Mesh never does.
pub(super) async fn clean(
    network: &Network,
    name: &str,
    before: &Before<'_>,
    cancel: &CancellationToken,
) -> Result<(), ChaosError> {
    let daemons = &Daemons::find(network.client()).await?;
    let deadline = Deadline::after(SETTLING).every(Duration::from_millis(250));
    let what = "nothing of the fault to be left";
    let found = wait::until(what, deadline, cancel, |passed| async move {
        let pending = forget(network, passed < ASKING).await?;
        if let Some(pending) = pending {
            return Ok(Look::Pending(pending));
        }
        let (pods, left) = left(network, daemons, before).await?;
        let Some(first) = left.first() else {
            return Ok(Look::Done(()));
        };
        trace::sweep(daemons, &pods, &left, before.by_force).await?;
        Ok(Look::pending(first))
    })
    .await;
    match found {
        Err(ChaosError::Wait(WaitError::TimedOut { .. })) => Err(ChaosError::NotClean {
            experiment: name.to_owned(),
            residue: left(network, daemons, before).await?.1,
        }),
        other => other,
    }
}

async fn left(
    network: &Network,
    daemons: &Daemons,
    before: &Before<'_>,
) -> Result<(Pods, Vec<Residue>), ChaosError> {
    let pods = pods::list(network).await?;
    let mut left = residue(before.pods, &pods);
    let objects = restorer::there(network, before.labels).await?;
    left.extend(objects.into_iter().map(|what| Residue {
        place: format!("namespace {}", network.namespace()),
        what,
    }));
    if let Some(traces) = before.traces {
        left.extend(trace::residue(traces, &trace::look(daemons, &pods).await?));
    }
    Ok((pods, left))
}

/// Deletes what Chaos Mesh noted of each pod's network, where nothing is to be done to it any more, and that is done: without the note
/// nobody would do it. Else what is waited for.
async fn forget(network: &Network, is_patient: bool) -> Result<Option<String>, ChaosError> {
    let api = objects::of(network.client(), network.namespace(), POD_NETWORK);
    let found = match api.list(&ListParams::default()).await {
        // Without Chaos Mesh there is no such kind.
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(None),
        found => found.map_err(ChaosError::api("list what Chaos Mesh noted of pods"))?,
    };
    let mut pending = None;
    for one in found.iter().filter(|one| is_empty(one)) {
        if let Some(said) = undone(one).filter(|_| is_patient) {
            pending = Some(said);
            continue;
        }
        match api.delete(&one.name_any(), &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            deleted => {
                drop(deleted.map_err(ChaosError::api("delete what Chaos Mesh noted of a pod"))?);
            }
        }
    }
    Ok(pending)
}

/// What says that the daemon has not done yet what its object wants.
fn undone(object: &DynamicObject) -> Option<String> {
    let status = object.data.get("status").cloned().unwrap_or_default();
    let failed = status["failedMessage"]
        .as_str()
        .filter(|said| !said.is_empty());
    let done = status["observedGeneration"].as_i64() == object.metadata.generation;
    let pod = object.name_any();
    match failed {
        Some(said) => Some(format!("Chaos Mesh has not undone it on {pod}: {said}")),
        None if !done => Some(format!("Chaos Mesh has not undone it on {pod} yet")),
        None => None,
    }
}

/// Whether no list of its specification has anything in it.
fn is_empty(object: &DynamicObject) -> bool {
    let spec = object.data.get("spec").and_then(Value::as_object);
    spec.is_none_or(|spec| {
        let mut lists = spec.values().filter_map(Value::as_array);
        lists.all(Vec::is_empty)
    })
}

/// What pods carry that they did not before.
fn residue(before: &Pods, now: &Pods) -> Vec<Residue> {
    let marks = now.iter().flat_map(|(name, pod)| {
        let had = before.get(name).map_or(&[][..], |was| &was.marks);
        let new = pod.marks.iter().filter(move |mark| !had.contains(mark));
        new.map(move |mark| Residue {
            place: format!("pod {name}"),
            what: format!("annotation {mark}"),
        })
    });
    marks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::Seen;

    #[test]
    fn what_chaos_mesh_has_noted_is_done_once_it_has_been_seen_without_a_failure() {
        let note = |status: Value| {
            let object = serde_json::json!({
                "apiVersion": "chaos-mesh.org/v1alpha1", "kind": "PodNetworkChaos",
                "metadata": {"name": "anvil-0", "generation": 3}, "spec": {}, "status": status,
            });
            undone(&serde_json::from_value(object).expect("an object"))
        };
        assert_eq!(note(serde_json::json!({"observedGeneration": 3})), None);
        let not_yet = note(serde_json::json!({"observedGeneration": 2}));
        assert_eq!(
            not_yet.as_deref(),
            Some("Chaos Mesh has not undone it on anvil-0 yet")
        );
        assert!(note(Value::Null).is_some(), "it was never looked at");
        let failed = note(serde_json::json!({"observedGeneration": 3, "failedMessage": "no lock"}));
        assert!(failed.is_some_and(|said| said.ends_with("anvil-0: no lock")));
    }

    #[test]
    fn an_annotation_of_chaos_mesh_that_was_not_there_before_is_residue() {
        let pod = |marks: &[&str]| {
            let marks = marks.iter().map(ToString::to_string).collect();
            let seen = Seen {
                marks,
                ..Seen::default()
            };
            Pods::from([("boot-node-0".to_owned(), seen)])
        };
        assert_eq!(residue(&pod(&[]), &pod(&[])), []);
        assert_eq!(
            residue(&pod(&["chaos-mesh-a"]), &pod(&["chaos-mesh-a"])),
            []
        );
        let left = residue(&pod(&[]), &pod(&["chaos-mesh-a"]));
        assert_eq!(left.len(), 1);
        assert_eq!(
            left[0].to_string(),
            "pod boot-node-0: annotation chaos-mesh-a"
        );
    }
}
