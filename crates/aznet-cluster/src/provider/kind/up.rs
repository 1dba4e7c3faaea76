//! Making a cluster of kind, or bringing it back.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use aznet_kit::error::chain;
use aznet_kit::files::{self, Access};
use aznet_kit::wait::{self, Deadline, Look};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, ListParams};
use tokio_util::sync::CancellationToken;

use super::choice::Choice;
use super::config::config;
use super::container::Container;
use super::down::{claim, release, remove};
use super::engine::Engine;
use super::error::Error;
use super::list::{Folder, Record};
use super::remains::{Remains, check_workers};
use crate::paths::Paths;
use crate::progress::{Reporter, Task};
use crate::provider::cluster::Cluster;

/// kind waits for each of several things; on a busy machine all of them take minutes.
const CREATION: Duration = Duration::from_mins(15);
/// Nodes join, or come back, within a minute.
const READY: Deadline = Deadline::after(Duration::from_mins(5));

/// What a cluster of kind is made of.
#[derive(Debug, Clone)]
pub struct Supplies {
    /// kind.
    pub kind: PathBuf,
    /// The engine that runs the nodes.
    pub engine: Engine,
    /// The image of its nodes, which the engine has or can pull.
    pub node: String,
}

/// Makes the cluster, or brings it back, or finds that it runs; all its nodes are ready when this returns.
///
/// # Errors
/// [`Error::Foreign`] and [`Error::OtherWorkers`], with nothing changed; [`Error::NotMade`], with nothing left.
pub async fn start(
    paths: &Paths,
    supplies: &Supplies,
    choice: &Choice,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Cluster, Error> {
    let task = Task::new(report, format!("cluster {}", choice.name));
    supplies.engine.check()?;
    let lock = claim(paths, &choice.name, &task, cancel).await?;
    let work = Work {
        supplies,
        choice,
        folder: Folder::of(paths, &choice.name),
        task: &task,
        cancel,
    };
    let started = match work.run().await {
        Ok(started) => started,
        Err(error) => {
            if !work.folder.path().exists() {
                release(paths, lock)?;
            }
            return Err(error);
        }
    };
    let cluster = Cluster::of_kind(&choice.name, work.folder.kubeconfig());
    let kubernetes = Some(work.nodes_are_ready(&cluster, started).await?);
    work.folder.know(|record| record.kubernetes = kubernetes)?;
    task.done("ready");
    Ok(cluster)
}

/// Refuses what [`start`] would refuse, before anything is built for it.
///
/// # Errors
/// [`Error::Foreign`], [`Error::OtherWorkers`].
pub async fn check_choice(
    paths: &Paths,
    engine: &Engine,
    choice: &Choice,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let (name, folder) = (&choice.name, Folder::of(paths, &choice.name));
    let nodes = engine.nodes(Some(name), cancel).await?;
    match Remains::of(name, nodes, &folder.mark(), folder.is_complete())? {
        Remains::Whole(nodes) => check_workers(name, &nodes, choice.workers),
        Remains::Half | Remains::Nothing => Ok(()),
    }
}

struct Work<'a> {
    supplies: &'a Supplies,
    choice: &'a Choice,
    folder: Folder,
    task: &'a Task,
    cancel: &'a CancellationToken,
}

