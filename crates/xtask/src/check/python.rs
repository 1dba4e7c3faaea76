//! Python: formatted, and nothing that ruff knows to be wrong.

use super::tools::Tools;
use crate::run;
use anyhow::Result;

/// Where there is some; the program has no ending by which it would be found. Settings: `infra/ruff.toml`.
const FILES: [&str; 2] = ["infra/tests", "infra/stacks"];

/// Fails when ruff has something to say.
pub(super) fn verify(tools: &Tools) -> Result<()> {
    for words in [["format", "--check"].as_slice(), &["check"]] {
        let mut ruff = run::command(tools.ruff(), words);
        ruff.args(["--quiet", "--no-cache"]).args(FILES);
        run::finish(ruff)?;
    }
    Ok(())
}
