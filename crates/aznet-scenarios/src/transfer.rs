//! Tokens that move: deployed, minted, sent in public and in private, with exact balances.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aznet_kit::wait::Look;
use aznet_model::{role::Role, values::Values};
use aznet_network::clients::rpc::RpcError;
use aznet_runner::Failure;

use crate::{
    chain::Tx,
    errors::rpc,
    pxe::{Balance, Payment, Pxe, Sent, Visibility},
    world::World,
};

/// What Alice has in the beginning.
pub(crate) const MINTED: u128 = 1_000;
const SENT_PUBLIC: u128 = 100;
const SENT_PRIVATE: u128 = 250;

/// Slots in which balances must show a transfer that is in a block.
const SLOTS_TO_SYNC: u32 = 4;
/// Slots in which a pxe that is started again must have read the chain.
const SLOTS_TO_RETURN: u32 = 15;

/// A token and two who hold it.
pub(crate) struct Tokens {
    pxe: Pxe,
    token: String,
    alice: String,
    bob: String,
}

/// What transfers need of a network.
pub(crate) fn lacks(values: &Values) -> Option<&'static str> {
    if values.replicas(Role::Pxe) == 0 {
        return Some("a wallet server (set pxe.replicas)");
    }
    (!values.network.test_accounts).then_some("test accounts (set network.testAccounts)")
}

impl Tokens {
    /// A new token, of which Alice has [`MINTED`] in public and as many in private; with what minted it.
    pub(crate) async fn minted(world: &World) -> Result<(Self, [Sent; 2]), Failure> {
        let tokens = Self::deployed(world, world.pxe().await?).await?;
        let public = tokens.mint(world, Visibility::Public).await?;
        let private = tokens.mint(world, Visibility::Private).await?;
        let nothing = Balance {
            public: 0,
            private: 0,
        };
        let minted = Balance {
            public: MINTED,
            private: MINTED,
        };
        balances(world, &tokens, (minted, nothing)).await?;
        Ok((tokens, [public, private]))
    }

    /// A new token, of which Alice has [`MINTED`] in public, in this wallet server.
    pub(crate) async fn in_public(world: &World, pxe: Pxe) -> Result<Self, Failure> {
        let tokens = Self::deployed(world, pxe).await?;
        tokens.mint(world, Visibility::Public).await?;
        Ok(tokens)
    }

    async fn deployed(world: &World, pxe: Pxe) -> Result<Self, Failure> {
        let accounts = told(world, "test accounts deployed", pxe.accounts()).await?;
        let mut deployed = accounts
            .into_iter()
            .filter(|account| account.deployed)
            .map(|account| account.address);
        let (Some(alice), Some(bob)) = (deployed.next(), deployed.next()) else {
            return Err(Failure::skipped(
                "two test accounts (set network.testAccounts)",
            ));
        };
        let token = told(world, "token deployed", pxe.deploy_token(&alice)).await?;
        Ok(Self {
            pxe,
            token,
            alice,
            bob,
        })
    }

    async fn mint(&self, world: &World, visibility: Visibility) -> Result<Sent, Failure> {
        let to_alice = Payment {
            token: &self.token,
            to: &self.alice,
            amount: MINTED,
            visibility,
        };
        let what = format!("tokens minted in {}", visibility.name());
        told(world, &what, self.pxe.mint(&self.alice, to_alice)).await
    }

    /// Sends Bob his tokens, those of this kind; a node has taken the transaction when it returns.
    pub(crate) async fn send(&self, world: &World, visibility: Visibility) -> Result<Tx, Failure> {
        let amount = match visibility {
            Visibility::Public => SENT_PUBLIC,
            Visibility::Private => SENT_PRIVATE,
        };
        let to_bob = Payment {
            token: &self.token,
            to: &self.bob,
            amount,
            visibility,
        };
        let what = format!("tokens sent in {}", visibility.name());
        let sent = told(world, &what, self.pxe.transfer(&self.alice, to_bob)).await?;
        let tx = Tx::sent(visibility, sent.tx_hash);
        world.has_sent(&tx);
        Ok(tx)
    }

    /// Sends Bob one token in public; the hash of the transaction, which a node has taken.
    pub(crate) async fn send_one(&self) -> Result<String, RpcError> {
        let to_bob = Payment {
            token: &self.token,
            to: &self.bob,
            amount: 1,
            visibility: Visibility::Public,
        };
        let sent = self.pxe.transfer(&self.alice, to_bob).await?;
        Ok(sent.tx_hash)
    }

