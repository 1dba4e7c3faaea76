//! The test engine: which tests run, in which order, how often, for how long, and what is told of it. It knows
//! nothing of networks or Kubernetes; a test is a name and a future.
//!
//! Selecting ([`filter`], [`profile`], [`select`]), verdicts, statistics and reporters are pure; [`run`] alone is
//! asynchronous. Nothing here prints: reporters write to what they are given.

mod cleanup;
pub mod drift;
pub mod event;
pub mod filter;
pub mod gate;
mod near;
pub mod observation;
pub mod profile;
pub mod report;
pub mod run;
mod seconds;
pub mod select;
pub mod stats;
pub mod test;
pub mod verdict;

pub use self::{
    cleanup::CleanUp,
    event::{Event, Summary},
    filter::Filter,
    gate::Gate,
    observation::Observation,
    profile::{Profile, Profiles},
    report::Reporter,
    run::{Options, run},
    select::{Partition, Selection, Wanted, select},
    stats::Stats,
    test::{Class, Context, Test, TestId},
    verdict::{ExitCode, Failure, Verdict},
};
