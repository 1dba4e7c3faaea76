//! The anvil role with a real anvil: it starts in the past, takes the jump to the present, and outlives being killed.
//!
//! Needs anvil in the search path or named by `AZNET_ANVIL_CMD`; without it the tests say so and do nothing.

mod deployment;

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(30);

/// anvil under aznet-node; killed with its child when dropped.
struct Anvil {
    process: Child,
    url: String,
}

impl Anvil {
    fn start(data: &Path, port: u16) -> Self {
        let process = Command::new(env!("CARGO_BIN_EXE_aznet-node"))
            .args(["run", "anvil", "--", &format!("--port={port}")])
            .env("AZNET_CONFIG", data.join("network.json"))
            .env("DATA_DIRECTORY", data)
            .env("AZNET_TERMINATION_LOG", data.join("termination"))
            .stdout(Stdio::null())
            .spawn()
            .expect("aznet-node starts");
        let mut anvil = Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
        };
        eventually("anvil answers", || {
            let ended = anvil.process.try_wait().expect("a child of the test");
            assert!(ended.is_none(), "{}", last_words(data));
            anvil.ask("eth_chainId", &json!([]))
        });
        anvil
    }

    fn ask(&self, method: &str, params: &Value) -> Option<Value> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut response = ureq::post(&self.url).send_json(&request).ok()?;
        let answer: Value = response.body_mut().read_json().ok()?;
        answer.get("result").cloned()
    }

    fn call(&self, method: &str, params: &Value) -> Value {
        self.ask(method, params)
            .unwrap_or_else(|| panic!("{method} has a result"))
    }

    fn block(&self, tag: &str, field: &str) -> u64 {
        let block = self.call("eth_getBlockByNumber", &json!([tag, false]));
        let text = block[field].as_str().expect("a quantity").to_owned();
        u64::from_str_radix(text.trim_start_matches("0x"), 16).expect("hexadecimal")
    }

    /// What the boot node does when the contracts are deployed.
    fn jump(&self) {
        self.call("evm_setNextBlockTimestamp", &json!([now()]));
        self.call("evm_mine", &json!([]));
        self.call("evm_setIntervalMining", &json!([1]));
    }

    fn child(&self) -> u32 {
        let id = self.process.id();
        let path = format!("/proc/{id}/task/{id}/children");
        let children = std::fs::read_to_string(path).expect("a running process");
        children.trim().parse().expect("one child")
    }

    fn kill_both(mut self) {
        signal(self.child(), "-KILL");
        self.process.wait().expect("ends with its child");
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            signal(self.process.id(), "-TERM");
            self.process.wait().expect("ends");
        }
    }
}

/// What aznet-node says when it ends by itself.
fn last_words(data: &Path) -> String {
    std::fs::read_to_string(data.join("termination")).unwrap_or_default()
}

fn signal(process: u32, signal: &str) {
    let status = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}

fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(begun.elapsed() < DEADLINE, "within {DEADLINE:?}: {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs()
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
        writeln!(file.expect("opens"), "anvil: {reason}").expect("writes");
    }
}

/// A data directory with a configuration, and a free port; `None`, with the reason, where there is no anvil.
fn prepare() -> Option<(tempfile::TempDir, u16)> {
    let anvil = std::env::var("AZNET_ANVIL_CMD").unwrap_or_else(|_| "anvil".into());
    if Command::new(&anvil)
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        skip(&format!(
            "{anvil} is not there (foundry 1.5.1; AZNET_ANVIL_CMD names it)"
        ));
        return None;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    std::fs::write(dir.path().join("network.json"), config().to_string()).expect("writes");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    Some((dir, port))
}

fn config() -> Value {
    let text = include_str!("../network.json");
    let mut config: Value = serde_json::from_str(text).expect("a network's configuration");
    config["l1"]["blockTime"] = json!(1);
    config
}

