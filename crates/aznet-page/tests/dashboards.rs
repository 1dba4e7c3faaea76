//! The dashboards that the chart ships: this page must know all that they ask for.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stderr, reason = "a skipped test says why")]

mod browser;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use aznet_page::dashboards::{Boards, Dashboard, Panel, Window};
use browser::Browser;
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

/// How panels of the chart are drawn, all of which the page does.
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

/// Two series of every query, the first with a name that would be markup.
fn answered(boards: &mut Boards) {
    let from = window().from.as_second();
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let at = |place: i64| (from + 15 * place) as f64;
    for query in boards.queries_mut() {
        let series = ["</script><img src=x>", "pxe-0"].map(|pod| {
            let labels = BTreeMap::from([("pod".to_owned(), pod.to_owned())]);
            (
                labels,
                vec![(at(0), 512.0), (at(1), f64::NAN), (at(2), 1536.0)],
            )
        });
        query.answered(series.to_vec());
    }
}

fn written(name: &str, boards: &Boards) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.html"));
    fs::write(&path, boards.page().unwrap()).unwrap();
    path
}

#[test]
fn panels_without_data_and_with_a_failed_query_say_so() {
    let mut boards = boards(&shipped());
    let all: usize = boards.dashboards.iter().map(|one| one.panels.len()).sum();
    let count = |boards: &Boards, words: &str| boards.page().unwrap().matches(words).count();
    assert_eq!(count(&boards, ">no data<"), all);
    let failed = boards.queries_mut().next().unwrap();
    failed.failed("unknown function \"rat\"".into());
    assert_eq!(count(&boards, ">no data<"), all - 1);
    assert_eq!(count(&boards, "unknown function &quot;rat&quot;"), 1);
    answered(&mut boards);
    assert_eq!(count(&boards, ">no data<"), 0);
    // The last value of a stat, in its unit.
    assert_eq!(count(&boards, ">1.54 K<"), 2 * 8);
}

#[test]
fn json_has_the_queries_and_the_values_as_prometheus_gave_them() {
    let mut boards = boards(&shipped());
    answered(&mut boards);
    boards.queries_mut().nth(1).unwrap().failed("slow".into());
    let json = serde_json::to_value(&boards).unwrap();
    assert_eq!(
        (&json["network"], &json["stepSeconds"]),
        (&"small".into(), &15.into())
    );
    let panels = json["dashboards"][0]["panels"].as_array().unwrap();
    let queries = panels
        .iter()
        .flat_map(|panel| panel["queries"].as_array().unwrap());
    let queries: Vec<_> = queries.collect();
    let values = queries[0]["series"][1]["values"].as_array().unwrap();
    let values: Vec<_> = values
        .iter()
        .map(|pair| pair[1].as_f64().unwrap())
        .collect();
    assert_eq!(values, [512.0, 1536.0], "NaN is no value");
    assert_eq!(queries[1]["error"], "slow");
}

#[tokio::test]
async fn a_browser_draws_every_panel() {
    let Some(browser) = Browser::find() else {
        return browser::skip();
    };
    let mut boards = boards(&shipped());
    answered(&mut boards);
    let panels: Vec<&Panel> = boards
        .dashboards
        .iter()
        .flat_map(|one| &one.panels)
        .collect();
    let seen = browser.open(&written("dashboards", &boards), "").await;
    assert_eq!(seen.errors, Vec::<String>::new());
    assert!(seen.drawn().is_some());
    assert_eq!(seen.count("<canvas"), panels.len());
    for panel in panels {
        assert!(
            seen.has(&format!("<h3>{}</h3>", panel.title)),
            "{}",
            panel.title
        );
    }
    // In a legend, and never markup.
    assert!(seen.has("&lt;/script&gt;&lt;img src=x&gt;"));
    assert_eq!(seen.count("<img"), 0);
}

#[tokio::test]
async fn all_panels_zoom_together_and_back() {
    let Some(browser) = Browser::find() else {
        return browser::skip();
    };
    let mut boards = boards(&shipped());
    answered(&mut boards);
    browser.zooms(&written("zoomed", &boards)).await;
}
