//! What a network must survive, and what can be seen of it: nothing else is drawn.

use std::collections::{BTreeMap, BTreeSet};

use aznet_chaos::conflict;
use aznet_model::chaos::{Experiment, Fault as Done, NetworkAction};
use aznet_model::plan::PodPlan;
use aznet_model::role::Role;
use aznet_model::units::count;

use super::drawn::{Drawn, Fault, Unusable};
use super::ground::{Ground, Setting};
use crate::attack;
use crate::condition::Expects;

/// A fault begins late by what it takes to look first, and a pod that was away is back some slots after its end.
const SLOTS_TO_RETURN: u32 = 4;
/// Slots in which the first epoch after a standstill is proven, on a busy machine.
const SLOTS_TO_PROVE: u64 = 4;

/// What a fault takes of a network while it lasts.
#[derive(Debug, PartialEq, Eq)]
enum Takes {
    /// Some of what is sent.
    Traffic,
    /// These pods.
    Pods(Vec<String>),
    /// The chain: nothing is checkpointed.
    Chain,
    /// Every pod, one after another.
    All,
}

/// A fault of a scenario, with what it does to this network.
struct Hit<'a> {
    fault: &'a Fault,
    experiment: Option<Experiment>,
    takes: Takes,
}

/// A scenario on its network.
pub(super) struct Case<'a> {
    drawn: &'a Drawn,
    setting: &'a Setting,
    hits: Vec<Hit<'a>>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        drawn: &'a Drawn,
        setting: &'a Setting,
        ground: &Ground,
    ) -> Result<Self, Unusable> {
        let hits = drawn.faults.iter().map(|fault| {
            let wave = fault.known()?.1;
            let experiment = ground.experiment(&wave, setting, drawn.seed);
            let takes = takes(experiment.as_ref(), setting);
            Ok(Hit {
                fault,
                experiment,
                takes,
            })
        });
        Ok(Self {
            hits: hits.collect::<Result<_, Unusable>>()?,
            drawn,
            setting,
        })
    }

    /// Why it is not drawn; `None`: its network must survive it, and that can be seen.
    pub(super) fn refusal(&self) -> Option<String> {
        let lacks = self.setting.facts.lacks().map(str::to_owned);
        self.setting
            .is_too_large()
            .or(lacks)
            .or_else(|| self.of_conditions())
            .or_else(|| self.of_times())
            .or_else(|| self.of_quorum())
            .or_else(|| self.of_proofs())
            .or_else(|| self.of_attack())
            .or_else(|| self.of_load())
    }

    /// What a condition needs, its faults need.
    fn of_conditions(&self) -> Option<String> {
        let mut names = BTreeSet::new();
        self.drawn.faults.iter().find_map(|fault| {
            let (condition, wave) = fault.known().ok()?;
            if !names.insert(wave.experiment()) {
                return Some(format!("{} twice", wave.experiment()));
            }
            if !matches!(
                condition.expects,
                Expects::GoesOn { .. } | Expects::Recovers
            ) {
                return Some(format!("{}: {}", fault.name, condition.expects.words()));
            }
            condition.refusal(&self.setting.facts)
        })
    }

    /// Faults that last at the same time can both be done, and both be seen.
    fn of_times(&self) -> Option<String> {
        let each = self.hits.iter().enumerate();
        each.flat_map(|(index, one)| self.hits[index + 1..].iter().map(move |other| (one, other)))
            .find_map(|(one, other)| self.of_two(one, other))
    }

    fn of_two(&self, one: &Hit<'_>, other: &Hit<'_>) -> Option<String> {
        let (name, other_name) = (&one.fault.name, &other.fault.name);
        if one.takes == Takes::All || other.takes == Takes::All {
            return Some(format!(
                "{name} and {other_name}: a change waits for every pod"
            ));
        }
        if !one.overlaps(other) {
            return None;
        }
        let of_links =
            |hit: &Hit<'_>| matches!(&hit.experiment, Some(one) if one.network.is_some());
        if of_links(one) && of_links(other) {
            return Some(format!(
                "{name} and {other_name}: each is measured by what links were like before"
            ));
        }
        let both = [one, other].map(|hit| Some((hit.fault.name.clone(), hit.experiment.clone()?)));
        let both: BTreeMap<String, Experiment> = both.into_iter().flatten().collect();
        let checked = conflict::check_planned(&both, &self.setting.plan);
        checked.err().map(|error| error.to_string())
    }

    /// Attesters that are away and those that misbehave leave a quorum, whichever committee is drawn.
    fn of_quorum(&self) -> Option<String> {
        let committee = self.setting.facts.committee();
        let misbehave =
            self.drawn.attack.as_deref().map_or(0, attack::pods) * committee.keys_per_pod;
        let most = self.hits.iter().map(|hit| self.away_at(hit.fault.after));
        let missing = misbehave + most.max().unwrap_or_default();
        (missing > committee.may_fail).then(|| {
            let attesters = count(usize::try_from(missing).unwrap_or(usize::MAX), "attester");
            format!(
                "{attesters} away or misbehaving of {}, {} may be",
                committee.size, committee.may_fail
            )
        })
    }

    /// Attesters whose pods are away when a fault begins.
    fn away_at(&self, slot: u32) -> u64 {
        let there = self.hits.iter().filter(|hit| hit.is_there_at(slot));
        let away: BTreeSet<&String> = there.flat_map(Hit::pods).collect();
        let pods = self
            .setting
            .plan
            .pods
            .iter()
            .filter(|pod| away.contains(&pod.name));
        pods.filter_map(|pod| Some(pod.attesters?.count)).sum()
    }

    /// What stops the chain or its proofs is over before anything is taken back for want of one.
    fn of_proofs(&self) -> Option<String> {
        let prover = |pod: &PodPlan| {
            let role = pod.role;
            matches!(
                role,
                Role::ProverNode | Role::ProverBroker | Role::ProverAgent
            )
        };
        let stops = |hit: &&Hit<'_>| hit.takes == Takes::Chain || self.hits_a(hit, prover);
        let stopped = self.hits.iter().filter(stops);
        let stopped: u64 = stopped.map(|hit| u64::from(hit.fault.slots)).sum();
        let window = self.setting.proof_window();
        (stopped + SLOTS_TO_PROVE > window).then(|| {
            format!("nothing proven for {stopped} slots, and {SLOTS_TO_PROVE} until it is: {window} are allowed")
        })
    }

    /// What shows an attack is there to be seen.
    fn of_attack(&self) -> Option<String> {
        let attack = self.drawn.of_attack().ok()??;
        if let Some(lacks) = (attack.lacks)(&self.setting.values) {
            return Some(format!("{} needs {lacks}", attack.name));
        }
        let disturbs = |hit: &&Hit<'_>| match &hit.takes {
            Takes::Traffic => false,
            // What is killed forgets that it is to misbehave; one that does nothing is not chosen.
            Takes::Pods(_) => !hit.idles() || self.hits_a(hit, |pod| pod.role != Role::Validator),
            Takes::Chain | Takes::All => true,
        };
        let found = self.hits.iter().find(disturbs);
        found.map(|hit| format!("{} hides what {} leads to", hit.fault.name, attack.name))
    }

    /// Whoever sends what nobody follows goes on sending.
    fn of_load(&self) -> Option<String> {
        if self.drawn.load == 0 {
            return None;
        }
        let facts = &self.setting.facts;
        let serves = |pod: &PodPlan| match pod.role {
            Role::Pxe => facts.pods(Role::Pxe) < 2,
            Role::FullNode => true,
            _ => false,
        };
        let ends = |hit: &&Hit<'_>| hit.takes == Takes::All || self.hits_a(hit, serves);
        let found = self.hits.iter().find(ends);
        found.map(|hit| format!("{} ends whoever sends", hit.fault.name))
    }

    fn hits_a(&self, hit: &Hit<'_>, which: impl Fn(&PodPlan) -> bool) -> bool {
        let pods = self.setting.plan.pods.iter();
        pods.filter(|pod| which(pod))
            .any(|pod| hit.pods().any(|name| *name == pod.name))
    }
}

