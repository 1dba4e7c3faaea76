//! A prover broker that loses its data in the middle of an epoch's proof.
//!
//! In Aztec 4.1.2 the prover node enqueues a job once, and then asks the broker which are completed. A broker that has lost
//! them knows of none, and the prover node waits until the epoch's proof is overdue; one whose jobs can't be enqueued, since the
//! broker is away, fails, and is not begun again. Either way the L1 takes the epoch back, unless nothing was under way just then.

use std::time::Duration;

use alloy_primitives::B256;
use aznet_kit::wait::Look;
use aznet_model::{
    chain::{CheckpointNumber, Epoch},
    role::Role,
};
use aznet_network::{
    clients::{
        exec,
        l1::{L1Error, Prune, Rollup},
    },
    observe::{
        instances::{self, Instance},
        logs::{self, Options, Which},
    },
};
use aznet_runner::Failure;
use futures::TryStreamExt;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{dud, said::Said};
use crate::{
    errors::rpc,
    world::{Peer, World},
};

/// Epochs in which the broker must have jobs of an epoch that it had none of.
const EPOCHS_TO_BEGIN: u32 = 3;
/// What a script takes beyond what it waits for.
const TO_RUN: Duration = Duration::from_secs(30);
/// What the broker may take to serve again: a container that has ended often is started after five minutes.
const TO_RESTART: Duration = Duration::from_mins(7);
/// Slots after the end of the proof window in which somebody must have proposed.
const SLOTS_TO_PRUNE: u32 = 6;
/// What the prover node says when it begins, between the epoch and the checkpoints.
const BEGINS: &str = " proving job with checkpoints ";
/// What a broker says that has begun.
const STARTED: &str = "Proving Broker started";
/// What it says then of each job in its data.
const RESTORES: &str = "Restoring proving job id=";

/// Waits until the broker has jobs of another epoch, each of which has a folder called by its number, takes away all folders a
/// moment later, and ends the broker. It tells the epoch, the folders before, and those after.
const LOSE: &str = r#"cd /data
before=" $(echo *) "
end=$(($(date +%s) + SECONDS_TO_WAIT))
epoch=
while [ -z "$epoch" ]; do
  [ "$(date +%s)" -lt "$end" ] || { echo 'no jobs of another epoch came' >&2; exit 1; }
  sleep 0.1
  for each in [0-9]*; do
    case "$before" in
      *" $each "*) ;;
      *) [ ! -d "$each" ] || epoch=$each ;;
    esac
  done
done
sleep 1
echo "$epoch"
echo *
REMOVE
echo *
(sleep 0.5; kill 1) >/dev/null 2>&1 &"#;

/// The broker loses its data while an epoch is proven. The epoch is proven all the same, or taken back; the chain goes on, and is
/// proven again.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (_, rollup) = world.rollup(&nodes[0]).await?;
    let broker = broker(&world).await?;
    let (since, begun) = (Timestamp::now(), Instant::now());
    let clean_up = world
        .context
        .must_clean_up(format!("the container of {}", broker.pod));
    let loss = lose(&world, &broker).await?;
    let tips = rollup.tips().await.map_err(Failure::infrastructure)?;
    // Whatever is left of its data: it serves after the test.
    serves_again(&world, &broker).await?;
    clean_up.proved();
    loss.is_total(&world, &broker, since).await?;
    let epoch = Unproven::find(&world, &rollup, (loss.epoch, since)).await?;
    epoch.was_under_way(tips.proven)?;
    let seen = epoch.ends(&world, &rollup, begun).await?;
    world.context.step(seen);
    nobody_is_ahead(&nodes, &rollup).await?;
    world.goes_on(&nodes).await?;
    let proven = rollup.tips().await.map_err(Failure::infrastructure)?.proven;
    world.proven_beyond(proven).await
}

/// The prover broker.
async fn broker(world: &World) -> Result<Instance, Failure> {
    let pods = instances::list(&world.network)
        .await
        .map_err(Failure::infrastructure)?;
    let mut pods = pods.into_iter();
    let found = pods.find(|pod| pod.role == Role::ProverBroker && pod.ready);
    found.ok_or_else(|| Failure::skipped("a prover broker that is ready"))
}

