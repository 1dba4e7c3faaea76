//! A validator pod that joins the set on L1, and leaves it again.

use std::time::Duration;

use aznet_kit::wait::{Deadline, Look};
use aznet_model::pod::PodName;
use aznet_model::report::{Outcome, Standing, ValidatorSet};
use aznet_model::role::Role;
use aznet_model::timing::ProtocolTime;
use aznet_network::namespace::Network;
use aznet_network::observe::instances;
use aznet_network::validators::{self, Addition, Address, Validators, addition};
use aznet_runner::{Context, Failure};

use crate::look::{self, Blind};

/// Epochs in which someone must be in the set: the queue is let in once an epoch.
const EPOCHS_TO_ENTER: u32 = 6;
/// What the new pod may take to start on a busy machine.
const TO_START: Duration = Duration::from_mins(10);
/// Epochs in which someone who leaves must be out of the set, and in which it must be out of every committee then.
const EPOCHS_TO_LEAVE: u32 = 6;
/// What a pod may take to end.
const TO_END: Duration = Duration::from_mins(3);
/// Pods that may have been there before and whose keys the L1 takes no more.
const SPARE: u32 = 8;

/// A network that validators join.
pub(crate) struct Joining<'a> {
    pub(crate) network: &'a Network,
    pub(crate) time: ProtocolTime,
    pub(crate) context: &'a Context,
}

/// Until a pod that is to join and leave again is out of the set, at most.
pub(crate) fn leaves_within(time: ProtocolTime) -> Duration {
    TO_START + time.epochs(EPOCHS_TO_ENTER + EPOCHS_TO_LEAVE)
}

impl Joining<'_> {
    /// Adds a pod past the release, sees its attesters in the set, has them leave, and takes the pod away again when no committee
    /// has them; what was seen. `left` hears of it when they are out of the set, while committees may have them.
    ///
    /// # Errors
    /// [`Failure`]; the network has as many pods as before then, too, if Kubernetes did so.
    pub(crate) async fn joins_and_leaves(
        &self,
        left: impl FnOnce(String) + Send,
    ) -> Result<String, Failure> {
        let workload = Role::Validator.name();
        let (pods, wish) = self.next_pod(workload).await?;
        let what = format!("{workload} of {} pods", wish.replicas);
        let clean_up = self.context.must_clean_up(what);
        let came_and_went = async {
            self.scale(workload, wish.replicas).await?;
            let attesters = self.entered(&wish.pods).await?;
            let undecided = self.leave(&wish.pods[0], &attesters).await?;
            left(format!(
                "the attesters of {} are out of the validator set, and may be drawn until epoch {undecided}",
                wish.pods[0]
            ));
            self.not_drawn(&wish.pods[0], &attesters, undecided).await?;
            Ok(attesters.len())
        };
        let outcome: Result<usize, Failure> = came_and_went.await;
        // Whatever was seen: the network has as many pods as before.
        let undone = self.scale(workload, pods).await;
        if undone.is_ok() {
            clean_up.proved();
        }
        let attesters = outcome?;
        undone?;
        self.taken_away(&wish).await?;
        Ok(format!(
            "{} joined with {attesters} of its keys, and left the set again",
            wish.pods.join(", ")
        ))
    }

    /// Waits until all attesters of these pods are in the set; who they are.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) async fn entered(&self, pods: &[String]) -> Result<Vec<Address>, Failure> {
        let what = format!("{} in the validator set", pods.join(", "));
        let within = TO_START + self.time.epochs(EPOCHS_TO_ENTER);
        self.until(&what, within, |seen| {
            let mut all = Vec::new();
            for pod in pods {
                match seen.attesters_of(pod) {
                    Some(own) => all.extend_from_slice(own),
                    None => return Look::Pending(format!("{pod} does not say whom it signs for")),
                }
            }
            let missing = all
                .iter()
                .find(|one| standing(seen, **one) != Standing::Validating);
            missing.map_or_else(
                || Look::Done(all.clone()),
                |one| Look::Pending(format!("{one} is {:?}", standing(seen, *one))),
            )
        })
        .await
    }

    /// How many pods a workload has, and what one more comes to whose keys were never in the set.
    async fn next_pod(&self, workload: &str) -> Result<(u32, Addition), Failure> {
        let before = self.look(&[]).await?;
        let group = before
            .groups
            .iter()
            .find(|group| group.workload == workload);
        let pods = group.map_or(0, |group| group.replicas);
        let next = (pods..pods + 1 + SPARE).map(|n| PodName::new(workload, n).to_string());
        let seen = self.look(&next.collect::<Vec<_>>()).await?;
        let wish = addition(&seen, workload, 1, true).map_err(Failure::infrastructure)?;
        Ok((pods, wish))
    }

    /// Has a pod take its attesters out of the set, and waits until they are; the first epoch whose committee is not decided then.
    async fn leave(&self, pod: &str, attesters: &[Address]) -> Result<u64, Failure> {
        let leaving = validators::leave(self.network, pod, attesters).await;
        for one in leaving.map_err(Failure::assertion)? {
            if let Outcome::NeedsWithdrawer { withdrawer } = one.outcome {
                return Err(Failure::Infrastructure(format!(
                    "only {withdrawer} can take {} out of the set",
                    one.attester
                )));
            }
        }
        let what = format!("the attesters of {pod} out of the set");
        let within = self.time.epochs(EPOCHS_TO_LEAVE);
        self.until(&what, within, |seen| {
            let gone = |one: &Address| {
                matches!(standing(seen, *one), Standing::Leaving | Standing::Retired)
            };
            attesters.iter().find(|one| !gone(one)).map_or_else(
                || Look::Done(seen.set.next_undecided()),
                |one| Look::Pending(format!("{one} is {:?}", standing(seen, *one))),
            )
        })
        .await
    }

    /// Waits until no committee has the attesters that left: until then the chain may need their pod. No committee of `undecided`
    /// or later is drawn from them.
    async fn not_drawn(
        &self,
        pod: &str,
        attesters: &[Address],
        undecided: u64,
    ) -> Result<(), Failure> {
        let what = format!("the attesters of {pod} out of committees");
        let within = self.time.epochs(EPOCHS_TO_LEAVE);
        let out = self.until(&what, within, |seen| {
            out_of_committees(&seen.set, attesters, undecided)
        });
        let epoch = out.await??;
        self.context.step(format!("{what} in epoch {epoch}"));
        Ok(())
    }

    /// Waits until the pods are gone.
    async fn taken_away(&self, wish: &Addition) -> Result<(), Failure> {
        let pods: Vec<&String> = wish.pods.iter().chain(&wish.idle).collect();
        let deadline = Deadline::after(TO_END).every(self.time.l1_block);
        look::until(self.context, "the pod to be gone", deadline, || async {
            let there = instances::list(self.network).await;
            let there = there.map_err(|error| Blind::no_answer(&error))?;
            let still = there.iter().find(|one| pods.contains(&&one.pod));
            Ok::<_, Blind>(still.map_or(Look::Done(()), |one| {
                Look::Pending(format!("{} is there", one.pod))
            }))
        })
        .await
    }

    async fn look(&self, also: &[String]) -> Result<Validators, Failure> {
        let seen = validators::collect(self.network, also).await;
        seen.map_err(Failure::infrastructure)
    }

    async fn scale(&self, workload: &str, pods: u32) -> Result<(), Failure> {
        let scaled = validators::scale(self.network, workload, pods).await;
        scaled.map_err(Failure::infrastructure)
    }

    /// Waits until a look at the set satisfies. A pod that can't be asked just now is asked again.
    async fn until<T>(
        &self,
        what: &str,
        within: Duration,
        satisfied: impl Fn(&Validators) -> Look<T>,
    ) -> Result<T, Failure> {
        let deadline = Deadline::after(within).every(self.time.l1_block);
        look::until(self.context, what, deadline, || async {
            match validators::collect(self.network, &[]).await {
                Ok(seen) => Ok(satisfied(&seen)),
                Err(error) => Err(Blind::no_answer(&error)),
            }
        })
        .await
    }
}

