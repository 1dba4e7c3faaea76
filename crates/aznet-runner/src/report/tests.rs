use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::{
    event::{Kind, Summary},
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
    }
}

fn finished(name: &str, attempts: u32, verdict: Verdict) -> Kind {
    Kind::TestFinished {
        test: id(name),
        attempts,
        took: Duration::from_millis(24_680),
        verdict,
    }
}

/// A run with every kind of end.
fn recorded() -> Vec<Event> {
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
        },
        Kind::TestStarted {
            test: id("broken"),
            attempt: 1,
        },
        attempt("broken", 1, broken(), false),
        finished("broken", 1, broken()),
        Kind::TestStarted {
            test: id("fails"),
            attempt: 1,
        },
        Kind::Step {
            test: id("fails"),
            words: "deployed token 0x2a".into(),
        },
        attempt("fails", 1, failed(), false),
        finished("fails", 1, failed()),
        Kind::TestStarted {
            test: id("flaky"),
            attempt: 1,
        },
        attempt("flaky", 1, failed(), true),
        Kind::TestStarted {
            test: id("flaky"),
            attempt: 2,
        },
        attempt("flaky", 2, Verdict::Passed, false),
        finished("flaky", 2, Verdict::Passed),
        Kind::TestStarted {
            test: id("skipped"),
            attempt: 1,
        },
        attempt("skipped", 1, skipped(), false),
        finished("skipped", 1, skipped()),
        Kind::TestStarted {
            test: id("transfer"),
            attempt: 1,
        },
        Kind::Slow {
            test: id("transfer"),
            elapsed: Duration::from_mins(1),
            waiting,
        },
        attempt("transfer", 1, Verdict::Passed, false),
        finished("transfer", 1, Verdict::Passed),
        Kind::RunFinished {
            summary: Summary {
                passed: 2,
                flaky: 1,
                failed: 1,
                infrastructure: 1,
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
