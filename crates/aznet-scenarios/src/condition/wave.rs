//! Faults that begin at the same time, and the values of the chart `aztec-chaos` that they are done by.

use std::time::Duration;

use aznet_model::role::Role;
use aznet_model::timing::ProtocolTime;
use aznet_model::units::count;
use serde_json::{Map, Value, json};

use crate::topology::{AZTEC, Facts};

/// Slots in which a transfer is sent, proposed and on L1, the proving of two transactions included.
pub(super) const SLOTS_TO_SEND: u32 = 12;

/// A fault, when it begins and how long it lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wave {
    /// A name of its own among all waves of a condition: the experiment's, too.
    pub(crate) name: &'static str,
    /// Slots after the first wave.
    pub(crate) after: u32,
    /// How long it lasts; what is over at once has left no mark after as long.
    pub(crate) lasts: Length,
    /// What is done.
    pub(crate) does: Does,
}

/// A time in protocol time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// Slots.
    Slots(u32),
    /// From the begin of an epoch until its proof is accepted no more, and so many slots.
    ProofWindowAnd(u32),
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Does {
    /// A preset of the chart, whose experiment has the preset's name and lasts as long as the wave.
    Preset(&'static str, &'static str),
    /// Something to some pods.
    To(Whom, Act),
    /// A change of the network, as its operator makes it.
    Change(Change),
}

/// A change of the network, as its operator makes it: it lasts until the network has it, and is not undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// So many more validator pods.
    AddValidators(u32),
    /// A validator pod joins the set, leaves it again, and is taken away: the network has its values afterwards.
    JoinAndLeave,
    /// All Aztec pods are replaced, one validator at a time, as for another image.
    RollOut,
}

/// Whom it is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    /// All pods of these roles.
    Roles(&'static [Role]),
    /// The first pod of a role.
    First(Role),
    /// One validator pod that may be away, chosen by the run's seed.
    OneValidator,
    /// As many validator pods as no quorum is possible without, chosen by the run's seed.
    Quorum,
    /// Validator pods in turn: this one's is the n-th turn.
    Turn(u32),
}

/// What is done to them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Act {
    /// Their containers are replaced by one that does nothing.
    Idle,
    /// They are killed; their workload makes others.
    Kill,
    /// Their container is killed; it is started again.
    Restart,
    /// So many percent of the packets that they send are lost.
    Lose(u32),
    /// What pods of these roles send them is so many milliseconds late.
    Late(u32, &'static [Role]),
    /// Nothing passes between them and all pods of these roles.
    CutOff(&'static [Role]),
    /// Nothing passes between them and every other node: they hear of nobody but each other.
    SplitOff,
}

/// What waves are made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cast<'a> {
    /// The network.
    pub(crate) facts: &'a Facts,
    /// Its time.
    pub(crate) time: ProtocolTime,
    /// The run's chance.
    pub(crate) seed: u64,
}

/// What `aznet_chaos::load` is to load.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Values {
    pub(crate) preset: Option<&'static str>,
    pub(crate) overlay: Map<String, Value>,
}

/// Something that is done to some pods at once.
pub(super) const fn wave(name: &'static str, lasts: Length, whom: Whom, act: Act) -> Wave {
    Wave {
        name,
        after: 0,
        lasts,
        does: Does::To(whom, act),
    }
}

/// The kill of the validator pod whose turn it is, that many slots after the first.
pub(super) const fn kill(name: &'static str, turn: u32) -> Wave {
    Wave {
        name,
        after: turn,
        lasts: Length::Slots(2),
        does: Does::To(Whom::Turn(turn), Act::Kill),
    }
}

/// A change of the network.
pub(super) const fn change(name: &'static str, lasts: Length, change: Change) -> Wave {
    Wave {
        name,
        after: 0,
        lasts,
        does: Does::Change(change),
    }
}

