//! The test engine: which tests run, in which order, how often, for how long, and what is told of it. It knows
//! nothing of networks or Kubernetes; a test is a name and a future.
//!
//! Selecting ([`select`]), verdicts and reporters are pure; [`run`] alone is asynchronous. Nothing here prints:
//! reporters write to what they are given.

pub mod event;
pub mod observation;
pub mod report;
pub mod run;
mod seconds;
pub mod select;
pub mod test;
pub mod verdict;

pub use self::{
    event::{Event, Summary},
    observation::Observation,
    report::Reporter,
    run::{Options, run},
    select::{Partition, Selection, select},
    test::{Context, Test, TestId},
    verdict::{ExitCode, Failure, Verdict},
};
