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
    pxe::{Account, Balance, Payment, Pxe, Sent, Visibility},
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

/// A token and two who hold it, each with a wallet server: the same one where a network has no other.
pub(crate) struct Tokens {
    token: String,
    alice: Holder,
    bob: Holder,
}

/// Somebody who holds tokens.
struct Holder {
    address: String,
    /// Where it sends from, and is asked what it has.
    pxe: Pxe,
}

/// What transfers need of a network.
pub(crate) fn lacks(values: &Values) -> Option<&'static str> {
    if values.replicas(Role::Pxe) == 0 {
        return Some("a wallet server (set pxe.replicas)");
    }
    (!values.network.test_accounts).then_some("test accounts (set network.testAccounts)")
}

/// What a network lacks for anything to be proven. On an L1 of somebody else's, somebody else may prove.
pub(crate) fn lacks_proofs(values: &Values) -> Option<&'static str> {
    if values.replicas(Role::Anvil) == 0 {
        return None;
    }
    let prover = (values.replicas(Role::ProverNode) == 0)
        .then_some("a prover node (set proverNode.replicas)");
    let refused = (values.network.real_verifier && !values.real_proofs())
        .then_some("proofs that its L1 accepts (leave network.realVerifier off)");
    prover.or(refused)
}

/// What a network lacks for tokens to move, and for that to be final.
pub(crate) fn lacks_finality(values: &Values) -> Option<&'static str> {
    lacks(values).or_else(|| lacks_proofs(values))
}

impl Tokens {
    /// A new token, of which Alice, in the first wallet server, has [`MINTED`] in public and as many in private, and Bob, in
    /// the last one, nothing; with what minted it.
    pub(crate) async fn minted(world: &World) -> Result<(Self, [Sent; 2]), Failure> {
        let first = world.pxe().await?;
        let last = world.pxes().await?.pop().unwrap_or_else(|| first.clone());
        let tokens = Self::deployed(world, first, last).await?;
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
        let tokens = Self::deployed(world, pxe.clone(), pxe).await?;
        tokens.mint(world, Visibility::Public).await?;
        Ok(tokens)
    }

    async fn deployed(world: &World, alices: Pxe, bobs: Pxe) -> Result<Self, Failure> {
        let accounts = told(world, "test accounts deployed", alices.accounts()).await?;
        let mut deployed = accounts
            .into_iter()
            .filter(|account| account.deployed)
            .map(|account| account.address);
        let (Some(alice), Some(bob)) = (deployed.next(), deployed.next()) else {
            return Err(Failure::skipped(
                "two test accounts (set network.testAccounts)",
            ));
        };
        if alices.pod() != bobs.pod() {
            let what = format!(
                "Bob's account in {}, Alice's in {}",
                bobs.pod(),
                alices.pod()
            );
            let accounts = told(world, &what, bobs.accounts()).await?;
            has_account(&accounts, &bob, bobs.pod())?;
        }
        let token = told(world, "token deployed", alices.deploy_token(&alice)).await?;
        let holder = |address, pxe| Holder { address, pxe };
        Ok(Self {
            token,
            alice: holder(alice, alices),
            bob: holder(bob, bobs),
        })
    }

    async fn mint(&self, world: &World, visibility: Visibility) -> Result<Sent, Failure> {
        let to_alice = Payment {
            token: &self.token,
            to: &self.alice.address,
            amount: MINTED,
            visibility,
            priority_fee: 0,
        };
        let what = format!("tokens minted in {}", visibility.name());
        let minter = &self.alice;
        told(world, &what, minter.pxe.mint(&minter.address, to_alice)).await
    }

    /// Sends Bob his tokens, those of this kind; a node has taken the transaction when it returns.
    pub(crate) async fn send(&self, world: &World, visibility: Visibility) -> Result<Tx, Failure> {
        self.send_paying(world, visibility, 0).await
    }

    /// Sends Bob his tokens, and pays so much beyond the base fee.
    pub(crate) async fn send_paying(
        &self,
        world: &World,
        visibility: Visibility,
        priority_fee: u64,
    ) -> Result<Tx, Failure> {
        let amount = match visibility {
            Visibility::Public => SENT_PUBLIC,
            Visibility::Private => SENT_PRIVATE,
        };
        let to_bob = Payment {
            token: &self.token,
            to: &self.bob.address,
            amount,
            visibility,
            priority_fee,
        };
        let what = format!("tokens sent in {}", visibility.name());
        let sent = told(world, &what, self.alice.send(to_bob)).await?;
        let tx = Tx::sent(visibility, sent.tx_hash).with_priority_fee(priority_fee);
        world.has_sent(&tx);
        Ok(tx)
    }

