//! Which pins their makers no longer maintain, by `toolchain/support.yaml`. Time alone must not break a build: this warns.

use crate::run;
use anyhow::{Context, Result};
use aznet_cluster::parts::toolchain::{self, Pinned};
use aznet_cluster::source::Source;
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The end of the lines that are pinned, by folder of `toolchain/`.
type Support = BTreeMap<String, Line>;

/// A line of releases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Its major and minor number.
    #[serde(rename = "line")]
    numbers: String,
    /// From this day on it is not maintained, if its makers name one.
    ends: Option<Date>,
    /// Where its makers say so.
    source: String,
}

/// Prints a line for every pin past its end.
pub(crate) fn warn(today: Date) -> Result<()> {
    for warning in warnings(&pins()?, &support()?, today) {
        println!("warning: {warning}");
    }
    Ok(())
}

fn pins() -> Result<Vec<Pinned>> {
    Ok(toolchain::pinned(&Source::at(run::root())?)?)
}

fn support() -> Result<Support> {
    let path = run::root().join("toolchain/support.yaml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_norway::from_str(&text).with_context(|| path.display().to_string())
}

fn warnings(pins: &[Pinned], support: &Support, today: Date) -> Vec<String> {
    pins.iter()
        .filter_map(|pin| warning(pin, support.get(pin.name)?, today))
        .collect()
}

fn warning(pin: &Pinned, line: &Line, today: Date) -> Option<String> {
    let end = line.ends.filter(|end| today >= *end)?;
    Some(format!(
        "toolchain/{} pins {}; {} is not maintained since {end} ({})",
        pin.name, pin.release, line.numbers, line.source
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aznet_cluster::parts::kubernetes;
    use jiff::civil::date;

    #[test]
    fn every_pin_has_its_line() {
        let support = support().expect("support.yaml");
        for pin in pins().expect("the pins") {
            let line = support.get(pin.name).map(|line| line.numbers.as_str());
            assert_eq!(
                line,
                Some(kubernetes::line(&pin.release)),
                "support.yaml has another line of {} than the pinned {}",
                pin.name,
                pin.release
            );
        }
    }

    #[test]
    fn nothing_stands_there_that_is_not_pinned() {
        let pins = pins().expect("the pins");
        for name in support().expect("support.yaml").keys() {
            assert!(pins.iter().any(|pin| pin.name == name), "{name}");
        }
    }

    #[test]
    fn a_pin_is_warned_of_from_the_day_its_line_ends() {
        let text = "
            a: { line: '1.2', ends: 2026-10-27, source: 'https://a.example' }
            b: { line: '2.0', source: 'https://b.example' }";
        let support: Support = serde_norway::from_str(text).expect("a support file");
        let pin = |name, release: &str| Pinned {
            name,
            release: release.to_owned(),
        };
        let pins = [pin("a", "1.2.9"), pin("b", "2.0.1")];
        let on = |today| warnings(&pins, &support, today);
        assert_eq!(on(date(2026, 10, 26)), Vec::<String>::new());
        assert_eq!(
            on(date(2026, 10, 27)),
            ["toolchain/a pins 1.2.9; 1.2 is not maintained since 2026-10-27 (https://a.example)"]
        );
    }
}
