//! The scenarios that networks are tested with, one file each.
//!
//! A new one is a module with a function `run(World) -> Result<(), Failure>` and an entry of `scenarios`, or of
//! `attack::catalogue`.

mod attack;
mod beside;
mod bounded;
mod cell;
mod chain;
pub mod condition;
mod errors;
pub mod explain;
mod faults;
pub mod generate;
mod joining;
mod load;
mod look;
pub mod matrix;
mod onward;
mod pxe;
#[cfg(test)]
mod rehearsal;
mod release;
mod scenario;
pub mod topology;
mod transfer;
mod watch;
mod world;

use std::{sync::Arc, time::Duration};

use aznet_model::role::Role;
use aznet_model::values::Values;
use aznet_network::namespace::Network;
use aznet_runner::{Class, Context, Failure, Observation, Test};
use futures::future::BoxFuture;
use tokio::time::Instant;

pub use self::faults::{Laid, Tools, UnderWay, Upgrade};

use self::{scenario::Scenario, watch::Watch, world::World};

/// Gives the network that tests run on; called by each test, so it should bring it up only once.
pub type Provide = Arc<dyn Fn() -> BoxFuture<'static, Result<Network, Failure>> + Send + Sync>;

/// Every scenario. Deadlines are for the worst case; what is waited for inside has its own in protocol time.
fn scenarios() -> Vec<Scenario> {
    let mut all = vec![Scenario {
        name: "transfer",
        about: "tokens move in public and in private, and their blocks are proposed, checkpointed, proven and finalized",
        deadline: Duration::from_mins(30),
        class: Class::Observe,
        tags: &["tokens", "finality", "smoke"],
        restarts: &[],
        lacks: transfer::lacks_finality,
        run: Arc::new(|world| Box::pin(cell::calm(world))),
    }];
    all.push(Scenario {
        name: "chain",
        about: "another checkpoint comes, every node has its block, and a proof covers more than before",
        deadline: Duration::from_hours(2),
        class: Class::Observe,
        tags: &["finality", "smoke"],
        restarts: &[],
        lacks: transfer::lacks_proofs,
        run: Arc::new(|world| Box::pin(onward::run(world))),
    });
    all.push(Scenario {
        name: "release",
        about: "what the profile of the network's release says is so: options, variables, RPC, a transaction that is proven, \
                a validator that joins and leaves, metrics",
        deadline: Duration::from_mins(45),
        class: Class::Disrupt,
        tags: &["profile", "long"],
        restarts: &[],
        lacks: release::lacks,
        run: Arc::new(|world| Box::pin(release::run(world))),
    });
    all.push(Scenario {
        name: "load",
        about: "the highest rate of public transfers at which each is in a block within two slots, and how long that takes",
        deadline: Duration::from_hours(1),
        class: Class::Disrupt,
        tags: &["load", "long"],
        restarts: &[],
        lacks: transfer::lacks,
        run: Arc::new(|world| Box::pin(load::run(world))),
    });
    all.extend(attack::scenarios());
    all
}

/// Whether attacks are only gone through, by what the environment says: their tests must fail then.
pub fn dud_attacks() -> bool {
    attack::dud()
}

/// Every scenario as a test of the network called `network`, which `provide` gives when the first one runs. Where its values are
/// known, those that it lacks something for are skipped without a look at it.
pub fn tests(network: &str, provide: &Provide, values: Option<&Values>) -> Vec<Test> {
    let watch = Watch::default();
    let test = |scenario: Scenario| {
        let Scenario {
            name,
            about,
            deadline,
            class,
            tags,
            restarts,
            lacks,
            run,
        } = scenario;
        let (provide, watch) = (provide.clone(), watch.clone());
        let lacking = values.and_then(lacks);
        let body = move |context| {
            let (provide, watch, run) = (provide.clone(), watch.clone(), run.clone());
            async move {
                if let Some(what) = lacking {
                    return Err(Failure::skipped(what));
                }
                attend(
                    |world| run(world),
                    restarts,
                    (provide().await?, context),
                    &watch,
                )
                .await
            }
        };
        Test::new(network, name, about, body)
            .class(class)
            .tags(tags.iter().copied())
            .deadline(deadline)
    };
    scenarios().into_iter().map(test).collect()
}

/// Runs a scenario, which ends containers of these roles itself, between its gates, and watches its network meanwhile.
/// What is seen to be broken then is told, and fails the test whatever its own verdict.
async fn attend<F>(
    run: impl FnOnce(World) -> F,
    restarts: &[Role],
    (network, context): (Network, Context),
    watch: &Watch,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let world = World::enter(network.clone(), context.clone()).await?;
    let time = world.time;
    let name = network.release().await.name.to_owned();
    context.observed(Observation::Release { name });
    let begun = watch::before(&network, time, &context).await?;
    let ours = (restarts, &world.bounded);
    let watched = watch.enter(&network, time, &context, ours).await;
    let (witness, since) = (world.clone(), Instant::now());
    let outcome = match run(world).await {
        Ok(()) => watch::after(&network, time, begun, &context).await,
        Err(failure) => Err(witness
            .after_prune(since, failure, Failure::Assertion)
            .await),
    };
    let machine = watch.leave(watched).await;
    match (outcome, machine) {
        (Err(Failure::Assertion(seen)), Err(machine)) => {
            Err(Failure::Infrastructure(format!("{seen}; {machine}")))
        }
        (outcome, machine) => outcome.and(machine),
    }
}

/// The name of each scenario, and what it shows.
pub fn known() -> impl Iterator<Item = (&'static str, &'static str)> {
    scenarios().into_iter().map(|one| (one.name, one.about))
}

/// What a network with these values lacks for the scenario called so; `None`: nothing, or there is no such scenario.
pub fn lacks(scenario: &str, values: &Values) -> Option<&'static str> {
    let scenario = scenarios().into_iter().find(|one| one.name == scenario)?;
    (scenario.lacks)(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_listed_without_a_network() {
        let provide: Provide =
            Arc::new(|| Box::pin(async { Err(Failure::skipped("no network in this test")) }));
        let tests = tests("small", &provide, None);
        assert!(
            tests
                .iter()
                .any(|test| test.id.to_string() == "small::transfer")
        );
    }
}
