//! `aznet chaos`: faults of a running network, seen to bite, lifted, and seen to have left nothing.

mod apply;
mod faults;
mod mesh;
mod record;

use clap::{Args, Subcommand};

use crate::args::{ClusterArg, NamespaceArg, OutputArgs};
use crate::context::Context;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  aznet chaos apply small boot-node-failure
  aznet chaos list small
  aznet chaos clear small
  aznet chaos uninstall          Chaos Mesh, once no network has a fault";

/// Arguments of `aznet chaos`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct ChaosArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ChaosCommand,
}

/// The verbs of `aznet chaos`.
#[derive(Debug, Subcommand)]
pub enum ChaosCommand {
    /// Inject faults, check that they take effect, and wait for recovery.
    Apply(apply::ApplyArgs),
    /// List the faults of a network.
    List(faults::FaultsArgs),
    /// Lift all faults of a network.
    Clear(faults::FaultsArgs),
    /// Install Chaos Mesh on an embedded cluster; `apply` does so on the way.
    Install(mesh::MeshArgs),
    /// Remove Chaos Mesh from an embedded cluster, with all that it brought.
    Uninstall(mesh::MeshArgs),
}

impl ChaosCommand {
    /// How the result is printed.
    pub fn output(&self) -> &OutputArgs {
        match self {
            Self::Apply(args) => &args.output,
            Self::List(args) | Self::Clear(args) => &args.output,
            Self::Install(args) | Self::Uninstall(args) => &args.output,
        }
    }

    /// Which cluster is meant.
    pub fn cluster(&self) -> &ClusterArg {
        match self {
            Self::Apply(args) => &args.cluster,
            Self::List(args) | Self::Clear(args) => &args.cluster,
            Self::Install(args) | Self::Uninstall(args) => &args.cluster,
        }
    }

    /// In which namespace the network is looked for; Chaos Mesh itself is the whole cluster's.
    pub fn namespace(&self) -> Option<&NamespaceArg> {
        match self {
            Self::Apply(args) => Some(&args.namespace),
            Self::List(args) | Self::Clear(args) => Some(&args.namespace),
            Self::Install(_) | Self::Uninstall(_) => None,
        }
    }
}

/// Runs `aznet chaos`.
pub async fn run(args: &ChaosArgs, context: &Context) -> anyhow::Result<Exit> {
    match &args.command {
        ChaosCommand::Apply(args) => Box::pin(apply::run(args, context)).await?,
        ChaosCommand::List(args) => faults::list(args, context).await?,
        ChaosCommand::Clear(args) => faults::clear(args, context).await?,
        ChaosCommand::Install(args) => Box::pin(mesh::install(args, context)).await?,
        ChaosCommand::Uninstall(args) => mesh::uninstall(args, context).await?,
    }
    Ok(Exit::Ok)
}