    /// Sends Bob one token in public; the hash of the transaction, which a node has taken.
    pub(crate) async fn send_one(&self) -> Result<String, RpcError> {
        let to_bob = Payment {
            token: &self.token,
            to: &self.bob.address,
            amount: 1,
            visibility: Visibility::Public,
            priority_fee: 0,
        };
        let sent = self.alice.send(to_bob).await?;
        Ok(sent.tx_hash)
    }

    /// Waits until Bob has exactly so many that were sent one by one, and Alice the rest.
    pub(crate) async fn moved_one_by_one(&self, world: &World, sent: u128) -> Result<(), Failure> {
        let public = |public| Balance { public, private: 0 };
        balances(world, self, (public(MINTED - sent), public(sent))).await
    }

    /// Waits until each pxe answers again.
    pub(crate) async fn served(&self, world: &World) -> Result<(), Failure> {
        let within = world.time.slots(SLOTS_TO_RETURN);
        let goal = "the pxe to answer";
        // A pxe that has just been started refuses everything until it has a node with peers.
        let answer = world.until(goal, within, || async {
            Ok(self.seen().await.map_or_else(Look::pending, Look::Done))
        });
        answer.await.map(drop)
    }

    /// Waits until Alice and Bob have exactly what they have when both transfers are in a block.
    pub(crate) async fn moved(&self, world: &World) -> Result<(), Failure> {
        balances(world, self, after()).await
    }

    /// The pod of Bob's wallet server, if that is not Alice's.
    fn elsewhere(&self) -> Option<&str> {
        let pod = self.bob.pxe.pod();
        (pod != self.alice.pxe.pod()).then_some(pod)
    }

    /// What Alice and Bob have, each as its own wallet server says.
    async fn seen(&self) -> Result<(Balance, Balance), RpcError> {
        let (alice, bob) = (&self.alice, &self.bob);
        Ok((
            alice.balance(&self.token).await?,
            bob.balance(&self.token).await?,
        ))
    }
}

impl Holder {
    async fn balance(&self, token: &str) -> Result<Balance, RpcError> {
        self.pxe.balance(token, &self.address).await
    }

    async fn send(&self, payment: Payment<'_>) -> Result<Sent, RpcError> {
        self.pxe.transfer(&self.address, payment).await
    }
}

/// That a wallet server has the account of who is to receive tokens there.
fn has_account(accounts: &[Account], owner: &str, pxe: &str) -> Result<(), Failure> {
    if accounts.iter().any(|account| account.address == owner) {
        return Ok(());
    }
    Err(Failure::assertion(format!(
        "{pxe}: expected the account {owner}, seen {} others",
        accounts.len()
    )))
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
    let (alices, bobs) = (words(wanted.0), words(wanted.1));
    let goal = match tokens.elsewhere() {
        Some(pod) => format!("balances: Alice {alices}, Bob {bobs} in {pod}"),
        None => format!("balances: Alice {alices}, Bob {bobs}"),
    };
    let last = Mutex::new(None);
    let within = world.time.slots(SLOTS_TO_SYNC) + world.course.slack;
    let reached = world
        .until(&goal, within, || async {
            let seen = tokens.seen().await?;
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
            Ok(exactly(wanted, seen))
        })
        .await;
    // While blocks come, the two are not asked about the same one. In the end they must add up, where one wallet server says
    // it: two may have read different parts of the chain.
    let last = last.into_inner().unwrap_or_else(PoisonError::into_inner);
    let counts = tokens.elsewhere().is_none() && !world.context.cancel.is_cancelled();
    if let Some(seen) = last.filter(|_| counts) {
        world.conserved(&tokens.token, total(wanted), total(seen));
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
    fn tokens_are_sent_only_to_who_is_where_they_are_looked_for() {
        let accounts = ["0xa", "0xb"].map(|address| Account {
            address: address.to_owned(),
            deployed: true,
        });
        assert!(has_account(&accounts, "0xb", "pxe-1").is_ok());
        let missing = has_account(&accounts[..1], "0xb", "pxe-1");
        assert!(matches!(missing, Err(Failure::Assertion(why)) if why.starts_with("pxe-1: ")));
    }

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
