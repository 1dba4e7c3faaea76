//! A network on simulated nodes, as `cargo xtask scale` makes one.

#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a skipped test says why; helpers of tests fail as tests do"
)]

use std::fs::OpenOptions;
use std::io::Write;
use std::process::Command;

use serde_json::Value;

/// libtest knows no skip at run time: `cargo xtask test` counts the lines of this file.
fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
    if let Some(file) = std::env::var_os("AZNET_TEST_SKIPS") {
        let file = OpenOptions::new().append(true).create(true).open(file);
        writeln!(file.unwrap(), "scale: {reason}").unwrap();
    }
}

/// That pods are listed, replaced and gone is seen by the measurement itself, which fails otherwise.
#[test]
fn validators_are_spread_over_simulated_nodes_changed_and_removed() {
    if std::env::var_os("AZNET_TEST_LONG").is_none() {
        return skip("KWOK is one more build by Go: set AZNET_TEST_LONG=1");
    }
    if !nix::unistd::geteuid().is_root() {
        return skip("needs root");
    }
    let ran = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["scale", "--validators", "10", "--nodes", "3", "--print"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let failed = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}\n{failed}");
    let document = said.find("\n{").unwrap();
    let measured: Value = serde_json::from_str(&said[document..]).unwrap();
    let size = &measured["sizes"][0];
    assert_eq!(size["validators"], 10);
    assert_eq!(size["onANode"], serde_json::json!([3, 4]));
    let steps = size["steps"].as_object().unwrap();
    assert_eq!(steps.len(), 5, "{steps:?}");
    assert!(
        steps
            .values()
            .all(|cost| cost["memory"].as_f64() > Some(1.0))
    );
}
