//! The test that a deployment must pass.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aznet_model::values::Values;
use aznet_network::namespace::Network;
use aznet_runner::event::Kind;
use aznet_runner::report::{Document, Human, Reporter};
use aznet_runner::verdict::Leaks;
use aznet_runner::{
    Class, Event, Failure as NotRun, Filter, Options, Selection, Test, Verdict, Wanted, select,
};
use aznet_scenarios::Provide;
use futures::FutureExt;
use jiff::Timestamp;

use crate::context::Context;
use crate::failure::Failure;
use crate::lines::Lines;

/// The smallest test there is for a network with a wallet server, and for one without.
const USUAL: [&str; 2] = ["transfer", "chain"];
/// What a test gets to clean up after its deadline or an interruption.
const GRACE: Duration = Duration::from_secs(20);
/// Tests that only look on run side by side, up to this sum of their weights.
const CAPACITY: u32 = 4;

/// Which tests a deployment must pass.
#[derive(Debug, Clone)]
pub(crate) struct Smoke(Option<Filter>);

impl Smoke {
    /// Those that an expression selects; without one the smallest that the network has what it takes for.
    pub(crate) fn of(expression: Option<&str>) -> anyhow::Result<Self> {
        let Some(expression) = expression else {
            return Ok(Self(None));
        };
        let filter: Filter = expression.parse()?;
        let nothing: Provide = Arc::new(|| async { Err(NotRun::skipped("no network")) }.boxed());
        let tests = aznet_scenarios::tests("", &nothing, None);
        filter.check(&tests)?;
        let known = tests.iter().map(|test| test.id.name.clone()).collect();
        let chosen = chosen(tests, filter.clone());
        if chosen.selected.is_empty() {
            let asked = vec![filter.to_string()];
            return Err(Failure::NoTest { asked, known }.into());
        }
        let disturbs = |test: &&Test| test.class != Class::Observe;
        let disturbing = chosen.selected.iter().filter(disturbs);
        let tests: Vec<String> = disturbing.map(|test| test.id.name.clone()).collect();
        if tests.is_empty() {
            return Ok(Self(Some(filter)));
        }
        Err(Failure::Disturbing { tests }.into())
    }

    fn filter(&self, values: &Values) -> anyhow::Result<Filter> {
        if let Some(filter) = &self.0 {
            return Ok(filter.clone());
        }
        Ok(format!("test(={})", usual(values)).parse()?)
    }

    /// Runs them on a network with these values; how each ended.
    pub(crate) async fn run(
        &self,
        network: &Network,
        values: &Values,
        context: &Context,
    ) -> anyhow::Result<Vec<Kind>> {
        let tests = aznet_scenarios::tests(network.name(), &provide(network), Some(values));
        let selection = chosen(tests, self.filter(values)?);
        let mut human = Human::new(Lines::talk(&context.printer), true, true);
        let (mut document, mut broken) = (Document::default(), None);
        let mut hear = |event: &Event| {
            let told = document.event(event).and_then(|()| human.event(event));
            broken = broken.take().or(told.err());
        };
        let cancel = context.interrupt.token();
        aznet_runner::run(selection, &options(), cancel, &mut hear).await;
        if let Some(error) = broken {
            return Err(error).context("writing what the smoke test does");
        }
        check(network.name(), &document)?;
        Ok(document.tests)
    }
}

/// Gives tests a network that is up.
pub(crate) fn provide(network: &Network) -> Provide {
    let network = network.clone();
    Arc::new(move || std::future::ready(Ok(network.clone())).boxed())
}

/// The first that a network with these values lacks nothing for; the last one asks for nothing.
fn usual(values: &Values) -> &'static str {
    let can = |name: &&str| aznet_scenarios::lacks(name, values).is_none();
    USUAL.into_iter().find(can).unwrap_or(USUAL[1])
}

fn chosen(tests: Vec<Test>, filter: Filter) -> Selection {
    let wanted = Wanted {
        filters: vec![filter],
        ..Wanted::default()
    };
    select(tests, &wanted)
}

fn options() -> Options {
    let now = Timestamp::now();
    Options {
        now,
        // A run that is not recorded has nobody to tell.
        commit: None,
        dud_attacks: false,
        seed: u64::try_from(now.as_microsecond()).unwrap_or_default(),
        repeat: 1,
        lasts: Duration::ZERO,
        max_fail: None,
        capacity: CAPACITY,
        networks: 1,
        leaks: Leaks::Report,
        grace: GRACE,
        gate: None,
        asked: Arc::default(),
    }
}

/// A test that could not be run proves as little as none.
fn check(network: &str, document: &Document) -> Result<(), Failure> {
    if document.summary.passed > 0 && document.summary.passed == document.tests.len() {
        return Ok(());
    }
    Err(Failure::SmokeFailed {
        network: network.to_owned(),
        tests: document.tests.iter().filter_map(told).collect(),
        found: document.summary.failed > 0,
    })
}

/// `chain: no checkpoint since slot 7`, unless it passed.
fn told(test: &Kind) -> Option<String> {
    let Kind::TestFinished { test, verdict, .. } = test else {
        return None;
    };
    let why = match verdict {
        Verdict::Passed => return None,
        Verdict::Failed { message } => message.clone(),
        Verdict::Infrastructure { message } | Verdict::Fault { message } => {
            format!("could not be run: {message}")
        }
        Verdict::Skipped { reason } => format!("was skipped: it needs {reason}"),
    };
    Some(format!("{}: {why}", test.name))
}
