//! A validator that joins the set, and leaves it again.

use std::time::Duration;

use aznet_kit::wait::{Deadline, Look};
use aznet_model::pod::PodName;
use aznet_model::report::{Outcome, Standing};
use aznet_model::role::Role;
use aznet_network::validators::{self, Addition, Address, Validators, addition};
use aznet_runner::Failure;

use crate::look::{self, Blind};
use crate::world::World;

/// Epochs in which someone must be in the set: the queue is let in once an epoch.
const EPOCHS_TO_ENTER: u32 = 6;
/// What the new pod may take to start on a busy machine.
const TO_START: Duration = Duration::from_mins(10);
/// Epochs in which someone who leaves must be out of the set and of every committee.
const EPOCHS_TO_LEAVE: u32 = 6;
/// Pods that may have been there before and whose keys the L1 takes no more.
const SPARE: u32 = 8;

/// Adds a pod past the release, sees its attesters in the set, has them leave, and takes the pod away again.
pub(super) async fn joins_and_leaves(world: &World) -> Result<String, Failure> {
    let workload = Role::Validator.name();
    let before = look(world, &[]).await?;
    let group = before
        .groups
        .iter()
        .find(|group| group.workload == workload);
    let pods = group.map_or(0, |group| group.replicas);
    let next = (pods..pods + 1 + SPARE).map(|n| PodName::new(workload, n).to_string());
    let seen = look(world, &next.collect::<Vec<_>>()).await?;
    let wish = addition(&seen, workload, 1, true).map_err(Failure::infrastructure)?;
    let clean_up = world
        .context
        .must_clean_up(format!("{workload} of {} pods", wish.replicas));
    let came_and_went = async {
        scale(world, workload, wish.replicas).await?;
        let attesters = entered(world, &wish).await?;
        left(world, &wish.pods[0], &attesters).await?;
        Ok(attesters.len())
    };
    let outcome = came_and_went.await;
    // Whatever was seen: the network has as many pods as before.
    let undone = scale(world, workload, pods).await;
    if undone.is_ok() {
        clean_up.proved();
    }
    let attesters: usize = outcome?;
    undone?;
    Ok(format!(
        "{} joined with {attesters} of its keys, and left the set again",
        wish.pods.join(", ")
    ))
}

async fn look(world: &World, also: &[String]) -> Result<Validators, Failure> {
    let seen = validators::collect(&world.network, also).await;
    seen.map_err(Failure::infrastructure)
}

async fn scale(world: &World, workload: &str, pods: u32) -> Result<(), Failure> {
    let scaled = validators::scale(&world.network, workload, pods).await;
    scaled.map_err(Failure::infrastructure)
}

/// Waits until all attesters of the new pod are in the set; who they are.
async fn entered(world: &World, wish: &Addition) -> Result<Vec<Address>, Failure> {
    let what = format!("{} in the validator set", wish.pods.join(", "));
    let within = TO_START + world.time.epochs(EPOCHS_TO_ENTER);
    until(world, &what, within, |seen| {
        let mut all = Vec::new();
        for pod in &wish.pods {
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

/// Has a pod take its attesters out of the set, and waits until no committee has them: until then the chain may need the pod.
async fn left(world: &World, pod: &str, attesters: &[Address]) -> Result<(), Failure> {
    let leaving = validators::leave(&world.network, pod, attesters).await;
    for one in leaving.map_err(Failure::assertion)? {
        if let Outcome::NeedsWithdrawer { withdrawer } = one.outcome {
            return Err(Failure::Infrastructure(format!(
                "only {withdrawer} can take {} out of the set",
                one.attester
            )));
        }
    }
    let what = format!("the attesters of {pod} out of the set and of committees");
    let within = world.time.epochs(EPOCHS_TO_LEAVE);
    until(world, &what, within, |seen| {
        let gone =
            |one: &Address| matches!(standing(seen, *one), Standing::Leaving | Standing::Retired);
        if let Some(one) = attesters.iter().find(|one| !gone(one)) {
            return Look::Pending(format!("{one} is {:?}", standing(seen, *one)));
        }
        let out = attesters.iter().map(|one| seen.set.out_from(*one)).max();
        let (now, out) = (seen.set.epoch(), out.unwrap_or_default());
        if now < out {
            return Look::Pending(format!(
                "epoch {now}; committees may have them until epoch {out}"
            ));
        }
        Look::Done(())
    })
    .await
}

fn standing(seen: &Validators, attester: Address) -> Standing {
    seen.attester(attester)
        .map_or(Standing::Absent, |known| known.standing)
}

/// Waits until a look at the set satisfies. A pod that can't be asked just now is asked again.
async fn until<T>(
    world: &World,
    what: &str,
    within: Duration,
    satisfied: impl Fn(&Validators) -> Look<T>,
) -> Result<T, Failure> {
    let deadline = Deadline::after(within).every(world.time.l1_block);
    look::until(&world.context, what, deadline, || async {
        match validators::collect(&world.network, &[]).await {
            Ok(seen) => Ok(satisfied(&seen)),
            Err(error) => Err(Blind::no_answer(&error)),
        }
    })
    .await
}
