//! The boot node on an L1 that costs money: a real anvil that is not treated as the chart's own. What Aztec's
//! `deploy-l1-contracts` does is done by a script of Node.js that sends real transactions, so that it can be killed between
//! two of them.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::{Value, json};

use super::{config, eventually, prepare, signal};

/// Deploys a contract that answers every call; with `halt`, goes no further.
const SCRIPT: &str = r"
const call = async (method, params) => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const headers = { 'content-type': 'application/json' };
  const answer = await (await fetch(process.env.ETHEREUM_HOSTS, { method: 'POST', headers, body })).json();
  if (answer.error) throw new Error(answer.error.message);
  return answer.result;
};
const main = async () => {
  const from = process.env.AZNET_FORGE_SENDER;
  await call('anvil_impersonateAccount', [from]);
  const deploy = { from, data: '0x66305f5260205ff35f5260076019f3' };
  const hash = await call('eth_sendTransaction', [deploy]);
  let receipt = null;
  while (receipt === null) receipt = await call('eth_getTransactionReceipt', [hash]);
  if (process.argv[2] === 'halt') {
    console.log('half-way');
    await new Promise(() => setInterval(() => {}, 1_000));
  }
  console.log(JSON.stringify({ registryAddress: receipt.contractAddress }));
};
main();
";

/// A boot node and the L1 that it pays on.
struct Paid {
    dir: tempfile::TempDir,
    anvil: Child,
    url: String,
}

impl Drop for Paid {
    fn drop(&mut self) {
        signal(self.anvil.id(), "-KILL");
        self.anvil.wait().expect("ends");
    }
}

impl Paid {
    fn start() -> Option<Self> {
        let (dir, port) = prepare()?;
        let program = std::env::var("AZNET_ANVIL_CMD").unwrap_or_else(|_| "anvil".into());
        let anvil = Command::new(program)
            .args([&format!("--port={port}"), "--quiet"])
            .spawn()
            .expect("anvil starts");
        let url = format!("http://127.0.0.1:{port}");
        let mut config = config();
        config["l1"]["anvil"] = json!(false);
        config["l1"]["chainId"] = json!(31_337);
        config["l1"]["executionUrls"] = json!([url]);
        config["endpoints"]["peers"] = json!([]);
        config["endpoints"]["blobStore"] = Value::Null;
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("network.json"), config.to_string()).expect("writes");
        std::fs::write(path("deploy.cjs"), SCRIPT).expect("writes");
        let words = "test test test test test test test test test test test junk";
        std::fs::write(path("mnemonic"), words).expect("writes");
        let paid = Self { dir, anvil, url };
        eventually("anvil answers", || paid.ask("eth_chainId", &json!([])));
        Some(paid)
    }

    fn ask(&self, method: &str, params: &Value) -> Option<Value> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut response = ureq::post(&self.url).send_json(&request).ok()?;
        let answer: Value = response.body_mut().read_json().ok()?;
        answer.get("result").cloned()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Transactions that the deployer has sent.
    fn sent(&self) -> u64 {
        let deployer = self.text("deployer");
        let count = self.ask("eth_getTransactionCount", &json!([deployer, "latest"]));
        let count = count.and_then(|count| count.as_str().map(str::to_owned));
        let count = count.expect("a quantity");
        u64::from_str_radix(count.trim_start_matches("0x"), 16).expect("hexadecimal")
    }

    /// Starts the boot node with a script that does all of it, or halts.
    fn boot(&self, mode: &str, variables: &[(&str, &str)]) -> Child {
        let log = File::create(self.path("log")).expect("creates");
        Command::new(env!("CARGO_BIN_EXE_aznet-node"))
            .args(["run", "boot-node"])
            .env("AZNET_CONFIG", self.path("network.json"))
            .env("DATA_DIRECTORY", self.dir.path())
            .env("AZNET_MNEMONIC_FILE", self.path("mnemonic"))
            .env("AZNET_TERMINATION_LOG", self.path("termination"))
            .env("AZNET_WAIT_DEADLINE", "20s")
            .env("POD_NAME", "boot-node-0")
            .env(
                "AZNET_AZTEC_CMD",
                format!("node {} {mode}", self.path("deploy.cjs").display()),
            )
            .envs(variables.iter().copied())
            .stdout(Stdio::from(log))
            .process_group(0)
            .spawn()
            .expect("aznet-node starts")
    }

    fn ends(&self, mode: &str, variables: &[(&str, &str)]) -> (ExitStatus, String) {
        let status = self.boot(mode, variables).wait().expect("ends");
        (status, self.text("termination"))
    }

    /// Ends the boot node and the deployment as a pod's end does.
    fn killed_half_way(&self) {
        let mut boot = self.boot("halt", &[]);
        eventually("half-way", || {
            self.text("log")
                .lines()
                .any(|line| line == "half-way")
                .then_some(())
        });
        let log = self.text("log");
        let named = log
            .lines()
            .find_map(|line| line.split_once("contracts as ")?.1.split(' ').next());
        std::fs::write(self.path("deployer"), named.expect("the deployer")).expect("writes");
        let children = format!("/proc/{id}/task/{id}/children", id = boot.id());
        let children = std::fs::read_to_string(children).expect("a running process");
        signal(boot.id(), "-KILL");
        boot.wait().expect("ends");
        for child in children.split_whitespace() {
            signal(child.parse().expect("an id"), "-KILL");
        }
    }

    fn note(&self) -> bool {
        Path::exists(&self.path("l1-deployment-attempt.json"))
    }
}

