//! Releases: what is given to Helm, and what it tells of them.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A release that has been pending for longer was left by someone who was killed: applying the chart takes seconds.
pub(super) const AT_WORK: Duration = Duration::from_mins(1);

/// A chart with values, to be rendered or installed.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// Name of the release.
    pub name: &'a str,
    /// Namespace, which must exist.
    pub namespace: &'a str,
    /// Folder of the chart.
    pub chart: &'a Path,
    /// Values laid over the chart's defaults, see [`aznet_model::values::Loaded::overlay`].
    pub overlay: &'a Map<String, Value>,
}

/// A release as `helm list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReleaseInfo {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Revision, from 1.
    pub revision: String,
    /// `deployed`, `failed`, `pending-install`, ….
    pub status: String,
    /// Chart and version, e.g. `aztec-network-0.1.0`.
    pub chart: String,
    /// When this revision was begun: `2026-01-31 12:00:00.5 +0000 UTC`.
    pub updated: String,
}

impl ReleaseInfo {
    /// Whether an install, upgrade or rollback of it has begun and has not ended.
    pub fn is_pending(&self) -> bool {
        self.status.starts_with("pending-")
    }

    /// Whether it was never deployed in full: Helm can't upgrade it, only make it anew.
    pub fn is_half_made(&self) -> bool {
        self.status == "pending-install" || (self.status == "failed" && self.revision == "1")
    }

    /// Whether the one who began it may still be at it.
    pub(super) fn is_under_way(&self, now: Timestamp) -> bool {
        let begun: Vec<&str> = self.updated.split_whitespace().take(3).collect();
        let begun = Timestamp::strptime("%Y-%m-%d %H:%M:%S%.f %z", begun.join(" "));
        let age = begun.ok().map(|begun| now.duration_since(begun));
        let under_way = SignedDuration::try_from(AT_WORK).unwrap_or_default();
        self.is_pending() && age.is_some_and(|age| age < under_way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(revision: &str, status: &str) -> ReleaseInfo {
        ReleaseInfo {
            name: "small".into(),
            namespace: "ns".into(),
            revision: revision.into(),
            status: status.into(),
            chart: "aztec-network-0.1.0".into(),
            updated: "2026-01-31 12:00:00.123456789 +0000 UTC".into(),
        }
    }

    #[test]
    fn who_was_killed_is_told_from_who_is_at_work() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let pending = release("1", "pending-install");
        assert!(pending.is_under_way(at("2026-01-31T12:00:30Z")));
        assert!(!pending.is_under_way(at("2026-01-31T12:02:00Z")));
        let deployed = release("1", "deployed");
        assert!(!deployed.is_under_way(at("2026-01-31T12:00:30Z")));
    }

    #[test]
    fn what_was_never_deployed_is_made_anew() {
        assert!(release("1", "pending-install").is_half_made());
        assert!(release("1", "failed").is_half_made());
        assert!(!release("2", "failed").is_half_made());
        assert!(!release("2", "pending-upgrade").is_half_made());
        assert!(!release("1", "deployed").is_half_made());
    }
}