/// What the broker had, and what it has left.
#[derive(Debug, PartialEq, Eq)]
struct Loss {
    epoch: Epoch,
    held: Vec<String>,
    left: Vec<String>,
}

/// Takes the broker's data away while it has jobs of an epoch that it had none of before.
async fn lose(world: &World, broker: &Instance) -> Result<Loss, Failure> {
    let within = world.time.epochs(EPOCHS_TO_BEGIN);
    let command = ["sh", "-ec", &script(within, dud())].map(str::to_owned);
    let place = (broker.pod.as_str(), broker.role.name());
    world.attacked();
    let told = exec::run(&world.network, place, &command, within + TO_RUN)
        .await
        .map_err(Failure::infrastructure)?;
    let loss = Loss::read(&told).ok_or_else(|| {
        let seen = format!("{} says `{}`", broker.pod, told.trim());
        Failure::Infrastructure(format!("{seen}, without the folders of its jobs"))
    })?;
    world.context.step(format!(
        "{} ends while it has jobs of {}; its data before: {}, after: {}",
        broker.pod,
        loss.epoch,
        words(&loss.held),
        words(&loss.left)
    ));
    Ok(loss)
}

fn script(within: Duration, dud: bool) -> String {
    LOSE.replace("SECONDS_TO_WAIT", &within.as_secs().to_string())
        .replace("REMOVE", if dud { "true" } else { "rm -rf ./*" })
}

fn words(folders: &[String]) -> String {
    if folders.is_empty() {
        return "nothing".to_owned();
    }
    folders.join(" ")
}

impl Loss {
    fn read(told: &str) -> Option<Self> {
        let mut lines = told.lines();
        let name = lines.next()?;
        // A shell leaves a pattern that fits nothing as it is.
        let folders = |line: &str| -> Vec<String> {
            let all = line.split_whitespace().filter(|one| *one != "*");
            all.map(str::to_owned).collect()
        };
        let (held, left) = (folders(lines.next()?), folders(lines.next()?));
        let epoch = Epoch(name.parse().ok()?);
        let loss = Self { epoch, held, left };
        loss.held.iter().any(|one| one == name).then_some(loss)
    }

    /// Sees that nothing is left, and that the broker found nothing when it was started again.
    async fn is_total(
        &self,
        world: &World,
        broker: &Instance,
        since: Timestamp,
    ) -> Result<(), Failure> {
        let pod = &broker.pod;
        if !self.left.is_empty() {
            let left = words(&self.left);
            return Err(Failure::Assertion(format!(
                "expected that {pod} loses its data, seen that its data is still there: {left}"
            )));
        }
        let options = Options {
            since: Some(Timestamp::now().duration_since(since).unsigned_abs()),
            ..Options::default()
        };
        let (which, cancel) = (Which::Named(pod.clone()), world.context.cancel.clone());
        let lines = async {
            let lines = logs::stream(&world.network, which, options, cancel).await?;
            lines.try_collect::<Vec<_>>().await
        };
        let lines = lines.await.map_err(Failure::infrastructure)?;
        let count = |part: &str| lines.iter().filter(|one| one.text.contains(part)).count();
        let (started, restored) = (count(STARTED), count(RESTORES));
        if started == 0 || restored > 0 {
            return Err(Failure::Assertion(format!(
                "expected that {pod} starts without jobs, seen {started} times `{STARTED}`, and {restored} jobs restored"
            )));
        }
        world
            .context
            .step(format!("{pod} was started again, without any jobs"));
        Ok(())
    }
}

