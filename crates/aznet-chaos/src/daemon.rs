//! Chaos Mesh's daemon, which is on every node and may do everything there: what needs that is run in it.

use std::collections::BTreeMap;
use std::time::Duration;

use aznet_network::clients::exec::{self, ExecError};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use crate::error::ChaosError;

const DAEMONS: &str = "app.kubernetes.io/component=chaos-daemon";
const DNS_SERVERS: &str = "app.kubernetes.io/component=chaos-dns-server";
const WITHIN: Duration = Duration::from_secs(30);

/// The daemons by node.
#[derive(Clone)]
pub(crate) struct Daemons {
    client: Client,
    /// Namespace, pod and container by node.
    by_node: BTreeMap<String, (String, String, String)>,
}

impl Daemons {
    /// Those that run, wherever Chaos Mesh is.
    pub(crate) async fn find(client: &Client) -> Result<Self, ChaosError> {
        let pods: Api<Pod> = Api::all(client.clone());
        let found = pods.list(&ListParams::default().labels(DAEMONS)).await;
        let found = match found {
            // Who may only see one namespace knows of none.
            Err(kube::Error::Api(status)) if status.code == 403 => Vec::new(),
            found => {
                found
                    .map_err(ChaosError::api("look for the daemons of Chaos Mesh"))?
                    .items
            }
        };
        // One that is being replaced can do nothing any more.
        let serves = |pod: &&Pod| pod.metadata.deletion_timestamp.is_none() && is_ready(pod);
        let daemon = |pod: &Pod| {
            let spec = pod.spec.as_ref()?;
            let container = spec.containers.first()?.name.clone();
            let place = (pod.namespace()?, pod.name_any(), container);
            Some((spec.node_name.clone()?, place))
        };
        Ok(Self {
            client: client.clone(),
            by_node: found.iter().filter(serves).filter_map(daemon).collect(),
        })
    }

    /// The nodes that have one.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &str> {
        self.by_node.keys().map(String::as_str)
    }

    /// Whether Chaos Mesh's DNS server serves.
    pub(crate) async fn has_dns_server(&self) -> Result<bool, ChaosError> {
        let pods: Api<Pod> = Api::all(self.client.clone());
        let found = pods.list(&ListParams::default().labels(DNS_SERVERS)).await;
        let found = found.map_err(ChaosError::api("look for the DNS server of Chaos Mesh"))?;
        Ok(found.iter().any(is_ready))
    }

    /// Runs a program on a node; `None` where the node has no daemon.
    pub(crate) async fn run(
        &self,
        node: &str,
        command: &[&str],
    ) -> Option<Result<String, ExecError>> {
        let (namespace, pod, container) = self.by_node.get(node)?;
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let command: Vec<String> = command.iter().map(ToString::to_string).collect();
        Some(exec::run_in(&pods, (pod, container), &command, WITHIN).await)
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let mut ready = conditions.filter(|one| one.type_ == "Ready" && one.status == "True");
    ready.next().is_some()
}
