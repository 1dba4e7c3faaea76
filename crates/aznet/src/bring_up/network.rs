//! The last step of `up`: a network on a cluster that is ready for it.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use aznet_model::plan::Plan;
use aznet_model::values::Values;
use aznet_network::deploy::{self, Chart, drift, scale_back};
use aznet_network::namespace::{
    CREATED_BY, Claim, EXPIRES_AT, Network, NewNetwork, Patience, Turn, VALUES_FROM,
};
use aznet_network::observe::status::{NetworkStatus, collect};
use jiff::Timestamp;

use super::asked;
use super::cluster::Ready;
use super::images;
use super::proof::Proving;
use super::wanted::{Manner, Outcome, Proof, Wanted};
use crate::context::Context;
use crate::diff::Change;
use crate::failure::Failure;
use crate::live::Live;
use crate::owner;
use crate::planning::{Planned, planned};
use crate::question;
use crate::remove;
use crate::running::{Proposal, Running, Wish, propose};
use crate::smoke::Smoke;
use crate::steps::Steps;
use crate::upgrading;

/// Another `up` of the same network ends within this, or has failed to.
const TURN: Duration = Duration::from_mins(20);

/// A network that is up.
pub(super) struct Done {
    pub(super) network: Network,
    pub(super) outcome: Outcome,
    pub(super) changes: Vec<Change>,
    pub(super) kept: Vec<Change>,
    pub(super) values: Box<Values>,
    pub(super) status: Option<NetworkStatus>,
    pub(super) proof: Option<Proof>,
}

/// Makes the network, changes it, or lets it be.
pub(super) async fn bring_up(
    wanted: &Wanted<'_>,
    ready: &Ready,
    steps: &Steps,
    context: &Context,
) -> anyhow::Result<Done> {
    let work = Work {
        wanted,
        ready,
        steps,
        context,
        chart: context.source.charts().join("aztec-network"),
    };
    let turn = work.turn().await?;
    let done = match &wanted.manner {
        Manner::Attended => Box::pin(work.bring()).await,
        Manner::Unattended(smoke) => Box::pin(work.prove(smoke)).await,
    };
    turn.give_back().await;
    done
}

struct Work<'a> {
    wanted: &'a Wanted<'a>,
    ready: &'a Ready,
    steps: &'a Steps,
    context: &'a Context,
    chart: PathBuf,
}

