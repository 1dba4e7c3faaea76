//! `aznet-node restore`: takes back what was done to a network by calls, once its time is over, though whoever did it may
//! have died. It runs as a Job of the network's namespace.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aznet_kit::error::chain;
use aznet_kit::wait::{Look, WaitError};
use aznet_model::restoration::{Call, Restoration, VARIABLE};
use clap::Args;
use thiserror::Error;

use crate::console::say;
use crate::settings::TERMINATION_LOG;
use crate::wait::TimeLimit;
use aznet_kit::rpc::{Rpc, RpcError};

/// A node that is being started again can't be told anything meanwhile.
const WITHIN: Duration = Duration::from_mins(10);
/// What a call may take, connecting included.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why something is not taken back.
#[derive(Debug, Error)]
pub(crate) enum RestoreError {
    /// A server does not answer, or refuses.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// A server can't be reached, long before its time.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// There is no key.
    #[error("can't read the key of the admin API from {}", file.display())]
    Key {
        /// Where it was expected.
        file: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// What is taken back.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The calls and their times, as JSON
    #[arg(long = "calls", env = VARIABLE, value_parser = parse)]
    restoration: Restoration,
    /// The file with the key of the nodes' admin RPC
    #[arg(long, env = "AZNET_ADMIN_API_KEY_FILE")]
    admin_api_key_file: Option<PathBuf>,
    /// Call nothing: see that each server answers
    #[arg(long)]
    check: bool,
}

fn parse(text: &str) -> Result<Restoration, serde_json::Error> {
    serde_json::from_str(text)
}

impl Options {
    /// Where a failure's reason goes: a check runs beside the container's process.
    pub(crate) fn termination_log(&self) -> Option<&Path> {
        (!self.check).then_some(Path::new(TERMINATION_LOG))
    }
}

/// Waits for the time of each call, and calls until it is answered.
pub(crate) fn run(options: &Options) -> Result<(), RestoreError> {
    let calls = &options.restoration.calls;
    if options.check {
        return calls.iter().try_for_each(reach);
    }
    let key = options.admin_api_key_file.as_deref().map(read_key);
    let key = key.transpose()?;
    let end = until(options.restoration.end());
    say(format_args!(
        "{} calls take back what was done, the last one in {} s",
        calls.len(),
        end.as_secs()
    ));
    let mut left: Vec<&Call> = calls.iter().collect();
    let limit = TimeLimit::after(end + WITHIN);
    limit.until("everything to be taken back", || {
        Ok(round(&mut left, |call| {
            Rpc::with_timeout(&call.url, PATIENCE)
                .with_key(key.clone().filter(|_| call.with_key))
                .call(call.method.clone(), &call.params)
                .map(drop)
        }))
    })
}

/// Makes the calls whose time has come, and keeps those that have no answer yet.
fn round(left: &mut Vec<&Call>, make: impl Fn(&Call) -> Result<(), RpcError>) -> Look<()> {
    let mut seen = None;
    left.retain(|call| {
        if !until(call.at).is_zero() {
            return true;
        }
        match make(call) {
            Ok(()) => {
                say(format_args!("{} took {}", call.url, call.method));
                false
            }
            Err(error) => {
                seen = Some(chain(&error));
                true
            }
        }
    });
    match (left.is_empty(), seen) {
        (true, _) => Look::Done(()),
        (false, Some(seen)) => Look::Pending(seen),
        (false, None) => Look::pending("their time has not come"),
    }
}

/// Sees that a server answers, whatever it says.
fn reach(call: &Call) -> Result<(), RestoreError> {
    let rpc = Rpc::with_timeout(&call.url, PATIENCE);
    Ok(rpc.get_status("/status").map(drop)?)
}

fn read_key(file: &Path) -> Result<String, RestoreError> {
    let text = std::fs::read_to_string(file).map_err(|source| RestoreError::Key {
        file: file.to_owned(),
        source,
    })?;
    Ok(text.trim().to_owned())
}

/// The time until then, none if it has passed.
fn until(at: u64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Duration::from_secs(at).saturating_sub(now.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(at: u64, url: &str) -> Call {
        Call {
            at,
            url: url.to_owned(),
            method: "evm_setIntervalMining".to_owned(),
            params: json!([4]),
            with_key: false,
        }
    }

    #[test]
    fn a_call_is_made_when_its_time_has_come_and_until_it_is_answered() {
        let (due, later) = (call(1, "http://anvil:8545"), call(u64::MAX, "http://x:1"));
        let mut left = vec![&due, &later];
        let silent = |call: &Call| {
            Err(RpcError::NotJsonRpc {
                server: call.url.clone(),
                method: call.method.clone().into(),
                status: 502,
            })
        };
        let seen = round(&mut left, silent);
        let Look::Pending(seen) = seen else {
            panic!("{seen:?}");
        };
        assert!(seen.starts_with("http://anvil:8545 answered"), "{seen}");
        assert_eq!(left.len(), 2, "it is tried again");
        assert!(matches!(round(&mut left, |_| Ok(())), Look::Pending(_)));
        assert_eq!(left, [&later], "whose time has not come");
        let mut left = vec![&due];
        assert_eq!(round(&mut left, |_| Ok(())), Look::Done(()));
    }
}
