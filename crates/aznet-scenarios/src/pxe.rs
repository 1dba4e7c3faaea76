//! The wallet server's JSON-RPC, as far as scenarios need it.

use std::time::Duration;

use aznet_model::timing::ProtocolTime;
use aznet_network::{
    clients::l2,
    clients::rpc::{PodRpc, RpcError},
    namespace::Network,
};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned, de::Error};
use serde_json::{Value, json};

/// What simulating and proving a transaction may take before it is sent, on a busy machine.
const PROVING: Duration = Duration::from_mins(2);
/// Slots in which a transaction must be in a block.
const SLOTS_TO_INCLUSION: u32 = 8;
/// Slots in which the test accounts must be deployed, all transactions together.
const SLOTS_TO_ACCOUNTS: u32 = 20;

/// A wallet server.
#[derive(Debug, Clone)]
pub(crate) struct Pxe {
    rpc: PodRpc,
    time: ProtocolTime,
}

/// An account of the wallet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Account {
    /// Its address.
    pub(crate) address: String,
    /// Whether its contract is deployed.
    pub(crate) deployed: bool,
}

/// Where tokens are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Visibility {
    Public,
    Private,
}

impl Visibility {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

/// A transaction that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sent {
    /// Its hash.
    pub(crate) tx_hash: String,
}

/// What an account has of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Balance {
    #[serde(deserialize_with = "amount")]
    pub(crate) public: u128,
    #[serde(deserialize_with = "amount")]
    pub(crate) private: u128,
}

/// An amount for somebody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payment<'a> {
    pub(crate) token: &'a str,
    pub(crate) to: &'a str,
    pub(crate) amount: u128,
    pub(crate) visibility: Visibility,
    /// Paid per unit of L2 gas beyond the base fee.
    pub(crate) priority_fee: u64,
}

impl Pxe {
    pub(crate) fn new(network: &Network, pod: &str, time: ProtocolTime) -> Self {
        let rpc = PodRpc::new(network.client().clone(), network.namespace(), pod, l2::PORT);
        Self { rpc, time }
    }

    /// Its pod.
    pub(crate) fn pod(&self) -> &str {
        self.rpc.pod()
    }

    /// Deploys the test accounts that aren't yet.
    pub(crate) async fn accounts(&self) -> Result<Vec<Account>, RpcError> {
        let within = PROVING + self.time.slots(SLOTS_TO_ACCOUNTS);
        self.rpc
            .clone()
            .with_timeout(within)
            .call("pxe_deployTestAccounts", json!([]))
            .await
    }

    /// Deploys a token whose minter is `admin`; its address.
    pub(crate) async fn deploy_token(&self, admin: &str) -> Result<String, RpcError> {
        #[derive(Deserialize)]
        struct Deployed {
            token: String,
        }
        let params = json!({"name": "aznet transfer", "symbol": "AZT", "admin": admin});
        Ok(self
            .transact::<Deployed>("token_deploy", params, "checkpointed")
            .await?
            .token)
    }

    /// Creates an amount, as `minter`.
    pub(crate) async fn mint(&self, minter: &str, payment: Payment<'_>) -> Result<Sent, RpcError> {
        self.transact("token_mint", payment.params(minter), "checkpointed")
            .await
    }

    /// Moves an amount; done when a node has taken it.
    pub(crate) async fn transfer(
        &self,
        from: &str,
        payment: Payment<'_>,
    ) -> Result<Sent, RpcError> {
        self.transact("token_transfer", payment.params(from), "none")
            .await
    }

    /// What `owner` has.
    pub(crate) async fn balance(&self, token: &str, owner: &str) -> Result<Balance, RpcError> {
        let params = json!([{"token": token, "owner": owner}]);
        self.rpc
            .clone()
            .with_timeout(PROVING)
            .call("token_balance", params)
            .await
    }

    async fn transact<T: DeserializeOwned>(
        &self,
        method: &str,
        mut params: Value,
        wait: &str,
    ) -> Result<T, RpcError> {
        let inclusion = self.time.slots(SLOTS_TO_INCLUSION);
        params["wait"] = wait.into();
        params["timeoutSeconds"] = inclusion.as_secs().into();
        self.rpc
            .clone()
            .with_timeout(inclusion + PROVING)
            .call(method, json!([params]))
            .await
    }
}

impl Payment<'_> {
    fn params(&self, from: &str) -> Value {
        let mut params = json!({
            "token": self.token, "from": from, "to": self.to,
            "amount": self.amount.to_string(), "visibility": self.visibility,
        });
        if self.priority_fee > 0 {
            params["priorityFee"] = self.priority_fee.to_string().into();
        }
        params
    }
}

/// Amounts are decimal strings, since they may be larger than a JSON number.
fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|error| D::Error::custom(format!("amount `{text}`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balances_are_decimal_strings() {
        let balance: Balance = serde_json::from_str(
            r#"{"public": "900", "private": "340282366920938463463374607431768211455"}"#,
        )
        .unwrap();
        assert_eq!(
            balance,
            Balance {
                public: 900,
                private: u128::MAX
            }
        );
        assert!(serde_json::from_str::<Balance>(r#"{"public": "900", "private": null}"#).is_err());
    }

    #[test]
    fn payments_are_sent_as_the_server_reads_them() {
        let payment = |priority_fee| Payment {
            token: "0x1",
            to: "0x3",
            amount: 250,
            visibility: Visibility::Private,
            priority_fee,
        };
        let mut expected = json!({"token": "0x1", "from": "0x2", "to": "0x3", "amount": "250", "visibility": "private"});
        assert_eq!(payment(0).params("0x2"), expected);
        expected["priorityFee"] = "1".into();
        assert_eq!(payment(1).params("0x2"), expected);
    }
}
