//! What goes on beside the transfers that a test follows: other transfers, and an attack.

use std::fmt;

use aznet_model::role::Role;
use aznet_runner::Failure;

use crate::load;
use crate::scenario::Scenario;
use crate::transfer::Tokens;
use crate::world::World;

/// What is wanted.
#[derive(Clone, Default)]
pub(crate) struct Beside {
    /// The attack.
    pub(crate) attack: Option<Scenario>,
    /// Public transfers a slot.
    pub(crate) load: u32,
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beside")
            .field("attack", &self.attack.as_ref().map(|attack| attack.name))
            .field("load", &self.load)
            .finish()
    }
}

/// The same, with what it takes.
pub(crate) struct Ready<'a> {
    beside: &'a Beside,
    wallet: Option<Tokens>,
}

impl Beside {
    /// The roles whose containers the attack ends.
    pub(crate) fn restarts(&self) -> &'static [Role] {
        let restarts = self.attack.as_ref().map(|attack| attack.restarts);
        restarts.unwrap_or_default()
    }

    /// Makes ready for it while nothing goes wrong: the last pxe sends what nobody follows.
    pub(crate) async fn ready(&self, world: &World) -> Result<Ready<'_>, Failure> {
        let wallet = match (self.load, world.pxes().await?.pop()) {
            (1.., Some(pxe)) => Some(Tokens::in_public(world, pxe).await?),
            _ => None,
        };
        let beside = self;
        Ok(Ready { beside, wallet })
    }
}

impl Ready<'_> {
    /// Does it.
    pub(crate) async fn run(&self, world: &World) -> Result<(), Failure> {
        let attack = async {
            match &self.beside.attack {
                Some(attack) => (attack.run)(world.clone()).await,
                None => Ok(()),
            }
        };
        let load = async {
            match &self.wallet {
                Some(wallet) => load::steady(world, wallet, self.beside.load).await,
                None => Ok(()),
            }
        };
        let (attack, load) = futures::join!(attack, load);
        attack.and(load)
    }
}