impl Length {
    /// As a duration.
    pub(crate) fn of(self, time: ProtocolTime) -> Duration {
        match self {
            Self::Slots(slots) => time.slots(slots),
            Self::ProofWindowAnd(slots) => {
                time.epochs(1 + time.proof_submission_epochs) + time.slots(slots)
            }
        }
    }

    fn words(self) -> String {
        match self {
            Self::Slots(slots) => count(slots as usize, "slot"),
            Self::ProofWindowAnd(slots) => format!(
                "the proof window of an epoch and {}",
                count(slots as usize, "slot")
            ),
        }
    }
}

impl Wave {
    /// What it does, in words.
    pub(crate) fn words(&self) -> String {
        let what = match self.does {
            Does::Preset(name, words) => format!("{words} (preset `{name}`)"),
            Does::To(whom, act) => act.words(&whom.words()),
            Does::Change(change) => change.words(),
        };
        let lasts = match self.does {
            Does::To(_, Act::Kill | Act::Restart) | Does::Change(_) => String::new(),
            _ => format!(", for {}", self.lasts.words()),
        };
        match self.after {
            0 => format!("{what}{lasts}"),
            slots => format!("after {}: {what}{lasts}", count(slots as usize, "slot")),
        }
    }

    /// Whether it is over as soon as it is done.
    pub(crate) fn is_over_at_once(&self) -> bool {
        match self.does {
            Does::Preset(name, _) => name.ends_with("-kill"),
            Does::Change(_) => false,
            Does::To(_, act) => matches!(act, Act::Kill | Act::Restart),
        }
    }

    /// The roles whose containers it ends.
    pub(crate) fn ends(&self) -> &[Role] {
        match &self.does {
            Does::Preset("boot-node-failure", _) => &[Role::BootNode],
            Does::Change(Change::RollOut) => &AZTEC,
            Does::To(whom, Act::Idle | Act::Kill | Act::Restart) => whom.roles(),
            Does::Preset(..)
            | Does::To(..)
            | Does::Change(Change::AddValidators(_) | Change::JoinAndLeave) => &[],
        }
    }

    /// Whether it lasts long enough for a transfer to be sent, proposed and on L1 meanwhile.
    pub(crate) fn outlasts_sending(&self) -> bool {
        matches!(self.lasts, Length::Slots(SLOTS_TO_SEND..))
    }

    /// The name of its experiment.
    pub(crate) fn experiment(&self) -> &'static str {
        match self.does {
            Does::Preset(name, _) => name,
            Does::To(..) | Does::Change(_) => self.name,
        }
    }

    /// What does it, in the values of the chart `aztec-chaos`; `None`: that chart doesn't.
    pub(crate) fn values(&self, cast: &Cast<'_>) -> Option<Values> {
        let seconds = self.lasts.of(cast.time).as_secs().max(1);
        let mut experiment = json!({"duration": format!("{seconds}s")});
        let preset = match self.does {
            Does::Preset(name, _) => Some(name),
            Does::To(whom, act) => {
                experiment["pods"] = whom.pods(cast);
                let (kind, fault) = act.fault(whom, cast);
                experiment[kind] = fault;
                None
            }
            Does::Change(_) => return None,
        };
        let experiments = json!({self.experiment(): experiment});
        let overlay = Map::from_iter([("experiments".to_owned(), experiments)]);
        Some(Values { preset, overlay })
    }
}

impl Change {
    fn words(self) -> String {
        match self {
            Self::AddValidators(pods) => format!("{} more", count(pods as usize, "validator pod")),
            Self::JoinAndLeave => {
                "one more validator pod, whose attesters leave the set again, and which is taken away then".to_owned()
            }
            Self::RollOut => {
                "every Aztec pod is replaced by one with another environment, or with what `--roll-out` says, one validator at a time".to_owned()
            }
        }
    }

