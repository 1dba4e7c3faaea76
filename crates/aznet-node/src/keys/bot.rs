//! Accounts of the bots: the secrets that Aztec's own bot takes from its environment.

use std::fmt;
use std::path::{Path, PathBuf};

use aznet_kit::files::{self, FileError};
use aznet_kit::wait::{Look, WaitError};
use aznet_model::release::TestAccounts;
use serde_json::{Value, json};
use thiserror::Error;

use crate::console::say;
use crate::wait::TimeLimit;
use aznet_kit::rpc::{Rpc, RpcError};

/// Secrets of the test accounts in the genesis state, known to everybody (`@aztec/accounts/testing` 4.1.2).
const TEST_ACCOUNTS: [&str; 3] = [
    "0x2153536ff6628eee01cf4024889ff977a18d9fa61d0e414422f7681cf085c281",
    "0x0aebd1b4be76efa44f5ee655c20bf9ea60f7ae44b9a7fd1fd9f189c7a0b0cdae",
    "0x0f6addf0da06c33293df974a565b03d1ab096090d907d98055a8b7f4954e120c",
];
/// Salt of their addresses.
const TEST_ACCOUNT_SALT: &str = "0x0";

/// Why a bot has no account.
#[derive(Debug, Error)]
pub(crate) enum BotError {
    /// The Secret can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The Secret has no key for this pod.
    #[error(
        "the Secret of bot.existingSecret has nothing at {0}: expected the secret of this pod's account"
    )]
    NoKey(PathBuf),
    /// More bots than test accounts.
    #[error(
        "bot-{ordinal} has no account: there are {known} test accounts; name a Secret in bot.existingSecret"
    )]
    NoTestAccount {
        /// The pod's ordinal.
        ordinal: u32,
        /// Accounts there are.
        known: u32,
    },
    /// The account is not deployed in time.
    #[error(transparent)]
    Wait(#[from] WaitError),
}

impl BotError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        !matches!(self, Self::Wait(_))
    }
}

/// The account that a bot sends from. `Debug` hides its secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// Secret that all of its keys come from.
    pub(crate) secret: String,
    /// Salt of its address; `None`: Aztec's own, or what the chart says.
    pub(crate) salt: Option<&'static str>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(..)")
    }
}

impl Account {
    /// The account of the pod of this ordinal: from the Secret where there is one, else a test account, once a wallet
    /// server has deployed it; `None`: the bot takes the first test account by itself.
    pub(crate) fn of(
        ordinal: u32,
        dir: &Path,
        known: &TestAccounts,
        pxe: Option<&str>,
        limit: TimeLimit,
    ) -> Result<Option<Self>, BotError> {
        if dir.is_dir() {
            return Self::of_secret(ordinal, dir).map(Some);
        }
        let index = usize::try_from(ordinal).unwrap_or(usize::MAX);
        let secret = TEST_ACCOUNTS.get(index).filter(|_| ordinal < known.bots);
        let secret = secret.ok_or(BotError::NoTestAccount {
            ordinal,
            known: known.bots,
        })?;
        if !known.secrets_for_bots {
            return Ok(None);
        }
        if let Some(pxe) = pxe.filter(|_| known.need_deployment) {
            deployed(&format!("test{ordinal}"), pxe, limit)?;
        }
        Ok(Some(Self {
            secret: (*secret).to_owned(),
            salt: Some(TEST_ACCOUNT_SALT),
        }))
    }

    fn of_secret(ordinal: u32, dir: &Path) -> Result<Self, BotError> {
        let path = dir.join(format!("privateKey-{ordinal}"));
        let secret = files::read_text_if_there(&path)?.unwrap_or_default();
        if secret.trim().is_empty() {
            return Err(BotError::NoKey(path));
        }
        Ok(Self {
            secret: secret.trim().to_owned(),
            salt: None,
        })
    }
}

/// Waits until the wallet server says that the account is there.
fn deployed(alias: &str, pxe: &str, limit: TimeLimit) -> Result<(), WaitError> {
    let rpc = Rpc::new(pxe);
    let look = || -> Result<Look<()>, RpcError> {
        let status = rpc.call("pxe_getStatus", &json!([]))?;
        Ok(match is_deployed(&status, alias) {
            Some(true) => Look::Done(()),
            Some(false) => Look::Pending(format!("{} has not deployed it", rpc.server())),
            None => Look::Pending(format!("{} does not know it", rpc.server())),
        })
    };
    limit.until::<_, WaitError>(&format!("account {alias} to be deployed"), || {
        Ok(Look::or_pending(look()))
    })?;
    say(format_args!("sending from account {alias}"));
    Ok(())
}

fn is_deployed(status: &Value, alias: &str) -> Option<bool> {
    let accounts = status.get("accounts")?.as_array()?;
    let account = accounts
        .iter()
        .find(|account| account.get("alias").and_then(Value::as_str) == Some(alias))?;
    account.get("deployed")?.as_bool()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aznet_model::release::Release;

    use super::*;

    fn of(ordinal: u32, dir: &Path) -> Result<Account, BotError> {
        let known = &Release::oldest().test_accounts;
        let limit = TimeLimit::after(Duration::ZERO);
        let account = Account::of(ordinal, dir, known, None, limit)?;
        Ok(account.expect("4.1 gives each bot a secret"))
    }

    #[test]
    fn where_secrets_lead_to_no_test_account_one_bot_has_the_first() {
        let known = &Release::named("6.0").expect("a profile").test_accounts;
        let none = Path::new("/nonexistent");
        let limit = TimeLimit::after(Duration::ZERO);
        // No wallet server is asked: nothing answers there.
        let pxe = Some("http://127.0.0.1:1");
        let of = |ordinal| Account::of(ordinal, none, known, pxe, limit);
        assert!(of(0).expect("an account of its own").is_none());
        assert!(matches!(
            of(1),
            Err(BotError::NoTestAccount { known: 1, .. })
        ));
    }

    #[test]
    fn each_pod_has_a_test_account_of_its_own() {
        let none = Path::new("/nonexistent");
        let first = of(0, none).expect("an account");
        let second = of(1, none).expect("an account");
        assert_ne!(first, second);
        assert!(matches!(of(3, none), Err(BotError::NoTestAccount { .. })));
        assert_eq!(format!("{first:?}"), "Account(..)");
    }

    #[test]
    fn a_secret_has_a_key_for_each_pod() {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("privateKey-1"), "0x12\n").expect("writes");
        let account = of(1, dir.path()).expect("an account");
        assert_eq!((account.secret.as_str(), account.salt), ("0x12", None));
        let error = of(0, dir.path()).expect_err("no key").to_string();
        assert!(error.contains("privateKey-0"), "{error}");
    }

    #[test]
    fn a_wallet_server_says_what_is_deployed() {
        let status = json!({"accounts": [
            {"address": "0x1", "alias": "test0", "deployed": true},
            {"address": "0x2", "alias": "test1", "deployed": false},
        ]});
        assert_eq!(is_deployed(&status, "test0"), Some(true));
        assert_eq!(is_deployed(&status, "test1"), Some(false));
        assert_eq!(is_deployed(&status, "test2"), None);
        assert_eq!(is_deployed(&json!({}), "test0"), None);
    }
}
