//! `docs/reference/scale.svg`: CPU time by number of validators, on logarithmic scales, where a power law is a line.

use super::{Measured, Step};
use anyhow::Result;
use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// What the scales and the names of the lines take.
const LEFT: f64 = 60.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 45.0;
/// Told apart by people who are colour-blind, on white and on black.
const COLOURS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"];

/// The picture.
pub(crate) fn plot() -> Result<String> {
    Ok(draw(&Measured::read()?))
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

fn draw(measured: &Measured) -> String {
    let line = |step| -> Vec<(f64, f64)> {
        let costs = measured.costs(step);
        // What is shorter than a tick is not known.
        let points = costs.map(|(n, cost)| (f64::from(n), (cost.cpu + cost.helm).max(0.01)));
        points.collect()
    };
    let lines = Step::ALL.map(|step| (step, line(step)));
    let all = || lines.iter().flat_map(|(_, points)| points);
    let (xs, ys) = (
        Scale::of(all().map(|at| at.0)),
        Scale::of(all().map(|at| at.1)),
    );
    let x = |value: f64| LEFT + xs.place(value) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - ys.place(value) * (HEIGHT - TOP - BOTTOM);
    let mut text = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' font-family='sans-serif' font-size='12'>\n\
         <rect width='100%' height='100%' fill='white'/>\n"
    );
    grid(&mut text, (xs, &x), (ys, &y));
    for ((_, points), colour) in lines.iter().zip(COLOURS) {
        let places = points
            .iter()
            .map(|at| format!("{:.1},{:.1}", x(at.0), y(at.1)));
        let places: Vec<String> = places.collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "<polyline points='{}' fill='none' stroke='{colour}' stroke-width='2'/>",
            places.join(" ")
        );
    }
    names(&mut text, &lines, y);
    text.push_str("</svg>\n");
    text
}

/// The decades, and what they are of.
fn grid(
    text: &mut String,
    (xs, x): (Scale, &dyn Fn(f64) -> f64),
    (ys, y): (Scale, &dyn Fn(f64) -> f64),
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
             <text x='{:.1}' y='{:.1}' text-anchor='end'>{value} s</text>",
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
fn names(text: &mut String, lines: &[(Step, Vec<(f64, f64)>)], y: impl Fn(f64) -> f64) {
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
