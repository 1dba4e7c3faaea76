//! What `aznet preflight` sees of a real L1: anvil on this machine.
//!
//! Needs anvil in the search path or named by `AZNET_ANVIL_CMD`; without it the test says so and does nothing.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::Sandbox;

/// What `spartan` is on.
const SEPOLIA: &str = "11155111";
/// One of anvil's own accounts, and one that nobody has.
const RICH: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const POOR: &str = "0x00000000000000000000000000000000000000aa";
const STARTS_WITHIN: Duration = Duration::from_secs(30);

struct Anvil {
    process: Child,
    url: String,
}

impl Anvil {
    /// One that answers; `None` where there is no anvil.
    fn start(more: &[&str]) -> Option<Self> {
        let program = std::env::var("AZNET_ANVIL_CMD").unwrap_or_else(|_| "anvil".into());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let started = Command::new(&program)
            .args(["--silent", "--port", &port.to_string()])
            .args(more)
            .stdout(Stdio::null())
            .spawn();
        let Ok(process) = started else {
            skip(&format!("{program} is not there"));
            return None;
        };
        let anvil = Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
        };
        let begun = Instant::now();
        while anvil.ask("eth_chainId", &json!([])).is_none() {
            assert!(begun.elapsed() < STARTS_WITHIN, "anvil does not answer");
            std::thread::yield_now();
        }
        Some(anvil)
    }

    fn ask(&self, method: &str, params: &Value) -> Option<Value> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut response = ureq::post(&self.url).send_json(&request).ok()?;
        let answer: Value = response.body_mut().read_json().ok()?;
        answer.get("result").cloned()
    }

    /// What `aznet preflight spartan` says of it, and the document in that.
    fn seen(&self, accounts: &[&str]) -> (String, Value) {
        let mut args = vec!["preflight", "spartan", "--l1-url", &self.url, "-o", "json"];
        args.extend(accounts.iter().flat_map(|account| ["--account", account]));
        let said = Sandbox::new().run(&args);
        let document = said.split("----- stdout -----\n").nth(1);
        let document = document.and_then(|text| text.split("----- stderr").next());
        let document = serde_json::from_str(document.unwrap_or_default());
        let document = document.unwrap_or_else(|error| panic!("{error}: {said}"));
        (said, document)
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says why")]
fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
    // libtest knows no skip at run time: `cargo xtask test` counts the lines of this file.
    if let Some(file) = std::env::var_os("AZNET_TEST_SKIPS") {
        let file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(file);
        writeln!(file.expect("opens"), "preflight: {reason}").expect("writes");
    }
}

fn of<'a>(document: &'a Value, need: &str, holder: &str) -> &'a Value {
    let all = document["seen"].as_array().expect("a list");
    let fits = |one: &&Value| one["need"] == need && (holder.is_empty() || one["holder"] == holder);
    all.iter()
        .find(fits)
        .unwrap_or_else(|| panic!("no {need} in {document}"))
}

#[test]
fn an_l1_that_has_all_of_it_and_accounts_that_can_pay() {
    let Some(anvil) = Anvil::start(&["--chain-id", SEPOLIA]) else {
        return;
    };
    let sent = json!([{"from": RICH, "to": POOR, "value": "0x1"}]);
    anvil
        .ask("eth_sendTransaction", &sent)
        .expect("a transaction");
    let (said, seen) = anvil.seen(&[&format!("boot-node={RICH}"), &format!("validator={RICH}")]);
    for (need, holder) in [
        ("chain", ""),
        ("gas", ""),
        ("traces", ""),
        ("funds", "boot-node"),
        ("funds", "validator"),
    ] {
        assert_eq!(of(&seen, need, holder)["verdict"], "met", "{said}");
    }
    for (need, holder) in [("blobs", ""), ("funds", "prover-node"), ("secret", "")] {
        assert_eq!(of(&seen, need, holder)["verdict"], "unseen", "{said}");
    }
    assert!(said.contains("exit code: 0"), "{said}");
}

#[test]
fn another_chain_small_blocks_no_traces_and_no_money_are_named() {
    let Some(anvil) = Anvil::start(&["--gas-limit", "10000000"]) else {
        return;
    };
    let (said, seen) = anvil.seen(&[&format!("validator={POOR}")]);
    for (need, holder, words) in [
        ("chain", "", "chain id 31337"),
        ("gas", "", "has 10000000 gas at most"),
        ("traces", "", "none of its newest 10 blocks"),
        ("funds", "validator", "has 0 ETH"),
    ] {
        let one = of(&seen, need, holder);
        assert_eq!(one["verdict"], "unmet", "{said}");
        let told = one["seen"].as_str().unwrap_or_default();
        assert!(told.contains(words), "{words}: {said}");
    }
    assert!(said.contains("exit code: 3"), "{said}");
}
