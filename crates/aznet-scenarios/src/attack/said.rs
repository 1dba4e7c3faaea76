//! What stands in logs.

use std::time::Duration;

use aznet_kit::wait::Look;
use aznet_network::observe::logs::{self, LogError, Options, Which};
use aznet_runner::Failure;
use futures::{
    StreamExt, TryStreamExt,
    future::{select_ok, try_join_all},
};
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
        self.but != Some(pod) && has(text, self.parts)
    }
}

/// Waits until each of these pods has written such a line since then – where pods may be away, until one has; who says what, in
/// words.
pub(super) async fn said_by(
    world: &World,
    pods: &[String],
    since: Timestamp,
    parts: &[&str],
    within: Duration,
) -> Result<String, Failure> {
    let line = |pod: &String| Said {
        which: Which::Named(pod.clone()),
        but: None,
        since,
        parts,
    };
    let lines: Vec<Said<'_>> = pods.iter().map(line).collect();
    if lines.is_empty() {
        return Err(Failure::skipped("a validator pod that looks on"));
    }
    let waits = lines
        .iter()
        .map(|one| Box::pin(one.wait_for(world, within)));
    if world.course.disturbed {
        let (said, _) = select_ok(waits).await?;
        return Ok(said);
    }
    try_join_all(waits).await?;
    let all = pods.join(" and ");
    Ok(format!("{all} say `{}`", parts.join("` and `")))
}

/// Waits until a pod has written, since then, a line for each of `wanted`: one that has all of its parts.
pub(super) async fn said_all(
    world: &World,
    pod: &str,
    since: Timestamp,
    wanted: &[Vec<String>],
    within: Duration,
) -> Result<(), Failure> {
    let goal = format!("{} lines in the log of {pod}", wanted.len());
    world
        .until(&goal, within, || async {
            let options = Options {
                since: Some(Timestamp::now().duration_since(since).unsigned_abs()),
                ..Options::default()
            };
            let cancel = world.context.cancel.clone();
            let which = Which::Named(pod.to_owned());
            let lines = async {
                let lines = logs::stream(&world.network, which, options, cancel).await?;
                lines.try_collect::<Vec<_>>().await
            };
            Ok(match lines.await {
                Ok(lines) => {
                    let said = |parts: &&Vec<String>| lines.iter().any(|one| has(&one.text, parts));
                    match wanted.iter().find(|parts| !said(parts)) {
                        Some(parts) => Look::Pending(format!("no `{}` yet", parts.join("` and `"))),
                        None => Look::Done(()),
                    }
                }
                Err(error) => Look::Pending(error.to_string()),
            })
        })
        .await
}

fn has(text: &str, parts: &[impl AsRef<str>]) -> bool {
    parts.iter().all(|part| text.contains(part.as_ref()))
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
