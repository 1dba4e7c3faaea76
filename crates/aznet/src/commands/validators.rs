//! `aznet validators`: the validator set on L1 and the pods that sign for it, looked at and changed together.

mod add;
mod list;
mod remove;
mod work;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  aznet validators list
  aznet validators add --count 2
  aznet validators remove validator-5";

/// Arguments of `aznet validators`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct ValidatorsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ValidatorsCommand,
}

/// What to do with validators.
#[derive(Debug, Subcommand)]
pub enum ValidatorsCommand {
    /// Show the validator set: who is in it, which pod signs, committees, duties.
    List(list::ListArgs),
    /// Add validators: pods, their stake on L1, and the wait for the first committee.
    Add(add::AddArgs),
    /// Remove validators from the set on L1, then remove their pods.
    Remove(remove::RemoveArgs),
}

/// Runs `aznet validators`.
pub async fn run(args: &ValidatorsArgs, context: &Context) -> anyhow::Result<Exit> {
    match &args.command {
        ValidatorsCommand::List(args) => list::run(args, context).await,
        ValidatorsCommand::Add(args) => Box::pin(add::run(args, context)).await,
        ValidatorsCommand::Remove(args) => Box::pin(remove::run(args, context)).await,
    }
}