#[test]
fn a_deployment_that_was_killed_half_way_is_not_paid_for_again_unasked() {
    let Some(paid) = Paid::start() else { return };
    paid.killed_half_way();
    assert_eq!(paid.sent(), 1);

    let (status, reason) = paid.ends("all", &[]);
    assert_eq!(status.code(), Some(78), "{reason}");
    for part in [
        "had sent 0 transactions before it and 1 by now, 1 since",
        "bootNode.env.AZNET_DEPLOY_AGAIN=1",
        "network.registryAddress",
    ] {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(paid.sent(), 1, "nothing more is sent");

    let again = [("AZNET_DEPLOY_AGAIN", "1")];
    paid.ends("all", &again);
    let log = paid.text("log");
    assert!(
        log.contains("deployed the L1 contracts: registry 0x"),
        "{log}"
    );
    assert_eq!((paid.sent(), paid.note()), (2, false));

    paid.ends("all", &again);
    let log = paid.text("log");
    assert!(
        log.contains("the L1 contracts are deployed: registry 0x"),
        "{log}"
    );
    assert_eq!(paid.sent(), 2, "deployed once");
}

#[test]
fn a_deployment_that_takes_too_long_is_stopped_and_not_begun_again() {
    let Some(paid) = Paid::start() else { return };
    paid.killed_half_way();
    let late = [("AZNET_DEPLOY_AGAIN", "1"), ("AZNET_DEPLOY_DEADLINE", "5s")];
    let (_, reason) = paid.ends("halt", &late);
    assert!(reason.contains("did not end within 5s"), "{reason}");
    assert_eq!((paid.sent(), paid.note()), (2, true));
    let (status, reason) = paid.ends("halt", &late);
    assert_eq!(status.code(), Some(78), "{reason}");
    assert!(reason.contains("AZNET_DEPLOY_AGAIN=2"), "{reason}");
}

#[test]
fn a_deployer_without_money_is_named_and_leaves_no_note() {
    let Some(paid) = Paid::start() else { return };
    std::fs::write(
        paid.path("mnemonic"),
        "legal winner thank year wave sausage worth useful legal winner thank yellow",
    )
    .expect("writes");
    let (status, reason) = paid.ends("all", &[]);
    assert_eq!(status.code(), Some(1), "{reason}");
    assert!(reason.contains("has no ETH on this L1"), "{reason}");
    assert!(!paid.note());
}
