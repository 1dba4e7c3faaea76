//! What a scenario works with: a running network, its protocol time, and the run's context.

use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look};
use aznet_model::timing::ProtocolTime;
use aznet_network::{
    clients::l2::Node,
    clients::rpc::RpcError,
    namespace::Network,
    observe::{
        pods,
        status::{self, Stall},
        timing,
    },
};
use aznet_runner::{Context, Failure};
use jiff::Timestamp;

use crate::{errors::Broken, pxe::Pxe};

/// A running network and a test on it.
pub(crate) struct World {
    /// The network.
    pub(crate) network: Network,
    /// How long things take in it.
    pub(crate) time: ProtocolTime,
    /// Where to tell how it goes.
    pub(crate) context: Context,
}

/// A ready node.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Its pod.
    pub(crate) pod: String,
    /// Its RPC.
    pub(crate) rpc: Node,
}

impl World {
    pub(crate) async fn enter(network: Network, context: Context) -> Result<Self, Failure> {
        let time = timing::read(&network)
            .await
            .map_err(Failure::infrastructure)?;
        if let Some(failure) = stalled(&network).await? {
            return Err(failure);
        }
        Ok(Self {
            network,
            time,
            context,
        })
    }

    /// The ready nodes, boot node first; there is at least one.
    pub(crate) async fn nodes(&self) -> Result<Vec<Peer>, Failure> {
        let pods = pods::list(&self.network)
            .await
            .map_err(Failure::infrastructure)?;
        let ready = pods
            .into_iter()
            .filter(|pod| pod.role.is_node() && pod.phase.is_ready());
        let release = self.network.release().await;
        let nodes: Vec<Peer> = ready
            .map(|pod| Peer {
                rpc: Node::in_pod(&self.network, &pod.name, release),
                pod: pod.name,
            })
            .collect();
        if nodes.is_empty() {
            return Err(Failure::Infrastructure(format!(
                "no node of network {} is ready",
                self.network.name()
            )));
        }
        Ok(nodes)
    }

    /// The first PXE; without one the scenario is skipped.
    pub(crate) async fn pxe(&self) -> Result<Pxe, Failure> {
        let pods = pods::list(&self.network)
            .await
            .map_err(Failure::infrastructure)?;
        let pxe = pods
            .iter()
            .find(|pod| pod.role == aznet_model::role::Role::Pxe);
        let pxe = pxe.ok_or_else(|| {
            Failure::skipped(format!("network {} has no pxe", self.network.name()))
        })?;
        Ok(Pxe::new(&self.network, &pxe.name, self.time))
    }

    /// Looks until `poll` is done; a server that doesn't answer just now is looked for again.
    pub(crate) async fn until<T, Fut>(
        &self,
        what: &str,
        within: Duration,
        mut poll: impl FnMut() -> Fut,
    ) -> Result<T, Failure>
    where
        Fut: Future<Output = Result<Look<T>, RpcError>>,
    {
        let (context, deadline) = (&self.context, Deadline::after(within));
        let look = |_| {
            let found = poll();
            async move {
                let step = match found.await {
                    Err(error) if error.is_retryable() => Look::Pending(error.to_string()),
                    found => found?,
                };
                if let Look::Pending(last) = &step {
                    context.waiting(what, last);
                }
                Ok::<_, Broken>(step)
            }
        };
        match wait::until(what, deadline, &context.cancel, look).await {
            Ok(found) => Ok(found),
            Err(Broken(missed @ Failure::Assertion(_))) if !context.cancel.is_cancelled() => {
                Err(self.blamed(missed).await)
            }
            Err(Broken(failure)) => Err(failure),
        }
    }

    /// What did not come true on a chain that stands still says nothing of what was tested.
    async fn blamed(&self, missed: Failure) -> Failure {
        match stalled(&self.network).await {
            Ok(Some(Failure::Infrastructure(why))) => {
                Failure::Infrastructure(format!("{missed}; {why}"))
            }
            // A status that can't be had explains nothing.
            _ => missed,
        }
    }
}

/// That the network stands still, as `aznet status` judges it; `None` if it goes on.
async fn stalled(network: &Network) -> Result<Option<Failure>, Failure> {
    let status = status::collect(network, Timestamp::now())
        .await
        .map_err(Failure::infrastructure)?;
    let failure = |stall: &Stall| Failure::Infrastructure(standstill(network.name(), stall));
    Ok(status.stalled.as_ref().map(failure))
}

fn standstill(network: &str, stall: &Stall) -> String {
    let causes = stall.causes.iter().map(|cause| format!("; {cause}"));
    format!(
        "network {network} is stalled: {stall}{}",
        causes.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use aznet_model::chain::Slot;

    use super::*;

    #[test]
    fn a_standstill_is_told_with_its_causes() {
        let stall = Stall {
            since: Slot(7),
            slots: 5,
            seconds: 60,
            causes: vec!["2 of 4 validators are there, 3 are needed".to_owned()],
        };
        assert_eq!(
            standstill("small", &stall),
            "network small is stalled: no checkpoint since slot 7: 5 slots, 1m 00s; \
             2 of 4 validators are there, 3 are needed"
        );
    }
}