impl Hit<'_> {
    fn pods(&self) -> impl Iterator<Item = &String> {
        let pods = match &self.takes {
            Takes::Pods(pods) => pods.as_slice(),
            _ => &[],
        };
        pods.iter()
    }

    /// Whether its pods are there, and do nothing.
    fn idles(&self) -> bool {
        let wave = self.fault.known();
        wave.is_ok_and(|(_, wave)| !wave.is_over_at_once())
    }

    fn overlaps(&self, other: &Self) -> bool {
        let ((begin, end), (others, its)) = (self.fault.span(), other.fault.span());
        begin < its + SLOTS_TO_RETURN && others < end + SLOTS_TO_RETURN
    }

    fn is_there_at(&self, slot: u32) -> bool {
        let (begin, end) = self.fault.span();
        // What begins at the same time may be late.
        begin < slot + SLOTS_TO_RETURN && slot < end + SLOTS_TO_RETURN
    }
}

fn takes(experiment: Option<&Experiment>, setting: &Setting) -> Takes {
    match experiment.and_then(Experiment::fault) {
        None => Takes::All,
        Some(Done::Pod(_)) => Takes::Pods(
            experiment.map_or_else(Vec::new, |one| conflict::may_hit(one, &setting.plan)),
        ),
        Some(Done::Network(fault)) if fault.action != NetworkAction::Partition => Takes::Traffic,
        // Whatever else there is, nothing is known of it that would let the chain go on.
        Some(_) => Takes::Chain,
    }
}

/// Why a scenario is not drawn; `None`: its network must survive it.
pub(super) fn refusal(drawn: &Drawn, ground: &Ground) -> Option<String> {
    let setting = match ground.setting(drawn) {
        Ok(setting) => setting,
        Err(error) => return Some(error.to_string()),
    };
    match Case::new(drawn, &setting, ground) {
        Ok(case) => case.refusal(),
        Err(error) => Some(error.to_string()),
    }
}
