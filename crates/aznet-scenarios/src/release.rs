//! What proves the profile of a release: each thing that the profile says, asked of a network that runs it.
//!
//! All is asked even where something fails, so that one run says everything that differs.

mod checklist;
mod metrics;

use aznet_kit::wait::Look;
use aznet_model::release::Release;
use aznet_model::report::Compared;
use aznet_model::role::Role;
use aznet_model::values::Values;
use aznet_network::clients::jobs::{self, JobState};
use aznet_network::clients::l2::SlotDuty;
use aznet_network::observe::image;
use aznet_network::observe::instances::{self, Instance};
use aznet_network::observe::logs;
use aznet_network::validators;
use aznet_runner::Failure;
use futures::future::join_all;

use self::checklist::Checklist;
use crate::chain::Tx;
use crate::errors::rpc;
use crate::joining::Joining;
use crate::pxe::Visibility;
use crate::transfer::{self, Tokens};
use crate::world::{Peer, World};

/// Slots in which a bot must have sent something.
const SLOTS_TO_SEND: u32 = 30;
/// Lines of a bot's log that are read for what it sent.
const BOT_LINES: i64 = 400;
/// Epochs in which a prover node must have had a job: it forgets those that are done.
const EPOCHS_TO_A_JOB: u32 = 3;
/// Epochs in which the sentinels must have seen a duty.
const EPOCHS_TO_A_DUTY: u32 = 2;

/// What the checklist needs of a network.
pub(crate) fn lacks(values: &Values) -> Option<&'static str> {
    let has = |role| values.replicas(role) > 0;
    let sends = has(Role::Bot) || transfer::lacks(values).is_none();
    let needs = [
        (has(Role::Anvil), L1),
        (has(Role::Validator), VALIDATOR),
        (has(Role::ProverNode), PROVER),
        (has(Role::Prometheus), TELEMETRY),
        (
            values.network.sentinel.enabled,
            "sentinels (set network.sentinel.enabled)",
        ),
        (sends, SENDER),
    ];
    needs
        .into_iter()
        .find(|(there, _)| !there)
        .map(|(_, what)| what)
}

const L1: &str = "an L1 of its own, where validators may join (set l1.anvil.enabled)";
const VALIDATOR: &str = "validators (set validator.replicas)";
const PROVER: &str = "a prover node (set proverNode.replicas)";
const TELEMETRY: &str = "telemetry (`aznet up --telemetry`, or set telemetry.enabled)";
const SENDER: &str =
    "a bot, or a wallet server and test accounts (set bot.replicas or pxe.replicas)";

/// The network under the checklist.
struct Subject<'a> {
    world: &'a World,
    release: &'static Release,
    pods: Vec<Instance>,
    nodes: Vec<Peer>,
}

/// Goes through the checklist.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let pods = instances::list(&world.network).await;
    let subject = Subject {
        release: world.network.release().await,
        pods: pods.map_err(Failure::infrastructure)?,
        nodes: world.nodes().await?,
        world: &world,
    };
    if let Some(missing) = subject.missing() {
        return Err(Failure::skipped(missing));
    }
    let mut list = Checklist::new(&world.context);
    list.note("start options", subject.options().await)?;
    list.note("variables", subject.variables().await)?;
    list.note("readiness", subject.ready().await)?;
    list.note("deployment", subject.deployed().await)?;
    list.note("tips and blocks", subject.blocks().await)?;
    list.note("transaction", subject.transaction().await)?;
    list.note("proving jobs", subject.jobs().await)?;
    list.note("duties", subject.duties().await)?;
    list.note("metrics", metrics::arrived(&world).await)?;
    let joining = Joining {
        network: &world.network,
        time: world.time,
        context: &world.context,
    };
    list.note("validator", joining.joins_and_leaves(|_| ()).await)?;
    list.verdict()
}

