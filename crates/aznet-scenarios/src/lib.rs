//! The scenarios that networks are tested with, one file each.
//!
//! A new one is a module with a function `run(World) -> Result<(), Failure>` and an entry of `scenarios`.

mod attack;
mod chain;
mod errors;
mod pxe;
mod transfer;
mod world;

use std::{sync::Arc, time::Duration};

use aznet_model::values::Values;
use aznet_network::namespace::Network;
use aznet_runner::{Failure, Test};
use futures::future::BoxFuture;

use self::{
    attack::{ATTACKS, Attack},
    world::World,
};

/// Gives the network that tests run on; called by each test, so it should bring it up only once.
pub type Provide = Arc<dyn Fn() -> BoxFuture<'static, Result<Network, Failure>> + Send + Sync>;

type Run = Arc<dyn Fn(World) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// A scenario: what it is called, what it shows, how long it may take in all, and what it does.
struct Scenario {
    name: &'static str,
    about: &'static str,
    deadline: Duration,
    /// What a network with these values lacks for it.
    lacks: fn(&Values) -> Option<&'static str>,
    run: Run,
}

/// Every scenario. Deadlines are for the worst case; what is waited for inside has its own in protocol time.
fn scenarios() -> Vec<Scenario> {
    let mut all = vec![Scenario {
        name: "transfer",
        about: "tokens move in public and in private, and their blocks are proposed, checkpointed, proven and finalized",
        deadline: Duration::from_mins(30),
        lacks: transfer::lacks,
        run: Arc::new(|world| Box::pin(transfer::run(world))),
    }];
    all.extend(ATTACKS.iter().map(of_attack));
    all
}

fn of_attack(attack: &'static Attack) -> Scenario {
    Scenario {
        name: attack.name,
        about: attack.about,
        deadline: Duration::from_mins(10),
        lacks: attack::lacks,
        run: Arc::new(move |world| Box::pin(attack::run(world, attack))),
    }
}

/// Every scenario as a test of the network called `network`, which `provide` gives when the first one runs.
pub fn tests(network: &str, provide: &Provide) -> Vec<Test> {
    let test = |scenario: Scenario| {
        let (provide, run) = (provide.clone(), scenario.run);
        let body = move |context| {
            let (provide, run) = (provide.clone(), run.clone());
            async move { run(World::enter(provide().await?, context).await?).await }
        };
        Test::new(network, scenario.name, scenario.about, body).deadline(scenario.deadline)
    };
    scenarios().into_iter().map(test).collect()
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
        let tests = tests("small", &provide);
        assert!(
            tests
                .iter()
                .any(|test| test.id.to_string() == "small::transfer")
        );
    }
}
