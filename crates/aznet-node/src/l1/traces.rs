//! Whether the L1 traces transactions: nodes of newer releases do not start on one that doesn't.

use crate::wait::TimeLimit;
use aznet_kit::error::chain;
use aznet_kit::rpc::Rpc;
use aznet_kit::wait::{Look, WaitError};
use aznet_model::config::NetworkConfig;
use aznet_model::traces::traces;

/// The variables by which a user says otherwise.
const HOSTS: &str = "ETHEREUM_DEBUG_HOSTS";
const DISPENSE: &str = "ETHEREUM_ALLOW_NO_DEBUG_HOSTS";

/// Waits until one of the L1's servers traces a transaction, where the network's release insists on it. It is asked before
/// anything is paid for.
pub(crate) fn wait(config: &NetworkConfig, limit: TimeLimit) -> Result<(), WaitError> {
    let variable = |name: &str| std::env::var(name).ok();
    let servers = needed(config, variable);
    if servers.is_empty() {
        return Ok(());
    }
    let what = format!(
        "an L1 that traces transactions, without which a node of Aztec {} does not start (l1.traceUrls)",
        config.release
    );
    limit.until(&what, || {
        let mut seen = Vec::new();
        for server in &servers {
            let rpc = Rpc::new(server);
            match traces(|method, params| rpc.call(method, params).map_err(|error| chain(&error))) {
                Ok(()) => return Ok(Look::Done(())),
                Err(why) => seen.push(format!("{}: {why}", rpc.server())),
            }
        }
        Ok(Look::Pending(seen.join("; ")))
    })
}

/// The servers of which one must trace; none where nothing has to.
fn needed(config: &NetworkConfig, variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let l1 = &config.l1;
    let dispensed = variable(DISPENSE).is_some_and(|value| value == "true" || value == "1");
    if !config.release.needs_traces || l1.anvil || dispensed {
        return Vec::new();
    }
    let own =
        variable(HOSTS).map(|list| list.split(',').map(|url| url.trim().to_owned()).collect());
    let given = (!l1.trace_urls.is_empty()).then(|| l1.trace_urls.clone());
    own.or(given).unwrap_or_else(|| l1.execution_urls.clone())
}

#[cfg(test)]
mod tests {
    use aznet_model::release::Release;

    use super::*;
    use crate::config::tests::config;

    #[test]
    fn only_where_the_release_insists_on_it() {
        let six = Release::named("6.0").expect("a profile");
        let none = |_: &str| None;
        let mut config = config();
        config.l1.execution_urls = vec!["https://l1.example".to_owned()];
        config.l1.anvil = false;
        assert!(needed(&config, none).is_empty(), "4.1 does not");
        config.release = six;
        assert_eq!(needed(&config, none), ["https://l1.example"]);
        config.l1.trace_urls = vec!["https://traces.example".to_owned()];
        assert_eq!(needed(&config, none), ["https://traces.example"]);
        let own =
            |name: &str| (name == HOSTS).then(|| "https://a.example, https://b.example".to_owned());
        assert_eq!(
            needed(&config, own),
            ["https://a.example", "https://b.example"]
        );
        let dispensed = |name: &str| (name == DISPENSE).then(|| "true".to_owned());
        assert!(needed(&config, dispensed).is_empty());
        config.l1.anvil = true;
        assert!(
            needed(&config, none).is_empty(),
            "the chart's own says so to nodes"
        );
    }
}
