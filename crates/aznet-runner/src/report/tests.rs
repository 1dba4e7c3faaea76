use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::{
    event::{Kind, Outage, Running, Summary},
    test::{TestId, Waiting},
    verdict::Verdict,
};

fn id(name: &str) -> TestId {
    TestId {
        network: "small".into(),
        name: name.into(),
    }
}

fn attempt(name: &str, attempt: u32, verdict: Verdict, again: bool) -> Kind {
    let steps = vec!["deployed token 0x2a".to_owned()];
    Kind::AttemptFinished {
        test: id(name),
        attempt,
        took: Duration::from_millis(12_340),
        verdict,
        steps,
        again,
        repetition: 1,
        not_retried: None,
        leaks: Vec::new(),
    }
}

fn finished(name: &str, attempts: u32, verdict: Verdict) -> Kind {
    Kind::TestFinished {
        test: id(name),
        attempts,
        took: Duration::from_millis(24_680),
        verdict,
        repetition: 1,
        leaks: Vec::new(),
    }
}

fn started(name: &str, attempt: u32) -> Kind {
    Kind::TestStarted {
        test: id(name),
        repetition: 1,
        attempt,
    }
}

fn outage() -> Outage {
    Outage {
        network: "small".into(),
        since: Timestamp::UNIX_EPOCH,
        took: Duration::from_hours(2),
        why: "network small is not healthy: no node is ready".into(),
        healed: true,
    }
}

fn outage_began() -> Kind {
    let Outage {
        network,
        since,
        why,
        ..
    } = outage();
    Kind::OutageBegan {
        network,
        since,
        why,
    }
}

/// A run with every kind of end.
pub(super) fn recorded() -> Vec<Event> {
    let failed = || Verdict::Failed {
        message: "balance of 0x1: expected 750, seen 1000".into(),
    };
    let broken = || Verdict::Infrastructure {
        message: "pxe-0:8080: timed out after 10s".into(),
    };
    let skipped = || Verdict::Skipped {
        reason: "kernel without netem".into(),
    };
    let waiting = Some(Waiting {
        what: "block 12 proven".into(),
        last: "block 8".into(),
    });
    let kinds = vec![
        Kind::RunStarted {
            seed: 42,
            selected: ["broken", "fails", "flaky", "skipped", "transfer"]
                .map(id)
                .into(),
            left_out: 3,
            partition: "1/2".parse().ok(),
            repeat: 1,
            commit: None,
            dud_attacks: false,
        },
        started("broken", 1),
        attempt("broken", 1, broken(), false),
        finished("broken", 1, broken()),
        started("fails", 1),
        Kind::Step {
            test: id("fails"),
            words: "deployed token 0x2a".into(),
        },
        attempt("fails", 1, failed(), false),
        finished("fails", 1, failed()),
        started("flaky", 1),
        attempt("flaky", 1, failed(), true),
        started("flaky", 2),
        attempt("flaky", 2, Verdict::Passed, false),
        finished("flaky", 2, Verdict::Passed),
        started("skipped", 1),
        attempt("skipped", 1, skipped(), false),
        finished("skipped", 1, skipped()),
        started("transfer", 1),
        Kind::Slow {
            test: id("transfer"),
            elapsed: Duration::from_mins(1),
            waiting,
        },
        attempt("transfer", 1, Verdict::Passed, false),
        finished("transfer", 1, Verdict::Passed),
        outage_began(),
        Kind::OutageEnded(outage()),
        Kind::RunFinished {
            summary: Summary {
                passed: 2,
                flaky: 1,
                failed: 1,
                infrastructure: 1,
                outages: 1,
                skipped: 1,
                took: Duration::from_millis(123_450),
                ..Summary::default()
            },
        },
    ];
    let at = Timestamp::UNIX_EPOCH;
    kinds.into_iter().map(|kind| Event { at, kind }).collect()
}

