//! Runs as they could have been recorded: the same for the same shape.

use std::time::Duration;

use aznet_runner::{
    Event, Observation, Summary, TestId, Verdict,
    event::Kind,
    observation::{FaultState, SlotOutcome, Stage, Tip},
};
use jiff::{SignedDuration, Timestamp};

/// Seconds of a slot, and slots of an epoch.
const SLOT: u64 = 24;
const EPOCH: u64 = 8;
/// Blocks of a slot.
const BLOCKS: u64 = 4;
const FIRST: u64 = 40;

/// How large a run is.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    validators: usize,
    others: usize,
    slots: u64,
    /// Seconds from one transfer to the next.
    transfers: u64,
}

impl Shape {
    /// Half an hour of a network like `small`.
    pub(crate) const SMALL: Self = Self {
        validators: 4,
        others: 3,
        slots: 70,
        transfers: 16,
    };
    /// Two hours of 40 nodes.
    pub(crate) const LARGE: Self = Self {
        validators: 32,
        others: 8,
        slots: 300,
        transfers: 1,
    };

    fn nodes(self) -> Vec<String> {
        let validators = (0..self.validators).map(|n| format!("validator-{n}"));
        let others = (0..self.others).map(|n| format!("node-{n}"));
        validators.chain(others).collect()
    }

    fn end(self) -> u64 {
        self.slots * SLOT
    }

    /// The second that is this share of the run, in percent.
    fn at(self, percent: u64) -> u64 {
        self.end() * percent / 100
    }
}

/// Events, and a source of chance.
struct Tape {
    events: Vec<Event>,
    chance: u64,
}

impl Tape {
    fn new() -> Self {
        Self {
            events: Vec::new(),
            chance: 7,
        }
    }

    /// A number below `limit`.
    fn draw(&mut self, limit: u64) -> u64 {
        self.chance = self
            .chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.chance >> 33) % limit
    }

    fn tell(&mut self, millis: u64, kind: Kind) {
        let since = SignedDuration::from_millis(i64::try_from(millis).unwrap());
        let start: Timestamp = "2026-11-26T07:27:11Z".parse().unwrap();
        self.events.push(Event {
            at: start + since,
            kind,
        });
    }

    fn see(&mut self, millis: u64, seen: Observation) {
        let network = "small".to_owned();
        self.tell(millis, Kind::Observed { network, seen });
    }
}

/// A run with everything in it.
pub(crate) fn run(shape: Shape) -> Vec<Event> {
    let mut tape = Tape::new();
    tests(&mut tape, shape);
    let outcomes = slots(&mut tape, shape);
    chain(&mut tape, shape, &outcomes);
    faults(&mut tape, shape);
    disturbances(&mut tape, shape);
    transfers(&mut tape, shape);
    resources(&mut tape, shape);
    let mut events = tape.events;
    events.sort_by_key(|event| event.at);
    events
}

/// The first missed slot, and the pod whose turn it was.
pub(crate) fn first_missed(events: &[Event]) -> Option<(u64, String)> {
    events.iter().find_map(|event| match &event.kind {
        Kind::Observed {
            seen:
                Observation::Slot {
                    slot,
                    pod: Some(pod),
                    outcome: SlotOutcome::Missed,
                    ..
                },
            ..
        } => Some((*slot, pod.clone())),
        _ => None,
    })
}

/// A run whose texts try to become part of the page.
pub(crate) fn hostile() -> Vec<Event> {
    let script =
        "</script><script>document.title='taken'</script><img src=x onerror=alert(1)><!-- \u{2028}";
    let mut tape = Tape::new();
    let test = id(script);
    tape.tell(0, started(vec![test.clone()]));
    tape.tell(
        0,
        Kind::TestStarted {
            test: test.clone(),
            attempt: 1,
            repetition: 1,
        },
    );
    tape.tell(
        10,
        Kind::Step {
            test: test.clone(),
            words: script.into(),
        },
    );
    tape.see(
        20,
        Observation::Violated {
            invariant: script.into(),
            seen: script.into(),
            slot: Some(1),
        },
    );
    tape.see(
        30,
        Observation::Silent {
            node: script.into(),
            why: script.into(),
        },
    );
    let verdict = Verdict::Failed {
        message: script.into(),
    };
    ended(&mut tape, 9000, 1, &test, &verdict, false);
    tape.tell(
        9000,
        Kind::RunFinished {
            summary: Summary {
                failed: 1,
                ..Summary::default()
            },
        },
    );
    tape.events
}

