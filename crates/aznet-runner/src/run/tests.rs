mod outages;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::*;
use crate::{
    gate::Gate,
    select::{Wanted, select},
    test::{Class, Context},
    verdict::{Failure, Leaks, Verdict},
};

fn options() -> Options {
    Options {
        now: Timestamp::UNIX_EPOCH,
        seed: 7,
        repeat: 1,
        lasts: Duration::ZERO,
        commit: None,
        dud_attacks: false,
        max_fail: None,
        capacity: 4,
        networks: 1,
        leaks: Leaks::Report,
        grace: Duration::from_secs(5),
        gate: None,
        asked: Arc::default(),
    }
}

/// A gate that is always open.
fn healthy() -> Gate {
    Gate::new(Duration::from_secs(10), |_| async { Ok(()) })
}

async fn run_all(
    tests: Vec<Test>,
    options: Options,
    cancel: &CancellationToken,
) -> (Summary, Vec<Event>) {
    let mut events = Vec::new();
    let selection = select(tests, &Wanted::default());
    let summary = run(selection, &options, cancel, &mut |event: &Event| {
        events.push(event.clone());
    })
    .await;
    (summary, events)
}

async fn run_one(test: Test) -> (Summary, Verdict) {
    let (summary, events) = run_all(vec![test], options(), &CancellationToken::new()).await;
    let verdict = events.into_iter().find_map(|event| match event.kind {
        Kind::TestFinished { verdict, .. } => Some(verdict),
        _ => None,
    });
    (summary, verdict.expect("a finished test"))
}

#[tokio::test(start_paused = true)]
async fn verdicts_are_what_tests_say() {
    let test = |result: Result<(), Failure>| {
        Test::new("n", "t", "", move |_| {
            let result = result.clone();
            async { result }
        })
    };
    assert_eq!(run_one(test(Ok(()))).await.1, Verdict::Passed);
    assert_eq!(
        run_one(test(Err(Failure::assertion("1 != 2")))).await.1,
        Verdict::Failed {
            message: "1 != 2".into()
        }
    );
    let (summary, verdict) = run_one(test(Err(Failure::skipped("no netem")))).await;
    assert_eq!(
        (summary.skipped, verdict),
        (
            1,
            Verdict::Skipped {
                reason: "no netem".into()
            }
        )
    );
}

