//! Dashboards, their panels, and what Prometheus answered to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{units::Unit, variables, window::Window};

/// The labels of a series.
pub type Labels = BTreeMap<String, String>;
/// Seconds since 1970, and the value then.
pub type Values = Vec<(f64, f64)>;

/// Kinds of panels that are drawn, by Grafana's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Lines over time.
    TimeSeries,
    /// The last value of each series.
    Stat,
}

/// All dashboards of a network, and the time that they show.
#[derive(Debug, Serialize)]
pub struct Boards {
    /// The network.
    pub network: String,
    /// The time.
    #[serde(flatten)]
    pub window: Window,
    /// In the order of their titles.
    pub dashboards: Vec<Dashboard>,
}

/// A dashboard.
#[derive(Debug, Serialize)]
pub struct Dashboard {
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// In the order in which they are read.
    pub panels: Vec<Panel>,
}

/// A panel, with what it asks and what was answered.
#[derive(Debug, Serialize)]
pub struct Panel {
    /// Its title.
    pub title: String,
    /// What it shows.
    pub description: String,
    /// How, or why it can't be shown.
    #[serde(flatten)]
    pub look: Look,
    /// What it asks.
    pub queries: Vec<Query>,
    /// Columns of the 24 that a dashboard has.
    #[serde(skip)]
    pub(super) width: u8,
}

/// How a panel is drawn.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Look {
    /// As Grafana does.
    Known {
        /// What is drawn.
        #[serde(rename = "type")]
        kind: Kind,
        /// What its values are in, as Grafana names it.
        unit: Unit,
        /// How the axis and the lines are.
        #[serde(skip)]
        lines: Lines,
    },
    /// Not at all: it asks for what this page does not do.
    Unknown {
        /// What that is.
        problem: String,
    },
}

/// The axis and the lines of a chart.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lines {
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    /// Percent.
    pub(super) fill: u8,
    pub(super) stacked: bool,
}

/// A question to Prometheus.
#[derive(Debug, Serialize)]
pub struct Query {
    /// PromQL; variables are what Grafana would set them to.
    #[serde(rename = "query")]
    pub expression: String,
    /// Names of its series, with `{{label}}` in them.
    #[serde(skip)]
    pub(super) legend: String,
    /// What came of it.
    #[serde(flatten)]
    pub answer: Answer,
}

/// What came of a query.
#[derive(Debug, Serialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Series, none where there is no data.
    Series(Vec<Series>),
    /// Why there are none.
    Error(String),
}

/// A series as it is shown.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Seconds since 1970, and the value, which is finite.
    pub values: Values,
}

impl Boards {
    /// Every question of every panel.
    pub fn queries_mut(&mut self) -> impl Iterator<Item = &mut Query> {
        let panels = self.dashboards.iter_mut().flat_map(|one| &mut one.panels);
        panels.flat_map(|panel| &mut panel.queries)
    }
}

impl Panel {
    /// Whether there is anything to show.
    pub fn has_data(&self) -> bool {
        self.series().next().is_some()
    }

    /// Why it shows nothing, or not everything.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        let look = match &self.look {
            Look::Unknown { problem } => Some(problem.as_str()),
            Look::Known { .. } => None,
        };
        let failed = self.queries.iter().filter_map(|query| match &query.answer {
            Answer::Error(why) => Some(why.as_str()),
            Answer::Series(_) => None,
        });
        look.into_iter().chain(failed)
    }

    pub(super) fn series(&self) -> impl Iterator<Item = &Series> {
        let answers = self.queries.iter().flat_map(|query| match &query.answer {
            Answer::Series(series) => series.as_slice(),
            Answer::Error(_) => &[],
        });
        answers.filter(|series| !series.values.is_empty())
    }
}

impl Query {
    /// Takes what Prometheus answered: the labels and values of each series.
    pub fn answered(&mut self, all: Vec<(Labels, Values)>) {
        let series = all.into_iter().map(|(labels, mut values)| {
            values.retain(|(_, value)| value.is_finite());
            Series {
                name: variables::legend(&self.legend, &labels, &self.expression),
                labels,
                values,
            }
        });
        self.answer = Answer::Series(series.collect());
    }

    /// Takes why there is no answer.
    pub fn failed(&mut self, why: String) {
        self.answer = Answer::Error(why);
    }
}
