//! Whether an L1 takes a transaction of a size: by its blocks, and by having it estimated, for no method names the limit that
//! an L1 has for a single one (EIP-7825).

use aznet_kit::{
    error::chain,
    rpc::{Rpc, RpcError},
};
use serde_json::{Value, json};

/// Gas of a turn of the loop in [`burner`].
const TURN: u64 = 26;
/// Gas of what is around the loop, and somewhat more: a transaction that creates, its data, what code costs.
const AROUND: u64 = 60_000;

/// That a block has room for a transaction of so much gas, and that one of nearly as much is estimated; else why not.
pub(super) fn taken(rpc: &Rpc, limit: u64) -> Result<String, String> {
    let words = |error: RpcError| chain(&error);
    let block = rpc.call("eth_getBlockByNumber", &json!(["latest", false]));
    let room = number(&block.map_err(words)?["gasLimit"]);
    if room < limit {
        let server = rpc.server();
        return Err(format!("a block of {server} has {room} gas at most"));
    }
    let create = json!([{"data": burner(limit), "gas": format!("{limit:#x}")}]);
    match number(&rpc.call("eth_estimateGas", &create).map_err(words)?) {
        0 => Err(chain(&rpc.unexpected("eth_estimateGas", "a number"))),
        gas => Ok(format!("{} estimates {gas}", rpc.server())),
    }
}

/// A number in hexadecimal; 0 where there is none.
fn number(value: &Value) -> u64 {
    let hex = value.as_str().and_then(|text| text.strip_prefix("0x"));
    hex.and_then(|hex| u64::from_str_radix(hex, 16).ok())
        .unwrap_or_default()
}

/// Code that counts down to 0 and so spends nearly `limit`.
fn burner(limit: u64) -> String {
    let turns = u32::try_from(limit.saturating_sub(AROUND) / TURN).unwrap_or(u32::MAX);
    // PUSH4 turns, JUMPDEST, PUSH1 1, SWAP1, SUB, DUP1, PUSH1 5, JUMPI, STOP
    format!("0x63{turns:08x}5b600190038060055700")
}