    /// What makes it, as `--set` expressions over the values of the network; none: its values stay.
    pub(crate) fn sets(self, facts: &Facts) -> Vec<String> {
        match self {
            Self::AddValidators(pods) => vec![format!(
                "validator.replicas={}",
                facts.validator_pods() + pods
            )],
            Self::JoinAndLeave => Vec::new(),
            Self::RollOut => {
                let nodes = facts.nodes().iter();
                let set = |node: &String| format!("{node}.env.AZNET_ROLL_OUT=1");
                nodes.map(set).collect()
            }
        }
    }
}

impl Whom {
    fn words(self) -> String {
        match self {
            Self::Roles(roles) => every(roles),
            Self::First(role) => format!("{role}-0"),
            Self::OneValidator => "one validator pod".to_owned(),
            Self::Quorum => "as many validator pods as no quorum is possible without".to_owned(),
            Self::Turn(_) => "the next validator pod".to_owned(),
        }
    }

    fn roles(&self) -> &[Role] {
        match self {
            Self::Roles(roles) => roles,
            Self::First(role) => std::slice::from_ref(role),
            Self::OneValidator | Self::Quorum | Self::Turn(_) => &[Role::Validator],
        }
    }

    fn pods(self, cast: &Cast<'_>) -> Value {
        let facts = cast.facts;
        let validators = |ordinals: &[u32]| json!({"roles": ["validator"], "groups": ["default"], "ordinals": ordinals});
        match self {
            Self::Roles(roles) => json!({"roles": roles}),
            Self::First(role) => json!({"roles": [role], "ordinals": [0]}),
            Self::OneValidator => validators(&chosen(facts.validator_pods(), 1, cast.seed)),
            Self::Quorum => {
                let pods = facts.breaking().unwrap_or(facts.validator_pods());
                validators(&chosen(facts.validator_pods(), pods, cast.seed))
            }
            Self::Turn(turn) => {
                let pods = facts.validator_pods();
                let all = chosen(pods, pods, cast.seed);
                let turn = usize::try_from(turn % pods.max(1)).unwrap_or_default();
                validators(all.get(turn..=turn).unwrap_or_default())
            }
        }
    }

    /// The names of all nodes but these.
    fn others<'a>(self, cast: &Cast<'a>) -> Vec<&'a str> {
        let these = serde_json::from_value(self.pods(cast)).unwrap_or_default();
        cast.facts.nodes_but(&these)
    }
}

impl Act {
    fn words(self, whom: &str) -> String {
        match self {
            Self::Idle => format!("the containers of {whom} do nothing"),
            Self::Kill => format!("{whom} is killed"),
            Self::Restart => format!("the container of {whom} is killed"),
            Self::Lose(percent) => format!("{percent} % of what {whom} sends is lost"),
            Self::Late(late, from) => {
                format!("what {} sends {whom} is {late} ms late", every(from))
            }
            Self::CutOff(from) => format!("nothing passes between {whom} and {}", every(from)),
            Self::SplitOff => format!("nothing passes between {whom} and any other node"),
        }
    }

    fn fault(self, whom: Whom, cast: &Cast<'_>) -> (&'static str, Value) {
        match self {
            Self::Idle => ("pod", json!({"action": "failure"})),
            Self::Kill => ("pod", json!({"action": "kill"})),
            Self::Restart => {
                // A pod's container has the name of its role.
                let fault = json!({"action": "container-kill", "containers": whom.roles()});
                ("pod", fault)
            }
            Self::Lose(percent) => (
                "network",
                json!({"action": "loss", "direction": "to", "percent": percent}),
            ),
            Self::Late(late, from) => (
                "network",
                json!({
                    "action": "delay", "direction": "from", "target": {"roles": from},
                    "latency": format!("{late}ms"),
                }),
            ),
            Self::CutOff(from) => (
                "network",
                json!({"action": "partition", "direction": "both", "target": {"roles": from}}),
            ),
            Self::SplitOff => (
                "network",
                json!({"action": "partition", "direction": "both", "target": {"names": whom.others(cast)}}),
            ),
        }
    }
}

