//! What must be seen of a network before a change of it stands, and the way back to the revision that was good.

use std::time::Duration;

use aznet_model::values::Values;
use aznet_network::deploy::helm::Helm;
use aznet_network::deploy::{registry, roll_back};
use aznet_network::namespace::{GOOD_REVISION, Network, REGISTRY};
use aznet_network::observe::status::collect;
use jiff::Timestamp;

use super::wanted::Proof;
use crate::context::Context;
use crate::failure::Failure;
use crate::healthy::healthy;
use crate::live::Live;
use crate::smoke::Smoke;
use crate::steps::Steps;

/// How long a network whose pods serve and whose chain moves may take until nothing is wrong with it.
const HEALTHY_WITHIN: Duration = Duration::from_mins(5);

/// How a network is proved.
pub(super) struct Proving<'a> {
    pub(super) smoke: &'a Smoke,
    pub(super) helm: &'a Helm,
    pub(super) steps: &'a Steps,
    pub(super) context: &'a Context,
    /// How long its pods may take to be as a revision says.
    pub(super) within: Duration,
}

impl Proving<'_> {
    /// The revision to go back to: that of now if the network is well, else the newest that was seen to be good.
    pub(super) async fn good(&self, network: &Network) -> anyhow::Result<Option<String>> {
        if collect(network, Timestamp::now()).await?.ready {
            return self.revision(network).await;
        }
        Ok(network.info().good_revision.clone())
    }

    /// Sees that the network is well, and notes that.
    pub(super) async fn prove(&self, network: &Network, values: &Values) -> anyhow::Result<Proof> {
        self.healthy(network).await?;
        let registry = registry(network).await;
        same_registry(network, registry.as_deref())?;
        let step = self.steps.begin("smoke", "testing the network");
        let smoke = self.smoke.run(network, values, self.context).await;
        let smoke = smoke.inspect_err(|_| step.abandon())?;
        self.steps.end(&step, "passed");
        let revision = self.revision(network).await?.unwrap_or_default();
        let mut notes = vec![(GOOD_REVISION, Some(revision.clone()))];
        notes.extend(registry.clone().map(|address| (REGISTRY, Some(address))));
        network.annotate(&notes).await?;
        Ok(Proof {
            revision,
            registry,
            smoke,
        })
    }

    /// Goes back to the revision `good`, unless the network has not left it; then what went wrong.
    pub(super) async fn take_back(
        &self,
        network: &Network,
        good: Option<String>,
        why: anyhow::Error,
    ) -> anyhow::Error {
        let now = self.revision(network).await.ok().flatten();
        let Some(good) = good.filter(|good| now.as_ref() != Some(good)) else {
            return why;
        };
        // What was stopped by hand is looked after by hand.
        if self.context.interrupt.token().is_cancelled() {
            return why;
        }
        let name = network.name().to_owned();
        let note = format!("network {name} goes back to revision {good}: {why:#}");
        self.context.printer.warn(note);
        match self.go_back(network, &good).await {
            Ok(()) => Failure::TakenBack {
                network: name,
                revision: good,
                source: why.reallocate_into_boxed_dyn_error_without_backtrace(),
            },
            Err(source) => Failure::NotTakenBack {
                network: name,
                revision: good,
                failure: format!("{why:#}"),
                source: source.reallocate_into_boxed_dyn_error_without_backtrace(),
            },
        }
        .into()
    }

    async fn go_back(&self, network: &Network, good: &str) -> anyhow::Result<()> {
        let (name, cancel) = (network.name(), self.context.interrupt.token());
        let live = Live::new(self.steps, &self.context.interrupt, name);
        let (to, report) = ((self.helm, good), live.reporter());
        let back = roll_back(network, to, self.within, &report, cancel).await;
        live.close(back.is_ok());
        back?;
        self.healthy(network).await?;
        let revision = self.revision(network).await?;
        network.annotate(&[(GOOD_REVISION, revision)]).await?;
        Ok(())
    }

    async fn healthy(&self, network: &Network) -> anyhow::Result<()> {
        let step = self.steps.begin("verdict", "asking for the status");
        let (cancel, say) = (self.context.interrupt.token(), |wrong: &str| {
            step.say(wrong);
        });
        let seen = healthy(network, HEALTHY_WITHIN, cancel, say).await;
        seen.map_err(|wait| {
            step.abandon();
            let network = network.name().to_owned();
            Failure::NotHealthy { network, wait }
        })?;
        self.steps.end(&step, "ready");
        Ok(())
    }

    /// The revision of the network's release.
    async fn revision(&self, network: &Network) -> anyhow::Result<Option<String>> {
        let (name, namespace) = (network.name(), network.namespace());
        let cancel = self.context.interrupt.token();
        let release = self.helm.status(name, namespace, cancel).await?;
        Ok(release.map(|release| release.revision))
    }
}

/// Contracts that were deployed again are another network, whatever else is well.
fn same_registry(network: &Network, now: Option<&str>) -> Result<(), Failure> {
    let before = network.info().registry.as_deref();
    match (before, now) {
        (Some(before), Some(now)) if !before.eq_ignore_ascii_case(now) => {
            Err(Failure::OtherRegistry {
                network: network.name().to_owned(),
                before: before.to_owned(),
                now: now.to_owned(),
            })
        }
        _ => Ok(()),
    }
}