impl Work<'_> {
    async fn bring(&self) -> anyhow::Result<Done> {
        match self.existing().await? {
            Some(network) => Box::pin(self.keep(network)).await,
            None => Box::pin(self.create()).await,
        }
    }

    /// Brings it up, and lets that stand only if it is seen to be good.
    async fn prove(&self, smoke: &Smoke) -> anyhow::Result<Done> {
        let planned = planned(
            self.context,
            self.wanted.values,
            self.ready.implied.as_ref(),
        )?;
        let proving = Proving {
            smoke,
            helm: &self.ready.helm,
            steps: self.steps,
            context: self.context,
            within: deadline(&planned.plan),
        };
        let values = &planned.loaded.values;
        let proved = async |done: Done| {
            let proof = Some(proving.prove(&done.network, values).await?);
            anyhow::Ok(Done { proof, ..done })
        };
        let Some(network) = self.existing().await? else {
            return proved(Box::pin(self.create()).await?).await;
        };
        let good = proving.good(&network).await?;
        let done = match Box::pin(self.keep(network.clone())).await {
            Ok(done) => proved(done).await,
            Err(why) => Err(why),
        };
        match done {
            Ok(done) => Ok(done),
            Err(why) => Err(proving.take_back(&network, good, why).await),
        }
    }

    /// Concurrent runs on one network wait for each other, on whatever machine, and say for whom.
    async fn turn(&self) -> anyhow::Result<Turn> {
        let name = &self.wanted.name;
        let claim = Claim {
            network: name,
            cluster: &self.wanted.cluster.to_string(),
            scope: &self.context.scope,
            who: &owner::me(),
        };
        let (told, cancel) = (Once::new(), self.context.interrupt.token());
        let patience = match self.wanted.manner {
            Manner::Attended => Patience::Lasts(TURN),
            Manner::Unattended(_) => Patience::UntilSeenAlive,
        };
        let client = self.ready.client.clone();
        let turn = Turn::take(client, claim, patience, cancel, |holder| {
            told.call_once(|| {
                let note = format_args!("{holder} is changing network {name}; waiting for it");
                self.context.printer.note(note);
            });
        });
        Ok(turn.await?)
    }

    /// The network, if there is one that can be gone on with; what a killed `up` left half-made is removed.
    async fn existing(&self) -> anyhow::Result<Option<Network>> {
        let Some(network) =
            asked::running(&self.ready.client, self.wanted, &self.context.scope).await?
        else {
            return Ok(None);
        };
        let (helm, printer) = (&self.ready.helm, &self.context.printer);
        let cancel = self.context.interrupt.token();
        let (name, namespace) = (network.name(), network.namespace());
        // Its values were never complete, so that nothing can be kept.
        if helm.recover(name, namespace, cancel).await?.is_none() {
            printer.note(format_args!(
                "network {name} was left incomplete: it is removed and created again"
            ));
            remove::network(&network, self.context, cancel).await?;
            return Ok(None);
        }
        Ok(Some(network))
    }

    async fn create(&self) -> anyhow::Result<Done> {
        let implied = self.ready.implied.as_ref();
        let planned = planned(self.context, self.wanted.values, implied)?;
        let name = &self.wanted.name;
        images::check(name, &self.chart(&planned), self.ready, self.context).await?;
        self.context.interrupt.leaves_or(
            "nothing of the network is left",
            format!("`aznet up {name}` starts it"),
            format!("network {name} may be incomplete"),
            format!("`aznet up {name}` creates it again, `aznet down {name}` removes it"),
        );
        let new = NewNetwork {
            name: name.clone(),
            cluster: self.wanted.cluster.to_string(),
            scope: self.context.scope.clone(),
            ttl: self.wanted.ttl,
            created_by: owner::me(),
            values_from: self.wanted.values.network().to_owned(),
        };
        let live = self.live();
        let chart = self.chart(&planned);
        let made = deploy::deploy(
            self.ready.client.clone(),
            &new,
            &chart,
            deadline(&planned.plan),
            &live.reporter(),
            self.context.interrupt.token(),
        )
        .await;
        live.close(made.is_ok());
        Ok(Done {
            network: made?,
            outcome: Outcome::Created,
            changes: Vec::new(),
            kept: Vec::new(),
            values: Box::new(planned.loaded.values),
            status: None,
            proof: None,
        })
    }

    /// The network runs: brings it to these values, or lets it be.
    async fn keep(&self, network: Network) -> anyhow::Result<Done> {
        self.context.interrupt.leaves(
            "nothing was changed",
            format!("`aznet status {}` shows how it is doing", network.name()),
        );
        let running = Running::read(network).await?;
        let implied = self.ready.implied.as_ref();
        let wanted = self.wanted;
        let wish = running.wish(self.context, wanted.values, wanted.reset, implied)?;
        let changed = !wish.changes.is_empty();
        let status = if changed {
            self.upgrade(&running.network, &wish).await?;
            None
        } else {
            if let Some(keeps) = wish.keeps() {
                self.context.printer.note(keeps);
            }
            Some(self.settle(&running.network, &wish.planned).await?)
        };
        self.annotate(&running.network, &wish).await?;
        Ok(Done {
            network: running.network,
            outcome: if changed {
                Outcome::Upgraded
            } else {
                Outcome::Unchanged
            },
            changes: wish.changes,
            kept: wish.kept,
            values: Box::new(wish.planned.loaded.values),
            status,
            proof: None,
        })
    }

    async fn upgrade(&self, network: &Network, wish: &Wish) -> anyhow::Result<()> {
        let name = network.name();
        images::check(name, &self.chart(&wish.planned), self.ready, self.context).await?;
        let proposal = propose(self.context, &self.ready.helm, network, wish).await?;
        let printer = &self.context.printer;
        printer.laid_out(&upgrading::render(&proposal, printer.page()));
        if proposal.upgrade.refused().next().is_some() {
            return Err(Failure::Refused {
                network: network.name().to_owned(),
                refused: proposal.upgrade.refused().cloned().collect(),
            }
            .into());
        }
        check_secrets(&proposal)?;
        self.agreed(&proposal).await?;
        let cancel = self.context.interrupt.token();
        let chart = self.chart(&wish.planned);
        let live = self.live();
        let (report, within) = (live.reporter(), deadline(&wish.planned.plan));
        let upgraded = deploy::upgrade(network, &chart, within, &report, cancel).await;
        live.close(upgraded.is_ok());
        Ok(upgraded.map_err(|source| Failure::NotUpgraded {
            network: network.name().to_owned(),
            back: way_back(network, &wish.changes),
            source: Box::new(source),
        })?)
    }

    /// What can't be undone is done only when somebody says so.
    async fn agreed(&self, proposal: &Proposal) -> anyhow::Result<()> {
        let for_good: Vec<_> = proposal.upgrade.for_good().cloned().collect();
        if for_good.is_empty() || self.wanted.yes {
            return Ok(());
        }
        let asked = question::can_ask();
        if asked && question::ask("this can't be undone. Continue?", self.context).await? {
            return Ok(());
        }
        Err(Failure::ForGood {
            network: proposal.running.clone(),
            for_good,
        }
        .into())
    }

    /// Nothing to change; it may still be starting.
    async fn settle(&self, network: &Network, planned: &Planned) -> anyhow::Result<NetworkStatus> {
        let status = collect(network, Timestamp::now()).await?;
        if status.ready {
            return Ok(status);
        }
        let drifts = drift(network).await?;
        for drift in &drifts {
            self.context
                .printer
                .note(format_args!("{drift}; scaled back"));
        }
        scale_back(network, &drifts).await?;
        let live = self.live();
        let cancel = self.context.interrupt.token();
        let within = deadline(&planned.plan);
        let ready = deploy::until_ready(network, within, &live.reporter(), cancel).await;
        live.close(ready.is_ok());
        ready?;
        Ok(collect(network, Timestamp::now()).await?)
    }

    /// What the namespace says of the network: whose it is, until when, from what.
    async fn annotate(&self, network: &Network, wish: &Wish) -> anyhow::Result<()> {
        let (info, wanted) = (network.info(), self.wanted);
        let mut notes = Vec::new();
        if let Some(end) = wanted
            .ttl
            .and_then(|ttl| Timestamp::now().checked_add(ttl).ok())
        {
            let name = network.name();
            self.context
                .printer
                .note(format_args!("network {name} now expires at {end:.0}"));
            notes.push((EXPIRES_AT, Some(end.to_string())));
        }
        if wanted.take_over && !owner::is_mine(info) {
            notes.push((CREATED_BY, Some(owner::me())));
        }
        if wanted.reset && info.values_from.as_ref() != Some(&wish.from) {
            notes.push((VALUES_FROM, Some(wish.from.clone())));
        }
        if !notes.is_empty() {
            network.annotate(&notes).await?;
        }
        Ok(())
    }

    fn live(&self) -> Live {
        Live::new(self.steps, &self.context.interrupt, &self.wanted.name)
    }

    fn chart<'a>(&'a self, planned: &'a Planned) -> Chart<'a> {
        let path: &Path = &self.chart;
        Chart {
            helm: &self.ready.helm,
            path,
            overlay: &planned.loaded.overlay,
            secrets: &planned.plan.secrets,
        }
    }
}

/// Nothing restarts for Secrets that it could not start with.
pub(crate) fn check_secrets(proposal: &Proposal) -> Result<(), Failure> {
    if proposal.unfit_secrets.is_empty() {
        return Ok(());
    }
    Err(Failure::UnfitSecrets {
        network: proposal.running.clone(),
        unfit: proposal.unfit_secrets.clone(),
    })
}

/// The command that takes an upgrade back.
fn way_back(network: &Network, changes: &[Change]) -> String {
    let (name, namespace) = (network.name(), network.namespace());
    let undoing: Option<Vec<String>> = changes.iter().map(Change::undoing).collect();
    match undoing {
        Some(sets) => format!("`aznet up --name {name} {}`", sets.join(" ")),
        None => format!("`helm rollback {name} --namespace {namespace}`"),
    }
}

/// Warm-up, then time for every pod to start on a machine that is busy with the others.
pub(crate) fn deadline(plan: &Plan) -> Duration {
    let pods = u64::try_from(plan.pods.len()).unwrap_or(u64::MAX);
    Duration::from_secs(
        plan.timing
            .warm_up_seconds
            .saturating_add(600)
            .saturating_add(pods.saturating_mul(5)),
    )
}
