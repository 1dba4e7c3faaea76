//! Values of the bots: Aztec's own `start --bot`.

use super::network::AZTEC_ADDRESS;
use super::pod::pod_settings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pod_settings! {
    /// Bots that send transactions at a rate, through the full nodes.
    pub struct Bot {
        /// Pods, each with an account of its own.
        #[schemars(range(max = crate::limit::PODS))]
        pub replicas: u32,
        /// Seconds between two transactions.
        #[schemars(range(min = 1, max = crate::limit::DAY))]
        pub tx_interval_seconds: u32,
        /// Private token transfers in a transaction.
        #[schemars(range(max = crate::limit::COUNT))]
        pub private_transfers_per_tx: u32,
        /// Public token transfers in a transaction.
        #[schemars(range(max = crate::limit::COUNT))]
        pub public_transfers_per_tx: u32,
        /// Wait with the next transaction until this one is so far.
        pub follow_chain: FollowChain,
        /// Seconds to wait for that.
        #[schemars(range(min = 1, max = crate::limit::DAY))]
        pub tx_mined_wait_seconds: u32,
        /// Send nothing while the node has so many transactions waiting.
        #[schemars(range(min = 1, max = crate::limit::COUNT))]
        pub max_pending_txs: u32,
        /// Restart after so many failures in a row; 0: never.
        #[schemars(range(max = crate::limit::COUNT))]
        pub max_consecutive_errors: u32,
        /// The token's contract.
        pub token: BotToken,
        /// How fees are paid.
        pub fee_payment: FeePayment,
        /// How far above the current fee a transaction may pay: 3 means 4 times.
        #[schemars(range(max = crate::limit::COUNT))]
        pub min_fee_padding: u32,
        /// Name of a Secret with a key `privateKey-0`, `privateKey-1`, … for each pod: the secret of an account that is
        /// deployed and has fee juice. Empty: the test accounts.
        pub existing_secret: String,
        /// Salt of those accounts' addresses; empty: 1, as Aztec has it.
        #[schemars(regex(pattern = AZTEC_ADDRESS))]
        pub account_salt: String,
    }
}

/// How far a transaction must be before the bot sends the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FollowChain {
    /// Sent.
    None,
    /// In a proposed block.
    Proposed,
    /// In a checkpoint on L1.
    Checkpointed,
    /// Proven on L1.
    Proven,
}

/// The token's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BotToken {
    /// Private and public balances.
    TokenContract,
    /// Private balances.
    PrivateTokenContract,
}

/// How fees are paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeePayment {
    /// From the account's own fee juice: the one way that Aztec 4.x's bot knows.
    FeeJuice,
}
