//! A recorded run, reported again.

use super::support::Sandbox;

/// What a run of two tests has recorded, one of which failed at first.
const RECORD: &str = r#"{"at":"2026-01-02T03:04:05Z","event":"run-started","seed":7,"selected":[{"network":"small","name":"finality"},{"network":"small","name":"transfer"}],"left_out":1,"partition":null}
{"at":"2026-01-02T03:04:05Z","event":"test-started","test":{"network":"small","name":"finality"},"attempt":1}
{"at":"2026-01-02T03:04:05Z","event":"test-started","test":{"network":"small","name":"transfer"},"attempt":1}
{"at":"2026-01-02T03:04:06Z","event":"step","test":{"network":"small","name":"transfer"},"words":"deployed a token"}
{"at":"2026-01-02T03:04:07Z","event":"attempt-finished","test":{"network":"small","name":"finality"},"attempt":1,"took":2.0,"verdict":"passed","steps":[],"again":false}
{"at":"2026-01-02T03:04:07Z","event":"test-finished","test":{"network":"small","name":"finality"},"attempts":1,"took":2.0,"verdict":"passed"}
{"at":"2026-01-02T03:04:08Z","event":"attempt-finished","test":{"network":"small","name":"transfer"},"attempt":1,"took":3.0,"verdict":"failed","message":"balance of 0x1: expected 750, seen 1000","steps":["deployed a token"],"again":true}
{"at":"2026-01-02T03:04:08Z","event":"test-started","test":{"network":"small","name":"transfer"},"attempt":2}
{"at":"2026-01-02T03:04:10Z","event":"attempt-finished","test":{"network":"small","name":"transfer"},"attempt":2,"took":2.0,"verdict":"passed","steps":["deployed a token"],"again":false}
{"at":"2026-01-02T03:04:10Z","event":"test-finished","test":{"network":"small","name":"transfer"},"attempts":2,"took":5.0,"verdict":"passed"}
{"at":"2026-01-02T03:04:10Z","event":"run-finished","summary":{"passed":2,"flaky":1,"failed":0,"infrastructure":0,"skipped":0,"not_run":0,"interrupted":false,"took":5.0}}
"#;

#[test]
fn a_run_is_reported_again_in_every_form() {
    let sandbox = Sandbox::new();
    sandbox.write("out/events.jsonl", RECORD);
    insta::assert_snapshot!("report-human", sandbox.run(&["report", "out"]));
    let json = sandbox.run(&["report", "out/events.jsonl", "-o", "json"]);
    insta::assert_snapshot!("report-json", json);
    for (format, file) in [("junit", "junit.xml"), ("markdown", "summary.md")] {
        let said = sandbox.run(&["report", "out", "--format", format]);
        let written = sandbox.read(&format!("out/{file}"));
        insta::assert_snapshot!(
            format!("report-{format}"),
            format!("{said}-----\n{written}")
        );
    }
}

#[test]
fn a_run_is_reported_as_a_page() {
    let sandbox = Sandbox::new();
    sandbox.write("out/events.jsonl", RECORD);
    let said = sandbox.run(&["report", "out", "--format", "html"]);
    insta::assert_snapshot!("report-html", said);
    let page = sandbox.read("out/report.html");
    assert!(page.starts_with("<!DOCTYPE html>"), "{page:.200}");
    assert!(page.contains("2 of 2 tests passed, 1 of them flaky"));
}

#[test]
fn a_run_that_was_killed_is_reported_as_interrupted() {
    let sandbox = Sandbox::new();
    let (torn, _) = RECORD.split_at(RECORD.len() - 250);
    sandbox.write("out/events.jsonl", torn);
    insta::assert_snapshot!("report-killed", sandbox.run(&["report", "out"]));
}

#[test]
fn what_is_no_record_of_a_run_is_refused() {
    let sandbox = Sandbox::new();
    let none = sandbox.run(&["report"]);
    assert!(none.contains("exit code: 2"), "{none}");
    assert!(none.contains("[FOLDER]/state/runs"), "{none}");
    sandbox.write("empty/events.jsonl", "");
    sandbox.write("odd/events.jsonl", "{\"at\":1}\n");
    for name in ["nosuch", "empty", "odd"] {
        insta::assert_snapshot!(
            format!("usage-report-{name}"),
            sandbox.run(&["report", name])
        );
    }
}