#[test]
fn starts_in_the_past_and_keeps_its_chain_when_killed() {
    let Some((dir, port)) = prepare() else { return };
    let anvil = Anvil::start(dir.path(), port);
    let behind = now() - anvil.block("latest", "timestamp");
    assert!(
        behind >= 2 * 4 * 12,
        "two epochs in the past, not {behind}s"
    );
    assert!(anvil.call("anvil_getIntervalMining", &json!([])).is_null());

    anvil.jump();
    eventually("blocks by the clock", || {
        (anvil.block("latest", "number") >= 6).then_some(())
    });
    let (latest, finalized) = (
        anvil.block("latest", "number"),
        anvil.block("finalized", "number"),
    );
    assert!(
        latest - finalized <= 5,
        "final two epochs of two slots later: {finalized} at {latest}"
    );
    let genesis = anvil.call("eth_getBlockByNumber", &json!(["0x0", false]))["hash"].clone();
    anvil.kill_both();

    let anvil = Anvil::start(dir.path(), port);
    let again = anvil.call("eth_getBlockByNumber", &json!(["0x0", false]))["hash"].clone();
    assert_eq!(again, genesis, "the same chain");
    assert!(
        anvil.block("latest", "number") + 4 >= latest,
        "no more than the state interval is lost"
    );
    eventually("blocks of the present", || {
        (now().abs_diff(anvil.block("latest", "timestamp")) <= 2).then_some(())
    });
}

#[test]
fn a_chain_in_use_outlives_a_change_of_its_clock_settings() {
    let Some((dir, port)) = prepare() else { return };
    let anvil = Anvil::start(dir.path(), port);
    anvil.jump();
    eventually("the release is recorded", || {
        let record = std::fs::read_to_string(dir.path().join("anvil.chain.json")).ok()?;
        let record: Value = serde_json::from_str(&record).ok()?;
        record["releasedAt"].as_u64()
    });
    let jumped = anvil.block("latest", "timestamp");
    eventually("a state from after the jump", || {
        let state = std::fs::read(dir.path().join("anvil.json")).ok()?;
        let state: Value = serde_json::from_slice(&state).ok()?;
        let time = state["block"]["timestamp"]
            .as_str()?
            .trim_start_matches("0x");
        (u64::from_str_radix(time, 16).ok()? >= jumped).then_some(())
    });
    let genesis = anvil.call("eth_getBlockByNumber", &json!(["0x0", false]))["hash"].clone();
    anvil.kill_both();

    // As if the head start had been far longer than this chain is old.
    let mut longer = config();
    longer["l1"]["blockTime"] = json!(12);
    longer["epochDuration"] = json!(320);
    std::fs::write(dir.path().join("network.json"), longer.to_string()).expect("writes");
    let anvil = Anvil::start(dir.path(), port);
    let again = anvil.call("eth_getBlockByNumber", &json!(["0x0", false]))["hash"].clone();
    assert_eq!(again, genesis, "the same chain");
}

#[test]
fn begins_anew_when_killed_before_the_jump() {
    let Some((dir, port)) = prepare() else { return };
    let anvil = Anvil::start(dir.path(), port);
    anvil.call(
        "anvil_setBalance",
        &json!(["0x00000000000000000000000000000000000000aa", "0x1"]),
    );
    anvil.call("evm_mine", &json!([]));
    eventually("a state on disk", || {
        dir.path().join("anvil.json").exists().then_some(())
    });
    anvil.kill_both();

    let anvil = Anvil::start(dir.path(), port);
    assert_eq!(anvil.block("latest", "number"), 0);
    assert!(
        now() - anvil.block("latest", "timestamp") >= 2 * 4 * 12,
        "in the past again"
    );
}

#[test]
fn goes_back_to_the_whole_copy_when_the_state_was_cut_short() {
    let Some((dir, port)) = prepare() else { return };
    let (live, whole) = (
        dir.path().join("anvil.json"),
        dir.path().join("anvil.whole.json"),
    );
    let anvil = Anvil::start(dir.path(), port);
    anvil.jump();
    eventually("a copy of the state", || whole.exists().then_some(()));
    let genesis = anvil.call("eth_getBlockByNumber", &json!(["0x0", false]))["hash"].clone();
    anvil.kill_both();
    let state = std::fs::read(&live).expect("a state");
    std::fs::write(&live, &state[..state.len() / 2]).expect("writes");

    let anvil = Anvil::start(dir.path(), port);
    let again = anvil.call("eth_getBlockByNumber", &json!(["0x0", false]))["hash"].clone();
    assert_eq!(again, genesis);
}

#[test]
fn ends_well_when_asked_to() {
    let Some((dir, port)) = prepare() else { return };
    let mut anvil = Anvil::start(dir.path(), port);
    signal(anvil.process.id(), "-TERM");
    let status = anvil.process.wait().expect("ends");
    assert!(status.success(), "{status}");
}
