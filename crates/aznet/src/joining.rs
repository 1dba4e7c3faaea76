//! What is handed to those who join a network, written to a folder or served by the network itself.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aznet_kit::files::{self, Access};
use aznet_model::plan::plan;
use aznet_model::values::Values;
use aznet_network::deploy::helm::{Helm, Release};
use aznet_network::join::compose::{self, Compose};
use aznet_network::join::{self, Facts, Joiner, Packed};
use aznet_network::load::{Base, Request, load};
use aznet_network::namespace::Network;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::commands::charts;
use crate::context::Context;
use crate::failure::Failure;
use crate::running::Running;
use crate::steps::Steps;

/// The chart that joins …
const CHART: &str = "aztec-network";
/// … and what of its folder is the chart: what else somebody has in there is not for everyone.
const PARTS: [&str; 10] = [
    ".helmignore",
    "Chart.yaml",
    "README.md",
    "dashboards",
    "defaults.json",
    "fixed.json",
    "releases.json",
    "templates",
    "values.schema.json",
    "values.yaml",
];

/// Reads from a running network how it can be joined.
pub(crate) async fn facts(
    network: Network,
    l1_urls: &[String],
    context: &Context,
) -> anyhow::Result<(Network, Facts)> {
    let running = Running::read(network).await?;
    let values = loaded(context, &running.values)?;
    let facts = Box::pin(Facts::read(&running.network, values, l1_urls.to_vec())).await?;
    Ok((running.network, facts))
}

/// Of a network that is up, has the boot node serve the bundles, where its values say so. If it can't, the network is up
/// all the same.
pub(crate) async fn up_to_date(
    network: &Network,
    values: &Values,
    helm: &Helm,
    steps: &Steps,
    context: &Context,
) -> Option<Published> {
    if !values.boot_node.join_bundles.enabled {
        return None;
    }
    let step = steps.begin("join", "writing the bundles for those who join");
    let published = async {
        let (network, facts) = facts(network.clone(), &[], context).await?;
        Box::pin(Published::publish(&network, &facts, helm, context)).await
    };
    match published.await {
        Ok(published) => {
            steps.end(&step, format!("bundles at {}", published.url));
            Some(published)
        }
        Err(error) => {
            step.abandon();
            let name = network.name();
            context.printer.warn(format_args!(
                "network {name} is up, but its bundles for those who join were not written: {error:#}\n`aznet join {name} --publish` tries again"
            ));
            None
        }
    }
}

/// The bundles that a network serves.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Published {
    pub(crate) network: String,
    pub(crate) url: String,
    pub(crate) bundles: Vec<Packed>,
}

impl Published {
    /// Has the network's boot node serve a bundle of now for each role.
    pub(crate) async fn publish(
        network: &Network,
        facts: &Facts,
        helm: &Helm,
        context: &Context,
    ) -> anyhow::Result<Self> {
        let mut bundles = Vec::new();
        for joiner in Joiner::ALL {
            let folder = tempfile::tempdir().context("making a temporary folder")?;
            let bundle = Bundle::of(facts, joiner, helm, context).await?;
            bundle.write(folder.path())?;
            bundles.push(Packed::of(facts, joiner, folder.path())?);
        }
        join::serve(network, facts, &bundles).await?;
        Ok(Self {
            network: facts.network.clone(),
            url: facts.bundles_url(),
            bundles,
        })
    }
}

fn loaded(context: &Context, overlay: &Map<String, Value>) -> anyhow::Result<Values> {
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
pub(crate) struct Bundle<'a> {
    facts: &'a Facts,
    joiner: Joiner,
    chart: PathBuf,
    overlay: Map<String, Value>,
    compose: Compose,
}

impl<'a> Bundle<'a> {
    /// The values, and what the chart makes of them.
    pub(crate) async fn of(
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
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        files::make_dir_if_missing(folder, Access::Shared)?;
        charts::replace(&self.chart, folder, &PARTS, "Chart.yaml")?;
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