fn id(name: &str) -> TestId {
    TestId {
        network: "small".into(),
        name: name.into(),
    }
}

fn started(selected: Vec<TestId>) -> Kind {
    Kind::RunStarted {
        seed: 1_732_606_031_415_926,
        selected,
        left_out: 3,
        partition: None,
        repeat: 1,
        commit: None,
        dud_attacks: false,
    }
}

fn ended(
    tape: &mut Tape,
    millis: u64,
    attempt: u32,
    test: &TestId,
    verdict: &Verdict,
    again: bool,
) {
    let took = Duration::from_millis(millis / 7);
    let (test, verdict) = (test.clone(), verdict.clone());
    tape.tell(
        millis,
        Kind::AttemptFinished {
            test: test.clone(),
            attempt,
            took,
            verdict: verdict.clone(),
            steps: Vec::new(),
            again,
            repetition: 1,
            not_retried: None,
            leaks: Vec::new(),
        },
    );
    if !again {
        tape.tell(
            millis,
            Kind::TestFinished {
                test,
                attempts: attempt,
                took,
                verdict,
                repetition: 1,
                leaks: Vec::new(),
            },
        );
    }
}

/// Tests one after the other, from one share of the run to another.
fn tests(tape: &mut Tape, shape: Shape) {
    let failed = |message: &str| Verdict::Failed {
        message: message.to_owned(),
    };
    let fork = "validator-3 and validator-0 disagree on checkpoint 61\nfirst divergence: slot 82, block 212\n  validator-0: 0x2a7f…9e10\n  validator-3: 0x91c4…03bd\n  validator-3 07:49:51 WARN world-state: reorg detected, pruning to block 208";
    let plan: [(&str, u64, u64, Verdict); 7] = [
        ("transfer", 1, 14, Verdict::Passed),
        ("slow-links", 15, 44, Verdict::Passed),
        (
            "validator-restarts",
            45,
            52,
            failed("balance of 0x1f…: expected 750, seen 1000"),
        ),
        ("validator-restarts", 53, 58, Verdict::Passed),
        (
            "lossy-links",
            59,
            70,
            Verdict::Infrastructure {
                message: "fault lossy did not bite: asked 40 % loss, measured 0 %".into(),
            },
        ),
        ("reorg", 72, 95, failed(fork)),
        (
            "join",
            96,
            96,
            Verdict::Skipped {
                reason: "the kernel has no IPv6".into(),
            },
        ),
    ];
    let mut selected: Vec<TestId> = plan.iter().map(|(name, ..)| id(name)).collect();
    selected.dedup();
    tape.tell(0, started(selected));
    let mut before = "";
    for (nth, (name, from, to, verdict)) in plan.iter().enumerate() {
        let attempt = if before == *name { 2 } else { 1 };
        let again = plan.get(nth + 1).is_some_and(|(next, ..)| next == name);
        let (test, from, to) = (id(name), shape.at(*from) * 1000, shape.at(*to) * 1000);
        tape.tell(
            from,
            Kind::TestStarted {
                test: test.clone(),
                attempt,
                repetition: 1,
            },
        );
        for (at, words) in [
            "deployed token 0x2a7f…",
            "sent 250 from 0x1f… to 0x2b…",
            "waited for checkpoint 61",
        ]
        .into_iter()
        .enumerate()
        {
            let at = from + (to - from) * (at as u64 + 1) / 4;
            tape.tell(
                at,
                Kind::Step {
                    test: test.clone(),
                    words: words.to_owned(),
                },
            );
        }
        ended(tape, to, attempt, &test, verdict, again);
        before = name;
    }
    let summary = Summary {
        passed: 3,
        flaky: 1,
        failed: 1,
        infrastructure: 1,
        skipped: 1,
        took: Duration::from_secs(shape.end()),
        ..Summary::default()
    };
    tape.tell(shape.end() * 1000 + 400, Kind::RunFinished { summary });
}

