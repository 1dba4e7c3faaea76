//! How often scenarios and cells were run, and what came of it.

use crate::measured::{History, Measured};
use anyhow::Result;
use aznet_runner::stats::Times;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// So often in a row a test passes before it is called done.
const DONE: usize = 10;

/// What the names of attacks begin with.
const ATTACK: &str = "attack-";

/// The section: a row for each of `scenarios`, whatever the network, and of `cells`, which are named `topology::name`; then what
/// came of attacks that were only gone through.
pub(super) fn section(scenarios: &[&str], cells: &[String]) -> Result<String> {
    let measured = Measured::read()?;
    let results = table(&measured.histories(), scenarios, cells);
    Ok(results + &without(&measured.duds(), scenarios))
}

fn without(duds: &BTreeMap<&str, History>, scenarios: &[&str]) -> String {
    let mut text = "
### Without their attacks

What a test looks for must come of its attack. With `AZNET_DUD_ATTACKS=1` everything is done but the attack, and the test must fail.

| test | failed | Aztec | commit | day |
|---|---|---|---|---|
"
    .to_owned();
    let attacks = scenarios.iter().filter(|name| name.starts_with(ATTACK));
    let attacks: Vec<&str> = attacks.copied().collect();
    for (name, history) in rows(duds, &attacks, &[]) {
        let (failed, of) = history.map_or((0, 0), |history| {
            let failed = history.results.iter().filter(|passed| passed.is_none());
            (failed.count(), history.results.len())
        });
        // Writing to a String cannot fail.
        let _ = write!(text, "| `{name}` | {failed} of {of} ");
        last(&mut text, history);
    }
    text
}

fn table(histories: &BTreeMap<&str, History>, scenarios: &[&str], cells: &[String]) -> String {
    let rows = rows(histories, scenarios, cells);
    let done = rows.iter().filter(|(_, history)| is_done(*history)).count();
    let mut text = format!(
        "## Results

A scenario or a cell is done once it has passed {DONE} times in a row: {done} of {} are. What could not be tested does not count,
and a pass on a retry counts as a failure. The times are those of passes. Release, commit and day are those of the last run.

| test | passed | in a row | median | p95 | Aztec | commit | day |
|---|---|---|---|---|---|---|---|
",
        rows.len()
    );
    for (name, history) in rows {
        text.push_str(&row(&name, history));
    }
    text
}

/// Each test, with what is known of it: scenarios on each network that they were run on, cells, and cells on networks that
/// are no topology of the matrix.
fn rows<'a>(
    histories: &'a BTreeMap<&str, History>,
    scenarios: &[&str],
    cells: &[String],
) -> Vec<(String, Option<&'a History>)> {
    let mut rows = Vec::new();
    for scenario in scenarios {
        let of_it = histories.iter().filter(|(test, _)| {
            test.split_once("::")
                .is_some_and(|(_, name)| name == *scenario)
        });
        let before = rows.len();
        rows.extend(of_it.map(|(test, history)| ((*test).to_owned(), Some(history))));
        if rows.len() == before {
            rows.push(((*scenario).to_owned(), None));
        }
    }
    rows.extend(
        cells
            .iter()
            .map(|cell| (cell.clone(), histories.get(cell.as_str()))),
    );
    let elsewhere = histories
        .iter()
        .filter(|(test, _)| test.contains('@') && !cells.iter().any(|cell| cell == *test));
    rows.extend(elsewhere.map(|(test, history)| ((*test).to_owned(), Some(history))));
    rows
}

fn is_done(history: Option<&History>) -> bool {
    history.is_some_and(|history| history.in_a_row() >= DONE)
}

fn row(name: &str, history: Option<&History>) -> String {
    let mut text = match history {
        Some(history) => passes(name, history),
        None => format!("| `{name}` | 0 of 0 | – | – | – "),
    };
    last(&mut text, history);
    text
}

fn passes(name: &str, history: &History) -> String {
    let took = history.results.iter().flatten();
    let times = Times::of(
        took.map(|seconds| Duration::from_secs_f64(*seconds))
            .collect(),
    );
    let passed = history.results.iter().flatten().count();
    let seconds = |time: fn(Times) -> Duration| {
        times.map_or("–".to_owned(), |times| {
            format!("{:.0} s", time(times).as_secs_f64())
        })
    };
    format!(
        "| `{name}` | {passed} of {} | {} | {} | {} ",
        history.results.len(),
        history.in_a_row(),
        seconds(|times| times.median),
        seconds(|times| times.p95)
    )
}

/// The cells of the last run of a test: release, commit and day.
fn last(text: &mut String, history: Option<&History>) {
    let Some(history) = history else {
        text.push_str("| – | – | – |\n");
        return;
    };
    for known in [&history.release, &history.commit] {
        // Writing to a String cannot fail.
        let _ = write!(text, "| {} ", known.as_deref().unwrap_or("–"));
    }
    let _ = writeln!(text, "| {} |", history.last.strftime("%Y-%m-%d"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(results: &[Option<f64>]) -> History {
        History {
            results: results.to_vec(),
            commit: Some("45e1033c0f".to_owned()),
            release: Some("4.1".to_owned()),
            ..History::default()
        }
    }

    /// What was never run is there, too, and a failure is not hidden by the passes around it.
    #[test]
    fn every_test_has_a_row() {
        let one_failed: Vec<_> = (0..12)
            .map(|nth| (nth != 2).then_some(f64::from(100 + nth)))
            .collect();
        let histories = BTreeMap::from([
            ("small::transfer", history(&[Some(60.0); 10])),
            ("tiny::transfer", history(&[None])),
            ("small::transfer@calm", history(&one_failed)),
            ("mine::transfer@calm", history(&[Some(60.0)])),
        ]);
        let cells = ["one", "small"].map(|topology| format!("{topology}::transfer@calm"));
        insta::assert_snapshot!(table(&histories, &["transfer", "load"], &cells));
    }

    /// One that passed without its attack is seen among those that failed.
    #[test]
    fn attacks_that_were_only_gone_through_are_apart() {
        let duds = BTreeMap::from([
            ("small::attack-clock", history(&[None, None])),
            ("small::attack-flood", history(&[None, Some(60.0)])),
        ]);
        let scenarios = ["transfer", "attack-clock", "attack-flood", "attack-proof"];
        insta::assert_snapshot!(without(&duds, &scenarios));
    }
}
