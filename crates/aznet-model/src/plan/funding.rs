//! What publishers need on an L1 that is not the chart's own.

use serde::Serialize;

use super::release;
use crate::units::whole;
use crate::values::Values;

/// Gas of a blob (EIP-4844).
const BLOB_GAS: f64 = 131_072.0;
const WEI_PER_GWEI: f64 = 1e9;

/// The most that is paid on L1, in ETH: the gas limit of a transaction, and how many blobs it has, are the node's to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Funding {
    /// For a million gas, at `l1.gas.maxGwei`.
    pub million_gas_eth: String,
    /// For a blob, at `l1.gas.maxBlobGwei`.
    pub blob_eth: String,
    /// `true`: a publisher that has less than its transaction may come to does nothing.
    pub must_afford: bool,
}

pub(super) fn of(values: &Values) -> Option<Funding> {
    let l1 = &values.l1;
    (!l1.anvil.enabled).then(|| Funding {
        million_gas_eth: eth(l1.gas.max_gwei * 1e6),
        blob_eth: eth(l1.gas.max_blob_gwei * BLOB_GAS),
        must_afford: release::of(values).publishers_must_afford,
    })
}

/// An amount of gwei, in ETH.
fn eth(gwei: f64) -> String {
    whole(&format!("{:.0}", gwei * WEI_PER_GWEI))
}
