//! `cargo xtask measured RUN…`: adds what tests of recorded runs came to to `docs/reference/scenarios.json`.

use crate::run;
use anyhow::{Context, Result, bail};
use aznet_runner::event::Kind;
use aznet_runner::{Event, Verdict, report};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const MEASURED: &str = "docs/reference/scenarios.json";
/// In the folder of a run.
const EVENTS: &str = "events.jsonl";

/// What tests came to, run by run.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measured {
    /// By their start, which tells them apart.
    runs: BTreeMap<Timestamp, Run>,
}

/// What tests came to in a run.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    /// Of the checkout that it was of, where its events say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    /// Whether attacks were only gone through, so that their tests must fail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    dud_attacks: bool,
    /// By `network::name`.
    tests: BTreeMap<String, Tested>,
}

/// What a test came to in a run.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tested {
    /// Of Aztec, where the events say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    release: Option<String>,
    /// In their order: seconds that it took to pass, or nothing if it failed, or passed only on a retry.
    results: Vec<Option<f64>>,
}

/// All that is known of a test.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct History {
    /// As [`Tested::results`], the oldest first.
    pub(crate) results: Vec<Option<f64>>,
    /// When the last run began in which it was tested.
    pub(crate) last: Timestamp,
    /// That run's commit.
    pub(crate) commit: Option<String>,
    /// That run's release of Aztec.
    pub(crate) release: Option<String>,
}

impl History {
    /// How often it has passed since it failed last.
    pub(crate) fn in_a_row(&self) -> usize {
        let newest_first = self.results.iter().rev();
        newest_first.take_while(|result| result.is_some()).count()
    }
}

/// Whether a run was added.
#[derive(Debug, PartialEq)]
enum Added {
    /// With so many results.
    Now(usize),
    Before,
}

impl Measured {
    /// What is kept in the repository.
    pub(crate) fn read() -> Result<Self> {
        let path = run::root().join(MEASURED);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }

    fn write(&self) -> Result<()> {
        let path = run::root().join(MEASURED);
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    }

    /// All that is known, by `network::name`.
    pub(crate) fn histories(&self) -> BTreeMap<&str, History> {
        self.histories_of(false)
    }

    /// What tests came to whose attacks were only gone through, by `network::name`.
    pub(crate) fn duds(&self) -> BTreeMap<&str, History> {
        self.histories_of(true)
    }

    fn histories_of(&self, dud_attacks: bool) -> BTreeMap<&str, History> {
        let mut all = BTreeMap::<&str, History>::new();
        let runs = self.runs.iter();
        for (started, run) in runs.filter(|(_, run)| run.dud_attacks == dud_attacks) {
            for (test, tested) in &run.tests {
                let history = all.entry(test).or_default();
                history.results.extend(&tested.results);
                history.last = *started;
                history.commit.clone_from(&run.commit);
                history.release.clone_from(&tested.release);
            }
        }
        all
    }

    /// Adds a run, unless it is there.
    fn add(&mut self, events: &[Event]) -> Result<Added> {
        let Some(Event {
            at,
            kind: Kind::RunStarted { .. },
        }) = events.first()
        else {
            bail!("it does not begin with the start of a run");
        };
        if self.runs.contains_key(at) {
            return Ok(Added::Before);
        }
        if !matches!(events.last(), Some(last) if matches!(last.kind, Kind::RunFinished { .. })) {
            bail!("it has no end: the run goes on, or was killed");
        }
        let run = fold(events);
        let count = run.tests.values().map(|tested| tested.results.len()).sum();
        self.runs.insert(*at, run);
        Ok(Added::Now(count))
    }
}

/// Reads the runs and keeps what their tests came to; all of them or none.
pub(crate) fn add(runs: &[PathBuf]) -> Result<()> {
    let mut measured = Measured::read()?;
    for run in runs {
        let added = measured.add(&recorded(run)?);
        match added.with_context(|| format!("the run {}", run.display()))? {
            Added::Now(1) => println!("{}: 1 result", run.display()),
            Added::Now(count) => println!("{}: {count} results", run.display()),
            Added::Before => println!("{}: was added before", run.display()),
        }
    }
    measured.write()?;
    println!("wrote {MEASURED}; `cargo xtask generate` makes a page of it");
    Ok(())
}

/// The events of a run: a folder that `aznet test --report` wrote, or the record in it.
fn recorded(run: &Path) -> Result<Vec<Event>> {
    let record = if run.is_dir() {
        run.join(EVENTS)
    } else {
        run.to_owned()
    };
    let text = std::fs::read_to_string(&record)
        .with_context(|| format!("reading {}", record.display()))?;
    report::read(&text).with_context(|| format!("reading {}", record.display()))
}