    /// Waits until Bob has exactly so many that were sent one by one, and Alice the rest.
    pub(crate) async fn moved_one_by_one(&self, world: &World, sent: u128) -> Result<(), Failure> {
        let public = |public| Balance { public, private: 0 };
        balances(world, self, (public(MINTED - sent), public(sent))).await
    }

    /// Waits until the pxe answers again.
    pub(crate) async fn served(&self, world: &World) -> Result<(), Failure> {
        let within = world.time.slots(SLOTS_TO_RETURN);
        let goal = "the pxe to answer";
        // A pxe that has just been started refuses everything until it has a node with peers.
        let answer = world.until(goal, within, || async {
            let balance = self.pxe.balance(&self.token, &self.alice).await;
            Ok(balance.map_or_else(Look::pending, Look::Done))
        });
        answer.await.map(drop)
    }

    /// Waits until Alice and Bob have exactly what they have when both transfers are in a block.
    pub(crate) async fn moved(&self, world: &World) -> Result<(), Failure> {
        balances(world, self, after()).await
    }
}

/// What Alice and Bob have in the end.
const fn after() -> (Balance, Balance) {
    (
        Balance {
            public: MINTED - SENT_PUBLIC,
            private: MINTED - SENT_PRIVATE,
        },
        Balance {
            public: SENT_PUBLIC,
            private: SENT_PRIVATE,
        },
    )
}

/// Waits until both have exactly this.
async fn balances(
    world: &World,
    tokens: &Tokens,
    wanted: (Balance, Balance),
) -> Result<(), Failure> {
    let Tokens {
        pxe,
        token,
        alice,
        bob,
    } = tokens;
    let goal = format!(
        "balances: Alice {}, Bob {}",
        words(wanted.0),
        words(wanted.1)
    );
    let last = Mutex::new(None);
    let within = world.time.slots(SLOTS_TO_SYNC) + world.course.slack;
    let reached = world
        .until(&goal, within, || async {
            let seen = (
                pxe.balance(token, alice).await?,
                pxe.balance(token, bob).await?,
            );
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
            Ok(exactly(wanted, seen))
        })
        .await;
    // While blocks come, the two are not asked about the same one. In the end they must add up.
    let last = last.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(seen) = last.filter(|_| !world.context.cancel.is_cancelled()) {
        world.conserved(token, total(wanted), total(seen));
    }
    reached?;
    world.context.step(goal);
    Ok(())
}

/// Whether Alice and Bob have what they are to have, each of them and of each kind.
fn exactly(wanted: (Balance, Balance), seen: (Balance, Balance)) -> Look<()> {
    if seen == wanted {
        return Look::Done(());
    }
    Look::Pending(format!("Alice {}, Bob {}", words(seen.0), words(seen.1)))
}

/// What two have together; the amounts of this test are far from overflowing.
const fn total((alice, bob): (Balance, Balance)) -> u128 {
    alice.public + alice.private + bob.public + bob.private
}

fn words(balance: Balance) -> String {
    format!("{} public and {} private", balance.public, balance.private)
}

/// Does something bounded by itself, unless the run ends before; says when it is done.
async fn told<T>(
    world: &World,
    what: &str,
    call: impl Future<Output = Result<T, RpcError>>,
) -> Result<T, Failure> {
    world.context.waiting(what, "the pxe is at it");
    let start = tokio::time::Instant::now();
    let done = world.context.cancel.run_until_cancelled(call).await;
    let answer = done
        .ok_or_else(|| Failure::Infrastructure(format!("{what}: interrupted")))?
        .map_err(rpc)?;
    world.context.step(format!(
        "{what} ({:.1}s)",
        Duration::as_secs_f64(&start.elapsed())
    ));
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_that_is_off_by_one_is_not_what_was_sent() {
        let (alice, bob) = after();
        assert_eq!(exactly(after(), (alice, bob)), Look::Done(()));
        let public = |balance: Balance, public| Balance { public, ..balance };
        let private = |balance: Balance, private| Balance { private, ..balance };
        for wrong in [
            (public(alice, alice.public - 1), bob),
            (private(alice, alice.private + 1), bob),
            (alice, public(bob, bob.public + 1)),
            (alice, private(bob, bob.private - 1)),
            // Together they have as much as there is.
            (public(alice, alice.public - 1), public(bob, bob.public + 1)),
        ] {
            assert!(
                matches!(exactly(after(), wrong), Look::Pending(_)),
                "{wrong:?}"
            );
        }
    }
}
