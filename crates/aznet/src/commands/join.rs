//! `aznet join [NAME]`.

use std::fmt::Write as _;
use std::path::PathBuf;

use aznet_network::join::{Joiner, root};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::args::{ClusterArg, NamespaceArg, OutputFormat};
use crate::bring_up::cluster;
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::joining::{self, Bundle, Published};

const EXAMPLES: &str = "\
Examples:
  aznet join small
  aznet join spartan --role validator --output for-validators
  aznet join staging --l1-url https://l1.example
  aznet join staging --publish

A bundle is a folder for somebody else: a page with the commands, the values by which the chart joins the network, and the chart; for machines without Kubernetes a file for Docker Compose, made from the same chart and values, and its page. It holds nothing secret: no keys, no credentials, and of the L1 no URL but those of --l1-url, or else of `bootNode.joinBundles.l1Urls`.

Where `bootNode.joinBundles.enabled` is set, the boot node serves a bundle for each role over HTTP; `aznet up` and `aznet deploy` write them anew, by the network's values, and so does --publish, which prints their SHA-256 for `sha256sum --check`.

Exit code 22 when no node of the network answers.";

/// What somebody joins as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Follows the chain.
    #[default]
    FullNode,
    /// Proposes and attests.
    Validator,
    /// Proves epochs.
    Prover,
    /// A full node of one's own, for wallets.
    Wallet,
}

impl From<Role> for Joiner {
    fn from(role: Role) -> Self {
        match role {
            Role::FullNode => Self::FullNode,
            Role::Validator => Self::Validator,
            Role::Prover => Self::Prover,
            Role::Wallet => Self::Wallet,
        }
    }
}

/// Arguments of `aznet join`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct JoinArgs {
    /// Name of the network (default: the only one there is).
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// What to join as.
    #[arg(long, value_enum, value_name = "ROLE", default_value_t)]
    pub role: Role,
    /// Have the boot node serve a bundle for each role, instead of writing one to a folder.
    #[arg(long, conflicts_with_all = ["role", "folder"])]
    pub publish: bool,
    /// An execution client of the L1 that everyone may use (default: bootNode.joinBundles.l1Urls). Repeatable.
    #[arg(long = "l1-url", value_name = "URL")]
    pub l1_urls: Vec<String>,
    /// Write the bundle to this folder (default: join-NAME-ROLE in this folder).
    #[arg(long = "output", value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Where to look.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// In which namespace.
    #[command(flatten)]
    pub namespace: NamespaceArg,
    /// Output format; `json` prints one JSON document to stdout and progress to stderr.
    #[arg(short = 'o', value_enum, value_name = "FORMAT", default_value_t)]
    pub format: OutputFormat,
}

/// Writes a bundle.
pub async fn run(args: &JoinArgs, context: &Context) -> anyhow::Result<Exit> {
    let name = args.name.as_deref();
    let networks =
        clusters::networks(context, args.cluster.cluster.as_ref(), Meant::One(name)).await?;
    let (choice, network) = networks.open(name)?;
    let helm = cluster::attach(context, &choice).await?.helm;
    let (network, facts) = joining::facts(network, &args.l1_urls, context).await?;
    if args.publish {
        if !facts.values.boot_node.join_bundles.enabled {
            return Err(Failure::ServesNoBundles(facts.network).into());
        }
        let published = Box::pin(Published::publish(&network, &facts, &helm, context)).await?;
        let printer = &context.printer;
        printer.result(&published, |published, _| served(published))?;
        return Ok(Exit::Ok);
    }
    let joiner = Joiner::from(args.role);
    let bundle = Bundle::of(&facts, joiner, &helm, context).await?;
    let usual = || PathBuf::from(root(&facts, joiner));
    let written = Written {
        folder: args.folder.clone().unwrap_or_else(usual),
        network: facts.network.clone(),
        role: joiner,
    };
    bundle.write(&written.folder)?;
    context
        .printer
        .result(&written, |written, _| written.words())?;
    Ok(Exit::Ok)
}

fn served(published: &Published) -> String {
    let mut text = format!("{}: how to join {}\n", published.url, published.network);
    for one in &published.bundles {
        let _ = writeln!(text, "{}  {}", one.sha256, one.file);
    }
    text
}

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    folder: PathBuf,
    network: String,
    role: Joiner,
}

impl Written {
    fn words(&self) -> String {
        let folder = self.folder.display();
        let (network, role) = (&self.network, self.role.words());
        format!("{folder}: how to join {network} as {role}; {folder}/README.md has the commands")
    }
}
