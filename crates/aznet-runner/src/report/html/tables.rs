//! The tables below the timeline. They are complete without the script, which adds to their links that the timeline goes
//! to the place.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    data::{verdict, word},
    model::{Attempt, Model, Test},
    network::{Fault, Network},
    statistics::{STAGES, latencies, turns},
    words::{long, seconds, since},
};
use crate::{event::Outage, report::words::plural};

/// Slots of a proposer that are named.
const NAMED: usize = 12;

/// All tables that have something to tell.
pub(super) fn all(model: &Model) -> Markup {
    let start = model.span.unwrap_or_default().0;
    let several = model.networks.len() > 1;
    html! {
        (tests(model, start))
        (outages(&model.outages, start))
        @for (place, (name, network)) in model.networks.iter().enumerate() {
            @let title = |words: &str| if several { format!("{words}: {name}") } else { words.to_owned() };
            (violations(network, place, &title("Violations"), start))
            (faults(network, place, &title("Faults"), start))
            (latency(network, &title("Transfer latency")))
            (proposers(network, place, &title("Slots by proposer")))
            (disturbances(network, &title("Restarts and silent nodes"), start))
        }
    }
}

/// A heading and a table that scrolls sideways where the screen is narrow.
fn section(title: &str, note: &str, table: &Markup) -> Markup {
    html! {
        section {
            h2 { (title) }
            @if !note.is_empty() { p.note { (note) } }
            div.wide tabindex="0" role="region" aria-label=(title) { (table) }
        }
    }
}

fn tests(model: &Model, start: Timestamp) -> Markup {
    html! {
        section {
            h2 { "Tests" }
            @if model.tests.is_empty() { p.note { "None was selected." } }
            ol.tests {
                @for (place, test) in model.tests.iter().enumerate() { (test_row(test, place, model.repeat, start)) }
            }
        }
    }
}

fn test_row(test: &Test, place: usize, repeat: u32, start: Timestamp) -> Markup {
    let (class, word) = verdict(test);
    let message = test.end.as_ref().and_then(|(verdict, _)| verdict.message());
    html! {
        li.(class) {
            p.line {
                span.verdict { (word) }
                span.name {
                    @if test.attempts.is_empty() { (test.title(repeat)) }
                    @else { a href={ "#test-" (place) } { (test.title(repeat)) } }
                }
                @if test.attempts.len() > 1 { span.tried { (test.attempts.len()) " attempts" } }
                @if let Some((_, took)) = &test.end { span.took { (long(*took)) } }
            }
            @if let Some(message) = message { pre.message { (message) } }
            @for leak in &test.leaks { pre.message { "Not proved to be cleaned up: " (leak) } }
            @for why in test.attempts.iter().filter_map(|attempt| attempt.not_retried.as_ref()) {
                p.note { "Not tried again: " (why) }
            }
            @for (nth, attempt) in test.attempts.iter().enumerate() { (attempt_row(test, nth, attempt, start)) }
        }
    }
}

fn attempt_row(test: &Test, nth: usize, attempt: &Attempt, start: Timestamp) -> Markup {
    let several = test.attempts.len() > 1;
    let earlier = nth + 1 < test.attempts.len();
    let message = attempt
        .end
        .as_ref()
        .and_then(|(_, verdict)| verdict.message());
    let waiting = attempt.waiting.as_ref().filter(|_| attempt.end.is_none());
    html! {
        @if several || !attempt.steps.is_empty() || waiting.is_some() {
            details {
                summary {
                    @if several { "Attempt " (nth + 1) ": " }
                    (plural(attempt.steps.len(), "step"))
                    @if let Some((_, verdict)) = &attempt.end { @if several { ", " (word(verdict)) } }
                }
                @if let Some(message) = message.filter(|_| earlier) { pre.message { (message) } }
                ol.steps {
                    @for (at, words) in &attempt.steps {
                        li { time { (since(start, *at)) } " " (words) }
                    }
                    @if let Some(waiting) = waiting {
                        li { "waited for " (waiting.what) " (last seen: " (waiting.last) ")" }
                    }
                }
            }
        }
    }
}

fn outages(outages: &[Outage], start: Timestamp) -> Markup {
    if outages.is_empty() {
        return html! {};
    }
    let table = html! {
        table {
            thead { tr { th { "since" } th { "network" } th { "how long" } th { "what was wrong" } } }
            tbody {
                @for one in outages {
                    tr.alarm {
                        td { (since(start, one.since)) }
                        td { (one.network) }
                        td { (long(one.took)) @if !one.healed { ", until the end" } }
                        td { (one.why) }
                    }
                }
            }
        }
    };
    section("Outages", "No round of tests began in them.", &table)
}

fn violations(network: &Network, place: usize, title: &str, start: Timestamp) -> Markup {
    if network.violations.is_empty() {
        return html! {};
    }
    let table = html! {
        table {
            thead { tr { th { "when" } th { "slot" } th { "must always be so" } th { "was seen" } } }
            tbody {
                @for (nth, one) in network.violations.iter().enumerate() {
                    tr.alarm {
                        td { a href={ "#" (place) "-violation-" (nth) } { (since(start, one.at)) } }
                        td.number { @if let Some(slot) = one.slot { (slot) } }
                        td { (one.invariant) }
                        td { (one.seen) }
                    }
                }
            }
        }
    };
    section(title, "", &table)
}

