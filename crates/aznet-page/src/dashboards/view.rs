//! The page: what is said first, a section for each dashboard, a place for each chart.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    board::{Boards, Dashboard, Kind, Look, Panel},
    drawn::{drawn, id},
};
use crate::{Page, Script};

impl Boards {
    /// The page.
    ///
    /// # Errors
    /// What serializing the data yields.
    pub fn page(&self) -> serde_json::Result<String> {
        page(self)
    }
}

fn page(boards: &Boards) -> serde_json::Result<String> {
    let page = Page {
        title: &format!("{} – aznet dashboards", boards.network),
        colour: "#2473d8",
        script: Script::Dashboards,
        body: html! {
            (header(boards))
            main {
                (bar(boards))
                @for (i, dashboard) in boards.dashboards.iter().enumerate() {
                    (section(i, dashboard))
                }
            }
            footer {
                "Made by aznet " (env!("CARGO_PKG_VERSION")) " from the network's Prometheus; times are UTC."
            }
        },
    };
    page.document(&drawn(boards))
}

fn header(boards: &Boards) -> Markup {
    let panels = || boards.dashboards.iter().flat_map(|one| &one.panels);
    let with_data = panels().filter(|panel| panel.has_data()).count();
    let failed = panels()
        .filter(|panel| panel.problems().next().is_some())
        .count();
    let window = &boards.window;
    html! {
        header.network {
            p.kicker { "aznet dashboards" }
            h1 { (boards.network) }
            ul.numbers {
                li { b { (with_data) } " of " (panels().count()) " panels with data" }
                @if failed > 0 { li.alarm { b { (failed) } " failed" } }
            }
            dl.facts {
                dt { "from" } dd { (moment(window.from)) }
                dt { "to" } dd { (moment(window.to)) }
                dt { "a point every" } dd { (window.step) " s" }
            }
        }
    }
}

/// What stays in sight; the script adds its buttons.
fn bar(boards: &Boards) -> Markup {
    html! {
        div.bar {
            nav.boards aria-label="Dashboards" {
                @for (i, dashboard) in boards.dashboards.iter().enumerate() {
                    a href={ "#dashboard-" (i) } { (dashboard.title) }
                }
            }
            noscript { p.note { "Charts are drawn by the script in this file, which this browser does not run." } }
        }
    }
}

fn section(place: usize, dashboard: &Dashboard) -> Markup {
    html! {
        section id={ "dashboard-" (place) } {
            h2 { (dashboard.title) }
            p.note { (dashboard.description) }
            div.grid {
                @for (i, panel) in dashboard.panels.iter().enumerate() {
                    (shown(&id(place, i), panel))
                }
            }
        }
    }
}

fn shown(id: &str, panel: &Panel) -> Markup {
    let width = match panel.width {
        0..=6 => "quarter",
        7..=12 => "half",
        _ => "full",
    };
    html! {
        div class={ "panel " (width) } id=(id) {
            h3 { (panel.title) }
            p.note { (panel.description) }
            @for problem in panel.problems() { p.message { (problem) } }
            @if panel.has_data() {
                (values(panel))
            } @else if panel.problems().next().is_none() {
                p.empty { "no data" }
            }
        }
    }
}

/// The last value of each series, where it stands by itself.
fn values(panel: &Panel) -> Markup {
    let Look::Known {
        kind: Kind::Stat,
        unit,
        ..
    } = &panel.look
    else {
        return Markup::default();
    };
    let several = panel.series().nth(1).is_some();
    html! {
        @for series in panel.series() {
            p.value {
                @if let Some((_, value)) = series.values.last() { (unit.words(*value)) }
                @if several { small { (series.name) } }
            }
        }
    }
}

/// `2026-11-26 07:27:11 UTC`.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