impl Work<'_> {
    /// Returns since when nodes of an older cluster run again, if some do.
    async fn run(&self) -> Result<Option<Timestamp>, Error> {
        let name = &self.choice.name;
        let nodes = self.supplies.engine.nodes(Some(name), self.cancel).await?;
        let complete = self.folder.is_complete();
        match Remains::of(name, nodes, &self.folder.mark(), complete)? {
            Remains::Whole(nodes) => {
                check_workers(name, &nodes, self.choice.workers)?;
                self.folder.note(&self.supplies.kind)?;
                self.bring_back(&nodes).await
            }
            Remains::Half => {
                self.folder.note(&self.supplies.kind)?;
                self.remove(self.cancel).await?;
                self.create().await.map(|()| None)
            }
            Remains::Nothing => self.create().await.map(|()| None),
        }
    }

    /// Starts the nodes that are stopped, as after a reboot.
    async fn bring_back(&self, nodes: &[Container]) -> Result<Option<Timestamp>, Error> {
        let stopped: Vec<&str> = nodes
            .iter()
            .filter(|node| !node.runs())
            .map(Container::name)
            .collect();
        if stopped.is_empty() {
            return Ok(None);
        }
        self.task.say("starting its nodes");
        let begun = Timestamp::now();
        self.supplies.engine.start(&stopped, self.cancel).await?;
        Ok(Some(begun))
    }

    async fn create(&self) -> Result<(), Error> {
        let made = async {
            self.make().await?;
            let image = self.supplies.node.clone();
            let kubernetes = None;
            Ok(self.folder.complete(&Record { image, kubernetes })?)
        };
        let Err(error) = made.await else {
            return Ok(());
        };
        // Also after Ctrl-C: what was made is of no use to anybody.
        let removed = self.remove(&CancellationToken::new()).await;
        let (name, source) = (self.choice.name.clone(), Box::new(error));
        Err(match removed {
            Ok(()) => Error::NotMade { name, source },
            Err(left) => Error::HalfMade {
                name,
                left: chain(&left),
                source,
            },
        })
    }

    async fn make(&self) -> Result<(), Error> {
        let (folder, name) = (&self.folder, &self.choice.name);
        files::remove_dir(folder.path())?;
        files::make_dir(&folder.mark(), Access::Shared)?;
        folder.note(&self.supplies.kind)?;
        let config = config(&folder.mark(), self.choice.workers.unwrap_or(0));
        files::write_json(&folder.config(), &config, Access::Shared)?;
        let create = self
            .supplies
            .engine
            .run(&self.supplies.kind)
            .args(["create", "cluster", "--name", name, "--wait", "5m"])
            .args(["--image", &self.supplies.node, "--kubeconfig"])
            .arg(folder.kubeconfig())
            .arg("--config")
            .arg(folder.config());
        let message = "making its nodes";
        self.task
            .run(message, create, CREATION, self.cancel)
            .await?;
        Ok(())
    }

    async fn remove(&self, cancel: &CancellationToken) -> Result<(), Error> {
        let (engine, name) = (&self.supplies.engine, &self.choice.name);
        remove(engine, name, &self.folder, self.task, cancel).await
    }

    /// kind waits for the control plane alone. What a node said before `started` counts for nothing. Returns which Kubernetes runs.
    async fn nodes_are_ready(
        &self,
        cluster: &Cluster,
        started: Option<Timestamp>,
    ) -> Result<String, Error> {
        let client = cluster.client().await?;
        let nodes: Api<Node> = Api::all(client.clone());
        let leases: Api<Lease> = Api::namespaced(client, "kube-node-lease");
        let what = format!("the nodes of cluster {} to be ready", self.choice.name);
        let all = ListParams::default();
        let look = |_| async {
            let listed = tokio::try_join!(nodes.list(&all), leases.list(&all));
            Ok::<_, Error>(Look::or_pending(listed.map(|(nodes, leases)| {
                let leases = leases.items.iter();
                let alive = leases.filter(|lease| is_renewed_since(lease, started));
                let alive: BTreeSet<_> =
                    alive.filter_map(|one| one.metadata.name.clone()).collect();
                judge(&nodes.items, &alive)
            })))
        };
        let ready = wait::until(what, READY, self.cancel, look);
        self.task.during("waiting for its nodes", ready).await
    }
}

/// All are ready, and told so of late.
fn judge(nodes: &[Node], alive: &BTreeSet<String>) -> Look<String> {
    let ready = |node: &Node| is_ready(node) && alive.contains(&name_of(node));
    let waits: Vec<_> = nodes
        .iter()
        .filter(|node| !ready(node))
        .map(name_of)
        .collect();
    match nodes.first() {
        Some(node) if waits.is_empty() => Look::Done(version(node)),
        _ => Look::Pending(format!("{} not ready", waits.join(", "))),
    }
}

fn version(node: &Node) -> String {
    let status = node.status.as_ref();
    let info = status.and_then(|status| status.node_info.as_ref());
    info.map(|info| info.kubelet_version.clone())
        .unwrap_or_default()
}

/// Whether the kubelet whose lease this is has been heard of since.
fn is_renewed_since(lease: &Lease, since: Option<Timestamp>) -> bool {
    let renewed = lease
        .spec
        .as_ref()
        .and_then(|spec| spec.renew_time.as_ref());
    since.is_none_or(|since| renewed.is_some_and(|renewed| renewed.0 >= since))
}

fn name_of(node: &Node) -> String {
    node.metadata.name.clone().unwrap_or_default()
}

fn is_ready(node: &Node) -> bool {
    let conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter());
    conditions
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of<T: serde::de::DeserializeOwned>(object: Value) -> T {
        serde_json::from_value(object).expect("an object of Kubernetes")
    }

    #[test]
    fn a_node_that_was_ready_before_it_stopped_is_waited_for() {
        let node: Node = of(json!({
            "metadata": {"name": "ci-worker"},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "nodeInfo": {
                    "kubeletVersion": "v1.37.2", "architecture": "", "bootID": "", "containerRuntimeVersion": "",
                    "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "", "osImage": "",
                    "systemUUID": "",
                },
            },
        }));
        let lease: Lease = of(json!({"spec": {"renewTime": "2026-01-01T00:00:10.000000Z"}}));
        let at = |second: i64| {
            Some(Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_767_225_600 + second))
        };
        assert!(is_renewed_since(&lease, None));
        assert!(is_renewed_since(&lease, at(9)));
        assert!(!is_renewed_since(&lease, at(11)));
        assert!(!is_renewed_since(&Lease::default(), at(9)));
        let alive = BTreeSet::from(["ci-worker".to_owned()]);
        assert!(matches!(
            judge(std::slice::from_ref(&node), &alive),
            Look::Done(version) if version == "v1.37.2"
        ));
        assert!(
            matches!(judge(&[node], &BTreeSet::new()), Look::Pending(waits) if waits == "ci-worker not ready")
        );
    }
}
