//! Malformed, oversized and slow requests to a node's RPC.

use aznet_model::role::Role;
use aznet_network::observe::instances::{self, Instance};
use aznet_runner::Failure;

use super::corpus::{Input, is_refusal, malformed, mutant, sound};
use super::dud;
use super::memory::Scales;
use super::wire::{Answer, Wire};
use crate::world::{Peer, World};

/// Mutants of a run.
const MUTANTS: u64 = 60;
/// Requests that are not finished before all others are sent.
const UNFINISHED: usize = 64;

/// Sends a node what it must refuse; meanwhile it answers others, it is the same run afterwards, and its memory is bounded all
/// the while.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let victim = victim(&world).await?;
    let peer = nodes.iter().find(|node| node.pod == victim.pod);
    let peer = peer.ok_or_else(|| Failure::skipped("a node that is ready"))?;
    let wire = Wire::open(&world, &victim.pod).await?;
    world.context.step(format!(
        "{} answers a sound request on the way of all others",
        victim.pod
    ));
    let mut scales = Scales::before(&world, [victim.pod.as_str()]).await?;
    let attack = Attack {
        world: &world,
        victim: &victim,
        peer,
        wire,
    };
    let attacked = async {
        if let Err(failure) = attack.make().await {
            return Err(attack.blamed(failure).await);
        }
        same(&world, &victim).await?;
        world.goes_on(&nodes).await
    };
    scales.during(attacked).await?;
    scales.judge().await
}

/// A full node, else the boot node: the nodes that strangers talk to.
async fn victim(world: &World) -> Result<Instance, Failure> {
    let pods = instances::list(&world.network)
        .await
        .map_err(Failure::infrastructure)?;
    let of = |role| pods.iter().find(|pod| pod.role == role && pod.ready);
    let victim = of(Role::FullNode).or_else(|| of(Role::BootNode));
    victim
        .cloned()
        .ok_or_else(|| Failure::skipped("a full node or a boot node that is ready"))
}

/// What is sent, and to whom.
struct Attack<'a> {
    world: &'a World,
    victim: &'a Instance,
    /// The same node, asked on another way.
    peer: &'a Peer,
    wire: Wire,
}

impl Attack<'_> {
    /// Sends everything.
    async fn make(&self) -> Result<(), Failure> {
        self.world.attacked();
        let held = self.wire.hold(UNFINISHED).await?;
        self.malformed().await?;
        self.mutants().await?;
        // It is the node that was sent all this.
        self.wire.carries().await?;
        let ends = self.wire.finish(held).await?;
        self.world.context.step(format!(
            "a sound request was answered at the end, and of {UNFINISHED} that were not finished until then {} were, and {} were ended by \
             the node's timeout",
            ends.answered, ends.timed_out
        ));
        Ok(())
    }

    /// Sends what must be refused, one after another.
    async fn malformed(&self) -> Result<(), Failure> {
        let (corpus, mut closed) = (malformed(), 0);
        for input in &corpus {
            if self.refused(input).await? == Answer::Closed {
                closed += 1;
            }
            self.answers().await?;
        }
        self.wire.carries().await?;
        self.world.context.step(format!(
            "{} refused {} malformed requests, {} by an answer and {closed} oversized ones by the end of the connection, and \
             answered others meanwhile",
            self.victim.pod,
            corpus.len(),
            corpus.len() - closed
        ));
        Ok(())
    }

    /// Sends what may be refused or not.
    async fn mutants(&self) -> Result<(), Failure> {
        let seed = self.world.context.seed;
        let mut answered = 0;
        for n in 0..MUTANTS {
            if self.send(&mutant(seed, n)).await? != Answer::Closed {
                answered += 1;
            }
            if n.is_multiple_of(20) {
                self.answers().await?;
            }
        }
        self.answers().await?;
        let words = format!("{answered} of {MUTANTS} mutants of seed {seed} were answered");
        if answered * 10 < MUTANTS * 9 {
            return Err(Failure::Infrastructure(format!(
                "{words}; whether the others came to the node is not known"
            )));
        }
        self.world.context.step(format!(
            "{words}, and others meanwhile, with {UNFINISHED} requests unfinished"
        ));
        Ok(())
    }

    /// Sends what must be refused; how it was.
    async fn refused(&self, input: &Input) -> Result<Answer, Failure> {
        let answer = self.send(input).await?;
        let what = &input.what;
        match &answer {
            Answer::Bytes(bytes) if is_refusal(bytes) => Ok(answer),
            Answer::Closed if input.oversized => Ok(answer),
            Answer::Closed => Err(Failure::Infrastructure(format!(
                "{what}: {answer}; whether the node refused it is not known"
            ))),
            _ => Err(Failure::Assertion(format!(
                "{what}: expected that it is refused, seen {answer}"
            ))),
        }
    }

    /// Sends a request; something must come back in time. Where nothing but the end of the connection does, the way must lead to
    /// the node all the same.
    async fn send(&self, input: &Input) -> Result<Answer, Failure> {
        let what = &input.what;
        let bytes = if dud() { sound() } else { input.bytes.clone() };
        let answer = self.wire.exchange(&bytes).await?;
        match answer {
            Answer::Bytes(_) => {}
            Answer::Closed => self.wire.carries().await?,
            Answer::Silence => {
                self.wire.carries().await?;
                let words = format!("{what}: {answer}, though a sound request is answered");
                return Err(Failure::Assertion(words));
            }
        }
        Ok(answer)
    }

    /// What could not be tested since the node was harmed is what was found.
    async fn blamed(&self, failure: Failure) -> Failure {
        if !matches!(failure, Failure::Infrastructure(_)) {
            return failure;
        }
        let well = async {
            same(self.world, self.victim).await?;
            self.answers().await
        };
        match well.await {
            Err(Failure::Assertion(harmed)) => Failure::Assertion(format!("{harmed}; {failure}")),
            _ => failure,
        }
    }

    /// Sees that others are answered.
    async fn answers(&self) -> Result<(), Failure> {
        let tips = self.peer.rpc.tips().await;
        tips.map(drop).map_err(Failure::assertion)
    }
}

/// Sees that no container was started again.
pub(super) async fn same(world: &World, before: &Instance) -> Result<(), Failure> {
    let pods = instances::list(&world.network)
        .await
        .map_err(Failure::infrastructure)?;
    let now = pods.iter().find(|pod| pod.pod == before.pod);
    match now {
        Some(now) if now.run() == before.run() && now.ready => {
            let (pod, restarts) = (&now.pod, now.restarts);
            world.context.step(format!(
                "{pod} is ready, with {restarts} restarts as before"
            ));
            Ok(())
        }
        Some(now) => Err(Failure::Assertion(format!(
            "expected {} as it was, seen: ready {}, {} restarts{}",
            now.pod,
            now.ready,
            now.restarts,
            now.ended
                .as_ref()
                .map_or_else(String::new, |ended| format!("; {ended}")),
        ))),
        None => Err(Failure::Assertion(format!("{} is gone", before.pod))),
    }
}
