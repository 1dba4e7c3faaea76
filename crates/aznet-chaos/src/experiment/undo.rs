//! Lifting faults: the objects go, the pods heal, nothing is left.

use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_network::deploy::helm::Helm;
use aznet_network::namespace::Network;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Measurement, Stage, Under};
use crate::effect;
use crate::error::{ChaosError, Residue};
use crate::objects::{self, KINDS};
use crate::pods::{self, Pods};

/// The controller undoes a fault before it lets its object go.
const LETTING_GO: Duration = Duration::from_mins(1);
/// A node that was idle starts again, on a busy machine.
const HEALING: Duration = Duration::from_mins(5);
/// Annotations go with the object, a moment later at most.
const SETTLING: Duration = Duration::from_secs(15);
/// Marks the objects of our chart.
const OURS: &str = "app.kubernetes.io/name=aztec-chaos";
/// How releases of our chart are called by Helm, before the version.
const CHART: &str = "aztec-chaos-";

/// What was cleared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cleared {
    /// Experiments that were lifted, as `kind/name`.
    pub experiments: Vec<String>,
    /// Those that their controller would not let go.
    pub forced: Vec<String>,
}

/// Lifts every fault of a network, and of this network only, and sees that nothing is left.
///
/// # Errors
/// [`ChaosError`].
pub async fn clear(
    network: &Network,
    helm: &Helm,
    cancel: &CancellationToken,
) -> Result<Cleared, ChaosError> {
    let experiments = there(network).await?;
    for release in helm.list(Some(network.namespace()), cancel).await? {
        if release.chart.starts_with(CHART) {
            helm.uninstall(&release.name, network.namespace(), cancel)
                .await?;
        }
    }
    let forced = let_go(network, cancel).await?;
    let what = "all experiments";
    clean(network, what, &pods::list(network).await?, cancel).await?;
    Ok(Cleared {
        experiments,
        forced,
    })
}

impl Under<'_> {
    /// Lifts the faults, and sees everything heal.
    pub(super) async fn undo(&self, cancel: &CancellationToken) -> Result<(), ChaosError> {
        let network = self.run.network;
        let release = self.run.release();
        let helm = self.run.helm;
        helm.uninstall(&release, network.namespace(), cancel)
            .await?;
        let_go(network, cancel).await?;
        let name = self.run.name;
        let measured = self.heal(name, cancel).await?;
        for experiment in self.effects.keys() {
            let of_it = measured.iter().filter(|(one, _)| one == experiment);
            let of_it = of_it.map(|(_, measured)| measured.clone()).collect();
            self.tell(experiment, Stage::Healed, of_it);
        }
        clean(network, name, &self.before, cancel).await?;
        for experiment in self.effects.keys() {
            self.tell(experiment, Stage::Clean, Vec::new());
        }
        Ok(())
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
            let now = pods::list(self.run.network).await?;
            Ok(match self.healed(&now) {
                Ok(measured) => Look::Done(measured),
                Err(seen) => Look::Pending(seen),
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

    fn healed(&self, now: &Pods) -> Result<Vec<(String, Measurement)>, String> {
        let mut measured = Vec::new();
        for (name, experiment) in &self.run.loaded.experiments {
            let may_be_hit = |pod: &&String| experiment.pods.may_hit(&self.before[*pod].facts(pod));
            for pod in self.before.keys().filter(may_be_hit) {
                let healed = effect::healed(pod, &self.before, now);
                let healed = healed.map_err(|seen| format!("{pod}: {seen}"))?;
                let measurement = Measurement {
                    pod: pod.clone(),
                    asked: "ready, as before".to_owned(),
                    measured: healed,
                };
                measured.push((name.clone(), measurement));
            }
        }
        Ok(measured)
    }
}

/// The experiments of a network, as `kind/name`.
async fn there(network: &Network) -> Result<Vec<String>, ChaosError> {
    let mut names = Vec::new();
    for kind in KINDS {
        let api = objects::of(network.client(), network.namespace(), kind);
        let ours = ListParams::default().labels(OURS);
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
async fn let_go(network: &Network, cancel: &CancellationToken) -> Result<Vec<String>, ChaosError> {
    for one in there(network).await? {
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
    let gone = gone(network, cancel).await;
    let Err(ChaosError::Wait(WaitError::TimedOut { .. })) = gone else {
        return gone.map(|()| Vec::new());
    };
    let stuck = there(network).await?;
    for one in &stuck {
        if let Some((kind, name)) = one.split_once('/') {
            let api = objects::of(network.client(), network.namespace(), kind);
            objects::release(&api, name).await?;
        }
    }
    Ok(stuck)
}

async fn gone(network: &Network, cancel: &CancellationToken) -> Result<(), ChaosError> {
    let deadline = Deadline::after(LETTING_GO).every(Duration::from_millis(250));
    let what = "Chaos Mesh to undo the faults";
    wait::until(what, deadline, cancel, |_| async {
        let left = there(network).await?;
        Ok(if left.is_empty() {
            Look::Done(())
        } else {
            Look::Pending(format!("{} still there", left.join(", ")))
        })
    })
    .await
}

/// Looks for what is left on the network's pods.
async fn clean(
    network: &Network,
    name: &str,
    before: &Pods,
    cancel: &CancellationToken,
) -> Result<(), ChaosError> {
    let deadline = Deadline::after(SETTLING).every(Duration::from_millis(250));
    let what = "nothing of the fault to be left";
    let found = wait::until(what, deadline, cancel, |_| async {
        let left = residue(before, &pods::list(network).await?);
        Ok(match left.first() {
            None => Look::Done(()),
            Some(first) => Look::pending(first),
        })
    })
    .await;
    match found {
        Err(ChaosError::Wait(WaitError::TimedOut { .. })) => Err(ChaosError::NotClean {
            experiment: name.to_owned(),
            residue: residue(before, &pods::list(network).await?),
        }),
        other => other,
    }
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
