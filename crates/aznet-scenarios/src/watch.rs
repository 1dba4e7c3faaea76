//! Watching a network while tests run on it: from every node and the L1, with rules that must always hold, and with gates
//! before and after each test.

mod clock;
mod gate;
mod hub;
mod invariant;
mod ledger;
mod losses;
pub(crate) mod meter;
mod moved;
mod proof;
mod recorder;
mod restarts;
mod slots;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aznet_model::role::Role;
use aznet_model::timing::ProtocolTime;
use aznet_network::namespace::Network;
use aznet_runner::{Context, Failure};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::gate::Begun;
use self::hub::{Hub, Place};
use self::recorder::Recorder;
use crate::bounded::Bounded;

/// What the last look may take when a test ends.
const LAST_LOOK: Duration = Duration::from_secs(6);
/// Slots in which nodes are asked more than once, and what they say is judged.
const SLOTS_TO_SEE: u32 = 4;

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
    since: Instant,
    /// After which something must have been seen.
    seen_within: Duration,
}

impl Watch {
    /// Begins to watch for a test, which ends containers of these roles itself, and by which the memory of these pods must stay
    /// bounded.
    pub(crate) async fn enter(
        &self,
        network: &Network,
        time: ProtocolTime,
        context: &Context,
        (restarts, bounded): (&[Role], &Bounded),
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
        let place = hub.enter(context.clone(), restarts, bounded);
        let recording = known.unwrap_or_else(|| Recording::start(network, time, hub));
        all.insert(namespace.clone(), recording);
        Watched {
            namespace,
            place,
            since: Instant::now(),
            seen_within: time.slots(SLOTS_TO_SEE),
        }
    }

    /// Ends it, with a last look if nobody else is watched over.
    ///
    /// # Errors
    /// [`Failure::Infrastructure`] if the machine failed the test meanwhile, or nothing was seen. What the network did wrong
    /// was told.
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
        let heard = hub.leave(watched.place);
        if let Some(machine) = heard.machine {
            return Err(Failure::Infrastructure(machine));
        }
        seen(heard.looks, watched.since.elapsed(), watched.seen_within)
    }
}

/// A watch that saw nothing found nothing either.
fn seen(looks: u64, lasted: Duration, within: Duration) -> Result<(), Failure> {
    if looks == 0 && lasted > within {
        return Err(Failure::Infrastructure(format!(
            "the network was not watched: no node's tips could be judged in {} s",
            lasted.as_secs()
        )));
    }
    Ok(())
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

/// Sees that the chain has moved on after a test.
pub(crate) async fn after(
    network: &Network,
    time: ProtocolTime,
    begun: Begun,
    context: &Context,
) -> Result<(), Failure> {
    moved::after(network, time, begun, context).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_that_saw_nothing_is_no_watch() {
        let (short, within, long) = (1, 48, 49);
        let after = |looks, seconds| {
            let lasted = Duration::from_secs(seconds);
            seen(looks, lasted, Duration::from_secs(within))
        };
        assert_eq!(after(1, long), Ok(()));
        assert_eq!(after(0, short), Ok(()), "there was no time to see anything");
        let unseen = after(0, long).expect_err("nothing was seen");
        assert!(unseen.to_string().ends_with("could be judged in 49 s"));
    }
}
