//! Faults that end by themselves though whoever did them has died.

use std::time::Duration;

use aznet_model::chaos::Experiment;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Doer, Under};
use crate::begin::Begin;
use crate::called::Called;
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
        let due = self.due(begin).await;
        if !due.is_empty() {
            let release = self.run.release();
            restorer::post(self.run.network, (&release, 0), &due, cancel).await?;
        }
        match begin {
            Some(begin) => begin.reached(self.run.network, chain, cancel).await,
            None => Ok(()),
        }
    }

    /// What is to be taken back, and when at the latest.
    async fn due(&self, begin: Option<&Begin>) -> Vec<Due> {
        let now = now();
        let begin = begin.map_or(now, |begin| begin.at_latest(now));
        let mut due = Vec::new();
        for (name, doer) in &self.doers {
            if let Doer::Called(called) = doer
                && self.effects[name].lasts()
            {
                due.push(Due {
                    experiment: name.clone(),
                    at: begin + restorer::spare() + called.lasts().as_secs(),
                    before: called.before().await,
                });
            }
        }
        due
    }

    /// Does a fault by calls to pods that it is not done to yet. Whether there were any.
    pub(super) async fn call_again(
        &self,
        (name, experiment): (&str, &Experiment),
        called: &Called,
        (pods, replaced, round): (&[String], impl Iterator<Item = &String>, &mut u32),
        left: Duration,
    ) -> Result<bool, ChaosError> {
        let mut is_again = false;
        for pod in pods {
            if called.has(pod).await {
                continue;
            }
            *round += 1;
            let guarded = self.guard((name, experiment), (called, pod), (*round, left));
            if let Err(error) = guarded.await {
                // It is tried again.
                called.drop(pod).await;
                return Err(error);
            }
            called.start_in(pod).await?;
            is_again = true;
        }
        for gone in replaced {
            called.drop(gone).await;
        }
        Ok(is_again)
    }

    /// Has somebody end a fault on a pod that it is about to be done to.
    async fn guard(
        &self,
        (name, experiment): (&str, &Experiment),
        (called, pod): (&Called, &str),
        (round, left): (u32, Duration),
    ) -> Result<(), ChaosError> {
        let network = self.run.network;
        called.add(network, experiment, pod).await?;
        self.note().await?;
        let mut before = called.before().await;
        before.retain(|one, _| one == pod);
        let due = Due {
            experiment: name.to_owned(),
            at: now() + restorer::spare() + left.as_secs(),
            before,
        };
        let (release, cancel) = (self.run.release(), CancellationToken::new());
        restorer::post(network, (&release, round), &[due], &cancel).await
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

/// In seconds since 1970.
fn now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}
