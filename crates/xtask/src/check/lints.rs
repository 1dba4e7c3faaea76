//! Lints: the build of everything by clippy's driver must give no warning.

use crate::{cargo, run};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// Fails when a target of the workspace gives a warning. Cargo repeats those of what it need not compile again, which is
/// why they are counted here: `-D warnings` would make another build of it.
pub(crate) fn verify() -> Result<()> {
    let mut build = cargo::linted(&[
        "build",
        "--workspace",
        "--all-targets",
        "--keep-going",
        "--message-format=json",
    ]);
    let words = run::words(&build);
    let mut child = build
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{words}` could not be started"))?;
    let mut found = 0_usize;
    for line in child
        .stdout
        .take()
        .map(BufReader::new)
        .into_iter()
        .flat_map(BufRead::lines)
    {
        if let Some(text) = diagnostic(&line?) {
            eprint!("{text}");
            found += 1;
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{words}` failed: {status}");
    }
    if found > 0 {
        bail!("{found} lints: see above");
    }
    Ok(())
}

/// What the compiler says for people in a message of its own; artifacts and build scripts say nothing.
fn diagnostic(line: &str) -> Option<String> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-message" {
        return None;
    }
    message["message"]["rendered"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_compiler_is_heard() {
        let warning = r#"{"reason":"compiler-message","message":{"level":"warning","rendered":"warning: x\n"}}"#;
        assert_eq!(diagnostic(warning).as_deref(), Some("warning: x\n"));
        assert_eq!(
            diagnostic(r#"{"reason":"compiler-artifact","fresh":true}"#),
            None
        );
        assert_eq!(diagnostic("not JSON"), None);
    }
}