/// A test that would have passed, too.
#[tokio::test(start_paused = true)]
async fn what_must_never_be_seen_fails_a_test_whatever_it_says() {
    let test = |result: Result<(), Failure>| {
        Test::new("n", "t", "", move |context: Context| {
            let result = result.clone();
            async move {
                for (seen, slot) in [("a has x, b has y", Some(7)), ("worse", None)] {
                    context.observed(crate::Observation::Violated {
                        invariant: "one chain".into(),
                        seen: seen.into(),
                        slot,
                    });
                }
                result
            }
        })
    };
    let first = "first divergence, slot 7: a has x, b has y (rule: one chain)";
    let failed = |message: &str| Verdict::Failed {
        message: message.into(),
    };
    assert_eq!(run_one(test(Ok(()))).await.1, failed(first));
    for failure in [
        Failure::assertion("1 != 2"),
        Failure::Infrastructure("1 != 2".into()),
    ] {
        let verdict = run_one(test(Err(failure))).await.1;
        assert_eq!(verdict, failed(&format!("1 != 2; {first}")));
    }
    let (summary, _) = run_one(test(Err(Failure::skipped("no netem")))).await;
    assert_eq!(summary.skipped, 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_of_that_test_only() {
    let bad = Test::new("n", "a", "", |_| async { panic!("at the {}", "disco") });
    let good = Test::new("n", "b", "", |_| async { Ok(()) });
    let (summary, _) = run_all(
        vec![bad.clone(), good],
        options(),
        &CancellationToken::new(),
    )
    .await;
    assert_eq!((summary.failed, summary.passed), (1, 1));
    assert_eq!(
        run_one(bad).await.1,
        Verdict::Failed {
            message: "panicked: at the disco".into()
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_test_fails_with_what_it_waited_for_and_cleans_up() {
    let cleaned = Arc::new(AtomicU32::new(0));
    let seen = cleaned.clone();
    let test = Test::new("n", "t", "", move |context: Context| {
        let seen = seen.clone();
        async move {
            context.waiting("block 12 proven", "block 8");
            context.cancel.cancelled().await;
            seen.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    });
    let (summary, verdict) = run_one(test.deadline(Duration::from_secs(30))).await;
    assert_eq!(cleaned.load(Ordering::Relaxed), 1);
    assert_eq!(summary.took, Duration::from_secs(30));
    let message = "not done within 30.0s; waiting for block 12 proven (last seen: block 8)".into();
    assert_eq!(verdict, Verdict::Failed { message });
}

#[tokio::test(start_paused = true)]
async fn a_test_that_does_not_stop_is_left_behind_after_its_grace() {
    let test =
        Test::new("n", "t", "", |_| std::future::pending()).deadline(Duration::from_secs(30));
    let (summary, _) = run_one(test).await;
    assert_eq!((summary.failed, summary.took), (1, Duration::from_secs(35)));
}

#[tokio::test(start_paused = true)]
async fn slow_tests_say_what_they_wait_for() {
    let test = Test::new("n", "t", "", |context: Context| async move {
        context.waiting("a block", "none");
        tokio::time::sleep(Duration::from_secs(150)).await;
        Ok(())
    });
    let (_, events) = run_all(vec![test], options(), &CancellationToken::new()).await;
    let slow: Vec<_> = events
        .iter()
        .filter(|event| matches!(event.kind, Kind::Slow { .. }))
        .collect();
    assert_eq!(slow.len(), 2);
    assert!(
        matches!(&slow[0].kind, Kind::Slow { elapsed, waiting: Some(Waiting { what, .. }), .. }
        if *elapsed == Duration::from_mins(1) && what == "a block")
    );
    assert_eq!(slow[0].at.as_second(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_test_that_passes_later_is_flaky() {
    let attempts = Arc::new(AtomicU32::new(0));
    let test = Test::new("n", "t", "", move |_| {
        let first = attempts.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if first {
                Err(Failure::assertion("not yet"))
            } else {
                Ok(())
            }
        }
    });
    let (summary, events) = run_all(
        vec![test.retries(2)],
        Options {
            gate: Some(healthy()),
            ..options()
        },
        &CancellationToken::new(),
    )
    .await;
    assert_eq!((summary.passed, summary.flaky, summary.failed), (1, 1, 0));
    let attempts = events
        .iter()
        .filter(|event| matches!(event.kind, Kind::TestStarted { .. }))
        .count();
    assert_eq!(attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn fail_fast_leaves_the_rest() {
    let bad = Test::new("n", "a", "", |_| async { Err(Failure::assertion("no")) });
    let rest = Test::new("n", "b", "", |_| async { Ok(()) });
    let (summary, _) = run_all(
        vec![bad, rest],
        Options {
            max_fail: Some(1),
            capacity: 1,
            ..options()
        },
        &CancellationToken::new(),
    )
    .await;
    assert_eq!((summary.failed, summary.not_run), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_interruption_ends_the_run() {
    let cancel = CancellationToken::new();
    let trigger = cancel.clone();
    let first = Test::new("n", "a", "", move |context: Context| {
        let trigger = trigger.clone();
        async move {
            trigger.cancel();
            context.cancel.cancelled().await;
            Ok(())
        }
    });
    let second = Test::new("n", "b", "", |_| async { Ok(()) });
    let alone = Options {
        capacity: 1,
        ..options()
    };
    let (summary, events) = run_all(vec![first, second], alone, &cancel).await;
    assert_eq!((summary.not_run, summary.exit_code().code()), (2, 130));
    assert!(events.iter().any(|event| event.kind == Kind::Interrupted));
}

/// What a run told, a word for each start and end.
fn starts_and_ends(events: &[Event]) -> Vec<String> {
    let word = |event: &Event| match &event.kind {
        Kind::TestStarted { test, .. } => Some(format!("+{}", test.name)),
        Kind::TestFinished { test, .. } => Some(format!("-{}", test.name)),
        _ => None,
    };
    events.iter().filter_map(word).collect()
}

fn sleeps(name: &str, seconds: u64) -> Test {
    Test::new("n", name, "", move |_| async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        Ok(())
    })
}

#[tokio::test(start_paused = true)]
async fn what_observes_runs_side_by_side_and_what_disrupts_alone() {
    let tests = vec![
        sleeps("a", 30),
        sleeps("b", 20),
        sleeps("c", 10).class(Class::Disrupt),
        sleeps("d", 10).class(Class::Disrupt),
    ];
    let (summary, events) = run_all(tests, options(), &CancellationToken::new()).await;
    let told = ["+a", "+b", "-b", "-a", "+c", "-c", "+d", "-d"];
    assert_eq!(starts_and_ends(&events), told);
    assert_eq!((summary.passed, summary.took), (4, Duration::from_secs(50)));
}

#[tokio::test(start_paused = true)]
async fn weights_share_the_capacity() {
    let tests = vec![
        sleeps("a", 10).weight(3),
        sleeps("b", 10).weight(2),
        sleeps("c", 10),
    ];
    let (_, events) = run_all(tests, options(), &CancellationToken::new()).await;
    assert_eq!(
        starts_and_ends(&events),
        ["+a", "-a", "+b", "+c", "-b", "-c"]
    );
}

/// What runs side by side is interrupted at once, and told once.
#[tokio::test(start_paused = true)]
async fn an_interruption_stops_all_that_runs() {
    let cancel = CancellationToken::new();
    let trigger = cancel.clone();
    let stubborn = Test::new("n", "a", "", |_| std::future::pending());
    let trigger = Test::new("n", "b", "", move |_| {
        trigger.cancel();
        std::future::pending()
    });
    let (summary, events) = run_all(vec![stubborn, trigger], options(), &cancel).await;
    assert_eq!((summary.not_run, summary.took), (2, Duration::from_secs(5)));
    let told = events
        .iter()
        .filter(|event| event.kind == Kind::Interrupted);
    assert_eq!(told.count(), 1);
}

fn fails() -> Test {
    Test::new("n", "t", "", |_| async { Err(Failure::assertion("no")) }).retries(3)
}

/// Attempts, and why there are no more.
async fn attempts(gate: Option<Gate>) -> (usize, Option<String>) {
    let options = Options { gate, ..options() };
    let (_, events) = run_all(vec![fails()], options, &CancellationToken::new()).await;
    let ended = events.iter().filter_map(|event| match &event.kind {
        Kind::AttemptFinished { not_retried, .. } => Some(not_retried.clone()),
        _ => None,
    });
    let ended: Vec<Option<String>> = ended.collect();
    (ended.len(), ended.last().cloned().flatten())
}

#[tokio::test(start_paused = true)]
async fn retries_need_a_network_that_is_seen_to_be_healthy() {
    assert_eq!(attempts(Some(healthy())).await, (4, None));
    let (count, why) = attempts(None).await;
    assert!(count == 1 && why.is_some());
    let stalled = Gate::new(Duration::from_secs(9), |_| async {
        Err("it is stalled".to_owned())
    });
    let why = "network n is not healthy: it is stalled".to_owned();
    assert_eq!(attempts(Some(stalled)).await, (1, Some(why)));
    let silent = Gate::new(Duration::from_secs(9), |_| std::future::pending());
    let why = "network n was not seen to be healthy within 9.0s".to_owned();
    assert_eq!(attempts(Some(silent)).await, (1, Some(why)));
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_told_when_somebody_asks() {
    let options = Options {
        capacity: 1,
        ..options()
    };
    let asked = options.asked.clone();
    let test = Test::new("n", "a", "", move |context: Context| {
        let asked = asked.clone();
        async move {
            context.waiting("a block", "none");
            tokio::time::sleep(Duration::from_secs(12)).await;
            asked.notify_one();
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        }
    });
    let (_, events) = run_all(
        vec![test, sleeps("b", 1)],
        options,
        &CancellationToken::new(),
    )
    .await;
    let told = events.into_iter().find_map(|event| match event.kind {
        Kind::Running { tests, queued } => Some((tests, queued)),
        _ => None,
    });
    let (tests, queued) = told.expect("what runs");
    let waiting = tests[0]
        .waiting
        .as_ref()
        .map(|waiting| waiting.what.as_str());
    assert_eq!((tests.len(), queued, waiting), (1, 1, Some("a block")));
    assert_eq!(tests[0].elapsed, Duration::from_secs(12));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_proved_to_be_cleaned_up_is_a_leak() {
    let leaky = Test::new("n", "leaky", "", |context: Context| async move {
        let forgotten = context.must_clean_up("fault cut-0");
        let done = context.must_clean_up("fault cut-1");
        done.proved();
        drop(forgotten);
        Ok(())
    });
    let never_ends = Test::new("n", "stuck", "", |context: Context| async move {
        let _held = context.must_clean_up("fault cut-2");
        std::future::pending().await
    });
    let tests = vec![leaky.clone(), never_ends];
    let (summary, events) = run_all(tests, options(), &CancellationToken::new()).await;
    assert_eq!((summary.passed, summary.leaky, summary.failed), (1, 1, 1));
    let left: Vec<Vec<String>> = events
        .into_iter()
        .filter_map(|event| match event.kind {
            Kind::TestFinished { leaks, .. } => Some(leaks),
            _ => None,
        })
        .collect();
    assert_eq!(left, [["fault cut-0"], ["fault cut-2"]]);
    let strict = Options {
        leaks: Leaks::Fail,
        ..options()
    };
    let (summary, _) = run_all(vec![leaky], strict, &CancellationToken::new()).await;
    assert_eq!((summary.passed, summary.leaky, summary.failed), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn tests_are_repeated_in_rounds() {
    let options = Options {
        repeat: 2,
        ..options()
    };
    let tests = vec![sleeps("a", 1), sleeps("b", 2)];
    let (summary, events) = run_all(tests, options, &CancellationToken::new()).await;
    assert_eq!(summary.passed, 4);
    let told = ["+a", "+b", "-a", "-b", "+a", "+b", "-a", "-b"];
    assert_eq!(starts_and_ends(&events), told);
}

#[tokio::test(start_paused = true)]
async fn rounds_begin_until_the_time_is_over() {
    let options = Options {
        lasts: Duration::from_secs(5),
        ..options()
    };
    let tests = || vec![sleeps("a", 2)];
    let (summary, events) = run_all(tests(), options.clone(), &CancellationToken::new()).await;
    assert_eq!(summary.passed, 3, "the last one is finished");
    let last = events.iter().rev().find_map(|event| match event.kind {
        Kind::TestFinished { repetition, .. } => Some(repetition),
        _ => None,
    });
    assert_eq!(last, Some(3));
    let cancel = CancellationToken::new();
    cancel.cancel();
    let (summary, _) = run_all(tests(), options.clone(), &cancel).await;
    assert_eq!((summary.passed, summary.not_run), (0, 1));
    let (summary, _) = run_all(Vec::new(), options, &CancellationToken::new()).await;
    assert_eq!(summary.finished(), 0);
}
