//! Whether what a network needs is there, asked before anything is spent: of the L1 itself, from this machine.

mod gas;

use std::collections::BTreeMap;

use alloy_primitives::Address;
use aznet_kit::{
    error::chain,
    rpc::{Rpc, RpcError},
};
use aznet_model::{
    plan::{Chain, Funds, Need},
    traces::traces,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::secrets::Unfit;

/// The price of gas may rise to so many times what it is while a deployment goes on.
const RISE: u128 = 2;
/// Ways to ask a consensus client for the blobs of its newest block: the one of today, and the older one.
const BLOBS: [&str; 2] = [
    "/eth/v1/beacon/blobs/head",
    "/eth/v1/beacon/blob_sidecars/head",
];

/// Where to ask.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// URLs of execution clients.
    pub execution: Vec<String>,
    /// URLs of consensus clients.
    pub consensus: Vec<String>,
    /// URLs that trace transactions, if those are others.
    pub traces: Vec<String>,
    /// Accounts that are to have funds, by who holds their keys.
    pub accounts: BTreeMap<String, Vec<Address>>,
    /// What is wrong with Secrets; `None`: nobody looked.
    pub secrets: Option<Vec<Unfit>>,
}

/// A need, and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The need.
    #[serde(flatten)]
    pub need: Need,
    /// What was seen.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What was seen of a need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "seen", rename_all = "kebab-case")]
pub enum Verdict {
    /// It is met.
    Met(String),
    /// It is not met.
    Unmet(String),
    /// It could not be looked at; what is missing for that.
    Unseen(String),
}

impl Verdict {
    /// What was seen, in words.
    pub fn words(&self) -> &str {
        let (Self::Met(words) | Self::Unmet(words) | Self::Unseen(words)) = self;
        words
    }

    /// Whether the need is known not to be met.
    pub const fn is_unmet(&self) -> bool {
        matches!(self, Self::Unmet(_))
    }

    fn of(found: Result<String, String>) -> Self {
        found.map_or_else(Self::Unmet, Self::Met)
    }
}

/// Looks at each need. Blocks; each call has a deadline.
pub fn check(needs: &[Need], site: &Site) -> Vec<Seen> {
    let see = |need: &Need| Seen {
        need: need.clone(),
        verdict: verdict(need, site),
    };
    needs.iter().map(see).collect()
}

fn verdict(need: &Need, site: &Site) -> Verdict {
    if let Need::Secret(secret) = need {
        return of_secret(&secret.name, site.secrets.as_deref());
    }
    let Some(first) = site.execution.first() else {
        let missing = "no URL of an execution client (l1.executionUrls, --l1-url)";
        return Verdict::Unseen(missing.to_owned());
    };
    match need {
        Need::Chain(chain) => Verdict::of(of_chain(chain, &site.execution)),
        Need::Gas(gas) => Verdict::of(gas::taken(&Rpc::new(first), gas.limit)),
        Need::Traces(_) => Verdict::of(of_traces(site)),
        Need::Blobs => of_blobs(&site.consensus),
        Need::Funds(funds) => of_funds(funds, &Rpc::new(first), site.accounts.get(&funds.holder)),
        Need::Secret(_) => Verdict::Unseen("nobody looked".to_owned()),
    }
}

fn of_secret(name: &str, unfit: Option<&[Unfit]>) -> Verdict {
    let Some(unfit) = unfit else {
        return Verdict::Unseen("no namespace to look in (--cluster, --namespace)".to_owned());
    };
    let wrong = unfit.iter().find(|unfit| unfit.secret == name);
    wrong.map_or_else(
        || Verdict::Met("it is there".to_owned()),
        |unfit| Verdict::Unmet(unfit.to_string()),
    )
}

fn of_chain(wanted: &Chain, urls: &[String]) -> Result<String, String> {
    for url in urls {
        let rpc = Rpc::new(url);
        let id = quantity(&rpc, "eth_chainId", &json!([]))?;
        if id != u128::from(wanted.chain_id) {
            return Err(format!("{} is of chain id {id}", rpc.server()));
        }
    }
    let servers: Vec<String> = urls.iter().map(|url| Rpc::new(url).server()).collect();
    Ok(format!("{} is", servers.join(", ")))
}

