//! Runs inside every Aztec pod: waits for what the pod's role needs, derives its keys, deploys the L1 contracts (boot
//! node), works out the environment and then becomes the process of that role.

mod accounts;
mod anvil;
mod aztec;
mod bls;
mod bot;
mod cli;
mod clock;
mod command;
mod contracts;
mod deployment;
mod environment;
mod error;
mod facts;
mod files;
mod forge;
mod funding;
mod holdings;
mod install;
mod join;
mod keys;
mod keystore;
mod keystores;
mod l1;
mod l1_secret;
mod leave;
mod membership;
mod redact;
mod role;
mod rpc;
mod say;
mod set;
mod settings;
mod signer;
mod staking;
mod supervise;
mod validators;
mod wait;
mod wallet;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(failure) => {
            say::failure(cli.termination_log(), &failure);
            failure.exit_code().into()
        }
    }
}