impl Subject<'_> {
    /// What the network lacks, by its pods.
    fn missing(&self) -> Option<&'static str> {
        let has = |role| self.pods.iter().any(|pod| pod.role == role);
        let needs = [
            (has(Role::Anvil), L1),
            (has(Role::Validator), VALIDATOR),
            (has(Role::ProverNode), PROVER),
            (has(Role::Prometheus), TELEMETRY),
            (has(Role::Bot) || has(Role::Pxe), SENDER),
        ];
        needs
            .into_iter()
            .find(|(there, _)| !there)
            .map(|(_, what)| what)
    }

    fn of(&self, role: Role) -> Option<&Instance> {
        self.pods.iter().find(|pod| pod.role == role && pod.ready)
    }

    /// What a pod's image says; of a pod that the others miss least.
    async fn image(&self) -> Result<aznet_model::report::ImageReport, Failure> {
        let roles = [Role::FullNode, Role::BootNode, Role::Validator];
        let pod = roles.into_iter().find_map(|role| self.of(role));
        let pod = pod.ok_or_else(|| Failure::Infrastructure("no node is ready".to_owned()))?;
        let report = image::report(&self.world.network, pod).await;
        report.map_err(Failure::infrastructure)
    }

    async fn options(&self) -> Result<String, Failure> {
        let report = self.image().await?;
        held(&report.options, "`start --help`")
    }

    async fn variables(&self) -> Result<String, Failure> {
        let report = self.image().await?;
        held(&report.variables, "Aztec's own programs")
    }

    /// Every node says that it is ready, and is of the release.
    async fn ready(&self) -> Result<String, Failure> {
        let asked = self.nodes.iter().map(|node| async move {
            let (ready, info) = futures::join!(node.rpc.is_ready(), node.rpc.info());
            (node.pod.as_str(), ready, info)
        });
        let mut version = String::new();
        for (pod, ready, info) in join_all(asked).await {
            if !ready.map_err(rpc)? {
                return Err(Failure::Assertion(format!(
                    "{pod} says that it is not ready"
                )));
            }
            version = info.map_err(rpc)?.node_version;
            self.same_release(pod, &version)?;
        }
        Ok(format!(
            "{} nodes are ready, of Aztec {version}",
            self.nodes.len()
        ))
    }

    /// A version without a profile runs by that of another release because someone said so.
    fn same_release(&self, pod: &str, version: &str) -> Result<(), Failure> {
        match Release::of_version(version) {
            Some(release) if release != self.release => Err(Failure::Assertion(format!(
                "{pod} is Aztec {version}: expected {}",
                self.release
            ))),
            _ => Ok(()),
        }
    }

    /// The registry that the deployment told leads to the rollup that nodes name, and that answers as the profile says.
    async fn deployed(&self) -> Result<String, Failure> {
        let node = &self.nodes[0];
        let (_, rollup) = self.world.rollup(node).await?;
        let info = node.rpc.info().await.map_err(rpc)?;
        let named = info.contract("rollup").unwrap_or_default().to_lowercase();
        let seen = validators::collect(&self.world.network, &[]).await;
        let led = seen.map_err(Failure::infrastructure)?.set.rollup;
        if format!("{led:#x}") != named {
            return Err(Failure::Assertion(format!(
                "the registry {} leads to the rollup {led}, and {} has {named}",
                info.contract("registry").unwrap_or("that no node names"),
                node.pod
            )));
        }
        let (timing, tips) = futures::join!(rollup.timing(), rollup.tips());
        let timing = timing.map_err(Failure::assertion)?;
        let tips = tips.map_err(Failure::assertion)?;
        Ok(format!(
            "rollup {named}, slots of {} s, {}",
            timing.slot.as_secs(),
            tips.pending
        ))
    }

    /// The newest block that is on L1, by its number and by its hash.
    async fn blocks(&self) -> Result<String, Failure> {
        let node = &self.nodes[0].rpc;
        let tip = node.tips().await.map_err(rpc)?.checkpointed;
        let (by_number, by_hash) = futures::join!(
            node.block(tip.block.number),
            node.block_by_hash(&tip.block.hash)
        );
        let (number, checkpoint) = (tip.block.number, tip.checkpoint.number);
        for (how, place) in [("number", by_number), ("hash", by_hash)] {
            let Some(place) = place.map_err(rpc)? else {
                return Err(Failure::Assertion(format!(
                    "{number} is not found by its {how}"
                )));
            };
            if (place.number, place.checkpoint) != (number, checkpoint) {
                return Err(Failure::Assertion(format!(
                    "by its {how} {number} of {checkpoint} is {} of {}",
                    place.number, place.checkpoint
                )));
            }
        }
        Ok(format!(
            "{number} is the last of {checkpoint}, by number and by hash"
        ))
    }

    /// Something that a bot sent, or else the wallet server, is proven.
    async fn transaction(&self) -> Result<String, Failure> {
        let tx = if let Some(bot) = self.of(Role::Bot) {
            self.sent_by(&bot.pod).await?
        } else {
            let (_, [minted, _]) = Tokens::minted(self.world).await?;
            Tx::called("the mint".to_owned(), Visibility::Public, minted.tx_hash)
        };
        self.world.proven(&tx).await?;
        Ok(format!("{} {} is proven", tx.what, tx.hash))
    }

    /// A transaction of which a bot's log tells.
    async fn sent_by(&self, bot: &str) -> Result<Tx, Failure> {
        let within = self.world.time.slots(SLOTS_TO_SEND);
        let what = format!("{bot} to tell of a transaction");
        let hash = self.world.until(&what, within, || async {
            let lines = logs::tail(&self.world.network, bot, BOT_LINES).await;
            let told = lines.iter().rev().find_map(|line| transaction_in(line));
            Ok(told.map_or_else(
                || Look::Pending(format!("none in its last {} lines", lines.len())),
                Look::Done,
            ))
        });
        let what = format!("the transaction of {bot}");
        Ok(Tx::called(what, Visibility::Public, hash.await?))
    }

    /// A job of a prover node, whose state is one of the known.
    async fn jobs(&self) -> Result<String, Failure> {
        let prover = self.of(Role::ProverNode);
        let prover =
            prover.ok_or_else(|| Failure::Infrastructure("no prover node is ready".into()))?;
        let within = self.world.time.epochs(EPOCHS_TO_A_JOB);
        let what = format!("a proving job of {}", prover.pod);
        let job = self.world.until(&what, within, || async {
            let jobs = jobs::jobs(&self.world.network, &prover.pod, self.release).await;
            Ok(match jobs {
                Ok(jobs) => jobs
                    .into_iter()
                    .next_back()
                    .map_or_else(|| Look::pending("it has none"), Look::Done),
                Err(error) => Look::pending(error),
            })
        });
        let job = job.await?;
        match job.status {
            JobState::Other(word) => Err(unknown("a job's state", &word)),
            known => Ok(format!("that of {} is {known:?}", job.epoch_number)),
        }
    }

    /// Duties that a sentinel saw, all of which are known.
    async fn duties(&self) -> Result<String, Failure> {
        let within = self.world.time.epochs(EPOCHS_TO_A_DUTY);
        let seen = self
            .world
            .until("duties that a sentinel saw", within, || async {
                let asked = self.nodes.iter().map(|node| node.rpc.validators_stats());
                let mut seen = Vec::new();
                for stats in join_all(asked).await {
                    let stats = stats?.stats.into_values();
                    seen.extend(stats.flat_map(|one| one.history).map(|duty| duty.status));
                }
                Ok(if seen.is_empty() {
                    Look::pending("none, of no node")
                } else {
                    Look::Done(seen)
                })
            });
        counted(&seen.await?)
    }
}

