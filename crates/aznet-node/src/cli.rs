//! The command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aznet_model::role::Role;
use clap::{Parser, Subcommand};

use crate::environment::credentials;
use crate::error::NodeError;
use crate::roles::{anvil, aztec, keystore, program};
use crate::set::command as validators;
use crate::settings::{Settings, TERMINATION_LOG};
use crate::{image, install, probe, restore, serve, signer, smoke};

/// Starts one pod of an Aztec network.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Copy this program into a directory that the main container shares
    Install {
        /// Where to copy it
        #[arg(required_unless_present = "mkdir")]
        dir: Option<PathBuf>,
        /// A directory to make as well; may be repeated
        #[arg(long)]
        mkdir: Vec<PathBuf>,
        /// A variable with a credential, and the Secret and key it is from, as VARIABLE=SECRET/KEY: refused if white
        /// space is in it, for who reads it takes that for part of the credential; may be repeated
        #[arg(long, value_parser = credentials::Source::parse)]
        check_credential: Vec<credentials::Source>,
    },
    /// Wait for what a role needs, then become its process
    Run(Box<Run>),
    /// Wait for what a role needs, then write its variables as JSON to file descriptor 3
    Prepare(Box<Prepare>),
    /// Hand a pod its own file of the keystore Secret
    Keystore {
        #[command(subcommand)]
        command: keystore::Command,
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Look at the validator set, and take attesters out of it
    Validators {
        #[command(subcommand)]
        command: validators::Command,
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Hold what the release's profile says against the pod's image; prints JSON
    Image(Box<Settings>),
    /// Measure what a fault of the pod's network, or load on it, must show in; prints JSON
    Probe {
        #[command(subcommand)]
        command: probe::Command,
    },
    /// Take back what was done to the network by calls, when its time is over
    Restore(restore::Options),
    /// Sign for validators in other pods, over HTTP, as Web3signer does; for test networks
    Signer(signer::Options),
    /// Serve the files of a folder to everyone, over HTTP
    Serve(serve::Options),
    /// Check that the network's chain moves and that tokens can be sent (`helm test`)
    Smoke(Box<Settings>),
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The pod's role
    #[arg(value_parser = program::parser())]
    role: Role,
    #[command(flatten)]
    settings: Settings,
    /// Arguments added to the role's own
    #[arg(last = true)]
    args: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct Prepare {
    /// The pod's role
    #[arg(value_parser = program::parser())]
    role: Role,
    #[command(flatten)]
    settings: Settings,
}

impl Cli {
    /// Does what was asked for; returns only with an exit code to give, or a failure.
    pub(crate) fn run(&self) -> Result<ExitCode, NodeError> {
        match &self.command {
            Command::Install {
                dir,
                mkdir,
                check_credential,
            } => {
                install::install(dir.as_deref(), mkdir, check_credential)?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Run(run) => match run.role {
                Role::Anvil => Ok(anvil::run(&run.settings, &run.args)?),
                role => Ok(aztec::run(role, &run.settings, &run.args)?),
            },
            Command::Prepare(prepare) => Ok(aztec::prepare(prepare.role, &prepare.settings)?),
            Command::Keystore { command, settings } => {
                keystore::run(command, settings)?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Validators { command, settings } => {
                validators::run(command, settings)?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Image(settings) => {
                image::run(settings)?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Probe { command } => {
                probe::run(command)?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Restore(options) => {
                restore::run(options)?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Signer(options) => {
                signer::run(options)?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Serve(options) => {
                serve::run(options)?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Smoke(settings) => {
                smoke::run(settings)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }

    /// Where a failure's reason goes.
    pub(crate) fn termination_log(&self) -> Option<&Path> {
        match &self.command {
            Command::Signer(_) | Command::Serve(_) | Command::Probe { .. } | Command::Image(_) => {
                None
            }
            Command::Restore(options) => options.termination_log(),
            Command::Install { .. } => Some(Path::new(TERMINATION_LOG)),
            Command::Smoke(settings) => Some(&settings.termination_log),
            Command::Run(run) => Some(&run.settings.termination_log),
            Command::Prepare(prepare) => Some(&prepare.settings.termination_log),
            // Run beside a pod's process, its failure is not the container's.
            Command::Validators { command, .. } if !command.is_job() => None,
            Command::Keystore { settings, .. } | Command::Validators { settings, .. } => {
                Some(&settings.termination_log)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
