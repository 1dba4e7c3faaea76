//! Looks at every node and at the L1 about twice in a slot, and tells what changed. Nothing that can't be reached is an
//! error here: it is what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aznet_model::role::Role;
use aznet_model::timing::{Moment, ProtocolTime, Timing};
use aznet_network::clients::l2::{L2Tips, Node};
use aznet_network::namespace::Network;
use aznet_network::observe::instances::{self, Instance};
use aznet_network::validators;
use aznet_runner::Observation;
use futures::{StreamExt, stream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::clock;
use super::hub::Hub;
use super::invariant::{Judge, Look, Standing, Violation};
use super::ledger::{L1_NAME, Ledger};
use super::losses::Losses;
use super::meter::Meter;
use super::proof::Auditor;
use super::slots::Slots;
use super::told::{Told, look};

/// Nodes that are asked at once.
const AT_ONCE: usize = 8;
/// Longest time for a question to the Kubernetes API.
const PATIENCE: Duration = Duration::from_secs(4);
/// Longest time for validators to say for whom they sign.
const HOLDERS_WITHIN: Duration = Duration::from_mins(1);
/// Blocks whose slots are asked for in one round.
const NEW_BLOCKS: usize = 4;
/// After which what pods use is told again, even where it did not change.
const TOLD_AGAIN: Duration = Duration::from_mins(5);

/// Pods by the attesters that they sign for.
type Holders = Arc<OnceLock<BTreeMap<String, String>>>;

/// Watches one network.
pub(crate) struct Recorder {
    network: Network,
    time: ProtocolTime,
    hub: Hub,
    pods: Vec<Instance>,
    /// A client for each pod, kept.
    nodes: BTreeMap<String, Node>,
    ledger: Option<Ledger>,
    timing: Option<Timing>,
    /// Looks that count once the pod is seen to be the run that it was before.
    waiting: Vec<Look>,
    judge: Judge,
    auditor: Auditor,
    slots: Slots,
    told: Told,
    holders: Holders,
    meter: Meter,
    /// The slot in which use was asked for last.
    used_in: u64,
    /// When all of it was told last.
    used_told: Instant,
}

impl Recorder {
    pub(crate) fn new(network: Network, time: ProtocolTime, hub: Hub) -> Self {
        Self {
            network,
            time,
            hub,
            pods: Vec::new(),
            nodes: BTreeMap::new(),
            ledger: None,
            timing: None,
            waiting: Vec::new(),
            judge: Judge::default(),
            auditor: Auditor::default(),
            slots: Slots::default(),
            told: Told::default(),
            holders: Holders::default(),
            meter: Meter::default(),
            used_in: 0,
            used_told: Instant::now(),
        }
    }

    /// Watches until `cancel`, or until nobody hears.
    pub(crate) async fn run(mut self, cancel: CancellationToken) {
        let holders = self.ask_holders();
        let pace = (self.time.slot / 2).clamp(Duration::from_secs(1), Duration::from_secs(30));
        let mut ticks = interval(pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let round = async {
                ticks.tick().await;
                self.round().await;
            };
            if cancel.run_until_cancelled(round).await.is_none() || self.hub.is_deserted() {
                break;
            }
        }
        // What was seen last counts, too.
        self.list().await;
        holders.abort();
    }

    async fn round(&mut self) {
        if !self.list().await {
            return;
        }
        self.find_out_time().await;
        let Some(moment) = self.moment() else { return };
        let tips = self.ask_nodes(moment.slot.0).await;
        let heard = self.read_ledger(moment.slot.0, &tips).await;
        self.place_blocks(&tips).await;
        // A block of a slot is there at its end; the first second is for clocks that differ.
        self.tell_slots(moment, heard && moment.seconds_into_slot > 0)
            .await;
        self.tell_use(moment.slot.0).await;
    }

    /// Looks which pods run. Tells restarts, and judges what was heard since the last time of those that did not restart.
    async fn list(&mut self) -> bool {
        let Ok(Ok(now)) = timeout(PATIENCE, instances::list(&self.network)).await else {
            return false;
        };
        let slot = self.moment().map(|moment| moment.slot.0);
        if !self.pods.is_empty() {
            let losses = Losses::new(&self.network, &self.hub);
            losses.tell(&self.pods, &now, slot).await;
        }
        let mut judged = 0;
        for look in std::mem::take(&mut self.waiting) {
            let same = |pod: &Instance| pod.pod == look.who && run(pod) == look.run;
            if look.heights.is_some() && !now.iter().any(same) {
                continue;
            }
            judged += u64::from(look.heights.is_some());
            let mut broken = self.judge.see(&look);
            broken.extend(self.auditor.see(&look));
            for violation in broken {
                self.tell_if_still(&violation).await;
            }
        }
        self.hub.judged(judged);
        self.pods = now;
        let there = |pod: &str| self.pods.iter().any(|one| one.pod == pod);
        self.nodes.retain(|pod, _| there(pod));
        self.ledger = self.ledger.take().filter(|ledger| there(&ledger.pod));
        true
    }

    /// Tells what is broken, once what it stands on is confirmed.
    async fn tell_if_still(&mut self, violation: &Violation) {
        match &violation.if_still {
            Some(standing) if !self.still_says(standing).await => self.judge.withdraw(standing),
            _ => self.hub.violated(violation),
        }
    }

    async fn still_says(&self, Standing { who, claim, .. }: &Standing) -> bool {
        if let Some(ledger) = self.ledger.as_ref().filter(|_| who == L1_NAME) {
            return ledger.has(claim).await;
        }
        let (Some(node), Some((number, hash))) = (self.nodes.get(who), &claim.block) else {
            return false;
        };
        let place = node.block_by_hash(hash).await;
        matches!(place, Ok(Some(place)) if place.number.0 == *number)
    }

    async fn find_out_time(&mut self) {
        for pod in self.pods.iter().filter(|pod| pod.role.is_node()) {
            if !self.nodes.contains_key(&pod.pod) {
                let node = Node::in_pod(&self.network, &pod.pod, self.network.release().await);
                self.nodes.insert(pod.pod.clone(), node);
            }
        }
        let ready = |pod: &&Instance| pod.ready && self.nodes.contains_key(&pod.pod);
        let ready = self.pods.iter().find(ready);
        let node = ready.and_then(|pod| self.nodes.get(&pod.pod));
        if let (None, Some(node)) = (&self.ledger, node) {
            self.ledger = Ledger::open(&self.network, &self.pods, node).await;
        }
        if self.timing.is_none() {
            let rollup = self.ledger.as_ref().map(|ledger| &ledger.rollup);
            self.timing = clock::timing(self.time, rollup, node).await;
        }
    }

    fn moment(&self) -> Option<Moment> {
        Some(self.timing?.at(clock::now()))
    }

    /// Asks every node for its tips.
    async fn ask_nodes(&mut self, slot: u64) -> Vec<(String, L2Tips)> {
        let asked = self.nodes.iter().filter_map(|(name, node)| {
            let pod = self.pods.iter().find(|pod| pod.pod == *name)?;
            let (name, node, run, runs) = (name.clone(), node.clone(), run(pod), pod.running);
            Some(async move {
                let tips = if runs {
                    node.tips().await.map_err(|error| error.to_string())
                } else {
                    Err("its process does not run".to_owned())
                };
                (name, run, tips)
            })
        });
        let asked: Vec<_> = asked.collect();
        let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        let gone = self
            .told
            .nodes()
            .filter(|name| !self.nodes.contains_key(*name));
        let gone: Vec<String> = gone.map(str::to_owned).collect();
        for name in gone {
            self.tell(|told| told.silent(&name, "its pod is gone".to_owned()));
        }
        let mut known = Vec::new();
        for (name, run, tips) in answers {
            match tips {
                Ok(tips) => {
                    self.tell(|told| told.tips(&name, slot, &tips));
                    self.waiting.push(look(&name, run, slot, &tips));
                    known.push((name, tips));
                }
                Err(why) => self.tell(|told| told.silent(&name, why)),
            }
        }
        known
    }

    fn tell(&mut self, of: impl FnOnce(&mut Told) -> Option<Observation>) {
        if let Some(news) = of(&mut self.told) {
            self.hub.observed(news);
        }
    }

    /// Reads which slots have a checkpoint: from the L1, or where that is not the network's own from the nodes. Whether
    /// it was heard.
    async fn read_ledger(&mut self, slot: u64, tips: &[(String, L2Tips)]) -> bool {
        let Some(ledger) = &mut self.ledger else {
            return !tips.is_empty();
        };
        let Some((look, fresh)) = ledger.read(slot).await else {
            return false;
        };
        self.waiting.push(look);
        for checkpoint in fresh {
            self.slots.checkpointed(checkpoint.slot.0);
        }
        true
    }

    /// Finds out the slots of blocks that were not there before.
    async fn place_blocks(&mut self, tips: &[(String, L2Tips)]) {
        let by_nodes = self.ledger.is_none();
        let mut fresh: BTreeMap<&str, &str> = BTreeMap::new();
        for (node, tips) in tips {
            let checkpointed = by_nodes.then_some(&tips.checkpointed.block);
            for block in [Some(&tips.proposed), checkpointed].into_iter().flatten() {
                if block.number.0 > 0 && self.slots.slot_of(&block.hash).is_none() {
                    fresh.entry(&block.hash).or_insert(node);
                }
            }
        }
        for (hash, node) in fresh.into_iter().take(NEW_BLOCKS) {
            if let Some(node) = self.nodes.get(node)
                && let Ok(Some(place)) = node.block_by_hash(hash).await
            {
                self.slots.proposed(hash, place.slot.0);
            }
        }
        if by_nodes {
            for (_, tips) in tips {
                if let Some(slot) = self.slots.slot_of(&tips.checkpointed.block.hash) {
                    self.slots.checkpointed(slot);
                }
            }
        }
    }

    async fn tell_slots(&mut self, moment: Moment, heard: bool) {
        for (slot, outcome) in self.slots.over(moment.slot.0, heard) {
            let proposer = match (&self.ledger, self.timing) {
                (Some(ledger), Some(timing)) => {
                    let begin = timing.genesis + slot * moment.slot_seconds;
                    ledger.proposer(begin).await
                }
                _ => None,
            };
            let holders = self.holders.get();
            let pod = proposer.as_ref().and_then(|one| holders?.get(one).cloned());
            self.hub.observed(Observation::Slot {
                slot,
                epoch: slot / moment.epoch_slots,
                proposer,
                pod,
                outcome,
            });
        }
    }

    /// Once in a slot.
    async fn tell_use(&mut self, slot: u64) {
        if self.used_in == slot {
            return;
        }
        self.used_in = slot;
        if self.used_told.elapsed() >= TOLD_AGAIN {
            self.used_told = Instant::now();
            self.told.forget_measures();
        }
        let machines = self.pods.iter().filter_map(|pod| pod.machine.clone());
        let reading = (self.meter).read(&self.network, machines.collect()).await;
        let pods: BTreeSet<String> = self.pods.iter().map(|pod| pod.pod.clone()).collect();
        for used in reading.used {
            if pods.contains(&used.pod) {
                self.tell(|told| told.used(used));
            }
        }
        for (pod, bytes) in reading.disks {
            if pods.contains(&pod) {
                self.tell(|told| told.disk(pod, bytes));
            }
        }
        for (measure, why) in reading.unknown {
            self.tell(|told| told.unmeasured(measure, why));
        }
    }

    /// Asks the validators for whom they sign, beside everything else: each answers by a program of its own.
    fn ask_holders(&self) -> JoinHandle<()> {
        let (network, holders) = (self.network.clone(), self.holders.clone());
        tokio::spawn(async move {
            if let Ok(known) = timeout(HOLDERS_WITHIN, holders_of(&network)).await {
                // Nobody else sets it.
                let _ = holders.set(known);
            }
        })
    }
}

/// The run of a pod as text.
fn run(pod: &Instance) -> String {
    let (uid, restarts) = pod.run();
    format!("{uid}/{restarts}")
}

async fn holders_of(network: &Network) -> BTreeMap<String, String> {
    let pods = instances::list(network).await.unwrap_or_default();
    let validators = pods
        .into_iter()
        .filter(|pod| pod.role == Role::Validator && pod.ready);
    let held = validators.map(|pod| async move {
        let held = validators::held(network, &pod.pod, Role::Validator).await;
        (pod.pod, held.ok())
    });
    let held: Vec<_> = held.collect();
    let mut answers = stream::iter(held).buffer_unordered(AT_ONCE);
    let mut holders = BTreeMap::new();
    while let Some((pod, held)) = answers.next().await {
        let attesters = held.into_iter().flat_map(|held| held.attesters);
        holders.extend(attesters.map(|attester| (attester.to_string(), pod.clone())));
    }
    holders
}