fn report<'a, R: Reporter + 'a>(make: impl FnOnce(&'a mut Vec<u8>) -> R, out: &'a mut Vec<u8>) {
    let mut reporter = make(out);
    for event in recorded() {
        reporter.event(&event).unwrap();
    }
}

#[test]
fn lines_for_people() {
    let mut out = Vec::new();
    report(|out| Human::new(out, false, false), &mut out);
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn every_step_with_its_time() {
    let mut out = Vec::new();
    report(|out| Human::new(out, false, true), &mut out);
    let text = String::from_utf8(out).unwrap();
    let step = "        STEP [    0.0s] small::fails: deployed token 0x2a\n";
    assert!(text.contains(step), "{text}");
}

#[test]
fn junit() {
    let mut out = Vec::new();
    let mut junit = Junit::new(|document: &[u8]| {
        out = document.to_vec();
        Ok(())
    });
    for event in recorded() {
        junit.event(&event).unwrap();
    }
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

fn told(kinds: Vec<Kind>) -> Vec<Event> {
    let at = Timestamp::UNIX_EPOCH;
    kinds.into_iter().map(|kind| Event { at, kind }).collect()
}

fn lines(events: &[Event]) -> String {
    let mut out = Vec::new();
    let mut human = Human::new(&mut out, false, false);
    for event in events {
        human.event(event).unwrap();
    }
    String::from_utf8(out).unwrap()
}

/// Two tests that ran side by side, twice: one leaves something behind, the other fails and is not retried.
fn side_by_side() -> Vec<Event> {
    let mut kinds = vec![Kind::RunStarted {
        seed: 42,
        selected: ["a", "b"].map(id).into(),
        left_out: 0,
        partition: None,
        repeat: 2,
        commit: None,
        dud_attacks: false,
    }];
    for repetition in 1..=2 {
        let start = |name| Kind::TestStarted {
            test: id(name),
            repetition,
            attempt: 1,
        };
        let attempt = |name, verdict, leaks, not_retried| Kind::AttemptFinished {
            test: id(name),
            repetition,
            attempt: 1,
            took: Duration::from_secs(u64::from(repetition)),
            verdict,
            steps: vec![format!("{name} has begun")],
            again: false,
            not_retried,
            leaks,
        };
        let end = |name, verdict, leaks| Kind::TestFinished {
            test: id(name),
            repetition,
            attempts: 1,
            took: Duration::from_secs(u64::from(repetition)),
            verdict,
            leaks,
        };
        let failed = || Verdict::Failed {
            message: "1 | 2".into(),
        };
        let leaks = || vec!["fault cut-0".to_owned()];
        let why = Some("network small is not healthy: it is stalled".to_owned());
        kinds.extend([
            start("a"),
            start("b"),
            attempt("b", failed(), Vec::new(), why),
            end("b", failed(), Vec::new()),
            attempt("a", Verdict::Passed, leaks(), None),
            end("a", Verdict::Passed, leaks()),
        ]);
    }
    let summary = Summary {
        passed: 2,
        leaky: 2,
        failed: 2,
        ..Summary::default()
    };
    kinds.push(Kind::RunFinished { summary });
    told(kinds)
}

#[test]
fn repetitions_leaks_and_retries_that_were_refused_are_told() {
    insta::assert_snapshot!(lines(&side_by_side()));
}

/// The attempts of tests that run at the same time were counted as one test's.
#[test]
fn junit_keeps_tests_that_ran_side_by_side_apart() {
    let mut out = Vec::new();
    let mut junit = Junit::new(|document: &[u8]| {
        out = document.to_vec();
        Ok(())
    });
    for event in side_by_side() {
        junit.event(&event).unwrap();
    }
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn what_runs_is_told_with_what_it_waits_for() {
    let tests = [("a", 1, None), ("b", 2, Some("block 12"))].map(|(name, attempt, what)| Running {
        test: id(name),
        attempt,
        elapsed: Duration::from_millis(61_250),
        waiting: what.map(|what| Waiting {
            what: what.into(),
            last: "block 8".into(),
        }),
    });
    assert_eq!(
        running(&tests, 3),
        "2 tests running, 3 queued\n  small::a for 61.2s\n  \
         small::b (attempt 2) for 61.2s waits for block 12 (last seen: block 8)"
    );
}

/// A second Ctrl-C leaves at once, and left an empty file.
#[test]
fn r07_a_run_that_is_interrupted_has_a_whole_junit_report_at_once() {
    let mut out = Vec::new();
    let mut junit = Junit::new(|document: &[u8]| {
        out = document.to_vec();
        Ok(())
    });
    let events = recorded().into_iter();
    let begun = events.take_while(|event| !matches!(event.kind, Kind::TestFinished { .. }));
    let interrupted = Event {
        at: Timestamp::UNIX_EPOCH,
        kind: Kind::Interrupted,
    };
    for event in begun.chain([interrupted]) {
        junit.event(&event).unwrap();
    }
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("interrupted") && text.contains("not run"),
        "{text}"
    );
    assert!(text.trim_end().ends_with("</testsuites>"), "{text}");
}

#[test]
fn every_line_of_json_is_an_event() {
    let mut out = Vec::new();
    report(JsonLines::new, &mut out);
    let text = String::from_utf8(out).unwrap();
    let read: Vec<Event> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(read, recorded());
}

#[test]
fn markdown() {
    let mut out = Vec::new();
    report(Markdown::new, &mut out);
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn a_fence_is_longer_than_what_is_fenced() {
    let mut out = Vec::new();
    let mut reporter = Markdown::new(&mut out);
    let message = "```\nnot closed here".to_owned();
    let kind = finished("fails", 1, Verdict::Failed { message });
    let end = Kind::RunFinished {
        summary: Summary::default(),
    };
    for kind in [kind, end] {
        let at = Timestamp::UNIX_EPOCH;
        reporter.event(&Event { at, kind }).unwrap();
    }
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("````text\n```\nnot closed here\n````"),
        "{text}"
    );
}

/// What a killed run has recorded: no end, and a last line that is not whole.
#[test]
fn a_run_that_was_killed_is_told_as_interrupted() {
    let mut record = Vec::new();
    report(JsonLines::new, &mut record);
    let record = String::from_utf8(record).unwrap();
    let until = record.find("run-finished").unwrap();
    let events = read(&record[..until]).unwrap();
    let mut document = Document::default();
    replay(&events, &mut document).unwrap();
    let summary = document.summary;
    assert!(summary.interrupted);
    assert_eq!((summary.passed, summary.failed, summary.not_run), (2, 1, 0));
}

#[test]
fn a_recorded_run_is_reported_as_it_was() {
    let (mut record, mut then, mut again) = (Vec::new(), Vec::new(), Vec::new());
    report(JsonLines::new, &mut record);
    report(|out| Human::new(out, true, false), &mut then);
    let events = read(&String::from_utf8(record).unwrap()).unwrap();
    replay(&events, &mut Human::new(&mut again, true, false)).unwrap();
    assert_eq!(then, again);
}

#[test]
fn a_line_that_is_no_event_is_named() {
    let error = read("{\"at\":\"1970-01-01T00:00:00Z\",\"event\":\"interrupted\"}\nnonsense\n")
        .unwrap_err();
    assert_eq!(error.line, 2);
}

#[test]
fn an_empty_run_says_so() {
    let mut out = Vec::new();
    let summary = Summary::default();
    let event = Event {
        at: Timestamp::UNIX_EPOCH,
        kind: Kind::RunFinished { summary },
    };
    Human::new(&mut out, false, false).event(&event).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}
