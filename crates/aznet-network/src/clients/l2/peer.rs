//! Peers of a node.

use serde::Deserialize;

/// A peer of a node.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Peer {
    /// libp2p peer id.
    pub id: String,
    /// `connected`, `dialing` or `cached`.
    pub status: String,
    /// Gossip score of a connected peer; penalties make it negative.
    pub score: Option<f64>,
    /// Where it is to be reached, `/ip4/…`, unless it is connected.
    #[serde(default)]
    pub addresses: Vec<String>,
}

impl Peer {
    /// Whether it is connected.
    pub fn is_connected(&self) -> bool {
        self.status == "connected"
    }
}
