//! What is between rounds.

use super::*;

/// A test that could not be tested.
fn broken(name: &str) -> Test {
    Test::new("n", name, "", |_| async {
        Err(Failure::Infrastructure("no node is ready".into()))
    })
}

/// A gate that opens when so much time has passed, and looks for half a minute each time.
fn healthy_after(outage: Duration) -> Gate {
    let start = Instant::now();
    Gate::new(Duration::from_mins(3), move |_| async move {
        if start.elapsed() >= outage {
            return Ok(());
        }
        tokio::time::sleep_until(Instant::now() + Duration::from_secs(30)).await;
        Err("no node is ready".to_owned())
    })
}

fn outages(events: &[Event]) -> Vec<(Timestamp, Duration, bool)> {
    let ended = events.iter().filter_map(|event| match &event.kind {
        Kind::OutageEnded(outage) => Some((outage.since, outage.took, outage.healed)),
        _ => None,
    });
    ended.collect()
}

/// Begun tests, in all.
fn begun(events: &[Event]) -> usize {
    let begun = |event: &&Event| matches!(event.kind, Kind::TestStarted { .. });
    events.iter().filter(begun).count()
}

#[tokio::test(start_paused = true)]
async fn no_round_begins_in_an_outage_which_is_told_with_since_when() {
    let outage = Duration::from_mins(30);
    let start = Instant::now();
    let test = Test::new("n", "chain", "", move |_| async move {
        tokio::time::sleep_until(Instant::now() + Duration::from_mins(1)).await;
        if (Duration::from_mins(3)..outage).contains(&start.elapsed()) {
            return Err(Failure::Infrastructure("no node is ready".into()));
        }
        Ok(())
    });
    let options = Options {
        lasts: Duration::from_hours(1),
        gate: Some(healthy_after(outage)),
        ..options()
    };
    let (summary, events) = run_all(vec![test], options, &CancellationToken::new()).await;
    assert_eq!(
        (summary.infrastructure, summary.outages),
        (1, 1),
        "{summary:?}"
    );
    assert!(summary.passed > 20, "rounds begin again: {summary:?}");
    let [(since, took, healed)] = outages(&events)[..] else {
        panic!("one outage: {events:?}");
    };
    assert_eq!(
        since,
        Timestamp::from_second(180).unwrap(),
        "the first that did not pass"
    );
    let late = Duration::from_mins(5 + 1);
    assert!(healed && since.as_second() == 180 && took + Duration::from_mins(3) < outage + late);
    let began = events.iter().find_map(|event| match &event.kind {
        Kind::OutageBegan {
            network,
            since,
            why,
        } => Some((network.as_str(), *since, why.as_str())),
        _ => None,
    });
    let why = "network n is not healthy: no node is ready";
    assert_eq!(began, Some(("n", since, why)));
    assert_eq!(summary.exit_code().code(), 22);
}

#[tokio::test(start_paused = true)]
async fn one_look_begins_an_outage_and_one_look_ends_it() {
    let options = Options {
        lasts: Duration::from_mins(2),
        gate: Some(healthy_after(Duration::from_secs(20))),
        ..options()
    };
    let (summary, events) = run_all(vec![broken("a")], options, &CancellationToken::new()).await;
    assert_eq!(summary.outages, 1);
    let began = (events.iter()).find(|event| matches!(event.kind, Kind::OutageBegan { .. }));
    assert_eq!(began.map(|event| event.at.as_second()), Some(30));
    // The pause is 10 s.
    let took = Duration::from_secs(40);
    assert_eq!(outages(&events), [(Timestamp::UNIX_EPOCH, took, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_hangs_is_cut_off_after_a_minute() {
    let options = Options {
        lasts: Duration::from_mins(2),
        gate: Some(Gate::new(Duration::from_mins(3), |_| {
            std::future::pending()
        })),
        ..options()
    };
    let (_, events) = run_all(vec![broken("a")], options, &CancellationToken::new()).await;
    let began = (events.iter()).find(|event| matches!(event.kind, Kind::OutageBegan { .. }));
    assert_eq!(began.map(|event| event.at.as_second()), Some(60));
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_for_the_network_to_recover() {
    let gate = healthy_after(Duration::from_mins(2));
    assert_eq!(attempts(Some(gate)).await, (4, None));
}

#[tokio::test(start_paused = true)]
async fn an_outage_ends_with_the_time_of_the_run_or_with_its_interruption() {
    let options = Options {
        lasts: Duration::from_mins(20),
        gate: Some(healthy_after(Duration::MAX)),
        ..options()
    };
    let (summary, events) = run_all(
        vec![broken("a")],
        options.clone(),
        &CancellationToken::new(),
    )
    .await;
    assert_eq!((summary.infrastructure, summary.outages), (1, 1));
    assert_eq!(summary.took, Duration::from_mins(20));
    assert_eq!(
        outages(&events),
        [(Timestamp::UNIX_EPOCH, summary.took, false)]
    );
    let cancel = CancellationToken::new();
    let later = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep_until(Instant::now() + Duration::from_mins(4)).await;
        later.cancel();
    });
    let (summary, events) = run_all(vec![broken("a")], options, &cancel).await;
    assert!(summary.interrupted && outages(&events).len() == 1);
    assert_eq!(summary.took, Duration::from_mins(4));
}

#[tokio::test(start_paused = true)]
async fn on_a_healthy_network_rounds_that_go_badly_come_less_and_less_often() {
    let options = Options {
        lasts: Duration::from_hours(1),
        gate: Some(healthy()),
        ..options()
    };
    let (summary, events) = run_all(vec![broken("a")], options, &CancellationToken::new()).await;
    assert!(outages(&events).is_empty() && summary.outages == 0);
    // 10 s, twice as long each time, and no longer than 5 minutes.
    let starts = events
        .iter()
        .filter(|event| matches!(event.kind, Kind::TestStarted { .. }));
    let starts: Vec<i64> = starts.map(|event| event.at.as_second()).collect();
    assert_eq!(starts[..8], [0, 10, 30, 70, 150, 310, 610, 910]);
    assert_eq!(begun(&events), 16);
}

#[tokio::test(start_paused = true)]
async fn where_everything_is_skipped_one_round_is_enough() {
    let options = Options {
        lasts: Duration::from_hours(1),
        ..options()
    };
    let skipped = Test::new("n", "a", "", |_| async { Err(Failure::skipped("a pxe")) });
    let (summary, _) = run_all(vec![skipped], options, &CancellationToken::new()).await;
    assert_eq!((summary.skipped, summary.took), (1, Duration::ZERO));
}
