//! Settings that are laid over a network that runs.

use aznet_network::deploy::helm::Helm;
use aznet_network::deploy::{self, Chart, Reporter};
use aznet_network::namespace::Network;
use aznet_scenarios::Laid;
use tokio_util::sync::CancellationToken;

use crate::args::ValuesArgs;
use crate::bring_up::network::{check_secrets, deadline};
use crate::context::Context;
use crate::failure::Failure;
use crate::running::{Proposal, Running, Wish, propose};

/// A change of a network that runs: worked out, not made.
pub(crate) struct Changing<'a> {
    context: &'a Context,
    helm: &'a Helm,
    network: &'a Network,
    wish: Wish,
    /// What it does.
    pub(crate) proposal: Proposal,
}

impl<'a> Changing<'a> {
    /// Works out what files and `--set` expressions over the values of its release do to a network.
    pub(crate) async fn prepare(
        context: &'a Context,
        helm: &'a Helm,
        network: &'a Network,
        Laid { files, sets }: Laid,
    ) -> anyhow::Result<Self> {
        let values = ValuesArgs {
            network: None,
            files,
            set: sets,
        };
        let running = Running::read(network.clone()).await?;
        let wish = running.wish(context, &values, false, None)?;
        // Nothing but these settings changes: what is kept goes without saying.
        let proposal = Proposal {
            keeps: None,
            ..propose(context, helm, network, &wish).await?
        };
        Ok(Self {
            context,
            helm,
            network,
            wish,
            proposal,
        })
    }

    /// Makes it, and waits until all pods are ready.
    pub(crate) async fn make(
        &self,
        report: &Reporter,
        cancel: &CancellationToken,
    ) -> anyhow::Result<()> {
        self.check()?;
        let plan = &self.wish.planned.plan;
        let path = self.context.source.charts().join("aztec-network");
        let chart = Chart {
            helm: self.helm,
            path: &path,
            overlay: &self.wish.planned.loaded.overlay,
            secrets: &plan.secrets,
        };
        let within = deadline(plan);
        Ok(deploy::upgrade(self.network, &chart, within, report, cancel).await?)
    }

    fn check(&self) -> Result<(), Failure> {
        let refused: Vec<_> = self.proposal.upgrade.refused().cloned().collect();
        if !refused.is_empty() {
            let network = self.proposal.running.clone();
            return Err(Failure::Refused { network, refused });
        }
        check_secrets(&self.proposal)
    }
}
