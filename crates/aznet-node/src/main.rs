//! Runs inside every Aztec pod: waits for what the pod's role needs, derives its keys, deploys the L1 contracts (boot
//! node), works out the environment and then becomes the process of that role.

mod cli;
mod config;
mod console;
mod environment;
mod error;
mod http;
mod image;
mod install;
mod keys;
mod l1;
mod network;
mod preload;
mod probe;
mod restore;
mod roles;
mod serve;
mod set;
mod settings;
mod signer;
mod smoke;
mod wait;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(failure) => {
            console::failure(cli.termination_log(), &failure);
            failure.exit_code().into()
        }
    }
}
