//! The real-network tier: one embedded cluster, one `up small`, reused by every check in the order listed.
//! Needs root, the toolchain and the images (`aznet doctor --fix && aznet images build`); without them each check
//! is reported as ignored, with the reason.

mod network_tier;
#[path = "documented/mod.rs"]
mod shown;

use libtest_mimic::{Arguments, Completion, Trial};
use network_tier::{Machine, Outcome, checks, lacks, missing};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The checks build on each other: one network, one after the other.
    arguments.test_threads = Some(1);
    let why = missing();
    let machine = Arc::new(if arguments.list {
        Machine::unchanged()
    } else {
        Machine::new()
    });
    let trials = checks()
        .into_iter()
        .map(|(name, check)| {
            let (machine, why) = (Arc::clone(&machine), why.clone());
            Trial::ignorable_test(name, move || match why.or_else(|| lacks(name)) {
                Some(reason) => Ok(Completion::ignored_with(reason)),
                None => match machine.run(name, check)? {
                    Outcome::Passed => Ok(Completion::Completed),
                    Outcome::NotRun(reason) => Ok(Completion::ignored_with(reason)),
                },
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        Machine::clean_up();
    }
    conclusion.exit_code()
}
