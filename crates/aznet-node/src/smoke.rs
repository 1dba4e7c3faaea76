//! `helm test`: whether a network does what it is for. Its chain moves, and tokens that are sent arrive.

use std::time::Duration;

use aznet_kit::wait::{Look, WaitError};
use aznet_model::config::NetworkConfig;
use serde_json::{Value, json};
use thiserror::Error;

use crate::config::{self, ConfigError};
use crate::console::say;
use crate::settings::Settings;
use crate::wait::TimeLimit;
use aznet_kit::rpc::{Rpc, RpcError};

/// Created for the sender.
const MINTED: u64 = 1000;
/// Sent on.
const SENT: u64 = 100;
/// A transaction is in a checkpoint after so many slots, or something is wrong.
const SLOTS_TO_CHECKPOINT: u32 = 10;
/// A real proof of a transaction, on a busy machine.
const PROVING: Duration = Duration::from_mins(5);

/// What is wrong with the network.
#[derive(Debug, Error)]
pub(crate) enum SmokeError {
    /// There is no configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The network has no node that serves RPC.
    #[error("the network has neither a boot node nor full nodes: there is no RPC to ask")]
    NoNode,
    /// Something did not happen in time.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// A call failed.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// There are too few accounts to send anything between.
    #[error("{server} has {count} test accounts that are deployed; two are needed")]
    NoAccounts {
        /// The wallet server.
        server: String,
        /// How many it has.
        count: usize,
    },
}

impl SmokeError {
    /// Whether no second attempt can help.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Config(error) => error.is_final(),
            Self::NoNode => true,
            _ => false,
        }
    }
}

/// Checks the network; each step is a line of the log.
pub(crate) fn run(settings: &Settings) -> Result<(), SmokeError> {
    let config = config::read(&settings.config)?;
    let limit = TimeLimit::after(settings.wait_deadline);
    let chain = Chain::of(&config)?;
    let first = limit.until::<_, WaitError>("a node to tell its newest block", || {
        Ok(Look::from(chain.head()))
    })?;
    // A network without transactions may make no blocks: what is sent makes one.
    match &config.endpoints.pxe {
        Some(pxe) if config.test_accounts => sends(pxe, &config, limit)?,
        Some(_) => say("no token is sent: the network has no test accounts"),
        None => say("no token is sent: the network has no wallet server"),
    }
    let next = limit.until::<_, WaitError>(&format!("a block after {first}"), || {
        let seen = chain.head().map(|seen| match seen {
            seen if seen > first => Look::Done(seen),
            seen => Look::Pending(format!("block {seen}")),
        });
        Ok(Look::or_pending(seen))
    })?;
    say(format_args!(
        "the chain moves: from block {first} to {next}"
    ));
    Ok(())
}

/// The chain, as a node sees it.
struct Chain {
    rpc: Rpc,
    method: &'static str,
}

impl Chain {
    fn of(config: &NetworkConfig) -> Result<Self, SmokeError> {
        let node = config.endpoints.node.as_deref();
        Ok(Self {
            rpc: Rpc::new(node.ok_or(SmokeError::NoNode)?),
            method: config.release.methods.tips,
        })
    }

    /// The number of the newest block.
    fn head(&self) -> Result<u64, RpcError> {
        let tips = self.rpc.call(self.method, &json!([]))?;
        let none = || self.rpc.unexpected(self.method, "the heads of a chain");
        block(&tips).ok_or_else(none)
    }
}

fn block(tips: &Value) -> Option<u64> {
    tips["proposed"]["number"].as_u64()
}

/// Tokens that one test account sends reach another.
fn sends(pxe: &str, config: &NetworkConfig, limit: TimeLimit) -> Result<(), SmokeError> {
    let inclusion = Duration::from_secs(config.slot_duration) * SLOTS_TO_CHECKPOINT;
    let wallet = Wallet {
        rpc: Rpc::with_timeout(pxe, inclusion + PROVING),
        inclusion,
    };
    let ready = Rpc::new(pxe);
    limit.until::<_, WaitError>("the wallet server to be ready", || {
        let status = ready.call("pxe_getStatus", &json!([]));
        Ok(Look::or_pending(status.map(
            |status| match status["ready"].as_bool() {
                Some(true) => Look::Done(()),
                _ => Look::pending(&status["reason"]),
            },
        )))
    })?;
    let [from, to] = wallet.accounts()?;
    let params = json!({"name": "helm test", "symbol": "HELM", "admin": from});
    let token = wallet.transact("token_deploy", params)?;
    let token = wallet.text("token_deploy", &token["token"])?;
    say(format_args!("token {token} is deployed"));
    let pay = |to: &str, amount: u64| {
        json!({
            "token": token, "from": from, "to": to, "amount": amount.to_string(), "visibility": "public",
        })
    };
    wallet.transact("token_mint", pay(&from, MINTED))?;
    wallet.transact("token_transfer", pay(&to, SENT))?;
    limit.until::<_, SmokeError>("the tokens to arrive", || {
        let params = json!([{"token": token, "owner": to}]);
        let balance = wallet.rpc.call("token_balance", &params)?;
        Ok(match balance["public"].as_str() {
            Some(seen) if seen == SENT.to_string() => Look::Done(()),
            _ => Look::Pending(format!("a balance of {}", balance["public"])),
        })
    })?;
    say(format_args!("{SENT} tokens were sent and arrived"));
    Ok(())
}

/// A wallet server.
struct Wallet {
    rpc: Rpc,
    inclusion: Duration,
}

impl Wallet {
    /// Two accounts that can send.
    fn accounts(&self) -> Result<[String; 2], SmokeError> {
        let accounts = self.rpc.call("pxe_deployTestAccounts", &json!([]))?;
        let deployed = deployed(&accounts);
        let count = deployed.len();
        let mut deployed = deployed.into_iter();
        match (deployed.next(), deployed.next()) {
            (Some(from), Some(to)) => Ok([from, to]),
            _ => Err(SmokeError::NoAccounts {
                server: self.rpc.server(),
                count,
            }),
        }
    }

    /// Sends a transaction and waits until it is in a checkpoint.
    fn transact(&self, method: &'static str, mut params: Value) -> Result<Value, RpcError> {
        params["wait"] = json!("checkpointed");
        params["timeoutSeconds"] = json!(self.inclusion.as_secs());
        self.rpc.call(method, &json!([params]))
    }

    fn text(&self, method: &'static str, value: &Value) -> Result<String, RpcError> {
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| self.rpc.unexpected(method, "an address"))
    }
}

/// The addresses of accounts that are deployed.
fn deployed(accounts: &Value) -> Vec<String> {
    let all = accounts.as_array().into_iter().flatten();
    let deployed = all.filter(|account| account["deployed"] == true);
    deployed
        .filter_map(|account| account["address"].as_str())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_block_is_the_one_proposed() {
        let tips =
            json!({"proposed": {"number": 41, "hash": "0x1"}, "proven": {"block": {"number": 32}}});
        assert_eq!(block(&tips), Some(41));
        assert_eq!(block(&json!({})), None);
    }

    #[test]
    fn only_accounts_that_are_deployed_can_send() {
        let accounts = json!([
            {"address": "0xa", "alias": "test0", "deployed": true},
            {"address": "0xb", "alias": "test1", "deployed": false},
            {"address": "0xc", "alias": "test2", "deployed": true},
        ]);
        assert_eq!(deployed(&accounts), ["0xa", "0xc"]);
        assert!(deployed(&json!(null)).is_empty());
    }
}
