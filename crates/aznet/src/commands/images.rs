//! `aznet images {build,list}`.

use clap::{Args, Subcommand};

use crate::cli::OutputArgs;

const EXAMPLES: &str = "\
Examples:
  aznet images build    build those whose content changed
  aznet images list";

/// Arguments of `aznet images`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct ImagesArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ImagesCommand,
}

/// The verbs of `aznet images`.
#[derive(Debug, Subcommand)]
pub enum ImagesCommand {
    /// Build the images whose content changed.
    #[command(after_help = "Examples:\n  aznet images build")]
    Build(BuildArgs),
    /// List the images with their sizes.
    #[command(after_help = "Examples:\n  aznet images list\n  aznet images list -o json")]
    List(ListArgs),
}

/// Arguments of `aznet images build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `aznet images list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}
