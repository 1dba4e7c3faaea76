//! What `aznet-node probe` measures inside a pod, as it prints it.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// How one attempt to connect over TCP ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Where to.
    pub to: SocketAddr,
    /// The attempt's own port, by which the other end knows it.
    pub from_port: u16,
    /// After how long the other end answered, in microseconds; a refused connection is an answer, too.
    pub micros: Option<u64>,
}

/// What a pod has sent in a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// Bytes that have left all of its interfaces.
    pub bytes: u64,
    /// The while, in milliseconds.
    pub millis: u64,
}

impl Sent {
    /// Bytes a second.
    pub const fn rate(self) -> u64 {
        let millis = if self.millis == 0 { 1 } else { self.millis };
        self.bytes.saturating_mul(1000) / millis
    }
}

/// What came twice of the packets with which a pod began and ended connections over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repeats {
    /// Connections: each has a packet of either direction that would be noticed.
    pub connections: u64,
    /// How often another pod said that it had a packet of this one already (a D-SACK, RFC 2883).
    pub told: u64,
    /// How often the answer to a first packet came to a connection that had it already (RFC 5961, section 4).
    pub noticed: u64,
}

/// The clock of what serves HTTP in a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    /// By how much it is ahead of the machine's, in milliseconds; known to half a second.
    pub offset_millis: i64,
}

/// What a container uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Thousandths of a processor.
    pub millicores: u64,
    /// Bytes of memory, without what is only kept of files.
    pub memory: u64,
    /// Bytes of memory that the machine has.
    pub machine_memory: u64,
    /// Processors that it may use at once, as far as the machine goes.
    pub processors: u64,
}

/// The far end of a TCP connection that was begun with this pod and not completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HalfOpen(pub SocketAddr);