fn standing(seen: &Validators, attester: Address) -> Standing {
    seen.attester(attester)
        .map_or(Standing::Absent, |known| known.standing)
}

/// Whether the epoch under way has a committee without these attesters, and which it is; a failure where one is drawn from them
/// that was not decided when they left.
fn out_of_committees(
    set: &ValidatorSet,
    attesters: &[Address],
    undecided: u64,
) -> Look<Result<u64, Failure>> {
    let out = attesters.iter().map(|one| set.out_from(*one)).max();
    let (now, out) = (set.epoch(), out.unwrap_or_default());
    if out > undecided {
        return Look::Done(Err(Failure::Assertion(format!(
            "the committee of epoch {} is drawn from validators that had left: expected none of them from epoch {undecided} on",
            out - 1
        ))));
    }
    if now < out {
        return Look::Pending(format!(
            "epoch {now}; committees may have them until epoch {out}"
        ));
    }
    Look::Done(Ok(now))
}

#[cfg(test)]
mod tests {
    use aznet_model::report::Draw;

    use super::*;

    /// A set in this epoch, whose committees of this epoch and the next two are drawn from these.
    fn set(epoch: u64, draws: [&[u8]; 3]) -> ValidatorSet {
        let draws = (epoch..).zip(draws).map(|(epoch, from)| Draw {
            epoch,
            from: from.iter().map(|n| Address::repeat_byte(*n)).collect(),
            committee: None,
        });
        ValidatorSet {
            rollup: Address::ZERO,
            l1_time: epoch * 48,
            genesis: 0,
            slot_duration: 12,
            epoch_duration: 4,
            lag_in_epochs: 2,
            committee_size: 1,
            exit_delay: 0,
            active: 1,
            attesters: Vec::new(),
            queue: Vec::new(),
            draws: draws.collect(),
        }
    }

    /// A pod that goes before that leaves committees without a member.
    #[test]
    fn who_left_is_waited_for_until_no_committee_has_it() {
        let left = [Address::repeat_byte(9)];
        let seen = |epoch, draws| out_of_committees(&set(epoch, draws), &left, 10);
        let words = "epoch 7; committees may have them until epoch 10";
        assert_eq!(
            seen(7, [&[1, 9], &[1, 9], &[1, 9]]),
            Look::Pending(words.to_owned())
        );
        assert!(matches!(seen(9, [&[1, 9], &[1], &[1]]), Look::Pending(_)));
        assert_eq!(seen(10, [&[1], &[1], &[1]]), Look::Done(Ok(10)));
    }

    #[test]
    fn who_left_is_in_no_committee_that_was_drawn_afterwards() {
        let left = [Address::repeat_byte(9)];
        let drawn = out_of_committees(&set(8, [&[1, 9], &[1, 9], &[1, 9]]), &left, 10);
        assert!(
            matches!(&drawn, Look::Done(Err(Failure::Assertion(words))) if words.starts_with("the committee of epoch 10")),
            "{drawn:?}"
        );
    }
}