fn every(roles: &[Role]) -> String {
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    format!("every {}", names.join(", "))
}

/// `count` of the ordinals below `pods`, in an order that `seed` decides.
fn chosen(pods: u32, count: u32, seed: u64) -> Vec<u32> {
    let mut ordinals: Vec<u32> = (0..pods).collect();
    ordinals.sort_by_key(|ordinal| mixed(seed ^ u64::from(*ordinal)));
    ordinals.truncate(count as usize);
    ordinals
}

/// SplitMix64: neighbours come to be far apart.
const fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aznet_chaos::load::{Request, load};
    use aznet_model::values::Layer;

    use super::*;
    use crate::condition::CONDITIONS;
    use crate::topology::tests::{facts, source};

    fn time() -> ProtocolTime {
        let text = r#"{"slotDuration": 12, "epochDuration": 4, "proofSubmissionEpochs": 2,
            "l1": {"blockTime": 4, "anvil": true, "slotsInAnEpoch": 4}}"#;
        ProtocolTime::parse(text).expect("a time")
    }

    /// What the chart and the model refuse would be found out only when the network runs.
    #[test]
    fn every_wave_is_an_experiment_of_the_chart() {
        let (facts, chart) = (
            facts("small", &[]),
            source().join("helm-charts/aztec-chaos"),
        );
        let cast = Cast {
            facts: &facts,
            time: time(),
            seed: 7,
        };
        for condition in CONDITIONS {
            for wave in condition.waves {
                let Some(Values { preset, overlay }) = wave.values(&cast) else {
                    continue;
                };
                let inline = [Layer {
                    origin: condition.name.to_owned(),
                    values: overlay,
                }];
                let loaded = load(&Request {
                    chart: &chart,
                    preset,
                    inline: &inline,
                    files: &[],
                    sets: &[],
                });
                let loaded = loaded.unwrap_or_else(|error| panic!("{}: {error}", condition.name));
                let names: Vec<&String> = loaded.experiments.keys().collect();
                assert_eq!(names, [wave.experiment()], "{}", condition.name);
                let experiment = &loaded.experiments[wave.experiment()];
                let lasts = experiment.duration.duration();
                assert_eq!(lasts, wave.lasts.of(time()), "{}", condition.name);
                let ended = match experiment.pod {
                    Some(_) => experiment.pods.roles.as_slice(),
                    None => &[],
                };
                let roles: Vec<&str> = wave.ends().iter().map(|role| role.name()).collect();
                assert_eq!(roles, ended, "{}", condition.name);
            }
        }
    }

    #[test]
    fn the_same_seed_chooses_the_same_pods_and_seeds_differ() {
        let all: BTreeSet<Vec<u32>> = (0..50).map(|seed| chosen(4, 2, seed)).collect();
        assert!(all.len() > 4, "{all:?}");
        assert_eq!(chosen(4, 2, 9), chosen(4, 2, 9));
        assert!(all.iter().all(|pods| pods.len() == 2 && pods[0] != pods[1]));
    }

    #[test]
    fn turns_of_an_epoch_hit_every_pod_once() {
        let facts = facts("small", &[]);
        let cast = Cast {
            facts: &facts,
            time: time(),
            seed: 3,
        };
        let hit: BTreeSet<u64> = (0..4)
            .map(|turn| {
                Whom::Turn(turn).pods(&cast)["ordinals"][0]
                    .as_u64()
                    .expect("one")
            })
            .collect();
        assert_eq!(hit, BTreeSet::from([0, 1, 2, 3]));
    }

    #[test]
    fn the_proof_window_is_the_protocols() {
        // Three epochs of four slots and two slots.
        assert_eq!(Length::ProofWindowAnd(2).of(time()), time().slots(14));
    }
}
