//! Tokens move: deployed, minted, sent in public and in private, with exact balances, down to finality.

use std::time::Duration;

use aznet_kit::wait::Look;
use aznet_model::{role::Role, values::Values};
use aznet_network::clients::rpc::RpcError;
use aznet_runner::Failure;

use crate::{
    errors::rpc,
    pxe::{Balance, Payment, Pxe, Sent, Visibility},
    world::World,
};

const MINTED: u128 = 1_000;
const SENT_PUBLIC: u128 = 100;
const SENT_PRIVATE: u128 = 250;

/// Slots in which balances must show a transfer that is in a block.
const SLOTS_TO_SYNC: u32 = 4;

/// A token and two who hold it.
struct Holders {
    token: String,
    alice: String,
    bob: String,
}

/// What [`run`] needs of a network.
pub(crate) fn lacks(values: &Values) -> Option<&'static str> {
    if values.replicas(Role::Pxe) == 0 {
        return Some("a wallet server (set pxe.replicas)");
    }
    (!values.network.test_accounts).then_some("test accounts (set network.testAccounts)")
}

pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let pxe = world.pxe().await?;
    let holders = holders(&world, &pxe).await?;
    mint(&world, &pxe, &holders).await?;
    let (public, private) = transfer(&world, &pxe, &holders).await?;
    let (public, private) = futures::join!(
        world.follow("the public transfer", &public.tx_hash),
        world.follow("the private transfer", &private.tx_hash),
    );
    public.and(private)?;
    // Nothing of it was rolled back on the way.
    balances(&world, &pxe, &holders, after()).await
}

async fn holders(world: &World, pxe: &Pxe) -> Result<Holders, Failure> {
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
    Ok(Holders { token, alice, bob })
}

async fn mint(world: &World, pxe: &Pxe, holders: &Holders) -> Result<(), Failure> {
    let Holders { token, alice, .. } = holders;
    let to_alice = |visibility| Payment {
        token,
        to: alice,
        amount: MINTED,
        visibility,
    };
    told(
        world,
        "tokens minted in public",
        pxe.mint(alice, to_alice(Visibility::Public)),
    )
    .await?;
    told(
        world,
        "tokens minted in private",
        pxe.mint(alice, to_alice(Visibility::Private)),
    )
    .await?;
    let nothing = Balance {
        public: 0,
        private: 0,
    };
    balances(
        world,
        pxe,
        holders,
        (
            Balance {
                public: MINTED,
                private: MINTED,
            },
            nothing,
        ),
    )
    .await
}

async fn transfer(world: &World, pxe: &Pxe, holders: &Holders) -> Result<(Sent, Sent), Failure> {
    let Holders { token, alice, bob } = holders;
    let to_bob = |amount, visibility| Payment {
        token,
        to: bob,
        amount,
        visibility,
    };
    let public = pxe.transfer(alice, to_bob(SENT_PUBLIC, Visibility::Public));
    let public = told(world, "tokens sent in public", public).await?;
    let private = pxe.transfer(alice, to_bob(SENT_PRIVATE, Visibility::Private));
    let private = told(world, "tokens sent in private", private).await?;
    balances(world, pxe, holders, after()).await?;
    Ok((public, private))
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
    pxe: &Pxe,
    holders: &Holders,
    wanted: (Balance, Balance),
) -> Result<(), Failure> {
    let Holders { token, alice, bob } = holders;
    let goal = format!(
        "balances: Alice {}, Bob {}",
        words(wanted.0),
        words(wanted.1)
    );
    world
        .until(&goal, world.time.slots(SLOTS_TO_SYNC), || async {
            let seen = (
                pxe.balance(token, alice).await?,
                pxe.balance(token, bob).await?,
            );
            let words = format!("Alice {}, Bob {}", words(seen.0), words(seen.1));
            Ok(if seen == wanted {
                Look::Done(())
            } else {
                Look::Pending(words)
            })
        })
        .await?;
    world.context.step(goal);
    Ok(())
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