fn faults(network: &Network, place: usize, title: &str, start: Timestamp) -> Markup {
    if network.faults.is_empty() {
        return html! {};
    }
    let table = html! {
        table {
            thead { tr {
                th { "when" } th { "fault" } th { "asked" } th { "measured" } th { "effect" } th { "healed" }
            } }
            tbody {
                @for (nth, fault) in network.faults.iter().enumerate() {
                    @let asked = fault.states.first().map_or(start, |(at, _)| *at);
                    tr {
                        td { a href={ "#" (place) "-fault-" (nth) } { (since(start, asked)) } }
                        td { b { (fault.name) } br; (fault.about) }
                        td { (fault.asked) }
                        td { (fault.measured.as_deref().unwrap_or("–")) }
                        td { (effect(fault)) }
                        td { @if let Some(healed) = fault.healed() { (since(start, healed)) } @else { "not seen" } }
                    }
                }
            }
        }
    };
    section(title, "", &table)
}

fn effect(fault: &Fault) -> Markup {
    html! {
        @match fault.bit() {
            Some(true) => span.chip.bites { "seen" },
            Some(false) => span.chip.failed { "did not bite" },
            None => span.chip.skipped { "not looked for" },
        }
    }
}

fn latency(network: &Network, title: &str) -> Markup {
    let rows = latencies(network);
    if network.transfers.is_empty() {
        return html! {};
    }
    let table = html! {
        table {
            thead { tr {
                th { "kind" } th { "stage" } th.number { "reached" }
                @for name in ["p50", "p90", "p99", "slowest"] { th.number { (name) } }
            } }
            tbody {
                @for row in &rows {
                    tr {
                        td { (row.kind) }
                        td { span.key.(STAGES[row.stage]) {} (STAGES[row.stage]) }
                        td.number { (row.reached) " of " (row.of) }
                        @for value in row.seconds { td.number { (seconds(value)) } }
                    }
                }
                @if rows.is_empty() {
                    tr { td colspan="7" { "None of " (plural(network.transfers.len(), "transfer")) " got into a block." } }
                }
            }
        }
    };
    section(
        title,
        "Seconds since a transfer was sent, of those that reached the stage. Percentiles are interpolated (Hyndman and Fan, type 7).",
        &table,
    )
}

fn proposers(network: &Network, place: usize, title: &str) -> Markup {
    if network.slots.is_empty() {
        return html! {};
    }
    let slots = |numbers: &[u64]| {
        html! {
            @for (nth, slot) in numbers.iter().take(NAMED).enumerate() {
                @if nth > 0 { ", " }
                a href={ "#" (place) "-slot-" (slot) } { (slot) }
            }
            @if numbers.len() > NAMED { " and " (numbers.len() - NAMED) " more" }
        }
    };
    let table = html! {
        table {
            thead { tr {
                th { "proposer" } th.number { "turns" } th.number { "missed" } th { "missed slots" } th { "proposed, not on L1" }
            } }
            tbody {
                @for (proposer, turns) in turns(network) {
                    tr.alarm[!turns.missed.is_empty()] {
                        td {
                            @if let Some(pod) = &turns.pod { b { (pod) } " " }
                            code { (proposer.unwrap_or("not known")) }
                        }
                        td.number { (turns.all()) }
                        td.number { (turns.missed.len()) }
                        td { (slots(&turns.missed)) }
                        td { (slots(&turns.proposed)) }
                    }
                }
            }
        }
    };
    section(title, "", &table)
}

fn disturbances(network: &Network, title: &str, start: Timestamp) -> Markup {
    let mut rows: Vec<(Timestamp, &str, String)> = Vec::new();
    for (name, pod) in &network.pods {
        rows.extend(pod.restarts.iter().map(|one| {
            let words = format!(
                "restarted, {} until now: {}",
                plural(one.restarts as usize, "restart"),
                one.why
            );
            (one.at, name.as_str(), words)
        }));
        rows.extend(pod.silences.iter().map(|one| {
            let lasted = one
                .to
                .and_then(|to| to.duration_since(one.from).try_into().ok());
            let lasted = lasted.map_or_else(
                || "until the end".to_owned(),
                |time| format!("for {}", long(time)),
            );
            (
                one.from,
                name.as_str(),
                format!("silent {lasted}: {}", one.why),
            )
        }));
    }
    if rows.is_empty() {
        return html! {};
    }
    rows.sort_by_key(|(at, ..)| *at);
    let table = html! {
        table {
            thead { tr { th { "when" } th { "pod" } th { "what" } } }
            tbody {
                @for (at, pod, words) in &rows {
                    tr { td { (since(start, *at)) } td { (pod) } td { (words) } }
                }
            }
        }
    };
    section(title, "", &table)
}
