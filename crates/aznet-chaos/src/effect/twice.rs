//! Packets that come twice: only the kernel of the pod that gets them sees it.

use aznet_model::chaos::{Direction, NetworkFault, Pods};
use aznet_model::probe::Repeats;

use crate::verdict::Verdict;

/// A quarter of what is asked for must be seen.
const LEAST: f64 = 4.0;

/// Packets that come twice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Twice {
    percent: f64,
    direction: Direction,
    /// The pods at the other end; everyone where none are named.
    pub(crate) target: Option<Pods>,
}

impl Twice {
    pub(super) fn of(fault: &NetworkFault) -> Self {
        Self {
            percent: fault.impairment().duplicate,
            direction: fault.direction.unwrap_or(Direction::To),
            target: fault.target.clone(),
        }
    }

    pub(super) fn asked(&self) -> String {
        format!("{} % of packets twice", self.percent)
    }

    pub(crate) fn bites(&self, before: Repeats, now: Repeats) -> Verdict {
        let words = self.words(before, now);
        if now.connections > 0 && self.more(before, now) >= self.least(now) {
            Ok(words)
        } else {
            Err(words)
        }
    }

    pub(crate) fn healed(&self, before: Repeats, now: Repeats) -> Verdict {
        let words = self.words(before, now);
        if now.connections > 0 && self.more(before, now) < self.least(now) {
            Ok(words)
        } else {
            Err(words)
        }
    }

    /// Packets that came twice, of the direction that was asked for.
    const fn seen(&self, repeats: Repeats) -> u64 {
        match self.direction {
            Direction::To => repeats.told,
            Direction::From => repeats.noticed,
            Direction::Both => repeats.told + repeats.noticed,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "hundreds")]
    fn more(&self, before: Repeats, now: Repeats) -> f64 {
        self.seen(now).saturating_sub(self.seen(before)) as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "hundreds")]
    fn least(&self, now: Repeats) -> f64 {
        (now.connections as f64 * self.percent / 100.0 / LEAST).max(1.0)
    }

    fn words(&self, before: Repeats, now: Repeats) -> String {
        format!(
            "{} packets twice in {} connections (before {})",
            self.seen(now),
            now.connections,
            self.seen(before)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn repeats(told: u64, noticed: u64) -> Repeats {
        Repeats {
            connections: 100,
            told,
            noticed,
        }
    }

    fn twice(direction: &str) -> Twice {
        let fault =
            serde_json::json!({"action": "duplicate", "percent": 20, "direction": direction});
        Twice::of(&serde_json::from_value(fault).expect("a fault"))
    }

    #[test]
    fn a_packet_that_comes_twice_is_seen_at_the_end_that_gets_it() {
        let none = repeats(0, 0);
        assert_eq!(
            twice("to").bites(none, repeats(18, 0)).as_deref(),
            Ok("18 packets twice in 100 connections (before 0)")
        );
        assert!(twice("from").bites(none, repeats(18, 0)).is_err());
        assert!(twice("from").bites(none, repeats(0, 18)).is_ok());
        assert!(twice("both").bites(none, repeats(9, 9)).is_ok());
    }

    #[test]
    fn what_came_twice_before_is_none_of_the_faults() {
        let (before, now) = (repeats(10, 0), repeats(12, 0));
        assert!(twice("to").bites(before, now).is_err());
        assert!(twice("to").healed(before, now).is_ok());
        let nobody = Repeats {
            connections: 0,
            told: 0,
            noticed: 0,
        };
        assert!(twice("to").healed(before, nobody).is_err());
        assert!(twice("to").bites(before, nobody).is_err());
    }
}
