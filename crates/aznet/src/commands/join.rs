//! `aznet join [NAME]`.

use std::path::{Path, PathBuf};

use aznet_kit::files::{self, Access};
use aznet_model::plan::plan;
use aznet_network::deploy::helm::{Helm, Release};
use aznet_network::join::compose::{self, Compose};
use aznet_network::join::{self, Facts, Joiner};
use aznet_network::load::{Base, Request, load};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::{ClusterArg, NamespaceArg, OutputFormat};
use crate::bring_up::cluster;
use crate::clusters::{self, Meant};
use crate::commands::charts;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::running::Running;

/// The chart that joins.
const CHART: &str = "aztec-network";

const EXAMPLES: &str = "\
Examples:
  aznet join small
  aznet join spartan --role validator --output for-validators
  aznet join staging --l1-url https://l1.example

A bundle is a folder for somebody else: a page with the commands, the values by which the chart joins the network, and the chart; for machines without Kubernetes a file for Docker Compose, made from the same chart and values, and its page. It holds nothing secret: no keys, no credentials, and of the L1 no URL but those of --l1-url.

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
    /// An execution client of the L1 that everyone may use. Repeatable.
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
    let running = Running::read(network, &helm, context).await?;
    let values = loaded(context, &running.values)?;
    let facts = Facts::read(&running.network, values, args.l1_urls.clone());
    let facts = Box::pin(facts).await?;
    let joiner = Joiner::from(args.role);
    let bundle = Bundle::of(&facts, joiner, &helm, context).await?;
    let usual = || PathBuf::from(format!("join-{}-{joiner}", facts.network));
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

fn loaded(
    context: &Context,
    overlay: &Map<String, Value>,
) -> anyhow::Result<aznet_model::values::Values> {
    let request = Request {
        source: context.source.root(),
        base: Base::Release(overlay),
        implied: None,
        files: &[],
        sets: &[],
    };
    Ok(load(&request)?.values)
}

/// What is written for somebody.
struct Bundle<'a> {
    facts: &'a Facts,
    joiner: Joiner,
    chart: PathBuf,
    overlay: Map<String, Value>,
    compose: Compose,
}

impl<'a> Bundle<'a> {
    /// The values, and what the chart makes of them.
    async fn of(
        facts: &'a Facts,
        joiner: Joiner,
        helm: &Helm,
        context: &Context,
    ) -> anyhow::Result<Self> {
        let overlay = join::values(facts, joiner);
        // What can't work is not handed on.
        plan(&loaded(context, &overlay)?).map_err(Failure::Impossible)?;
        let chart = context.source.charts().join(CHART);
        let release = Release {
            name: joiner.name(),
            namespace: joiner.name(),
            chart: &chart,
            overlay: &overlay,
        };
        let manifests = helm.render(&release, context.interrupt.token()).await?;
        let compose = compose::compose(facts, joiner, &manifests)?;
        Ok(Self {
            facts,
            joiner,
            chart,
            overlay,
            compose,
        })
    }

    /// Writes the files; what else is in the folder, such as the user's keys, stays.
    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        files::make_dir_if_missing(folder, Access::Shared)?;
        charts::replace(&self.chart, folder, "Chart.yaml")?;
        let (facts, joiner) = (self.facts, self.joiner);
        let put = |name: &str, text: String| files::write(&folder.join(name), text, Access::Shared);
        let head = format!(
            "# Joins {} as {}; see README.md.\n",
            facts.network,
            joiner.words()
        );
        put(
            "values.yaml",
            head + &serde_norway::to_string(&self.overlay)?,
        )?;
        put("README.md", join::page(facts, joiner))?;
        put("compose.yaml", self.compose.file.clone())?;
        put("COMPOSE.md", compose::page(facts, joiner, &self.compose))?;
        for (name, text) in &self.compose.configs {
            put(name, text.clone())?;
        }
        Ok(())
    }
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