fn slots(tape: &mut Tape, shape: Shape) -> Vec<SlotOutcome> {
    let mut outcomes = Vec::new();
    for nth in 0..shape.slots {
        let proposer = tape.draw(shape.validators as u64);
        let down = (45..49).contains(&(nth * 100 / shape.slots));
        let outcome = match tape.draw(60) {
            _ if down && proposer % 4 == 2 => SlotOutcome::Missed,
            0 => SlotOutcome::Missed,
            1 | 2 => SlotOutcome::Proposed,
            _ => SlotOutcome::Checkpointed,
        };
        outcomes.push(outcome);
        let seen = Observation::Slot {
            slot: FIRST + nth,
            epoch: (FIRST + nth) / EPOCH,
            proposer: Some(format!("0x{:040x}", 0x00c0_ffee_u64 << 40 | proposer)),
            pod: Some(format!("validator-{proposer}")),
            outcome,
        };
        tape.see((nth + 1) * SLOT * 1000 + tape_jitter(nth), seen);
    }
    outcomes
}

/// Slots are seen to have passed a moment later.
fn tape_jitter(nth: u64) -> u64 {
    nth * 7919 % 1500
}

/// Every node asked every two seconds.
fn chain(tape: &mut Tape, shape: Shape, outcomes: &[SlotOutcome]) {
    let mut ahead = vec![[0_u64; 4]];
    for second in 1..shape.end() {
        ahead.push(next(ahead[ahead.len() - 1], second, outcomes));
    }
    for (place, node) in shape.nodes().into_iter().enumerate() {
        let mut before = [u64::MAX; 4];
        for second in (0..shape.end()).step_by(2) {
            if is_silent(shape, place, second) {
                continue;
            }
            let late = delay(shape, place, second) + tape.draw(2);
            let tips = ahead[usize::try_from(second.saturating_sub(late)).unwrap()];
            if tips == before {
                continue;
            }
            before = tips;
            let tip = |number| Tip {
                number,
                hash: format!("0x{:064x}", number * 0x9e37_79b9),
            };
            let [proposed, checkpointed, proven, finalized] = tips.map(tip);
            let slot = FIRST + second / SLOT;
            tape.see(
                second * 1000 + place as u64 * 13,
                Observation::Tips {
                    node: node.clone(),
                    slot,
                    proposed,
                    checkpointed,
                    proven,
                    finalized,
                },
            );
        }
    }
}

/// The tips of a node that misses nothing, a second later.
fn next(
    [mut proposed, mut checkpointed, mut proven, mut finalized]: [u64; 4],
    second: u64,
    outcomes: &[SlotOutcome],
) -> [u64; 4] {
    let nth = usize::try_from(second / SLOT).unwrap();
    let outcome = outcomes[nth];
    if outcome != SlotOutcome::Missed && second % (SLOT / BLOCKS) == 3 {
        proposed += 1;
    }
    if second % SLOT == SLOT - 2 {
        match outcome {
            SlotOutcome::Checkpointed => checkpointed = proposed,
            SlotOutcome::Proposed => proposed = checkpointed,
            SlotOutcome::Missed => {}
        }
    }
    if second % (SLOT * EPOCH) == SLOT * EPOCH / 2 {
        finalized = proven;
        proven = checkpointed.saturating_sub(EPOCH / 2 * BLOCKS);
    }
    [proposed, checkpointed, proven.max(finalized), finalized]
}

/// Seconds that a node is behind.
fn delay(shape: Shape, place: usize, second: u64) -> u64 {
    let percent = second * 100 / shape.end();
    match place % 4 {
        1 if (16..43).contains(&percent) => 20 + (second / 40) % 30,
        3 if (78..90).contains(&percent) => second - shape.at(78),
        _ => 0,
    }
}

fn is_silent(shape: Shape, place: usize, second: u64) -> bool {
    place == 2 && (shape.at(46)..shape.at(49)).contains(&second)
}

