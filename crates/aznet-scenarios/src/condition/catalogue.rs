//! The conditions.

use aznet_model::role::Role;

use super::needs::Need;
use super::wave::{Act, Change, Does, Length, SLOTS_TO_SEND, Wave, Whom, change, kill, wave};
use super::{Begins, Condition, Expects};
use crate::attack;

/// Everything that proves.
const PROVERS: &[Role] = &[Role::ProverNode, Role::ProverBroker, Role::ProverAgent];
/// Everything that speaks with the L1, and with each other.
const NODES: &[Role] = &[
    Role::BootNode,
    Role::FullNode,
    Role::Validator,
    Role::ProverNode,
];
const OTHER_NODES: &[Role] = &[Role::FullNode, Role::Validator, Role::ProverNode];
/// A node that may be away, or misbehaves, takes its turns as proposer along, in the worst case several in a row.
const SLACK: u32 = 4;
/// The fault is in force until the transfers are on L1.
const WHILE_SENT: Length = Length::Slots(SLOTS_TO_SEND);

/// With the time that it takes to make the proof of an epoch, before or after, that is within the proof window of two epochs of
/// four slots, whenever it begins.
const L1_AWAY: Length = Length::Slots(4);

const OWN_L1: Need = Need::Pods(
    Role::Anvil,
    1,
    "whether its L1 takes checkpoints back can't be seen",
);
const PROVER: Need = Need::Pods(Role::ProverNode, 1, "nothing that proves could fail");
/// A pxe that talks to the boot node goes away with it.
const OTHER_NODE: Need = Need::Pods(
    Role::FullNode,
    1,
    "without one the pxe talks to the boot node and could send nothing",
);

/// The condition under which every Aztec pod is replaced.
pub const ROLL_OUT: &str = "roll-out";

