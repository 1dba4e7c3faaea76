//! Whether an L1 traces transactions, as a node of newer releases asks before it starts.

use serde_json::{Value, json};

/// Blocks in which a node looks for a transaction to have traced (`archiver/l1/validate_trace`).
const BLOCKS: u64 = 10;

/// Has a recent transaction traced, in both of the ways that a node knows; one is enough.
///
/// # Errors
/// Why not, in words.
pub fn traces(ask: impl Fn(&'static str, &Value) -> Result<Value, String>) -> Result<(), String> {
    let Some(transaction) = recent(&ask)? else {
        return Err(format!(
            "none of its newest {BLOCKS} blocks has a transaction that could be traced"
        ));
    };
    let debug = json!([transaction, {"tracer": "callTracer"}]);
    let debug = ask("debug_traceTransaction", &debug);
    let debug = debug.and_then(|trace| {
        let told = trace["type"].is_string() && trace["from"].is_string();
        told.then_some(())
            .ok_or_else(|| "debug_traceTransaction answers with no trace of calls".to_owned())
    });
    let Err(debug) = debug else {
        return Ok(());
    };
    let trace = ask("trace_transaction", &json!([transaction]));
    let trace = trace.and_then(|trace| {
        let told = trace.as_array().is_some_and(|calls| !calls.is_empty());
        told.then_some(())
            .ok_or_else(|| "trace_transaction answers with no calls".to_owned())
    });
    trace.map_err(|trace| format!("{debug}; {trace}"))
}

/// A transaction of one of the newest blocks.
fn recent(
    ask: &impl Fn(&'static str, &Value) -> Result<Value, String>,
) -> Result<Option<Value>, String> {
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
    use super::*;

    /// An L1 of 100 blocks of which one has a transaction, with these answers.
    fn l1(
        at: u64,
        debug: Option<Value>,
        trace: Option<Value>,
    ) -> impl Fn(&'static str, &Value) -> Result<Value, String> {
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
            answer.ok_or_else(|| format!("{method} is not available"))
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
}
