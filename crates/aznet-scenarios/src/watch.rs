//! Watching a network while tests run on it: from every node and the L1, with rules that must always hold, and with gates
//! before and after each test.

mod clock;
mod gate;
mod hub;
mod invariant;
mod ledger;
pub(crate) mod meter;
mod moved;
mod recorder;
mod restarts;
mod slots;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aznet_model::timing::ProtocolTime;
use aznet_network::namespace::Network;
use aznet_runner::{Context, Failure};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::gate::Begun;
use self::hub::{Hub, Place};
use self::recorder::Recorder;

/// What the last look may take when a test ends.
const LAST_LOOK: Duration = Duration::from_secs(6);

/// What a scenario does to its network that would be wrong elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disturbs {
    /// It restarts containers.
    pub(crate) restarts: bool,
    /// When it ends, the chain stands still.
    pub(crate) stands_still: bool,
}

impl Disturbs {
    /// It only looks on.
    pub(crate) const NOTHING: Self = Self {
        restarts: false,
        stands_still: false,
    };
    /// It ends containers, or has Kubernetes end them.
    pub(crate) const RESTARTS: Self = Self {
        restarts: true,
        ..Self::NOTHING
    };
}

/// Watches over networks: tests that run on the same one at the same time share a recorder. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<BTreeMap<String, Recording>>>);

/// A recorder at work.
struct Recording {
    hub: Hub,
    task: JoinHandle<()>,
    cancel: CancellationToken,
}

/// A test that is watched over.
pub(crate) struct Watched {
    namespace: String,
    place: Place,
}

impl Watch {
    /// Begins to watch for a test.
    pub(crate) async fn enter(
        &self,
        network: &Network,
        time: ProtocolTime,
        context: &Context,
        disturbs: Disturbs,
    ) -> Watched {
        let mut all = self.0.lock().await;
        let namespace = network.namespace().to_owned();
        let known = all
            .remove(&namespace)
            .filter(|known| !known.task.is_finished());
        let hub = known
            .as_ref()
            .map(|known| known.hub.clone())
            .unwrap_or_default();
        let place = hub.enter(context.clone(), disturbs.restarts);
        let recording = known.unwrap_or_else(|| Recording::start(network, time, hub));
        all.insert(namespace.clone(), recording);
        Watched { namespace, place }
    }

    /// Ends it, with a last look if nobody else is watched over.
    ///
    /// # Errors
    /// [`Failure::Infrastructure`] if the machine failed the test meanwhile. What the network did wrong was told.
    pub(crate) async fn leave(&self, watched: Watched) -> Result<(), Failure> {
        let mut all = self.0.lock().await;
        let Some(recording) = all.get(&watched.namespace) else {
            return Ok(());
        };
        let hub = recording.hub.clone();
        if hub.hears_only(watched.place)
            && let Some(recording) = all.remove(&watched.namespace)
        {
            recording.stop().await;
        }
        match hub.leave(watched.place) {
            Some(machine) => Err(Failure::Infrastructure(machine)),
            None => Ok(()),
        }
    }
}

impl Recording {
    fn start(network: &Network, time: ProtocolTime, hub: Hub) -> Self {
        let cancel = CancellationToken::new();
        let recorder = Recorder::new(network.clone(), time, hub.clone());
        Self {
            task: tokio::spawn(recorder.run(cancel.clone())),
            hub,
            cancel,
        }
    }

    async fn stop(mut self) {
        self.cancel.cancel();
        if tokio::time::timeout(LAST_LOOK, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
        }
    }
}

/// Sees that the network is well before a test.
pub(crate) async fn before(
    network: &Network,
    time: ProtocolTime,
    context: &Context,
) -> Result<Begun, Failure> {
    gate::before(network, time, context).await
}

/// Sees that the chain has moved on after a test, unless that is to have stopped it.
pub(crate) async fn after(
    network: &Network,
    time: ProtocolTime,
    begun: Begun,
    disturbs: Disturbs,
    context: &Context,
) -> Result<(), Failure> {
    if disturbs.stands_still {
        context.step("that the chain has moved on was not looked at: the test stops it");
        return Ok(());
    }
    moved::after(network, time, begun, context).await
}
