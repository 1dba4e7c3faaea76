//! Transactions that the rollup must refuse, sent for real from an account of nobody's.

use alloy_primitives::{Address, B256};
use aznet_kit::wait::Look;
use aznet_model::abi::publishing;
use aznet_network::clients::{
    anvil::{
        Anvil,
        impostor::{Impostor, Mined},
    },
    l1::{L1, Rollup},
    rpc::RpcError,
};
use aznet_runner::{CleanUp, Failure};
use futures::future::try_join_all;

use super::dud;
use crate::{errors::rpc, world::World};

/// Whose transactions they are.
pub(super) const ACCOUNT: Address = Address::repeat_byte(0xa7);
/// Slots in which a transaction must be in an L1 block.
const SLOTS_TO_MINE: u32 = 3;

/// A transaction that the rollup must refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Forgery {
    /// What is wrong with it.
    pub(super) what: &'static str,
    /// The call.
    pub(super) data: Vec<u8>,
    /// Its blobs, by their versioned hashes.
    pub(super) blobs: Vec<B256>,
    /// The name of the error that it must revert with.
    pub(super) refused_with: &'static str,
}

/// Sends forgeries.
pub(super) struct Forger<'a> {
    world: &'a World,
    impostor: Impostor,
    rollup: Address,
    clean_up: CleanUp,
}

impl<'a> Forger<'a> {
    /// Opens the account on the network's own L1.
    pub(super) async fn enter(world: &'a World, l1: &L1, rollup: &Rollup) -> Result<Self, Failure> {
        let clean_up = world
            .context
            .must_clean_up(format!("account {ACCOUNT} that anvil takes from unsigned"));
        let anvil = Anvil::in_pod(&world.network, l1.0.pod());
        let impostor = Impostor::enter(anvil, ACCOUNT).await.map_err(rpc)?;
        Ok(Self {
            world,
            impostor,
            rollup: rollup.address(),
            clean_up,
        })
    }

    /// Sends them all at once; what became of each, in the same order.
    pub(super) async fn send(&self, forgeries: &[Forgery]) -> Result<Vec<Mined>, Failure> {
        let mut hashes = Vec::new();
        self.world.attacked();
        for forgery in forgeries {
            let sent = if dud() {
                self.impostor.send(ACCOUNT, &[], &[])
            } else {
                self.impostor
                    .send(self.rollup, &forgery.data, &forgery.blobs)
            };
            hashes.push(sent.await.map_err(rpc)?);
        }
        self.mined(&hashes).await
    }

    /// Calls the rollup as anyone may; what became of it.
    pub(super) async fn call(&self, data: &[u8]) -> Result<Mined, Failure> {
        let sent = self.impostor.send(self.rollup, data, &[]).await;
        let mut mined = self.mined(&[sent.map_err(rpc)?]).await?;
        let one = mined.pop();
        one.ok_or_else(|| Failure::Infrastructure("nothing was sent".to_owned()))
    }

    async fn mined(&self, hashes: &[B256]) -> Result<Vec<Mined>, Failure> {
        let goal = format!("{} transactions in L1 blocks", hashes.len());
        let within = self.world.time.slots(SLOTS_TO_MINE);
        self.world
            .until(&goal, within, || async {
                let mined = hashes.iter().map(|hash| self.impostor.mined(*hash));
                let mined: Vec<Option<Mined>> = try_join_all(mined).await?;
                let there: Vec<Mined> = mined.into_iter().flatten().collect();
                let count = there.len();
                Ok::<_, RpcError>(if count == hashes.len() {
                    Look::Done(there)
                } else {
                    Look::Pending(format!("{count} are"))
                })
            })
            .await
    }

    /// Closes the account.
    pub(super) async fn leave(self) -> Result<(), Failure> {
        self.impostor.leave().await.map_err(rpc)?;
        self.clean_up.proved();
        Ok(())
    }
}

/// Tells how each was refused; what was not refused, or for another reason than it must be, is a finding.
pub(super) fn judge(forgeries: &[Forgery], mined: &[Mined]) -> Result<String, Failure> {
    let mut seen = Vec::new();
    for (forgery, mined) in forgeries.iter().zip(mined) {
        let Forgery {
            what, refused_with, ..
        } = forgery;
        let became = became(mined);
        if became != *refused_with {
            return Err(Failure::Assertion(format!(
                "{what}: expected that L1 reverts it with {refused_with}, seen: {became}"
            )));
        }
        seen.push(format!("{what}: {became}"));
    }
    Ok(format!("L1 reverted {}", seen.join("; ")))
}

fn became(mined: &Mined) -> String {
    if mined.executed {
        return format!("it was executed in {}", mined.block);
    }
    publishing::refusal(&mined.output)
        .map_or_else(|| format!("another error, {}", mined.output), str::to_owned)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Bytes, hex};
    use aznet_model::chain::L1Block;

    use super::*;

    #[test]
    fn only_the_error_that_was_expected_is_a_refusal() {
        let forgery = Forgery {
            what: "a proof of nothing",
            data: Vec::new(),
            blobs: Vec::new(),
            refused_with: "Rollup__InvalidProof",
        };
        let mined = |executed, output: &'static [u8]| Mined {
            block: L1Block(7),
            executed,
            output: Bytes::from_static(output),
        };
        let verdict = |mined| {
            judge(std::slice::from_ref(&forgery), &[mined]).map_err(|failure| failure.to_string())
        };
        assert!(verdict(mined(false, &hex!("a5b2ba17"))).is_ok());
        let executed = verdict(mined(true, &[])).expect_err("executed");
        assert!(executed.contains("executed in L1 block 7"), "{executed}");
        let other = verdict(mined(false, &hex!("19ceb206"))).expect_err("another");
        assert!(other.contains("seen: Rollup__StartIsNotFirst"), "{other}");
        let unknown = verdict(mined(false, &[1, 2, 3, 4])).expect_err("unknown");
        assert!(unknown.contains("0x01020304"), "{unknown}");
    }
}
