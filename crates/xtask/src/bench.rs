//! .
use anyhow::Result;
pub(crate) fn run(_runs: usize) -> Result<()> { anyhow::bail!("not yet") }
