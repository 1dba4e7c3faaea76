//! Dashboards as Grafana's JSON defines them: what of it this page draws, and what it does not know.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    board::{Answer, Dashboard, Kind, Lines, Look, Panel, Query},
    units::Unit,
    variables,
    window::Window,
};

/// This is no dashboard.
#[derive(Debug, thiserror::Error)]
#[error("not a dashboard of Grafana's")]
pub struct DashboardError(#[from] serde_json::Error);

impl Dashboard {
    /// Reads a dashboard of Grafana's, and what it asks about `window`.
    ///
    /// # Errors
    /// If this is no dashboard. A panel that this page can't draw is none: it says so in its place.
    pub fn read(json: &str, window: &Window) -> Result<Self, DashboardError> {
        Ok(Definition::read(json)?.dashboard(window))
    }
}

#[derive(Deserialize)]
struct Definition {
    title: String,
    #[serde(default)]
    description: String,
    templating: Templating,
    panels: Vec<PanelDefinition>,
}

#[derive(Deserialize)]
struct Templating {
    list: Vec<Variable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variable {
    name: String,
    /// What it is where all is chosen.
    all_value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PanelDefinition {
    title: String,
    #[serde(default)]
    description: String,
    grid_pos: Place,
    #[serde(default)]
    targets: Vec<Target>,
    /// All that says how it looks.
    #[serde(flatten)]
    look: serde_json::Value,
}

#[derive(Deserialize)]
struct Place {
    w: u8,
    x: u8,
    y: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    expr: String,
    #[serde(default)]
    legend_format: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LookDefinition {
    #[serde(rename = "type")]
    kind: Kind,
    field_config: FieldConfig,
}

#[derive(Deserialize)]
struct FieldConfig {
    defaults: Defaults,
}

#[derive(Deserialize)]
struct Defaults {
    #[serde(default)]
    unit: Unit,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(default)]
    custom: Custom,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Custom {
    fill_opacity: u8,
    stacking: Stacking,
}

#[derive(Default, Deserialize)]
struct Stacking {
    mode: StackingMode,
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StackingMode {
    #[default]
    None,
    Normal,
}

impl Definition {
    fn read(json: &str) -> Result<Self, DashboardError> {
        let mut definition: Self = serde_json::from_str(json)?;
        let place = |panel: &PanelDefinition| (panel.grid_pos.y, panel.grid_pos.x);
        definition.panels.sort_by_key(place);
        Ok(definition)
    }

    /// The dashboard, of which nothing is asked yet.
    fn dashboard(self, window: &Window) -> Dashboard {
        let list = self.templating.list.into_iter();
        let chosen = list.filter_map(|variable| Some((variable.name, variable.all_value?)));
        let values: BTreeMap<_, _> = chosen.chain(window.variables()).collect();
        let panels = self.panels.into_iter();
        Dashboard {
            title: self.title,
            description: self.description,
            panels: panels.map(|panel| panel.panel(&values)).collect(),
        }
    }
}

impl PanelDefinition {
    fn panel(self, values: &BTreeMap<String, String>) -> Panel {
        let queries: Result<Vec<Query>, String> = self
            .targets
            .iter()
            .map(|target| target.query(values))
            .collect();
        let (look, queries) = match (look(&self.look), queries) {
            (Ok(look), Ok(queries)) => (look, queries),
            (Err(problem), _) | (_, Err(problem)) => (Look::Unknown { problem }, Vec::new()),
        };
        Panel {
            title: self.title,
            description: self.description,
            look,
            queries,
            width: self.grid_pos.w,
        }
    }
}

fn look(definition: &serde_json::Value) -> Result<Look, String> {
    let look = LookDefinition::deserialize(definition).map_err(|error| error.to_string())?;
    let Defaults {
        unit,
        min,
        max,
        custom,
    } = look.field_config.defaults;
    let lines = Lines {
        min,
        max,
        fill: custom.fill_opacity,
        stacked: custom.stacking.mode == StackingMode::Normal,
    };
    Ok(Look::Known {
        kind: look.kind,
        unit,
        lines,
    })
}

impl Target {
    fn query(&self, values: &BTreeMap<String, String>) -> Result<Query, String> {
        Ok(Query {
            expression: variables::substitute(&self.expr, values)?,
            legend: self.legend_format.clone(),
            answer: Answer::Series(Vec::new()),
        })
    }
}
