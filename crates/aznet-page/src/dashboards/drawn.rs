//! What the script draws: columns of values, in the size that they are written in.

use serde::Serialize;

use super::{
    board::{Boards, Kind, Lines, Look, Panel, Series},
    window::Window,
};

/// Percent that is filled below the line beside a single value.
const SPARK: u8 = 12;

/// All charts; times are in milliseconds since 1970.
#[derive(Debug, Serialize)]
pub(super) struct Drawn<'a> {
    from: i64,
    step: i64,
    count: usize,
    panels: Vec<Chart<'a>>,
}

#[derive(Debug, Serialize)]
struct Chart<'a> {
    /// Its box on the page.
    id: String,
    /// Without axes, beside a single value.
    spark: bool,
    suffix: String,
    min: Option<f64>,
    max: Option<f64>,
    fill: u8,
    stacked: bool,
    series: Vec<Line<'a>>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    name: &'a str,
    /// One for each moment, `null` where there is none.
    values: Vec<Option<f64>>,
}

/// Where a panel is on the page.
pub(super) fn id(dashboard: usize, panel: usize) -> String {
    format!("panel-{dashboard}-{panel}")
}

pub(super) fn drawn(boards: &Boards) -> Drawn<'_> {
    let window = &boards.window;
    let panels = boards.dashboards.iter().enumerate().flat_map(|(i, one)| {
        let charts = one.panels.iter().enumerate();
        charts.filter_map(move |(j, panel)| chart(id(i, j), panel, window))
    });
    Drawn {
        from: window.from.as_millisecond(),
        step: i64::from(window.step) * 1000,
        count: window.count(),
        panels: panels.collect(),
    }
}

fn chart<'a>(id: String, panel: &'a Panel, window: &Window) -> Option<Chart<'a>> {
    let Look::Known { kind, unit, lines } = &panel.look else {
        return None;
    };
    if !panel.has_data() {
        return None;
    }
    let Lines {
        min,
        max,
        fill,
        stacked,
    } = *lines;
    let scale = unit.scale(greatest(panel));
    let series = panel.series().map(|series| Line {
        name: &series.name,
        values: column(series, window, scale.divisor),
    });
    let spark = *kind == Kind::Stat;
    Some(Chart {
        id,
        spark,
        min: min.map(|min| min / scale.divisor),
        max: max.map(|max| max / scale.divisor),
        fill: if spark { SPARK } else { fill },
        stacked,
        series: series.collect(),
        suffix: scale.suffix,
    })
}

fn greatest(panel: &Panel) -> f64 {
    let values = panel.series().flat_map(|series| &series.values);
    values.fold(0.0, |most, (_, value)| value.abs().max(most))
}

fn column(series: &Series, window: &Window, divisor: f64) -> Vec<Option<f64>> {
    let mut column = vec![None; window.count()];
    for (second, value) in &series.values {
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
        let place = window.place(second.round() as i64);
        if let Some(cell) = place.and_then(|place| column.get_mut(place)) {
            *cell = Some(value / divisor);
        }
    }
    column
}
