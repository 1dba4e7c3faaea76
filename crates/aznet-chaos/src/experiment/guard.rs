//! Faults that end by themselves though whoever did them has died.

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Doer, Under};
use crate::begin::Begin;
use crate::chain::Chain;
use crate::error::ChaosError;
use crate::restorer::{self, Due};

impl Under<'_> {
    /// Waits until it is time to begin. What neither Chaos Mesh nor `aznet-netem` ends has somebody by then who does.
    pub(super) async fn may_begin(
        &self,
        begin: Option<&Begin>,
        chain: Option<&Chain>,
        cancel: &CancellationToken,
    ) -> Result<(), ChaosError> {
        let due = self.due(begin);
        if !due.is_empty() {
            restorer::post(self.run.network, &self.run.release(), &due, cancel).await?;
        }
        match begin {
            Some(begin) => begin.reached(self.run.network, chain, cancel).await,
            None => Ok(()),
        }
    }

    /// What is to be taken back, and when at the latest.
    fn due(&self, begin: Option<&Begin>) -> Vec<Due> {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let begin = begin.map_or(now, |begin| begin.at_latest(now));
        let called = self.doers.iter().filter_map(|(name, doer)| match doer {
            Doer::Called(called) if self.effects[name].lasts() => Some(Due {
                experiment: name.clone(),
                at: begin + restorer::spare() + called.lasts().as_secs(),
                before: called.before(),
            }),
            _ => None,
        });
        called.collect()
    }

    /// Nothing is left to be taken back.
    pub(super) async fn unguard(&self) -> Result<(), ChaosError> {
        let (own, cancel) = (self.own(), CancellationToken::new());
        restorer::remove(self.run.network, &own, &cancel).await
    }

    /// What marks the objects of this run: others may be under way beside it.
    pub(super) fn own(&self) -> String {
        format!("app.kubernetes.io/instance={}", self.run.release())
    }
}
