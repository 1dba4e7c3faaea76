//! `aznet doctor [--fix]`.

use clap::Args;

use crate::cli::OutputArgs;

const EXAMPLES: &str = "\
Examples:
  aznet doctor
  sudo aznet doctor --fix    install what is missing (Debian, Ubuntu)

Exit code 20 when something is missing that an embedded cluster can't do without.";

/// Arguments of `aznet doctor`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    /// Install what is missing.
    #[arg(long)]
    pub fix: bool,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}
