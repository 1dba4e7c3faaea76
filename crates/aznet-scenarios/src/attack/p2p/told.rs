//! What strangers tell of what they did.

use aznet_runner::Failure;
use serde::Deserialize;

use crate::world::World;

/// What was done, as `adversaries/p2p-input.mjs` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Told {
    pub(super) strangers: Vec<Stranger>,
    /// How often the node itself asked others meanwhile.
    pub(super) asked: u64,
    /// How often they answered.
    pub(super) answered: u64,
}

/// Somebody who sends what nobody should.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Stranger {
    /// What it sends.
    pub(super) what: String,
    /// Its peer id.
    pub(super) peer: String,
    /// The nodes that it is connected to.
    pub(super) peers: u64,
    /// How much it sent, to all of them together.
    pub(super) sent: u64,
    /// The nodes that told it that it is too bad a peer; `None`: none of them should.
    pub(super) shunned: Option<u64>,
}

impl Told {
    /// Those who are to be shut out, by their peer ids and what they send.
    pub(super) fn shunnable(&self) -> impl Iterator<Item = &Stranger> {
        self.strangers.iter().filter(|one| one.shunned.is_some())
    }

    /// Sees that who misbehaves is shut out by everybody, and that who asks as it should was answered meanwhile.
    pub(super) fn judge(&self, world: &World, validators: usize) -> Result<(), Failure> {
        for stranger in &self.strangers {
            world.context.step(stranger.judge(validators)?);
        }
        let (asked, answered) = (self.asked, self.answered);
        let seen = format!("nodes answered {answered} of {asked} requests of a peer that behaves");
        // One that has much to do may refuse some by its limit of requests.
        if asked == 0 || answered * 10 < asked * 9 {
            let wanted = "expected nine of ten at least";
            return Err(Failure::Assertion(format!("{seen}; {wanted}")));
        }
        world.context.step(format!("meanwhile {seen}"));
        Ok(())
    }
}

impl Stranger {
    /// What became of it, in words.
    fn judge(&self, validators: usize) -> Result<String, Failure> {
        let Self {
            what, peers, sent, ..
        } = self;
        let seen = match self.shunned {
            Some(shunned) => format!(
                "{what}: {sent} sent to {peers} nodes; {shunned} shut the sender out for its score"
            ),
            None => format!("{what}: {sent} begun and held at {peers} nodes"),
        };
        let all = self.shunned.is_none_or(|shunned| shunned == *peers);
        if *sent == 0 || !all || *peers < validators as u64 {
            return Err(Failure::Assertion(format!(
                "{seen}; expected that each node is sent some and shuts the sender out, all {validators} validators among them"
            )));
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `adversaries/p2p-input.mjs` tells it.
    const TOLD: &str = r#"{"strangers":[
        {"what":"gossip of tx","peer":"16a","peers":6,"sent":180,"shunned":6},
        {"what":"requests","peer":"16b","peers":6,"sent":0,"shunned":0},
        {"what":"unfinished","peer":"16c","peers":6,"sent":90,"shunned":null}],"asked":60,"answered":60}"#;

    #[test]
    fn who_is_to_be_shut_out_is_by_every_node() {
        let told: Told = serde_json::from_str(TOLD).expect("a report");
        let [gossip, dud, unfinished] = told.strangers.as_slice() else {
            panic!("three strangers: {told:?}");
        };
        assert!(gossip.judge(4).is_ok() && unfinished.judge(4).is_ok());
        assert!(matches!(dud.judge(4), Err(Failure::Assertion(_))));
        assert!(gossip.judge(7).is_err(), "a validator was not reached");
        let shunned = Some(5);
        let spared = Stranger {
            shunned,
            ..gossip.clone()
        };
        assert!(spared.judge(4).is_err());
        assert_eq!(told.shunnable().count(), 2);
    }
}
