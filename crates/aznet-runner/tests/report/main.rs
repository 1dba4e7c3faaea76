//! The HTML report in a real browser.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stderr, reason = "a skipped test says why")]
#![expect(clippy::print_stdout, reason = "a measurement is told")]

#[path = "../../../aznet-page/tests/browser/mod.rs"]
mod browser;
mod recorded;

use std::path::PathBuf;

use aznet_runner::{Event, Reporter, report::Html};
use browser::{Browser, Seen};
use recorded::Shape;

const MEBIBYTE: usize = 1 << 20;

/// The report of a run, kept to be looked at.
fn written(name: &str, events: &[Event]) -> (PathBuf, usize) {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.html"));
    let mut size = 0;
    let mut html = Html::new(|document: &[u8]| {
        size = document.len();
        std::fs::write(&path, document)
    });
    for event in events {
        html.event(event).unwrap();
    }
    drop(html);
    (path, size)
}

/// The tooltip.
fn tip(seen: &Seen) -> Option<&str> {
    let (_, from) = seen.dom.split_once("class=\"tip\"")?;
    Some(from.split_once("</div>")?.0)
}

/// Without a browser there is nothing to see: said, and counted by `cargo xtask test`.
macro_rules! browser_or_skip {
    () => {
        match Browser::find() {
            Some(browser) => browser,
            None => return browser::skip(),
        }
    };
}

#[tokio::test]
async fn all_that_was_seen_is_on_the_page() {
    let browser = browser_or_skip!();
    let (path, _) = written("small", &recorded::run(Shape::SMALL));
    let seen = browser.open(&path, "").await;
    for heading in [
        "Tests",
        "Violations",
        "Faults",
        "Slots",
        "Chain",
        "Nodes",
        "Transfers",
        "CPU",
        "Memory",
    ] {
        assert!(
            seen.has(&format!("<h3>{heading}</h3>")),
            "no panel {heading}"
        );
    }
    for row in [
        "validator-0",
        "validator-3",
        "node-0",
        "slow-links",
        "lossy",
        "private",
    ] {
        assert!(seen.has(&format!(">{row}</")), "no row {row}");
    }
    // A chart was drawn for each.
    assert!(
        seen.count("<canvas") >= 10,
        "{} canvases",
        seen.count("<canvas")
    );
    assert_eq!(seen.errors, Vec::<String>::new());
}

#[tokio::test]
async fn a_link_shows_a_missed_slot_and_who_missed_it() {
    let browser = browser_or_skip!();
    let events = recorded::run(Shape::SMALL);
    let (slot, pod) = recorded::first_missed(&events).expect("a missed slot");
    let (path, _) = written("missed", &events);
    let seen = browser.open(&path, &format!("0-slot-{slot}")).await;
    let tip = tip(&seen).expect("a tooltip");
    for word in [&format!("slot {slot},"), "missed", &pod] {
        assert!(tip.contains(word), "{word} is not in {tip}");
    }
    assert_eq!(seen.errors, Vec::<String>::new());
}

#[tokio::test]
async fn all_panels_zoom_together_and_back() {
    let browser = browser_or_skip!();
    let (path, _) = written("zoomed", &recorded::run(Shape::SMALL));
    browser.zooms(&path).await;
}

#[tokio::test]
async fn a_fault_without_effect_says_so() {
    let browser = browser_or_skip!();
    let (path, _) = written("fault", &recorded::run(Shape::SMALL));
    let seen = browser.open(&path, "0-fault-1").await;
    let tip = tip(&seen).expect("a tooltip");
    for word in ["lossy", "did not bite", "asked 40 %", "measured 0 %"] {
        assert!(tip.contains(word), "{word} is not in {tip}");
    }
}

#[tokio::test]
async fn text_of_the_run_is_never_markup() {
    let browser = browser_or_skip!();
    let (path, _) = written("hostile", &recorded::hostile());
    let seen = browser.open(&path, "0-violation-0").await;
    assert!(seen.has("&lt;/script&gt;"), "the message is shown");
    assert_eq!(seen.count("<img"), 0);
    assert_eq!(seen.errors, Vec::<String>::new(), "not even tried");
}

#[tokio::test]
async fn two_hours_of_forty_nodes_are_small_and_open_at_once() {
    let events = recorded::run(Shape::LARGE);
    let (path, size) = written("large", &events);
    assert!(
        size < 10 * MEBIBYTE,
        "{size} bytes of {} events",
        events.len()
    );
    let browser = browser_or_skip!();
    let mut drawn = Vec::new();
    // The least of three: what else the machine does meanwhile is not the page's.
    for _ in 0..3 {
        let seen = browser.open(&path, "").await;
        assert_eq!(seen.errors, Vec::<String>::new());
        drawn.extend(seen.drawn());
    }
    println!(
        "{} events, {size} bytes, drawn after {drawn:?} ms",
        events.len()
    );
    assert!(
        drawn.iter().any(|millis| *millis < 2000),
        "drawn after {drawn:?} ms"
    );
}