/// What tests came to. What could not be tested says nothing of a test, nor does what ended because the run was interrupted.
fn fold(events: &[Event]) -> Run {
    let mut run = Run::default();
    let mut releases = BTreeMap::<&str, &str>::new();
    for event in events {
        match &event.kind {
            Kind::RunStarted {
                commit,
                dud_attacks,
                ..
            } => {
                run.commit.clone_from(commit);
                run.dud_attacks = *dud_attacks;
            }
            Kind::Observed {
                network,
                seen: aznet_runner::Observation::Release { name },
            } => {
                releases.insert(network, name);
            }
            Kind::TestFinished {
                test,
                attempts,
                took,
                verdict,
                ..
            } => {
                let result = match verdict {
                    Verdict::Passed if *attempts == 1 => Some(tenths(took.as_secs_f64())),
                    Verdict::Passed | Verdict::Failed { .. } => None,
                    Verdict::Infrastructure { .. }
                    | Verdict::Fault { .. }
                    | Verdict::Skipped { .. } => continue,
                };
                let tested = run.tests.entry(test.to_string()).or_default();
                let release = releases.get(test.network.as_str());
                tested.release = release.map(|name| (*name).to_owned());
                tested.results.push(result);
            }
            Kind::Interrupted => break,
            _ => {}
        }
    }
    run
}

fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = r#"{"at":"2026-11-26T10:00:00Z","event":"run-started","seed":1,"selected":[],"left_out":0,"partition":null,"commit":"c1"}"#;
    const END: &str = r#"{"at":"2026-11-26T11:00:00Z","event":"run-finished","summary":{"passed":0,"flaky":0,"failed":0,"infrastructure":0,"skipped":0,"not_run":0,"interrupted":false,"took":1}}"#;
    const RELEASE: &str = r#"{"at":"2026-11-26T10:00:01Z","event":"observed","network":"small","observation":"release","name":"4.1"}"#;
    const INTERRUPTED: &str = r#"{"at":"2026-11-26T10:30:00Z","event":"interrupted"}"#;

    fn finished(attempts: u32, verdict: &str) -> String {
        format!(
            r#"{{"at":"2026-11-26T10:10:00Z","event":"test-finished","test":{{"network":"small","name":"transfer"}},"attempts":{attempts},"took":12.34,{verdict}}}"#
        )
    }

    fn passed() -> String {
        finished(1, r#""verdict":"passed""#)
    }

    fn failed() -> String {
        finished(1, r#""verdict":"failed","message":"no""#)
    }

    fn events(lines: &[&str]) -> Vec<Event> {
        report::read(&(lines.join("\n") + "\n")).expect("events")
    }

    #[test]
    fn a_run_counts_once() {
        let mut measured = Measured::default();
        let run = events(&[START, RELEASE, &passed(), END]);
        assert_eq!(measured.add(&run).expect("a run"), Added::Now(1));
        assert_eq!(measured.add(&run).expect("a run"), Added::Before);
        let kept = serde_json::to_string(&measured).expect("JSON");
        assert_eq!(
            kept,
            r#"{"runs":{"2026-11-26T10:00:00Z":{"commit":"c1","tests":{"small::transfer":{"release":"4.1","results":[12.3]}}}}}"#
        );
        assert_eq!(
            serde_json::from_str::<Measured>(&kept).expect("JSON"),
            measured
        );
    }

    #[test]
    fn only_what_was_tested_counts() {
        let untold = [
            finished(1, r#""verdict":"infrastructure","message":"no network""#),
            finished(1, r#""verdict":"skipped","reason":"no pxe""#),
        ];
        let flaky = finished(2, r#""verdict":"passed""#);
        let (passed, failed) = (passed(), failed());
        let lines = [
            START,
            &untold[0],
            &passed,
            &failed,
            &untold[1],
            &flaky,
            &passed,
            &passed,
            INTERRUPTED,
            &failed,
            END,
        ];
        let mut measured = Measured::default();
        measured.add(&events(&lines)).expect("a run");
        let history = &measured.histories()["small::transfer"];
        let verdicts: Vec<bool> = history.results.iter().map(Option::is_some).collect();
        assert_eq!(verdicts, [true, false, false, true, true]);
        assert_eq!(history.in_a_row(), 2);
    }

    /// What fails for want of its attack has not failed, and what passes without it has not passed.
    #[test]
    fn a_run_without_its_attacks_is_apart() {
        let dud = START
            .replace("10:00", "12:00")
            .replace('}', r#","dud_attacks":true}"#);
        let mut measured = Measured::default();
        measured
            .add(&events(&[START, &passed(), END]))
            .expect("a run");
        measured
            .add(&events(&[&dud, &failed(), END]))
            .expect("a run");
        let count = |of: &BTreeMap<&str, History>| of["small::transfer"].results.clone();
        assert_eq!(count(&measured.histories()), [Some(12.3)]);
        assert_eq!(count(&measured.duds()), [None]);
    }

    /// Whatever the order in which they are added, the newest run is the last.
    #[test]
    fn runs_are_in_their_own_order() {
        let later = START.replace("10:00", "12:00").replace("c1", "c2");
        let mut measured = Measured::default();
        measured
            .add(&events(&[&later, &failed(), END]))
            .expect("a run");
        measured
            .add(&events(&[START, &passed(), END]))
            .expect("a run");
        let history = &measured.histories()["small::transfer"];
        assert_eq!(history.in_a_row(), 0);
        assert_eq!(history.commit.as_deref(), Some("c2"));
    }

    #[test]
    fn a_run_without_an_end_is_refused() {
        let error = Measured::default()
            .add(&events(&[START, &passed()]))
            .unwrap_err();
        assert!(error.to_string().contains("has no end"), "{error}");
    }
}
