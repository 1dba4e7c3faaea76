//! What stands in logs.

use std::time::Duration;

use aznet_kit::wait::Look;
use aznet_network::observe::logs::{self, LogError, Options, Which};
use aznet_runner::Failure;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;

use crate::world::World;

/// A line that is looked for.
pub(super) struct Said<'a> {
    /// Whose logs.
    pub(super) which: Which,
    /// But not this pod's.
    pub(super) but: Option<&'a str>,
    /// Written since then.
    pub(super) since: Timestamp,
    /// It has all of these in it.
    pub(super) parts: &'a [&'a str],
}

impl Said<'_> {
    /// Waits for the line; who says what, in words.
    pub(super) async fn wait_for(
        &self,
        world: &World,
        within: Duration,
    ) -> Result<String, Failure> {
        let (pod, _) = self.line(world, within).await?;
        Ok(format!("{pod} says `{}`", self.parts.join("` and `")))
    }

    /// Waits for the line; who says it, and all of it.
    pub(super) async fn line(
        &self,
        world: &World,
        within: Duration,
    ) -> Result<(String, String), Failure> {
        let whose = match &self.which {
            Which::All => "a log".to_owned(),
            Which::Role(role) => format!("a log of a {role}"),
            Which::Named(name) => format!("the log of {name}"),
        };
        let goal = format!("`{}` in {whose}", self.parts.join("` and `"));
        world
            .until(&goal, within, || async {
                Ok(match self.find(world).await {
                    Ok(Some(found)) => Look::Done(found),
                    Ok(None) => Look::pending("no such line yet"),
                    Err(error) => Look::Pending(error.to_string()),
                })
            })
            .await
    }

    async fn find(&self, world: &World) -> Result<Option<(String, String)>, LogError> {
        let since = Timestamp::now().duration_since(self.since).unsigned_abs();
        let options = Options {
            since: Some(since),
            ..Options::default()
        };
        let cancel = world.context.cancel.clone();
        let lines = logs::stream(&world.network, self.which.clone(), options, cancel).await?;
        let mut lines = std::pin::pin!(lines.try_filter_map(async |one| {
            Ok(self
                .fits(&one.pod, &one.text)
                .then_some((one.pod, one.text)))
        }));
        lines.next().await.transpose()
    }

    fn fits(&self, pod: &str, text: &str) -> bool {
        self.but != Some(pod) && self.parts.iter().all(|part| text.contains(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_every_part_and_is_another_pods() {
        let said = Said {
            which: Which::All,
            but: Some("validator-0"),
            since: Timestamp::UNIX_EPOCH,
            parts: &["invalid proposer", "0xa7"],
        };
        assert!(said.fits(
            "validator-1",
            "invalid proposer for slot 7 {proposer: 0xa7}"
        ));
        assert!(!said.fits(
            "validator-1",
            "invalid proposer for slot 7 {proposer: 0xb8}"
        ));
        assert!(!said.fits(
            "validator-0",
            "invalid proposer for slot 7 {proposer: 0xa7}"
        ));
    }
}
