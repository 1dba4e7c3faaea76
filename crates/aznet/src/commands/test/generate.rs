//! `aznet test --generate`: scenarios by chance; one that fails is made smaller and kept.

use std::collections::BTreeMap;

use aznet_runner::event::Kind;
use aznet_runner::{Options, Test, TestId, Verdict};
use aznet_scenarios::generate::{Drawn, GENERATED, Ground, Shrinker, draw};
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
        let mut failed = BTreeMap::new();
        for kind in ended {
            if let Kind::TestFinished {
                test,
                verdict: Verdict::Failed { message },
                ..
            } = kind
                && let Some(drawn) = drawn.get(test)
            {
                failed.insert(test, (drawn, message.clone()));
            }
        }
        for (drawn, message) in failed.into_values() {
            self.shrink(drawn, message, options).await?;
        }
        Ok(())
    }

    /// Makes one smaller as long as it fails, and keeps the smallest.
    async fn shrink(
        &self,
        drawn: &Drawn,
        mut message: String,
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
            if let Verdict::Failed { message: why } = verdict {
                message = why;
            }
            shrinker.tried(step, failed);
        }
        self.written(&shrinker.smallest(), runs, &message)
    }

    fn written(&self, smallest: &Drawn, runs: u32, message: &str) -> anyhow::Result<()> {
        let again = self.again(smallest);
        let found = Found {
            again: &again,
            runs,
            message,
            on: Zoned::now().date(),
        };
        let path = regressions::keep(smallest, &found, &self.context.source)?;
        self.context.printer.note(format_args!(
            "{} has the smallest scenario that was seen to fail: {}; `{again}` draws the first one again",
            path.display(),
            smallest.words(),
        ));
        Ok(())
    }
}
