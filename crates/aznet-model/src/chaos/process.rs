//! Faults of what processes see: their clock, their disk, their names and their HTTP; in Chaos Mesh's words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::FaultDuration;
use crate::pattern::CLOCK_OFFSET;

/// A clock that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClockFault {
    /// By how much: `-10m`, `90s`.
    #[schemars(regex(pattern = CLOCK_OFFSET))]
    pub offset: String,
    /// Containers whose processes see it; all where none are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
}

impl ClockFault {
    /// By how many milliseconds it is ahead.
    pub fn offset_millis(&self) -> i64 {
        let (sign, text) = match self.offset.strip_prefix('-') {
            Some(text) => (-1, text),
            None => (1, self.offset.as_str()),
        };
        let time = FaultDuration::new(text).duration();
        i64::try_from(time.as_millis()).map_or(i64::MAX, |millis| sign * millis)
    }
}

/// A disk that is slow or fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IoFault {
    /// What is done.
    pub action: IoAction,
    /// Where the volume is mounted in the container.
    pub volume: String,
    /// Files that it concerns, a pattern of whole paths; all where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Of `latency`: how late each call is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<FaultDuration>,
    /// Of `fault`: the error that calls end with, such as 5, an I/O error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 133))]
    pub errno: Option<u32>,
    /// The share of calls, in percent; all where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub percent: Option<u32>,
    /// Containers whose processes see it; the first where none are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
}

/// What is done to a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IoAction {
    /// Calls take longer.
    Latency,
    /// Calls fail.
    Fault,
}

/// Names that do not resolve, or to something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DnsFault {
    /// What is done.
    pub action: DnsAction,
    /// Names that it concerns, such as `boot-node.*`; all where none are said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
}

/// What becomes of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DnsAction {
    /// They do not resolve.
    Error,
    /// They resolve to some address.
    Random,
}

/// HTTP that is late or cut off: a node's RPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpFault {
    /// What is done.
    pub action: HttpAction,
    /// The port that the pods serve at.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Paths that it concerns, such as `/status`; all where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The method that it concerns, such as `POST`; all where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Of `delay`: how late requests are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<FaultDuration>,
}

/// What is done to requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HttpAction {
    /// Their connection is cut off.
    Abort,
    /// They arrive later.
    Delay,
}

impl IoAction {
    /// As values write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Fault => "fault",
        }
    }
}

impl DnsAction {
    /// As values write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Random => "random",
        }
    }
}

impl HttpAction {
    /// As values write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Abort => "abort",
            Self::Delay => "delay",
        }
    }
}
