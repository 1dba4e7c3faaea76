//! The networks of a run over several topologies: one at a time, started when the first test needs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aznet_network::namespace::Network;
use aznet_runner::{Failure, Gate};
use aznet_scenarios::Provide;
use aznet_scenarios::matrix::Spoil;
use futures::FutureExt;
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;

use super::network::{Site, of_network};
use crate::args::ValuesArgs;
use crate::bundles::{Held, Hold};
use crate::context::Context;
use crate::remove;

/// The network that stands at the moment. Clones share it.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    site: Site,
    context: Context,
    /// Who looks at it has it for reading, so that it stays meanwhile.
    standing: Arc<RwLock<Option<Standing>>>,
    /// A test did not pass on it: no other gets it.
    is_spoiled: AtomicBool,
}

struct Standing {
    topology: String,
    network: Network,
    /// A test had it for itself: no other gets it.
    is_used_up: bool,
}

impl Pool {
    pub(super) fn new(site: Site, context: &Context) -> Self {
        Self(Arc::new(Shared {
            site,
            context: context.clone(),
            standing: Arc::default(),
            is_spoiled: AtomicBool::new(false),
        }))
    }

    /// Gives the network that tests of a topology share.
    pub(super) fn shared(&self, topology: &str) -> Provide {
        self.provide(topology, of_network(topology), false)
    }

    /// Gives a network that no test has had.
    pub(super) fn fresh(&self, topology: &str) -> Provide {
        self.fresh_with(topology, of_network(topology))
    }

    /// Gives a network of these values that no test has had.
    pub(super) fn fresh_with(&self, topology: &str, values: ValuesArgs) -> Provide {
        self.provide(topology, values, true)
    }

    /// Lets no other test have the network that stands.
    pub(super) fn spoil(&self) -> Spoil {
        let pool = self.0.clone();
        Arc::new(move || pool.is_spoiled.store(true, Ordering::Release))
    }

    /// A retry may always begin: it gets another network.
    pub(super) fn gate() -> Gate {
        Gate::new(Duration::from_secs(1), |_| async { Ok(()) })
    }

    /// Gives the network that stands to be looked at.
    pub(super) fn hold(&self) -> Hold {
        let pool = self.0.clone();
        Box::new(move || {
            let held = pool.standing.clone().try_read_owned().ok()?;
            let network = held.as_ref()?.network.clone();
            Some(Held::until_dropped(network, held))
        })
    }

    /// Removes the network that stands.
    pub(super) async fn clear(&self) -> anyhow::Result<()> {
        let standing = self.0.standing.write().await.take();
        self.0.remove(standing).await
    }

    fn provide(&self, topology: &str, values: ValuesArgs, fresh: bool) -> Provide {
        let (pool, wanted) = (self.0.clone(), (topology.to_owned(), values));
        Arc::new(move || {
            let (pool, (topology, values)) = (pool.clone(), wanted.clone());
            async move {
                let network = pool.network(&topology, &values, fresh).await;
                network.map_err(|error| Failure::Infrastructure(format!("{error:#}")))
            }
            .boxed()
        })
    }
}

impl Shared {
    /// The run starts tests of one network at a time: nobody uses the one that is removed here.
    async fn network(
        &self,
        topology: &str,
        values: &ValuesArgs,
        fresh: bool,
    ) -> anyhow::Result<Network> {
        let mut standing = self.standing.write().await;
        let fresh_only = fresh || self.is_spoiled.swap(false, Ordering::AcqRel);
        let fits = |one: &&Standing| !fresh_only && !one.is_used_up && one.topology == topology;
        if let Some(fit) = standing.as_ref().filter(fits) {
            return Ok(fit.network.clone());
        }
        self.remove(standing.take()).await?;
        let network = self.site.start(topology, values, &self.context).await?;
        *standing = Some(Standing {
            topology: topology.to_owned(),
            network: network.clone(),
            is_used_up: fresh,
        });
        Ok(network)
    }

    /// Also after Ctrl-C: nobody else knows of this network.
    async fn remove(&self, standing: Option<Standing>) -> anyhow::Result<()> {
        match standing {
            None => Ok(()),
            Some(one) => {
                remove::network(&one.network, &self.context, &CancellationToken::new()).await
            }
        }
    }
}
