//! What tests run with that have networks made for them, one at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aznet_network::deploy::Reporter;
use aznet_network::deploy::helm::Helm;
use aznet_network::namespace::Network;
use aznet_runner::{Failure, Test};
use aznet_scenarios::generate::{self, Drawn, Given, Ground};
use aznet_scenarios::matrix::Equip;
use aznet_scenarios::{Tools, UnderWay, Upgrade};
use futures::FutureExt;
use tokio::sync::OnceCell;

use super::again;
use super::args::TestArgs;
use super::network::Site;
use super::pool::Pool;
use crate::args::ValuesArgs;
use crate::bundles::Bundling;
use crate::changing::Changing;
use crate::chaos_mesh;
use crate::context::Context;
use crate::steps::Steps;

/// Undoing a fault has deadlines of its own; this is beyond all of them.
const UNDONE_WITHIN: Duration = Duration::from_mins(10);

/// Networks, and what faults are done to them with.
pub(super) struct Means {
    pub(super) pool: Pool,
    pub(super) equip: Equip,
    under_way: UnderWay,
}

impl Means {
    pub(super) fn new(args: &TestArgs, context: &Context) -> Self {
        let under_way = UnderWay::default();
        Self {
            pool: Pool::new(Site::of(args), context),
            equip: equip(args.matrix.roll_out.as_ref(), &under_way, context),
            under_way,
        }
    }

    /// The test of a scenario; `again` is the command that runs it again.
    pub(super) fn test(
        &self,
        (drawn, ground): (&Drawn, &Ground),
        name: (&str, &'static str),
        again: String,
    ) -> anyhow::Result<Test> {
        let values = ValuesArgs {
            network: Some(drawn.base().to_owned()),
            files: Vec::new(),
            set: drawn.sets(),
        };
        let given = Given {
            facts: ground.facts(drawn)?,
            fresh: self.pool.fresh_with(name.0, values),
            equip: self.equip.clone(),
            name,
            again,
        };
        Ok(generate::test(drawn, given)?)
    }

    /// Bundles of tests that fail, each of the network that it ran on.
    pub(super) fn bundles(&self, args: &TestArgs) -> Bundling {
        Bundling::new(self.pool.hold(), again::anywhere(args)).of_several()
    }

    /// Removes what was made.
    pub(super) async fn leave(&self, context: &Context) -> anyhow::Result<()> {
        if !self.under_way.settled(UNDONE_WITHIN).await {
            let words =
                "faults may still be there; `aznet chaos clear NAME` lifts those of a network";
            context.printer.warn(words);
        }
        self.pool.clear().await
    }
}

/// Installs Chaos Mesh when the first test needs it.
fn equip(roll_out: Option<&PathBuf>, under_way: &UnderWay, context: &Context) -> Equip {
    let tools: Arc<OnceCell<Tools>> = Arc::default();
    let (roll_out, under_way) = (roll_out.cloned(), under_way.clone());
    let context = context.clone();
    Arc::new(move |network| {
        let (tools, under_way, context) = (tools.clone(), under_way.clone(), context.clone());
        let roll_out = roll_out.clone();
        async move {
            let made = tools.get_or_try_init(|| made(&network, under_way, &context));
            let made = made.await.cloned();
            let tools = made.map_err(|error| Failure::Infrastructure(format!("{error:#}")))?;
            Ok(Tools { roll_out, ..tools })
        }
        .boxed()
    })
}

async fn made(network: &Network, under_way: UnderWay, context: &Context) -> anyhow::Result<Tools> {
    let choice = network.info().cluster.parse()?;
    let steps = Steps::new(&context.printer);
    let ready = Box::pin(chaos_mesh::ready(context, &steps, &choice)).await?;
    Ok(Tools {
        upgrade: upgrade(&ready.helm, context),
        helm: ready.helm,
        chart: context.source.charts().join("aztec-chaos"),
        under_way,
        roll_out: None,
    })
}

/// Changes networks as the other verbs do, without their tables: the test says what is seen.
fn upgrade(helm: &Helm, context: &Context) -> Upgrade {
    let (helm, context) = (helm.clone(), context.clone());
    Upgrade::new(move |network, laid, cancel| {
        let (helm, context) = (helm.clone(), context.clone());
        async move {
            let silent: Reporter = Arc::new(|_| {});
            let changing = Changing::prepare(&context, &helm, &network, laid).await;
            let made = match &changing {
                Ok(changing) => Box::pin(changing.make(&silent, &cancel)).await,
                Err(error) => return Err(format!("{error:#}")),
            };
            made.map_err(|error| format!("{error:#}"))
        }
        .boxed()
    })
}
