//! Whether the L1 traces transactions: nodes of newer releases do not start on one that doesn't.

use aznet_kit::error::chain;
use aznet_kit::wait::{Look, WaitError};
use aznet_model::config::NetworkConfig;
use serde_json::{Value, json};

use crate::rpc::{Rpc, RpcError};
use crate::wait::TimeLimit;

/// Blocks in which a node looks for a transaction to have traced (`archiver/l1/validate_trace`).
const BLOCKS: u64 = 10;
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
            match traces(|method, params| rpc.call(method, params)) {
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

/// Has a recent transaction traced, in both of the ways that a node knows; one is enough.
fn traces(ask: impl Fn(&'static str, &Value) -> Result<Value, RpcError>) -> Result<(), String> {
    let words = |error: RpcError| chain(&error);
    let Some(transaction) = recent(&ask).map_err(words)? else {
        return Err(format!(
            "none of its newest {BLOCKS} blocks has a transaction that could be traced"
        ));
    };
    let debug = json!([transaction, {"tracer": "callTracer"}]);
    let debug = ask("debug_traceTransaction", &debug).map_err(words);
    let debug = debug.and_then(|trace| {
        let told = trace["type"].is_string() && trace["from"].is_string();
        told.then_some(())
            .ok_or_else(|| "debug_traceTransaction answers with no trace of calls".to_owned())
    });
    let Err(debug) = debug else {
        return Ok(());
    };
    let trace = ask("trace_transaction", &json!([transaction])).map_err(words);
    let trace = trace.and_then(|trace| {
        let told = trace.as_array().is_some_and(|calls| !calls.is_empty());
        told.then_some(())
            .ok_or_else(|| "trace_transaction answers with no calls".to_owned())
    });
    trace.map_err(|trace| format!("{debug}; {trace}"))
}

/// A transaction of one of the newest blocks.
fn recent(
    ask: &impl Fn(&'static str, &Value) -> Result<Value, RpcError>,
) -> Result<Option<Value>, RpcError> {
    let newest = ask("eth_getBlockByNumber", &json!(["latest", false]))?;
    let number = newest["number"].as_str().and_then(|text| {
        let hex = text.strip_prefix("0x")?;
        u64::from_str_radix(hex, 16).ok()
    });
    let mut block = newest;
    let mut below = number.unwrap_or_default();
    for _ in 1..BLOCKS {
        if block["transactions"].get(0).is_some() || below == 0 {
            break;
        }
        below -= 1;
        block = ask(
            "eth_getBlockByNumber",
            &json!([format!("{below:#x}"), false]),
        )?;
    }
    Ok(block["transactions"].get(0).cloned())
}

#[cfg(test)]
mod tests {
    use aznet_model::release::Release;

    use super::*;
    use crate::config::tests::config;

    fn refused(method: &'static str) -> RpcError {
        RpcError::Refused {
            server: "https://l1.example".to_owned(),
            method: method.into(),
            message: "the method does not exist/is not available".to_owned(),
        }
    }

    /// An L1 of 100 blocks of which one has a transaction, with these answers.
    fn l1(
        at: u64,
        debug: Option<Value>,
        trace: Option<Value>,
    ) -> impl Fn(&'static str, &Value) -> Result<Value, RpcError> {
        move |method, params| {
            let answer = match method {
                "debug_traceTransaction" => debug.clone(),
                "trace_transaction" => trace.clone(),
                _ => {
                    let number = match params[0].as_str() {
                        Some("latest") => 100,
                        tag => {
                            let hex = tag.and_then(|tag| tag.strip_prefix("0x"));
                            u64::from_str_radix(hex.unwrap_or_default(), 16).unwrap_or_default()
                        }
                    };
                    let transactions = if number == at {
                        json!(["0xaa"])
                    } else {
                        json!([])
                    };
                    Some(json!({"number": format!("{number:#x}"), "transactions": transactions}))
                }
            };
            answer.ok_or_else(|| refused(method))
        }
    }

    #[test]
    fn one_of_two_ways_to_trace_is_enough() {
        let call = Some(json!({"type": "CALL", "from": "0x1", "to": "0x2"}));
        let calls = Some(json!([{"type": "call", "action": {}}]));
        assert_eq!(traces(l1(100, call.clone(), None)), Ok(()));
        assert_eq!(traces(l1(91, None, calls)), Ok(()));
        let error = traces(l1(100, None, None)).expect_err("it can't");
        for method in ["debug_traceTransaction", "trace_transaction"] {
            assert!(error.contains(method), "{error}");
        }
        let empty = traces(l1(100, Some(Value::Null), Some(json!([])))).expect_err("nothing");
        assert!(
            empty.contains("no trace of calls") && empty.contains("no calls"),
            "{empty}"
        );
        let quiet = traces(l1(90, call, None)).expect_err("nothing to trace in ten blocks");
        assert!(quiet.contains("newest 10 blocks"), "{quiet}");
    }

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
