//! `docs/reference/scale.svg`: time and memory by number of validators, on logarithmic scales, where a power law is a line.

use super::figures::{Measured, Of, Step};
use anyhow::Result;
use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
/// Of one panel.
const HEIGHT: f64 = 320.0;
/// What titles, scales and the names of the lines take of it.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 35.0;
const BOTTOM: f64 = 45.0;
/// Told apart by people who are colour-blind, on white and on black.
const COLOURS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"];
/// Below one another: what is shown, and its unit.
const PANELS: [(&str, &str, Of); 3] = [
    ("Time until it is done", "s", |cost| cost.took),
    ("CPU time of aznet and Helm", "s", |cost| {
        cost.cpu + cost.helm
    }),
    ("Memory of aznet", "MB", |cost| cost.memory),
];

/// The picture.
pub(crate) fn plot() -> Result<String> {
    Ok(draw(&Measured::read()?))
}

fn draw(measured: &Measured) -> String {
    let panels = PANELS.map(|(title, unit, of)| {
        let line = |step| {
            let costs = measured.costs(step);
            // What is shorter than a tick is not known.
            let points = costs.map(|(n, cost)| (f64::from(n), of(&cost).max(0.01)));
            (step, points.collect())
        };
        panel(title, unit, &Step::ALL.map(line))
    });
    let mut text = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {}' font-family='sans-serif' font-size='12'>\n\
         <rect width='100%' height='100%' fill='white'/>\n",
        HEIGHT * 3.0
    );
    let mut top = 0.0;
    for panel in panels {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "<g transform='translate(0 {top})'>\n{panel}</g>");
        top += HEIGHT;
    }
    text.push_str("</svg>\n");
    text
}

/// The decades that hold all of what is shown.
#[derive(Clone, Copy)]
struct Scale {
    first: f64,
    last: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .map(f64::log10)
            .fold((f64::MAX, f64::MIN), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        Self {
            first: low.floor(),
            last: high.ceil().max(low.floor() + 1.0),
        }
    }

    /// Where a value is, from 0 to 1.
    fn place(self, value: f64) -> f64 {
        (value.log10() - self.first) / (self.last - self.first)
    }

    fn decades(self) -> impl Iterator<Item = f64> {
        let steps = std::iter::successors(Some(self.first), |exponent| Some(exponent + 1.0));
        let within = move |exponent: &f64| *exponent <= self.last;
        steps
            .take_while(within)
            .map(|exponent| 10_f64.powf(exponent))
    }
}

/// A step and what it cost at each size.
type Line = (Step, Vec<(f64, f64)>);

fn panel(title: &str, unit: &str, lines: &[Line]) -> String {
    let all = || lines.iter().flat_map(|(_, points)| points);
    let (xs, ys) = (
        Scale::of(all().map(|at| at.0)),
        Scale::of(all().map(|at| at.1)),
    );
    let x = |value: f64| LEFT + xs.place(value) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - ys.place(value) * (HEIGHT - TOP - BOTTOM);
    let mut text =
        format!("<text x='{LEFT}' y='20' font-size='14' font-weight='bold'>{title}</text>\n");
    grid(&mut text, (xs, &x), (ys, &y), unit);
    for ((_, points), colour) in lines.iter().zip(COLOURS) {
        let places = points
            .iter()
            .map(|at| format!("{:.1},{:.1}", x(at.0), y(at.1)));
        let places: Vec<String> = places.collect();
        let _ = writeln!(
            text,
            "<polyline points='{}' fill='none' stroke='{colour}' stroke-width='2'/>",
            places.join(" ")
        );
    }
    names(&mut text, lines, y);
    text
}

/// The decades, and what they are of.
fn grid(
    text: &mut String,
    (xs, x): (Scale, &dyn Fn(f64) -> f64),
    (ys, y): (Scale, &dyn Fn(f64) -> f64),
    unit: &str,
) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for value in xs.decades() {
        let at = x(value);
        let _ = writeln!(
            text,
            "<path d='M{at:.1} {TOP}V{bottom}' stroke='#ddd'/>\
             <text x='{at:.1}' y='{:.1}' text-anchor='middle'>{value}</text>",
            bottom + 18.0
        );
    }
    for value in ys.decades() {
        let at = y(value);
        let _ = writeln!(
            text,
            "<path d='M{LEFT} {at:.1}H{right}' stroke='#ddd'/>\
             <text x='{:.1}' y='{:.1}' text-anchor='end'>{value} {unit}</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        text,
        "<text x='{:.1}' y='{:.1}' text-anchor='middle'>validators</text>",
        f64::midpoint(LEFT, right),
        HEIGHT - 8.0
    );
}

/// The name of each line at its end; those that end side by side are moved apart.
fn names(text: &mut String, lines: &[Line], y: impl Fn(f64) -> f64) {
    const APART: f64 = 15.0;
    let ends = lines.iter().zip(COLOURS);
    let ends =
        ends.filter_map(|((step, points), colour)| Some((y(points.last()?.1), step, colour)));
    let mut ends: Vec<_> = ends.collect();
    ends.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut free = TOP;
    for (at, step, colour) in ends {
        let at = at.max(free);
        free = at + APART;
        let _ = writeln!(
            text,
            "<text x='{:.1}' y='{:.1}' fill='{colour}'>{}</text>",
            WIDTH - RIGHT + 8.0,
            at + 4.0,
            step.command()
        );
    }
}