/// Every condition, the calm one first.
pub const CONDITIONS: &[Condition] = &[
    Condition::CALM,
    Condition {
        name: "validator-offline",
        about: "one validator pod is offline",
        shown: "its containers are seen to run nothing, and it is not ready",
        expects: Expects::GoesOn { slack: SLACK },
        waves: &[wave(
            "validator-offline",
            WHILE_SENT,
            Whom::OneValidator,
            Act::Idle,
        )],
        needs: &[Need::SparePod],
        ..Condition::CALM
    },
    Condition {
        name: "no-quorum",
        about: "so many validator pods are offline that no quorum is possible",
        shown: "their containers are seen to run nothing; no checkpoint comes meanwhile",
        expects: Expects::Stalls,
        waves: &[wave("no-quorum", WHILE_SENT, Whom::Quorum, Act::Idle)],
        needs: &[Need::BreakableQuorum],
        ..Condition::CALM
    },
    Condition {
        name: "provers-offline",
        about: "every prover part is offline, and back within the proof window",
        shown: "their containers are seen to run nothing, and they are not ready",
        expects: Expects::GoesOn { slack: SLACK },
        waves: &[wave(
            "provers-offline",
            Length::Slots(3),
            Whom::Roles(PROVERS),
            Act::Idle,
        )],
        needs: &[PROVER],
        ..Condition::CALM
    },
    Condition {
        name: "provers-late",
        about: "every prover part is offline until the proof window is over",
        shown: "their containers are seen to run nothing; the L1 takes checkpoints back",
        expects: Expects::Prunes,
        waves: &[wave(
            "provers-late",
            Length::ProofWindowAnd(2),
            Whom::Roles(PROVERS),
            Act::Idle,
        )],
        needs: &[PROVER, OWN_L1, Need::NoPenalties],
        ..Condition::CALM
    },
    Condition {
        name: "narrow-links",
        about: "every node sends at most 3 MB a second",
        shown: "the rate at which data gets out is measured",
        expects: Expects::GoesOn { slack: SLACK },
        waves: &[Wave {
            name: "narrow-links",
            after: 0,
            lasts: WHILE_SENT,
            does: Does::Preset(
                "network-requirements",
                "every node sends at most 3 MB a second",
            ),
        }],
        ..Condition::CALM
    },
    Condition {
        name: "slow-links",
        about: "half of the validator pods are 200 ms away from everyone, give or take 40 ms",
        shown: "round trips are measured",
        expects: Expects::GoesOn { slack: SLACK },
        waves: &[Wave {
            name: "slow-links",
            after: 0,
            lasts: WHILE_SENT,
            does: Does::Preset("slow-validators", "half of the validators are 200 ms away"),
        }],
        needs: &[Need::Pods(Role::Validator, 2, "half of them is none")],
        ..Condition::CALM
    },
    Condition {
        name: "lossy-links",
        about: "validators lose one packet in twenty of what they send",
        shown: "connections are seen to take longer than without loss",
        expects: Expects::GoesOn { slack: SLACK },
        waves: &[wave(
            "lossy-links",
            WHILE_SENT,
            Whom::Roles(&[Role::Validator]),
            Act::Lose(5),
        )],
        ..Condition::CALM
    },
    Condition {
        name: "blob-store-slow",
        about: "each answer of the blob store is half a second late",
        shown: "round trips are measured",
        expects: Expects::GoesOn { slack: SLACK },
        waves: &[wave(
            "blob-store-slow",
            WHILE_SENT,
            Whom::Roles(NODES),
            Act::Late(500, &[Role::BlobStore]),
        )],
        needs: &[Need::Pods(
            Role::BlobStore,
            1,
            "what somebody else's store sends can't be held",
        )],
        ..Condition::CALM
    },
    Condition {
        name: "boot-node-offline",
        about: "the boot node is offline",
        shown: "its containers are seen to run nothing, and it is not ready",
        expects: Expects::GoesOn { slack: SLACK },
        waves: &[Wave {
            name: "boot-node-offline",
            after: 0,
            lasts: WHILE_SENT,
            does: Does::Preset("boot-node-failure", "the boot node does nothing"),
        }],
        needs: &[Need::Pods(Role::BootNode, 1, "none could fail"), OTHER_NODE],
        ..Condition::CALM
    },
    Condition {
        name: "pxe-restart",
        about: "the pxe is started again when one of two transfers was sent",
        shown: "its container is seen to be another one",
        expects: Expects::GoesOn { slack: SLACK },
        begins: Begins::BetweenTransfers,
        waves: &[wave(
            "pxe-restart",
            Length::Slots(2),
            Whom::First(Role::Pxe),
            Act::Restart,
        )],
        ..Condition::CALM
    },
    Condition {
        name: "full-node-kill",
        about: "a full node is killed when one of two transfers was sent",
        shown: "its pod is seen to be another one",
        expects: Expects::GoesOn { slack: SLACK },
        begins: Begins::BetweenTransfers,
        waves: &[wave(
            "full-node-kill",
            Length::Slots(2),
            Whom::First(Role::FullNode),
            Act::Kill,
        )],
        needs: &[Need::Pods(
            Role::FullNode,
            2,
            "the pxe could send nothing until a single one is back",
        )],
        ..Condition::CALM
    },
    Condition {
        name: "validator-kills",
        about: "in each of four slots another validator pod is killed",
        shown: "each pod is seen to be another one",
        expects: Expects::Recovers,
        begins: Begins::BetweenTransfers,
        waves: &[
            kill("validator-kill-1", 0),
            kill("validator-kill-2", 1),
            kill("validator-kill-3", 2),
            kill("validator-kill-4", 3),
        ],
        needs: &[Need::ValidatorPods(
            4,
            "one would be killed again before it is back",
        )],
        ..Condition::CALM
    },
    Condition {
        name: "split-committee",
        about: "two sides do not hear of each other, so many validator pods as no quorum is possible without, and all other nodes: neither is a quorum",
        shown: "connections between the sides are seen to fail, and all others to be possible; no checkpoint comes meanwhile",
        expects: Expects::Stalls,
        waves: &[wave(
            "split-committee",
            Length::Slots(6),
            Whom::Quorum,
            Act::SplitOff,
        )],
        needs: &[Need::Sides],
        ..Condition::CALM
    },
    Condition {
        name: "l1-paused",
        about: "the L1 takes no transaction for less than the proof window: neither checkpoints nor proofs",
        shown: "no L1 block is seen to come",
        expects: Expects::Recovers,
        waves: &[Wave {
            name: "l1-paused",
            after: 0,
            lasts: L1_AWAY,
            does: Does::Preset("l1-paused", "the L1 answers and makes no blocks"),
        }],
        needs: &[Need::Pods(Role::Anvil, 1, "nobody else's L1 can be paused")],
        ..Condition::CALM
    },
    Condition {
        name: "l1-slow",
        about: "an L1 block takes 15 s, longer than a slot, for less than the proof window: blocks that were proposed may never come to L1, and what is dropped with them is sent again",
        shown: "two new L1 blocks are seen to be as far apart",
        expects: Expects::Loses,
        waves: &[Wave {
            name: "l1-slow",
            after: 0,
            lasts: Length::Slots(6),
            does: Does::Preset("l1-slow", "an L1 block takes 15 s"),
        }],
        needs: &[Need::Pods(Role::Anvil, 1, "nobody else's L1 can be slowed")],
        ..Condition::CALM
    },
    Condition {
        name: "l1-paused-long",
        about: "the L1 takes no transaction until the proof window is over, when both transfers are on it",
        shown: "no L1 block is seen to come; afterwards the L1 takes checkpoints back",
        expects: Expects::Prunes,
        begins: Begins::AfterTransfers,
        waves: &[Wave {
            name: "l1-paused-long",
            after: 0,
            lasts: Length::ProofWindowAnd(2),
            does: Does::Preset("l1-paused", "the L1 answers and makes no blocks"),
        }],
        needs: &[
            Need::Pods(
                Role::ProverNode,
                1,
                "what minted the tokens would be taken back, too",
            ),
            OWN_L1,
            Need::NoPenalties,
        ],
        ..Condition::CALM
    },
    Condition {
        name: "l1-censored-long",
        about: "the L1 drops what brings checkpoints and proofs until the proof window is over, when both transfers are on it",
        shown: "slots go by whose checkpoints were dropped, so are proofs; afterwards the L1 takes checkpoints back",
        expects: Expects::Prunes,
        begins: Begins::AfterTransfers,
        attack: Some(attack::LONG_CENSORSHIP),
        ..Condition::CALM
    },
    Condition {
        name: "l1-offline",
        about: "no node reaches the L1 for less than the proof window, when one of two transfers was sent",
        shown: "connections with it are seen to fail; no checkpoint comes meanwhile",
        expects: Expects::Stalls,
        begins: Begins::BetweenTransfers,
        waves: &[wave(
            "l1-offline",
            L1_AWAY,
            Whom::Roles(&[Role::Anvil]),
            Act::CutOff(NODES),
        )],
        needs: &[Need::Pods(
            Role::Anvil,
            1,
            "what goes to somebody else's L1 can't be cut off",
        )],
        ..Condition::CALM
    },
    Condition {
        name: "node-eclipsed",
        about: "the boot node hears of no other node: only the L1 tells it of blocks",
        shown: "connections with every other node are seen to fail",
        expects: Expects::GoesOn { slack: SLACK },
        waves: &[wave(
            "node-eclipsed",
            WHILE_SENT,
            Whom::First(Role::BootNode),
            Act::CutOff(OTHER_NODES),
        )],
        needs: &[
            Need::Pods(Role::BootNode, 1, "none could be cut off"),
            OTHER_NODE,
        ],
        ..Condition::CALM
    },
    Condition {
        name: "validators-killed",
        about: "every validator pod is killed at once when one of two transfers was sent",
        shown: "each pod is seen to be another one; no checkpoint comes until one is back",
        expects: Expects::Stalls,
        begins: Begins::UnderWay,
        waves: &[wave(
            "validators-killed",
            Length::Slots(2),
            Whom::Roles(&[Role::Validator]),
            Act::Kill,
        )],
        needs: &[Need::Pods(Role::Validator, 1, "none could be killed")],
        ..Condition::CALM
    },
    Condition {
        name: "invalid-block",
        about: "the proposer of a slot proposes a block with a wrong state",
        shown: "the proposer counts no attestation but its own, each other member of the committee refuses the block, and no checkpoint of the slot comes to L1",
        expects: Expects::GoesOn { slack: SLACK },
        attack: Some(attack::INVALID_BLOCK),
        needs: &[Need::SparePod],
        ..Condition::CALM
    },
    Condition {
        name: "validators-join",
        about: "a validator pod is added when one of two transfers was sent",
        shown: "its pod runs, and its attesters are in the validator set",
        expects: Expects::GoesOn { slack: SLACK },
        begins: Begins::BetweenTransfers,
        waves: &[change(
            "validators-join",
            Length::Slots(8),
            Change::AddValidators(1),
        )],
        needs: &[Need::KeysForOneMore],
        ..Condition::CALM
    },
    Condition {
        name: "validators-leave",
        about: "a validator pod joins, its attesters leave the set on L1 when one of two transfers was sent, and it is taken away when no committee has them",
        shown: "its attesters are seen to be in the validator set, then out of it and of each committee that is drawn from then on, and its pod to be gone",
        expects: Expects::GoesOn { slack: SLACK },
        begins: Begins::BetweenTransfers,
        waves: &[change(
            "validators-leave",
            Length::Slots(8),
            Change::JoinAndLeave,
        )],
        needs: &[Need::KeysForOneMore],
        ..Condition::CALM
    },
    Condition {
        name: ROLL_OUT,
        about: "every Aztec pod is replaced when one of two transfers was sent",
        shown: "each pod is seen to be another one, and never fewer validators are ready than the quorum",
        expects: Expects::Recovers,
        begins: Begins::BetweenTransfers,
        waves: &[change(ROLL_OUT, Length::Slots(20), Change::RollOut)],
        needs: &[Need::SparePod],
        ..Condition::CALM
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aznet_chaos::load::{Request, load};
    use aznet_model::chaos::Experiment;
    use aznet_model::plan::{Plan, plan};
    use aznet_model::timing::ProtocolTime;

    use super::super::wave::Cast;
    use super::*;
    use crate::topology::tests::{facts, source, values};
    use crate::topology::{Facts, TOPOLOGIES, as_hit};

    fn named(name: &str) -> &'static Condition {
        let condition = CONDITIONS.iter().find(|one| one.name == name);
        condition.expect("a condition")
    }

    /// The topologies that can have a condition, and of the others why they can't.
    fn divided(name: &str) -> (Vec<&'static str>, Vec<String>) {
        let (mut possible, mut reasons) = (Vec::new(), Vec::new());
        for topology in TOPOLOGIES {
            match named(name).refusal(&facts(topology.name, &[])) {
                None => possible.push(topology.name),
                Some(why) => reasons.push(format!("{}: {why}", topology.name)),
            }
        }
        (possible, reasons)
    }

    /// A cell whose attack there is not would pass without it, and one that can't be made beside transfers that the chain keeps
    /// would fail.
    #[test]
    fn what_is_attacked_meanwhile_is_an_attack_that_can_be_made_beside_others() {
        let attacks = CONDITIONS.iter().filter_map(|one| Some((one, one.attack?)));
        let attacks: Vec<_> = attacks.collect();
        let names: Vec<&str> = attacks.iter().map(|(_, name)| *name).collect();
        assert_eq!(names, ["attack-l1-long-censorship", "attack-invalid-block"]);
        for (condition, name) in attacks {
            let attack = attack::named(name).expect("an attack");
            let takes_back = condition.expects == Expects::Prunes;
            assert_eq!(attack.tags.contains(&"alone"), takes_back, "{name}");
        }
    }

    /// Who has all keys of a committee, or too many, can't misbehave without halting the chain.
    #[test]
    fn a_block_is_invalid_where_a_quorum_can_refuse_it() {
        let (possible, reasons) = divided("invalid-block");
        assert_eq!(possible, ["small", "groups", "two-pxes", "seed"]);
        let holds = |reason: &String| reason.contains("a validator pod holds");
        assert!(reasons.iter().all(holds), "{reasons:?}");
        let plan = plan(&values("small", &[])).expect("a plan");
        let elsewhere = Facts::of(&values("small", &["l1.anvil.enabled=false"]), &plan);
        let why = named("invalid-block").refusal(&elsewhere).expect("refused");
        let needs = "attack-invalid-block needs an L1 of the network's own";
        assert!(why.starts_with(needs), "{why}");
    }

    #[test]
    fn a_validator_that_joined_can_leave_any_network_that_has_keys_for_it() {
        let (possible, reasons) = divided("validators-leave");
        assert_eq!(possible.len(), TOPOLOGIES.len(), "{reasons:?}");
        assert_eq!(possible, divided("validators-join").0);
    }

    /// A node on neither side would tell each of the other.
    fn has_two_sides_without_a_quorum(experiment: &Experiment, plan: &Plan) {
        let none = BTreeMap::new();
        let target = experiment.target().expect("the other side");
        let mut held = [0, 0];
        for pod in plan.pods.iter().filter(|pod| pod.role.is_node()) {
            let facts = as_hit(pod, &none);
            let (one, other) = (experiment.pods.may_hit(&facts), target.may_hit(&facts));
            assert!(one != other, "{} is on one side", pod.name);
            let keys = pod.attesters.as_ref().map_or(0, |keys| keys.count);
            held[usize::from(other)] += keys;
        }
        let quorum = plan.committee.quorum;
        assert!(
            held.iter().all(|held| (1..quorum).contains(held)),
            "{held:?}, {quorum}"
        );
    }

    #[test]
    fn every_node_is_on_one_side_of_a_split_committee() {
        let split = named("split-committee");
        assert_eq!(split.expects, Expects::Stalls);
        let mut possible = Vec::new();
        for topology in TOPOLOGIES {
            let values = values(topology.name, &[]);
            let plan = plan(&values).expect("a plan");
            let facts = Facts::of(&values, &plan);
            if split.refusal(&facts).is_some() {
                continue;
            }
            possible.push(topology.name);
            for seed in 0..8 {
                let text = r#"{"slotDuration": 12, "epochDuration": 4, "proofSubmissionEpochs": 2,
                    "l1": {"blockTime": 4, "anvil": true, "slotsInAnEpoch": 4}}"#;
                let time = ProtocolTime::parse(text).expect("a time");
                let facts = &facts;
                let values = split.waves[0].values(&Cast { facts, time, seed });
                let values = values.expect("an experiment").overlay;
                let experiment = values["experiments"]["split-committee"].clone();
                let experiment = serde_json::from_value(experiment).expect("an experiment");
                has_two_sides_without_a_quorum(&experiment, &plan);
            }
        }
        assert_eq!(
            possible,
            ["small", "groups", "two-pods", "two-pxes", "seed"]
        );
    }

    /// The preset names the nodes of the networks that it is for.
    #[test]
    fn every_node_of_a_committee_of_four_is_on_one_side_of_the_preset() {
        let chart = source().join("helm-charts/aztec-chaos");
        let loaded = load(&Request {
            chart: &chart,
            preset: Some("split-committee"),
            inline: &[],
            files: &[],
            sets: &[],
        });
        let loaded = loaded.expect("a preset");
        for network in ["small", "two-pxes", "guarded"] {
            let plan = plan(&values(network, &[])).expect("a plan");
            has_two_sides_without_a_quorum(&loaded.experiments["split-committee"], &plan);
        }
    }
}
