//! The verbs: one file each, which holds its arguments and what it does with them.

pub mod adopt;
pub mod charts;
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
pub mod validators;

use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::context::Context;
use crate::exit::Exit;

/// Runs a verb.
pub async fn run(command: Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Up(args) => Box::pin(up::run(&args, context)).await,
        Command::Down(args) => down::run(&args, context).await,
        Command::Status(args) => status::run(&args, context).await,
        Command::List(args) => list::run(&args, context).await,
        Command::Logs(args) => logs::run(&args, context).await,
        Command::Plan(args) => plan::run(&args, context).await,
        Command::Adopt(args) => adopt::run(&args, context).await,
        Command::Env(args) => env::run(&args, context).await,
        Command::Forward(args) => forward::run(&args, context).await,
        Command::Test(args) => Box::pin(test::run(&args, context)).await,
        Command::Validators(args) => Box::pin(validators::run(&args, context)).await,
        Command::Cluster(args) => cluster::run(&args, context).await,
        Command::Charts(args) => charts::run(&args, context),
        Command::Images(args) => images::run(&args, context).await,
        Command::Completions(args) => {
            completions::run(&args, Cli::command(), context);
            Ok(Exit::Ok)
        }
        Command::Doctor(args) => doctor::run(&args, context).await,
    }
}