/// How many duties there were; one that is not known is a finding.
fn counted(seen: &[SlotDuty]) -> Result<String, Failure> {
    let strange = seen.iter().find_map(|duty| match duty {
        SlotDuty::Other(word) => Some(word),
        _ => None,
    });
    match strange {
        Some(word) => Err(unknown("a duty", word)),
        None => Ok(format!("{} duties, all of them known", seen.len())),
    }
}

fn unknown(what: &str, word: &str) -> Failure {
    Failure::Assertion(format!(
        "{what} is `{word}`, which the profile does not know"
    ))
}

/// Names of the profile that the image has, too; those that it does not have, or has against the profile, are findings.
fn held(names: &Compared, by: &str) -> Result<String, Failure> {
    let mut wrong = Vec::new();
    if !names.missing.is_empty() {
        wrong.push(format!("not in {by}: {}", names.missing.join(", ")));
    }
    if !names.unforeseen.is_empty() {
        wrong.push(format!(
            "in {by}, and by the profile only of other releases: {}",
            names.unforeseen.join(", ")
        ));
    }
    if wrong.is_empty() {
        return Ok(format!("{} names, all in {by}", names.names));
    }
    Err(Failure::Assertion(wrong.join("; ")))
}

/// The hash in a line that tells of a transaction.
fn transaction_in(line: &str) -> Option<String> {
    const DIGITS: usize = 64;
    let tells = line.contains("tx") || line.contains("Tx") || line.contains("Transaction");
    let mut candidates = line.match_indices("0x").filter(|_| tells);
    let hash = |(at, _): (usize, &str)| {
        let rest = &line[at + 2..];
        let end = rest
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(rest.len());
        (end == DIGITS).then(|| line[at..at + 2 + end].to_owned())
    };
    candidates.find_map(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_found_in_what_a_bot_says() {
        let hash = format!("0x{}", "ab".repeat(32));
        for line in [
            format!("INFO: bot Tx #1 {hash} successfully mined in block 7"),
            format!("Transaction {hash} sent, not waiting for it to be mined"),
            format!("account 0x1234, Awaiting tx {hash}"),
        ] {
            assert_eq!(transaction_in(&line), Some(hash.clone()), "{line}");
        }
        for line in [
            format!("token at {hash}"),
            format!("tx {hash}ff"),
            "tx 0x12".to_owned(),
        ] {
            assert_eq!(transaction_in(&line), None, "{line}");
        }
    }

    #[test]
    fn names_that_an_image_does_not_have_are_findings() {
        let names = |missing: &[&str], unforeseen: &[&str]| Compared {
            names: 2,
            missing: missing.iter().map(ToString::to_string).collect(),
            unforeseen: unforeseen.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(
            held(&names(&[], &[]), "the image"),
            Ok("2 names, all in the image".to_owned())
        );
        assert_eq!(
            held(&names(&["A", "B"], &["C"]), "the image"),
            Err(Failure::Assertion(
                "not in the image: A, B; in the image, and by the profile only of other releases: C"
                    .into()
            ))
        );
    }

    #[test]
    fn a_duty_that_nobody_knows_is_a_finding() {
        let known = [SlotDuty::AttestationSent, SlotDuty::CheckpointValid];
        assert_eq!(
            counted(&known),
            Ok("2 duties, all of them known".to_owned())
        );
        let strange = [SlotDuty::AttestationSent, SlotDuty::Other("dozed".into())];
        let failure = counted(&strange).expect_err("nobody knows it");
        assert!(failure.to_string().contains("`dozed`"), "{failure}");
    }

    #[test]
    fn what_a_network_lacks_for_the_checklist_is_named() {
        let lack = |name: &str, sets: &[&str]| lacks(&crate::topology::tests::values(name, sets));
        assert_eq!(lack("small", &["telemetry.enabled=true"]), None);
        assert_eq!(lack("small", &[]), Some(TELEMETRY));
        let six = [
            "images.aztec.image=azteclabs/aztec:6.0.0",
            "telemetry.enabled=true",
            "pxe.replicas=0",
        ];
        assert_eq!(lack("small", &six), Some(SENDER));
        let with_bot = [six.as_slice(), &["bot.replicas=1"]].concat();
        assert_eq!(lack("small", &with_bot), None);
        assert_eq!(lack("staging", &[]), None);
        assert_eq!(lack("spartan", &[]), Some(L1));
    }
}
