//! The phases of a pod's life, in words.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::Serialize;

use aznet_kit::time::Seconds;

/// Exit code of aznet-node when no restart can mend what is wrong (`EX_CONFIG`).
const CONFIGURATION: i32 = 78;
/// Restarts in a row that are forgiven: about 70 s of Kubernetes' patience beside the starts themselves.
const FORGIVEN: u32 = 4;

/// What a pod is doing; in the order a good one goes through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// No machine chosen.
    Unscheduled {
        /// Why not, in the scheduler's words; `None`: it hasn't looked.
        reason: Option<String>,
    },
    /// Its volume is being made.
    VolumePending {
        /// The claim.
        claim: String,
        /// The provisioner's complaint.
        reason: Option<String>,
    },
    /// The image is being fetched.
    Pulling {
        /// Its name.
        image: String,
    },
    /// The image can't be had.
    ImageMissing {
        /// Its name.
        image: String,
        /// The kubelet's words.
        reason: String,
        /// `true`: trying again is of no use.
        hopeless: bool,
    },
    /// The container is being made.
    Creating {
        /// What hinders it.
        trouble: Option<String>,
    },
    /// An init container runs.
    Preparing {
        /// Its name.
        container: String,
    },
    /// aznet-node waits, in its own words.
    Waiting {
        /// What for, and after `: ` what was seen instead.
        what: String,
        /// Since when; `None`: it does not say.
        since: Option<Timestamp>,
    },
    /// The process runs but isn't ready.
    Starting {
        /// Since when.
        since: Option<Timestamp>,
    },
    /// It serves.
    Ready,
    /// It has served since its process started, and does not now.
    Unready {
        /// Since when.
        since: Timestamp,
    },
    /// It ended and isn't back.
    Crashed {
        /// Exit code.
        exit_code: i32,
        /// Termination message, or the kernel's reason.
        message: String,
        /// When; `None`: the kubelet doesn't say.
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
    },
    /// It ended well and isn't needed any more.
    Finished,
    /// It is being removed.
    Leaving,
}

impl Phase {
    /// Whether the pod serves.
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }

    /// How long this may last before it is a failure; `None`: it may take its time. `crashes` is how often the pod was
    /// restarted while it was watched: a dependency may be away for longer than one start, and Kubernetes tries again at
    /// once and after 10, 20, 40 s and so on.
    pub const fn patience(&self, crashes: u32) -> Option<Duration> {
        match self {
            Self::ImageMissing { hopeless: true, .. }
            | Self::Crashed {
                exit_code: CONFIGURATION,
                ..
            } => Some(Duration::ZERO),
            Self::Crashed { .. } if crashes >= FORGIVEN => Some(Duration::ZERO),
            // One that crashed before it was watched, and is now left alone for minutes.
            Self::Crashed { .. } => Some(Duration::from_secs(90)),
            Self::Unscheduled { reason: Some(_) } | Self::ImageMissing { .. } => {
                Some(Duration::from_secs(20))
            }
            Self::VolumePending {
                reason: Some(_), ..
            }
            | Self::Creating { trouble: Some(_) } => Some(Duration::from_secs(45)),
            _ => None,
        }
    }

    /// The phase in words; `now` gives the time it has run.
    pub fn words(&self, now: Timestamp) -> String {
        match self {
            Self::Starting { since: Some(since) } => format!("starting ({})", age(*since, now)),
            Self::Unready { since } => format!("{self} ({})", age(*since, now)),
            Self::Waiting {
                what,
                since: Some(since),
            } => {
                // One that waits for nothing has begun to start: what is known is that it does not serve.
                let (what, seen) = what.split_once(": ").unwrap_or((what, "not ready yet"));
                format!("{what} ({}): {seen}", age(*since, now))
            }
            _ => self.to_string(),
        }
    }
}

fn age(since: Timestamp, now: Timestamp) -> Seconds {
    Seconds(Duration::try_from(now.duration_since(since)).unwrap_or_default())
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unscheduled { reason: None } => f.write_str("waiting to be scheduled"),
            Self::Unscheduled {
                reason: Some(reason),
            } => write!(f, "no machine can take it: {reason}"),
            Self::VolumePending { reason: None, .. } => f.write_str("volume being provisioned"),
            Self::VolumePending {
                claim,
                reason: Some(reason),
            } => write!(f, "volume {claim} not provisioned: {reason}"),
            Self::Pulling { image } => write!(f, "image being pulled: {image}"),
            Self::ImageMissing { image, reason, .. } => {
                write!(f, "image {image} missing: {reason}")
            }
            Self::Creating { trouble: None } => f.write_str("container being created"),
            Self::Creating {
                trouble: Some(trouble),
            } => write!(f, "container can't be created: {trouble}"),
            Self::Preparing { container } => write!(f, "init container {container} running"),
            Self::Waiting { what, .. } => f.write_str(what),
            Self::Starting { .. } => f.write_str("starting"),
            Self::Ready => f.write_str("ready"),
            Self::Unready { .. } => f.write_str("no longer ready"),
            Self::Crashed {
                exit_code, message, ..
            } => {
                write!(f, "ended with exit code {exit_code}: {message}")
            }
            Self::Finished => f.write_str("finished"),
            Self::Leaving => f.write_str("being removed"),
        }
    }
}
