//! `aznet test --generate`: scenarios by chance; one that fails is made smaller and kept.

use std::collections::BTreeMap;

use aznet_runner::event::Kind;
use aznet_runner::{Options, Test, TestId, Verdict};
use aznet_scenarios::generate::{Drawn, GENERATED, Ground, Seen, Shrinker, draw};
use jiff::Zoned;

use super::args::TestArgs;
use super::choice::Choice;
use super::engine::{self, asked, execute, options, prepared};
use super::list::{Known, list};
use super::means::Means;
use super::pool::Pool;
use super::regressions::{self, Found};
use crate::args::Place;
use crate::context::Context;
use crate::exit::Exit;

/// What scenarios are drawn and run with.
struct Generator<'a> {
    args: &'a TestArgs,
    context: &'a Context,
    means: Means,
    ground: Ground,
}

/// Lists or runs as many scenarios as are asked for.
pub(super) async fn run(args: &TestArgs, context: &Context) -> anyhow::Result<Exit> {
    let choice = Choice::of(args)?;
    let seed = engine::seed(args);
    let generator = Generator {
        args,
        context,
        means: Means::new(args, context),
        ground: Ground::read(context.source.root())?,
    };
    let (tests, drawn) = generator.tests(seed)?;
    let selection = choice.select(tests)?;
    if args.list {
        let known = Known {
            drawn,
            ..Known::default()
        };
        list(&selection, &known, context)?;
        return Ok(Exit::Ok);
    }
    let baseline = prepared(args)?;
    let mut options = options(args, &choice, Some(Pool::gate()), asked()?, context).await;
    options.seed = seed;
    let with = (baseline.as_ref(), generator.means.bundles(args));
    let outcome = execute(args, selection, &options, with, context).await;
    let kept = match &outcome {
        Ok(outcome) => generator.keep(&outcome.tests, &drawn, &options).await,
        Err(_) => Ok(()),
    };
    generator.means.leave(context).await?;
    kept?;
    Ok(outcome?.exit)
}

impl Generator<'_> {
    /// The scenarios of as many seeds as are asked for, from this one on.
    fn tests(&self, seed: u64) -> anyhow::Result<(Vec<Test>, BTreeMap<TestId, Drawn>)> {
        let (mut tests, mut all) = (Vec::new(), BTreeMap::new());
        for n in 0..u64::from(self.args.generate.count) {
            let drawn = draw(seed.wrapping_add(n), &self.ground);
            let test = self.test(&drawn)?;
            all.insert(test.id.clone(), drawn);
            tests.push(test);
        }
        Ok((tests, all))
    }

    fn test(&self, drawn: &Drawn) -> anyhow::Result<Test> {
        let name = format!("seed-{}", drawn.seed);
        let again = self.again(drawn);
        self.means
            .test((drawn, &self.ground), (&name, GENERATED), again)
    }

    /// The command that draws and runs it again.
    fn again(&self, drawn: &Drawn) -> String {
        let place = Place {
            cluster: self.args.cluster.cluster.clone(),
            namespace: self.args.namespace.namespace.clone(),
        };
        format!(
            "aznet test --generate --seed {}{}",
            drawn.seed,
            place.flags()
        )
    }

    /// Makes those smaller that failed, and keeps them. What could not be tested says nothing of the scenario.
    async fn keep(
        &self,
        ended: &[Kind],
        drawn: &BTreeMap<TestId, Drawn>,
        options: &Options,
    ) -> anyhow::Result<()> {
        for (test, failing) in failing(ended) {
            if let Some(drawn) = drawn.get(test) {
                self.shrink(drawn, failing, options).await?;
            }
        }
        Ok(())
    }

    /// Makes one smaller as long as it fails, sees the smallest fail again, and keeps it.
    async fn shrink(
        &self,
        drawn: &Drawn,
        mut failing: Failing,
        options: &Options,
    ) -> anyhow::Result<()> {
        let most = self.args.generate.shrink_runs;
        let mut shrinker = Shrinker::new(drawn.clone(), &self.ground);
        let interrupted = self.context.interrupt.token();
        let mut runs = 0;
        while runs < most
            && let Some(step) = shrinker.next()
        {
            self.context.printer.note(format_args!(
                "seed {} failed; smaller, run {} of at most {most}: {}",
                drawn.seed,
                runs + 1,
                step.words
            ));
            let verdict = engine::verdict(self.test(&step.drawn)?, options, self.context).await;
            if interrupted.is_cancelled() {
                break;
            }
            runs += 1;
            let failed = matches!(verdict, Verdict::Failed { .. });
            if let Verdict::Failed { message } = verdict {
                let seen = Seen::ONCE;
                failing = Failing { seen, message };
            }
            shrinker.tried(step, failed);
        }
        let smallest = shrinker.smallest();
        let failing = self.confirmed(&smallest, failing, options).await?;
        self.written(&smallest, runs, &failing)
    }

    /// Runs it once more unless it was seen to fail twice: what fails by chance looks like what fails.
    async fn confirmed(
        &self,
        smallest: &Drawn,
        failing: Failing,
        options: &Options,
    ) -> anyhow::Result<Failing> {
        let interrupted = self.context.interrupt.token();
        if failing.seen.is_sure() || interrupted.is_cancelled() {
            return Ok(failing);
        }
        self.context.printer.note(format_args!(
            "seed {}: the smallest that failed runs once more: {}",
            smallest.seed,
            smallest.words()
        ));
        let verdict = engine::verdict(self.test(smallest)?, options, self.context).await;
        if interrupted.is_cancelled() {
            return Ok(failing);
        }
        Ok(failing.and(&verdict))
    }

    fn written(&self, smallest: &Drawn, runs: u32, failing: &Failing) -> anyhow::Result<()> {
        let again = self.again(smallest);
        let Failing { seen, message } = failing;
        let found = Found {
            again: &again,
            runs,
            seen: *seen,
            message,
            on: Zoned::now().date(),
        };
        let path = regressions::keep(smallest, &found, &self.context.source)?;
        self.context.printer.note(format_args!(
            "{} has the smallest scenario that was seen to fail, in {seen} runs{}: {}; `{again}` draws the first one again",
            path.display(),
            regressions::doubt(*seen),
            smallest.words(),
        ));
        Ok(())
    }
}

