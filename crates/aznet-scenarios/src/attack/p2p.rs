//! Malformed, oversized and slow input to the p2p ports of nodes.

mod told;
mod witness;

use aznet_model::role::Role;
use aznet_network::observe::instances::{self, Instance};
use aznet_runner::Failure;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use self::{told::Told, witness::Witness};
use super::{adversary::P2P_INPUT, input::same, peers::Connections, strangers::Strangers};
use crate::world::World;

/// Slots in which all is sent, and who sent it is shut out.
const SLOTS_TO_SEND: u32 = 15;

/// Strangers send all nodes what is malformed, oversized or never finished. They shut out who does; nobody else is harmed.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let pods = instances::list(&world.network)
        .await
        .map_err(Failure::infrastructure)?;
    let strangers = Strangers::new(&world, &nodes, &pods, &Role::ALL)?;
    let ready = |pod: &&Instance| pod.role == Role::Validator && pod.ready;
    let validators: Vec<Instance> = pods.iter().filter(ready).cloned().collect();
    let before = Connections::of(&nodes)
        .await
        .map_err(Failure::infrastructure)?;
    let mut witness = Witness::new(&world, &validators, &nodes).await?;
    let over = CancellationToken::new();
    let attack = async {
        let within = world.time.slots(SLOTS_TO_SEND);
        let options = Value::Object(Map::new());
        let told = strangers.misbehave::<Told>(&P2P_INPUT, options, within);
        let told = told.await;
        over.cancel();
        told
    };
    let (told, ()) = futures::join!(attack, witness.look_on(&over));
    let told = told?;
    told.judge(&world, validators.len())?;
    for stranger in told.shunnable() {
        witness.saw_punished(stranger)?;
    }
    let mut scales = witness.saw_answers()?;
    for validator in &validators {
        same(&world, validator).await?;
    }
    let well = async {
        world.connected_as(&before, &nodes).await?;
        world.goes_on(&nodes).await
    };
    scales.during(well).await?;
    scales.judge().await
}
