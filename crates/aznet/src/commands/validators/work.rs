//! What adding and removing share: the network under work, its values, and the waits for the L1.

use std::time::Duration;

use aznet_kit::time::Seconds;
use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_model::report::{Standing, ValidatorSet};
use aznet_model::role::Role;
use aznet_model::upgrade::Consequence;
use aznet_model::workload::Workload;
use aznet_network::namespace::Network;
use aznet_network::validators::{self, Validators};
use aznet_scenarios::Laid;

use crate::bring_up::cluster;
use crate::changing::Changing;
use crate::clusters::Networks;
use crate::context::Context;
use crate::failure::Failure;
use crate::live::Live;
use crate::running::Proposal;
use crate::steps::{Step, Steps};
use crate::upgrading;
use aznet_cluster::provider::Provider;

pub(super) use aznet_network::validators::Address;

/// A look runs a program in a pod: not more often than there are L1 blocks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Room for pods and L1 beside the epochs that a change takes.
const SLACK: Duration = Duration::from_mins(10);

/// A network under work.
pub(super) struct Work<'a> {
    pub(super) context: &'a Context,
    pub(super) steps: Steps,
    choice: Provider,
    pub(super) network: Network,
}

impl<'a> Work<'a> {
    pub(super) fn open(
        context: &'a Context,
        networks: &Networks,
        name: Option<&str>,
    ) -> anyhow::Result<Self> {
        let (choice, network) = networks.open_to_change(name)?;
        Ok(Self {
            context,
            steps: Steps::new(&context.printer),
            choice,
            network,
        })
    }

    /// The set and the pods, as a step.
    pub(super) async fn look(&self, also: &[String]) -> anyhow::Result<Validators> {
        let step = self.steps.begin("set", "reading the validator set");
        let seen = validators::collect(&self.network, also).await;
        let seen = seen.inspect_err(|_| step.abandon())?;
        let set = &seen.set;
        let words = format!(
            "{} validators, committee {}, epoch {}",
            set.active,
            set.committee_size,
            set.epoch()
        );
        self.steps.end(&step, words);
        Ok(seen)
    }

    /// Brings workloads of validators to these numbers of pods.
    pub(super) async fn scale<'b>(
        &self,
        replicas: impl IntoIterator<Item = (&'b String, &'b u32)>,
    ) -> anyhow::Result<()> {
        let sets: Vec<String> = replicas
            .into_iter()
            .map(|(workload, replicas)| format!("{}={replicas}", key(workload)))
            .collect();
        let ready = cluster::attach(self.context, &self.choice).await?;
        let laid = Laid {
            sets,
            ..Laid::default()
        };
        let changing = Changing::prepare(self.context, &ready.helm, &self.network, laid).await?;
        let printer = &self.context.printer;
        printer.laid_out(&upgrading::render(&changing.proposal, printer.page()));
        check(&changing.proposal)?;
        let live = Live::new(&self.steps, &self.context.interrupt, self.network.name());
        let report = live.reporter();
        let done = changing.make(&report, self.context.interrupt.token()).await;
        live.close(done.is_ok());
        done
    }

    /// Waits until a look at the set satisfies, and shows what it sees meanwhile; `seconds` is what the L1 takes anyway.
    pub(super) async fn until<T>(
        &self,
        step: &Step,
        what: String,
        seconds: u64,
        satisfied: impl Fn(&Validators) -> Look<T>,
    ) -> anyhow::Result<T> {
        let limit = Deadline::after(SLACK + Duration::from_secs(seconds)).every(LOOK_EVERY);
        let satisfied = &satisfied;
        let waited = wait::until(
            what.clone(),
            limit,
            self.context.interrupt.token(),
            |_| async move {
                let look = match validators::collect(&self.network, &[]).await {
                    Ok(seen) => satisfied(&seen),
                    // A pod that is restarted meanwhile comes back.
                    Err(error) => Look::Pending(error.to_string()),
                };
                if let Look::Pending(seen) = &look {
                    step.say(seen);
                }
                Ok::<_, WaitError>(look)
            },
        );
        let waited = waited.await.inspect_err(|_| step.abandon());
        Ok(waited.map_err(|wait| Failure::NotSettled { wait })?)
    }

    /// Waits until `epoch` is under way on L1.
    pub(super) async fn epoch(&self, set: &ValidatorSet, epoch: u64) -> anyhow::Result<Validators> {
        let begins = set.start_of(epoch);
        let step = self.steps.begin("epoch", "looking at the time");
        let left = begins.saturating_sub(set.l1_time);
        let what = format!("epoch {epoch}");
        let seen = self.until(&step, what, left, |seen| {
            let set = &seen.set;
            let left = Duration::from_secs(begins.saturating_sub(set.l1_time));
            if left.is_zero() {
                return Look::Done(seen.clone());
            }
            let words = format!("epoch {}; {epoch} begins in {}", set.epoch(), Seconds(left));
            Look::Pending(words)
        });
        let seen = seen.await?;
        self.steps.end(&step, format!("{epoch} has begun"));
        Ok(seen)
    }
}

/// Nothing but the number of validators may change on the way.
fn check(proposal: &Proposal) -> Result<(), Failure> {
    let upgrade = &proposal.upgrade;
    let others: Vec<Consequence> = upgrade.beyond_scaling().cloned().collect();
    // What is refused is said before what is too much.
    if others.is_empty() || upgrade.refused().next().is_some() {
        return Ok(());
    }
    let network = proposal.running.clone();
    Err(Failure::MoreThanScaling { network, others })
}

/// The name of the workload of a group: the chart's `validator`, or one of `validatorGroups`.
pub(super) fn workload(group: Option<&str>) -> String {
    group.map_or("validator".to_owned(), |group| format!("validator-{group}"))
}

/// The values key of a workload's number of pods.
fn key(workload: &str) -> String {
    let workload = Workload::from_name(workload).unwrap_or_else(|| Role::Validator.into());
    format!("{}.replicas", workload.values_key())
}

/// Whether an attester is out of the set, or on its way.
pub(super) fn is_out(seen: &Validators, attester: Address) -> bool {
    let standing = seen.attester(attester).map(|one| one.standing);
    !matches!(standing, Some(Standing::Validating | Standing::Queued))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_are_scaled_by_their_values() {
        assert_eq!(key("validator"), "validator.replicas");
        assert_eq!(key("validator-slow"), "validatorGroups.slow.replicas");
    }
}
