//! The verbs: one file each, which holds its arguments and what it does with them.

pub mod cluster;
pub mod completions;
pub mod doctor;
pub mod down;
pub mod env;
pub mod forward;
pub mod images;
pub mod list;
pub mod logs;
pub mod plan;
pub mod status;
pub mod test;
pub mod up;

use crate::cli::Command;
use crate::context::Context;
use crate::exit::Exit;

/// Runs a verb.
pub async fn run(command: Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Completions(args) => completions::run(&args, context),
        Command::Plan(args) => return plan::run(&args, context),
        _ => {}
    }
    Ok(Exit::Ok)
}
