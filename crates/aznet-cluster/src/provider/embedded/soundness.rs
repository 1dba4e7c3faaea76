//! Whether a cluster whose node is ready does what every network needs of it.

use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::Api;
use tokio_util::sync::CancellationToken;

use super::blame::blame;
use super::error::Error;
use super::layout::Layout;
use super::ready::is_available;
use super::spec::Spec;
use super::{addons, status, verify};
use crate::machine::process::Process;
use crate::progress::Task;
use aznet_kit::files::{self, Access};
use aznet_kit::wait::{self, Deadline, Look};

/// The check of one cluster, its add-ons applied.
pub(super) struct Check {
    layout: Layout,
    spec: Spec,
    client: Client,
    now: Sound,
    /// This supervisor's cluster was checked before.
    known: bool,
}

/// Which supervisor's cluster was checked, with which add-ons.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Sound {
    supervisor: Option<Process>,
    coredns: String,
    base: String,
}

impl Check {
    /// Brings the add-ons up, unless they are known to be.
    pub(super) async fn begin(layout: Layout, spec: Spec, client: Client) -> Result<Self, Error> {
        let now = Sound {
            supervisor: status::supervisor(&layout)?,
            coredns: spec.images.coredns.clone(),
            base: spec.images.base.clone(),
        };
        let marker = files::read_if_there(&marker(&layout))?;
        let known = marker.and_then(|text| serde_json::from_slice::<Sound>(&text).ok());
        let known = known.as_ref() == Some(&now);
        if !known {
            addons::apply(&client, &spec.images).await?;
        }
        Ok(Self {
            layout,
            spec,
            client,
            now,
            known,
        })
    }

    /// Checks the cluster, once per supervisor.
    pub(super) async fn run(&self, task: &Task, cancel: &CancellationToken) -> Result<(), Error> {
        if self.known {
            return self.addons_are_available(cancel).await;
        }
        task.say(if self.spec.network_policy {
            "checking DNS, services, pods, volumes and policies"
        } else {
            "checking DNS, services, pods and volumes"
        });
        let dns = self.addons_are_available(cancel);
        let all = verify::verify(&self.client, &self.layout, &self.spec, cancel);
        // Both end, so that the check clears up; what is wrong with DNS is better said by its pod.
        let (dns, all) = tokio::join!(dns, all);
        dns.and(all)?;
        Ok(files::write_json(
            &marker(&self.layout),
            &self.now,
            Access::Private,
        )?)
    }

    async fn addons_are_available(&self, cancel: &CancellationToken) -> Result<(), Error> {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), "kube-system");
        let look = |_| async {
            Ok::<_, Error>(match deployments.get(addons::DNS).await {
                Ok(deployment) if is_available(&deployment) => Look::Done(()),
                Ok(_) => Look::Pending("it has no ready pod".into()),
                Err(error) => Look::Pending(error.to_string()),
            })
        };
        let what = format!("{} to be available", addons::DNS);
        let outcome = wait::until(what, Deadline::seconds(120), cancel, look);
        outcome.await.map_err(|error| blame(&self.layout, error))
    }
}

fn marker(layout: &Layout) -> std::path::PathBuf {
    layout.run().join("sound.json")
}
