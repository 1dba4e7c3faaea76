//! How fast something grows: the exponent of the power law that fits it best; and what may not grow so fast.

use super::figures::{Cost, Measured, Of, Step};

/// An exponent of 1 is linear; the rest is what measuring is worth.
const LINEAR: f64 = 1.15;
/// What is smaller than this, in CPU seconds or MB, is not seen to grow.
const SEEN: (f64, f64) = (0.2, 10.0);

/// CPU seconds that a status may take of `aznet` itself, of whatever size.
pub(super) const STATUS: f64 = 5.0;

/// The exponent b of y = a·x^b, by least squares of the logarithms; `None` of fewer than two points.
pub(super) fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.iter().map(|_| 1.0).sum::<f64>();
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|log| log.0), mean(|log| log.1));
    let spread: f64 = logs.iter().map(|log| (log.0 - x).powi(2)).sum();
    let common: f64 = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum();
    (spread > 0.0).then(|| common / spread)
}

/// The exponent at the upper end: over the sizes from a tenth of the largest on, where what is the same for each size
/// counts least.
pub(super) fn upper(measured: &Measured, step: Step, of: Of) -> Option<f64> {
    let all: Vec<(u32, Cost)> = measured.costs(step).collect();
    let largest = all.iter().map(|(validators, _)| *validators).max()?;
    let upper = all.iter().filter(|(n, _)| n.saturating_mul(10) >= largest);
    // No measure of time is shorter than a tick.
    let points = upper.map(|(n, cost)| (f64::from(*n), of(cost).max(0.01)));
    exponent(&points.collect::<Vec<_>>())
}

/// What of ours is beyond bounds: grows clearly faster than the number of pods, or takes too long.
pub(super) fn beyond(measured: &Measured) -> Vec<String> {
    let ours: [(&str, f64, Of); 3] = [
        ("CPU", SEEN.0, |cost| cost.cpu),
        ("CPU of Helm", SEEN.0, |cost| cost.helm),
        ("memory", SEEN.1, |cost| cost.memory),
    ];
    let mut found = Vec::new();
    for step in Step::ALL {
        for (what, seen, of) in ours {
            let most = measured.costs(step).map(|(_, cost)| of(&cost));
            let is_seen = most.fold(0.0, f64::max) >= seen;
            if let Some(exponent) = upper(measured, step, of).filter(|b| is_seen && *b > LINEAR) {
                let command = step.command();
                found.push(format!("{what} of `{command}` grows by {exponent:.2}"));
            }
        }
    }
    let slow = (measured.costs(Step::Status)).filter(|(_, cost)| cost.cpu > STATUS);
    found.extend(slow.map(|(validators, cost)| {
        format!(
            "a status of {validators} validators takes {} s of CPU",
            cost.cpu
        )
    }));
    found
}

#[cfg(test)]
mod tests {
    use super::super::figures::Size;
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_exponent_of_a_power_law_is_found() {
        for power in [0.0, 0.5, 1.0, 2.0] {
            let points = [10.0, 30.0, 100.0, 1000.0].map(|x: f64| (x, 3.0 * x.powf(power)));
            let found = exponent(&points).unwrap();
            assert!((found - power).abs() < 1e-9, "{found}");
        }
        assert_eq!(exponent(&[(10.0, 1.0)]), None);
        assert_eq!(exponent(&[]), None);
    }

    fn measured(step: Step, cpu: fn(f64) -> f64) -> Measured {
        let size = |validators: u32| {
            let cost = Cost {
                took: 1.0,
                cpu: cpu(f64::from(validators)),
                helm: 0.3,
                memory: 50.0,
            };
            Size {
                validators,
                pods: validators + 9,
                on_a_node: (1, 1),
                control_plane: 300.0,
                steps: BTreeMap::from([(step, cost)]),
            }
        };
        Measured {
            machine: "a machine".to_owned(),
            nodes: 100,
            sizes: [10, 30, 100, 300, 1000].map(size).into(),
        }
    }

    #[test]
    fn what_is_faster_than_linear_is_found_whatever_is_the_same_for_all() {
        let linear = measured(Step::Up, |n| 0.5 + n / 100.0);
        assert_eq!(beyond(&linear), Vec::<String>::new());
        let squares = measured(Step::Up, |n| 0.5 + n / 1_000.0 + n * n / 100_000.0);
        assert_eq!(beyond(&squares), ["CPU of `aznet up` grows by 1.22"]);
    }

    #[test]
    fn what_is_too_small_to_be_measured_is_not_seen_to_grow() {
        let little = measured(Step::Up, |n| n * n / 10_000_000.0);
        assert_eq!(beyond(&little), Vec::<String>::new());
    }

    #[test]
    fn a_status_has_its_time() {
        let slow = measured(Step::Status, |n| 0.5 + n / 200.0);
        let told = ["a status of 1000 validators takes 5.5 s of CPU"];
        assert_eq!(beyond(&slow), told);
    }
}