/// Waits until the broker is another run, and ready.
async fn serves_again(world: &World, broker: &Instance) -> Result<(), Failure> {
    let goal = format!("{} to be started again, and ready", broker.pod);
    world
        .until(&goal, TO_RESTART, || async {
            let pods = instances::list(&world.network).await;
            let again = |pods: Vec<Instance>| {
                let now = pods.into_iter().find(|pod| pod.pod == broker.pod);
                match now {
                    Some(now) if now.run() != broker.run() && now.ready => Look::Done(()),
                    Some(now) => {
                        Look::Pending(format!("{} restarts, ready: {}", now.restarts, now.ready))
                    }
                    None => Look::pending("it is gone"),
                }
            };
            Ok(Look::or_pending(pods.map(again)))
        })
        .await
}

/// The checkpoints of an epoch that was being proven.
#[derive(Debug)]
struct Unproven {
    epoch: Epoch,
    last: CheckpointNumber,
    /// What it ends with.
    archive: B256,
}

/// What becomes of an epoch.
enum Fate {
    Proven,
    TakenBack(Prune),
}

impl Unproven {
    /// What the prover node says that it proves.
    async fn find(
        world: &World,
        rollup: &Rollup,
        (epoch, since): (Epoch, Timestamp),
    ) -> Result<Self, Failure> {
        let begins = format!("Starting epoch {}{BEGINS}", epoch.0);
        let said = Said {
            which: Which::Role(Role::ProverNode),
            but: None,
            since,
            parts: &[begins.as_str()],
        };
        let (pod, line) = said.line(world, TO_RUN).await?;
        let last = last(&line).ok_or_else(|| {
            Failure::Infrastructure(format!("{pod} says `{line}`, without checkpoints"))
        })?;
        let archive = rollup.archive_at(last).await;
        Ok(Self {
            epoch,
            last,
            archive: archive.map_err(Failure::infrastructure)?,
        })
    }

    /// Sees that it was not proven when only `proven` was.
    fn was_under_way(&self, proven: CheckpointNumber) -> Result<(), Failure> {
        if proven < self.last {
            return Ok(());
        }
        Err(Failure::Infrastructure(format!(
            "{} was proven, up to {proven}, before the broker had lost its jobs",
            self.epoch
        )))
    }

    /// Waits until it is proven or taken back; which, in words.
    async fn ends(
        &self,
        world: &World,
        rollup: &Rollup,
        since: Instant,
    ) -> Result<String, Failure> {
        let Self {
            epoch,
            last,
            archive,
        } = self;
        let goal = format!("{epoch}, up to {last}, proven or taken back");
        let within = world.time.proven_within() + world.time.slots(SLOTS_TO_PRUNE);
        let fate = world
            .until(&goal, within, || async {
                Ok(Look::or_pending(self.fate(rollup, since).await))
            })
            .await?;
        if let Fate::TakenBack(Prune { first, last, .. }) = fate {
            return Ok(format!(
                "{epoch} was not proven: the L1 took back {first} to {last} for want of a proof"
            ));
        }
        let found = rollup.archive_at(*last).await;
        let found = found.map_err(Failure::infrastructure)?;
        if found != *archive {
            return Err(Failure::Assertion(format!(
                "expected that {last} is proven with the archive {archive}, seen {found}"
            )));
        }
        Ok(format!(
            "{epoch} is proven all the same, up to {last}, with the archive that it had"
        ))
    }

    async fn fate(&self, rollup: &Rollup, since: Instant) -> Result<Look<Fate>, L1Error> {
        // Once it is taken back, another checkpoint of its number may be proven.
        let prune = rollup.last_prune(since.elapsed()).await?;
        if let Some(prune) = prune.filter(|prune| prune.first <= self.last) {
            return Ok(Look::Done(Fate::TakenBack(prune)));
        }
        let proven = rollup.tips().await?.proven;
        Ok(if proven >= self.last {
            Look::Done(Fate::Proven)
        } else {
            Look::Pending(format!("proven is {proven}"))
        })
    }
}

/// The last of the checkpoints that the prover node says it proves.
fn last(line: &str) -> Option<CheckpointNumber> {
    let (_, after) = line.split_once(BEGINS)?;
    let (_, after) = after.split_once(" to ")?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().map(CheckpointNumber)
}

