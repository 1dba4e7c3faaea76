//! A fault of a test network's own L1: done through anvil's RPC, seen in its blocks.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aznet_model::chaos::{L1Action, L1Fault};
use aznet_network::clients::anvil::{self, Anvil, AnvilBlock};
use aznet_network::namespace::Network;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ChaosError;
use crate::verdict::Verdict;

/// Blocks come late now and then: the gap of a slow L1 is at least this share of what was asked for, in percent.
const GAP: u64 = 80;

/// How an L1 goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Pulse {
    /// Seconds between two blocks.
    interval: Option<u64>,
    /// The base fee, in wei.
    base_fee: u64,
}

/// An L1 that a fault is done to.
#[derive(Debug)]
pub(crate) struct Disturbed {
    anvil: Anvil,
    fault: L1Fault,
    before: Pulse,
    since: Mutex<Option<Since>>,
}

/// What was there when something was last done to it.
#[derive(Debug, Clone)]
struct Since {
    at: Instant,
    newest: u64,
    /// The oldest block that was replaced.
    replaced: Option<(u64, String)>,
}

/// The newest block and the one before.
struct Blocks {
    newest: AnvilBlock,
    gap: u64,
}

impl Pulse {
    async fn of(anvil: &Anvil) -> Result<Self, ChaosError> {
        Ok(Self {
            interval: anvil.interval().await?,
            base_fee: anvil.block(None).await?.base_fee_per_gas,
        })
    }

    /// The calls that have an L1 go so again.
    pub(crate) fn calls(self) -> Vec<(&'static str, Value)> {
        let fee = anvil::base_fee_call(self.base_fee);
        vec![anvil::interval_call(self.interval), fee]
    }

    /// Has the L1 in `pod` go so again.
    pub(crate) async fn restore(self, network: &Network, pod: &str) -> Result<(), ChaosError> {
        let anvil = Anvil::in_pod(network, pod);
        anvil.set_interval(self.interval).await?;
        Ok(anvil.set_base_fee(self.base_fee).await?)
    }
}

impl Disturbed {
    /// Looks how the L1 in `pod` goes. Nothing is done yet.
    pub(crate) async fn prepare(
        network: &Network,
        pod: &str,
        fault: &L1Fault,
    ) -> Result<Self, ChaosError> {
        let anvil = Anvil::in_pod(network, pod);
        Ok(Self {
            before: Pulse::of(&anvil).await?,
            anvil,
            fault: fault.clone(),
            since: Mutex::default(),
        })
    }

    /// How it went before.
    pub(crate) const fn before(&self) -> Pulse {
        self.before
    }

    /// Does it.
    pub(crate) async fn set(&self) -> Result<(), ChaosError> {
        let newest = self.anvil.block(None).await?.number;
        let mut replaced = None;
        match self.fault.action {
            L1Action::Paused => self.anvil.set_interval(None).await?,
            L1Action::Slow => self.anvil.set_interval(self.fault.seconds()).await?,
            L1Action::BaseFee => self.anvil.set_base_fee(self.fee()).await?,
            L1Action::Reorg => {
                let depth = self.fault.depth.unwrap_or(1);
                let oldest = newest.saturating_sub(depth) + 1;
                replaced = Some((oldest, self.anvil.block(Some(oldest)).await?.hash));
                self.anvil.reorg(depth).await?;
            }
        }
        // A block may have come in between.
        let newest = self.anvil.block(None).await?.number;
        self.note(newest, replaced);
        Ok(())
    }

    /// Does it again where it was undone, or wears off; whether it had to.
    pub(crate) async fn again(&self) -> Result<bool, ChaosError> {
        let asked = match self.fault.action {
            L1Action::Paused => None,
            L1Action::Slow => self.fault.seconds(),
            L1Action::BaseFee => {
                // A base fee falls from block to block.
                self.anvil.set_base_fee(self.fee()).await?;
                return Ok(false);
            }
            L1Action::Reorg => return Ok(false),
        };
        if self.anvil.interval().await? == asked {
            return Ok(false);
        }
        self.set().await?;
        Ok(true)
    }

    /// Has it go as before.
    pub(crate) async fn undo(&self) -> Result<(), ChaosError> {
        match self.fault.action {
            L1Action::Paused | L1Action::Slow => {
                self.anvil.set_interval(self.before.interval).await?;
            }
            L1Action::BaseFee => self.anvil.set_base_fee(self.before.base_fee).await?,
            L1Action::Reorg => {}
        }
        let newest = self.anvil.block(None).await?.number;
        self.note(newest, None);
        Ok(())
    }

    /// Whether its blocks show the fault.
    pub(crate) async fn bites(&self) -> Result<Verdict, ChaosError> {
        let Some(since) = self.since() else {
            return Ok(Err("not begun".to_owned()));
        };
        let blocks = self.blocks().await?;
        if let Some((number, hash)) = &since.replaced {
            let there = self.anvil.block(Some(*number)).await?.hash;
            return Ok(replaced(*number, hash, &there));
        }
        Ok(match self.fault.action {
            L1Action::Paused => paused(&since, &blocks, self.before.interval),
            L1Action::Slow => slow(&since, &blocks, self.fault.seconds().unwrap_or_default()),
            L1Action::BaseFee => expensive(&blocks, self.fee()),
            L1Action::Reorg => Err("no block was replaced".to_owned()),
        })
    }