/// One that traces is enough.
fn of_traces(site: &Site) -> Result<String, String> {
    let urls = if site.traces.is_empty() {
        &site.execution
    } else {
        &site.traces
    };
    let mut wrong = Vec::new();
    for url in urls {
        let rpc = Rpc::new(url);
        match traces(|method, params| rpc.call(method, params).map_err(|error| chain(&error))) {
            Ok(()) => return Ok(format!("{} traces", rpc.server())),
            Err(why) => wrong.push(format!("{}: {why}", rpc.server())),
        }
    }
    Err(wrong.join("; "))
}

/// One that serves those of its newest block; older ones are not asked for.
fn of_blobs(urls: &[String]) -> Verdict {
    if urls.is_empty() {
        let missing = "no URL of a consensus client (l1.consensusUrls, --beacon-url)";
        return Verdict::Unseen(missing.to_owned());
    }
    let mut wrong = Vec::new();
    for url in urls {
        let rpc = Rpc::new(url);
        let answers = BLOBS.map(|path| rpc.get_status(path));
        if answers.iter().any(|status| matches!(status, Ok(200))) {
            return Verdict::Met(format!("{} has those of its newest block", rpc.server()));
        }
        let why = match &answers[1] {
            Ok(status) => format!("answers with HTTP {status}"),
            Err(error) => chain(error),
        };
        wrong.push(format!("{}: {why}", rpc.server()));
    }
    Verdict::Unmet(wrong.join("; "))
}

fn of_funds(funds: &Funds, rpc: &Rpc, accounts: Option<&Vec<Address>>) -> Verdict {
    let holder = &funds.holder;
    let Some(accounts) = accounts else {
        return Verdict::Unseen(format!("no address (--account {holder}=0x…)"));
    };
    Verdict::of(can_pay(funds, rpc, accounts))
}

fn can_pay(funds: &Funds, rpc: &Rpc, accounts: &[Address]) -> Result<String, String> {
    let price = quantity(rpc, "eth_gasPrice", &json!([]))?;
    let now = price.saturating_mul(RISE).saturating_mul(funds.gas.into());
    let needed = match funds.most {
        Some(most) if funds.must_afford => most,
        Some(most) => now.min(most),
        None => now,
    };
    let mut poor = Vec::new();
    for account in accounts {
        let balance = quantity(rpc, "eth_getBalance", &json!([account, "latest"]))?;
        if balance < needed {
            poor.push(format!("{account} has {} ETH", eth(balance)));
        }
    }
    if !poor.is_empty() {
        let all = poor.join(", ");
        return Err(format!("{all}; {} ETH are needed", eth(needed)));
    }
    let (looked, keys) = (accounts.len(), funds.keys.count);
    Ok(format!(
        "{looked} of {keys} looked at have {} ETH or more",
        eth(needed)
    ))
}

/// A number that a call returns in hexadecimal.
fn quantity(rpc: &Rpc, method: &'static str, params: &Value) -> Result<u128, String> {
    let answer = rpc.call(method, params);
    let read = answer.and_then(|answer| {
        let hex = answer.as_str().and_then(|text| text.strip_prefix("0x"));
        let number = hex.and_then(|hex| u128::from_str_radix(hex, 16).ok());
        number.ok_or_else(|| rpc.unexpected(method, "a number"))
    });
    read.map_err(|error: RpcError| chain(&error))
}

fn eth(wei: u128) -> String {
    aznet_model::units::whole(&wei.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What can't be looked at is not called good, and names what is missing.
    #[test]
    fn nothing_is_met_unseen() {
        let needs = [Need::Chain(Chain { chain_id: 1 }), Need::Blobs];
        for seen in check(&needs, &Site::default()) {
            assert!(matches!(&seen.verdict, Verdict::Unseen(_)), "{seen:?}");
        }
        let site = Site {
            execution: vec!["http://127.0.0.1:1/KEY".to_owned()],
            ..Site::default()
        };
        let seen = check(&needs, &site);
        assert!(seen[0].verdict.is_unmet(), "{seen:?}");
        assert!(!seen[0].verdict.words().contains("KEY"), "{seen:?}");
        assert!(seen[1].verdict.words().contains("--beacon-url"), "{seen:?}");
    }
}
