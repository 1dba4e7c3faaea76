//! What a scenario is.

use std::{sync::Arc, time::Duration};

use aznet_model::role::Role;
use aznet_model::values::Values;
use aznet_runner::{Class, Failure};
use futures::future::BoxFuture;

use crate::world::World;

/// What a scenario does.
pub(crate) type Run = Arc<dyn Fn(World) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// A scenario: what it is called, what it shows, how long it may take in all, and what it does.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) deadline: Duration,
    pub(crate) class: Class,
    pub(crate) tags: &'static [&'static str],
    /// The roles whose containers it ends, or has Kubernetes end: elsewhere that fails a test.
    pub(crate) restarts: &'static [Role],
    /// What a network with these values lacks for it.
    pub(crate) lacks: fn(&Values) -> Option<&'static str>,
    pub(crate) run: Run,
}