    /// Whether it goes as before.
    pub(crate) async fn healed(&self) -> Result<Verdict, ChaosError> {
        let Some(since) = self.since() else {
            return Ok(Ok("nothing was done to it".to_owned()));
        };
        let interval = self.anvil.interval().await?;
        let blocks = self.blocks().await?;
        Ok(as_before(&since, &blocks, interval, self.before))
    }

    async fn blocks(&self) -> Result<Blocks, ChaosError> {
        let newest = self.anvil.block(None).await?;
        let before = newest.number.saturating_sub(1);
        let before = self.anvil.block(Some(before)).await?;
        Ok(Blocks {
            gap: newest.timestamp.saturating_sub(before.timestamp),
            newest,
        })
    }

    fn fee(&self) -> u64 {
        self.fault.wei().unwrap_or_default()
    }

    fn note(&self, newest: u64, replaced: Option<(u64, String)>) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        *since = Some(Since {
            at: Instant::now(),
            newest,
            replaced,
        });
    }

    fn since(&self) -> Option<Since> {
        let since = self.since.lock();
        since.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn replaced(number: u64, was: &str, is: &str) -> Verdict {
    if is == was {
        return Err(format!("block {number} is the same"));
    }
    Ok(format!("block {number} is another one"))
}

fn paused(since: &Since, blocks: &Blocks, interval: Option<u64>) -> Verdict {
    let waited = since.at.elapsed();
    if blocks.newest.number > since.newest {
        return Err(format!("block {} has come", blocks.newest.number));
    }
    let words = format!("no block for {} s", waited.as_secs());
    // So long that one would have come.
    if waited > Duration::from_secs(interval.unwrap_or_default()) * 3 / 2 {
        Ok(words)
    } else {
        Err(words)
    }
}

fn slow(since: &Since, blocks: &Blocks, asked: u64) -> Verdict {
    let new = blocks.newest.number.saturating_sub(since.newest);
    if new < 2 {
        return Err(format!("{new} of 2 blocks have come"));
    }
    let words = format!("{} s between two blocks", blocks.gap);
    if blocks.gap * 100 >= asked * GAP {
        Ok(words)
    } else {
        Err(words)
    }
}

fn expensive(blocks: &Blocks, asked: u64) -> Verdict {
    let fee = blocks.newest.base_fee_per_gas;
    let words = format!("{} gwei", fee / 1_000_000_000);
    // It falls by an eighth in a block that comes before the next look.
    if fee >= asked / 4 * 3 {
        Ok(words)
    } else {
        Err(words)
    }
}

fn as_before(since: &Since, blocks: &Blocks, interval: Option<u64>, before: Pulse) -> Verdict {
    if interval != before.interval {
        return Err(format!("{} between two blocks", seconds(interval)));
    }
    let new = blocks.newest.number.saturating_sub(since.newest);
    if new < 2 {
        return Err(format!("{new} of 2 blocks have come since"));
    }
    // A base fee changes by an eighth from block to block.
    let fee = blocks.newest.base_fee_per_gas;
    if fee > before.base_fee.saturating_mul(2) {
        return Err(format!("a base fee of {fee} wei"));
    }
    Ok(format!("{} between two blocks", seconds(interval)))
}

fn seconds(interval: Option<u64>) -> String {
    interval.map_or_else(|| "no time".to_owned(), |seconds| format!("{seconds} s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(number: u64, gap: u64, base_fee_per_gas: u64) -> Blocks {
        let newest = AnvilBlock {
            number,
            hash: "0x1".to_owned(),
            timestamp: 100,
            base_fee_per_gas,
        };
        Blocks { newest, gap }
    }

    fn since(ago: u64) -> Since {
        Since {
            at: Instant::now()
                .checked_sub(Duration::from_secs(ago))
                .expect("a machine that runs for a while"),
            newest: 10,
            replaced: None,
        }
    }

    #[test]
    fn a_pause_shows_only_once_a_block_would_have_come() {
        assert!(paused(&since(3), &blocks(10, 4, 0), Some(4)).is_err());
        assert!(paused(&since(7), &blocks(10, 4, 0), Some(4)).is_ok());
        assert!(paused(&since(7), &blocks(11, 4, 0), Some(4)).is_err());
    }

    #[test]
    fn a_slow_l1_shows_in_two_blocks_of_its_own() {
        assert!(slow(&since(9), &blocks(11, 15, 0), 15).is_err());
        assert!(slow(&since(9), &blocks(12, 12, 0), 15).is_ok());
        assert!(slow(&since(9), &blocks(12, 4, 0), 15).is_err());
    }

    #[test]
    fn fees_and_replaced_blocks_are_compared_with_what_was_there() {
        assert!(expensive(&blocks(1, 4, 90), 100).is_ok());
        assert!(expensive(&blocks(1, 4, 70), 100).is_err());
        assert!(replaced(3, "0xa", "0xb").is_ok() && replaced(3, "0xa", "0xa").is_err());
    }

    #[test]
    fn an_l1_is_healed_when_its_blocks_come_as_before() {
        let before = Pulse {
            interval: Some(4),
            base_fee: 100,
        };
        let verdict =
            |number, fee, interval| as_before(&since(1), &blocks(number, 4, fee), interval, before);
        assert!(verdict(12, 110, Some(4)).is_ok());
        assert!(
            verdict(11, 110, Some(4)).is_err(),
            "one block may be an old one"
        );
        assert!(verdict(12, 900, Some(4)).is_err());
        assert!(verdict(12, 110, None).is_err());
    }
}
