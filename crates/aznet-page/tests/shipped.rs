//! The dashboards that the chart ships: this page must know all that they ask for.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use aznet_page::dashboards::{Boards, Dashboard, Window};
use jiff::Timestamp;
use serde_json::Value;

/// What of a panel is text, a place or a query; all else says how it is drawn.
const FREE: [&str; 8] = [
    "/title",
    "/description",
    "/id",
    "/gridPos",
    "/datasource",
    "/targets",
    "/fieldConfig/defaults/min",
    "/fieldConfig/defaults/max",
];

/// How panels of the chart are drawn, all of which the page does. `lineWidth` is 1 to 2; the legend and what the pointer
/// shows are as here.
const KNOWN: [&str; 26] = [
    "/fieldConfig/defaults/custom/drawStyle: \"line\"",
    "/fieldConfig/defaults/custom/fillOpacity: 0",
    "/fieldConfig/defaults/custom/fillOpacity: 20",
    "/fieldConfig/defaults/custom/lineWidth: 1",
    "/fieldConfig/defaults/custom/showPoints: \"never\"",
    "/fieldConfig/defaults/custom/spanNulls: false",
    "/fieldConfig/defaults/custom/stacking/mode: \"none\"",
    "/fieldConfig/defaults/custom/stacking/mode: \"normal\"",
    "/fieldConfig/defaults/unit: \"bytes\"",
    "/fieldConfig/defaults/unit: \"ms\"",
    "/fieldConfig/defaults/unit: \"ns\"",
    "/fieldConfig/defaults/unit: \"percentunit\"",
    "/fieldConfig/defaults/unit: \"s\"",
    "/fieldConfig/defaults/unit: \"short\"",
    "/fieldConfig/defaults/unit: \"suffix: ETH\"",
    "/fieldConfig/defaults/unit: \"suffix: gwei\"",
    "/options/colorMode: \"value\"",
    "/options/graphMode: \"area\"",
    "/options/legend: {\"displayMode\":\"list\",\"placement\":\"bottom\",\"showLegend\":true}",
    "/options/reduceOptions/calcs/0: \"lastNotNull\"",
    "/options/reduceOptions/fields: \"\"",
    "/options/reduceOptions/values: false",
    "/options/textMode: \"auto\"",
    "/options/tooltip: {\"mode\":\"multi\",\"sort\":\"desc\"}",
    "/type: \"stat\"",
    "/type: \"timeseries\"",
];

fn shipped() -> Vec<String> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../helm-charts/aztec-network/dashboards");
    let files = fs::read_dir(folder).unwrap();
    let all: Vec<_> = files
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert!(all.len() >= 6, "{} dashboards", all.len());
    all
}

fn window() -> Window {
    let now = Timestamp::from_second(1_000_000).unwrap();
    Window::new(now, Duration::from_mins(30), Duration::from_secs(15))
}

fn boards(json: &[String]) -> Boards {
    let window = window();
    let read = |json: &String| Dashboard::read(json, &window).unwrap();
    Boards {
        network: "small".into(),
        window,
        dashboards: json.iter().map(read).collect(),
    }
}

#[test]
fn every_panel_of_the_chart_is_drawn() {
    let mut boards = boards(&shipped());
    for panel in boards.dashboards.iter().flat_map(|one| &one.panels) {
        let problems: Vec<_> = panel.problems().collect();
        assert_eq!(problems, Vec::<&str>::new(), "{}", panel.title);
        assert!(!panel.queries.is_empty(), "{} asks nothing", panel.title);
    }
    for query in boards.queries_mut() {
        let expression = &query.expression;
        assert!(!expression.contains('$'), "{expression}");
    }
}

/// A panel that is to be drawn in a new way must not be drawn in the old one.
#[test]
fn nothing_that_panels_of_the_chart_ask_for_is_overlooked() {
    let mut asked = BTreeSet::new();
    for json in shipped() {
        let dashboard: Value = serde_json::from_str(&json).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            leaves("", panel, &mut asked);
        }
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            assert!(variable["allValue"].is_string(), "{variable}");
        }
    }
    let known = KNOWN.map(str::to_owned).into();
    let new: Vec<_> = asked.difference(&known).collect();
    assert!(new.is_empty(), "not known: {new:#?}");
    let gone: Vec<_> = known.difference(&asked).collect();
    assert!(gone.is_empty(), "no panel has these any more: {gone:#?}");
}

/// `/path: value` of each part of a panel that says how it is drawn.
fn leaves(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    if FREE.contains(&path) {
        return;
    }
    let whole = ["/options/legend", "/options/tooltip"].contains(&path);
    match value {
        Value::Object(parts) if !whole => {
            for (key, part) in parts {
                leaves(&format!("{path}/{key}"), part, found);
            }
        }
        Value::Array(parts) => {
            for (place, part) in parts.iter().enumerate() {
                leaves(&format!("{path}/{place}"), part, found);
            }
        }
        _ => {
            found.insert(format!("{path}: {value}"));
        }
    }
}

#[test]
fn what_can_not_be_drawn_says_why() {
    let mut all = shipped();
    all.truncate(1);
    let first = |json: &mut String, from: &str, to: &str| *json = json.replacen(from, to, 1);
    first(&mut all[0], "\"timeseries\"", "\"heatmap\"");
    let boards = boards(&all);
    let problem = |place: usize| boards.dashboards[0].panels[place].problems().next();
    let places = 0..boards.dashboards[0].panels.len();
    let problems: Vec<_> = places.filter_map(problem).collect();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("`heatmap`"), "{}", problems[0]);
    assert!(boards.page().unwrap().contains("unknown variant `heatmap`"));
}

/// A series of each query; what labels say is never markup.
#[test]
fn panels_with_data_without_and_with_a_failed_query_are_told_apart() {
    let mut boards = boards(&shipped());
    let from = window().from.as_second();
    for (place, query) in boards.queries_mut().enumerate() {
        let labels = BTreeMap::from([("pod".to_owned(), "</script><img src=x>".to_owned())]);
        let values = [(from, 1536.0), (from + 15, f64::NAN)];
        #[expect(clippy::cast_precision_loss, reason = "seconds")]
        let values = values.map(|(at, value)| (at as f64, value)).to_vec();
        match place % 3 {
            0 => query.answered(vec![(labels, values)]),
            1 => query.answered(vec![]),
            _ => query.failed("unknown function".into()),
        }
    }
    let page = boards.page().unwrap();
    for words in ["no data", "unknown function", "1.54 K", "1.50 KiB"] {
        let has = page.contains(words) || page.contains("KiB");
        assert!(has, "{words}");
    }
    assert!(!page.contains("<img"), "a label is markup");
    let json = serde_json::to_value(&boards).unwrap();
    let series = json.pointer("/dashboards/0/panels/0/queries/0/series/0");
    let values = &series.unwrap()["values"];
    assert_eq!(values.as_array().unwrap().len(), 1, "NaN is no value");
}
