//! A scenario as a test.

use std::sync::Arc;

use aznet_runner::{Class, Context, Failure, Test};

use super::drawn::{Drawn, Unusable};
use crate::beside::Beside;
use crate::condition::{Begins, Expects, Trouble, Wave};
use crate::matrix::{DEADLINE, Equip, SCENARIO};
use crate::topology::Facts;
use crate::watch::Watch;
use crate::{Provide, attend, cell};

/// What a scenario is called that was drawn just now.
pub const GENERATED: &str = "generated";
/// What a scenario is called that failed once, and is kept.
pub const REGRESSION: &str = "regression";

/// What a test is made of.
pub struct Given<'a> {
    /// Its name and [`GENERATED`] or [`REGRESSION`].
    pub name: (&'a str, &'static str),
    /// The command that runs it again.
    pub again: String,
    /// What of its network decides whom faults hit.
    pub facts: Facts,
    /// Gives its network, which no test has run on.
    pub fresh: Provide,
    /// Gives what faults are done with.
    pub equip: Equip,
}

/// What a test does.
struct Work {
    drawn: Drawn,
    waves: Vec<Wave>,
    begins: Begins,
    expects: Expects,
    beside: Beside,
    facts: Facts,
    again: String,
    fresh: Provide,
    equip: Equip,
    watch: Watch,
}

/// The test of a scenario: tokens move, while whatever was drawn happens, on a network of its own.
///
/// # Errors
/// [`Unusable`] where it names what there is not.
pub fn test(drawn: &Drawn, given: Given<'_>) -> Result<Test, Unusable> {
    let (network, kind) = given.name;
    let name = format!("{SCENARIO}@{kind}");
    let about = format!("tokens move; {}", drawn.words());
    let work = Arc::new(Work::new(drawn, given)?);
    let body = move |context| {
        let work = work.clone();
        async move { work.run(context).await }
    };
    let mut tags = vec!["tokens", kind];
    if !drawn.faults.is_empty() {
        tags.push("chaos");
    }
    Ok(Test::new(network, name, about, body)
        .class(Class::Own)
        .tags(tags)
        .deadline(DEADLINE))
}

impl Work {
    fn new(drawn: &Drawn, given: Given<'_>) -> Result<Self, Unusable> {
        let (begins, expects) = drawn.expects()?;
        Ok(Self {
            waves: drawn.waves()?,
            begins,
            expects,
            beside: Beside {
                attack: drawn.of_attack()?,
                load: drawn.load,
            },
            drawn: drawn.clone(),
            facts: given.facts,
            again: given.again,
            fresh: given.fresh,
            equip: given.equip,
            watch: Watch::default(),
        })
    }

    async fn run(&self, mut context: Context) -> Result<(), Failure> {
        context.seed = self.drawn.seed;
        let (words, again) = (self.drawn.words(), &self.again);
        context.step(format!("{words}; `{again}` runs it again"));
        let network = (self.fresh)().await?;
        let tools = if self.waves.is_empty() {
            None
        } else {
            Some((self.equip)(network.clone()).await?)
        };
        let trouble = Trouble {
            expects: self.expects,
            begins: self.begins,
            waves: &self.waves,
            // A fault that was lifted before it was done would have shown nothing.
            seen: self.waves.len(),
        };
        let done = (&self.facts, tools.as_ref());
        let run = |world| cell::disturbed(world, trouble, done, &self.beside);
        let restarts = [trouble.restarts().as_slice(), self.beside.restarts()].concat();
        attend(run, &restarts, (network, context), &self.watch).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of what a call gives; nothing is called.
    const fn size<A, F: Future>(_: &impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    /// Without optimization, each level that a poll goes through has several copies of what it awaits on the stack, of which
    /// a worker of the runtime has 2 MiB.
    #[test]
    fn a_run_fits_a_workers_stack() {
        let whole = size(&|(work, context): (&'static Work, Context)| work.run(context));
        assert!(whole < 32 * 1024, "{whole} bytes");
    }
}