/// Sees that no node calls proven what is not so on L1, as it is read after them.
async fn nobody_is_ahead(nodes: &[Peer], rollup: &Rollup) -> Result<(), Failure> {
    let mut most = CheckpointNumber(0);
    for node in nodes {
        let tips = node.rpc.tips().await.map_err(rpc)?;
        most = most.max(tips.proven.checkpoint.number);
    }
    let there = rollup.tips().await.map_err(Failure::infrastructure)?.proven;
    if most > there {
        return Err(Failure::Assertion(format!(
            "expected that no node calls more proven than the L1, {there}, seen {most}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, process::Command};

    use super::*;
    use crate::{attack::lacks_broker, topology::tests::values};

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn what_the_broker_had_and_has_is_read_from_what_the_script_tells() {
        let names = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let loss = |left: &[&str]| Loss {
            epoch: Epoch(12),
            held: names(&["11", "12"]),
            left: names(left),
        };
        assert_eq!(Loss::read("12\n11 12\n*\n"), Some(loss(&[])));
        assert_eq!(Loss::read("12\n11 12\n11 12\n"), Some(loss(&["11", "12"])));
        assert_eq!(Loss::read("12\n11\n*\n"), None, "it has no jobs of it");
        assert_eq!(Loss::read("12\n11 12\n"), None);
        assert_eq!(Loss::read(""), None);
    }

    #[test]
    fn the_epochs_last_checkpoint_is_read_from_what_the_prover_node_says() {
        let line = "INFO: prover-node:epoch-proving-job Starting epoch 12 proving job with checkpoints 33 to 36 {\"epochNumber\":12}";
        assert_eq!(last(line), Some(CheckpointNumber(36)));
        assert_eq!(last("INFO: prover-node Started Prover Node"), None);
        let epoch = Unproven {
            epoch: Epoch(12),
            last: CheckpointNumber(36),
            archive: B256::ZERO,
        };
        assert!(epoch.was_under_way(CheckpointNumber(35)).is_ok());
        let late = epoch.was_under_way(CheckpointNumber(36));
        assert!(matches!(late, Err(Failure::Infrastructure(words)) if words.contains("epoch 12")));
    }

    /// The script, at a folder of a test's, up to where it ends its container.
    fn told(folder: &Path, dud: bool) -> String {
        let script = script(MINUTE, dud);
        let (script, _) = script.split_once("\n(sleep").expect("an end");
        let script = script.replace("/data", &folder.display().to_string());
        let script = script.replace("sleep 1\n", "");
        // Another epoch's folder comes when it waits.
        let script = script.replacen("sleep 0.1", "sleep 0.1; mkdir -p 12", 1);
        let ran = Command::new("sh").args(["-ec", &script]).output();
        String::from_utf8(ran.expect("a shell").stdout).expect("a text")
    }

    #[test]
    fn the_script_takes_everything_away_once_there_is_another_epoch() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("11")).expect("an epoch");
        let gone_through = told(folder.path(), true);
        assert_eq!(gone_through, "12\n11 12\n11 12\n");
        fs::remove_dir(folder.path().join("12")).expect("an epoch");
        assert_eq!(told(folder.path(), false), "12\n11 12\n*\n");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
        assert_eq!(told(folder.path(), false), "12\n12\n*\n");
    }

    #[test]
    fn a_broker_is_needed_and_proofs_that_count() {
        let lacks = |name, sets: &[&str]| lacks_broker(&values(name, sets));
        assert_eq!(lacks("small", &[]), None);
        for (name, sets, why) in [
            ("small", &["proverBroker.replicas=0"][..], "prover broker"),
            (
                "small",
                &["network.slashing.disablePenalties=false"],
                "no penalties",
            ),
            ("verifier", &["proverBroker.replicas=1"], "its L1 accepts"),
        ] {
            let lacks = lacks(name, sets);
            assert!(
                lacks.is_some_and(|one| one.contains(why)),
                "{name} {sets:?}: {lacks:?}"
            );
        }
    }
}
