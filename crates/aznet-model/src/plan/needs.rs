//! What must be there before a network is deployed: one list, which `aznet plan` shows and `aznet preflight` checks.

use std::fmt;

use serde::Serialize;

use super::{SecretPlan, keys, release, secrets};
use crate::keys::KeyRange;
use crate::role::Role;
use crate::units::whole;
use crate::values::Values;

/// Gas of `deploy-l1-contracts` of 4.1.2 with 48 validators, as measured.
const DEPLOYMENT: u64 = 82_000_000;
/// What real verifiers add to it.
const VERIFIERS: u64 = 67_000_000;
/// The gas limit of its largest transaction, as measured. Since Fusaka an L1 takes no more than 16,777,216 (EIP-7825).
const LARGEST: u64 = 15_620_000;
/// Gas that a publisher is to have in hand.
const PUBLISHED: u64 = 1_000_000;
/// Blobs that it is to have in hand: as many as a checkpoint has at most.
const BLOBS: u32 = 6;
/// Gas of a blob (EIP-4844).
const BLOB_GAS: f64 = 131_072.0;
const WEI_PER_GWEI: f64 = 1e9;

/// Something that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "need", rename_all = "kebab-case")]
pub enum Need {
    /// The L1 is the one that is meant.
    Chain(Chain),
    /// The L1 takes a transaction of the size of the deployment's largest.
    Gas(Gas),
    /// The L1 traces transactions.
    Traces(Traces),
    /// A consensus client serves blobs.
    Blobs,
    /// Accounts can pay on the L1.
    Funds(Funds),
    /// A Secret is in the namespace.
    Secret(SecretPlan),
}

/// Which L1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    /// Its id.
    pub chain_id: u64,
}

/// How large a transaction is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gas {
    /// Its gas limit.
    pub limit: u64,
}

/// Who asks for traces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Traces {
    /// The release of Aztec.
    pub release: String,
}

/// What each of some accounts must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Funds {
    /// Who holds the keys: the name of a workload.
    pub holder: String,
    /// The keys.
    pub keys: KeyRange,
    /// Gas that each must be able to pay for.
    pub gas: u64,
    /// What that is in ETH at the price of a gwei.
    pub gwei_eth: String,
    /// In ETH, with blobs, at the most that `l1.gas` allows; `None`: it bounds nothing that they pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_eth: Option<String>,
    /// The same in wei.
    #[serde(skip)]
    pub most: Option<u128>,
    /// `true`: one that could not pay the most does nothing; else the L1's price of the moment counts.
    pub must_afford: bool,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain(Chain { chain_id }) => write!(f, "an L1 of chain id {chain_id}"),
            Self::Gas(Gas { limit }) => write!(
                f,
                "an L1 that takes a transaction of {limit} gas, the largest of the deployment"
            ),
            Self::Traces(Traces { release }) => write!(
                f,
                "an L1 that answers debug_traceTransaction or trace_transaction (l1.traceUrls), without which nodes of Aztec \
                 {release} do not start"
            ),
            Self::Blobs => write!(f, "a consensus client that serves blobs (l1.consensusUrls)"),
            Self::Funds(funds) => funds.fmt(f),
            Self::Secret(secret) => secret.fmt(f),
        }
    }
}

impl fmt::Display for Funds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            holder,
            keys,
            gas,
            gwei_eth,
            most_eth,
            must_afford,
            ..
        } = self;
        write!(f, "ETH for {gas} gas on each key of {holder} ({keys})")?;
        match most_eth {
            Some(most) if *must_afford => {
                write!(f, ", {most} ETH each (l1.gas): with less it does nothing")
            }
            Some(most) => write!(f, ", at most {most} ETH each (l1.gas)"),
            None => write!(f, ", {gwei_eth} ETH for each gwei of the L1's price"),
        }
    }
}

impl Need {
    /// Its kind in a word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Chain(_) => "chain",
            Self::Gas(_) => "gas",
            Self::Traces(_) => "traces",
            Self::Blobs => "blobs",
            Self::Funds(_) => "funds",
            Self::Secret(_) => "secret",
        }
    }

    /// Whether it is the L1's to have.
    pub const fn is_of_l1(&self) -> bool {
        !matches!(self, Self::Secret(_))
    }
}

pub(super) fn of(values: &Values) -> Vec<Need> {
    let mut needs = of_l1(values);
    needs.extend(secrets::of(values).into_iter().map(Need::Secret));
    needs
}

/// The chart's own L1 has all of it.
fn of_l1(values: &Values) -> Vec<Need> {
    if values.l1.is_anvil() {
        return Vec::new();
    }
    let chain_id = values.l1.chain_id;
    let mut needs = vec![Need::Chain(Chain { chain_id })];
    if values.network.registry_address.is_empty() {
        needs.push(Need::Gas(Gas { limit: LARGEST }));
    }
    let release = release::of(values);
    if release.needs_traces {
        let release = release.to_string();
        needs.push(Need::Traces(Traces { release }));
    }
    needs.push(Need::Blobs);
    needs.extend(funds(values));
    needs
}

fn funds(values: &Values) -> Vec<Need> {
    let must_afford = release::of(values).publishers_must_afford;
    let prefund = keys::prefund(values).into_iter();
    let funds = prefund.map(|prefund| {
        let deploys = prefund.holder == Role::BootNode.name();
        let verifiers = if values.real_proofs() { VERIFIERS } else { 0 };
        let gas = if deploys {
            DEPLOYMENT + verifiers
        } else {
            PUBLISHED
        };
        // What deploys takes the L1's price.
        let most = (!deploys).then(|| most(values, gas, BLOBS));
        Need::Funds(Funds {
            holder: prefund.holder,
            keys: prefund.keys,
            gas,
            gwei_eth: whole(&format!("{gas}000000000")),
            most_eth: most.map(|wei| whole(&wei.to_string())),
            most,
            must_afford: must_afford && !deploys,
        })
    });
    funds.collect()
}

/// What so much gas and so many blobs come to in wei, at the most that `l1.gas` allows.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a price, of which no digit beyond the tenth matters"
)]
fn most(values: &Values, gas: u64, blobs: u32) -> u128 {
    let prices = &values.l1.gas;
    let gwei = prices.max_gwei * gas as f64 + prices.max_blob_gwei * BLOB_GAS * f64::from(blobs);
    (gwei * WEI_PER_GWEI) as u128
}
