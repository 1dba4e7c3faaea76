//! Whether an L1 takes a transaction of a size: by having it estimated, for no method names the limit.

use aznet_kit::{error::chain, rpc::Rpc};
use serde_json::{Value, json};

/// Gas of a turn of the loop in [`burner`].
const TURN: u64 = 26;
/// Gas of what is around the loop, and somewhat more: a transaction that creates, its data, what code costs.
const AROUND: u64 = 60_000;

/// That a transaction of nearly so much gas can be had; what the server said otherwise.
pub(super) fn taken(rpc: &Rpc, limit: u64) -> Result<String, String> {
    let create = json!([{"data": burner(limit), "gas": format!("{limit:#x}")}]);
    let answer = rpc.call("eth_estimateGas", &create);
    match answer {
        Ok(Value::String(gas)) => {
            let gas = u64::from_str_radix(gas.trim_start_matches("0x"), 16).unwrap_or_default();
            Ok(format!("{} estimates {gas} gas", rpc.server()))
        }
        Ok(other) => Err(format!(
            "{} answers eth_estimateGas with {other}",
            rpc.server()
        )),
        Err(error) => Err(chain(&error)),
    }
}

/// Code that counts down to 0 and so spends nearly `limit`.
fn burner(limit: u64) -> String {
    let turns = u32::try_from(limit.saturating_sub(AROUND) / TURN).unwrap_or(u32::MAX);
    // PUSH4 turns, JUMPDEST, PUSH1 1, SWAP1, SUB, DUP1, PUSH1 5, JUMPI, STOP
    format!("0x63{turns:08x}5b600190038060055700")
}
