//! Malformed, oversized and slow requests to a node's RPC.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aznet_model::role::Role;
use aznet_network::clients::forward::{Forward, Target};
use aznet_network::observe::instances::{self, Instance};
use aznet_runner::Failure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::corpus::{Input, is_refusal, malformed, mutant, sound, unfinished};
use super::dud;
use crate::world::World;

/// Mutants of a run.
const MUTANTS: u64 = 60;
/// Requests that are never finished.
const UNFINISHED: usize = 64;
/// What an answer may take.
const TO_ANSWER: Duration = Duration::from_secs(20);
/// What of an answer is read.
const READ: u64 = 64 << 10;
/// A node's JSON-RPC port.
const PORT: u16 = 8080;

/// Sends a node what it must refuse; meanwhile it answers others, and it is the same run afterwards.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let victim = victim(&world).await?;
    let forward = Forward::open(
        &world.network,
        Target::Pod(victim.pod.clone()),
        PORT,
        0,
        Arc::new(|error| tracing::debug!(%error, "a connection of the attacker ended")),
        world.context.cancel.child_token(),
    );
    let forward = forward.await.map_err(Failure::infrastructure)?;
    let peer = nodes.iter().find(|node| node.pod == victim.pod);
    let peer = peer.ok_or_else(|| Failure::skipped("a node that is ready"))?;
    let slow = slow(forward.local()).await?;
    let answers = async || peer.rpc.tips().await.map(drop).map_err(Failure::assertion);
    let corpus = malformed();
    for input in &corpus {
        refused(forward.local(), input).await?;
        answers().await?;
    }
    world.context.step(format!(
        "{} refused {} malformed requests, and answered others meanwhile",
        victim.pod,
        corpus.len()
    ));
    for n in 0..MUTANTS {
        exchange(forward.local(), &mutant(world.context.seed, n).bytes).await;
        if n.is_multiple_of(20) {
            answers().await?;
        }
    }
    answers().await?;
    world.context.step(format!(
        "it answers after {MUTANTS} mutants of seed {}, with {} requests unfinished",
        world.context.seed,
        slow.len()
    ));
    drop(slow);
    same(&world, &victim).await?;
    world.goes_on(&nodes).await
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

/// Begins requests that are not finished while they are held.
async fn slow(at: SocketAddr) -> Result<Vec<TcpStream>, Failure> {
    let mut held = Vec::new();
    for _ in 0..UNFINISHED {
        let mut stream = TcpStream::connect(at)
            .await
            .map_err(Failure::infrastructure)?;
        let written = stream.write_all(unfinished()).await;
        written.map_err(Failure::infrastructure)?;
        held.push(stream);
    }
    Ok(held)
}

async fn refused(at: SocketAddr, input: &Input) -> Result<(), Failure> {
    let what = &input.what;
    let bytes = if dud() { sound() } else { input.bytes.clone() };
    let Some(answer) = exchange(at, &bytes).await else {
        return Err(Failure::Assertion(format!(
            "{what}: no answer in {} s, expected that it is refused",
            TO_ANSWER.as_secs()
        )));
    };
    if is_refusal(&answer) {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&answer);
    let begin: String = text.chars().take(300).collect();
    Err(Failure::Assertion(format!(
        "{what}: expected that it is refused, seen `{begin}`"
    )))
}

/// Sends a request and reads its answer; `None`: none came in time. A connection that breaks is an answer, an empty one.
async fn exchange(at: SocketAddr, bytes: &[u8]) -> Option<Vec<u8>> {
    let exchanged = async {
        let mut stream = TcpStream::connect(at).await?;
        let (read, mut write) = stream.split();
        let mut answer = Vec::new();
        let mut read = read.take(READ);
        // Who refuses a request need not read all of it.
        let (_, read) = tokio::join!(write.write_all(bytes), read.read_to_end(&mut answer));
        read.map(|_| answer)
    };
    let exchanged = timeout(TO_ANSWER, exchanged).await.ok()?;
    Some(exchanged.unwrap_or_default())
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
