//! A full node that something is done to: nobody's chain depends on it.

use std::time::Duration;

use aznet_kit::wait::Look;
use aznet_model::role::Role;
use aznet_network::{
    clients::exec,
    observe::{
        instances::{self, Instance},
        logs::Which,
    },
};
use aznet_runner::Failure;
use jiff::Timestamp;

use super::said::Said;
use crate::world::{Peer, World};

/// What a script in its container may take.
const TO_RUN: Duration = Duration::from_mins(1);
/// What a container may take to end, to be started again and to speak: one that has ended often is started after five
/// minutes.
const TO_START: Duration = Duration::from_mins(6);
/// Slots in which it must have read the chain and serve.
const SLOTS_TO_SERVE: u32 = 10;
/// What the node says before it reads the chain.
const BEGINS: &str = "Starting archiver sync";
/// After this it has the newest checkpoint that it knows of.
const FROM: &str = "and L2 checkpoint ";

/// A full node, as it was found.
pub(super) struct Victim {
    instance: Instance,
    /// The node.
    pub(super) peer: Peer,
}

impl Victim {
    /// A full node that is ready.
    pub(super) async fn choose(world: &World, nodes: &[Peer]) -> Result<Self, Failure> {
        let pods = instances::list(&world.network)
            .await
            .map_err(Failure::infrastructure)?;
        let mut pods = pods.into_iter();
        let found = pods.find(|pod| pod.role == Role::FullNode && pod.ready);
        let found = found.and_then(|instance| {
            let peer = nodes.iter().find(|node| node.pod == instance.pod)?.clone();
            Some(Self { instance, peer })
        });
        found.ok_or_else(|| Failure::skipped("a full node that is ready"))
    }

    /// Its pod.
    pub(super) fn pod(&self) -> &str {
        &self.instance.pod
    }

    /// Runs a script in its container.
    pub(super) async fn run(&self, world: &World, script: &str) -> Result<String, Failure> {
        let command = ["sh", "-ec", script].map(str::to_owned);
        let place = (self.pod(), self.instance.role.name());
        exec::run(&world.network, place, &command, TO_RUN)
            .await
            .map_err(Failure::infrastructure)
    }

    /// Ends its process when a script has run, and waits until it is started again; the checkpoint that it then says it has.
    pub(super) async fn restart_after(&self, world: &World, script: &str) -> Result<u64, Failure> {
        let since = Timestamp::now();
        // In a moment: the end of the container would break the connection over which this is said.
        self.run(
            world,
            &format!("{script}\n(sleep 1; kill 1) >/dev/null 2>&1 &"),
        )
        .await?;
        let said = Said {
            which: Which::Named(self.pod().to_owned()),
            but: None,
            since,
            parts: &[BEGINS, FROM],
        };
        let (pod, line) = said.line(world, TO_START).await?;
        let from = checkpoint(&line).ok_or_else(|| {
            Failure::Infrastructure(format!("{pod} says `{line}`, without a checkpoint"))
        })?;
        self.is_another_run(world).await?;
        world.context.step(format!(
            "{pod} was started again, and reads on from checkpoint {from}"
        ));
        Ok(from)
    }

    /// Sees that what spoke was not the run that was ended.
    async fn is_another_run(&self, world: &World) -> Result<(), Failure> {
        let before = self.instance.run();
        let goal = format!("{} to be another run", self.pod());
        world
            .until(&goal, TO_START, || async {
                let pods = instances::list(&world.network).await;
                let again = |pods: Vec<Instance>| {
                    let now = pods.into_iter().find(|pod| pod.pod == self.pod());
                    match now {
                        Some(now) if now.run() != before && now.running => Look::Done(()),
                        Some(now) => Look::Pending(format!("{} restarts", now.restarts)),
                        None => Look::pending("it is gone"),
                    }
                };
                Ok(Look::or_pending(pods.map(again)))
            })
            .await
    }

    /// Waits until it serves again.
    pub(super) async fn serves(&self, world: &World) -> Result<(), Failure> {
        let goal = format!("{} to be ready", self.pod());
        let within = TO_START + world.time.slots(SLOTS_TO_SERVE);
        world
            .until(&goal, within, || async {
                let pods = instances::list(&world.network).await;
                let ready = |pods: Vec<Instance>| {
                    if pods.iter().any(|pod| pod.pod == self.pod() && pod.ready) {
                        Look::Done(())
                    } else {
                        Look::pending("it is not")
                    }
                };
                Ok(Look::or_pending(pods.map(ready)))
            })
            .await?;
        world.context.step(format!("{} is ready", self.pod()));
        Ok(())
    }
}

/// The checkpoint that a node begins from, in the line in which it says so.
fn checkpoint(line: &str) -> Option<u64> {
    let (_, after) = line.split_once(FROM)?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkpoint_is_read_from_what_the_node_says() {
        let line = "INFO: archiver Starting archiver sync to rollup contract 0x1a from L1 block 208 and L2 checkpoint 42 {\"blocksSynchedTo\":208}";
        assert_eq!(checkpoint(line), Some(42));
        assert_eq!(checkpoint("INFO: archiver Stopped."), None);
    }
}
