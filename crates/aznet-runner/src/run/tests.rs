use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::*;
use crate::select::select;

fn options() -> Options {
    Options {
        now: Timestamp::UNIX_EPOCH,
        seed: 7,
        retries: 0,
        fail_fast: false,
        grace: Duration::from_secs(5),
    }
}

async fn run_all(
    tests: Vec<Test>,
    options: Options,
    cancel: &CancellationToken,
) -> (Summary, Vec<Event>) {
    let mut events = Vec::new();
    let selection = select(tests, |test| &test.id, &[], None);
    let summary = run(selection, options, cancel, &mut |event: &Event| {
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
        vec![test],
        Options {
            retries: 2,
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
            fail_fast: true,
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
    let (summary, events) = run_all(vec![first, second], options(), &cancel).await;
    assert_eq!((summary.not_run, summary.exit_code().code()), (2, 130));
    assert!(events.iter().any(|event| event.kind == Kind::Interrupted));
}
