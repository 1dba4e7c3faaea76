//! The page: its head, what is said first, the place of the timeline, the tables.

use std::io;

use aznet_page::{Page, Script};
use maud::{Markup, html};

use super::{
    data::data,
    model::Model,
    statistics::turns,
    tables,
    words::{long, moment},
};
use crate::{
    event::Summary,
    report::words::{DUD_ATTACKS, plural},
};

/// The whole document.
///
/// # Errors
/// What serializing the data yields.
pub(super) fn page(model: &Model) -> io::Result<String> {
    let summary = model.counts();
    let (headline, mood) = headline(&summary, model.tests.len());
    let page = Page {
        title: &format!("{headline} – aznet test"),
        colour: colour(mood),
        script: Script::Report,
        body: html! {
            (header(model, &summary, headline.as_str(), mood))
            main {
                (timeline())
                (tables::all(model))
            }
            footer {
                "Made by aznet " (env!("CARGO_PKG_VERSION")) " from the events of the run; times are UTC."
            }
        },
    };
    Ok(page.document(&data(model))?)
}

/// The verdict in one line, and its class in the style sheet.
fn headline(summary: &Summary, selected: usize) -> (String, &'static str) {
    let of = plural(selected, "test");
    match summary {
        Summary {
            interrupted: true, ..
        } => {
            let finished = summary.finished();
            (format!("Interrupted after {finished} of {of}"), "failed")
        }
        Summary { failed: 1.., .. } => (format!("{} of {of} failed", summary.failed), "failed"),
        _ if summary.not_testable() > 0 => {
            let count = summary.not_testable();
            (format!("{count} of {of} could not be tested"), "error")
        }
        Summary { passed: 0, .. } => ("No test was run".to_owned(), "skipped"),
        Summary { flaky: 1.., .. } => {
            let (passed, flaky) = (summary.passed, summary.flaky);
            (
                format!("{passed} of {of} passed, {flaky} of them flaky"),
                "flaky",
            )
        }
        _ => (format!("{} of {of} passed", summary.passed), "passed"),
    }
}

/// The verdict's colour.
fn colour(mood: &str) -> &'static str {
    match mood {
        "passed" => "#1a7f4b",
        "flaky" => "#b27700",
        "skipped" => "#6a737d",
        _ => "#cf222e",
    }
}

fn header(model: &Model, summary: &Summary, headline: &str, mood: &str) -> Markup {
    let tests = [
        ("passed", summary.passed),
        ("of them flaky", summary.flaky),
        ("leaky", summary.leaky),
        ("failed", summary.failed),
        ("not testable", summary.not_testable()),
        (
            if summary.outages == 1 {
                "outage"
            } else {
                "outages"
            },
            summary.outages,
        ),
        ("skipped", summary.skipped),
        ("not run", summary.not_run),
    ];
    html! {
        header class=(mood) {
            p.kicker { "aznet test" @for name in model.networks.keys() { " · " (name) } }
            h1 { (headline) }
            ul.numbers {
                @for (word, count) in tests.into_iter().filter(|(word, count)| *count > 0 || *word == "passed") {
                    li { b { (count) } " " (word) }
                }
                (seen(model))
            }
            dl.facts {
                @if let Some((start, _)) = model.span { dt { "began" } dd { (moment(start)) } }
                dt { "took" } dd { (long(summary.took)) }
                @if let Some(seed) = model.seed { dt { "seed" } dd { code { (seed) } } }
                @if let Some(partition) = model.partition { dt { "part" } dd { (partition) } }
                @if model.left_out > 0 { dt { "left out" } dd { (plural(model.left_out, "test")) } }
                @if model.dud_attacks { dt { "mind" } dd { (DUD_ATTACKS) } }
            }
        }
    }
}

/// What the networks did, in numbers.
fn seen(model: &Model) -> Markup {
    let networks = || model.networks.values();
    let slots: usize = networks().map(|network| network.slots.len()).sum();
    let turns = networks().flat_map(turns);
    let missed: usize = turns.map(|(_, turns)| turns.missed.len()).sum();
    let violations: usize = networks().map(|network| network.violations.len()).sum();
    let faults: Vec<_> = networks().flat_map(|network| &network.faults).collect();
    let idle = faults
        .iter()
        .filter(|fault| fault.bit() != Some(true))
        .count();
    html! {
        @if slots > 0 { li.seen { b { (missed) } " of " (plural(slots, "slot")) " missed" } }
        @if !faults.is_empty() {
            li.seen {
                b { (faults.len()) } @if faults.len() == 1 { " fault" } @else { " faults" }
                @if idle > 0 { ", " (idle) " without effect" }
            }
        }
        @if !model.networks.is_empty() {
            li.seen.alarm[violations > 0] {
                b { (violations) } @if violations == 1 { " violation" } @else { " violations" }
            }
        }
    }
}

/// What the script fills.
fn timeline() -> Markup {
    html! {
        section #timeline aria-label="Timeline" {
            noscript { p { "The timeline is drawn by the script in this file, which this browser does not run. The tables below need none." } }
        }
    }
}