/// How often a scenario failed, and with what words last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failing {
    seen: Seen,
    message: String,
}

impl Failing {
    /// With how it ended once more. What could not be tested is no run.
    fn and(self, verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self {
                seen: self.seen.and(false),
                ..self
            },
            Verdict::Failed { message } => Self {
                seen: self.seen.and(true),
                message: message.clone(),
            },
            _ => self,
        }
    }
}

/// The tests that failed, with all of their runs.
fn failing(ended: &[Kind]) -> BTreeMap<&TestId, Failing> {
    let mut all: BTreeMap<&TestId, Failing> = BTreeMap::new();
    for kind in ended {
        if let Kind::TestFinished { test, verdict, .. } = kind {
            let known = all.remove(test).unwrap_or_else(|| Failing {
                seen: Seen::default(),
                message: String::new(),
            });
            all.insert(test, known.and(verdict));
        }
    }
    all.retain(|_, one| one.seen.has_failed());
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ended(name: &str, verdict: Verdict) -> Kind {
        Kind::TestFinished {
            test: TestId {
                network: name.to_owned(),
                name: "transfer@generated".to_owned(),
            },
            repetition: 1,
            attempts: 1,
            took: Duration::ZERO,
            verdict,
            leaks: Vec::new(),
        }
    }

    fn failed(message: &str) -> Verdict {
        let message = message.to_owned();
        Verdict::Failed { message }
    }

    #[test]
    fn runs_that_passed_count_and_those_that_could_not_be_tested_do_not() {
        let no_memory = Verdict::Infrastructure {
            message: "no memory".to_owned(),
        };
        let all = [
            ended("seed-1", Verdict::Passed),
            ended("seed-2", failed("first")),
            ended("seed-2", no_memory.clone()),
            ended("seed-2", Verdict::Passed),
            ended("seed-3", no_memory),
            ended("seed-4", failed("first")),
            ended("seed-4", failed("second")),
        ];
        let failing = failing(&all);
        let seen = failing.iter().map(|(test, one)| {
            let words = format!("{}: {}", one.seen, one.message);
            (test.network.as_str(), words)
        });
        let expected = [("seed-2", "1 of 2: first"), ("seed-4", "2 of 2: second")];
        assert!(seen.eq(expected.map(|(test, words)| (test, words.to_owned()))));
    }
}