fn faults(tape: &mut Tape, shape: Shape) {
    let mut fault = |name: &str,
                     about: &str,
                     percent: u64,
                     late: u64,
                     state,
                     asked: &str,
                     measured: Option<&str>| {
        let seen = Observation::Fault {
            name: name.into(),
            about: about.into(),
            state,
            asked: asked.into(),
            measured: measured.map(str::to_owned),
        };
        tape.see((shape.at(percent) + late) * 1000, seen);
    };
    let slow = "delay on validator-1, validator-5";
    fault(
        "slow-links",
        slow,
        16,
        0,
        FaultState::Injected,
        "200ms ± 40ms",
        None,
    );
    fault(
        "slow-links",
        slow,
        16,
        6,
        FaultState::Bites,
        "200ms ± 40ms",
        Some("195 ms"),
    );
    fault(
        "slow-links",
        slow,
        43,
        0,
        FaultState::Healed,
        "200ms ± 40ms",
        None,
    );
    fault(
        "lossy",
        "loss on node-0",
        60,
        0,
        FaultState::Injected,
        "40 %",
        None,
    );
    fault(
        "lossy",
        "loss on node-0",
        60,
        25,
        FaultState::DoesNotBite,
        "40 %",
        Some("0 %"),
    );
    fault(
        "lossy",
        "loss on node-0",
        69,
        0,
        FaultState::Healed,
        "40 %",
        None,
    );
    fault(
        "partition",
        "validator-3 from all others",
        78,
        0,
        FaultState::Injected,
        "no packet passes",
        None,
    );
    fault(
        "partition",
        "validator-3 from all others",
        78,
        4,
        FaultState::Bites,
        "no packet passes",
        Some("0 of 20 connections"),
    );
    fault(
        "partition",
        "validator-3 from all others",
        90,
        0,
        FaultState::Healed,
        "no packet passes",
        None,
    );
}

fn disturbances(tape: &mut Tape, shape: Shape) {
    tape.see(
        shape.at(46) * 1000 + 500,
        Observation::Silent {
            node: "validator-2".into(),
            why: "connection refused".into(),
        },
    );
    tape.see(
        shape.at(47) * 1000,
        Observation::Restarted {
            pod: "validator-2".into(),
            restarts: 1,
            why: "OOMKilled (exit code 137)".into(),
        },
    );
    let seen = "block 212: validator-0 has 0x2a7f…9e10, validator-3 has 0x91c4…03bd".to_owned();
    tape.see(
        shape.at(88) * 1000,
        Observation::Violated {
            invariant: "no two nodes disagree on a checkpointed block".into(),
            seen,
            slot: Some(FIRST + shape.slots * 88 / 100),
        },
    );
}

fn transfers(tape: &mut Tape, shape: Shape) {
    for (nth, sent) in (shape.at(2)..shape.at(93))
        .step_by(usize::try_from(shape.transfers).unwrap())
        .enumerate()
    {
        let kind = if nth % 3 == 0 { "public" } else { "private" };
        let mut stage = |stage, took: u64| {
            let seen = Observation::Transfer {
                id: format!("{kind}-{nth}"),
                kind: kind.into(),
                stage,
                took: Duration::from_millis(took),
            };
            if sent * 1000 + took < shape.end() * 1000 {
                tape.see(sent * 1000 + took, seen);
            }
        };
        stage(Stage::Sent, 0);
        let mixed = (nth as u64).wrapping_mul(2_654_435_761) % 9000;
        let slow = if (78..84).contains(&(sent * 100 / shape.end())) {
            30_000
        } else {
            0
        };
        if nth % 97 == 41 {
            continue;
        }
        let proposed = 3000 + mixed + slow;
        let checkpointed =
            ((sent * 1000 + proposed) / (SLOT * 1000) + 1) * SLOT * 1000 - sent * 1000 + 800;
        stage(Stage::Proposed, proposed);
        stage(Stage::Checkpointed, checkpointed);
        stage(Stage::Proven, checkpointed + 60_000 + mixed * 4);
        stage(Stage::Finalized, checkpointed + 110_000 + mixed * 4);
    }
}

fn resources(tape: &mut Tape, shape: Shape) {
    let mut pods = shape.nodes();
    pods.extend(
        [
            "anvil",
            "prover-node-0",
            "prover-agent-0",
            "prover-agent-1",
            "pxe-0",
        ]
        .map(str::to_owned),
    );
    for (place, pod) in pods.into_iter().enumerate() {
        for second in (0..shape.end()).step_by(10) {
            if is_silent(shape, place, second) {
                continue;
            }
            let proving = pod.starts_with("prover-agent") && second % (SLOT * EPOCH) < SLOT * 3;
            let base = if proving {
                900
            } else {
                40 + place as u64 % 5 * 20
            };
            let milli = u32::try_from(base + tape.draw(60)).unwrap();
            let cpu = f64::from(milli) / 1000.0;
            let memory = (380 + place as u64 % 7 * 60 + second / 40 + tape.draw(20)) << 20;
            tape.see(
                second * 1000 + 300,
                Observation::Resources {
                    pod: pod.clone(),
                    cpu,
                    memory,
                },
            );
        }
    }
}
